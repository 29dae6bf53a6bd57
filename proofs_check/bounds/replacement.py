"""A smaller constant in place of a loose one: proved over boxes where that works, and checked as a claim of its own.

The best constant, as a factor of the claimed one, lies above every factor that a witness refutes and at or below every
factor that is proved.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from fractions import Fraction
from math import log10
from typing import Any

import numpy as np
from flint import fmpq

from ..arrays.backends import Instance, batched
from ..arrays.balls import Truth
from ..arrays.exact import from_float, simplest_between, to_float
from ..arrays.screen import Screen
from ..boxes.proving import prove_boxes
from ..claims import Claim, evaluate
from ..deciding.decide import decide
from ..deciding.ledger import Ledger
from ..instances.survey import survey

STEPS = 4
"""Bisections of the exponent between the observed factor and 1."""
SHARE = fmpq(1, 32)
"""A factor is replaced by the simplest rational up to this much above it."""
WORTHWHILE = 0.01
"""Observed looseness (log10) from which on a smaller constant is looked for."""
TERMS = 40_000
"""Budget of one attempt."""
SAMPLES, FEW = 60, 8
CLOSE = fmpq(1, 10**6)
"""A factor so much (relative) below what a witness uses is asked to be refuted by it."""
LADDER = (0.0, 0.001, 0.01, 0.05, 0.2, 0.6, 1.5, 4.0, 10.0)
"""Distances (log10) above the observed factor at which proofs are tried, until one is found."""


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


def with_factor(claim: Claim, factor: fmpq, negative: bool = False) -> Claim:
    """The claim with its constant sharpened by an exact factor.

    Args:
        claim: an upper or lower bound.
        factor: what the side of the larger size is multiplied by, below 1 for a sharper claim.
        negative: both sides are negative, so that the larger size belongs to the smaller side.
    """
    exact = Fraction(int(factor.p), int(factor.q))
    on_right = (claim.kind == "upper") is not negative

    def body(**arguments: Any) -> tuple[Any, Any]:
        left, right = claim.body(**arguments)
        return (left, right * exact) if on_right else (left * exact, right)

    digest = hashlib.sha256(f"{claim.digest}\0{exact}\0{negative}".encode()).hexdigest()
    return replace(claim, id=f"{claim.id} * {exact}", body=body, digest=digest, origin="")


def is_negative(claim: Claim) -> bool:
    """Whether the claim bounds something negative: float64 looks at the right side of a few instances."""
    found = survey(claim, np.random.default_rng(0), 0, FEW, deep=False)
    sides = (evaluate(claim, batched([found.drawn[i]]), Screen(1)).right.data.mantissa for i in found.admissible[:FEW])
    signs = np.array([np.sign(np.nan_to_num(mantissa)).sum() for mantissa in sides])
    return bool(signs.sum() < 0)


def certified_replacement(claim: Claim, ratio: float, rng: np.random.Generator) -> Replacement | None:
    """The smallest factor found that is proved over the whole scope of a claim which is proved there itself.

    Args:
        claim: an upper or lower bound.
        ratio: log10 of the largest certified share of the bound that is used; no factor below it can be proved.
        rng: for the instances that the new claim is checked on.
    """
    if not -300 < ratio < -WORTHWHILE:
        return None
    negative = is_negative(claim)
    best, low, high = None, ratio, 0.0
    for step in range(STEPS):
        middle = low + (high - low) * (0.1 if step == 0 else 0.5)
        start = from_float(10.0**middle)
        factor = simplest_between(start, start * (1 + SHARE))
        if factor < 1 and _proved(claim, factor, negative, TERMS):
            best, high = factor, middle
        else:
            low = middle
    if best is None or not survives(with_factor(claim, best, negative), rng):
        return None
    return Replacement(best, with_factor(claim, best, negative), certified=True)


def _proved(claim: Claim, factor: fmpq, negative: bool, terms: int) -> bool:
    if negative:
        proof = prove_boxes(with_factor(claim, factor, negative), terms=terms)
    else:
        proof = prove_boxes(claim, factor, terms)
    return proof is not None and proof.complete


def observed_replacement(claim: Claim, ratio: float, rng: np.random.Generator) -> Replacement | None:
    """A simple factor just above the observed ratio, with which no instance tried breaks the claim: a proposal."""
    if not -300 < ratio < -WORTHWHILE:
        return None
    start = from_float(10.0**ratio)
    factor = simplest_between(start * (1 + SHARE), start * (1 + 2 * SHARE))
    proposed = with_factor(claim, factor, is_negative(claim))
    return Replacement(factor, proposed, certified=False) if factor < 1 and survives(proposed, rng) else None


def survives(claim: Claim, rng: np.random.Generator) -> bool:
    """Whether the claim stands on the instances of a survey of its own, decided in balls."""
    ledger = Ledger(claim)
    for instance in survey(claim, rng, 0, SAMPLES, deep=False).for_balls(rng):
        ledger.take(instance, tie_break=False)
        if ledger.broken:
            return False
    return bool(ledger.decided)


def refuted_factor(claim: Claim, instance: Instance, ratio: float) -> fmpq | None:
    """A factor that one instance certainly refutes: the best constant is larger; None where balls do not tell.

    Args:
        claim: an upper or lower bound.
        instance: admissible, for instance an extremal one.
        ratio: log10 of the share of the bound that it uses.
    """
    start = _power_of_ten(min(ratio, 0.0))
    for close in (CLOSE, CLOSE * 1000):
        factor = simplest_between(start * (1 - 2 * close), start * (1 - close))
        decision = decide(with_factor(claim, factor, is_negative(claim)), instance, tie_break=False)
        if decision.admissible is Truth.YES and decision.truth is Truth.NO:
            return factor
    return None


def proved_factor(claim: Claim, ratio: float, terms: int = TERMS) -> fmpq | None:
    """A factor near the observed one, at most 1, that is proved over all that the claim speaks of, or None.

    Args:
        claim: an upper or lower bound.
        ratio: log10 of the largest certified share of the bound that is used.
        terms: budget of each attempt.
    """
    negative = is_negative(claim)
    for step in LADDER:
        start = _power_of_ten(min(ratio + step, 0.0))
        # Next to the observed factor itself the simplest number may be the best constant, which is then attained.
        factor = simplest_between(start * (1 - CLOSE), start * (1 + (CLOSE if step == 0 else SHARE)))
        factor = min(factor, fmpq(1))
        if _proved(claim, factor, negative, terms):
            return factor
        if factor == 1:
            return None
    return None


def _power_of_ten(exponent: float) -> fmpq:
    """10 to a real number, where that may be far outside the range of floats."""
    whole = int(np.floor(exponent))
    return from_float(10.0 ** (exponent - whole)) * fmpq(10) ** whole
