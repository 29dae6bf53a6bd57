"""When a contestant reached which accuracy: a clock that stands still while its points are judged.

The clock shows CPU seconds of the process: on the one core that it is held to these are the seconds of an idle machine,
and other work beside it does not count.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from proofs_check.bench.cases import Array
from proofs_check.files import json_number

LEVELS = (1e-4, 1e-8, 1e-10, 1e-12)
"""Relative accuracies whose times are kept; a contestant is stopped at the last one."""
PATIENCE = 100
"""A contestant is stopped where so many iterations in a row find no lower value."""


class TimeUp(Exception):
    """A contestant has used the time that it was given."""


@dataclass
class Trajectory:
    """The record of one run.

    Attributes:
        accuracy: of a point x, see `accuracy.Judge`.
        cap: seconds that the run may take.
        seconds: level -> when it was reached first.
        best: the best accuracy so far.
        value: the lowest value that was reported.
        idle: iterations since then.
        x: the last point that is finite.
        over: whether the run should go no further.
        end: why the run ended.
        started: the clock at the start, moved on by what is off the clock.
    """

    accuracy: Callable[[Array], float]
    cap: float
    seconds: dict[float, float] = field(default_factory=dict)
    best: float = np.inf
    value: float = np.inf
    idle: int = 0
    x: Array | None = None
    over: bool = False
    end: str = "the method stopped"
    started: float = field(default_factory=time.process_time)

    @property
    def elapsed(self) -> float:
        """CPU seconds since the start, without those spent on judging."""
        return time.process_time() - self.started

    def check_time(self) -> None:
        """Raises `TimeUp` where the cap is passed."""
        if self.elapsed > self.cap:
            self.end = f"{self.cap:g} s had passed"
            raise TimeUp

    def record(self, x: Array, value: float | None = None) -> None:
        """Judge a point off the clock.

        Args:
            x: in the stored variables, of the shape of x.
            value: what the contestant knows of L(x); None where it reports one point only.
        """
        now = self.elapsed
        accuracy = self.accuracy(x)
        if np.isfinite(accuracy):
            self.x = x
        self.best = min(self.best, accuracy)
        for level in LEVELS:
            if accuracy <= level:
                self.seconds.setdefault(level, now)
        if value is not None:
            self.idle = 0 if value < self.value else self.idle + 1
            self.value = min(self.value, value)
        if self.best <= LEVELS[-1]:
            self.over, self.end = True, "the last level was reached"
        elif self.idle >= PATIENCE:
            self.over, self.end = True, f"{PATIENCE} iterations found no lower value"
        self.started += self.elapsed - now


def summary(runs: Sequence[Trajectory], totals: Sequence[float]) -> dict[str, Any]:
    """What runs of one contestant on one problem found, as plain data.

    Args:
        runs: repetitions of the same work.
        totals: seconds of each, judging excluded.
    """
    seconds = {
        f"{level:.0e}": median(run.seconds[level] for run in runs) if all(level in r.seconds for r in runs) else None
        for level in LEVELS
    }
    best = max(run.best for run in runs)
    return {
        "seconds": seconds,
        "best": json_number(best),
        "total_seconds": median(totals),
        "runs": len(runs),
        "end": runs[0].end,
    }
