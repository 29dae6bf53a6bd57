"""Corners of vectors and matrices, chosen by chance among the admissible ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from flint import fmpq

from ..arrays.backends import Instance
from .columns import Column
from .corners import Pool
from .domains import distinct, neighbours
from .settling import Bounds
from .stating import bounds_of, of_several_shapes


def drawn_values(domain: Any, rng: np.random.Generator, knowns: Sequence[Instance]) -> list[Any]:
    """Random admissible exact values, None where there is none; of several shapes one by one."""
    if of_several_shapes(domain.stated, knowns):
        return [domain.sample(rng, known) for known in knowns]
    return list(domain.column(rng, knowns).values())


def all_corners(domain: Any, shape: tuple[int, ...], known: Instance, twins: Sequence[Any]) -> list[Any]:
    """The admissible corners of a domain, neighbours of twins among them."""
    found = [build() for twin in twins if twin.shape == shape for build in neighbours(twin)]
    bounds = bounds_of(domain.stated, [known])
    pool, free = domain.pool(shape, bounds)
    found += [pool.corners[number].value * bounds.factor(kind, 0, free) for number, kind in pool.entries]
    return [value for value in distinct(found) if domain.admits(value, known)]


@dataclass(frozen=True, eq=False)
class Corners:
    """Corners of a domain for several sets of earlier arguments.

    Attributes:
        domain: the domain.
        knowns: the earlier arguments.
        bounds: the limits that they give.
        pool: the corners.
        free: the reach of values without limits on norms.
        judged: what is known of entries of the pool where the limits are all the same.
    """

    domain: Any
    knowns: Sequence[Instance]
    bounds: Bounds
    pool: Pool
    free: fmpq
    judged: dict[int, bool] = field(default_factory=dict)

    @staticmethod
    def of(domain: Any, shape: tuple[int, ...], knowns: Sequence[Instance]) -> Corners:
        """Corners of a shape."""
        bounds = bounds_of(domain.stated, knowns)
        return Corners(domain, knowns, bounds, *domain.pool(shape, bounds))

    def column(self, rng: np.random.Generator, chances: np.ndarray) -> Column:
        """One for each, chosen by chance among the admissible ones."""
        entries = (chances * len(self.pool.entries)).astype(int)
        present = self._sure()[entries]
        for i in np.flatnonzero(~present).tolist():
            tried = chain((int(entries[i]),), _shuffled(rng, len(self.pool.entries)))
            found = next((entry for entry in tried if self._takes(entry, i)), None)
            entries[i], present[i] = (0, False) if found is None else (found, True)
        numbers, kinds = self.pool.numbers[:, entries]
        factors = self.bounds.factors(kinds, self.free)
        with np.errstate(invalid="ignore"):
            plain = self.pool.floats[numbers] * factors.reshape(-1, *[1] * (self.pool.floats.ndim - 1))
        plain[np.isnan(plain)] = 0.0  # zeros times a factor beyond floats
        return Column(plain, lambda place: self._value(int(entries[place]), place), present)

    def _sure(self) -> np.ndarray:
        """Entries that are admissible whatever the limits are."""
        bounds = self.bounds
        limited = bounds.low is not None or bounds.high is not None or len(bounds.norms) > 1
        if self.domain.shaped or limited:
            return np.zeros(len(self.pool.entries), dtype=bool)
        for name, limits in bounds.norms.items():
            return self.pool.sure(name) & all(limit >= 0 for limit in limits[: 1 if bounds.same else None])
        return self.pool.sure(None)

    def _value(self, entry: int, i: int) -> np.ndarray:
        number, kind = self.pool.entries[entry]
        return self.pool.corners[number].value * self.bounds.factor(kind, i, self.free)

    def _takes(self, entry: int, i: int) -> bool:
        if not self.bounds.same:
            return self._admits(entry, i)
        if entry not in self.judged:
            self.judged[entry] = self._admits(entry, i)
        return self.judged[entry]

    def _admits(self, entry: int, i: int) -> bool:
        """Whether a multiple of a corner is admissible, exactly."""
        if self.domain.shaped:
            return bool(self.domain.admits(self._value(entry, i), self.knowns[i]))
        number, kind = self.pool.entries[entry]
        corner, factor = self.pool.corners[number], self.bounds.factor(kind, i, self.free)
        extremes = sorted(end * factor for end in corner.ends)
        return self.bounds.ends_at(i).take(*extremes) and corner.within(self.bounds.norms_at(i), factor)


def _shuffled(rng: np.random.Generator, count: int) -> Iterator[int]:
    yield from rng.permutation(count).tolist()
