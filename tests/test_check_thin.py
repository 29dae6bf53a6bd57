# ruff: noqa: E501 - one statement a line
"""Hypotheses that only a sliver of the annotated set meets: reached by a search against their negation."""

from fractions import Fraction

import pytest

from proofs_check import check, load_claims
from proofs_check.campaigns import reaching
from proofs_check.selftest.statements import HEAD, declared

# The largest sum norm on the unit circle is sqrt(2); where it is that large, both entries are +-1/sqrt(2).
THIN = 'assume(norm1(x), ">=", sqrt(2) - Fraction(1, 10**12))'
EDGE, INSIDE = "0.89149", "0.891488"
CLAIMS = {
    "refuted-there": ("upper", "x: Vector(2, norm2=1)", f"{THIN}; return absolute(x[0]), Fraction(1, 2)", "refuted"),
    "true-there": ("upper", "x: Vector(2, norm2=1)", f"{THIN}; return absolute(x[0]), Fraction(3, 4)", "proved"),
    "no-equality": ("equality", "x: Vector(2, norm2=1)", f"{THIN}; return absolute(x[0]), absolute(x[1])", "refuted"),
    "the-other-way": ("upper", "x: Vector(2, norm2=1)", 'assume(sqrt(2) - Fraction(1, 10**12), "<", norm1(x)); return absolute(x[0]), Fraction(1, 2)', "refuted"),
    "beside-another": ("upper", "n: Size(2, 5), x: Vector('n', norm2=1)", 'assume(x[0], ">=", 0); assume(norm1(x), ">=", sqrt(n) - Fraction(1, 10**10)); return x[0], Fraction(1, 3)', "refuted"),
    # x^3 + x = 8/5 at x = 0.8914883...; beyond the bound without limit near x = 0, which no climb may prefer.
    "at-the-edge": ("upper", "x: Scalar(-1, 1)", f'assume(x**3 + x, ">=", Fraction(8, 5)); return -x, -Fraction("{EDGE}")', "refuted"),
    "past-the-edge": ("upper", "x: Scalar(-1, 1)", f'assume(x**3 + x, ">=", Fraction(8, 5)); return -x, -Fraction("{INSIDE}")', "proved"),
    "empty": ("upper", "x: Vector(2, norm2=1)", 'assume(norm1(x), ">=", sqrt(2) + Fraction(1, 10**12)); return x[0], 0', "vacuous"),
}  # fmt: skip


def test_the_edge_lies_between():
    inside, edge = (Fraction(text) ** 3 + Fraction(text) for text in (INSIDE, EDGE))
    assert inside < Fraction(8, 5) < edge


@pytest.mark.parametrize("name", CLAIMS)
def test_thin_sets_are_reached(name, tmp_path):
    kind, arguments, body, outcome = CLAIMS[name]
    path = tmp_path / "thin.py"
    path.write_text(HEAD + declared(name, kind, arguments, body))
    (verdict,) = check(load_claims(path), samples=60)
    assert verdict.outcome == outcome, verdict.message


def test_without_the_search_they_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr(reaching, "RUNS", 0)
    path = tmp_path / "thin.py"
    path.write_text(HEAD + declared("thin", *CLAIMS["refuted-there"][:3]))
    (verdict,) = check(load_claims(path), samples=60)
    assert verdict.outcome == "vacuous"


def test_what_is_undefined_is_told(tmp_path):
    """sqrt is undefined on half of the range, and the other side is 0 on the rest: the message tells both."""
    path = tmp_path / "half.py"
    path.write_text(HEAD + declared("half", "lower", "x: Scalar(-1, 1)", "return sqrt(x), 0"))
    (verdict,) = check(load_claims(path), samples=60)
    assert verdict.outcome == "holds"
    assert "exactly 0 in every certified one" in verdict.message
    assert "a side is undefined" in verdict.message
