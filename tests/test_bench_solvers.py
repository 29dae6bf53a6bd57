"""The benchmark of solvers times what it says: accuracy is judged rightly, and judging is off the clock."""

import io
import json
import math
import shutil
from importlib.util import find_spec

import mpmath
import numpy as np
import pytest
import scipy.optimize
from click.testing import CliRunner
from rich.console import Console

from numeric import solve
from proofs_check.bench.rivals.skipped import Skipped
from proofs_check.bench.solvers import SolverSettings, accuracy, contestants, run_solvers, running, with_jax, with_scipy
from proofs_check.bench.solvers.accuracy import MEASURES, judge_of
from proofs_check.bench.solvers.cases import NOISE, SolverCase, solver_instance, solver_plan
from proofs_check.bench.solvers.contestants import DESCRIPTIONS, JAX, OURS, SCIPY, WHITENED, measure_contestants
from proofs_check.bench.solvers.profile import ratios, save_profile, share
from proofs_check.bench.solvers.table import print_solvers
from proofs_check.bench.solvers.targets import judge_solvers, losing_solvers, speedup
from proofs_check.bench.solvers.trajectory import LEVELS, PATIENCE, TimeUp, Trajectory, summary
from proofs_check.cli import main

# Sums of a few hundred terms in another order.
ROUNDING = 1e-12
# Products with maps whose singular values spread over 1e3 lose three digits.
SPREAD_ROUNDING = 1e-9
CAP = 20.0
VECTOR = SolverCase("vector", "", "noisy", 60, 3, 1e3)
MATRIX = SolverCase("matrix", "", "noisy", 20, 3, 1e2)
EXACT = SolverCase("matrix", "", "exact", 20, 3, 1e2)
TINY_HEAD = SolverCase("head", "f3tiny", "given")


def loss(data, X):
    """1/2 sum (softmax(A1 X A2^T) - B)^2 + 1/2 sum (w Z)^2, written out, prompts and all."""
    value = 0.0
    for maps, B, w in data.prompts:
        Z = X @ maps[0].T if len(maps) == 1 else maps[0] @ X @ maps[1].T
        e = np.exp(Z - Z.max(axis=-1, keepdims=True))
        value += 0.5 * np.sum((e / e.sum(axis=-1, keepdims=True) - B) ** 2)
        value += 0.0 if w is None else 0.5 * np.sum((w * Z) ** 2)
    return value


@pytest.mark.parametrize("case", solver_plan(), ids=str)
def test_a_case_is_what_its_name_says(case):
    if case.n > 1000:
        case = SolverCase(**{**case.to_json(), "n": 200, "d": 8})
    data = solver_instance(case)
    at_start = loss(data, data.x0)
    assert data.problem.value(data.x0) == pytest.approx(at_start, rel=ROUNDING)
    if data.x_true is not None:
        assert loss(data, data.x_true) < 1e-20 * at_start, "zero but for rounding"
    for maps, B, w in data.prompts:
        np.testing.assert_allclose(B.sum(axis=-1), 1.0, atol=2e-3)  # float16 has three digits
        assert (w is not None) == case.weighted
        for A in maps if case.family != "head" else ():
            singular = np.linalg.svd(A, compute_uv=False)
            assert singular[0] / singular[-1] == pytest.approx(case.spread, rel=1e-8)
            assert singular[0] == pytest.approx(np.sqrt(case.n))


def test_noise_is_on_the_logits_and_the_seed_changes_the_data():
    noisy, exact = (solver_instance(SolverCase("vector", "", t, 2000, 3)).data.target for t in ("noisy", "exact"))
    difference = np.log(noisy) - np.log(exact)
    assert difference.std() == pytest.approx(NOISE, rel=0.1)  # 2000 draws: 6 standard deviations
    other = solver_instance(SolverCase("vector", "", "noisy", 2000, 3, seed=1)).data.target
    assert not np.allclose(noisy, other)


