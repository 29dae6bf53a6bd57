"""A smaller constant in place of a loose one: proved over boxes where that works, and checked as a claim of its own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from fractions import Fraction
from math import log10
from typing import Any

import numpy as np
from flint import fmpq

from .boxes.proving import prove_boxes
from .claims import Claim
from .exact import from_float, simplest_between, to_float
from .ledger import Ledger
from .survey import survey

STEPS = 4
"""Bisections of the exponent between the observed factor and 1."""
SHARE = fmpq(1, 32)
"""A factor is replaced by the simplest rational up to this much above it."""
WORTHWHILE = 0.01
"""Observed looseness (log10) from which on a smaller constant is looked for."""
TERMS = 40_000
"""Budget of one attempt."""
SAMPLES = 60


@dataclass(frozen=True)
class Replacement:
    """A claim with a smaller constant.

    Attributes:
        factor: what the larger side is multiplied by, below 1.
        claim: the claim with that factor.
        certified: proved over the scope of the claim's own proof, else checked on instances only.
    """

    factor: fmpq
    claim: Claim
    certified: bool

    @property
    def looseness_log10(self) -> float:
        """How much smaller the constant is, rounded down."""
        return float(np.nextafter(-log10(to_float(self.factor)), -np.inf))


def with_factor(claim: Claim, factor: fmpq) -> Claim:
    """The claim with its larger side multiplied by an exact factor."""
    exact = Fraction(int(factor.p), int(factor.q))

    def body(**arguments: Any) -> tuple[Any, Any]:
        left, right = claim.body(**arguments)
        return (left, right * exact) if claim.kind == "upper" else (left * exact, right)

    digest = hashlib.sha256(f"{claim.digest}\0{exact}".encode()).hexdigest()
    return replace(claim, id=f"{claim.id} * {exact}", body=body, digest=digest, origin="")


def certified_replacement(claim: Claim, ratio: float, rng: np.random.Generator) -> Replacement | None:
    """The smallest factor found that is proved over the whole scope of a claim which is proved there itself.

    Args:
        claim: an upper or lower bound.
        ratio: log10 of the largest certified share of the bound that is used; no factor below it can be proved.
        rng: for the instances that the new claim is checked on.
    """
    if not -300 < ratio < -WORTHWHILE:
        return None
    best, low, high = None, ratio, 0.0
    for step in range(STEPS):
        middle = low + (high - low) * (0.1 if step == 0 else 0.5)
        start = from_float(10.0**middle)
        factor = simplest_between(start, start * (1 + SHARE))
        proof = prove_boxes(claim, factor, TERMS) if factor < 1 else None
        if proof is not None and proof.complete:
            best, high = factor, middle
        else:
            low = middle
    if best is None or not survives(with_factor(claim, best), rng):
        return None
    return Replacement(best, with_factor(claim, best), certified=True)


def observed_replacement(claim: Claim, ratio: float, rng: np.random.Generator) -> Replacement | None:
    """A simple factor just above the observed ratio, with which no instance tried breaks the claim: a proposal."""
    if not -300 < ratio < -WORTHWHILE:
        return None
    start = from_float(10.0**ratio)
    factor = simplest_between(start * (1 + SHARE), start * (1 + 2 * SHARE))
    proposed = with_factor(claim, factor)
    return Replacement(factor, proposed, certified=False) if factor < 1 and survives(proposed, rng) else None


def survives(claim: Claim, rng: np.random.Generator) -> bool:
    """Whether the claim stands on the instances of a survey of its own, decided in balls."""
    ledger = Ledger(claim)
    for instance in survey(claim, rng, 0, SAMPLES, deep=False).for_balls(rng):
        ledger.take(instance, tie_break=False)
        if ledger.broken:
            return False
    return bool(ledger.decided)
