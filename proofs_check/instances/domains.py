"""What the arguments of a claim range over: predicates, constructive samplers, corners, shrinking steps.

Predicates are exact: a spectral limit is a rational LDL^T of R^2 I - A^T A. Samplers construct admissible rationals
from floats that only propose; a proposal that the predicate does not admit is never used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any, Protocol

import numpy as np
from flint import fmpq

from ..arrays.backends import Instance, floats
from ..arrays.exact import InputError
from .columns import Column
from .limits import Limit
from .proposals import LARGEST, truncated

COARSE, FINE = 12, 45
"""Bits of the grid that sampled and polished numbers are rounded to."""
SHRUNK = tuple(1 - fmpq(1, 1 << k) for k in (6, 12, 24))
"""Factors of neighbours that are a little shorter."""
RANGES = 256
"""Ranges of numbers whose extreme values are kept."""
STEP = fmpq(1, 1 << 12)
"""How far an entry of a neighbour is moved."""


class Domain(Protocol):
    """What every annotation offers."""

    def limits(self) -> list[Limit]:
        """Expressions of earlier arguments that this one depends on."""

    def admits(self, value: Any, known: Instance) -> bool:
        """The exact predicate."""

    def width(self, known: dict[str, Any]) -> int:
        """Number of free floats that describe a value; 0 for a size."""

    def project(self, raw: np.ndarray, known: dict[str, Any]) -> np.ndarray:
        """Free floats (batch, width) to nearly admissible floats (batch, *shape)."""

    def exactly(self, raw: np.ndarray, known: Instance, bits: int) -> Any:
        """An admissible exact value next to the projection of raw (width,), or None."""

    def raw(self, value: Any) -> np.ndarray:
        """Free floats that describe an exact value (a start for the search)."""

    def sample(self, rng: np.random.Generator, known: Instance) -> Any:
        """A random admissible exact value, or None."""

    def column(self, rng: np.random.Generator, knowns: Sequence[Instance]) -> Column:
        """Random admissible values for several sets of earlier arguments that share their sizes, drawn together."""

    def cornered(self, rng: np.random.Generator, knowns: Sequence[Instance], chances: np.ndarray) -> Column:
        """An admissible extreme value for each of several sets of earlier arguments that share their sizes, if any.

        Args:
            rng: where the one that is chosen is not admissible, the others are tried in random order.
            knowns: the earlier arguments.
            chances: which one, numbers between 0 and 1.
        """

    def corners(self, known: Instance, twins: Sequence[Any]) -> list[Any]:
        """Admissible extreme values; ``twins`` are earlier arguments of the same type."""


@dataclass(frozen=True)
class Size:
    """A whole number from low to high, ends included."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if not all(isinstance(v, int) for v in (self.low, self.high)) or not 1 <= self.low <= self.high:
            raise InputError(f"Size needs whole numbers with 1 <= low <= high, got ({self.low!r}, {self.high!r})")

    def limits(self) -> list[Limit]:
        return []

    def admits(self, value: Any, known: Instance) -> bool:
        return isinstance(value, int) and self.low <= value <= self.high

    def values(self, ceiling: int) -> range:
        """The sizes up to a ceiling (at least the smallest)."""
        return range(self.low, max(self.low, min(self.high, ceiling)) + 1)