def test_rounded_heads_differ_from_the_exact_one_by_their_type():
    exact, single, half = (
        solver_instance(SolverCase("head", "f2", target)).data.target for target in ("exact", "float32", "float16")
    )
    assert 1e-8 < np.abs(single - exact).max() < 1e-5
    assert 1e-5 < np.abs(half - exact).max() < 2.0**-11
    assert single.dtype == half.dtype == float


def test_random_starts_have_entries_of_size_one_and_differ():
    first, second = (solver_instance(SolverCase("head", "f3tiny", "given", start=s)) for s in (1, 2))
    for data in (first, second):
        (A1, A2), B, _ = data.prompts[0]
        Z = A1 @ data.x0 @ (A2 - A2.mean(axis=0)).T
        assert np.sqrt(np.sum(Z**2) / B.size) == pytest.approx(1.0)
    assert not np.allclose(first.x0, second.x0)


@pytest.mark.parametrize("case", [VECTOR, MATRIX, SolverCase(**{**MATRIX.to_json(), "weighted": True})], ids=str)
def test_the_solution_is_where_scipy_finds_it(case):
    """Least squares in whitened variables knows nothing of this program's solvers or derivatives."""
    data = solver_instance(case)
    judge, origin = judge_of(data)
    problem = judge.problem

    def residuals(y):
        X = problem.to_original(y.reshape(problem.x_shape))
        parts = []
        for maps, B, w in data.prompts:
            Z = X @ maps[0].T if len(maps) == 1 else maps[0] @ X @ maps[1].T
            e = np.exp(Z - Z.max(axis=-1, keepdims=True))
            parts += [np.ravel(e / e.sum(axis=-1, keepdims=True) - B)] + ([] if w is None else [np.ravel(w * Z)])
        return np.concatenate(parts)

    found = scipy.optimize.least_squares(
        residuals, np.zeros(math.prod(problem.x_shape)), xtol=1e-12, ftol=1e-15, gtol=1e-15
    )
    # Differences have seven digits in the Jacobian, so fourteen in the value.
    assert judge.value == pytest.approx(found.cost, rel=1e-10)
    assert judge(problem.to_original(found.x.reshape(problem.x_shape))) < 1e-10
    assert origin["difference"] < accuracy.CONFIRMED


@pytest.mark.parametrize(("case", "power"), [(EXACT, 1), (MATRIX, 2)], ids=["x", "value"])
def test_accuracy_falls_as_the_point_nears(case, power):
    """Linearly where x is compared, and quadratically where values are."""
    judge, _ = judge_of(solver_instance(case))
    assert case.measure in MEASURES
    step = judge.problem.to_original(np.ones(judge.problem.x_shape))
    near, far = judge(judge.x + 1e-4 * step), judge(judge.x + 1e-3 * step)
    assert far / near == pytest.approx(10.0**power, rel=0.02)
    assert judge(judge.x) < 1e-15
    assert judge(np.full(judge.x.shape, np.nan)) == np.inf
    if case is EXACT:
        assert judge(3 * judge.x) == pytest.approx(2.0)


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="this machine's longest floats are float64")
def test_a_small_residual_is_known_to_more_digits_than_float64_has():
    data = solver_instance(SolverCase("head", "vec", "float16"))
    judge, _ = judge_of(data)
    (A,), b, _ = data.prompts[0]
    with mpmath.workdps(50):
        exact = mpmath.mpf(0)
        for x, row in zip(judge.x, b, strict=True):
            e = [mpmath.exp(mpmath.fdot(zip(map(float, a), map(float, x), strict=True))) for a in A]
            exact += sum((u / mpmath.fsum(e) - mpmath.mpf(float(c))) ** 2 for u, c in zip(e, row, strict=True)) / 2
        # Residuals are 1e-4 of the target: errors of 1e-19 in it become some 1e-15 of the value at most.
        assert abs(exact - mpmath.mpf(str(judge.value))) <= 1e-15 * exact
    step = judge.problem.to_original(judge.problem.from_singular(np.ones(judge.problem.x_shape)))
    # The error of x, a hundredth of the smaller step, cancels in the mean of both sides.
    near, far = (np.mean([judge(judge.x + t * step) for t in (length, -length)]) for length in (2e-11, 4e-11))
    assert near < 3e-13
    assert far / near == pytest.approx(4.0, rel=0.02)


