"""Who competes, and one timed run of each."""

import warnings
from collections.abc import Callable

from proofs_check.bench.rivals import Skipped
from proofs_check.bench.solvers import ours, with_jax, with_scipy
from proofs_check.bench.solvers.accuracy import Judge
from proofs_check.bench.solvers.cases import SolverInstance
from proofs_check.bench.solvers.trajectory import TimeUp, Trajectory, summary

OURS = tuple(ours.DESCRIPTIONS)
SCIPY = tuple(with_scipy.DESCRIPTIONS)
WHITENED = tuple(name for name, method in with_scipy.SCIPY.items() if method.whitened)
"""Those that profit from this program's change of variables."""
JAX = tuple(with_jax.DESCRIPTIONS)
DESCRIPTIONS = {**ours.DESCRIPTIONS, **with_scipy.DESCRIPTIONS, **with_jax.DESCRIPTIONS}
REPETITIONS = ((0.05, 9), (1.0, 3))
"""Seconds of the first run below which it is repeated, and how many runs there are; their median counts."""
Run = Callable[[Trajectory], None]

__all__ = ["DESCRIPTIONS", "JAX", "OURS", "SCIPY", "WHITENED", "Skipped", "measure_contestant"]


def measure_contestant(name: str, data: SolverInstance, judge: Judge, cap: float) -> dict[str, object]:
    """The times at which a contestant reaches each level, its best accuracy, and the value where it ended.

    Args:
        name: a key of `DESCRIPTIONS`.
        data: the problem.
        judge: of its points.
        cap: seconds for one run.

    Raises:
        Skipped: the contestant cannot do this case.
    """
    run = _prepared(name, data)
    runs: list[Trajectory] = []
    totals: list[float] = []
    while len(runs) < (_repetitions(totals[0]) if totals else 1):
        trajectory = Trajectory(judge, cap)
        _compete(run, trajectory)
        runs.append(trajectory)
        totals.append(trajectory.elapsed)
    x = runs[0].x
    return {**summary(runs, totals), "value": None if x is None else judge.value_at(x)}


def _repetitions(seconds: float) -> int:
    """How often a run is made of which the first one took so long."""
    return next((count for limit, count in REPETITIONS if seconds < limit), 1)


def _prepared(name: str, data: SolverInstance) -> Run:
    if name in JAX:
        compiled = with_jax.compile_jax(name, data)
        return lambda trajectory: with_jax.run_jax(name, data, compiled, trajectory)
    of_one = ours.run_ours if name in OURS else with_scipy.run_scipy
    return lambda trajectory: of_one(name, data, trajectory)


def _compete(run: Run, trajectory: Trajectory) -> None:
    """One run; what a method warns of, or dies of, ends up in what it reached."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            run(trajectory)
        except TimeUp:
            pass
        except (ArithmeticError, ValueError) as error:
            trajectory.end = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
