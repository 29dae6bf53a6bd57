"""The survey of a claim: admissible instances of all sizes, screened in float64, and which of them balls decide."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from ..arrays.backends import Instance
from ..arrays.exact import Count, InputError
from ..claims import Claim
from ..searching.recorded import record, sizes_of
from ..searching.search import screen
from ..witness import read_value, stored_value
from .columns import Drawn, Group
from .domains import Size
from .sampling import PATIENCE, Sampler

GROUPS, SMALLEST_GROUP, LARGEST_GROUP = 36, 8, 50
"""Instances of equal sizes are screened together: so many groups that each size has its turn, of such sizes."""
SIZE_CEILING, DEEP_CEILING = 16, 64
CORNERS = 60
"""Corner instances of the smallest and the next sizes, where bounds are most often attained."""
EACH_SIZE = 2
"""Instances of a size that the groups have left out."""
ALL_SIZES = 4096
"""A claim about sizes alone is checked on all combinations up to so many, else on a sample of so many."""
WORST, RANDOM, REJECTED = 20, 10, 10
"""Instances that balls decide after the screen: the ones that use most of the bound, and a random sample; where the
screen rejects all, so many that it rejected."""
SUSPICIOUS = 1e-12
"""Usage beyond this (natural log) is taken to balls first."""
BLOCK = 5000
"""Instances of a block: larger surveys are drawn block by block, on as many processes as there are, and keep of each
block only what later steps look at."""


@dataclass(frozen=True)
class Survey:
    """Result of the float64 screen.

    Attributes:
        drawn: exact instances that meet the annotations; of a block, those that later steps look at.
        usage: `search.screen` of each.
        wanted: instances that were asked for.
        dropped: instances that met the annotations and are not kept.
        dropped_admissible: those among them whose further hypotheses float64 does not see fail.
        dropped_sizes: argument name -> sizes of the admissible ones among all of them.
    """

    drawn: Drawn | list[Instance]
    usage: np.ndarray
    wanted: int
    dropped: int = 0
    dropped_admissible: int = 0
    dropped_sizes: dict[str, list[int]] | None = None

    @cached_property
    def admissible(self) -> np.ndarray:
        """Places of the kept instances whose further hypotheses float64 does not see fail."""
        return np.flatnonzero(self.usage != -np.inf)

    @cached_property
    def ranked(self) -> list[int]:
        """These places, those that use most of the bound first, and unknown ones last."""
        usage = np.nan_to_num(self.usage[self.admissible], nan=-np.inf)
        return [int(place) for place in self.admissible[np.argsort(-usage, kind="stable")]]

    @property
    def met(self) -> int:
        """How many instances met the annotations."""
        return len(self.drawn) + self.dropped

    @property
    def screened(self) -> int:
        """How many of them float64 does not see fail a further hypothesis."""
        return len(self.admissible) + self.dropped_admissible

    def sizes_at(self, place: int) -> dict[str, Count]:
        """Argument name -> size of the instance at a place; no exact number is made for it."""
        group = self.drawn.located(place)[0] if isinstance(self.drawn, Drawn) else None
        return group.sizes if isinstance(group, Group) else sizes_of(self.drawn[place])

    def cells_at(self, place: int) -> int:
        """How many numbers the instance at a place holds; none of them is made for it."""
        group = self.drawn.located(place)[0] if isinstance(self.drawn, Drawn) else None
        return group.cells if isinstance(group, Group) else sum(np.size(v) for v in self.drawn[place].values())

    def sizes(self) -> dict[str, list[int]]:
        """Argument name -> sizes of the admissible instances."""
        tried: dict[str, set[int]] = {name: set(values) for name, values in (self.dropped_sizes or {}).items()}
        for place in self.admissible:
            for name, value in self.sizes_at(place).items():
                tried.setdefault(name, set()).add(int(value))
        return {name: sorted(values) for name, values in tried.items()}

    @property
    def scope(self) -> str | None:
        """The sizes that were tried, as text; None for a claim without sizes."""
        tried = self.sizes()
        return "tried " + "; ".join(f"{n} = {_runs(values)}" for n, values in tried.items()) if tried else None

    def for_balls(self, rng: np.random.Generator) -> list[Instance]:
        """Suspected violations first, then unknown ones, the worst, a random sample, each instance once."""
        return [self.drawn[place] for place in self._places(rng)]

    def _places(self, rng: np.random.Generator) -> list[int]:
        admissible = self.admissible
        if not admissible.size:
            return [int(i) for i in rng.permutation(len(self.drawn))[:REJECTED]]
        usage = self.usage[admissible]
        order = np.argsort(-np.nan_to_num(usage, nan=-np.inf), kind="stable")
        suspects = [i for i in order if usage[i] > SUSPICIOUS][:WORST]
        unknown = list(np.flatnonzero(np.isnan(usage)))[: WORST // 2]
        sample = rng.permutation(len(admissible))[:RANDOM]
        return [int(admissible[i]) for i in dict.fromkeys((*suspects, *unknown, *order[:WORST], *sample))]

    def worst_of_each_size(self, cells: float = math.inf) -> list[int]:
        """For every size of every argument the place that uses most of the bound: a claim may fail at a single size.

        Args:
            cells: most numbers in an instance.
        """
        worst: dict[tuple[str, int], int] = {}
        for place in self.ranked:
            if self.cells_at(place) <= cells:
                for size in self.sizes_at(place).items():
                    worst.setdefault(size, place)
        return list(dict.fromkeys(worst.values()))

    def condensed(self, rng: np.random.Generator) -> Survey:
        """The survey with what balls and the directed search look at, and counts of the rest."""
        places = dict.fromkeys(self._places(rng))
        kept = list(dict.fromkeys((*places, *self.worst_of_each_size())))
        usage = self.usage[kept]
        admissible = int((usage != -np.inf).sum())
        return Survey(
            [self.drawn[place] for place in kept], usage, self.wanted, self.met - len(kept),
            self.screened - admissible, self.sizes(),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The survey as plain data, instances as exact rationals (balls and flint's numbers do not travel)."""
        drawn = [{name: stored_value(value) for name, value in instance.items()} for instance in self.drawn]
        usage = [repr(float(u)) for u in self.usage]
        rest = {"wanted": self.wanted, "dropped": self.dropped, "dropped_admissible": self.dropped_admissible}
        return {"drawn": drawn, "usage": usage, **rest, "dropped_sizes": self.dropped_sizes}

    @staticmethod
    def from_json(stored: dict[str, Any]) -> Survey:
        """What `to_json` wrote."""
        drawn = [{name: read_value(value) for name, value in instance.items()} for instance in stored["drawn"]]
        usage = np.array([float(u) for u in stored["usage"]])
        return Survey(**{**stored, "drawn": drawn, "usage": usage})

    @staticmethod
    def merged(parts: Sequence[Survey]) -> Survey:
        """Several blocks as one survey."""
        sizes: dict[str, set[int]] = {}
        for part in parts:
            for name, values in part.sizes().items():
                sizes.setdefault(name, set()).update(values)
        return Survey(
            [instance for part in parts for instance in part.drawn],
            np.concatenate([part.usage for part in parts]),
            sum(part.wanted for part in parts),
            sum(part.dropped for part in parts),
            sum(part.dropped_admissible for part in parts),
            {name: sorted(values) for name, values in sizes.items()},
        )