def test_gradients_are_compared_in_the_stored_variables():
    data = solver_instance(TINY_HEAD)
    judge, _ = judge_of(data)
    assert judge(data.x0) == pytest.approx(1.0)
    x = 0.1 * np.ones(data.x0.shape)
    slopes = scipy.optimize.approx_fprime(x.ravel(), lambda flat: loss(data, flat.reshape(x.shape)), 1e-6)
    at_start = scipy.optimize.approx_fprime(np.zeros(x.size), lambda flat: loss(data, flat.reshape(x.shape)), 1e-6)
    # One-sided differences with steps of 1e-6.
    assert judge(x) == pytest.approx(np.linalg.norm(slopes) / np.linalg.norm(at_start), rel=1e-3)


def test_a_solution_that_a_second_method_does_not_find_is_reported(monkeypatch):
    def wrong(problem, method="auto", **options):
        solution = solve(problem, method, **options)
        return solution if method == "auto" else type(solution)(**{**vars(solution), "x": solution.x * 1.01})

    monkeypatch.setattr(accuracy, "solve", wrong)
    data = solver_instance(MATRIX)
    judge, origin = judge_of(data)
    assert origin["difference"] > accuracy.CONFIRMED
    assert judge.value == pytest.approx(solve(data.problem).value, rel=1e-9), "the lower one counts"
    note = {"case": "this one", "origin": origin, "contestants": {"jax-lm": {"skipped": "too large"}}}
    lines = printed([{**row("f2 exact"), **note}])
    assert any("this one: two methods differ by" in line for line in lines)
    assert "this one, jax-lm: too large" in lines


