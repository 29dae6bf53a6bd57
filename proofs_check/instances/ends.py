"""Limits on every entry of a vector or matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq

from ..arrays import exact
from ..arrays.backends import Instance, floats
from .domains import spread_between
from .grids import Grid
from .limits import Limit
from .proposals import LARGEST, Norms, factors, settled


@dataclass(frozen=True)
class Ends:
    """Limits low <= entry <= high.

    Attributes:
        low, high: rationals that are certainly inside, or None.
    """

    low: fmpq | None
    high: fmpq | None

    @staticmethod
    def of(limits: dict[str, Limit], known: Instance) -> Ends:
        """From the limits of a domain."""
        if "low" not in limits and "high" not in limits:
            return FREE
        low, high = limits.get("low"), limits.get("high")
        return Ends(low.upper(known) if low else None, high.lower(known) if high else None)

    def admits(self, value: np.ndarray) -> bool:
        """Whether every entry is within, exactly."""
        low, high = self.low, self.high
        if low is None and high is None:
            return True
        return all((low is None or cell >= low) and (high is None or cell <= high) for cell in value.reshape(-1))

    def take(self, least: fmpq, most: fmpq) -> bool:
        """Whether entries between two rationals are within, exactly."""
        return (self.low is None or bool(least >= self.low)) and (self.high is None or bool(most <= self.high))

    def settle(
        self,
        grid: Grid,
        shape: tuple[int, ...],
        norms: Norms,
        factor: float,
        bits: int,
        also: Callable[[np.ndarray], bool] | None = None,
    ) -> np.ndarray | None:
        """`proposals.settled`, with entries inside the box."""
        if self.low is None and self.high is None:
            return settled(grid, shape, norms, factor, bits, also)
        value = boxed(grid.value(shape, exact.ONE), self.low, self.high)
        (factor,) = factors(np.clip(floats(value), -LARGEST, LARGEST)[None], [0], [norms])
        inside = self.admits if also is None else (lambda value: self.admits(value) and also(value))
        return settled(Grid.of(value), shape, norms, factor, bits, inside)


FREE = Ends(None, None)


def between_ends(
    rng: np.random.Generator, width: int, limits: dict[str, Limit], knowns: Sequence[Instance]
) -> np.ndarray | None:
    """Free floats (len(knowns), width) between the two limits on entries; None where there are not two."""
    low, high = limits.get("low"), limits.get("high")
    if low is None or high is None:
        return None
    pairs = zip(low.bounds_of_all(knowns), high.bounds_of_all(knowns), strict=True)
    return spread_between(rng, [(below[1], above[0]) for below, above in pairs], width)


def boxed(value: np.ndarray, low: Any, high: Any) -> np.ndarray:
    """Entries moved to the nearest end where they are beyond one; an end may be None."""
    if low is not None:
        value = exact.each(lambda cell: max(cell, low), value)
    return value if high is None else exact.each(lambda cell: min(cell, high), value)
