"""Timing: works that compete take turns, so that a change of the machine's speed meets all of them."""

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from proofs_check.bench.cases import Work

LEAST_SAMPLE = 0.01
"""Seconds; a fast work is called often enough that one sample lasts this long."""
FEWEST, MOST = 3, 25
SLOW = 10.0
"""Seconds from which one sample must do."""


@dataclass(frozen=True)
class Timing:
    """Seconds of one call: median and quartiles of the wall time, median of the CPU time over all threads."""

    seconds: float
    lower_quartile: float
    upper_quartile: float
    cpu_seconds: float
    samples: int

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)


def measure(works: Mapping[str, Work], budget: float = 0.6) -> dict[str, Timing]:
    """Time works that were called before (compiled, warm), in turns.

    Args:
        works: name -> work.
        budget: seconds for each work, exceeded only to take three samples (one of a very slow work).
    """
    samples = {name: [_sample(work, 1)] for name, work in works.items()}
    calls = {name: max(1, math.ceil(LEAST_SAMPLE / taken[0][0])) for name, taken in samples.items()}
    wanted = {name: _sample_count(taken[0][0] * calls[name], budget) for name, taken in samples.items()}
    turns = max(wanted.values())
    for name, taken in samples.items():
        if wanted[name] > 1:
            taken.clear()
    for turn in range(turns):
        for name, work in works.items():
            # Few samples are spread over all turns.
            if wanted[name] > 1 and turn * wanted[name] // turns >= len(samples[name]):
                samples[name].append(_sample(work, calls[name]))
    return {name: _summary(np.array(taken)) for name, taken in samples.items()}


def _sample_count(seconds: float, budget: float) -> int:
    return 1 if seconds > SLOW else min(MOST, max(FEWEST, math.floor(budget / seconds)))


def _sample(work: Work, calls: int) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        work()
    return (time.perf_counter() - wall) / calls, (time.process_time() - cpu) / calls


def _summary(taken: np.ndarray) -> Timing:
    lower, middle, upper = (float(q) for q in np.quantile(taken[:, 0], (0.25, 0.5, 0.75)))
    return Timing(middle, lower, upper, float(np.median(taken[:, 1])), len(taken))
