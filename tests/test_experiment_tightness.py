# ruff: noqa: E501 - one statement a line
"""Tightness profiles against laws and best constants that are known in closed form."""

import json
from fractions import Fraction

import numpy as np
import pytest
import sympy
from click.testing import CliRunner
from flint import fmpq

from proofs_check import load_claims
from proofs_check.arrays.exact import Count, InputError
from proofs_check.bounds.exponents import fit
from proofs_check.bounds.extremal import sweep
from proofs_check.bounds.growth import fixed, growth_in
from proofs_check.bounds.laws import law_of
from proofs_check.bounds.replacement import observed_replacement, proved_factor, refuted_factor, with_factor
from proofs_check.cli import main
from proofs_check.experiments import run
from proofs_check.experiments.tightness.families import FAMILIES, QUICK
from proofs_check.experiments.tightness.measuring import bound
from proofs_check.instances.survey import survey
from proofs_check.loading import find_claim
from proofs_check.searching.search import screen

HEAD = """
from fractions import Fraction
from proofs_check import Matrix, Param, Scalar, Size, Vector, assume, claim, constant
from proofs_check.arithmetic import *
"""
ENTRIES = 'n: Size(1, 12), R: Param("1/2", 4), x: Vector("n", norm_inf="R")'
BALL = 'n: Size(1, 12), R: Param("1/2", 4), x: Vector("n", norm2="R")'
CLAIMS = {
    "squares": ("upper", ENTRIES, "return norm1(x), 7 * n**2 * R**3"),
    "exact": ("upper", ENTRIES, "return norm1(x), n * R"),
    "rates": ("upper", BALL, "return norm_inf(exp(x * R)), 5 * sqrt(n) * exp(3 * R**2)"),
    "linear-rates": ("upper", BALL, "return norm_inf(exp(x)), n * R * exp(2 * R)"),
    "below": ("lower", ENTRIES, "return 2 * n + norm1(x), sqrt(n)"),
    "below-zero": ("lower", ENTRIES, "return -norm1(x), -7 * n**2 * R**3"),
    "moved": ("upper", ENTRIES, "size = norm2(x); least = n / sqrt(n)\n    return norm1(x), least * size / Fraction(1, 2)"),
    "stated": ("upper", ENTRIES, 'return norm1(x), constant("mine", expression="3*m*S**2", m=n, S=R) * norm_inf(x)'),
    "data": ("upper", ENTRIES, 'return norm1(x), constant("mine", expression="m*b", m=n, b=norm_inf(x))'),
    "hidden": ("upper", ENTRIES, "return norm1(x), n * norm2(x[:n])"),
    "sum": ("upper", ENTRIES, "return norm1(x), n * R + norm2(x)"),
    "quarter": ("lower", "z: Scalar(-3, 3), b: Scalar(-3, 3)", "return z * z - b * z, -(b * b)"),
    "third": ("upper", "x: Scalar(0, 1)", "return x * (1 - x), Fraction(3, 4)"),
    "same": ("equality", "x: Scalar(0, 1)", "return x, x"),
}  # fmt: skip
EXPONENT = 1e-6
"""Exponents of a law whose extremal instances are corners of the annotations."""
ATTAINED = 1e-6
"""log10 by which certified instances may miss a best constant that is attained, or approached as points meet."""


def declared(name, kind, arguments, body):
    return f'@claim("{name}", paper="own", kind="{kind}", provenance="own")\ndef f_{name.replace("-", "_")}({arguments}):\n    {body}\n\n'


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("profiles") / "mine.py"
    path.write_text(HEAD + "".join(declared(name, *parts) for name, parts in CLAIMS.items()))
    return path


@pytest.fixture(scope="module")
def claims(file):
    return {claim.id: claim for claim in load_claims(file)}


def rng():
    return np.random.default_rng(0)


n, R = sympy.symbols("n R")
LAWS = {
    "squares": 7 * n**2 * R**3,
    "rates": 5 * sympy.sqrt(n) * sympy.exp(3 * R**2),
    "below-zero": -7 * n**2 * R**3,
    "moved": 2 * sympy.sqrt(n),
    "stated": 3 * n * R**2,
    "data": None,
    "hidden": None,
    "sum": None,
}


@pytest.mark.parametrize("name", LAWS)
def test_laws_are_read_from_the_source(name, claims):
    law = law_of(claims[name])
    assert law is None if LAWS[name] is None else sympy.simplify(law.expression - LAWS[name]) == 0


# claim: ((rate, linear, power) in n, the same in R), by hand at n = 4 and R = 1
ORDERS = {
    "K1-exp": ((0, 0, "1/2"), (1, 0, 0)),
    "K1-cosh": ((0, 0, "1/2"), (1, 0, 0)),
    "K3-exp": ((0, 0, 1), ("-1/2", 0, 0)),
    "K4-sinh": ((0, 0, 0), (1, 0, 1)),
    "K7": ((0, 0, 0), (0, 0, 1)),
    "K13-ball": ((0, 0, 1), (2, 0, 0)),
    "P0-3.4": ((0, 0, "3/2"), (5, 0, 0)),
    "DLS-lipschitz": ((0, 0, "3/2"), (22, 0, 0)),
    "C10": ((0, 0, 0), (0, 1, 0)),
}


