"""What is drawn together, kept, compiled or made on demand says the same as one by one, anew and at once."""

import math

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb, fmpq

from proofs_check import Matrix, Param, Scalar, Size, Vector, claim
from proofs_check.arithmetic import norm2, working_in
from proofs_check.arrays.backends import BALLS, floats, joined
from proofs_check.arrays.balls import Truth, precision
from proofs_check.arrays.exact import Count, array
from proofs_check.boxes import proving
from proofs_check.catalogue import in_context_polynomials as polynomials
from proofs_check.constants import evaluated, parsed, walk
from proofs_check.deciding.decide import INADMISSIBLE, decide
from proofs_check.instances.sampling import PATIENCE, Sampler
from proofs_check.instances.stating import FEW
from proofs_check.searching.recorded import forget, record

BITS, DIGITS = 200, 50
ROUNDING = mpmath.mpf(10) ** -45
"""Both sides carry at least 50 digits; a few are lost in powers."""


def own(kind="upper"):
    return claim("kept", paper="own", kind=kind, provenance="own")


@own()
def triangle(n: Size(1, 5), m: Size(1, 3), x: Vector("n", norm2=1), y: Vector("m")):
    return norm2(x), 1 + norm2(y)


EXPRESSIONS = [
    "n**(3/2)*exp(20*R**2)/7", "1/sqrt(2)", "Max(n, R, 3)*Min(R, 1/2)", "R**R + 2**n - E", "log(n+1)**2*Abs(R-3)",
    "sinh(R)*cosh(R)/tanh(R)", "(n+R)**(-2)", "exp(-R)*(n + 1)*sqrt(n + 1)", "5/3", "R",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_a_compiled_constant_is_the_walked_one_and_right(text):
    tree = parsed("c", text)
    values = {"n": fmpq(3), "R": fmpq(5, 4)}
    with precision(BITS), working_in(BALLS):
        arguments = {name: joined(value, BALLS) for name, value in values.items()}
        compiled, walked = (f.data[()] for f in (evaluated(tree, arguments), walk(tree, arguments, {})))
        assert str(compiled) == str(walked)
        found = arb(compiled).mid().str(DIGITS, radius=False)
    with mpmath.workdps(DIGITS):
        expected = sympy.sympify(text).subs({"n": 3, "R": sympy.Rational(5, 4)}).evalf(DIGITS)
        assert abs(mpmath.mpf(found) / mpmath.mpf(str(expected)) - 1) < ROUNDING


def test_groups_have_sizes_of_their_own_and_all_instances():
    groups = list(Sampler(triangle, np.random.default_rng(4), 16).groups(400, 10))
    sizes = [{(int(one["n"]), int(one["m"])) for one in group} for group in groups]
    assert all(len(some) == 1 for some in sizes)
    assert len(set.union(*sizes)) == len(groups) < 400 // 10
    assert sum(map(len, groups)) == 400
    assert all(triangle.admits(one) for group in groups for one in group)


def test_draws_without_an_instance_end_early():
    @own()
    def empty(n: Size(1, 30), t: Scalar(2, 3), x: Vector("n", simplex=True, high="1/40")):
        return norm2(x), t

    tried = []

    class Counted(Sampler):
        def group(self, sizes, corners):
            tried.append(len(corners))
            return super().group(sizes, corners)

    assert not any(Counted(empty, np.random.default_rng(1), 16).groups(2000, 20))
    assert 1000 <= sum(tried) < 2000
    tried.clear()
    assert not any(Counted(empty, np.random.default_rng(1), 16).groups(PATIENCE, 20))
    assert sum(tried) == PATIENCE


def test_recordings_are_kept_by_claim_and_sizes_until_they_are_forgotten():
    forget()
    one = {"n": Count(2), "m": Count(1), "x": array([1, 0]), "y": array([0])}
    other = {**one, "n": Count(3), "x": array([0, 0, 0])}
    first = record(triangle, one)
    assert record(triangle, {**one, "x": array([0, 1])}) is first
    assert record(triangle, other) is not first
    forget()
    assert record(triangle, one) is not first


def test_a_decision_describes_its_sides_at_its_own_precision():
    @own()
    def close(t: Scalar(0, 1)):
        return (1 + t) ** fmpq(1, 2), 1 + t / 2

    decision = decide(close, {"t": fmpq(1, 10**25)})
    assert decision.truth is Truth.YES
    with precision(20):
        assert decision.left.startswith("[1.0000000000000000000")
        assert decision.gap.startswith("[-1.25000000000000")
    assert (INADMISSIBLE.left, INADMISSIBLE.gap) == ("", "a hypothesis is not met")
    unknown = decide(close, {"t": fmpq(1, 10**60)}, ceiling=128, tie_break=False)
    assert unknown.truth is Truth.UNKNOWN
    assert unknown.gap.startswith("at the ceiling of 128 bits left - right = [+/-")


@pytest.mark.parametrize("numerator", [1, -1])
def test_floats_of_rationals_beyond_their_range_are_infinite(numerator):
    huge, tiny = fmpq(numerator * 10**400), fmpq(numerator, 10**400)
    np.testing.assert_array_equal(floats(array([huge, tiny, fmpq(1, 3)])), [numerator * math.inf, 0.0, 1 / 3])
    assert floats(np.array(fmpq(1, 2), dtype=object)) == 0.5


@pytest.mark.parametrize("size", [1, FEW, FEW + 1])
@pytest.mark.parametrize("limit", ["norm2", "frobenius"])
def test_euclidean_limits_are_exact_for_few_and_for_many_numbers(size, limit):
    domain = Vector(size, norm2="R") if limit == "norm2" else Matrix(size, 1, frobenius="R")
    value = array([3, *[0] * (size - 1)]) / fmpq(7)
    value = value if limit == "norm2" else value.reshape(size, 1)
    for radius, inside in ((fmpq(3, 7), True), (fmpq(3, 7) - fmpq(1, 10**40), False), (fmpq(-3, 7), False)):
        assert domain.admits(value, {"R": radius}) is inside


def test_sizes_beyond_a_failed_box_proof_are_not_tried(monkeypatch):
    tried = []

    def never(claim, sizes, certain, budget):
        tried.append(tuple(sizes.values()))

    @own()
    def bound(n: Size(1, 9), d: Size(1, 9), R: Param(0, 1), x: Vector("n"), y: Vector("d")):
        return R, R

    monkeypatch.setattr(proving, "_certain_at", never)
    assert proving.prove_boxes(bound) is None
    assert tried == [(1, 1)]


def test_means_of_squares_are_means_of_products():
    x, s = polynomials.normal("g", 2), polynomials.sign_of("g")
    error = (x[0] * 3 + x[1] * x[0] - s * 2) * (x[0] + x[1] * 5) + 7
    copy = polynomials.Polynomial(dict(error.terms))
    root = sympy.sqrt(2 / sympy.pi)
    assert sympy.expand(error.mean(error, root) - error.mean(copy, root)) == 0
    assert sympy.expand(error.mean(error, root) - (error * error).mean(None, root)) == 0
    # E|g|^3 = 2 E|g|, E[sign(g) g^2] = 0, E[g^4] = 3
    assert s.mean(None, root) == (s * x[0] * x[0]).mean(None, root) == 0
    assert (s * x[0] * x[0] * x[0]).mean(None, root) == 2 * root
    assert (x[0] * x[0] * x[0] * x[0]).mean() == 3