class Clock:
    """A clock that a test moves."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr("proofs_check.bench.solvers.trajectory.time.process_time", lambda: self.now)


def test_judging_is_off_the_clock_and_levels_keep_their_first_time(monkeypatch):
    clock = Clock(monkeypatch)

    def judge(x):
        clock.now += 100.0
        return float(x[0])

    trajectory = Trajectory(judge, cap=10.0, started=0.0)
    for accuracy_reached in (1e-3, 1e-9, 1e-2, 1e-11):
        clock.now += 1.0
        trajectory.record(np.array([accuracy_reached]))
    assert trajectory.seconds == {1e-4: 2.0, 1e-8: 2.0, 1e-10: 4.0}
    assert trajectory.elapsed == 4.0
    assert not trajectory.over
    trajectory.check_time()
    clock.now += 7.0
    with pytest.raises(TimeUp):
        trajectory.check_time()
    assert trajectory.end == "10 s had passed"


def test_a_run_is_over_at_the_last_level_or_without_progress():
    trajectory = Trajectory(lambda x: 1.0, cap=1.0)
    for _ in range(PATIENCE):
        trajectory.record(np.zeros(1), 1.0)
        assert not trajectory.over
    trajectory.record(np.zeros(1), 1.0)
    assert trajectory.over
    assert "no lower value" in trajectory.end
    reached = Trajectory(lambda x: LEVELS[-1], cap=1.0)
    reached.record(np.zeros(1))
    assert reached.over
    assert set(reached.seconds) == set(LEVELS)


def test_runs_are_summed_up_by_medians_and_a_level_counts_that_all_reach():
    runs = [Trajectory(None, 1.0, seconds={1e-4: t, **({1e-8: t} if t < 3 else {})}, best=t) for t in (1.0, 3.0, 2.0)]
    found = summary(runs, [5.0, 7.0, 9.0])
    assert found["seconds"] == {"1e-04": 2.0, "1e-08": None, "1e-10": None, "1e-12": None}
    assert (found["best"], found["total_seconds"], found["runs"]) == (3.0, 7.0, 3)


# Where a method ends is its own affair; that it gets near the solution shows that it solves the same problem.
ARRIVED = 1e-6
MILD = SolverCase("matrix", "", "noisy", 20, 3, 3.0)


def measured(name, data, judge, cap):
    return measure_contestants([name], data, judge, cap)[name]


@pytest.mark.parametrize("case", [MILD, SolverCase("vector", "", "exact", 60, 3, weighted=True)], ids=str)
def test_every_contestant_gets_to_the_solution(case, monkeypatch):
    monkeypatch.setattr(contestants, "REPETITIONS", ())
    data = solver_instance(case)
    judge, _ = judge_of(data)
    for name in DESCRIPTIONS:
        if name in JAX and find_spec("jax") is None:
            continue
        found = measured(name, data, judge, CAP)
        assert found["best"] <= ARRIVED, (name, found)
        assert found["value"] == pytest.approx(judge.value, rel=1e-5)
        levels = [t for t in found["seconds"].values() if t is not None]
        assert levels == sorted(levels)
        assert 0 < levels[0] <= found["total_seconds"] < CAP


def test_ours_are_timed_on_their_way_and_as_whole_calls():
    data = solver_instance(MATRIX)
    judge, _ = judge_of(data)
    trajectory, seen = Trajectory(lambda x: seen.append(x) or judge(x), CAP), []
    contestants.ours.run_ours("newton", data, trajectory)
    levels = [trajectory.seconds[level] for level in LEVELS]
    assert levels == sorted(levels)
    assert levels[0] < levels[1] < trajectory.elapsed
    steps = solve(data.problem, "newton", data.x0).steps
    assert len(seen) == 1 + steps + 1, "the start, each step, and the result"
    accuracies = [judge(x) for x in seen]
    assert (accuracies[0], accuracies[-1]) == (max(accuracies), min(accuracies))


def test_contestants_are_cut_off_at_the_cap():
    data = solver_instance(MATRIX)
    judge, _ = judge_of(data)
    for name in ("gauss-newton-cg", "lbfgs", "exact-w", *JAX):
        if name in JAX and find_spec("jax") is None:
            continue
        found = measured(name, data, judge, 1e-6)
        assert found["end"] == "1e-06 s had passed", name
        assert found["seconds"]["1e-10"] is None


def test_a_method_that_stops_early_is_restarted_in_new_units():
    """Newton-CG compares curvatures with 3 eps: in the loss's own units it ends far from a zero of 1e-12."""
    case = SolverCase("vector", "", "exact", 60, 3, 10.0)
    data = solver_instance(case)
    judge, _ = judge_of(data)
    functions = data.problem.scipy_functions()
    alone = scipy.optimize.minimize(
        functions["fun"], data.x0, jac=functions["jac"], hessp=functions["hessp"], method="Newton-CG",
        options={"xtol": 0.0},
    )  # fmt: skip
    assert judge(alone.x) > 1e-4
    assert measured("ncg", data, judge, CAP)["best"] < 1e-8


def test_a_method_that_fails_keeps_what_it_reached(monkeypatch):
    def fails(name, data, trajectory):
        trajectory.record(data.x0)
        trajectory.record(np.full(data.x0.shape, np.nan))
        raise OverflowError("too large\nand more")

    monkeypatch.setattr(with_scipy, "run_scipy", fails)
    data = solver_instance(MATRIX)
    judge, _ = judge_of(data)
    found = measured("lbfgs", data, judge, CAP)
    assert found["end"] == "OverflowError: too large"
    assert found["best"] == pytest.approx(judge(data.x0))
    assert found["value"] == pytest.approx(judge.value_at(data.x0)), "the last finite point"


