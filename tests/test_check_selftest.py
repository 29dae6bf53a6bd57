"""The self-test: nothing wrong in the checker as it is, and every kind of sabotage found."""

import json
from fractions import Fraction

import numpy as np
import pytest
from click.testing import CliRunner
from flint import arb, fmpq

from proofs_check import InputError
from proofs_check._generated import plain_cosh
from proofs_check.arrays import balls, spectra
from proofs_check.arrays.balls import Balls, Truth
from proofs_check.campaigns.examine import examine
from proofs_check.cli import main
from proofs_check.loading import load_claims
from proofs_check.selftest import constants, matrices, points, running, scalars, variants
from proofs_check.selftest.running import PARTS, Part, run
from proofs_check.selftest.statements import HEAD, declared

PART = {part.name: part for part in PARTS}
CONTAINMENT = tuple(PART[name] for name in ("comparisons", "scalars", "matrices", "generated"))
MOST_SILENT = 0.15  # of the results: a test of balls that say nothing would prove nothing


def test_points_of_balls_stay_inside():
    """10^5 scalar and 10^3 matrix trials, and comparisons and generated code in proportion."""
    rows = {row.part: row for row in run(100_000, seed=1, parts=CONTAINMENT)}
    assert [row.wrong for row in rows.values()] == [None] * 4
    assert (rows["scalars"].tried, rows["matrices"].tried) == (100_000, 1_000)
    for name in ("scalars", "matrices", "generated"):
        assert rows[name].telling > (1 - MOST_SILENT) * rows[name].tried


@pytest.mark.parametrize("name", ["gram", "softmax, too sharp", "impossible"])
@pytest.mark.parametrize("variant", ["basis turned", "sides negated", "stated twice"])
def test_other_words_keep_the_verdict(name, variant):
    assert variants.trials(1, 0, variants.UNITS.index((name, variant))) == (1, None)


@pytest.mark.slow
@pytest.mark.parametrize("unit", range(len(variants.UNITS)))
def test_all_variants_keep_the_verdict(unit):
    assert variants.trials(1, 1, unit) == (1, None)


@pytest.mark.parametrize("name", constants.ONE_A_FAMILY)
def test_a_divided_constant_is_refuted(name):
    assert constants.trials(1, 0, constants.bounds().index(name)) == (1, None)


@pytest.mark.slow
@pytest.mark.parametrize("name", constants.bounds())
def test_every_divided_constant_is_refuted(name):
    assert constants.trials(1, 0, constants.bounds().index(name)) == (1, None)


def ends_only(function):
    """The hull of the images of both ends: wrong wherever a function turns inside."""

    def unary(self, name, x):
        if name != function:
            return original_unary(self, name, x)
        low, high = (getattr(end, name)() for end in (arb(x).lower(), arb(x).upper()))
        return low.union(high)

    return unary


original_unary, original_divide = Balls.unary, Balls.divide


def eager(left, op, right):
    """A comparison that takes overlap for failure."""
    return Truth.YES if balls._PREDICATES[op][0](left, right) else Truth.NO


