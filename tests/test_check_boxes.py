# ruff: noqa: E501 - one statement a line
"""Proofs over boxes: true bounds are proved with their scope, false and undefined ones never, parts against mpmath."""

import mpmath
import numpy as np
import pytest
from flint import arb, fmpq

from proofs_check import check, load_claims
from proofs_check.arrays.balls import precision
from proofs_check.arrays.fields import Unsupported
from proofs_check.bounds.replacement import certified_replacement, with_factor
from proofs_check.boxes import intervals, proving, slopes, sums
from proofs_check.boxes.branching import Prover
from proofs_check.boxes.enclosing import Budget, Enclosures, Exhausted
from proofs_check.boxes.goals import is_square_form
from proofs_check.boxes.proving import prove_boxes
from proofs_check.boxes.replacing import substituted
from proofs_check.claims import Malformed

HEAD = """
from fractions import Fraction
from proofs_check import Matrix, Param, Scalar, Size, Vector, assume, claim, constant, hessian, prediction
from proofs_check.arithmetic import *
TINY = Fraction(1, 10**30)
"""
PAIR = 'n: Size(1, 2), R: Param("1/20", 8), A: Matrix("n", 1, spectral="R"), x: Vector(1, norm2="R"), y: Vector(1, norm2="R")'
POINT = PAIR.rsplit(",", 1)[0].rsplit(", y", 1)[0]
VECTOR = 'n: Size(1, 2), x: Vector("n", norm2=3)'

# name: (kind, arguments, body, the scope that the proof must state)
TRUE = {
    "C8": ("upper", VECTOR, "return norm_inf(exp(x)), exp(norm2(x))", "n = 1, 2; all admissible x"),
    "C9": ("upper", VECTOR, "return norm_inf(cosh(x)), cosh(norm2(x))", "n = 1, 2; all admissible x"),
    "C9-exp": ("upper", VECTOR, "return cosh(norm2(x)), exp(norm2(x))", "n = 1, 2; all admissible x"),
    "C9-sinh": ("upper", VECTOR, "return norm_inf(sinh(x)), sinh(norm2(x))", "n = 1, 2; all admissible x"),
    "C14": ("upper", "x: Scalar(-8, 8)", "return absolute(sinh(x)), cosh(x)", "x in [-8, 8]"),
    "C14-exp": ("upper", "x: Scalar(-8, 8)", "return cosh(x), exp(absolute(x))", "x in [-8, 8]"),
    "K2": ("upper", PAIR, "u = exp(A @ x); return total(u), sqrt(n) * norm2(u)", "n = 1, 2; R in [1/20, 8]; all admissible A, x, y"),
    "K4": ("upper", PAIR, 'u = prediction("plain-exp"); return norm2(u(A @ x) - u(A @ y)), R * exp(R**2) * norm2(x - y)', "n = 1, 2; R in [1/20, 8]; all admissible A, x, y"),
    "K5": ("upper", PAIR, "u, v = exp(A @ x), exp(A @ y); return absolute(total(u) - total(v)), sqrt(n) * norm2(u - v)", "n = 1, 2; R in [1/20, 8]; all admissible A, x, y"),
    "P0-3.0": ("upper", PAIR, 'return norm2(prediction("plain-exp")(A @ x)), sqrt(n) * exp(R**2)', "n = 1, 2; R in [1/20, 8]; all admissible A, x, y"),
    "true-with-equality": ("upper", "x: Scalar(0, 1)", "return 2 * x, 1 + x * x", "x in [0, 1]"),
    "thin": ("upper", "x: Scalar(1, 2)", "return x, x * (1 + TINY)", "x in [1, 2]"),
    "logarithm": ("upper", "x: Scalar(0, Fraction(1, 2))", "return log(1 / (1 - x)), x / (1 - x)", "x in [0, 1/2]"),
    "tangent": ("lower", "x: Scalar(-1, 1)", "return exp(x), 1 + x", "x in [-1, 1]"),
    "simplex": ("upper", 'n: Size(1, 3), p: Vector("n", simplex=True)', "return norm2(p), 1", "n = 1, 2, 3; all admissible p"),
    "disc": ("upper", "x: Vector(2, norm2=1)", "return norm1(x), Fraction(15, 10)", "all admissible x"),
    "hypothesis": ("upper", "x: Scalar(0, 1), y: Scalar(0, 1)", 'assume(x + y, "<=", 1); return x * y, Fraction(26, 100)', "x in [0, 1]; y in [0, 1]"),
    "moving-end": ("upper", 'R: Param(0, 2), x: Scalar("-R", "R")', "return x * x, R * R", "R in [0, 2]; x in [-R, R]"),
    "largest-entry": ("upper", "x: Scalar(-2, 2), y: Scalar(-2, 2)", "return maximum(x, y) - minimum(x, y), 4", "x in [-2, 2]; y in [-2, 2]"),
    "root-in-a-disc": ("upper", "x: Vector(2, norm2=1), y: Scalar(0, 1)", "return 1 / (Fraction(3, 2) - x[0] * x[1]) + sqrt(y), Fraction(22, 10)", "y in [0, 1]; all admissible x"),
    "quotient-behind-a-hypothesis": ("upper", "x: Scalar(0, 2), y: Scalar(0, 1)", 'assume(x, ">=", y + Fraction(1, 10)); return 1 / (x - y), 11', "x in [0, 2]; y in [0, 1]"),
    "weyl": ("upper", "A: Matrix(2, 2, symmetric=True, frobenius=1)", "return lambda_max(A), 2", "all admissible A"),
}  # fmt: skip

