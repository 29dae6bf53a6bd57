"""What the arguments of a claim range over: predicates, constructive samplers, corners, shrinking steps.

Predicates are exact: a spectral limit is a rational LDL^T of R^2 I - A^T A. Samplers construct admissible rationals
from floats that only propose; a proposal that the predicate does not admit is never used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from flint import fmpq

from .backends import Instance, floats
from .exact import InputError, from_float
from .limits import Limit

LARGEST = 1e150
"""Numbers beyond this are drawn at corners only: their squares leave the range of floats."""
COARSE, FINE = 12, 45
"""Bits of the grid that sampled and polished numbers are rounded to."""


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


@lru_cache(maxsize=1024)
def _ends(domain: Scalar) -> tuple[Limit, Limit]:
    return Limit.of(domain.low, "low"), Limit.of(domain.high, "high")


@dataclass(frozen=True)
class Scalar:
    """A rational number from low to high, ends included."""

    low: Any
    high: Any

    def __post_init__(self) -> None:
        if self.low is None or self.high is None:
            raise InputError(f"{type(self).__name__} needs both ends, got ({self.low!r}, {self.high!r})")
        low, high = Limit.of(self.low, "low"), Limit.of(self.high, "high")
        if not low.names and not high.names and low.upper({}) > high.lower({}):
            raise InputError(f"{type(self).__name__} needs low <= high, got ({self.low!r}, {self.high!r})")

    def limits(self) -> list[Limit]:
        return list(_ends(self))

    def ends(self, known: Instance) -> tuple[fmpq, fmpq]:
        """The rationals between which values lie."""
        low, high = self.limits()
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
        value = rounded(raw, bits)[0] if np.isfinite(raw[0]) else low
        value = min(max(value, low), high)
        return value if self.admits(value, known) else None

    def raw(self, value: Any) -> np.ndarray:
        return np.array([floats(value)])

    def sample(self, rng: np.random.Generator, known: Instance) -> Any:
        low, high = self.ends(known)
        if low > high:
            return None
        return self.exactly(np.array([uniform(rng, low, high)]), known, COARSE)

    def corners(self, known: Instance, twins: Sequence[Any]) -> list[Any]:
        low, high = self.ends(known)
        if low > high:
            return []
        inside = [fmpq(v) for v in (0, 1, 2) if low < v < high]
        return distinct([low, high, (low + high) / 2, *inside, *(t for t in twins if low <= t <= high)])


Param = Scalar
"""A parameter of the statement, such as a radius: the same domain under the name that says its role."""


def uniform(rng: np.random.Generator, low: fmpq, high: fmpq, size: int | None = None) -> Any:
    """Floats between two rationals, half of the time uniform in the logarithm where the range spans orders of size."""
    a, b = (np.clip(floats(end), -LARGEST, LARGEST) for end in (low, high))
    if a > 0 and b / a > 20 and rng.random() < 0.5:
        return np.exp(rng.uniform(np.log(a), np.log(b), size))
    return a + (b - a) * rng.random(size)


def rounded(raw: np.ndarray, bits: int) -> np.ndarray:
    """Floats on a grid of about ``bits`` bits relative to the largest, towards zero, as rationals."""
    flat = np.asarray(raw, dtype=float)
    peak = np.abs(flat).max(initial=0.0)
    unit = 2.0 ** (np.floor(np.log2(peak)) - bits) if peak > 0 else 1.0
    out = np.empty(flat.shape, dtype=object)
    cells = out.reshape(-1)
    for i, v in enumerate(flat.reshape(-1)):
        cells[i] = from_float(np.trunc(v / unit) * unit)
    return out


def distinct(values: list[Any]) -> list[Any]:
    """The values without repetitions, in order."""
    return list({_key(value): value for value in reversed(values)}.values())[::-1]


def _key(value: Any) -> Any:
    return (value.shape, tuple(value.reshape(-1))) if isinstance(value, np.ndarray) else value


def neighbours(value: np.ndarray) -> Iterator[np.ndarray]:
    """Values next to an earlier argument: equal, opposite, a little shorter, one entry moved."""
    yield value
    yield -value
    for k in (6, 12, 24):
        yield value * (1 - fmpq(1, 1 << k))
    step = fmpq(1, 1 << 12)
    moved = value.copy()
    moved.reshape(-1)[0] -= step
    yield moved
    if value.size > 1:
        turned = moved.copy()
        turned.reshape(-1)[1] += step
        yield turned
