# ruff: noqa: E501 - one statement a line
"""Bounds that need none of their hypotheses, and true lemmas that are not to be taken for such."""

import pytest

from proofs_check import check, load_claims
from proofs_check.selftest.statements import HEAD, declared

NEEDLESS, SEEN, LIMITS = "needs none of its hypotheses", "no use of its hypotheses was seen", "no use of the limits of"
BOX = "x: Scalar(-1, 1), y: Scalar(-1, 1)"
HALF = 'assume(x + y, "<=", Fraction(1, 2)); return '
STATEMENTS = {
    # proved without what they assume
    "sum-of-squares": ("upper", BOX, f"{HALF}x * x + y * y, 2", "vacuous", NEEDLESS),
    "norm": ("upper", "x: Vector(2, norm2=1)", 'assume(x[0], ">=", 0); return norm2(x), 1', "vacuous", NEEDLESS),
    "from-below": ("lower", BOX, f"{HALF}x * y, -1", "vacuous", NEEDLESS),
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
    told = [known for known in (NEEDLESS, SEEN, LIMITS) if known in verdict.message]
    assert told == ([] if words is None else [known for known in (NEEDLESS, SEEN, LIMITS) if known in words])
    assert words is None or words in verdict.message
    assert outcome != "vacuous" or (verdict.scope and "certified" in verdict.message)
