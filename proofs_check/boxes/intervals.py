"""Intervals between two balls: the first contains a lower bound of the values, the second an upper bound.

A ball around [0, 1] times a ball around [1, 2] reaches below 0, since midpoints and radii are multiplied; ends keep
signs. Each end is a ball at the working precision that holds one bound to the last bits, so all rounding is in it.
Whoever decides compares an end with 0 and believes only what is certain of the whole ball; the rules here likewise
take a case only where it is certain, and the hull of all cases otherwise. An operation that is undefined somewhere
gives `WHOLE`, or an end [nan], from which nothing follows.
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
    return arb(low), arb(high)


def is_bounded(a: Interval) -> bool:
    """Whether both ends are finite."""
    return a[0].is_finite() and a[1].is_finite()


def is_positive(a: Interval) -> bool:
    """Whether all values are certainly above 0; False says nothing, here and below."""
    return bool(a[0] > ZERO)


def is_nonnegative(a: Interval) -> bool:
    """Whether none is below 0."""
    return bool(a[0] >= ZERO)


def is_negative(a: Interval) -> bool:
    """Whether all are below 0."""
    return bool(a[1] < ZERO)


def is_nonpositive(a: Interval) -> bool:
    """Whether none is above 0."""
    return bool(a[1] <= ZERO)


def factor(value: fmpq) -> arb | fmpq | None:
    """The size of an exact number as `added` wants it: None for 1, a ball where that is exact at every precision."""
    size = abs(value)
    ball = arb(size)
    return None if size == 1 else ball if ball.is_exact() else size


def add(a: Interval, b: Interval) -> Interval:
    """All sums."""
    return a[0] + b[0], a[1] + b[1]


def scale(a: Interval, factor: fmpq) -> Interval:
    """All multiples by an exact number."""
    return (a[0] * factor, a[1] * factor) if factor > NOTHING else (a[1] * factor, a[0] * factor)


def added(total: Interval | None, a: Interval, multiple: tuple[arb | fmpq | None, bool]) -> Interval:
    """A running sum (None: of nothing) and a multiple of an interval, by a `factor` with its sign (True: positive)."""
    (low, high), (size, positive) = a, multiple
    if size is not None:
        low, high = low * size, high * size
    if not positive:
        low, high = -high, -low
    return (low, high) if total is None else (total[0] + low, total[1] + high)


def multiply(a: Interval, b: Interval) -> Interval:
    """All products."""
    (p, q), (r, s) = a, b
    if p >= ZERO and r >= ZERO:
        return p * r, q * s
    if p >= ZERO:
        (p, q), (r, s) = b, a
    if r >= ZERO and p.is_finite() and q.is_finite() and s.is_finite():  # an infinity times 0 is undefined
        if p <= ZERO and q >= ZERO:
            return p * s, q * s
        if q <= ZERO:
            return p * s, q * r
    low = high = p * r
    for product in (p * s, q * r, q * s):
        low, high = low.min(product), high.max(product)  # of [nan] and anything [nan]
    return WHOLE if low.is_nan() else (low, high)


def inverse(a: Interval) -> Interval:
    """All reciprocals; where 0 is an end, only what is defined."""
    if a[0] > ZERO or a[1] < ZERO:
        return ONE / a[1], ONE / a[0]
    if a[0] >= ZERO and a[1] > ZERO:
        return ONE / a[1], UP
    if a[1] <= ZERO and a[0] < ZERO:
        return DOWN, ONE / a[0]
    return WHOLE


def power(a: Interval, exponent: int) -> Interval:
    """All whole powers."""
    if exponent == 1:
        return a  # a ball of infinity to the power 1 is undefined
    if exponent < 0:
        return power(inverse(a), -exponent)
    if exponent % 2 == 0:
        a = absolute(a)
    if exponent == 2:
        return a[0] * a[0], a[1] * a[1]
    return a[0] ** exponent, a[1] ** exponent


def absolute(a: Interval) -> Interval:
    """All absolute values."""
    if a[0] >= ZERO:
        return a
    if a[1] <= ZERO:
        return -a[1], -a[0]
    return ZERO, a[1].max(-a[0])


def maximum(a: Interval, b: Interval) -> Interval:
    """All larger ones of two."""
    return a[0].max(b[0]), a[1].max(b[1])


def minimum(a: Interval, b: Interval) -> Interval:
    """All smaller ones of two."""
    return a[0].min(b[0]), a[1].min(b[1])


def exp(a: Interval) -> Interval:
    """All exponentials."""
    return a[0].exp(), a[1].exp()


def log(a: Interval) -> Interval:
    """All logarithms of what is positive; minus infinity stands for the logarithm of 0."""
    low = a[0].log() if a[0] > ZERO else DOWN
    if a[1] < ZERO:
        return WHOLE
    return low, DOWN if a[1] == ZERO else a[1].upper().log()


def sqrt(a: Interval) -> Interval:
    """All roots of what is at least 0."""
    if a[1] < ZERO:
        return WHOLE
    return a[0].sqrt() if a[0] > ZERO else ZERO, a[1].upper().sqrt()


def sign(a: Interval) -> Interval:
    """All signs, with everything between -1 and 1 as the slope of the absolute value at 0."""
    if a[0] > ZERO:
        return ONE, ONE
    return (-ONE, -ONE) if a[1] < ZERO else (-ONE, ONE)


def hyperbolic_quotient(a: Interval) -> Interval:
    """All sinh(t)/t: even, increasing in |t|, 1 at 0."""
    low, high = absolute(a)
    return _quotient(low), _quotient(high)


def _quotient(t: arb) -> arb:
    if t == ZERO:
        return ONE
    if t <= NEAR_ZERO:  # 1 + t^2/6 <= sinh(t)/t <= 1 + t^2/6 cosh(t) for all t, term by term of the series
        square = t * t / 6
        return (1 + square).union(1 + square * t.cosh())
    return t.sinh() / t if t.is_finite() else t


def langevin(a: Interval) -> Interval:
    """All coth(t) - 1/t, the logarithmic derivative of sinh(t)/t: odd, increasing, 0 at 0."""
    return _langevin(a[0]), _langevin(a[1])


def _langevin(t: arb) -> arb:
    if t < ZERO:
        return -_langevin(-t)
    if t <= NEAR_ZERO:  # coth(t) - 1/t lies between t/3 - t^3/45 and t/3 on either side of 0
        return (t / 3 - t**3 / 45).union(t / 3)
    return ONE if t == UP else t.coth() - 1 / t


UNARY: dict[str, Callable[[Interval], Interval]] = {
    "inv": inverse, "sqrt": sqrt, "abs": absolute, "log": log, "sgn": sign,
    "shc": hyperbolic_quotient, "langevin": langevin,
}  # fmt: skip
BINARY: dict[str, Any] = {"max": maximum, "min": minimum}