@pytest.mark.parametrize("name", ORDERS)
def test_orders_of_catalogue_constants(name):
    held = {"n": Count(4), "R": fmpq(1), "d": Count(1)}
    for letter, expected in zip("nR", ORDERS[name], strict=True):
        order = law_of(find_claim(name)).order(letter, held)
        assert (order.rate, order.linear, order.power) == tuple(map(sympy.Rational, expected))


def test_orders_that_cancel_are_not_read():
    claim = find_claim("K1-exp")
    law = type(law_of(claim))(sympy.sympify("(n+1)-n*cosh(1/n)", locals={"n": n}))
    assert law.order("n", {}) is None


def test_laws_have_their_values_beyond_floats():
    law = law_of(find_claim("DLS-lipschitz"))
    values = {"n": Count(4), "R": fmpq(8), "d": Count(1)}
    assert law.log10(values) == pytest.approx(1.5 * np.log10(4) + 22 * 64 / np.log(10), rel=1e-12)  # 10^612


def test_fits_agree_with_polynomials_and_say_where_they_are_not_settled():
    values = np.array([2.0, 3, 4, 6, 8, 12])
    noise = np.random.default_rng(1).normal(size=6) * 0.01
    found = fit(values, 0.7 * np.log10(values) + noise, ["power"])
    slope, covariance = np.polyfit(np.log(values), 0.7 * np.log(values) + noise * np.log(10), 1, cov=True)
    assert found.exponents[0] == pytest.approx(slope[0])
    assert found.errors[0] == pytest.approx(np.sqrt(covariance[0, 0]))
    assert found.settled
    bent = fit(values, np.log10(values + values**2 / 4), ["power"])
    assert not bent.settled
    assert 1 < bent.exponents[0] < bent.upper[0] < 2


# claim: (parameter, terms, claimed, best): the supremum of the left side is n R, e^(R^2), e^R, 2n and -n R
KNOWN = [
    ("squares", "n", ["power"], [2], [1]),
    ("squares", "R", ["power"], [3], [1]),
    ("exact", "n", ["power"], [1], [1]),
    ("rates", "n", ["power"], [0.5], [0]),
    ("rates", "R", ["power", "rate"], [0, 3], [0, 1]),
    ("linear-rates", "R", ["power", "linear rate"], [1, 2], [0, 1]),
    ("below", "n", ["power"], [0.5], [1]),
    ("below-zero", "n", ["power"], [2], [1]),
    ("below-zero", "R", ["power"], [3], [1]),
]


@pytest.mark.parametrize(("name", "parameter", "terms", "claimed", "best"), KNOWN)
def test_exponents_of_known_growth(name, parameter, terms, claimed, best, claims):
    growth, found = growth_in(claims[name], parameter, rng(), sizes=(1, 2, 4, 8), points=5)
    assert growth.terms == terms
    assert growth.claimed == pytest.approx(claimed, abs=1e-15)  # read, not fitted
    assert growth.observed == pytest.approx(best, abs=EXPONENT)
    assert growth.settled
    assert len(found) == len(growth.values)


def test_wrong_constants_show_the_gap_at_every_value(claims):
    growth, _ = growth_in(claims["squares"], "n", rng(), {"R": fmpq(2)}, sizes=(1, 2, 4, 8))
    gaps = np.subtract(growth.claimed_log10, growth.observed_log10)
    assert gaps == pytest.approx(np.log10(7 * np.array(growth.values) * 4), abs=ATTAINED)  # 7 n^2 R^3 over n R


# Suprema that the derived constants attain: beside each, where other parameters are held.
SHARP = [("K1-sinh", "R", {}), ("K3-exp", "n", {}), ("K4", "R", {}), ("K7", "R", {"n": Count(2)})]
LIMIT_OF_LARGE_R = {"K7": 2e-3}
"""R/2 is attained by softmax where further entries vanish, up to e^(-R^2): missed by 4e-4 and less from R = 2 on."""


@pytest.mark.parametrize(("name", "parameter", "held"), SHARP)
def test_the_search_reaches_suprema_that_are_known(name, parameter, held):
    small = {"n": Count(2), "d": Count(1), **held}
    growth, _ = growth_in(find_claim(name), parameter, rng(), small, sizes=(2, 4, 8), points=4)
    assert growth.observed_log10 == pytest.approx(growth.claimed_log10, abs=LIMIT_OF_LARGE_R.get(name, ATTAINED))
    assert np.all(np.array(growth.observed_log10) <= np.array(growth.claimed_log10) + 1e-12 * growth.values[-1] ** 2)


def number(q):
    return Fraction(int(q.p), int(q.q))