# Each is false somewhere, or has an undefined side; a proof of any of them is a wrong certified verdict.
FALSE = {
    "by-1e-30": ("upper", "x: Scalar(0, 1)", "return x, x - TINY"),
    "equality-less-1e-30": ("upper", "x: Scalar(0, 1)", "return 2 * x, 1 + x * x - TINY"),
    "inside-by-1e-30": ("upper", "x: Scalar(-1, 1)", "return 1 + TINY, 1 + (x - Fraction(1, 3)) * (x - Fraction(1, 3))"),
    "K4-less-1e-30": ("upper", PAIR, 'u = prediction("plain-exp"); return norm2(u(A @ x) - u(A @ y)), (1 - TINY) * R * exp(R**2) * norm2(x - y)'),
    "C8-in-the-wrong-norm": ("upper", VECTOR, "return norm2(exp(x)), exp(norm2(x))"),
    "kink": ("upper", "x: Scalar(-2, 2)", "return maximum(x, 0), x"),
    "odd-power": ("upper", "x: Scalar(-1, 1)", "return absolute(x) ** 3, x**3"),
    "jump": ("upper", "x: Scalar(-1, 1)", "return x / absolute(x), 1 - TINY"),
    "undefined-root": ("upper", "x: Scalar(-2, -1)", "return sqrt(x) * sqrt(x), 0 * x"),
    "undefined-quotient": ("upper", "x: Scalar(-1, 1)", "return x / x, 2"),
    "undefined-zero": ("upper", "x: Scalar(-1, 1)", "return 0 / x, 1"),
    "undefined-logarithms": ("upper", "x: Scalar(-1, 1)", "return log(x) - log(x), 1"),
    "undefined-at-an-end": ("upper", "x: Scalar(0, 1)", "return x / x, 1"),
    "undefined-behind-a-zero": ("upper", "x: Scalar(1, 2)", "z = (x + 1) * (x + 1) - x * x - 2 * x - 1; return x / z * z, 9"),
    "below-every-precision": ("upper", "t: Scalar(1, 2)", "return t + exp(-4000), t"),
    "tangent-plus": ("lower", "x: Scalar(-1, 1)", "return exp(x), 1 + x + TINY"),
    "indefinite-form": ("lower", "x: Scalar(-1, 1), y: Scalar(-1, 1)", "return x * x + y * y + 2 * x * y * (1 + TINY), 0"),
    "disc-corner": ("upper", "x: Vector(2, norm2=1)", "return norm1(x), sqrt(2) - TINY"),
    "disc-arc": ("upper", "x: Vector(2, norm2=1)", "return norm1(x), Fraction(14142, 10000)"),
    "simplex-vertex": ("upper", "p: Vector(3, simplex=True)", "return norm2(p), 1 - TINY"),
    "behind-a-hypothesis": ("upper", "x: Scalar(0, 1), y: Scalar(0, 1)", 'assume(x + y, "==", 1); return x * y, Fraction(1, 4) - TINY'),
    "on-the-border-of-a-hypothesis": ("upper", "x: Scalar(0, 1), y: Scalar(0, 1)", 'assume(x + y, "<=", 1); return x + y, 1 - TINY'),
    "signed-difference": ("upper", "x: Scalar(-1, 1), y: Scalar(-1, 1)", "return exp(x) - exp(y), exp(1) * (x - y)"),
    "slope-at-an-end": ("upper", "x: Scalar(-1, 1), y: Scalar(-1, 1)", "return absolute(sinh(x) - sinh(y)), absolute(x - y) * cosh(1) * (1 - TINY)"),
    "eigenvalue": ("lower", "A: Matrix(2, 2, symmetric=True, frobenius=1)", "return lambda_min(A), -1 + TINY"),
    "moving-end": ("upper", 'R: Param(0, 2), x: Scalar("-R", "R")', "return x * x, R * R - TINY"),
    "far-corner": ("upper", 'x: Vector(5, norm_inf=1)', "return norm1(x), 5 - TINY"),
    "both-sides-negative": ("upper", "x: Scalar(1, 2)", "return -x, -x - TINY"),
    "pole-behind-a-hypothesis": ("upper", "x: Scalar(0, 2)", 'assume(x, ">=", Fraction(51, 100)); return 1 / (x - Fraction(1, 2)), 3'),
    "pole-beside-another-number": ("upper", "x: Scalar(0, 2), y: Scalar(0, 1)", 'assume(x, ">=", y + Fraction(1, 100)); return 1 / (x - y), 3'),
    "pole-outside-a-disc": ("upper", "x: Vector(2, norm2=1)", "return 1 / (Fraction(3, 2) - norm1(x)), 3"),
    "cubed-pole-behind-a-hypothesis": ("upper", "x: Scalar(0, 2)", 'assume(x, ">=", Fraction(51, 100)); return (x - Fraction(1, 2)) ** -3, 3'),
    "exponential-pole": ("upper", "x: Scalar(0, 2)", 'assume(x * x, ">=", Fraction(26, 100)); return exp(1 / (x - Fraction(1, 2))), 5'),
    "hyperbolic-tangent": ("upper", "x: Scalar(-3, 3)", "return tanh(x), x"),
}  # fmt: skip


