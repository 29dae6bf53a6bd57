"""Who competes, and timed runs of each, in turns."""

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

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
TURN = 3
"""Runs in a row: the first one finds caches and free memory as another contestant left them."""
Run = Callable[[Trajectory], None]

__all__ = ["DESCRIPTIONS", "JAX", "OURS", "SCIPY", "WHITENED", "measure_contestants"]


@dataclass
class _Contest:
    """The runs of one contestant so far.

    Attributes:
        run: one run.
        trajectories: of the runs.
        totals: seconds of each.
    """

    run: Run
    trajectories: list[Trajectory] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether there are enough runs."""
        return bool(self.totals) and len(self.totals) >= _repetitions(self.totals[0])

    def go_on(self, judge: Judge, cap: float) -> None:
        """One more turn."""
        for _ in range(TURN):
            trajectory = Trajectory(judge, cap)
            _compete(self.run, trajectory)
            self.trajectories.append(trajectory)
            self.totals.append(trajectory.elapsed)
            if self.is_over:
                return

    def result(self, judge: Judge) -> dict[str, object]:
        """The times at which each level is reached, the best accuracy, and the value at the end."""
        x = self.trajectories[0].x
        return {**summary(self.trajectories, self.totals), "value": None if x is None else judge.value_at(x)}


def measure_contestants(
    names: Iterable[str], data: SolverInstance, judge: Judge, cap: float
) -> dict[str, dict[str, object]]:
    """What each contestant reaches and when, or why it is "skipped".

    They take turns: a machine that changes its speed changes it for all.

    Args:
        names: keys of `DESCRIPTIONS`.
        data: the problem.
        judge: of its points.
        cap: seconds for one run.
    """
    contests: dict[str, _Contest | str] = {}
    for name in names:
        try:
            contests[name] = _Contest(_prepared(name, data))
        except Skipped as reason:
            contests[name] = str(reason)
    running = [contest for contest in contests.values() if isinstance(contest, _Contest)]
    while running:
        for contest in running:
            contest.go_on(judge, cap)
        running = [contest for contest in running if not contest.is_over]
    return {
        name: {"skipped": contest} if isinstance(contest, str) else contest.result(judge)
        for name, contest in contests.items()
    }


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
