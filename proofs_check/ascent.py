"""The directed search of one claim: from the worst instances of the survey upwards, each result decided by balls."""

from __future__ import annotations

import numpy as np

from .backends import Instance
from .decide import cells
from .ledger import Ledger
from .sampling import twins
from .search import NEAR, NEARER, Chart, climb, contracted
from .survey import Survey
from .tightness import TIGHT

STARTS, ROUNDS = 12, 3
DEEP = 5
"""Factor on the search when it is asked to be deep."""
POLISHES, PROMISING = 4, 1e-2
"""A bound that is used up to so much (log10) may be tight: it is polished so many times."""
SEARCH_CELLS = 48
"""Most numbers in an instance that a search starts from, unless it is deep or there is no smaller one."""


def ascend(ledger: Ledger, found: Survey, rng: np.random.Generator, deep: bool) -> None:
    """Climb from the worst instances (half of them with twins drawn together) until one breaks the claim."""
    factor = DEEP if deep else 1
    for number, start in enumerate(_starts(found, rng, STARTS * factor, np.inf if deep else SEARCH_CELLS)):
        instance = climb(ledger.claim, start, rng, ROUNDS, NEAR if number % 2 else 1.0)
        if instance is not None:
            ledger.take(instance)
        if ledger.broken:
            return
    for start in _worst_of_each_size(found):
        instance = climb(ledger.claim, start, rng, 1)
        if instance is not None:
            ledger.take(instance)
        if ledger.broken:
            return
    for _ in range(POLISHES):
        _polish(ledger, rng, ROUNDS * factor)
        if ledger.broken or not ledger.worst or not -PROMISING < ledger.worst[1].ratio < -TIGHT / 10:
            break
    for instance in contracted(ledger.claim, ledger.worst[0]) if ledger.worst and not ledger.broken else []:
        ledger.take(instance)
        if ledger.broken:
            return


def _polish(ledger: Ledger, rng: np.random.Generator, rounds: int) -> None:
    """Climb from the worst instance, then with its twins drawn ever closer.

    The quotient of twins at distance h peaks O(h) beside the peak of its limit, and loses O(h^2) there.
    """
    paired = any(twins(ledger.claim, name) for name in Chart(ledger.claim, {}).names())
    for contraction in (1.0, NEAR, NEARER) if paired else (1.0,):
        if ledger.broken or not ledger.worst:
            return
        start = ledger.worst[0]
        polished = climb(ledger.claim, start, rng, rounds, contraction)
        ledger.take(polished if polished is not None else start)


def _worst_of_each_size(found: Survey) -> list[Instance]:
    """One start for every size of every argument: a claim may fail at a single size."""
    usage = np.nan_to_num(found.usage, nan=-np.inf)
    worst: dict[tuple[str, int], int] = {}
    for place in found.admissible[np.argsort(-usage[found.admissible], kind="stable")]:
        for name, value in found.drawn[place].items():
            if isinstance(value, int) and cells(found.drawn[place]) <= SEARCH_CELLS:
                worst.setdefault((name, int(value)), int(place))
    return [found.drawn[place] for place in dict.fromkeys(worst.values())]


def _starts(found: Survey, rng: np.random.Generator, count: int, limit: float) -> list[Instance]:
    """Each start twice: the worst of all, of each of the first sizes drawn, of other sizes, and random ones."""
    admissible = found.admissible
    usage = np.nan_to_num(found.usage[admissible], nan=-np.inf)
    order = [int(admissible[i]) for i in np.argsort(-usage, kind="stable")]
    order = [place for place in order if cells(found.drawn[place]) <= limit] or order
    if not order:
        return []
    worst: dict[tuple[int, ...], int] = {}
    for place in order:
        worst.setdefault(_sizes(found.drawn[place]), place)
    small = [worst[sizes] for sizes in dict.fromkeys(_sizes(found.drawn[place]) for place in sorted(order))][:2]
    leaders = list(dict.fromkeys([order[0], *small, *worst.values(), *order]))[: max(1, count // 3)]
    others = [order[int(i)] for i in rng.permutation(len(order))[: max(1, count // 6)]]
    return [found.drawn[place] for place in leaders + others for _ in range(2)]


def _sizes(instance: Instance) -> tuple[int, ...]:
    return tuple(value for value in instance.values() if isinstance(value, int))