def declared(name, kind, arguments, body):
    return (
        f'@claim("{name}", paper="own", kind="{kind}", provenance="own", expect="holds")\n'
        f"def f_{name.replace('-', '_').replace('.', '_')}({arguments}):\n    {body}\n\n"
    )


def load(tmp_path_factory, table):
    path = tmp_path_factory.mktemp("boxes") / "claims.py"
    path.write_text(HEAD + "".join(declared(name, *parts[:3]) for name, parts in table.items()))
    claims = load_claims(path)
    assert not [c.reason for c in claims if isinstance(c, Malformed)]
    return {c.id: c for c in claims}


@pytest.fixture(scope="module")
def true_claims(tmp_path_factory):
    return load(tmp_path_factory, TRUE)


@pytest.fixture(scope="module")
def false_claims(tmp_path_factory):
    return load(tmp_path_factory, FALSE)


@pytest.fixture(scope="module")
def other_claims(tmp_path_factory):
    table = {
        "sinh-slope": ("upper", "x: Scalar(0, 1)", "return sinh(x), 5 * x"),
        "negative-side": ("upper", "x: Scalar(1, 2)", "return -3 * x, -x"),
        "many-sizes": ("upper", 'n: Size(1, 16), x: Vector("n", norm_inf=2)', "return norm2(x), norm1(x)"),
        "no-limits": ("upper", "x: Vector(2)", "return norm2(x), norm1(x)"),
        "false-later": ("upper", 'n: Size(1, 12), x: Vector("n", norm_inf=1)', "return norm1(x), 11"),
        "false-far-out": ("upper", "x: Vector(1)", "return norm2(x), 5"),
    }
    return load(tmp_path_factory, table)