SABOTAGE = {
    "cosh by its ends": (Balls, "unary", ends_only("cosh"), "scalars"),
    "exp without radius": (
        Balls, "unary",
        lambda self, name, x: arb(x).mid().exp().mid() if name == "exp" else original_unary(self, name, x), "scalars",
    ),
    "division without a look": (
        Balls, "divide", lambda self, a, b: arb(a) / arb(b).mid() if arb(b).mid() != 0 else arb(0), "scalars",
    ),
    "maximum of midpoints": (
        Balls, "extreme", lambda self, name, a, b: arb(a) if arb(a).mid() > arb(b).mid() else arb(b), "scalars",
    ),
    "power by nearest floats": (
        Balls, "number", lambda self, value: fmpq(*float(Fraction(int(value.p), int(value.q))).as_integer_ratio()),
        "comparisons",
    ),
    "discs without radius": (spectra, "_disc_end", lambda similar, i: similar[i, i].mid(), "matrices"),
    "determinant of midpoints": (
        Balls, "det", lambda self, m: arb(m[0, 0]) if len(m) == 1 else arb(0), "matrices",
    ),
    "overlap taken for failure": (balls, "compare", eager, "comparisons"),
    "a generated sum without its last row": (
        plain_cosh, "value", lambda z, b: (z[0].cosh() - b[0]) ** 2 / 2, "generated",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SABOTAGE)
def test_sabotage_is_found(name, monkeypatch):
    owner, attribute, replacement, part = SABOTAGE[name]
    monkeypatch.setattr(owner, attribute, replacement)
    if attribute == "compare":
        monkeypatch.setattr("proofs_check.selftest.comparisons.compare", replacement)
    (row,) = run(20_000, parts=(PART[part],))
    assert row.wrong is not None
    assert row.tried <= 20_000


def test_a_checker_that_refutes_what_holds_is_found(monkeypatch):
    monkeypatch.setattr("proofs_check.selftest.constants.second_opinion", lambda *rest: True)
    assert "mpmath does not see" in constants.trials(1, 0, constants.bounds().index("K7"))[1]
    monkeypatch.setattr("proofs_check.selftest.constants.FACTORS", (Fraction(1),))
    assert "nothing was checked" in constants.trials(1, 0, constants.bounds().index("P0-3.0"))[1]


def test_an_operation_that_raises_is_found(monkeypatch):
    monkeypatch.setattr(Balls, "extreme", lambda *rest: 1 // 0)
    (row,) = run(1000, parts=(PART["scalars"],))
    assert "ZeroDivisionError" in row.wrong


def test_the_oracle_is_right_about_the_ends():
    ball = arb(fmpq(1, 3), arb(fmpq(1, 8)))
    middle, reach = points.ends(ball)
    assert points.contains(ball, middle + reach)
    assert points.contains(ball, middle - reach)
    assert not points.contains(ball, middle + reach * (1 + Fraction(1, 10**30)))
    assert points.contains(fmpq(1, 3), Fraction(1, 3))
    assert not points.contains(fmpq(1, 3), Fraction(333333, 10**6))
    assert points.contains(arb.nan(), Fraction(7))


def test_elimination_against_numpy():
    rng = np.random.default_rng(3)
    a, b = ([[Fraction(int(v)) for v in row] for row in rng.integers(-5, 6, (4, 4))] for _ in range(2))
    determinant, x = matrices._eliminated(a, b)
    as_floats = [np.array(m, dtype=float) for m in (a, b, x)]
    assert float(determinant) == pytest.approx(np.linalg.det(as_floats[0]))
    np.testing.assert_allclose(as_floats[0] @ as_floats[2], as_floats[1], atol=1e-9)
    assert matrices._eliminated([[Fraction(1), Fraction(2)]] * 2, a[:2]) == (0, None)


def test_every_operation_of_the_claims_is_attacked():
    from proofs_check import arithmetic

    covered = {*scalars.OPERATIONS, *matrices.OPERATIONS}
    structural = {"diagonal", "dot", "eye", "matrix", "norm2", "ones", "softmax", "total", "vec", "vector"}
    helpers = {"Array", "is_number", "pi", "lifted", "working_in", "binomial_tail", "gaussian_moment"}
    assert set(arithmetic.__all__) - structural - helpers <= covered


def test_processes_find_the_same():
    here, there = (run(11_000, seed=2, jobs=jobs, parts=(PART["scalars"],)) for jobs in (1, 2))
    assert [(r.tried, r.telling, r.wrong) for r in here] == [(r.tried, r.telling, r.wrong) for r in there]


@pytest.mark.parametrize(("wanted", "text"), [({"trials": 0}, "trials must be"), ({"jobs": 0}, "jobs must be"),
                                              ({"seed": -1}, "seed must be")])  # fmt: skip
def test_mistakes(wanted, text):
    with pytest.raises(InputError, match=text):
        run(**wanted)


def test_the_command_tells_and_exits(monkeypatch):
    monkeypatch.setattr("proofs_check.selftest.running.PARTS", (PART["comparisons"],))
    right = CliRunner().invoke(main, ["selftest", "--trials", "1000", "--jobs", "1", "--json"])
    assert right.exit_code == 0
    assert json.loads(right.stdout)["wrong"] is None
    monkeypatch.setattr("proofs_check.selftest.comparisons.compare", eager)
    wrong = CliRunner().invoke(main, ["selftest", "--trials", "1000", "--jobs", "1"])
    assert wrong.exit_code == 1
    assert "WRONG: " in wrong.output


def test_parts_are_chosen_by_name():
    chosen = CliRunner().invoke(
        main, ["selftest", "--trials", "1000", "--jobs", "1", "--part", "comparisons", "--json"]
    )
    assert [part["part"] for part in json.loads(chosen.stdout)["parts"]] == ["comparisons"]
    assert running.named(()) == PARTS
    with pytest.raises(InputError, match=r"the parts of the self-test are comparisons, scalars.*got scalar$"):
        running.named(("scalar",))


def test_constants_are_sharpened_on_either_side_of_zero(tmp_path):
    """Dividing a negative lower bound, or multiplying it where it is positive, makes it sharper."""
    path = tmp_path / "bounds.py"
    path.write_text(HEAD + declared("above", "lower", "x: Scalar(1, 2)", "return x, Fraction(1, 3)")
                    + declared("below", "lower", "x: Scalar(-2, -1)", "return x, -3")
                    + declared("upper", "upper", "x: Scalar(-2, -1)", "return x, -Fraction(1, 3)"))  # fmt: skip
    for claim in load_claims(path):
        verdicts = [examine(constants.divided(claim, Fraction(factor)), 40, 0).outcome for factor in (1, 10)]
        assert verdicts[0] in ("holds", "proved")
        assert verdicts[1] == "refuted"


def test_deep_means_every_constant():
    assert len(PART["constants"].work(1, True)) == len(constants.bounds()) > len(PART["constants"].work(1, False)) == 3
    assert running.DEEP_SCALAR_TRIALS == 100 * running.SCALAR_TRIALS
    part = Part("scalars", "", 1, 10)
    assert part.work(25, False) == [(10, 0), (10, 1), (5, 2)]


def test_speed_is_measured_on_the_same_instance():
    from proofs_check.deciding.decide import decide
    from proofs_check.loading import find_claim
    from proofs_check.selftest import speed

    for identifier, spelled in (("K7", speed.softmax_gap), ("P3-11-exp", speed.hessian_gap)):
        claim = find_claim(identifier)
        instance = speed._instance(claim)
        assert (instance["n"], instance["d"]) == (8, 3)
        assert decide(claim, instance).truth is Truth.YES
        assert spelled(instance) is True
    result = CliRunner().invoke(main, ["selftest", "--speed", "--json"])
    assert {row["claim"] for row in json.loads(result.stdout)["speed"]} == {"K7", "P3-11-exp"}
