"""The survey of a claim: admissible instances of all sizes, screened in float64, and which of them balls decide."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from .backends import Instance
from .claims import Claim
from .domains import Size
from .exact import Count
from .sampling import Sampler
from .search import screen

GROUPS, SMALLEST_GROUP, LARGEST_GROUP = 48, 8, 50
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


@dataclass(frozen=True)
class Survey:
    """Result of the float64 screen.

    Attributes:
        drawn: exact instances that meet the annotations.
        usage: `search.screen` of each.
        wanted: instances that were asked for.
    """

    drawn: list[Instance]
    usage: np.ndarray
    wanted: int

    @property
    def admissible(self) -> np.ndarray:
        """Places of the instances whose further hypotheses float64 does not see fail."""
        return np.flatnonzero(self.usage != -np.inf)

    @property
    def scope(self) -> str | None:
        """The sizes that were tried, as text; None for a claim without sizes."""
        tried: dict[str, set[int]] = {}
        for place in self.admissible:
            for name, value in self.drawn[place].items():
                if isinstance(value, int):
                    tried.setdefault(name, set()).add(int(value))
        return "tried " + "; ".join(f"{n} = {_runs(sorted(v))}" for n, v in tried.items()) if tried else None

    def for_balls(self, rng: np.random.Generator) -> list[Instance]:
        """Suspected violations first, then unknown ones, the worst, a random sample, each instance once."""
        admissible = self.admissible
        if not admissible.size:
            return [self.drawn[i] for i in rng.permutation(len(self.drawn))[:REJECTED]]
        usage = self.usage[admissible]
        order = np.argsort(-np.nan_to_num(usage, nan=-np.inf), kind="stable")
        suspects = [i for i in order if usage[i] > SUSPICIOUS][:WORST]
        unknown = list(np.flatnonzero(np.isnan(usage)))[: WORST // 2]
        sample = rng.permutation(len(admissible))[:RANDOM]
        places = dict.fromkeys(int(i) for i in (*suspects, *unknown, *order[:WORST], *sample))
        return [self.drawn[admissible[i]] for i in places]


def survey(claim: Claim, rng: np.random.Generator, samples: int, deep: bool) -> Survey:
    """Draw and screen instances; larger sizes are tried when none of the usual sizes is admissible."""
    found = _drawn(claim, Sampler(claim, rng, DEEP_CEILING if deep else SIZE_CEILING), samples)
    if not found.admissible.size and not deep:
        found = _drawn(claim, Sampler(claim, rng, DEEP_CEILING), samples)
    return found


def _drawn(claim: Claim, sampler: Sampler, samples: int) -> Survey:
    drawn: list[Instance] = []
    usage: list[np.ndarray] = []
    for group in _groups(claim, sampler, samples):
        if group:
            drawn += group
            usage.append(screen(claim, group))
    return Survey(drawn, np.concatenate(usage) if usage else np.zeros(0), samples)


def _groups(claim: Claim, sampler: Sampler, samples: int) -> Iterator[list[Instance]]:
    sizes = {name: d for name, d in claim.domains.items() if isinstance(d, Size)}
    if len(sizes) == len(claim.domains):
        for combination in _combinations(sampler.rng, [d.values(d.high) for d in sizes.values()]):
            yield [dict(zip(sizes, map(Count, combination), strict=True))]
        return
    for number in (0, 1):
        corners = (sampler.draw(sampler.sizes(number), corner=True) for _ in range(CORNERS))
        yield [instance for instance in corners if instance is not None]
    seen: dict[str, set[int]] = {name: set() for name in sizes}
    drawn = 0
    for number, group in enumerate(sampler.groups(samples, min(max(samples // GROUPS, SMALLEST_GROUP), LARGEST_GROUP))):
        drawn += len(group)
        for name in sizes if group else ():
            seen[name].add(int(group[0][name]))
        yield group
        if number >= GROUPS // 2 and not drawn:
            return
    # A proof of an identity covers small sizes only, so each size of its statement is looked at.
    ceiling = DEEP_CEILING if claim.kind == "equality" else sampler.ceiling
    for name, domain in sizes.items():
        for value in sorted(set(domain.values(ceiling)) - seen[name]):
            chosen = {**sampler.sizes(0), name: Count(value)}
            instances = (sampler.draw(chosen, corner=i % 2 == 1) for i in range(EACH_SIZE))
            yield [instance for instance in instances if instance is not None]


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