@pytest.mark.parametrize("name", TRUE)
def test_true_bounds_are_proved_on_their_whole_scope(name, true_claims):
    proof = prove_boxes(true_claims[name])
    assert proof is not None
    assert proof.complete
    assert proof.scope == TRUE[name][3]


@pytest.mark.parametrize("name", FALSE)
def test_nothing_false_is_proved(name, false_claims):
    assert prove_boxes(false_claims[name]) is None


def test_proved_reaches_the_verdict_with_its_scope(true_claims):
    (verdict,) = check([true_claims["true-with-equality"]], samples=60)
    assert (verdict.outcome, verdict.scope, verdict.expected) == ("proved", "x in [0, 1]", True)
    assert verdict.tight is True
    assert verdict.attained is True


@pytest.mark.parametrize(("name", "outcome"), [("many-sizes", "holds"), ("no-limits", "holds")])
def test_a_part_of_the_scope_is_not_the_claim(name, outcome, other_claims):
    proof = prove_boxes(other_claims[name])
    assert proof is not None
    assert not proof.complete
    (verdict,) = check([other_claims[name]], samples=60)
    assert verdict.outcome == outcome
    assert "proved for " + proof.scope in verdict.scope


@pytest.mark.parametrize("name", ["false-later", "false-far-out"])
def test_false_beyond_the_part_that_is_proved(name, other_claims):
    proof = prove_boxes(other_claims[name])
    assert proof is not None
    assert not proof.complete
    (verdict,) = check([other_claims[name]], samples=60)
    assert verdict.outcome == "refuted"


def test_a_smaller_constant_is_certified(other_claims):
    item, best = other_claims["sinh-slope"], float(mpmath.sinh(1) / 5)
    (verdict,) = check([item], samples=60)
    factor = 10.0**-verdict.certified_looseness_log10
    # The best constant is sinh(1); bisection from there in exponents ends a quarter of the way to 1 at the latest.
    assert best <= factor <= best**0.75
    assert "proved on the same scope" in verdict.message
    found = certified_replacement(item, float(np.log10(best)), np.random.default_rng(0))
    proof = prove_boxes(found.claim)
    assert proof is not None
    assert proof.complete
    assert check([with_factor(item, fmpq(23, 100))], samples=60)[0].outcome == "refuted"


def test_a_factor_on_a_negative_side_proves_nothing(other_claims):
    assert prove_boxes(other_claims["negative-side"]).complete
    assert prove_boxes(other_claims["negative-side"], fmpq(1, 2)) is None


UNARY = {
    "inverse": (intervals.inverse, lambda t: 1 / t), "absolute": (intervals.absolute, abs), "exp": (intervals.exp, mpmath.exp),
    "log": (intervals.log, mpmath.log), "sqrt": (intervals.sqrt, mpmath.sqrt), "sign": (intervals.sign, mpmath.sign),
    "shc": (intervals.hyperbolic_quotient, lambda t: mpmath.sinh(t) / t if t else mpmath.mpf(1)),
    "langevin": (intervals.langevin, lambda t: mpmath.coth(t) - 1 / t if t else mpmath.mpf(0)),
    "square": (lambda a: intervals.power(a, 2), lambda t: t**2), "cube": (lambda a: intervals.power(a, 3), lambda t: t**3),
    "inverse-square": (lambda a: intervals.power(a, -2), lambda t: t**-2),
}  # fmt: skip


def mp(x):
    """An exact end, or a rational, as mpf; 60 digits hold every end of 64 bits."""
    if isinstance(x, fmpq):
        return mpmath.mpf(int(x.p)) / int(x.q)
    if not x.is_finite():
        return mpmath.inf if x > 0 else -mpmath.inf
    mantissa, exponent = x.man_exp()
    return mpmath.ldexp(mpmath.mpf(int(mantissa)), int(exponent))


