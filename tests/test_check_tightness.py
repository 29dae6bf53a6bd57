# ruff: noqa: E501 - one statement a line
"""How loose a bound is and how it grows, against known best constants; hypotheses that cannot be met."""

import json

import numpy as np
import pytest
from scipy.optimize import minimize

from proofs_check import check, load_claims, replay
from proofs_check.arrays.exact import InputError
from proofs_check.bounds.growth import draw, parameters, profile
from proofs_check.bounds.replacement import observed_replacement
from proofs_check.boxes.proving import infeasible_boxes
from proofs_check.commands.report import write_report

HEAD = """
from fractions import Fraction
from proofs_check import Matrix, Param, Scalar, Size, Vector, assume, claim
from proofs_check.arithmetic import *
TINY = Fraction(1, 10**30)
"""
CLAIMS = {
    "n-for-root-n": ("upper", 'n: Size(1, 12), x: Vector("n", norm2=1)', "return norm1(x), n * norm2(x)"),
    "cube": ("upper", 'R: Param(1, 8), x: Vector(2, norm2="R")', "return norm2(x), R**3"),
    "rate": ("upper", 'R: Param("1/2", 3), x: Scalar("-R", "R")', "return exp(x * x), exp(3 * R**2)"),
    "exponentials": ("upper", 'n: Size(1, 8), z: Vector("n", norm2=1)', "return norm2(exp(z)), sqrt(n) * exp(1)"),
    "sizes-of-shapes": ("upper", 'n: Size(1, 4), x: Vector("n", norm_inf=1)', "return norm2(x), 2 * norm1(vector([x[i] for i in range(n)]) + ones(n) * 0) + n - n"),
    "steps": ("upper", "x: Scalar(0, 1), y: Scalar(0, 1)", "return absolute(x - y), 1000 * absolute(x - y)"),
    "no-steps": ("upper", "x: Scalar(0, 1), y: Scalar(0, 1)", "return absolute(x - y), 1000"),
    "loose-later": ("upper", 'n: Size(1, 12), x: Vector("n", norm2=1)', "return norm2(x), 4"),
    "zero-side": ("lower", 'x: Vector(2, norm2=1), y: Vector(2, norm2=1), z: Vector(3)', "return 0 * dot(x, y) * norm2(z), 0"),
}  # fmt: skip
IMPOSSIBLE = {
    "norm": ("upper", "x: Vector(2, norm2=1)", 'assume(norm2(x), ">", 2); return norm2(x), 1', "all admissible x"),
    "entries": ("upper", "x: Scalar(0, 1), y: Scalar(0, 1)", 'assume(x * exp(y), ">=", 1 + x + x * y * exp(y)); return x, y', "x in [0, 1]; y in [0, 1]"),
    "two-together": ("upper", "x: Scalar(0, 1), y: Scalar(0, 1)", 'assume(x, ">", y + TINY); assume(y, ">", x); return x, y', None),
    "arc": ("upper", "x: Vector(2, norm2=1)", 'assume(x[0] + x[1], ">", Fraction(3, 2)); return x[0], 0', "all admissible x"),
}  # fmt: skip
POSSIBLE = {
    "at-one-point": ("upper", "x: Scalar(0, 1)", 'assume(x, ">=", 1); return x, 1'),
    "half": ("upper", "x: Scalar(0, 1)", 'assume(x, "<=", Fraction(1, 2)); assume(x, "<", Fraction(1, 2)); return x, 1'),
    "thin": ("upper", "x: Scalar(0, 1)", 'assume(x, ">", 1 - TINY); return x, 1'),
    "a-line": ("upper", "x: Scalar(0, 1), y: Scalar(0, 1)", 'assume(x + y, "==", Fraction(1, 3)); return x, 1'),
    "near-the-arc": ("upper", "x: Vector(2, norm2=1)", 'assume(x[0] + x[1], ">", Fraction(14142, 10000)); return x[0], 1'),
    "only-at-larger-sizes": ("upper", 'n: Size(1, 3), x: Vector("n", norm_inf=1)', 'assume(norm1(x), ">", 2); return norm_inf(x), 1'),
    "cancelling": ("upper", "x: Scalar(0, 1)", 'assume((10**20 + x) - 10**20, ">=", Fraction(1, 2)); return x, 1'),
    "reciprocal": ("upper", "x: Scalar(-1, 1)", 'assume(1 / x, ">", 10**9); return x, 1'),
}  # fmt: skip
EXPONENT = 0.03
"""Exponents of exact power laws, from searches that end within a percent or so of the best constant."""


def declared(name, kind, arguments, body):
    return f'@claim("{name}", paper="own", kind="{kind}", provenance="own")\ndef f_{name.replace("-", "_")}({arguments}):\n    {body}\n\n'


