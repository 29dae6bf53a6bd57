"""Admissible exact instances of a claim: random ones and corners, in groups of equal sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from flint import fmpq

from ..arrays.backends import Instance
from ..arrays.exact import Count, Unfit
from ..claims import Claim
from .domains import Pool, Size, neighbours

CORNER_SHARE = 0.6
"""In a corner instance, the share of arguments that sit at a corner; the rest is random."""

NEAR = fmpq(1, 4096)
"""How much smaller a number is than its twin, relatively."""

ATTEMPTS = 4
"""Draws of one instance before the sampler gives it up."""

PATIENCE = 200
"""Fewer draws without an instance end nothing."""


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
    _fits: dict[tuple[Any, ...], str] = field(default_factory=dict, repr=False)

    @cached_property
    def _twins(self) -> dict[str, list[str]]:
        return {name: twins(self.claim, name) for name in self.claim.domains}

    def groups(self, count: int, group: int) -> Iterator[list[Instance]]:
        """About ``count`` instances in lists that share their sizes; half of them corner instances.

        Sizes are chosen for ``group`` instances at a time, the smallest first, and instances of equal sizes are drawn
        together. Draws that fail are left out; half of them without any instance end it, if they are many.
        """
        wanted: dict[tuple[int, ...], int] = {}
        chosen: dict[tuple[int, ...], Instance] = {}
        for number in range(-(-count // group)):
            sizes = self.sizes(number)
            key = tuple(sizes.values())
            chosen[key] = sizes
            wanted[key] = wanted.get(key, 0) + min(group, count - number * group)
        tried, found = 0, False
        for key, many in wanted.items():
            drawn = self.group(chosen[key], [i % 2 == 1 for i in range(many)])
            tried, found = tried + many, found or bool(drawn)
            yield drawn
            if not found and tried >= max(count // 2, PATIENCE):
                return

    def sizes(self, number: int) -> Instance:
        """Sizes of a group: the smallest, the next, then in turn each size and any, small ones more often.

        In turn, several sizes run at distances that change from round to round: a statement may fail only where they
        differ.
        """
        chosen: Instance = {}
        for name, domain in self.claim.domains.items():
            if isinstance(domain, Size):
                values = domain.values(self.ceiling)
                weights = 1.0 / np.sqrt(np.arange(1, len(values) + 1))
                place = number if number < 2 else int(self.rng.choice(len(values), p=weights / weights.sum()))
                if number >= 2 and number % 2 == 0:
                    turn = number // 2
                    place = (turn + 1 + len(chosen) * (1 + (turn - 1) // len(values))) % len(values)
                chosen[name] = Count(values[min(place, len(values) - 1)])
        return chosen

    def draw(self, sizes: Instance, corner: bool) -> Instance | None:
        """One admissible instance of the given sizes, or None."""
        return next(iter(self.group(sizes, [corner])), None)

    def group(self, sizes: Instance, corners: Sequence[bool]) -> list[Instance]:
        """Admissible instances of the given sizes, drawn together.

        Args:
            sizes: argument name -> size.
            corners: for each instance wanted, whether it is a corner instance.
        """
        drawn: list[Instance] = []
        waiting = list(corners)
        for _ in range(ATTEMPTS):
            try:
                found = self._attempts(sizes, waiting)
            except Unfit as reason:
                self._fits[tuple(sizes.values())] = str(reason)
                return drawn
            self._fits[tuple(sizes.values())] = ""
            drawn += [instance for instance in found if instance is not None]
            waiting = [corner for corner, instance in zip(waiting, found, strict=True) if instance is None]
            if not waiting:
                break
        return drawn

    def misfit(self) -> str | None:
        """Why no sizes that were tried fit the annotations; None where some do."""
        reasons = set(self._fits.values())
        return min(reasons) if reasons and "" not in reasons else None

    def _attempts(self, sizes: Instance, corners: Sequence[bool]) -> list[Instance | None]:
        """One attempt at each instance, argument by argument; None where an argument has no admissible value."""
        known: list[Instance] = [dict(sizes) for _ in corners]
        open_places = list(range(len(corners)))
        for name in self.claim.domains:
            if name not in sizes and open_places:
                values = self._values(name, [known[i] for i in open_places], [corners[i] for i in open_places])
                for i, value in zip(open_places, values, strict=True):
                    known[i][name] = value
                open_places = [i for i, value in zip(open_places, values, strict=True) if value is not None]
        kept = set(open_places)
        return [{n: one[n] for n in self.claim.domains} if i in kept else None for i, one in enumerate(known)]

    def _values(self, name: str, knowns: Sequence[Instance], corners: Sequence[bool]) -> list[Any]:
        """Admissible values of one argument, some of them corners, the others random and drawn together."""
        chances = self.rng.random((len(knowns), 3)).tolist()
        values = [
            self._corner(name, known, kind, place) if corner and share < CORNER_SHARE else None
            for known, corner, (share, kind, place) in zip(knowns, corners, chances, strict=True)
        ]
        rest = [i for i, value in enumerate(values) if value is None]
        if rest:
            drawn = self.claim.domains[name].draw(self.rng, [knowns[i] for i in rest])
            for i, value in zip(rest, drawn, strict=True):
                values[i] = value
        return values

    def _corner(self, name: str, known: Instance, kind: float, place: float) -> Any:
        """An admissible neighbour of a twin or an admissible corner, each with the same chance; None without one.

        Args:
            name: the argument.
            known: the earlier ones.
            kind, place: two independent chances between 0 and 1, the first of which thing, the second of which one.
        """
        domain, near = self.claim.domains[name], self._twins[name]
        if near and kind < 0.5:
            values = _near(known[near[int(2 * kind * len(near))]])
            value = values[int(place * len(values))]()
            return value if domain.admits(value, known) else None
        pool = domain.pool(known)
        return next(self._admitted(domain, pool, known, int(place * len(pool))), None) if pool else None

    def _admitted(self, domain: Any, pool: Pool, known: Instance, first: int) -> Iterator[Any]:
        """The admissible corners, one chosen by chance, then all in random order; most pools admit the first."""
        for place in chain([first], self._shuffled(len(pool))):
            base, scale = pool[place]
            value = base * scale
            if domain.admits(value, known):
                yield value

    def _shuffled(self, count: int) -> Iterator[int]:
        yield from self.rng.permutation(count)


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


def _near(value: Any) -> list[Callable[[], Any]]:
    return neighbours(value) if isinstance(value, np.ndarray) else [lambda: value, lambda: value * (1 - NEAR)]