def drawn(rng):
    """An interval of random place and width, and a rational inside it: an end, or between."""
    scale = fmpq(10) ** int(rng.integers(-6, 2))
    middle = fmpq(int(rng.integers(-999, 1000)), int(rng.integers(1, 99))) * scale
    half = fmpq(int(rng.integers(0, 999)), 97) * scale * int(rng.integers(0, 2))
    return (middle - half, middle + half), middle + half * fmpq(int(rng.integers(-8, 9)), 8)


@pytest.mark.parametrize("name", UNARY)
def test_intervals_contain_every_value(name):
    function, reference = UNARY[name]
    rng = np.random.default_rng(len(name))
    with precision(64), mpmath.workdps(60):
        for _ in range(400):
            ends, point = drawn(rng)
            if (name in ("log", "sqrt") and point <= 0) or (name.startswith("inverse") and point == 0):
                continue
            low, high = function(intervals.around(*ends))
            value = reference(mp(point))
            # coth(t) - 1/t loses digits near 0: 60 of them leave far more than 64 bits.
            slack = abs(value) * mpmath.mpf(10) ** -40
            assert mp(low.lower()) <= value + slack, (name, ends, point)
            assert mp(high.upper()) >= value - slack, (name, ends, point)


def test_products_and_sums_contain_every_value():
    rng = np.random.default_rng(5)
    with precision(64), mpmath.workdps(60):
        for _ in range(400):
            (a, p), (b, q) = drawn(rng), drawn(rng)
            boxes = intervals.around(*a), intervals.around(*b)
            cases = (
                (intervals.multiply(*boxes), p * q), (intervals.add(*boxes), p + q), (intervals.scale(boxes[0], q), p * q),
                (intervals.maximum(*boxes), max(p, q)), (intervals.minimum(*boxes), min(p, q)),
            )  # fmt: skip
            for (low, high), value in cases:
                assert mp(low.lower()) <= mp(value) <= mp(high.upper())


ENDS = [(-3, -2), (-3, 0), (-3, 5), (0, 0), (0, 5), (2, 5), (None, 2), (-2, None), (2, None), (None, None)]
"""Of intervals of every sign, also unbounded ones."""


@pytest.mark.parametrize("a", ENDS)
@pytest.mark.parametrize("b", ENDS)
def test_products_of_every_sign_are_those_of_their_ends(a, b):
    """All products of ends are inside, and nothing else where the ends are numbers; 0 times an infinity is [nan]."""
    x, y = ((arb.neg_inf() if p is None else arb(p), arb.pos_inf() if q is None else arb(q)) for p, q in (a, b))
    low, high = intervals.multiply(x, y)
    far = [(-(10**6) if p is None else p, 10**6 if q is None else q) for p, q in (a, b)]
    products = [p * q for p in far[0] for q in far[1]]
    assert low.is_nan() or low <= min(products)
    assert high.is_nan() or high >= max(products)
    assert not (low.is_nan() or high.is_nan()) or (0, 0) in (a, b)
    if None not in (*a, *b):
        assert (low, high) == (min(products), max(products))


@pytest.mark.parametrize(
    "operation", [lambda a: intervals.multiply(a, (arb(0), arb(1))), lambda a: intervals.add(a, a)]
)
def test_an_undefined_operation_says_nothing(operation):
    assert operation(intervals.WHOLE) == intervals.WHOLE or operation(intervals.WHOLE)[0] < -(10**9)
    assert intervals.inverse((arb(-1), arb(1))) is intervals.WHOLE
    assert intervals.log((arb(-2), arb(-1))) is intervals.WHOLE


