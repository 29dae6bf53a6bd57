# ruff: noqa: E501 - one statement a line
"""Exact ties: signs of algebraic numbers by separation bounds, and zero tests that always end."""

import time
from fractions import Fraction
from functools import reduce

import mpmath
import numpy as np
import pytest
import sympy as sp
from flint import fmpq, fmpz_mat

from proofs_check import check, load_claims
from proofs_check.arrays.balls import Truth
from proofs_check.arrays.exact import Count, array
from proofs_check.deciding import algebraic
from proofs_check.deciding.algebraic import separation_bits, sign
from proofs_check.deciding.decide import decide
from proofs_check.deciding.exponentials import exponential, vanishes
from proofs_check.deciding.singular import ends_at_zero
from proofs_check.deciding.zero import is_zero
from proofs_check.loading import find_claim
from proofs_check.selftest.statements import HEAD, declared

SECONDS = 10.0  # CPU; ties that SymPy's own tests do not end on took hours, these take at most 2


def root(x, degree=2):
    """A root that SymPy leaves as it is."""
    return sp.Pow(x, sp.Rational(1, degree), evaluate=False)


PRIMES = [root(sp.Integer(p)) for p in (2, 3, 5, 7, 11)]
ALL = sp.Add(*PRIMES)
PART = sp.Rational(355, 256)
ZEROS = {
    "denesting": root(sp.Integer(2)) + root(sp.Integer(3)) - root(5 + 2 * root(sp.Integer(6))),
    "a product of roots": root(ALL + PART) * root(ALL - PART) - root(ALL**2 - PART**2),
    "a root of a square": root(sp.expand(ALL**2)) - ALL,
    "cube roots": (root(sp.Integer(2), 3) + root(sp.Integer(3), 3)) ** 3
    - 5 - 3 * root(sp.Integer(6), 3) * (root(sp.Integer(2), 3) + root(sp.Integer(3), 3)),
    "an inverse": 1 / (root(sp.Integer(3)) - root(sp.Integer(2))) - root(sp.Integer(3)) - root(sp.Integer(2)),
    "the larger of two": sp.Max(ALL, sp.Integer(3), evaluate=False) - ALL,
    "an absolute value": sp.Abs(3 - ALL, evaluate=False) - ALL + 3,
}  # fmt: skip


@pytest.mark.parametrize("name", ZEROS)
@pytest.mark.parametrize("exponent", [None, 40, 300])
def test_signs_of_algebraic_numbers(name, exponent):
    """Zero is zero, and 10^-300 beside it is not."""
    if exponent is None:
        assert sign(ZEROS[name]) == 0
    else:
        assert sign(ZEROS[name] + sp.Rational(1, 10**exponent)) == 1
        assert sign(ZEROS[name] - sp.Rational(1, 10**exponent)) == -1


def random_number(rng, depth):
    """A random expression of rationals, + - * / and roots of positive numbers, with its value in mpmath."""
    if depth == 0:
        q = Fraction(int(rng.integers(1, 9)), int(rng.integers(1, 9)))
        return sp.Rational(q.numerator, q.denominator), mpmath.mpf(q.numerator) / q.denominator
    (a, x), (b, y) = (random_number(rng, depth - 1) for _ in range(2))
    match rng.integers(4):
        case 0:
            return a + b, x + y
        case 1:
            return a * b, x * y
        case 2:
            return a / b, x / y
        case _:
            degree = int(rng.integers(2, 4))
            return root(a, degree) - (b if x ** (mpmath.mpf(1) / degree) > 2 * y else 0), mpmath.root(x, degree) - (
                y if x ** (mpmath.mpf(1) / degree) > 2 * y else 0
            )


def test_the_bound_is_below_every_number_that_is_not_zero():
    """Differences of two random expressions, as small as they come, against 400 digits of mpmath."""
    rng = np.random.default_rng(7)
    tried = 0
    with mpmath.workdps(400):
        for _ in range(150):
            (a, x), (b, y) = (random_number(rng, 2) for _ in range(2))
            found, value = separation_bits(a - b), x - y
            if found is None or abs(value) < mpmath.mpf(10) ** -350:
                continue
            tried += 1
            assert abs(value) >= mpmath.mpf(2) ** -found[0], (a, b)
            assert sign(a - b) == mpmath.sign(value), (a, b)
    assert tried > 100