@pytest.mark.parametrize("case", [MATRIX, SolverCase("vector", "", "noisy", 30, 3, weighted=True)], ids=str)
def test_jax_computes_the_same_model(case):
    pytest.importorskip("jax")
    data = solver_instance(case)
    compiled = with_jax.compile_jax("jax-lm", data)
    x = data.x0 + 0.3
    value, gradient, model = compiled.model(x.ravel())
    expected = data.problem.value_and_gradient(x)
    assert value == pytest.approx(loss(data, x), rel=ROUNDING)
    assert compiled.value_and_gradient(x.ravel())[0] == value
    np.testing.assert_allclose(gradient, expected[1].ravel(), rtol=SPREAD_ROUNDING, atol=ROUNDING)
    dense = data.problem.gauss_newton(x).to_dense()
    np.testing.assert_allclose(model, dense, rtol=SPREAD_ROUNDING, atol=ROUNDING * np.abs(dense).max())


def test_a_jacobian_that_is_too_large_is_skipped(monkeypatch):
    pytest.importorskip("jax")
    monkeypatch.setattr(with_jax, "MEMORY_LIMIT", 1e3)
    with pytest.raises(Skipped, match=r"the Jacobian would need 0.0 GB"):
        with_jax.compile_jax("jax-lm", solver_instance(MATRIX))


def note(seconds, best=1e-13, value=1.0):
    return {"seconds": {f"{level:.0e}": seconds for level in LEVELS}, "best": best, "total_seconds": 9.0,
            "runs": 1, "end": "", "value": value}  # fmt: skip


def row(case="f2 exact", **times):
    """A row with seconds of some contestants, None for one that does not arrive."""
    known = dict.fromkeys(OURS, 1.0) | {name.replace("_", "-"): t for name, t in times.items()}
    return {
        "family": "head", "name": "f2", "case": case, "measure": "x", "origin": {"difference": 0.0},
        "contestants": {name: note(t, 1e-13 if t else 4e-10) for name, t in known.items()},
    }  # fmt: skip


def test_targets_are_judged_at_the_worst_head():
    rows = [row("a", auto=0.1, lbfgs=1.0, lbfgs_w=0.2), row("b", auto=0.1, lbfgs=0.4, exact=None)]
    judged = {t["target"]: t for t in judge_solvers(rows)}
    stored = judged["heads: auto, times faster than the best (stored)"]
    assert (stored["measured"], stored["met"]) == (pytest.approx(4.0), False)
    assert stored["reached"] == pytest.approx(0.8)
    assert stored["note"] == "on 1 of 2 heads; worst: b"
    anywhere = judged["heads: auto, times faster than the best (any)"]
    assert (anywhere["measured"], anywhere["note"]) == (pytest.approx(2.0), "on 0 of 2 heads; worst: a")
    assert judged["a: auto, seconds to 1e-12"]["reached"] == pytest.approx(10.0)
    # A whole call takes 9 s in these rows.
    whole = judged["heads: whole call of auto, times faster than the best (stored)"]
    assert (whole["measured"], whole["met"]) == (pytest.approx(0.4 / 9), False)
    slow = judged["a: gauss-newton-cg, seconds to 1e-12"]
    assert (slow["measured"], slow["met"]) == (1.0, True)


def test_who_does_not_arrive_is_neither_fast_nor_a_rival():
    assert speedup(row(auto=None, lbfgs=1.0), "auto", SCIPY) == 0.0
    assert speedup(row(auto=1.0, lbfgs=None), "auto", SCIPY) == np.inf
    assert speedup(row(auto=None, lbfgs=None), "auto", SCIPY) is None
    (stored, *_) = judge_solvers([row(auto=0.1, lbfgs=None)])
    assert (stored["measured"], stored["met"]) == (None, True)
    missed = judge_solvers([row(auto=None, lbfgs=1.0)])
    assert [t["met"] for t in missed if "auto" in t["target"]] == [False] * 5