X, Y = sums.variable("x"), sums.variable("y")
LETTER_X, LETTER_Y = sums.Letter("var", ("x",)), sums.Letter("var", ("y",))
ONE = sums.number(fmpq(1))
EXPRESSIONS = {
    "polynomial": X * X * Y - X.times(fmpq(3)) + Y,
    "exponential": sums.exponential(X * Y - X) * X,
    "quotient": sums.inverse(ONE + X * X) * Y,
    "softmax": sums.inverse(sums.exponential(X) + sums.exponential(Y)) * sums.exponential(X),
    "negative-power": sums.power(X, -2) * Y,
    "hyperbolic": sums.function("cosh", X - Y) - sums.function("sinh", X * Y),
}
SMOOTH = EXPRESSIONS | {
    "root": sums.root(ONE + X * Y),
    "logarithm": sums.logarithm(ONE + X * X),
    "quotient-of-sinh": sums.function("shc", X - Y.times(fmpq(2))),
    "absolute": sums.absolute(X - Y.times(fmpq(7))),
}
H = fmpq(1, 10**30)


def at(x, y, expression):
    """Midpoint of the enclosure at a point, with 400 bits."""
    with precision(400):
        low, high = Enclosures({LETTER_X: (x, x), LETTER_Y: (y, y)}, Budget(10**6)).of(expression)
        assert high - low < fmpq(1, 10**60)
        return (low + high) / 2


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("point", [(fmpq(3, 7), fmpq(5, 4)), (fmpq(2), fmpq(1, 9))])
def test_derivatives_agree_with_differences(name, point):
    expression, (x, y) = SMOOTH[name], point
    with precision(400):
        difference = (at(x + H, y, expression) - at(x - H, y, expression)) / (2 * H)
        found = at(x, y, slopes.derivative(expression, LETTER_X))
        assert abs(found - difference) < fmpq(1, 10**50)  # central differences: h^2 = 1e-60 times a third derivative


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_divided_differences_are_exact(name):
    expression, (x, y) = EXPRESSIONS[name], (fmpq(3, 7), fmpq(5, 4))
    quotient = slopes.slope(expression, LETTER_X, Y)
    moved = substituted(expression, {LETTER_X: Y})
    with precision(400):
        left = at(x, y, expression) - at(x, y, moved)
        assert abs(left - (x - y) * at(x, y, quotient)) < fmpq(1, 10**60)


def test_canonical_forms_cancel():
    assert (sums.root(X * X) - X).terms == ()
    assert (sums.power(sums.root(ONE + X), 2) - ONE - X).terms == ()
    assert (sums.exponential(X) * sums.exponential(Y) - sums.exponential(X + Y)).terms == ()
    assert (sums.absolute(X - Y) - sums.absolute(Y - X)).terms == ()
    assert sums.absolute(X - Y) != X - Y
    assert not sums.nonnegative(X - Y)
    assert not sums.nonnegative(sums.single(sums.Letter("gap", (X - Y,))))


@pytest.mark.parametrize(
    ("form", "truth"),
    [
        (X * X - (X * Y).times(fmpq(2)) + Y * Y, True),
        (X * X - (X * Y).times(fmpq(201, 100)) + Y * Y, False),
        (X * X - ONE, False),
        (sums.exponential(X.times(fmpq(2))) - sums.exponential(X).times(fmpq(2)) + ONE, True),
        (sums.exponential(X.times(fmpq(2))) - sums.exponential(X).times(fmpq(3)) + ONE, False),
    ],
)
def test_square_forms(form, truth):
    assert is_square_form(form) is truth


def test_a_face_outside_the_constraints_still_counts():
    """x - y/2 is increasing in x; the face x = 0 is excluded by x >= 1/2 but must not be left out unproved."""
    box = {LETTER_X: (fmpq(0), fmpq(1)), LETTER_Y: (fmpq(0), fmpq(1))}
    constraint = X - sums.number(fmpq(1, 2))
    prover = Prover(box, (constraint,), (), Budget(20_000))
    assert not prover.holds(X - Y.times(fmpq(9, 10)))
    assert prover.holds(X - Y.times(fmpq(49, 100)))
    assert not Prover(box, (), (), Budget(20_000)).holds(X - Y.times(fmpq(49, 100)))


def test_a_spent_budget_ends_the_proof():
    wave = sums.exponential(X * Y) - X.times(fmpq(2)) + Y * Y
    with pytest.raises(Exhausted):
        Prover({LETTER_X: (fmpq(0), fmpq(1)), LETTER_Y: (fmpq(0), fmpq(1))}, (), (), Budget(5)).holds(wave)


