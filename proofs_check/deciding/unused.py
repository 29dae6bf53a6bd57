"""Whether a bound needs its hypotheses: a bound that needs none of them says nothing about them.

What counts as a hypothesis is the condition that a body states with `assume`. The annotations say what the arguments
range over; a lemma that is true of all vectors and is stated for unit vectors is no empty statement, so their limits
alone never make a verdict ``vacuous``. Where a bound by a plain number shows no use of them, the report says so.

Nor is a bound ``vacuous`` for every condition that it could do without: ab <= (a^2 + b^2)/2 is worth stating, also for
positive a and b. It is ``vacuous`` where it says no more than a trivial bound does: a plain number that is proved
without the conditions and is not the best one under them, while each of them does exclude something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from flint import fmpq

from ..arrays.backends import BALLS, Instance, batched, joined
from ..arrays.balls import Truth, precision
from ..arrays.fields import Unsupported
from ..arrays.screen import Screen
from ..boxes.proving import BoxProof, prove_boxes
from ..claims import Claim, Sides, evaluate
from ..instances.domains import Size
from ..instances.sampling import Sampler
from ..instances.survey import SIZE_CEILING, Survey, chance
from ..searching.search import screen
from ..searching.usage import signed_logs
from .decide import decide, hypotheses_hold

OUTSIDE = 20
"""Fewer instances outside of the hypotheses say nothing about their use."""
CERTAIN = 10
"""Of these, so many that use most of the bound are decided in balls."""
STRETCHES = tuple(fmpq(k) for k in (1, 3, 10, 100))
LOOKED_AT = 40
SAME = 1e-12
"""Relative change of a right side that rounding explains."""
CEILING = 256
DRAWN, TOGETHER, BITS = 240, 24, 128
"""Instances of the annotations on which a trivial bound is told, in groups of one size, and the balls' precision."""


def without_hypotheses(claim: Claim) -> Claim:
    """The claim without what its body assumes."""

    def body(**arguments: Any) -> tuple[Any, Any]:
        backends = [value.backend for value in arguments.values() if not isinstance(value, int)]
        if not backends:
            raise Unsupported("a claim about sizes alone")
        sides: Sides = evaluate(claim, arguments, backends[0])
        return sides.left, sides.right

    return replace(claim, id=f"{claim.id} without its hypotheses", body=body, origin="")


def assumes(claim: Claim, instance: Instance) -> bool:
    """Whether the body states hypotheses, as seen on one instance."""
    if all(isinstance(value, int) for value in instance.values()):
        return False
    return bool(evaluate(claim, batched([instance]), Screen(1)).hypotheses)


def proved_without(claim: Claim) -> BoxProof | None:
    """A proof of the bound over its whole scope that uses none of its hypotheses, or None."""
    proof = prove_boxes(without_hypotheses(claim))
    return proof if proof is not None and proof.complete else None


def says_nothing(claim: Claim) -> bool:
    """Whether a bound that is proved without its hypotheses is a plain number, and each of them excludes something.

    A condition that the annotations imply is used wherever they are.
    """
    groups = [g for g in Sampler(claim, chance(claim, 0), SIZE_CEILING).groups(DRAWN, TOGETHER) if g]
    if not groups or not any(all(_is_number(claim, group, side) for group in groups) for side in ("left", "right")):
        return False
    implied = set(range(len(evaluate(claim, batched(groups[0]), Screen(len(groups[0]))).hypotheses)))
    for instance in (one for group in groups for one in group):
        implied -= _failed(claim, instance) if implied else set()
    return not implied


def _is_number(claim: Claim, group: Sequence[Instance], side: str) -> bool:
    """Whether a side is the same on all instances of one size."""
    ((sign, log),) = signed_logs(getattr(evaluate(claim, batched(group), Screen(len(group))), side).data)
    return _all_the_same(sign, log)


def _failed(claim: Claim, instance: Instance) -> set[int]:
    """Places of the hypotheses that an instance certainly fails."""
    with precision(BITS):
        sides = evaluate(claim, {name: joined(value, BALLS) for name, value in instance.items()}, BALLS)
        return {i for i, hypothesis in enumerate(sides.hypotheses) if hypotheses_hold(hypothesis) is Truth.NO}


def unseen_uses(claim: Claim, found: Survey, assuming: bool) -> str:
    """What the instances say about hypotheses that may be idle, in words; "" where they say nothing."""
    if assuming:
        count = _satisfied_outside(claim, found)
        return (
            "" if count is None else f"; no use of its hypotheses was seen: it holds on {count} instances outside too"
        )
    names = _idle_limits(claim, found)
    if not names:
        return ""
    return f"; no use of the limits of {', '.join(names)} was seen: it holds on instances up to 100 times as large too"


def _satisfied_outside(claim: Claim, found: Survey) -> int | None:
    """On how many drawn instances that fail a hypothesis the bound holds; None where it fails on one, or few fail."""
    outside = [found.drawn[place] for place in np.flatnonzero(found.usage == -np.inf)]
    if len(outside) < OUTSIDE:
        return None
    free = without_hypotheses(claim)
    used = np.array([float(screen(free, [instance])[0]) for instance in outside])
    worst = [outside[int(place)] for place in np.argsort(-np.nan_to_num(used, nan=np.inf))[:CERTAIN]]
    held = all(decide(free, one, CEILING, tie_break=False).truth is not Truth.NO for one in worst)
    return len(outside) if held and not np.isnan(used).any() else None


def _idle_limits(claim: Claim, found: Survey) -> list[str]:
    """Vectors and matrices with limits that a bound by a plain number does not seem to need."""
    names = [name for name, domain in claim.domains.items() if _is_limited(domain)]
    places = found.admissible[np.argsort(-found.usage[found.admissible], kind="stable")][:LOOKED_AT]
    if not names or claim.kind == "equality" or not places.size:
        return []
    for place in places:
        together = [names, *([name] for name in names)]
        stretched = [_stretched(found.drawn[place], part, factor) for part in together for factor in STRETCHES]
        if not _same_bound(claim, stretched) or not (screen(claim, stretched) <= SAME).all():
            return []
    return names


def _is_limited(domain: Any) -> bool:
    """An argument that may be stretched: with a norm, and without a structure that stretching would break."""
    if isinstance(domain, Size) or getattr(domain, "simplex", False) or getattr(domain, "orthogonal", False):
        return False
    norms = ("norm1", "norm2", "norm_inf", "spectral", "frobenius")
    return any(getattr(domain, norm, None) is not None for norm in norms)


def _stretched(instance: Instance, names: list[str], factor: fmpq) -> Instance:
    return {name: value * factor if name in names else value for name, value in instance.items()}


def _same_bound(claim: Claim, instances: list[Instance]) -> bool:
    sides = evaluate(claim, batched(instances), Screen(len(instances)))
    (sign, log), _ = signed_logs(sides.right.data, sides.left.data)
    return _all_the_same(sign, log)


def _all_the_same(sign: np.ndarray, log: np.ndarray) -> bool:
    with np.errstate(invalid="ignore"):
        same_log = np.where(np.isfinite(log), np.abs(log - log[:1]) <= SAME * (1 + np.abs(log)), log == log[:1])
    return bool((sign == sign[:1]).all() and same_log.all())