def test_losing_cases_are_named_worst_first():
    rows = [row("a", auto=1.0, lbfgs_w=0.5), row("b", auto=1.0, lbfgs=0.1, newton=0.2), row("c", auto=0.1, lbfgs=1.0),
            row("d", auto=None, exact=3.0)]  # fmt: skip
    assert [(case["case"], case["rival"]) for case in losing_solvers(rows)] == [
        ("d", "exact"), ("b", "lbfgs"), ("a", "lbfgs-w"),
    ]  # fmt: skip
    lines = printed(rows)
    assert "lbfgs wins on b: 100 ms, auto 1000 ms, our newton 200 ms" in lines
    assert any(line.startswith("exact wins on d: 3000 ms, auto does not reach it") for line in lines)
    assert "Losing cases: none." in printed([row(lbfgs=2.0)])


def test_the_profile_is_that_of_dolan_and_more(tmp_path):
    rows = [row("a", auto=1.0, lbfgs=2.0), row("b", auto=3.0, lbfgs=0.5, newton=None), row("c", auto=1.0, lbfgs=None)]
    found = ratios(rows)
    np.testing.assert_array_equal(found["auto"], [1.0, 6.0, 1.0])
    np.testing.assert_array_equal(found["lbfgs"], [2.0, 1.0, np.inf])
    assert [share(found["lbfgs"], tau) for tau in (1.0, 2.0, 1e9)] == pytest.approx([1 / 3, 2 / 3, 2 / 3])
    assert "exact" not in found
    save_profile({"rows": rows}, tmp_path / "profile.png")
    assert (tmp_path / "profile.png").read_bytes().startswith(b"\x89PNG")


def printed(rows, width=100):
    """The report of rows that were not measured, its lines with single spaces."""
    result = {"rows": rows, "missing_rivals": ["jax"], "targets": judge_solvers(rows), "losing": losing_solvers(rows),
              "settings": {"cap": 5.0}}  # fmt: skip
    console = Console(width=width, highlight=False, record=True, file=io.StringIO())
    print_solvers(result, console)
    return [" ".join(line.split()) for line in console.export_text().splitlines()]


def test_the_report_fits_a_hundred_columns_and_says_who_arrived_when():
    times = dict.fromkeys((*SCIPY, *JAX), 12.3) | {"lbfgs": None}
    rows = [row(str(case), **times) | {"measure": case.measure} for case in solver_plan()]
    rows += [row("nobody arrives", **dict.fromkeys(times)) | {"contestants": dict.fromkeys(times, note(None, 4e-10))}]
    result = {"rows": rows, "missing_rivals": [], "targets": judge_solvers(rows), "losing": losing_solvers(rows),
              "settings": {"cap": 5.0}}  # fmt: skip
    console = Console(width=100, highlight=False, record=True, file=io.StringIO())
    print_solvers(result, console)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "f2 exact x 1000 1000 1000 1000 lbfgs-w 12 12 12 12" in lines
    assert "f2 exact 4e-10* 12300 12300 12300 12300 12300 12300 12300 12300 12300" in lines
    assert " ".join(["nobody arrives", *["4e-10*"] * len(times)]) in lines
    assert "lbfgs 1.000000* 1.000000* 1.000000* 1.000000* 1.000000* 1.000000*" in lines
    for name in DESCRIPTIONS:
        assert any(line.startswith(f"{name}: ") for line in lines)
    assert "jax; pip install" in " ".join(printed(rows))


def test_a_run_is_plain_data(tmp_path):
    """In its process, from the command line, without JAX."""
    found = run_solvers(SolverSettings(cap=CAP, jax=False, cases=(SolverCase("vector", "", "noisy", 40, 2),)))
    assert json.loads(json.dumps(found, allow_nan=False))["schema"] == running.SCHEMA
    (one,) = found["rows"]
    assert set(one["contestants"]) == {*OURS, *SCIPY}
    assert SolverCase(**{key: one[key] for key in VECTOR.to_json()}) == SolverCase("vector", "", "noisy", 40, 2)
    assert found["settings"] == {"quick": False, "seed": 0, "cap": CAP}
    assert "jax" not in found["missing_rivals"]