UNIT_SQUARE = {LETTER_X: (fmpq(0), fmpq(1)), LETTER_Y: (fmpq(0), fmpq(1))}


@pytest.mark.parametrize(
    "hopeless",
    [
        sums.power(X - Y, 2) * sums.exponential(X * Y),  # 0 on a diagonal
        sums.power(X.times(fmpq(3)) - ONE, 2) + sums.power(Y.times(fmpq(3)) - ONE, 2) * sums.exponential(Y),
        sums.exponential(X) - ONE - X + sums.power(Y - X, 4) - sums.number(fmpq(1, 10**9)),
    ],
)
def test_what_vanishes_inside_is_given_up_long_before_the_budget_is_spent(hopeless):
    prover = Prover(UNIT_SQUARE, (), (), budget := Budget(40_000))
    assert not prover.holds(hopeless)
    assert budget.terms > 30_000
    assert prover.resisting


def test_what_is_positive_by_a_little_is_proved_all_the_same():
    """The least value is 1e-3, on a diagonal, where pieces must be small side by side."""
    prover = Prover(UNIT_SQUARE, (), (), Budget(10**6))
    assert prover.holds(sums.power(X - Y, 2) + sums.number(fmpq(1, 10**3)))


@pytest.mark.parametrize("name", SMOOTH)
def test_sums_on_a_box_contain_every_value(name):
    expression, rng = SMOOTH[name], np.random.default_rng(11)
    for _ in range(40):
        low, width = (abs(fmpq(int(rng.integers(1, 99)), 97)) for _ in range(2))
        box = {LETTER_X: (low, low + width), LETTER_Y: (width, width + low)}
        with precision(64):
            ends = Enclosures(box, Budget(10**6)).of(expression)
        x, y = (a + (b - a) * fmpq(int(rng.integers(0, 9)), 8) for a, b in box.values())
        value = at(x, y, expression)
        with precision(400):
            assert ends[0].lower() <= value.upper()
            assert ends[1].upper() >= value.lower()


def test_regions_that_say_the_same_are_proved_once(true_claims, monkeypatch):
    """|sinh x| for x of both signs: two regions, one statement. Without signs: one for every size."""
    asked = []
    monkeypatch.setattr(proving, "_follows", lambda *given: not asked.append(given))
    assert prove_boxes(true_claims["simplex"]) is not None
    assert len(asked) == 3
    asked.clear()
    assert prove_boxes(true_claims["C14"]) is not None
    assert len(asked) == 1


@pytest.mark.parametrize("name", SMOOTH)
def test_a_memo_of_letters_changes_no_substitution(name):
    memo, at_one = {}, {LETTER_X: ONE}
    for other in SMOOTH.values():
        substituted(other, at_one, memo)
    kept, anew = substituted(SMOOTH[name], at_one, memo), substituted(SMOOTH[name], at_one)
    assert kept == anew
    assert sums.variables(kept) <= {LETTER_Y}


@pytest.mark.parametrize("value", [fmpq(1), fmpq(-1), fmpq(3, 4), fmpq(-1, 3), fmpq(1, 3**200), fmpq(3**200)])
def test_multiples_in_running_sums_are_right(value):
    with precision(64):
        low, high = intervals.added(None, (arb(2), arb(3)), (intervals.factor(value), value > 0))
    with precision(600):
        exact = sorted((2 * value, 3 * value))
        assert low.lower() <= exact[0]
        assert high.upper() >= exact[1]
        assert high - low <= (exact[1] - exact[0]) * (1 + fmpq(1, 2**50))  # a few roundings of 64 bits


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: sums.inverse(sums.ZERO), "division by 0"),
        (lambda: sums.power(ONE + X + Y + sums.exponential(X), 40), "too many terms"),
        (lambda: slopes.derivative(sums.extreme("max", X, Y), LETTER_X), "derivative of max"),
        (lambda: slopes.slope(sums.root(ONE + X), LETTER_X, Y), "divided difference of sqrt"),
    ],
)
def test_what_has_no_form_is_refused(call, text):
    with pytest.raises(Unsupported, match=text):
        call()