# the best factors: b^2/4 = max of b z - z^2, and x (1 - x) <= 1/4
@pytest.mark.parametrize(("name", "best"), [("quarter", Fraction(1, 4)), ("third", Fraction(1, 3))])
def test_best_constants_are_bracketed(name, best, claims):
    (one,) = sweep([(None, claims[name])], next(iter(claims[name].domains)), rng())
    low = refuted_factor(claims[name], one.instance, one.decision.ratio)
    assert best * Fraction(999, 1000) < number(low) < best
    assert number(proved_factor(claims[name], one.decision.ratio)) == best
    # An instance never refutes a factor above what it uses.
    assert refuted_factor(claims[name], one.instance, np.log10(float(best)) + 0.01) is None


def test_factors_sharpen_the_side_that_is_larger_in_size(claims):
    used = {}
    for name, negative in (("below", False), ("below-zero", True), ("exact", False)):
        drawn = survey(claims[name], rng(), 0, 8, deep=False)
        found = [drawn.drawn[int(np.argmax(drawn.usage))]]
        sharper = with_factor(claims[name], fmpq(1, 2), negative)
        used[name] = screen(sharper, found)[0] - screen(claims[name], found)[0]
    assert list(used.values()) == pytest.approx([np.log(2)] * 3)


def test_replacements_of_negative_bounds_are_decided_on_their_own_constant(claims):
    scope = fixed(claims["below-zero"], {"n": Count(1), "R": fmpq(1)})  # -|x| >= -7: 1/7 is best
    assert 1 / 7 < float(number(observed_replacement(scope, np.log10(1 / 7), rng()).factor)) < 1 / 6
    assert observed_replacement(scope, np.log10(1 / 9), rng()) is None


def test_paired_bounds_speak_of_the_same_quantity():
    for statement in (statement for statements in FAMILIES.values() for statement in statements):
        claimed, derived = (bound(name, "catalogue") for name in (statement.claim, statement.derived))
        common = [one for one in survey(claimed, rng(), 0, 30, deep=False).drawn if derived.admits(one)][:5]
        laws = [law_of(claim) for claim in (claimed, derived)]
        for one in common:
            values = {name: value for name, value in one.items() if isinstance(value, (int, fmpq))}
            used = [screen(claim, [one])[0] / np.log(10) for claim in (claimed, derived)]
            if not np.isfinite(used).all() or min(used) < -100:
                continue
            apart = abs(laws[0].log10(values) - laws[1].log10(values))
            assert abs(used[0] - used[1]) == pytest.approx(apart, abs=1e-6 * (1 + apart)), (statement.claim, one)


def test_studies_of_a_file_are_reproducible_and_plain(file, tmp_path):
    mine = tmp_path / "one.py"
    mine.write_text(HEAD + declared("squares", *CLAIMS["squares"]) + declared("third", *CLAIMS["third"]))
    first, second = (run("tightness", [mine], quick=True, report=lambda line: None) for _ in range(2))
    assert json.dumps(first.to_json(), allow_nan=False) == json.dumps(second.to_json(), allow_nan=False)
    rows = {(row["claim"], row["scope"]): row for row in first.rows}
    assert (rows["third", "all"]["refuted"], rows["third", "all"]["proved"]) == ("0.3333", "0.3334")
    least = rows["squares", "n = 1, 1/2 <= R <= 4"]  # |x| <= 7 R^3: the best factor 1/(7 R^2) is largest at R = 1/2
    assert float(least["refuted"]) < 4 / 7 <= float(least["proved"])
    (part,) = first.parts
    assert [row["in"] for row in part.rows] == ["n", "R"]
    assert [row["claimed"] for row in part.rows] == ["n^2", "R^3"]
    assert [row["observed"] for row in part.rows] == ["n^1.00", "R^1.00"]


def test_the_command_writes_tables_and_pictures(file, tmp_path):
    mine = tmp_path / "one.py"
    mine.write_text(HEAD + declared("exact", *CLAIMS["exact"]))
    done = CliRunner().invoke(main, ["experiment", "tightness", str(mine), "--quick", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "n^1.00" in done.stdout
    assert (tmp_path / "out" / "tightness-chosen.png").read_bytes().startswith(b"\x89PNG")
    assert "squares" not in (tmp_path / "out" / "tightness.csv").read_text()


def test_claims_that_cannot_be_profiled_are_named(file, tmp_path):
    def refused(*targets):
        done = CliRunner().invoke(main, ["experiment", "tightness", *map(str, targets), "--quick"])
        assert done.exit_code == 2
        return done.stderr

    assert "no claim 'P0-33' in the catalogue" in refused("P0-33")
    assert "experiment tightness: same is an equality, without a constant; name a bound" in refused(file)
    (tmp_path / "bad.py").write_text(
        HEAD + '@claim("bad", paper="own", kind="upper", provenance="own")\ndef f(x):\n    return x, x\n'
    )
    assert "claim bad is malformed: argument 'x' has no annotation" in refused(tmp_path / "bad.py")
    with pytest.raises(InputError, match="C1 is an equality"):
        bound("C1", "catalogue")


def test_the_families_and_the_quick_look_name_claims_of_the_catalogue():
    for statement in (one for table in (FAMILIES, QUICK) for statements in table.values() for one in statements):
        assert {bound(name, "catalogue").kind for name in (statement.claim, statement.derived)} <= {"upper", "lower"}
