"""Hypotheses that cannot be met: suspected when nothing admissible is found, certified by a proof at small sizes.

The proof: the sum over the entries of a hypothesis ``left >= right`` must hold too. Where that sum depends on the
numbers of the statement alone (simplex vectors sum to 1, leverage scores to d), balls over the whole box of those
numbers refute it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import sympy
from flint import arb, fmpq

from ..arithmetic import Array, working_in
from ..arrays import balls
from ..arrays.backends import BALLS, DEFINED_SYMBOLS
from ..arrays.balls import Truth
from ..arrays.fields import Unsupported
from ..claims import Claim, Hypothesis, evaluate
from ..constants import walk
from ..instances.domains import Size
from .symbolic import Abstract, abstract_instances, describe_sizes
from .zero import is_zero

BITS = 128
BOXES = 4096
"""Most boxes of parameters that are looked at."""

Box = dict[str, tuple[fmpq, fmpq]]
"""Parameter -> the rationals between which it lies."""


@dataclass(frozen=True)
class Contradiction:
    """Hypotheses that certainly cannot be met together.

    Attributes:
        scope: the sizes and parameters that the proof covers.
        complete: whether these are all that the claim speaks of.
    """

    scope: str
    complete: bool


def contradiction(claim: Claim) -> Contradiction | None:
    """A proof that the hypotheses contradict each other at small sizes, or None."""
    covered: list[dict[str, int]] = []
    try:
        # An instance on which a hypothesis is undefined does not meet it, so operations may be taken for defined.
        for instance in abstract_instances(claim, DEFINED_SYMBOLS):
            sides = evaluate(claim, instance.arguments, DEFINED_SYMBOLS)
            if not any(_impossible(claim, instance, h) for h in sides.hypotheses):
                return None
            covered.append(instance.sizes)
    except (Unsupported, TypeError, ValueError, NotImplementedError, RecursionError, ZeroDivisionError):
        return None
    if not covered:
        return None
    sizes = [len(d.values(d.high)) for d in claim.domains.values() if isinstance(d, Size)]
    return Contradiction(f"{describe_sizes(covered)}; all parameters", len(covered) == math.prod(sizes))


def _impossible(claim: Claim, instance: Abstract, hypothesis: Hypothesis) -> bool:
    left, right = (x.reshape(-1) for x in np.broadcast_arrays(hypothesis.left.data, hypothesis.right.data))
    reduced = _in_parameters(sympy.Add(*(left - right).reshape(-1)), instance)
    if reduced is None:
        return False
    return _fails_on(reduced, _box(claim, reduced), hypothesis.op)


def _fails_on(reduced: sympy.Expr, box: Box, op: str) -> bool:
    """Whether the relation certainly fails on a whole box of parameters: as it is, or after bisection."""
    waiting = [box]
    for _ in range(BOXES):
        if not waiting:
            return True
        part = waiting.pop()
        if not _fails(reduced, part, op):
            widest = max(part, key=lambda name: part[name][1] - part[name][0], default=None)
            if widest is None or part[widest][0] == part[widest][1]:
                return False
            low, high = part[widest]
            middle = (low + high) / 2
            waiting += [{**part, widest: (low, middle)}, {**part, widest: (middle, high)}]
    return not waiting


def _in_parameters(total: sympy.Expr, instance: Abstract) -> sympy.Expr | None:
    """The sum without the entries of vectors and matrices, if it provably does not depend on them."""
    points = [{s: sympy.Rational(i * i + k, 2 * i + 3) for i, s in enumerate(instance.entries)} for k in (1, 2)]
    guesses = [sympy.expand(total.subs(point)) for point in points]
    if guesses[0] != guesses[1] or not is_zero(total - guesses[0]):
        return None
    return guesses[0]


def _box(claim: Claim, reduced: sympy.Expr) -> Box:
    """The ranges of the numbers in the expression; only ranges between plain numbers are covered."""
    box: Box = {}
    for name in sorted(symbol.name for symbol in reduced.free_symbols):
        domain = claim.domains[name]
        if any(limit.names for limit in domain.limits()):
            raise Unsupported(f"the range of {name} depends on other arguments")
        box[name] = domain.ends({})
    return box


def _fails(reduced: sympy.Expr, box: Box, op: str) -> bool:
    with balls.precision(BITS), working_in(BALLS):
        pieces = {name: arb(low).union(arb(high)) for name, (low, high) in box.items()}
        values = {name: Array(BALLS.array_of(piece), BALLS) for name, piece in pieces.items()}
        difference = walk(reduced, values, {}).data[()]
        return balls.compare(difference, op, fmpq(0)) is Truth.NO
