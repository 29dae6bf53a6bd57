"""Extremal instances along the values of one parameter: each value's search also starts from what its neighbours found.

On the way up each value is searched, with its neighbour's instance resized and rescaled among the starts; on the way
back finds are carried down again, so that no value is worse off than its neighbour without having tried what that uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from .backends import Instance
from .balls import Truth
from .charts import Chart
from .claims import Claim
from .decide import Decision, decide
from .domains import FINE, Size
from .exact import from_float
from .sampling import twins
from .search import NEAR, NEARER, climb_together, contracted, screen
from .survey import survey

SAMPLES, STARTS, ROUNDS = 40, 2, 1
TRIED = 4
"""Candidates of the largest use in float64 that balls are asked about before a value is given up."""
DIGITS = 9
"""Decimals of the logarithm of a use that count."""
RESIZED = ("zeros", "last", "cycled")
"""How further entries are filled in a larger shape: with zeros, with the last entry, or with all in turn."""


@dataclass(frozen=True)
class Extremal:
    """The certified instance that uses most of the bound at one value of a parameter.

    Attributes:
        value: exact, of the parameter.
        claim: the statement with that value, and the other parameters where they are held.
        instance: admissible, certified to meet the claim.
        decision: on it.
    """

    value: Any
    claim: Claim
    instance: Instance
    decision: Decision


def sweep(claims: Sequence[tuple[Any, Claim]], name: str, rng: np.random.Generator) -> list[Extremal]:
    """The extremal instance at each value; values without a certified instance are left out.

    Args:
        claims: (value, the claim with the parameter fixed there), in order.
        name: of the parameter.
        rng: of the searches.
    """
    found: list[Extremal] = []
    for value, claim in claims:
        best = _searched(value, claim, name, found[-1:], rng)
        found += [] if best is None else [best]
    for place in range(len(found) - 2, -1, -1):
        better = _carried_over(found[place], found[place + 1], name, rng)
        found[place] = max(found[place], better, key=_ratio) if better is not None else found[place]
    return found


def _ratio(one: Extremal) -> float:
    return one.decision.ratio


def _searched(
    value: Any, claim: Claim, name: str, before: Sequence[Extremal], rng: np.random.Generator
) -> Extremal | None:
    drawn = survey(claim, rng, 0, SAMPLES, deep=True)
    order = drawn.admissible[np.argsort(-np.nan_to_num(drawn.usage[drawn.admissible], nan=-np.inf), kind="stable")]
    starts = [drawn.drawn[i] for i in order[:STARTS]]
    if not starts:
        return None
    carried = [one for neighbour in before for one in _moved(claim, starts[0], neighbour, name, value)]
    # One of its own at least, so that a find that leads nowhere is not followed through all values.
    return _best(value, claim, [starts[0], *_ranked(claim, [*carried, *starts[1:]])[: STARTS - 1]], rng)


def _carried_over(here: Extremal, there: Extremal, name: str, rng: np.random.Generator) -> Extremal | None:
    """What a neighbour's instance becomes here, where that promises more."""
    carried = _ranked(here.claim, list(_moved(here.claim, here.instance, there, name, here.value)))[:1]
    if not carried or screen(here.claim, carried)[0] <= screen(here.claim, [here.instance])[0]:
        return None
    return _best(here.value, here.claim, carried, rng)


def _best(value: Any, claim: Claim, starts: list[Instance], rng: np.random.Generator) -> Extremal | None:
    """Climb from each start, as it is and with its twins drawn together, then once more from the best."""
    paired = any(twins(claim, name) for name, domain in claim.domains.items() if not isinstance(domain, Size))
    together = (NEAR, NEARER) if paired else ()
    chart = Chart.at(claim, starts[0])
    both_ways = [(start, c) for start in starts for c in (1.0, *together[:1])]
    climbed = climb_together(chart, both_ways, rng, ROUNDS)
    ends = _ranked(claim, [*starts, *(one for one in climbed if one is not None)])
    again = climb_together(chart, [(ends[0], c) for c in (1.0, *together)], rng, ROUNDS)
    ends = _ranked(claim, [*(one for one in again if one is not None), *ends])
    closer = contracted(claim, ends[0]) if paired else []
    for instance in _ranked(claim, [*ends, *closer])[:TRIED]:
        decision = decide(claim, instance, tie_break=False)
        if decision.admissible is Truth.YES and decision.truth is not Truth.NO and isfinite(decision.ratio):
            return Extremal(value, claim, instance, decision)
    return None


def _ranked(claim: Claim, instances: list[Instance]) -> list[Instance]:
    """By their use of the bound in float64, the largest first, earlier ones where that is equal up to rounding."""
    if not instances:
        return []
    used = np.round(np.nan_to_num(screen(claim, instances), nan=-np.inf), DIGITS)
    return [instances[i] for i in np.argsort(-used, kind="stable")]


def _moved(claim: Claim, template: Instance, source: Extremal, name: str, value: Any) -> Iterator[Instance]:
    """The instance of another value brought to this one: resized where the parameter is a size, else rescaled."""
    sized = isinstance(claim.domains[name], Size)
    factor = 1.0 if sized else float(value.p) / float(value.q) / (float(source.value.p) / float(source.value.q))
    for fill in RESIZED if sized else RESIZED[:1]:
        # A limit that grows with the parameter is followed by all arguments, by none, or by matrices at the expense of
        # vectors, where what counts is a product that stays.
        for scales in ((1.0, 1.0),) if sized else ((factor, factor), (1.0, 1.0), (factor, 1 / factor)):
            instance = _refitted(claim, template, source.instance, name, fill, scales)
            if instance is not None and claim.admits(instance):
                yield instance


def _refitted(
    claim: Claim, template: Instance, instance: Instance, name: str, fill: str, scales: tuple[float, float]
) -> Instance | None:
    known: Instance = {}
    for argument, domain in claim.domains.items():
        value = template[argument]
        if not isinstance(domain, Size) and isinstance(value, np.ndarray):
            follows = any(name in limit.names for limit in domain.limits())
            scale = scales[0 if value.ndim == 2 else 1] if follows else 1.0
            wanted = _resized(instance[argument], value.shape, fill) * from_float(scale)
            value = wanted if domain.admits(wanted, known) else domain.exactly(domain.raw(wanted), known, FINE)
        elif not isinstance(domain, Size) and domain.admits(instance[argument], known):
            value = instance[argument]
        if value is None:
            return None
        known[argument] = value
    return known


def _resized(value: np.ndarray, shape: tuple[int, ...], fill: str) -> np.ndarray:
    for axis, length in enumerate(shape):
        have = value.shape[axis]
        places = np.arange(length)
        if length <= have:
            value = np.take(value, places, axis=axis)
            continue
        value = np.take(value, places % have if fill == "cycled" else np.minimum(places, have - 1), axis=axis)
        if fill == "zeros":
            value = value.copy()
            np.moveaxis(value, axis, 0)[have:] *= 0
    return value