def test_the_bound_is_sharp_enough_to_see_a_close_pair():
    """(sqrt 2 - 1)^k is a unit of Z[sqrt 2]: the bound may not exceed it, and grows like k."""
    for k in (5, 50, 200):
        needed, _ = separation_bits(sp.Pow(root(sp.Integer(2)) - 1, k, evaluate=False))
        assert 1.27 * k <= needed <= 6 * k + 8


@pytest.mark.parametrize("number", [sp.E, sp.exp(2), sp.log(3), sp.sqrt(sp.exp(1) + 1), sp.Integer(2) ** sp.sqrt(2)])
def test_other_numbers_have_no_separation_bound(number):
    assert separation_bits(number) is None
    assert sign(number) is None


def test_what_is_too_large_is_refused_by_its_size(monkeypatch):
    many = sp.Add(*(root(sp.Integer(p)) for p in sp.primerange(2, 120)))
    assert sign(root(sp.expand(many**2)) - many) is None  # 30 roots: a field of degree 2^31
    monkeypatch.setattr(algebraic, "PARTS", 3)
    assert sign(ZEROS["denesting"]) is None


NESTED = reduce(lambda x, _: sp.Pow(x + sp.Rational(1, 3), 2, evaluate=False), range(50), root(sp.Integer(2)))
BOMBS = {
    "a high power": sp.Pow(PRIMES[0] + sp.Rational(1, 3), 10**9, evaluate=False) - 1,
    "nested powers": NESTED - 1,
    "nested products": sp.Mul(NESTED, NESTED + 1, evaluate=False) - 1,
    "a high power of a sum of exponentials": sp.Pow(sp.E + 1, 10**12, evaluate=False) - 1,
}


@pytest.mark.parametrize("name", BOMBS)
def test_denominators_and_powers_that_cannot_be_written_down_are_refused(name):
    """Their sizes alone would take gigabytes."""
    began = time.process_time()
    assert sign(BOMBS[name]) is None
    assert not vanishes(BOMBS[name])
    assert time.process_time() - began < SECONDS


