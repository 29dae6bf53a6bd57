"""Admissible exact instances of a claim: random ones and corners, in groups of equal sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
from flint import fmpq

from ..arrays.backends import Instance, floats
from ..arrays.exact import Count, Unfit
from ..claims import Claim
from .columns import Column, Exact, Group
from .domains import SHRUNK, Scalar, Size, neighbours

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

    def groups(self, count: int, group: int, corners: int = 0) -> Iterator[Sequence[Instance]]:
        """About ``count`` instances in lists that share their sizes; half of them corner instances.

        Sizes are chosen for ``group`` instances at a time, the smallest first, and instances of equal sizes are drawn
        together. Draws that fail are left out; half of them without any instance end it, if they are many.

        Args:
            count: instances wanted.
            group: of one choice of sizes.
            corners: further corner instances of the first and of the second choice.
        """
        wanted: dict[tuple[int, ...], list[bool]] = {}
        chosen: dict[tuple[int, ...], Instance] = {}
        for number in range(max(-(-count // group), 2 if corners else 0)):
            sizes = self.sizes(number)
            key = tuple(sizes.values())
            chosen[key] = sizes
            several = wanted.setdefault(key, [])
            several += [True] * (corners if number < 2 else 0)
            several += [i % 2 == 1 for i in range(min(group, count - number * group))]
        tried, found = 0, False
        for key, flags in wanted.items():
            drawn = self.group(chosen[key], flags)
            tried, found = tried + len(flags), found or bool(drawn)
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
                place = number if number < 2 else int(np.searchsorted(_rising(len(values)), self.rng.random()))
                if number >= 2 and number % 2 == 0:
                    turn = number // 2
                    place = (turn + 1 + len(chosen) * (1 + (turn - 1) // len(values))) % len(values)
                chosen[name] = Count(values[min(place, len(values) - 1)])
        return chosen

    def draw(self, sizes: Instance, corner: bool) -> Instance | None:
        """One admissible instance of the given sizes, or None."""
        return next(iter(self.group(sizes, [corner])), None)

    def group(self, sizes: Instance, corners: Sequence[bool]) -> Sequence[Instance]:
        """Admissible instances of the given sizes, drawn together.

        Args:
            sizes: argument name -> size.
            corners: for each instance wanted, whether it is a corner instance.
        """
        drawn: Group | None = None
        waiting = np.array(corners, dtype=bool)
        for _ in range(ATTEMPTS):
            try:
                kept, found = self._attempts(sizes, waiting)
            except Unfit as reason:
                self._fits[tuple(sizes.values())] = str(reason)
                break
            self._fits[tuple(sizes.values())] = ""
            if found is not None:
                drawn = found if drawn is None else drawn.joined(found)
            waiting = np.delete(waiting, kept)
            if not waiting.size:
                break
        return [] if drawn is None else drawn

    def misfit(self) -> str | None:
        """Why no sizes that were tried fit the annotations; None where some do."""
        reasons = set(self._fits.values())
        return min(reasons) if reasons and "" not in reasons else None

    def _attempts(self, sizes: Instance, corners: np.ndarray) -> tuple[np.ndarray, Group | None]:
        """One attempt at each instance, argument by argument; an argument without an admissible value ends it.

        Returns:
            The places of the instances that came out, and these, None where there are none.
        """
        numbers = any(isinstance(domain, Scalar) for domain in self.claim.domains.values())
        knowns: list[Instance] = [dict(sizes) if numbers else sizes for _ in corners]
        columns: dict[str, Column] = {}
        places = np.arange(len(corners))
        for name, domain in self.claim.domains.items():
            if name in sizes:
                continue
            columns[name] = column = self._column(name, knowns, corners[places], columns)
            if not column.present.any():
                return places[:0], None
            if not column.present.all():
                rows = np.flatnonzero(column.present)
                columns = {other: values.taken(rows) for other, values in columns.items()}
                knowns, places = [knowns[i] for i in rows], places[rows]
            if isinstance(domain, Scalar):
                for known, value in zip(knowns, columns[name].values(), strict=True):
                    known[name] = value
        return places, Group(tuple(self.claim.domains), sizes, columns, len(places))

    def _column(self, name: str, knowns: Sequence[Instance], corners: np.ndarray, columns: dict[str, Column]) -> Column:
        """Admissible values of one argument: neighbours of twins, corners, and others that are drawn together.

        Args:
            name: the argument.
            knowns: the earlier sizes and numbers of each instance.
            corners: which are corner instances.
            columns: the earlier arguments.
        """
        domain, near = self.claim.domains[name], self._twins[name]
        shares, kinds, chances = self.rng.random((3, len(knowns)))
        cornered = corners & (shares < CORNER_SHARE)
        paired = cornered & (kinds < 0.5) if near else np.zeros(len(knowns), dtype=bool)
        parts = []
        for number, twin in enumerate(near):
            places = np.flatnonzero(paired & ((2 * kinds * len(near)).astype(int) == number))
            if places.size:
                known = [knowns[i] for i in places.tolist()]
                parts.append((places, _neighbours(domain, columns[twin].taken(places), chances[places], known)))
        alone = np.flatnonzero(cornered & ~paired)
        if alone.size:
            parts.append((alone, domain.cornered(self.rng, [knowns[i] for i in alone.tolist()], chances[alone])))
        return self._filled(domain, knowns, parts)

    def _filled(self, domain: Any, knowns: Sequence[Instance], parts: list[tuple[np.ndarray, Column]]) -> Column:
        """Columns of some places, with values drawn at random for the others and where one of them has none."""
        kept = [
            (places[c.present], c if c.present.all() else c.taken(np.flatnonzero(c.present))) for places, c in parts
        ]
        rest = np.delete(np.arange(len(knowns)), np.concatenate([places for places, _ in kept])) if kept else None
        if rest is None:
            return domain.column(self.rng, knowns)
        if rest.size:
            kept.append((rest, domain.column(self.rng, [knowns[i] for i in rest.tolist()])))
        return Column.together(len(knowns), [part for part in kept if part[0].size])


def _neighbours(domain: Any, twin: Column, chances: np.ndarray, knowns: Sequence[Instance]) -> Column:
    """Values next to earlier ones of the same annotation, where the one chosen is admissible.

    Args:
        domain: the annotation.
        twin: the earlier values.
        chances: which neighbour, between 0 and 1.
        knowns: earlier sizes and numbers.
    """
    if isinstance(domain, Scalar):
        values = [twin.exact(i) * (1 if share < 0.5 else 1 - NEAR) for i, share in enumerate(chances)]
        return Column.of([v if domain.admits(v, known) else None for v, known in zip(values, knowns, strict=True)])
    factors = (fmpq(1), fmpq(-1), *SHRUNK)
    shorter, opposite = domain.stretchable
    # What one of the twins admits, the other does: they share an annotation and all that it reads.
    sure = (True, opposite, *[shorter] * len(SHRUNK))
    chosen = (chances * (len(factors) + min(twin.floats[0].size, 2))).astype(int).tolist()
    checked: dict[int, Any] = {}
    for i, place in enumerate(chosen):
        if place >= len(sure) or not sure[place]:
            value = neighbours(twin.exact(i))[place]()
            checked[i] = value if domain.admits(value, knowns[i]) else None
    scale = np.array([floats(factors[place]) if place < len(factors) else 1.0 for place in chosen])
    plain = twin.floats * scale.reshape(-1, *[1] * (twin.floats.ndim - 1))
    present = np.ones(len(chosen), dtype=bool)
    for i, value in checked.items():
        plain[i], present[i] = (0.0, False) if value is None else (floats(value), True)
    multiples = [None if i in checked else factors[place] for i, place in enumerate(chosen)]
    return Column(plain, partial(_beside, twin.exact, multiples, checked), present)


def _beside(exact: Exact, multiples: list[fmpq | None], checked: dict[int, Any], place: int) -> Any:
    factor = multiples[place]
    return checked[place] if factor is None else exact(place) * factor


@lru_cache(maxsize=64)
def _rising(count: int) -> np.ndarray:
    """Sums of the chances of so many sizes, small ones more often."""
    sums = np.cumsum(1.0 / np.sqrt(np.arange(1, count + 1)))
    return sums / sums[-1]


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