@dataclass(frozen=True)
class Scalar:
    """A rational number from low to high, ends included."""

    low: Any
    high: Any

    def __post_init__(self) -> None:
        if self.low is None or self.high is None:
            raise InputError(f"{type(self).__name__} needs both ends, got ({self.low!r}, {self.high!r})")
        low, high = self._ends
        if not low.names and not high.names and low.upper({}) > high.lower({}):
            raise InputError(f"{type(self).__name__} needs low <= high, got ({self.low!r}, {self.high!r})")

    @cached_property
    def _ends(self) -> tuple[Limit, Limit]:
        return Limit.of(self.low, "low"), Limit.of(self.high, "high")

    def limits(self) -> list[Limit]:
        return list(self._ends)

    def ends(self, known: Instance) -> tuple[fmpq, fmpq]:
        """The rationals between which values lie."""
        low, high = self._ends
        return low.upper(known), high.lower(known)

    def admits(self, value: Any, known: Instance) -> bool:
        low, high = self.ends(known)
        return isinstance(value, fmpq) and bool(low <= value <= high)

    def width(self, known: dict[str, Any]) -> int:
        return 1

    def project(self, raw: np.ndarray, known: dict[str, Any]) -> np.ndarray:
        low, high = (limit.floats(known, len(raw)) for limit in self.limits())
        return np.clip(raw[:, 0], low, high)

    def exactly(self, raw: np.ndarray, known: Instance, bits: int) -> Any:
        low, high = self.ends(known)
        return _between(low, high, float(raw[0]), bits)

    def raw(self, value: Any) -> np.ndarray:
        return np.array([floats(value)])

    def sample(self, rng: np.random.Generator, known: Instance) -> Any:
        return self.column(rng, [known]).values()[0]

    def column(self, rng: np.random.Generator, knowns: Sequence[Instance]) -> Column:
        ends = self._all_ends(knowns)
        proposed = spread_between(rng, ends, 1)[:, 0].tolist()
        return Column.of([_between(*pair, value, COARSE) for pair, value in zip(ends, proposed, strict=True)])

    def _all_ends(self, knowns: Sequence[Instance]) -> list[tuple[fmpq, fmpq]]:
        low, high = (limit.bounds_of_all(knowns) for limit in self._ends)
        return [(below[1], above[0]) for below, above in zip(low, high, strict=True)]

    def cornered(self, rng: np.random.Generator, knowns: Sequence[Instance], chances: np.ndarray) -> Column:
        pools = [_extremes(*pair) for pair in self._all_ends(knowns)]
        chosen = [pool[int(c * len(pool))] if pool else None for pool, c in zip(pools, chances.tolist(), strict=True)]
        return Column.of(chosen)

    def corners(self, known: Instance, twins: Sequence[Any]) -> list[Any]:
        low, high = self.ends(known)
        return distinct([*_extremes(low, high)] + [t for t in twins if low <= t <= high])


Param = Scalar
"""A parameter of the statement, such as a radius: the same domain under the name that says its role."""


@lru_cache(maxsize=RANGES)
def _extremes(low: fmpq, high: fmpq) -> list[fmpq]:
    """Both ends, the middle, and 0, 1 and 2 where they are inside; nothing between ends the wrong way round."""
    inside = [fmpq(v) for v in (0, 1, 2) if low < v < high]
    return [low, high, (low + high) / 2, *inside] if low <= high else []


def _between(low: fmpq, high: fmpq, proposed: float, bits: int) -> fmpq | None:
    """The rounded float, moved to the nearest end where it is beyond one; None between ends the wrong way round."""
    if low > high:
        return None
    return min(max(truncated(proposed, bits), low), high) if math.isfinite(proposed) else low


def spread_between(rng: np.random.Generator, ends: Sequence[tuple[fmpq, fmpq]], width: int) -> np.ndarray:
    """Floats (len(ends), width) between pairs of rationals.

    Half of the rows are uniform in the logarithm where their range spans orders of size.
    """
    low, high = np.clip([[floats(end) for end in pair] for pair in ends], -LARGEST, LARGEST).T[:, :, None]
    chances = rng.random((len(ends), width))
    wide = (low > 0) & (high > 20 * low) & (rng.random((len(ends), 1)) < 0.5)
    plain = low + (high - low) * chances
    if not wide.any():
        return plain
    low, high = np.where(wide, low, 1.0), np.where(wide, high, 1.0)
    return np.where(wide, np.exp(np.log(low) + (np.log(high) - np.log(low)) * chances), plain)


def distinct(values: list[Any]) -> list[Any]:
    """The values without repetitions, in order."""
    return list({_key(value): value for value in reversed(values)}.values())[::-1]


def _key(value: Any) -> Any:
    return (value.shape, tuple(value.reshape(-1))) if isinstance(value, np.ndarray) else value


def neighbours(value: np.ndarray) -> list[Callable[[], np.ndarray]]:
    """Values next to an earlier one, built on demand: equal, opposite, a little shorter, one entry moved, two moved."""
    shorter = [partial(np.multiply, value, factor) for factor in SHRUNK]
    moved = [partial(_moved, value, places) for places in range(1, min(value.size, 2) + 1)]
    return [partial(np.copy, value), partial(np.negative, value), *shorter, *moved]


def _moved(value: np.ndarray, places: int) -> np.ndarray:
    moved = value.copy()
    for place, step in zip(range(places), (-STEP, STEP), strict=False):
        moved.reshape(-1)[place] += step
    return moved
