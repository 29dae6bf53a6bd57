"""Proposals for a step of a flow: Taylor polynomials without error bounds, and how far they are good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, isfinite, log2
from typing import Any

from flint import arb, arb_poly, ctx, fmpq

from ..arrays.balls import Truth, compare
from ..arrays.exact import from_float
from .recording import Velocity

FLOAT_BITS, FLOAT_GOAL, FLOAT_ORDER = 128, 43, 20
"""Up to this precision coefficients come from float64: relative error of a step 2^-43, order 20."""
MOST_BITS = 512
"""A higher precision gives no finer steps."""
LARGEST_EXPONENT = 900


def proposed_polynomials(velocity: Velocity, centre: Sequence[arb]) -> tuple[list[arb_poly], fmpq | None]:
    """Taylor polynomials with exact coefficients, and the time after which they lose the accuracy wanted, if ever.

    Args:
        velocity: of the flow.
        centre: exact balls, the values of the polynomials at 0.
    """
    coarse = ctx.prec <= FLOAT_BITS
    goal = FLOAT_GOAL if coarse else min(ctx.prec, MOST_BITS) * 3 // 8
    order = FLOAT_ORDER if coarse else goal // 2
    number: Callable[[Any], Any] = _float if coarse else arb.mid
    series = velocity.coefficients(centre, order, number)
    polynomials = [arb_poly([c, *map(_exact, rest)]) for c, (_, *rest) in zip(centre, series, strict=True)]
    size = max(map(_log2, centre))
    last = [(k, max(_log2(row[k]) for row in series)) for k in (order - 1, order)]
    exponent = min(((size - goal - height) / k for k, height in last if isfinite(height)), default=inf)
    if not abs(exponent) < LARGEST_EXPONENT:
        return polynomials, None
    return polynomials, from_float(2.0**exponent)


def _float(cell: arb) -> float:
    return float(cell.mid())


def _exact(coefficient: Any) -> arb:
    value = arb(coefficient).mid()
    return value if value.is_finite() else arb.nan()


def _log2(value: Any) -> float:
    """log2 |value|."""
    if isinstance(value, float):
        return log2(abs(value)) if value else -inf
    size = abs(value.mid())
    return float(size.log() / arb(2).log()) if compare(size, ">", fmpq(0)) is Truth.YES else -inf
