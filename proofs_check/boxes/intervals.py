"""Intervals with exact ends: every operation rounds its ends outwards, through balls.

A ball around [0, 1] times a ball around [1, 2] reaches below 0, since midpoints and radii are multiplied; ends keep
signs. An end is an exact point (or an infinity), so comparing two ends is exact. An operation that is undefined
somewhere gives `WHOLE`, from which nothing follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import arb, fmpq

Interval = tuple[arb, arb]

ZERO, ONE, NOTHING = arb(0), arb(1), fmpq(0)
UP, DOWN = arb.pos_inf(), arb.neg_inf()
WHOLE: Interval = (DOWN, UP)
NEAR_ZERO = arb(fmpq(1, 1 << 10))


def around(low: fmpq, high: fmpq) -> Interval:
    """The interval between two rationals."""
    return arb(low).lower(), arb(high).upper()


def _checked(low: arb, high: arb) -> Interval:
    return WHOLE if low.is_nan() or high.is_nan() else (low, high)


def add(a: Interval, b: Interval) -> Interval:
    """All sums."""
    return _checked((a[0] + b[0]).lower(), (a[1] + b[1]).upper())


def scale(a: Interval, factor: fmpq) -> Interval:
    """All multiples by an exact number."""
    low, high = (a[0] * factor, a[1] * factor) if factor > NOTHING else (a[1] * factor, a[0] * factor)
    return _checked(low.lower(), high.upper())


def multiply(a: Interval, b: Interval) -> Interval:
    """All products."""
    (p, q), (r, s) = a, b
    if r < ZERO and p >= ZERO:
        (p, q), (r, s) = b, a
    if r >= ZERO:
        if p >= ZERO:
            return _checked((p * r).lower(), (q * s).upper())
        if p.is_finite() and q.is_finite() and s.is_finite():  # an infinity times 0 is undefined
            return (p * s).lower(), (q * (s if q > ZERO else r)).upper()
    products = (p * r, p * s, q * r, q * s)
    if any(product.is_nan() for product in products):
        return WHOLE
    low, high = products[0].lower(), products[0].upper()
    for product in products[1:]:
        low, high = _least(low, product.lower()), _most(high, product.upper())
    return low, high


def _least(a: arb, b: arb) -> arb:
    return a if a <= b else b


def _most(a: arb, b: arb) -> arb:
    return a if a >= b else b


def inverse(a: Interval) -> Interval:
    """All reciprocals; where 0 is an end, only what is defined."""
    if a[0] > 0 or a[1] < 0:
        return _checked((1 / a[1]).lower(), (1 / a[0]).upper())
    if a[0] >= 0 and a[1] > 0:
        return (1 / a[1]).lower(), UP
    if a[1] <= 0 and a[0] < 0:
        return DOWN, (1 / a[0]).upper()
    return WHOLE


def power(a: Interval, exponent: int) -> Interval:
    """All whole powers."""
    if exponent == 1:
        return a  # a ball of infinity to the power 1 is undefined
    if exponent < 0:
        return power(inverse(a), -exponent)
    if exponent % 2 == 0:
        a = absolute(a)
    return _checked((a[0] ** exponent).lower(), (a[1] ** exponent).upper())


def absolute(a: Interval) -> Interval:
    """All absolute values."""
    if a[0] >= 0:
        return a
    if a[1] <= 0:
        return -a[1], -a[0]
    return ZERO, _most(-a[0], a[1])


def maximum(a: Interval, b: Interval) -> Interval:
    """All larger ones of two."""
    return _most(a[0], b[0]), _most(a[1], b[1])


def minimum(a: Interval, b: Interval) -> Interval:
    """All smaller ones of two."""
    return _least(a[0], b[0]), _least(a[1], b[1])


def exp(a: Interval) -> Interval:
    """All exponentials."""
    return _checked(a[0].exp().lower(), a[1].exp().upper())


def log(a: Interval) -> Interval:
    """All logarithms of what is positive; minus infinity stands for the logarithm of 0."""
    low = a[0].log().lower() if a[0] > 0 else DOWN
    if a[1] > 0:
        return _checked(low, a[1].log().upper())
    return WHOLE if a[1] < 0 else (DOWN, DOWN)


def sqrt(a: Interval) -> Interval:
    """All roots of what is at least 0."""
    if a[1] < 0:
        return WHOLE
    return _checked(_most(a[0], ZERO).sqrt().lower(), a[1].sqrt().upper())


def sign(a: Interval) -> Interval:
    """All signs, with everything between -1 and 1 as the slope of the absolute value at 0."""
    if a[0] > 0:
        return ONE, ONE
    return (-ONE, -ONE) if a[1] < 0 else (-ONE, ONE)


def hyperbolic_quotient(a: Interval) -> Interval:
    """All sinh(t)/t: even, increasing in |t|, 1 at 0."""
    low, high = absolute(a)
    return _quotient(low).lower(), _quotient(high).upper()


def _quotient(t: arb) -> arb:
    if t <= 0:
        return ONE
    if t <= NEAR_ZERO:  # 1 + t^2/6 <= sinh(t)/t <= 1 + t^2/6 cosh(t), term by term of the series
        square = t * t / 6
        return (1 + square).union(1 + square * t.cosh())
    return t.sinh() / t if t.is_finite() else UP


def langevin(a: Interval) -> Interval:
    """All coth(t) - 1/t, the logarithmic derivative of sinh(t)/t: odd, increasing, 0 at 0."""
    return _langevin(a[0]).lower(), _langevin(a[1]).upper()


def _langevin(t: arb) -> arb:
    if t < 0:
        return -_langevin(-t)
    if t <= NEAR_ZERO:  # t/3 - t^3/45 <= coth(t) - 1/t <= t/3 for t >= 0
        return (t / 3 - t**3 / 45).union(t / 3)
    return t.coth() - 1 / t if t.is_finite() else ONE


UNARY: dict[str, Callable[[Interval], Interval]] = {
    "inv": inverse, "sqrt": sqrt, "abs": absolute, "log": log, "sgn": sign,
    "shc": hyperbolic_quotient, "langevin": langevin,
}  # fmt: skip
BINARY: dict[str, Any] = {"max": maximum, "min": minimum}
