"""Admissible exact instances of a claim: random ones and corners, in groups of equal sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
from flint import fmpq

from ..arrays.backends import Instance, floats
from ..arrays.exact import Count, Unfit
from ..claims import Claim
from .columns import Column, Group, Maker, itself, scaled
from .domains import SHRUNK, Choice, Scalar, Size, neighbours

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

    def groups(self, count: int, group: int) -> Iterator[Sequence[Instance]]:
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
        knowns: list[Instance] = [dict(sizes) for _ in corners]
        columns: dict[str, Column] = {}
        places = np.arange(len(corners))
        for name, domain in self.claim.domains.items():
            if name in sizes:
                continue
            columns[name] = column = self._column(name, knowns, corners[places], columns)
            rows = [i for i, maker in enumerate(column.makers) if maker is not None]
            if not rows:
                return places[:0], None
            if len(rows) < len(places):
                columns = {other: values.taken(rows) for other, values in columns.items()}
                knowns, places = [knowns[i] for i in rows], places[rows]
            if isinstance(domain, Scalar):
                for known, value in zip(knowns, columns[name].values(), strict=True):
                    known[name] = value
        return places, Group(tuple(self.claim.domains), sizes, columns)

    def _column(self, name: str, knowns: Sequence[Instance], corners: np.ndarray, columns: dict[str, Column]) -> Column:
        """Admissible values of one argument: neighbours of twins, corners, and others that are drawn together.

        Args:
            name: the argument.
            knowns: the earlier sizes and numbers of each instance.
            corners: which are corner instances.
            columns: the earlier arguments.
        """
        domain, near = self.claim.domains[name], self._twins[name]
        shares, kinds, places = self.rng.random((3, len(knowns)))
        cornered = corners & (shares < CORNER_SHARE)
        paired = cornered & (kinds < 0.5) if near else np.zeros(len(knowns), dtype=bool)
        chosen: dict[int, Choice | None] = {}
        for i in np.flatnonzero(paired).tolist():
            twin = columns[near[int(2 * kinds[i] * len(near))]]
            chosen[i] = _neighbour(domain, twin.floats[i], twin.makers[i], places[i], knowns[i])
        alone = np.flatnonzero(cornered & ~paired).tolist()
        if alone:
            found = domain.cornered(self.rng, [knowns[i] for i in alone], [places[i] for i in alone])
            chosen.update(zip(alone, found, strict=True))
        taken = {i: choice for i, choice in chosen.items() if choice is not None}
        rest = [i for i in range(len(knowns)) if i not in taken]
        drawn = domain.column(self.rng, [knowns[i] for i in rest]) if rest else None
        return _together(len(knowns), taken, rest, drawn)


def _together(count: int, taken: dict[int, Choice], rest: list[int], drawn: Column | None) -> Column:
    """Values of some rows, and a column of the others."""
    if drawn is not None and not taken:
        return drawn
    makers: list[Maker | None] = [None] * count
    plain = np.empty((count, *np.shape(next(iter(taken.values()))[1])))
    plain[list(taken)] = [values for _, values in taken.values()]
    for i, (maker, _) in taken.items():
        makers[i] = maker
    if drawn is not None:
        plain[rest] = drawn.floats
        for i, drawn_maker in zip(rest, drawn.makers, strict=True):
            makers[i] = drawn_maker
    return Column(plain, makers)


def _neighbour(domain: Any, plain: Any, maker: Maker | None, share: float, known: Instance) -> Choice | None:
    """An admissible value next to an earlier one of the same annotation; None where the one chosen is not.

    Args:
        domain: the annotation.
        plain, maker: the earlier value.
        share: which neighbour, between 0 and 1.
        known: earlier sizes and numbers.
    """
    assert maker is not None
    if isinstance(domain, Scalar):
        value = maker()
        return _checked(domain, value if share < 0.5 else value * (1 - NEAR), known)
    count = 2 + len(SHRUNK) + min(plain.size, 2)
    place = int(share * count)
    shorter, opposite = domain.stretchable
    if place == 0:  # what one of them admits, the other does
        return maker, plain
    if place == 1 and opposite:
        return partial(scaled, maker, -1), -plain
    if 2 <= place < 2 + len(SHRUNK) and shorter:
        factor = SHRUNK[place - 2]
        return partial(scaled, maker, factor), plain * floats(factor)
    return _checked(domain, neighbours(maker())[place](), known)


def _checked(domain: Any, value: Any, known: Instance) -> Choice | None:
    return (partial(itself, value), floats(value)) if domain.admits(value, known) else None


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