def chance(claim: Claim, seed: int, *block: int) -> np.random.Generator:
    """The source of all chance of a claim, or of one of its blocks."""
    return np.random.default_rng([seed, zlib.crc32(claim.id.encode()), *block])


def blocks(claim: Claim, samples: int) -> int:
    """In how many blocks so many instances are drawn; claims about sizes alone are enumerated in one."""
    samples = _own(claim, samples)
    sizes_alone = all(isinstance(domain, Size) for domain in claim.domains.values())
    return 1 if sizes_alone else max(1, -(-samples // BLOCK))


def survey_block(claim: Claim, seed: int, samples: int, deep: bool, block: int) -> Survey:
    """One block of a survey of so many instances in all, condensed."""
    rng = chance(claim, seed, block + 1)  # a seed sequence does not tell a 0 at its end from none
    wanted = min(BLOCK, samples - block * BLOCK)
    return _surveyed(claim, rng, wanted, deep).condensed(rng)


def survey(claim: Claim, rng: np.random.Generator, seed: int, samples: int, deep: bool) -> Survey:
    """Draw and screen instances, all in one with the claim's own chance, or block by block where they are many."""
    samples = _own(claim, samples)
    count = blocks(claim, samples)
    if count == 1:
        return _surveyed(claim, rng, samples, deep)
    return Survey.merged([survey_block(claim, seed, samples, deep, block) for block in range(count)])


def _own(claim: Claim, samples: int) -> int:
    """So many instances, or as many as the claim states for itself."""
    return samples if claim.samples is None else min(samples, claim.samples)


def _surveyed(claim: Claim, rng: np.random.Generator, samples: int, deep: bool) -> Survey:
    """Larger sizes are tried when none of the usual sizes is admissible."""
    sampler = Sampler(claim, rng, DEEP_CEILING if deep else SIZE_CEILING)
    found = _drawn(claim, sampler, samples)
    if not found.admissible.size and not deep:
        sampler = Sampler(claim, rng, DEEP_CEILING)
        found = _drawn(claim, sampler, samples)
    misfit = None if found.met else sampler.misfit()
    if misfit is not None:
        raise InputError(f"no instance can be drawn: {misfit}; change the annotations")
    return found


def _drawn(claim: Claim, sampler: Sampler, samples: int) -> Survey:
    groups = [group for group in _groups(claim, sampler, samples) if group]
    usage = [_screened(claim, group) for group in groups]
    return Survey(Drawn(groups), np.concatenate(usage) if usage else np.zeros(0), samples)


def _screened(claim: Claim, group: Sequence[Instance]) -> np.ndarray:
    if not isinstance(group, Group):
        return screen(claim, list(group))
    recording = record(claim, group.shapes)
    return recording.usage([group.columns[name].floats for name in recording.names])


def _groups(claim: Claim, sampler: Sampler, samples: int) -> Iterator[Sequence[Instance]]:
    sizes = {name: d for name, d in claim.domains.items() if isinstance(d, Size)}
    if len(sizes) == len(claim.domains):
        for combination in _combinations(sampler.rng, [d.values(d.high) for d in sizes.values()]):
            yield [dict(zip(sizes, map(Count, combination), strict=True))]
        return
    corners = CORNERS if claim.samples is None else min(CORNERS, samples)
    seen: dict[str, set[int]] = {name: set() for name in sizes}
    drawn = 0
    for group in sampler.groups(samples, min(max(samples // GROUPS, SMALLEST_GROUP), LARGEST_GROUP), corners):
        drawn += len(group)
        for name in sizes if group else ():
            seen[name].add(int(group.sizes[name] if isinstance(group, Group) else group[0][name]))
        yield group
    if not drawn and samples >= PATIENCE:
        return
    # A proof of an identity covers small sizes only, so each size of its statement is looked at.
    ceiling = DEEP_CEILING if claim.kind == "equality" else sampler.ceiling
    for name, domain in sizes.items():
        for value in sorted(set(domain.values(ceiling)) - seen[name]):
            chosen = {**sampler.sizes(0), name: Count(value)}
            yield sampler.group(chosen, [i % 2 == 1 for i in range(EACH_SIZE)])


def _combinations(rng: np.random.Generator, ranges: list[range]) -> Iterator[tuple[int, ...]]:
    """All combinations where they are few; else each value of each size with the others at their ends, and a sample."""
    if math.prod(map(len, ranges)) <= ALL_SIZES:
        yield from product(*ranges)
        return
    for place, values in enumerate(ranges):
        for others in product(*((r[0], r[-1]) for r in ranges)):
            yield from ((*others[:place], value, *others[place + 1 :]) for value in values)
    for _ in range(ALL_SIZES):
        yield tuple(int(rng.choice(values)) for values in ranges)


def _runs(values: list[int]) -> str:
    """1, 2, 3, 7 as "1..3, 7"."""
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}..{run[-1]}" for run in runs)
