"""Admissible exact instances of a claim: random ones and corners, in groups of equal sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flint import fmpq

from .backends import Instance
from .claims import Claim
from .domains import Size, neighbours
from .exact import Count, Unfit

CORNER_SHARE = 0.6
"""In a corner instance, the share of arguments that sit at a corner; the rest is random."""

ATTEMPTS = 4
"""Draws of one instance before the sampler gives it up."""


@dataclass(frozen=True)
class Sampler:
    """Draws instances of one claim.

    Attributes:
        claim: the claim.
        rng: the only source of chance.
        ceiling: largest size that is drawn.
    """

    claim: Claim
    rng: np.random.Generator
    ceiling: int
    _corners: dict[Any, list[Any]] = field(default_factory=dict, repr=False)
    _fits: dict[tuple[Any, ...], str] = field(default_factory=dict, repr=False)

    def groups(self, count: int, group: int) -> Iterator[list[Instance]]:
        """About ``count`` instances in lists that share their sizes; half of them corner instances.

        The first groups take the smallest sizes. Draws that fail are left out: `len` of a list may be below ``group``.
        """
        for number in range(-(-count // group)):
            sizes = self.sizes(number)
            wanted = min(group, count - number * group)
            drawn = (self.draw(sizes, corner=i % 2 == 1) for i in range(wanted))
            yield [instance for instance in drawn if instance is not None]

    def sizes(self, number: int) -> Instance:
        """Sizes of a group: the smallest, the next, then in turn each size and any, small ones more often."""
        chosen: Instance = {}
        for name, domain in self.claim.domains.items():
            if isinstance(domain, Size):
                values = domain.values(self.ceiling)
                weights = 1.0 / np.sqrt(np.arange(1, len(values) + 1))
                place = number if number < 2 else int(self.rng.choice(len(values), p=weights / weights.sum()))
                if number >= 2 and number % 2 == 0:
                    place = (number // 2 + 1) % len(values)
                chosen[name] = Count(values[min(place, len(values) - 1)])
        return chosen

    def draw(self, sizes: Instance, corner: bool) -> Instance | None:
        """One admissible instance of the given sizes, or None."""
        for _ in range(ATTEMPTS):
            try:
                instance = self._attempt(sizes, corner)
            except Unfit as reason:
                self._fits[tuple(sizes.values())] = str(reason)
                return None
            self._fits[tuple(sizes.values())] = ""
            if instance is not None:
                return instance
        return None

    def misfit(self) -> str | None:
        """Why no sizes that were tried fit the annotations; None where some do."""
        reasons = set(self._fits.values())
        return min(reasons) if reasons and "" not in reasons else None

    def _attempt(self, sizes: Instance, corner: bool) -> Instance | None:
        known: Instance = {}
        for name, domain in self.claim.domains.items():
            if name in sizes:
                known[name] = sizes[name]
                continue
            at_corner = corner and self.rng.random() < CORNER_SHARE
            value = self._corner(name, known) if at_corner else None
            value = domain.sample(self.rng, known) if value is None else value
            if value is None or not domain.admits(value, known):
                return None
            known[name] = value
        return known

    def _corner(self, name: str, known: Instance) -> Any:
        domain = self.claim.domains[name]
        near = [value for twin in twins(self.claim, name) for value in _near(known[twin])]
        if near and self.rng.random() < 0.5:
            value = near[int(self.rng.integers(len(near)))]
            return value if domain.admits(value, known) else None
        key = (name, *(limit.bounds(known) for limit in domain.limits()))
        if key not in self._corners:
            self._corners[key] = domain.corners(known, [])
        pool = self._corners[key]
        return pool[int(self.rng.integers(len(pool)))] if pool else None


def twins(claim: Claim, name: str) -> list[str]:
    """Earlier arguments with the same annotation."""
    earlier = list(claim.domains)[: list(claim.domains).index(name)]
    return [other for other in earlier if claim.domains[other] == claim.domains[name]]


def drawn_together(claim: Claim, instance: Instance, factor: fmpq) -> Instance | None:
    """The instance with each argument moved towards its first twin; None without twins, or where inadmissible.

    Args:
        claim: the claim.
        instance: an admissible instance.
        factor: what is left of the distance, 0 for coinciding twins.
    """
    moved = dict(instance)
    for name, domain in claim.domains.items():
        for twin in [] if isinstance(domain, Size) else twins(claim, name)[:1]:
            if np.shape(instance[name]) == np.shape(instance[twin]):
                moved[name] = moved[twin] + (instance[name] - moved[twin]) * factor
    paired = any(moved[name] is not instance[name] for name in instance)
    return moved if paired and claim.admits(moved) else None


def _near(value: Any) -> list[Any]:
    if isinstance(value, np.ndarray):
        return list(neighbours(value))
    return [value, value * (1 - fmpq(1, 4096))]
