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

from . import balls
from .arithmetic import Array, working_in
from .backends import BALLS, DEFINED_SYMBOLS
from .balls import Truth
from .claims import Claim, Hypothesis, evaluate
from .constants import walk
from .domains import Size
from .fields import Unsupported
from .symbolic import Abstract, abstract_instances, describe_sizes
from .zero import is_zero

BITS = 128
PIECES = 64
"""Pieces of each parameter's range."""


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
    op = hypothesis.op
    return all(_fails(reduced, box, op) for box in _boxes(claim, instance, reduced))


def _in_parameters(total: sympy.Expr, instance: Abstract) -> sympy.Expr | None:
    """The sum without the entries of vectors and matrices, if it provably does not depend on them."""
    points = [{s: sympy.Rational(i * i + k, 2 * i + 3) for i, s in enumerate(instance.entries)} for k in (1, 2)]
    guesses = [sympy.expand(total.subs(point)) for point in points]
    if guesses[0] != guesses[1] or not is_zero(total - guesses[0]):
        return None
    return guesses[0]


def _boxes(claim: Claim, instance: Abstract, reduced: sympy.Expr) -> list[dict[str, arb]]:
    """Balls that cover the ranges of the numbers in the expression; only ranges between plain numbers are covered."""
    boxes: list[dict[str, arb]] = [{}]
    for name in sorted(symbol.name for symbol in reduced.free_symbols):
        domain = claim.domains[name]
        if any(limit.names for limit in domain.limits()):
            raise Unsupported(f"the range of {name} depends on other arguments")
        low, high = domain.ends({})
        step = (high - low) / PIECES
        with balls.precision(BITS):
            pieces = [arb(low + step * k).union(arb(low + step * (k + 1))) for k in range(PIECES)]
        boxes = [{**box, name: piece} for box in boxes for piece in pieces]
    return boxes


def _fails(reduced: sympy.Expr, box: dict[str, arb], op: str) -> bool:
    with balls.precision(BITS), working_in(BALLS):
        values = {name: Array(BALLS.array_of(piece), BALLS) for name, piece in box.items()}
        difference = walk(reduced, values, {}).data[()]
        return balls.compare(difference, op, fmpq(0)) is Truth.NO
