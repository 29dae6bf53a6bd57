"""How much of a bound is used: attained, approached in the limit, or loose by an observed factor."""

from __future__ import annotations

from math import expm1, isfinite, log, log1p
from typing import Any

import numpy as np
from flint import fmpq

from ..arrays.backends import Instance
from ..arrays.balls import Truth
from ..arrays.exact import simplest_between
from ..claims import Claim
from ..deciding.decide import decide
from ..deciding.ledger import Ledger
from ..instances.domains import Size
from ..instances.sampling import drawn_together

TIGHT = -log1p(-1e-6) / log(10)
"""A bound used up to a relative gap of 1e-6 (as log10) is tight."""
CLOSER = fmpq(1, 1 << 20)
ROUNDINGS = (6, 10, 16)
"""Bits to which the worst instance is rounded to simple rationals: equality often occurs at one of them."""


def try_simple_neighbours(ledger: Ledger) -> None:
    """Decide the worst instance moved to corners and simple rationals nearby: a bound may be attained there exactly."""
    if ledger.worst is None or ledger.worst[1].ratio < -TIGHT:
        return
    instance = ledger.worst[0]
    candidates = [_snapped(ledger.claim, instance)]
    candidates += [{name: _simplified(value, bits) for name, value in instance.items()} for bits in ROUNDINGS]
    for candidate in candidates:
        if ledger.claim.admits(candidate) and not ledger.broken:
            ledger.take(candidate)


def _snapped(claim: Claim, instance: Instance) -> Instance:
    """Each argument at a corner of its range, where one is near."""
    known: Instance = {}
    for name, domain in claim.domains.items():
        value = instance[name]
        pool = [] if isinstance(domain, Size) else domain.corners(known, [])
        known[name] = next((corner for corner in pool if _near(corner, value)), value)
    return known


def _simplified(value: Any, bits: int) -> Any:
    if isinstance(value, int):
        return value
    if isinstance(value, np.ndarray):
        out = value.copy()
        for place in np.ndindex(value.shape):
            out[place] = _simplified(value[place], bits)
        return out
    reach = abs(value) / (1 << bits)
    return simplest_between(value - reach, value + reach)


def attained(ledger: Ledger) -> bool | None:
    """True with an exact witness; False where the bound is only approached as twins coincide and both sides vanish."""
    if any(decision.equal is Truth.YES for _, decision in ledger.telling):
        return True
    worst = ledger.worst
    if worst is None or worst[1].ratio < -TIGHT or any(not d.trivial for _, d in ledger.unknown):
        return None
    return False if _approaches_a_trivial_limit(ledger, worst[0]) else None


def _approaches_a_trivial_limit(ledger: Ledger, instance: Instance) -> bool:
    """Whether the bound stays tight as twins are drawn together, and both sides are exactly 0 where they coincide."""
    closer, joined = (drawn_together(ledger.claim, instance, factor) for factor in (CLOSER, fmpq(0)))
    if closer is None or joined is None:
        return False
    near, at = decide(ledger.claim, closer), decide(ledger.claim, joined)
    return at.trivial and near.truth is Truth.YES and near.equal is Truth.NO and near.ratio >= -TIGHT


def _size(value: Any) -> Any:
    return max(abs(cell) for cell in np.asarray(value, dtype=object).reshape(-1))


def _distance(a: Any, b: Any) -> Any:
    return _size(np.asarray(a, dtype=object) - np.asarray(b, dtype=object))


def _near(a: Any, b: Any) -> bool:
    return bool(_distance(a, b) * 100 <= max(_size(a), _size(b)))


def words(ledger: Ledger, tight: bool, reached: bool | None) -> str:
    """What the ledger says about the constant; observations are called so."""
    assert ledger.worst is not None
    ratio = ledger.worst[1].ratio
    if reached:
        return "tight: a certified witness attains it"
    if tight:
        gap = -expm1(ratio * log(10))
        strict = ", as both sides vanish; every certified instance stays strictly inside (observed, not proved)"
        return (
            f"tight: certified witnesses approach it to a relative gap of {gap:.1e}{strict if reached is False else ''}"
        )
    return (
        f"loose by the observed factor 10^{-ratio:.3g} or less" if isfinite(ratio) else "nothing of the bound is used"
    )
