"""Proofs of equality claims: with symbolic entries, both sides are the same expression for every small size."""

from __future__ import annotations

import numpy as np
import sympy

from ..arrays.backends import SYMBOLS
from ..arrays.fields import Unsupported
from ..claims import Claim, evaluate
from .quotients import vanishes
from .symbolic import Abstract, abstract_instances, describe_sizes
from .zero import certainly_nonzero, is_zero


def prove(claim: Claim) -> str | None:
    """The scope on which an equality claim is proved, or None.

    Every small size must be proved: one identity that SymPy does not reduce to zero, and there is no proof. Hypotheses
    are not used, so the identity holds for all real entries where both sides are defined.
    """
    if claim.kind != "equality":
        return None
    proved: list[dict[str, int]] = []
    try:
        for instance in abstract_instances(claim):
            if not _identical(claim, instance):
                return None
            proved.append(instance.sizes)
    except (Unsupported, TypeError, ValueError, NotImplementedError, RecursionError, ZeroDivisionError):
        return None
    return f"{describe_sizes(proved)}; entries symbolic" if proved else None


def _identical(claim: Claim, instance: Abstract) -> bool:
    sides = evaluate(claim, instance.arguments, SYMBOLS)
    left, right = np.broadcast_arrays(sides.left.data, sides.right.data)
    pairs = zip(left.reshape(-1), right.reshape(-1), strict=True)
    return all(_equal(sympy.sympify(a) - b) for a, b in pairs)


def _equal(difference: sympy.Expr) -> bool:
    """Whether a difference is proved to be zero; balls at one point are the fastest way to see that it is not."""
    return difference == 0 or (not certainly_nonzero(difference) and (vanishes(difference) or is_zero(difference)))
