"""Extremal instances along the values of one parameter: each value's search also starts from what its neighbours found.

On the way up each value is searched, with its neighbour's instance resized and rescaled among the starts; then finds
are carried down and up again, so that no value is worse off than its neighbours without having tried what these use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from ..arrays.backends import Instance
from ..arrays.balls import Truth
from ..arrays.exact import from_float
from ..claims import Claim
from ..deciding.decide import Decision, decide
from ..instances.domains import FINE, Size
from ..instances.sampling import twins
from ..instances.survey import survey
from ..searching.charts import Chart
from ..searching.search import NEAR, NEARER, climb_together, contracted, screen

SAMPLES, STARTS, ROUNDS = 40, 3, 1
TRIED = 32
"""Most candidates that balls are asked about."""
DIGITS = 9
"""Decimals of the logarithm of a use that count."""
GAIN = 1e-6
"""A use larger by less (natural logarithm) is not followed."""
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
    pairs = [(place, place + 1) for place in range(len(found) - 1)]
    for here, there in [*reversed(pairs), *((there, here) for here, there in pairs)]:
        better = _carried_over(found[here], found[there], name, rng)
        found[here] = max(found[here], better, key=_ratio) if better is not None else found[here]
    return found


def _ratio(one: Extremal) -> float:
    return one.decision.ratio


def _searched(
    value: Any, claim: Claim, name: str, before: Sequence[Extremal], rng: np.random.Generator
) -> Extremal | None:
    drawn = survey(claim, rng, 0, SAMPLES, deep=True)
    starts = [drawn.drawn[i] for i in drawn.ranked[: STARTS - bool(before)]]
    if not starts:
        return None
    carried = [one for neighbour in before for one in _moved(claim, starts[0], neighbour, name, value)]
    # Some of its own, so that a find that leads nowhere is not followed through all values.
    return _best(value, claim, [*starts, *_ranked(claim, carried)[:1]], rng)


def _carried_over(here: Extremal, there: Extremal, name: str, rng: np.random.Generator) -> Extremal | None:
    """What a climb from a neighbour's instance finds here, where that is more."""
    carried = _ranked(here.claim, list(_moved(here.claim, here.instance, there, name, here.value)))[:1]
    ends = _ranked(here.claim, [*carried, *_climbed(here.claim, carried, rng)])[:1]
    if not ends or np.diff(screen(here.claim, [here.instance, *ends]))[0] <= GAIN:
        return None
    return _best(here.value, here.claim, ends, rng)


def _climbed(claim: Claim, starts: Sequence[Instance], rng: np.random.Generator) -> list[Instance]:
    """Where climbs end that begin at each start, as it is and with its twins drawn together."""
    if not starts:
        return []
    both_ways = [(start, c) for start in starts for c in ((1.0, NEAR) if _paired(claim) else (1.0,))]
    return climb_together(Chart.at(claim, starts[0]), both_ways, rng, ROUNDS)


def _paired(claim: Claim) -> bool:
    return any(twins(claim, name) for name, domain in claim.domains.items() if not isinstance(domain, Size))


def _best(value: Any, claim: Claim, starts: list[Instance], rng: np.random.Generator) -> Extremal | None:
    """Climb from each start, then once more from the best, with its twins drawn ever closer."""
    ends = _ranked(claim, [*starts, *_climbed(claim, starts, rng)])
    closer_and_closer = (1.0, NEAR, NEARER) if _paired(claim) else (1.0,)
    again = climb_together(Chart.at(claim, ends[0]), [(ends[0], c) for c in closer_and_closer], rng, ROUNDS)
    ends = _ranked(claim, [*again, *ends])
    closer = contracted(claim, ends[0]) if _paired(claim) else []
    # Where twins nearly coincide, float64 ranks by its own noise: balls say which candidate is the best.
    found = [Extremal(value, claim, one, decide(claim, one, tie_break=False)) for one in [*ends, *closer][:TRIED]]
    certain = [one for one in found if _stands(one.decision)]
    return max(certain, key=_ratio, default=None)


def _stands(decision: Decision) -> bool:
    return decision.admissible is Truth.YES and decision.truth is not Truth.NO and isfinite(decision.ratio)


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
