# ruff: noqa: E501 - one statement a line
"""Bounds that need none of their hypotheses, and true lemmas that are not to be taken for such."""

import pytest

from proofs_check import check, load_claims
from proofs_check.selftest.statements import HEAD, declared

NEEDLESS, WITHOUT = "needs none of its hypotheses", "what its body assumes is not needed: proved without it"
SEEN, LIMITS = "no use of its hypotheses was seen", "no use of the limits of"
BOX = "x: Scalar(-1, 1), y: Scalar(-1, 1)"
HALF = 'assume(x + y, "<=", Fraction(1, 2)); return '
STATEMENTS = {
    # proved without what they assume, and no more than a trivial bound says
    "sum-of-squares": ("upper", BOX, f"{HALF}x * x + y * y, 3", "vacuous", NEEDLESS),
    "norm": ("upper", "x: Vector(2, norm2=1)", 'assume(x[0], ">=", 0); return norm2(x), 2', "vacuous", NEEDLESS),
    "from-below": ("lower", BOX, f"{HALF}x * y, -2", "vacuous", NEEDLESS),
    "an-equality-assumed": ("upper", BOX, 'assume(x + y, "==", 0); return x * y, 1', "vacuous", NEEDLESS),
    # proved without it as well, but the best number, or no plain number
    "best-number": ("upper", BOX, f"{HALF}x * x + y * y, 2", "proved", WITHOUT),
    "best-number-from-below": ("lower", BOX, f"{HALF}x * y, -1", "proved", WITHOUT),
    "sign": ("lower", BOX, f"{HALF}x * x, 0", "proved", WITHOUT),
    "means": ("upper", BOX, 'assume(x, ">=", 0); assume(y, ">=", 0); return x * y, (x * x + y * y) / 2', "proved", WITHOUT),
    "bernoulli": ("lower", "x: Scalar(-2, 2)", 'assume(x, ">=", -1); return (1 + x) ** 2, 1 + 2 * x', "proved", WITHOUT),
    "close-points": ("upper", BOX, 'assume(absolute(x - y), "<=", Fraction(1, 100)); return absolute(exp(x) - exp(y)), 3 * absolute(x - y)', "proved", WITHOUT),
    # the annotations imply it: it is used wherever they are
    "restated-domain": ("lower", "x: Scalar(Fraction(1, 10), 1)", 'assume(x, ">", 0); return x + 1 / x, 1', "proved", WITHOUT),
    "restated-limit": ("upper", 'R: Param(1, 4), x: Scalar(0, "R")', 'assume(x, "<=", R); return x * x, 17', "proved", WITHOUT),
    "restated-norm": ("upper", "x: Vector(2, norm2=1)", 'assume(norm2(x), "<=", 1); return absolute(x[0]), 2', "proved", WITHOUT),
    "one-restated": ("upper", BOX, 'assume(x, "<=", 1); assume(y, "<=", 0); return x + y, 3', "proved", WITHOUT),
    # the domain of a side
    "domain": ("upper", "x: Scalar(-1, 2)", 'assume(x, ">=", 0); return sqrt(x), 2', "holds", None),
    "domain-of-a-quotient": ("lower", "x: Scalar(-1, 2)", 'assume(x, ">", 0); return 1 / x, Fraction(1, 4)', "holds", None),
    # needed at one size, or one of two
    "one-size": ("upper", 'n: Size(1, 3), x: Vector("n", norm_inf=1)', 'assume(total(x), "<=", 2); return total(x), Fraction(5, 2)', "proved", None),
    "one-of-two": ("upper", BOX, 'assume(x, "<=", Fraction(1, 2)); assume(y, ">=", 0); return x, Fraction(2, 3)', "proved", None),
    # seen on instances only: the proof covers n = 1, or there is none
    "many-sizes": ("upper", 'n: Size(1, 12), x: Vector("n", norm2=3), y: Vector("n", norm2=3)', 'assume(dot(x, y), ">=", 0); return norm2(softmax(x) - softmax(y)), 2', "holds", SEEN),
    "limits": ("upper", 'n: Size(1, 6), A: Matrix("n", 2, spectral=2), b: Vector("n", norm2=Fraction(1, 10**9)), x: Vector(2, norm2=2)', "p = softmax(A @ x); return dot(p, p), 1", "holds", f"{LIMITS} A, b, x"),
    # hypotheses that are used
    "used": ("upper", BOX, f"{HALF}x + y, Fraction(2, 3)", "proved", None),
    "used-at-one-corner": ("upper", BOX, f"{HALF}x + y, 2 - Fraction(1, 10**6)", "proved", None),
    "limits-used": ("upper", 'n: Size(1, 6), x: Vector("n", norm2=1)', "return norm1(x) ** 2, n", "holds", None),
    "limits-used-late": ("upper", 'n: Size(2, 3), x: Vector("n", norm2=1)', "p = softmax(x); return maximum(p), Fraction(9, 10)", "proved", None),
    # true without limits, as lemmas are: the bound is no plain number
    "cauchy-schwarz": ("upper", 'n: Size(1, 6), x: Vector("n", norm2=1), y: Vector("n", norm2=1)', "return absolute(dot(x, y)), norm2(x) * norm2(y)", "holds", None),
    "no-limits": ("upper", "x: Scalar(-3, 3)", "return cosh(x) ** 2 - sinh(x) ** 2, 1", "proved", None),
    "sizes": ("upper", "n: Size(1, 9)", 'assume(n, ">=", 2); return n, 2 ** n', "holds", None),
}  # fmt: skip


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_use_of_hypotheses(name, tmp_path):
    kind, arguments, body, outcome, words = STATEMENTS[name]
    path = tmp_path / "claim.py"
    path.write_text(HEAD + declared(name, kind, arguments, body))
    (verdict,) = check(load_claims(path), samples=100)
    assert verdict.outcome == outcome
    told = [known for known in (NEEDLESS, WITHOUT, SEEN, LIMITS) if known in verdict.message]
    assert told == ([] if words is None else [known for known in (NEEDLESS, WITHOUT, SEEN, LIMITS) if known in words])
    assert words is None or words in verdict.message
    assert outcome != "vacuous" or (verdict.scope and "certified" in verdict.message)
