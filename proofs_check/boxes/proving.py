"""Inequalities of claims proved over boxes: every size in turn, every pattern of signs, all that must be defined."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from flint import arb, fmpq

from ..arrays import balls
from ..arrays.array import Array
from ..arrays.backends import BALLS, Instance
from ..arrays.exact import Count, InputError
from ..arrays.fields import Unsupported
from ..claims import Claim, Sides, evaluate
from ..deciding.symbolic import describe_sizes
from ..instances.domains import Size
from . import sums
from .branching import Prover
from .enclosing import Budget, Enclosures, Exhausted
from .goals import at_most
from .regions import Box, Region, Scope
from .replacing import expanded, substituted
from .sums import Letter, Sum

COMBINATIONS = 6
"""A claim with more combinations of sizes is proved for some of its smallest only."""
SMALLEST = 2
"""Largest size of those."""
TERMS, FEW_TERMS = 120_000, 25_000
"""Budgets for one combination of sizes, in enclosed terms: of a claim that can be proved as a whole, and of others."""
CHECK_BITS = 128
RESISTING = 4
"""Pieces of a region that instances are taken from."""
SHARES = tuple(fmpq(k, 1 << e) for k, e in ((0, 0), (1, 400), (1, 60), (1, 1), (1, 0)))
"""Where in their ranges."""
UNCHANGED = fmpq(1)
REFUSED = (Unsupported, InputError, TypeError, ValueError, NotImplementedError, RecursionError, ZeroDivisionError)


Statement = tuple[Hashable, ...]
"""What is to be proved on a region."""


@dataclass(frozen=True)
class BoxProof:
    """An inequality proved on a stated scope.

    Attributes:
        scope: sizes and intervals that the proof covers.
        complete: whether these are all that the claim speaks of.
    """

    scope: str
    complete: bool


def prove_boxes(
    claim: Claim, factor: fmpq = UNCHANGED, terms: int = TERMS, doubts: list[Instance] | None = None
) -> BoxProof | None:
    """A proof that ``small <= factor * big`` for small <= big, the claim; None where none was found.

    Args:
        claim: of kind "upper" or "lower".
        factor: what the larger side is multiplied by, for a smaller constant; that side must then be >= 0 as well.
        terms: budget for one combination of sizes, if all are to be proved.
        doubts: gets instances, admissible or not, of the pieces that resisted: where the claim fails on a small set
            only, these are next to it.
    """
    if claim.kind == "equality":
        return None
    proved: set[Statement] = set()
    return _over_sizes(claim, lambda region, budget: _holds_on(claim, region, factor, budget, doubts, proved), terms)


def infeasible_boxes(claim: Claim) -> BoxProof | None:
    """A proof that no instance meets the further hypotheses: every piece of every box fails one of them."""
    return _over_sizes(claim, lambda region, budget: _empty(claim, region, budget), TERMS, every=True)


def _over_sizes(
    claim: Claim, certain: Callable[[Region, Budget], bool], terms: int, every: bool = False
) -> BoxProof | None:
    """What is certain on all regions of the claim, or of some (``every``: each) of its smallest sizes."""
    sizes = {name: d for name, d in claim.domains.items() if isinstance(d, Size)}
    if len(sizes) == len(claim.domains):
        return None
    whole = math.prod(len(d.values(d.high)) for d in sizes.values()) <= COMBINATIONS
    ceilings = (d.high if whole else SMALLEST for d in sizes.values())
    proved: list[Scope] = []
    hopeless: list[tuple[int, ...]] = []
    for combination in product(*(d.values(c) for d, c in zip(sizes.values(), ceilings, strict=True))):
        if any(all(a <= b for a, b in zip(failed, combination, strict=True)) for failed in hopeless):
            continue
        chosen = dict(zip(sizes, map(Count, combination), strict=True))
        scope = _certain_at(claim, chosen, certain, Budget(terms if whole else FEW_TERMS))
        if scope is not None:
            proved.append(scope)
        elif whole or every:
            return None
        else:
            hopeless.append(combination)
    if not proved:
        return None
    parts = [describe_sizes([dict(scope.sizes) for scope in proved])] if sizes else []
    return BoxProof("; ".join([*parts, proved[0].ranges()]), whole and not any(scope.truncated for scope in proved))


def _certain_at(
    claim: Claim, sizes: dict[str, Count], certain: Callable[[Region, Budget], bool], budget: Budget
) -> Scope | None:
    """The scope at some sizes, if the question is answered on all its regions."""
    try:
        scope = Scope.of(claim, sizes)
        return scope if all(certain(region, budget) for region in scope.regions()) else None
    except (Exhausted, *REFUSED):
        return None


def _empty(claim: Claim, region: Region, budget: Budget) -> bool:
    sides = evaluate(claim, region.arguments, region.backend)
    # Nothing makes -1 >= 0 true, so every piece must be ruled out.
    return Prover(region.box, region.constraints, _hypotheses(sides), budget).holds(sums.number(-UNCHANGED))


def _hypotheses(sides: Sides) -> tuple[tuple[str, Sum], ...]:
    return tuple((h.op, a - b) for h in sides.hypotheses for a, b in _pairs(h.left, h.right))


def _holds_on(
    claim: Claim, region: Region, factor: fmpq, budget: Budget, doubts: list[Instance] | None, proved: set[Statement]
) -> bool:
    """Whether the claim is proved on one region; often that says the same as a region with other signs."""
    sides = evaluate(claim, region.arguments, region.backend)
    _same_on_balls(claim, region, sides)
    prover = Prover(region.box, region.constraints, _hypotheses(sides), budget)
    statement = _statement(region, sides, prover)
    if statement in proved:
        return True
    try:
        if _follows(claim, region, sides, factor, prover):
            proved.add(statement)
        return statement in proved
    finally:
        if doubts is not None:
            doubts += [one for box in prover.resisting[-RESISTING:] for one in _instances(region, box)]


def _statement(region: Region, sides: Sides, prover: Prover) -> Statement:
    """All that a proof looks at; equal sums have equal texts."""
    return (
        *region.box.items(), *region.trace.needs, *prover.constraints, *prover.hypotheses,
        *_pairs(sides.left, sides.right),
    )  # fmt: skip


def _follows(claim: Claim, region: Region, sides: Sides, factor: fmpq, prover: Prover) -> bool:
    prover = replace(prover, everywhere=_defined_everywhere(region, prover.budget))
    if not prover.everywhere and not all(_defined(kind, x, prover) for kind, x in region.trace.needs):
        return False
    pairs = _pairs(sides.left, sides.right)
    ordered = pairs if claim.kind == "upper" else [(b, a) for a, b in pairs]
    if factor != UNCHANGED and not all(at_most(sums.ZERO, big, prover) for _, big in ordered):
        return False
    return all(at_most(small, big.times(factor), prover) for small, big in ordered)


def _defined_everywhere(region: Region, budget: Budget) -> bool:
    """Whether the sides are defined on the whole box, in so far as that is soon shown."""
    free = Prover(region.box, (), (), budget)
    with budget.half():
        return all(_defined(kind, x, free) for kind, x in region.trace.needs)
    return False


def _pairs(left: Array, right: Array) -> list[tuple[Sum, Sum]]:
    a, b = np.broadcast_arrays(left.data, right.data)
    return [(p.sum, q.sum) for p, q in zip(a.reshape(-1), b.reshape(-1), strict=True)]


def _defined(kind: str, x: Sum, prover: Prover) -> bool:
    """Whether what a body divides by, or takes a root or logarithm of, is certainly what it must be."""
    x = expanded(x)
    if kind != "nonzero":
        return prover.holds(x, strict=kind == "positive")
    with balls.precision(CHECK_BITS):
        middle = Enclosures({v: (_middle(ends),) * 2 for v, ends in prover.box.items()}, prover.budget).of(x)
    return prover.holds(x if middle[0] > 0 else x.times(fmpq(-1)), strict=True)


def _middle(ends: tuple[fmpq, fmpq]) -> fmpq:
    return (ends[0] + ends[1]) / 2


def _same_on_balls(claim: Claim, region: Region, sides: Sides) -> None:
    """The traced sides must agree with the claim on balls, at one point of the box."""
    point = {letter: sums.number(_inner(ends)) for letter, ends in region.box.items()}
    arguments = {name: _at(value, point) for name, value in region.arguments.items()}
    if any(value is None for value in arguments.values()):
        return
    on = Enclosures({letter: (_inner(ends),) * 2 for letter, ends in region.box.items()}, Budget(1 << 20))
    with balls.precision(CHECK_BITS):
        other = evaluate(claim, arguments, BALLS)
        for traced, plain in ((sides.left, other.left), (sides.right, other.right)):
            for cell, ball in zip(traced.data.reshape(-1), plain.data.reshape(-1), strict=True):
                low, high = on.of(cell.sum)
                certain = arb(ball)
                assert not (balls.is_finite(certain) and (certain < low or certain > high)), (claim.id, str(certain))


def _inner(ends: tuple[fmpq, fmpq]) -> fmpq:
    """A point inside the range that is not its middle, where odd functions would hide a sign."""
    return ends[0] + (ends[1] - ends[0]) * fmpq(3, 7)


def _instances(region: Region, box: Box) -> Iterator[Instance]:
    """Instances at a few points of a piece, also very close to its lower ends, where something may have a pole."""
    for share in SHARES:
        ends = {**region.box, **box}
        point = {letter: sums.number(low + (high - low) * share) for letter, (low, high) in ends.items()}
        arguments = {name: _at(value, point) for name, value in region.arguments.items()}
        if all(value is not None for value in arguments.values()):
            yield {
                name: (value.data if value.shape else value.data[()]) if isinstance(value, Array) else value
                for name, value in arguments.items()
            }


def _at(value: object, point: dict[Letter, Sum]) -> object:
    """An argument at a point, on balls; None where it is not rational there."""
    if not isinstance(value, Array):
        return value
    found = [substituted(cell.sum, point).constant for cell in value.data.reshape(-1)]
    if any(cell is None for cell in found):
        return None
    return Array(BALLS.array_of(found).reshape(value.data.shape), BALLS)