def test_close_algebraic_numbers_of_a_lattice():
    """The smallest combinations of roots that lattice reduction finds, down to 10^-500, against 1500 digits."""
    basis = [sp.Integer(1), root(sp.Integer(2), 3), root(3 + PRIMES[1]), 1 / (PRIMES[2] + sp.Rational(1, 7))]
    with mpmath.workdps(1500):
        third = mpmath.mpf(1) / 7
        values = [mpmath.mpf(1), mpmath.cbrt(2), mpmath.sqrt(3 + mpmath.sqrt(3)), 1 / (mpmath.sqrt(5) + third)]
        for digits in (20, 60, 200, 500):
            scaled = [int(mpmath.nint(value * mpmath.mpf(10) ** digits)) for value in values]
            rows = [[int(i == j) for j in range(4)] + [cell] for i, cell in enumerate(scaled)]
            for row in fmpz_mat(rows).lll().tolist():
                factors = [int(cell) for cell in row[:4]]
                exact = sum(f * b for f, b in zip(factors, basis, strict=True))
                value = mpmath.fsum(f * v for f, v in zip(factors, values, strict=True))
                assert 0 < abs(value) < mpmath.mpf(10) ** (-digits // 2)
                assert sign(exact) == mpmath.sign(value), factors


def e(*exponents):
    return [sp.exp(sp.Rational(q)) for q in exponents]


def test_sums_of_exponentials():
    """Exponents with large denominators, on which SymPy factors polynomials of such degrees."""
    a, b, c = e("355/1021", "-713/997", "101/4099")
    whole = a + b + c
    assert vanishes(a / whole + b / whole + c / whole - 1)
    assert vanishes((a + b) ** 2 - a**2 - 2 * a * b - b**2)
    assert vanishes(sp.sqrt(2) * sp.sqrt(3) * a - root(sp.Integer(6)) * a)
    assert vanishes(sp.exp(ALL) - sp.exp(root(sp.expand(ALL**2))))
    assert not vanishes(a / whole + b / whole - 1)
    assert not vanishes((a + b) ** 2 - a**2 - 2 * a * b - b**2 + sp.Rational(1, 10**50))
    assert not vanishes(sp.exp(2) - sp.exp(1) * sp.exp(sp.Rational(99, 100)))
    assert is_zero(sp.exp(2) - sp.exp(1) ** 2)
    assert is_zero(sp.log(12) - 2 * sp.log(2) - sp.log(3))
    assert not is_zero(sp.log(12) - 2 * sp.log(2) - sp.log(3) + sp.Rational(1, 10**50))


def test_sums_of_exponentials_are_bounded_in_size():
    terms = sp.Add(*(sp.exp(sp.Rational(1, k)) for k in range(2, 40)))
    assert not vanishes(terms**4 - sp.expand(terms**2) ** 2)


A, B = e("397/3", "-397/3"), e("397/3", "397/9")
SUM, OTHER = A[0] + A[1], B[0] + B[1]
LOGARITHMS = {
    "of a product": sp.log(SUM * OTHER) - sp.log(SUM) - sp.log(OTHER),
    "of an expanded product": sp.log(sp.expand(SUM * OTHER)) - sp.log(SUM) - sp.log(OTHER),
    "of a power": sp.log(SUM**2 * sp.exp(sp.sqrt(2))) - 2 * sp.log(SUM) - sp.sqrt(2),
    "with fractions": sp.log(OTHER) / 3 - sp.log(OTHER**2) / 6,
    "of logarithms": sp.log(sp.log(SUM) + sp.log(OTHER)) - sp.log(sp.log(sp.expand(SUM * OTHER))),
    "of rationals": sp.log(12) - 2 * sp.log(2) - sp.log(3),
    "of roots": sp.log(sp.sqrt(2) + 1) + sp.log(sp.sqrt(2) - 1),
    "beside exponentials": A[0] * (sp.log(SUM / 2) - sp.log(SUM) + sp.log(2)),
    "of a large power": 10**9 * sp.log(SUM) - (10**9 - 1) * sp.log(SUM * OTHER) + sp.log(OTHER) * (10**9 - 1) - sp.log(SUM),
    "pi": sp.pi * (1 + sp.sqrt(2)) - sp.pi - sp.sqrt(2) * sp.pi,
    "a square with pi": (sp.pi - sp.E) ** 2 - sp.pi**2 + 2 * sp.E * sp.pi - sp.exp(2),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGARITHMS)
def test_sums_of_logarithms(name):
    began = time.process_time()
    assert is_zero(LOGARITHMS[name])
    for little in (sp.Rational(1, 10**60), A[1] ** 3, sp.log(3) / 10**80, sp.pi / 10**80):
        assert not is_zero(LOGARITHMS[name] + little)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("number", [
    2 * sp.log(-1),  # 2 pi i, though (-1)^2 = e^0
    10**9 * sp.log(SUM) - (10**9 - 1) * sp.log(OTHER) - sp.log(3 + SUM),
    sum(sp.log(sp.exp(sp.Rational(1, k)) + 1) * k for k in range(2, 40)) - sp.log(2 + SUM),
    sp.log(SUM) * sp.sqrt(2) - sp.log(SUM**7) * sp.sqrt(2) / 7,  # true, but no rational factors
])  # fmt: skip
def test_other_logarithms_are_left_open_at_once(number):
    began = time.process_time()
    assert not is_zero(number)
    assert time.process_time() - began < 1


X, Y = sp.symbols("x y", real=True)
R = sp.sqrt(1 + X**2)
S = sp.sqrt(R + Y**2)
ROOTS = [
    1 / (R + X) - R + X,
    S**4 - R**2 - 2 * R * Y**2 - Y**4,
    1 / (S + R) - (S - R) / (S**2 - R**2),
    (1 + X**2) ** sp.Rational(3, 2) - R - X**2 * R,
    sp.cbrt(1 + X**2) ** 4 - (1 + X**2) * sp.cbrt(1 + X**2),
    sp.sqrt(sp.exp(X) + 1) ** 3 - (sp.exp(X) + 1) * sp.sqrt(sp.exp(X) + 1),
]


@pytest.mark.parametrize("expression", ROOTS)
def test_roots_with_symbols(expression):
    """Powers of roots are resolved, inner ones after outer ones; no simplifier is asked."""
    assert is_zero(expression)
    assert not is_zero(expression + X / 10**60)
    assert not is_zero(expression + R / 10**60)


@pytest.mark.parametrize("expression", [
    sp.sqrt((Y + 2) ** 2 * (X + 3) ** 2 * (X + sp.tanh(Y)) ** 2 + 1) - X,
    sp.Pow(X + 1, 10**9, evaluate=False) - sp.exp(sp.exp(X)) ** (10**6),
    sp.exp(sp.exp(sp.exp(sp.exp(X + 9)))) - sp.exp(sp.Rational(355, 1021) * X) * Y,
])  # fmt: skip
def test_zero_tests_with_symbols_end(expression):
    """SymPy's simplifiers take seconds for the first, and digits of the others' values cannot be written down."""
    began = time.process_time()
    assert not is_zero(expression)
    assert time.process_time() - began < 1


TIES = {
    # SymPy's own tests do not end on these (minimal polynomials of high degree; polynomials of degree 4096).
    "nested": ("equality", "x: Scalar(1, 2)", "a = sqrt(2)+sqrt(3)+sqrt(5)+sqrt(7)+sqrt(11); return sqrt(a + x) * sqrt(a - x), sqrt(a*a - x*x)", "holds"),
    "absolute": ("equality", "x: Vector(3, low=1, high=2)", "s = sqrt(x); return absolute(s[0] * s[1] - sqrt(x[0] * x[1])) + s[2], s[2]", "holds"),
    "softmax": ("upper", "x: Vector(3, norm2=1)", "return total(softmax(x)), 1", "holds"),
    "hyperbolic": ("upper", "x: Vector(2, low=1, high=2)", "s = total(sqrt(x)); return cosh(s - sqrt(s * s)), 1", "holds"),
    "a-hypothesis": ("upper", "x: Vector(4, low=1, high=2), y: Vector(4, low=1, high=2)", 's = total(sqrt(x)); t = total(sqrt(y)); assume(sqrt(s)*sqrt(t), "<=", sqrt(s*t)); return s, Fraction(11, 2)', "refuted"),
    "roots-of-exponentials": ("upper", "x: Vector(3, norm2=1)", 'p = softmax(x); assume(norm2(p) * norm2(x), "<=", sqrt(dot(p, p) * dot(x, x))); return x[0], Fraction(1, 2)', "refuted"),
    # SymPy factors polynomials of degree 397 on this.
    "a-logarithm-of-a-sum": ("upper", "x: Scalar(100, 200)", "return log(exp(x) + exp(-x)) - x, exp(-2*x)", "holds"),
    "a-logarithm-of-a-sum-below": ("lower", "x: Scalar(100, 200)", "return log(exp(x) + exp(-x)) - x, exp(-2*x)", "refuted"),
    # No tie, though balls cannot tell at their ceiling of 4096 bits.
    "a-gap-of-e-2000": ("upper", "x: Scalar(1, 2)", "return sqrt(2) + sqrt(3), sqrt(5 + 2*sqrt(6)) - Fraction(1, 10**2000)", "refuted"),
    "a-gap-of-e-2000-the-other-way": ("upper", "x: Scalar(1, 2)", "return sqrt(2) + sqrt(3), sqrt(5 + 2*sqrt(6)) + Fraction(1, 10**2000)", "holds"),
}  # fmt: skip


@pytest.mark.parametrize("name", TIES)
def test_ties_are_decided(name, tmp_path):
    kind, arguments, body, outcome = TIES[name]
    path = tmp_path / "tie.py"
    path.write_text(HEAD + declared(name, kind, arguments, body))
    begun = time.process_time()
    (verdict,) = check(load_claims(path), samples=60)
    assert (verdict.outcome, verdict.certified_instances > 0) == (outcome, True)
    assert time.process_time() - begun < SECONDS


def laplacian(*weights):
    """The sum of w (e_i - e_j)(e_i - e_j)^T over a path of edges: rows add up to 0."""
    n = len(weights) + 1
    out = np.full((n, n), sp.Integer(0), dtype=object)
    for i, weight in enumerate(weights):
        for p, q, sign_ in ((i, i, 1), (i + 1, i + 1, 1), (i, i + 1, -1), (i + 1, i, -1)):
            out[p, q] += sign_ * weight
    return out


E = sp.exp(sp.Rational(355, 1021))


@pytest.mark.parametrize(
    ("matrix", "smallest", "largest"),
    [
        (laplacian(E, 1 / E, E**2), True, False),
        (laplacian(-E, -1 / E), False, True),
        (laplacian(E, -2 * E), False, False),  # indefinite
        (laplacian(E, -E / 1000), False, False),
        (laplacian(E, sp.Integer(0)), False, False),  # zero twice: not recognised
        (laplacian(E, 1 / E) + sp.Rational(1, 10**60) * np.eye(3, dtype=object), False, False),
        # Singular, but not symmetric by less than balls see.
        (laplacian(E, 1 / E) + sp.Rational(1, 10**90) * np.array([[1, -1, 0], [0] * 3, [0] * 3]), False, False),
    ],
)
def test_an_extreme_eigenvalue_of_zero(matrix, smallest, largest):
    assert ends_at_zero(matrix, largest=False) is smallest
    assert ends_at_zero(matrix, largest=True) is largest


def test_a_root_of_a_square_ties_with_a_sum():
    """||sinh(x)|| = sinh(|x|) for one entry: sqrt((e^-x - e^x)^2 / 4) beside a sum of exponentials."""
    claim = find_claim("C9-sinh-2")
    decision = decide(claim, {"n": Count(1), "x": array(["-3"])})
    assert (decision.truth, decision.equal) == (Truth.YES, Truth.YES)


def test_hyperbolic_functions_are_sums_of_exponentials():
    x = sp.Rational(1, 400)
    assert vanishes(sp.cosh(x) ** 2 - (sp.exp(x) / 2 + sp.exp(-x) / 2) ** 2)
    assert not vanishes(sp.cosh(x) ** 2 - (sp.exp(x) / 2 - sp.exp(-x) / 2) ** 2)


@pytest.mark.parametrize("first", ["sqrt(2) + sqrt(3)", "exp(1) * sqrt(2) + exp(1) * sqrt(3)"])
def test_two_zeros_that_are_not_seen_to_be_zero_attain_nothing(first, tmp_path):
    """Sides that are equal to the letter, and zero only by a nested root, say no more than 0 <= 0."""
    second = first.replace("sqrt(2)", "sqrt(5 + 2 * sqrt(6))").rsplit(" + ", 1)[0]
    path = tmp_path / "zeros.py"
    path.write_text(
        HEAD + declared("z", "upper", "x: Scalar(1, 2)", f"z = sqrt(x + {first}) - sqrt(x + {second}); return z, z")
    )
    (claim,) = load_claims(path)
    decision = decide(claim, {"x": fmpq(97, 64)})
    assert (decision.truth, decision.equal) == (Truth.YES, Truth.NO)


@pytest.mark.parametrize("powers", [(1501, 1101), (251, 301)])
def test_roots_of_long_rationals_end(powers, tmp_path):
    """SymPy looks for prime factors of what is under a root, and takes its logarithm as a float."""
    first, second = (f"(x + Fraction(1, {k}))**{power}" for k, power in zip((3, 7), powers, strict=True))
    nested = "return sqrt(x) + sqrt(x + 1) + sqrt(y) * sqrt(z), sqrt(2*x + 1 + 2*sqrt(x*x + x)) + sqrt(y * z)"
    path = tmp_path / "long.py"
    path.write_text(HEAD + declared("c", "upper", "x: Scalar(1, 2)", f"y = {first}; z = {second}; {nested}"))
    (claim,) = load_claims(path)
    began = time.process_time()
    assert decide(claim, {"x": fmpq(97, 64)}).truth is Truth.UNKNOWN
    assert time.process_time() - began < SECONDS


SYSTEMS = {
    "two shares": 's = softmax(x)[0]; t = softmax(y)[1]; c = cosh(x[0]); a = c + Fraction(1, 3); '
    "return dot(solve(matrix([[a, s], [-s, s + Fraction(1, 7)]]), vector([c, t])), vector([a, s])), c",
    "beside pi": "s = norm2(softmax(x)); m = matrix([[exp(y[0]), sqrt(pi)], [s, tanh(y[1])]]); "
    "return det(m), exp(y[0]) * tanh(y[1]) - s * sqrt(pi)",
}  # fmt: skip


@pytest.mark.parametrize("name", SYSTEMS)
def test_ties_of_systems_end(name, tmp_path):
    """SymPy divides determinants of 2 x 2 and 3 x 3 matrices by common factors, which takes seconds."""
    path = tmp_path / "system.py"
    arguments = "x: Vector(2), y: Vector(2)"
    path.write_text(
        HEAD + "from proofs_check.arithmetic import pi\n" + declared("c", "equality", arguments, SYSTEMS[name])
    )
    (claim,) = load_claims(path)
    began = time.process_time()
    assert decide(claim, {"x": array(["8/9", "-397/3"]), "y": array(["355/1021", "5/7"])}, 512).truth is Truth.YES
    assert time.process_time() - began < SECONDS


def test_exponentials_of_nested_roots_are_left_as_they_are():
    """Whether such an exponent is zero is asked of separation bounds, not of minimal polynomials."""
    nested = reduce(lambda x, k: root(x + sp.Rational(1, k)) + root(sp.Integer(k)), (3, 5, 7, 11), sp.Rational(1, 13))
    began = time.process_time()
    assert exponential(nested - root(nested**2)).args[0] == nested - root(nested**2)
    assert exponential(sp.log(nested)) == nested
    assert is_zero(sp.log(SUM * exponential(nested)) - sp.log(SUM) - nested)
    assert time.process_time() - began < 1
