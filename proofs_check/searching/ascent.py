"""The directed search of one claim: from the worst instances of the survey upwards, each result decided by balls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..arrays.backends import Instance
from ..bounds.tightness import TIGHT
from ..deciding.ledger import Ledger
from ..instances.domains import Size
from ..instances.sampling import twins
from ..instances.survey import Survey
from .charts import Chart
from .climbs import Group, Start, in_lockstep
from .search import NEAR, NEARER, contracted

STARTS, ROUNDS = 12, 3
DEEP = 5
"""Factor on the search when it is asked to be deep."""
POLISHES, PROMISING = 6, 1e-2
"""A bound that is used up to so much (log10) may be tight: it is polished so many times."""
POLISHED = 3
"""Most sizes that polishes start from in turn: the one that leads may be stuck."""
SEARCH_CELLS = 48
"""Most numbers in an instance that a search starts from, unless it is deep or there is no smaller one."""


@dataclass(frozen=True, eq=False)
class _Ascent:
    """A directed search under way.

    Attributes:
        ledger: where what it finds is decided.
        rng: of the jolts.
        charts: by sizes, as far as they were made.
    """

    ledger: Ledger
    rng: np.random.Generator
    charts: dict[tuple[int, ...], Chart] = field(default_factory=dict)

    def chart(self, instance: Instance) -> Chart:
        sizes = _sizes(instance)
        if sizes not in self.charts:
            self.charts[sizes] = Chart.at(self.ledger.claim, instance)
        return self.charts[sizes]

    def climb(self, groups: Sequence[tuple[Sequence[Start], int]], thorough: bool = False) -> None:
        """Climb from instances, in groups of equal sizes with their numbers of rounds, and decide where that ends.

        Ends beyond the bound are decided after each round, at last the highest of each size (all where the climb is
        thorough, or a further hypothesis may rule it out).
        """
        charted = [Group.of(self.chart(starts[0][0]), starts, rounds) for starts, rounds in groups]
        for climb in in_lockstep(charted):
            for _ in climb.rounds(self.rng, thorough):
                self.decide(climb.ends(beyond=0.0))
                if self.ledger.broken:
                    return
            self.decide(climb.ends() if thorough or climb.hedged else climb.leaders())

    def decide(self, instances: Iterable[Instance]) -> None:
        """Decide instances until one breaks the claim."""
        for instance in instances:
            self.ledger.take(instance)
            if self.ledger.broken:
                return


def ascend(ledger: Ledger, found: Survey, rng: np.random.Generator, deep: bool) -> None:
    """Climb from the worst instances (half of them with twins drawn together) until one breaks the claim.

    A claim that states its own number of samples is too costly for thousands of evaluations: there is one climb.
    """
    factor = DEEP if deep else 1
    ascent = _Ascent(ledger, rng)
    if ledger.claim.samples is not None:
        for start in _starts(found, rng, factor, np.inf)[:factor]:
            ascent.climb([([(start, 1.0)], 1)])
        return
    groups = _of_equal_sizes(found, _starts(found, rng, STARTS * factor, np.inf if deep else SEARCH_CELLS))
    ascent.climb([(starts, ROUNDS if len(starts) > 1 else 1) for starts in groups])
    for number in range(POLISHES):
        _polish(ascent, ROUNDS * factor, number)
        if ledger.broken or not ledger.worst or not -PROMISING < ledger.worst[1].ratio < -TIGHT / 10:
            break
    if ledger.worst and not ledger.broken:
        ascent.decide(contracted(ledger.claim, ledger.worst[0]))


def _of_equal_sizes(found: Survey, starts: list[Instance]) -> list[list[Start]]:
    """Each start as it is and with its twins drawn together, then the worst of each size, in groups of equal sizes."""
    single = [start for start in _worst_of_each_size(found) if not any(start is other for other in starts)]
    groups: dict[tuple[int, ...], list[Start]] = {}
    for start, contraction in [(s, c) for s in starts for c in (1.0, NEAR)] + [(s, 1.0) for s in single]:
        groups.setdefault(_sizes(start), []).append((start, contraction))
    return list(groups.values())


def _polish(ascent: _Ascent, rounds: int, number: int) -> None:
    """Climb from the worst instance, or the worst of the next sizes in turn, also with its twins drawn ever closer.

    The quotient of twins at distance h peaks O(h) beside the peak of its limit, and loses O(h^2) there.
    """
    ledger = ascent.ledger
    paired = any(
        twins(ledger.claim, name) for name, domain in ledger.claim.domains.items() if not isinstance(domain, Size)
    )
    if ledger.broken or not ledger.worst:
        return
    worst = _worst_certified(ledger)[:POLISHED]
    starts = [(worst[number % len(worst)], c) for c in ((1.0, NEAR, NEARER) if paired else (1.0,))]
    ascent.climb([(starts, rounds)], thorough=True)


def _worst_certified(ledger: Ledger) -> list[Instance]:
    """The certified instance of each combination of sizes that uses most of the bound, the worst first."""
    worst: dict[tuple[int, ...], Instance] = {}
    for instance, _ in sorted(ledger.telling, key=lambda entry: -entry[1].ratio):
        worst.setdefault(_sizes(instance), instance)
    return list(worst.values())


def _worst_of_each_size(found: Survey) -> list[Instance]:
    """One start for every size of every argument: a claim may fail at a single size."""
    return [found.drawn[place] for place in found.worst_of_each_size(SEARCH_CELLS)]


def _starts(found: Survey, rng: np.random.Generator, count: int, limit: float) -> list[Instance]:
    """The worst of all, of each of the first sizes drawn, of other sizes, and random ones."""
    order = [place for place in found.ranked if found.cells_at(place) <= limit] or found.ranked
    if not order:
        return []
    worst: dict[tuple[int, ...], int] = {}
    for place in order:
        worst.setdefault(tuple(found.sizes_at(place).values()), place)
    tried = dict.fromkeys(tuple(found.sizes_at(place).values()) for place in sorted(order))
    small = [worst[sizes] for sizes in tried][:2]
    leaders = list(dict.fromkeys([order[0], *small, *worst.values(), *order]))[: max(1, count // 3)]
    others = [order[int(i)] for i in rng.permutation(len(order))[: max(1, count // 6)]]
    return [found.drawn[place] for place in dict.fromkeys(leaders + others)]


def _sizes(instance: Instance) -> tuple[int, ...]:
    return tuple(value for value in instance.values() if isinstance(value, int))