def test_a_process_that_dies_costs_its_case_alone(monkeypatch):
    monkeypatch.setattr(running.sys, "executable", shutil.which("false"))
    found = run_solvers(SolverSettings(quick=True))
    assert [one["case"] for one in found["rows"]] == [str(case) for case in solver_plan(quick=True)]
    lines = printed(found["rows"])
    assert "f2 float32: the process ended with status 1" in lines


def test_the_command_writes_numbers_and_picture(tmp_path, monkeypatch):
    rows = [row("a", auto=1.0, lbfgs=2.0)]
    seen = []

    def measured(settings, progress):
        seen.append(settings)
        return {"rows": rows, "missing_rivals": [], "targets": judge_solvers(rows), "losing": [],
                "settings": {"cap": settings.seconds}}  # fmt: skip

    monkeypatch.setattr("proofs_check.bench.solvers.run_solvers", measured)
    words = ["bench", "--solvers", "--quick", "--rivals", "none", "--seed", "3", "--out", str(tmp_path)]
    ended = CliRunner().invoke(main, words)
    assert ended.exit_code == 0, ended.output
    assert "CPU ms to 1e-10" in ended.output
    assert json.loads((tmp_path / "solvers.json").read_text())["settings"]["cap"] == running.QUICK_CAP
    assert (tmp_path / "solvers.png").read_bytes().startswith(b"\x89PNG")
    assert (seen[0].quick, seen[0].seed, seen[0].jax) == (True, 3, False)
    assert SolverSettings().seconds == running.CAP
    assert SolverSettings(cap=2.0, quick=True).seconds == 2.0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--cap", "3"], "--cap goes with --solvers"),
        (["--solvers", "--cap", "0"], "0.0 is not in the range x>0"),
        (["--solvers", "--rivals", "matlab"], "unknown rival 'matlab'"),
    ],
)
def test_mistakes_are_named(words, sentence):
    ended = CliRunner().invoke(main, ["bench", *words])
    assert ended.exit_code == 2
    assert sentence in ended.output


def test_whitened_contestants_are_those_that_whiten(monkeypatch):
    assert {name for name in SCIPY if name.endswith("-w")} == set(WHITENED)
    calls = []
    right = with_scipy.whiten
    monkeypatch.setattr(with_scipy, "whiten", lambda problem: calls.append(1) or right(problem))
    data = solver_instance(VECTOR)
    judge, _ = judge_of(data)
    for name in ("lbfgs", "lbfgs-w"):
        calls.clear()
        found = measured(name, data, judge, CAP)
        assert len(calls) == (found["runs"] if name in WHITENED else 0), "inside the clock, in each run"


def test_contestants_take_turns(monkeypatch):
    data, turns = solver_instance(VECTOR), []
    judge, _ = judge_of(data)
    monkeypatch.setattr(contestants, "REPETITIONS", ((CAP, 5),))
    monkeypatch.setattr(contestants.with_scipy, "run_scipy", lambda name, data, trajectory: turns.append(name))
    assert set(measure_contestants(["lbfgs", "exact"], data, judge, CAP)) == {"lbfgs", "exact"}
    assert turns == ["lbfgs"] * 3 + ["exact"] * 3 + ["lbfgs"] * 2 + ["exact"] * 2


@pytest.mark.parametrize(("first", "runs"), [(0.04, 9), (0.06, 3), (0.9, 3), (1.1, 1)])
def test_short_runs_are_repeated_more_often(first, runs, monkeypatch):
    data = solver_instance(VECTOR)
    judge, _ = judge_of(data)
    monkeypatch.setattr(Trajectory, "elapsed", first)
    monkeypatch.setattr(contestants.with_scipy, "run_scipy", lambda name, data, trajectory: None)
    found = measured("lbfgs", data, judge, CAP)
    assert (found["runs"], found["total_seconds"]) == (runs, pytest.approx(first))
