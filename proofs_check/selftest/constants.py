"""Catalogue constants divided until refuted: a bound that survives every division was never checked.

And the other way round: what refutes the divided constant breaks it in mpmath too, and breaks every smaller one.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ..arithmetic import maximum, minimum
from ..arrays.balls import Truth
from ..campaigns.examine import examine
from ..claims import Claim
from ..deciding.decide import decide
from ..loading import catalogue_claims
from ..replaying import second_opinion
from ..verdict import HOLDS, PROVED, REFUTED
from ..witness import load

SAMPLES = 100
FACTORS = tuple(Fraction(10) ** k for k in (0, 1, 2, 4, 8, 16))
"""A constant that is loose by more than the last of these counts as never checked."""
ONE_A_FAMILY = ("K7", "P0-3.0", "P3-6-cosh")


def bounds() -> list[str]:
    """Catalogue bounds that hold, with a right side that a factor sharpens."""
    held = [c for c in catalogue_claims() if isinstance(c, Claim) and c.expect == "holds" and c.kind != "equality"]
    return [c.id for c in held if "constant" in c.body.__code__.co_names]


def divided(claim: Claim, factor: Fraction) -> Claim:
    """The claim with a constant that is sharper by a factor (larger, for a lower bound)."""

    def body(**given: Any) -> tuple[Any, Any]:
        left, right = claim.body(**given)
        sharper = minimum if claim.kind == "upper" else maximum  # a negative bound sharpens the other way
        return left, sharper(right / factor, right * factor)

    return replace(claim, id=f"{claim.id} / {factor}", body=body, origin="")


def trials(count: int, seed: int, unit: int) -> tuple[int, str | None]:
    """Divide the constant of one bound (`bounds` in order)."""
    claim = next(c for c in catalogue_claims() if c.id == bounds()[unit])
    assert isinstance(claim, Claim)
    with tempfile.TemporaryDirectory() as folder:
        for factor in FACTORS:
            sharper = divided(claim, factor)
            verdict = examine(sharper, SAMPLES, seed, folder)
            if verdict.outcome == REFUTED:
                if factor == 1:
                    return 0, f"{claim.id}, undivided: {verdict.message}"
                return 1, _wrong_refutation(claim, factor, load(str(verdict.witness)).instance)
            if verdict.outcome not in (HOLDS, PROVED):
                return 0, f"{sharper.id}: {verdict.outcome}, {verdict.message}"
    return 0, f"{claim.id} holds with its constant divided by {FACTORS[-1]}: nothing was checked"


def _wrong_refutation(claim: Claim, factor: Fraction, instance: dict[str, Any]) -> str | None:
    if second_opinion(divided(claim, factor), instance, 80) is not False:
        return f"{claim.id} / {factor} is refuted by {instance}, which mpmath does not see"
    if decide(divided(claim, factor * 10), instance).truth is not Truth.NO:
        return f"{claim.id} / {factor} is refuted by {instance}, and ten times less is not"
    return None