@pytest.fixture(scope="module")
def claims(tmp_path_factory):
    path = tmp_path_factory.mktemp("tightness") / "claims.py"
    tables = {**CLAIMS, **IMPOSSIBLE, **POSSIBLE}
    path.write_text(HEAD + "".join(declared(name, *parts[:3]) for name, parts in tables.items()))
    return {c.id: c for c in load_claims(path)}


# name: (parameter, claimed exponents, best exponents): power, and rate in the square
LAWS = {
    "n-for-root-n": ("n", [1.0], [0.5]),  # norm1 <= sqrt(n) norm2, at constant vectors
    "cube": ("R", [3.0], [1.0]),
    "rate": ("R", [0.0, 3.0], [0.0, 1.0]),
}


@pytest.mark.parametrize("name", LAWS)
def test_exponents_of_known_laws(name, claims):
    parameter, claimed, best = LAWS[name]
    (growth,) = profile(claims[name], np.random.default_rng(0))
    assert growth.parameter == parameter
    assert growth.claimed == pytest.approx(claimed, rel=0)  # read from the statement
    assert growth.observed == pytest.approx(best, abs=EXPONENT)
    assert all(0 <= error < EXPONENT for error in growth.errors)
    assert f"growth in {parameter}: power claimed" in str(growth)


def test_best_constants_agree_with_a_constrained_optimiser(claims):
    (growth,) = profile(claims["exponentials"], np.random.default_rng(0))
    for n, log10 in zip(growth.values, growth.observed_log10, strict=True):
        starts = (np.eye(int(n))[0], np.full(int(n), n**-0.5), np.linspace(1, 0.1, int(n)))
        found = [minimize(lambda z: -np.linalg.norm(np.exp(z)), s, method="SLSQP",
                          constraints={"type": "ineq", "fun": lambda z: 1 - z @ z}) for s in starts]  # fmt: skip
        assert log10 == pytest.approx(np.log10(max(-one.fun for one in found)), abs=1e-4)  # both searches end there


def test_a_body_whose_shapes_follow_the_size_still_has_a_profile(claims):
    (growth,) = profile(claims["sizes-of-shapes"], np.random.default_rng(0))
    assert len(growth.values) == 4


def test_parameters_are_sizes_and_positive_numbers(claims):
    assert parameters(claims["cube"]) == ["R"]
    assert parameters(claims["steps"]) == []


def test_deep_verdicts_carry_profiles_and_pictures(claims, tmp_path):
    plain, deep = (check([claims["cube"]], samples=40, deep=deep)[0] for deep in (False, True))
    assert "growth" not in plain.to_json()
    stored = json.loads(json.dumps(deep.to_json()))["growth"]
    assert [growth["parameter"] for growth in stored] == ["R"]
    draw(stored, tmp_path / "growth.png", "cube")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "growth.png").stat().st_size > 5000


def test_the_report_shows_the_growth(claims, tmp_path):
    (deep,) = check([claims["cube"]], samples=40, deep=True)
    write_report({"seed": 0, "verdicts": [deep.to_json()]}, tmp_path / "report.html")
    assert "claimed and best observed constants of cube" in (tmp_path / "report.html").read_text()


def test_nothing_to_draw_is_said(tmp_path):
    with pytest.raises(InputError, match="needs at least one profile, got none; check with --deep"):
        draw([], tmp_path / "none.png")


def test_a_loose_bound_says_beyond_which_step_it_is_silent(claims):
    steps, none = check([claims["steps"], claims["no-steps"]], samples=60)
    assert "says nothing about steps longer than 10^-3" in steps.message  # |x - y| <= 1 = 1000 h at h = 1e-3
    assert "says nothing" not in none.message


def test_a_replacement_is_proposed_and_checked(claims):
    found = observed_replacement(claims["loose-later"], np.log10(0.25), np.random.default_rng(0))
    assert 0.25 < float(found.factor.p) / float(found.factor.q) < 0.27
    assert not found.certified
    assert check([found.claim], samples=40)[0].outcome == "holds"
    assert observed_replacement(claims["loose-later"], np.log10(0.2), np.random.default_rng(0)) is None


def test_every_bound_that_holds_shows_an_admissible_instance(claims, tmp_path):
    (verdict,) = check([claims["zero-side"]], samples=40, witness_dir=tmp_path)
    assert verdict.outcome in ("holds", "proved")
    assert replay(verdict.witness).confirmed


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_contradictions_are_certified_on_their_scope(name, claims):
    (verdict,) = check([claims[name]], samples=40)
    assert verdict.outcome == "vacuous"
    scope = IMPOSSIBLE[name][3]
    proof = infeasible_boxes(claims[name])
    assert (proof.scope if proof else None) == scope
    assert ("certified" in verdict.message) is (scope is not None)
    assert scope is not None or "acceptance rate 0" in verdict.message


@pytest.mark.parametrize("name", POSSIBLE)
def test_no_contradiction_is_seen_where_there_is_none(name, claims):
    assert infeasible_boxes(claims[name]) is None
