"""Balls with a rational point inside, the ammunition of containment tests.

The oracle shares nothing with the arithmetic under test: points are `fractions.Fraction`, transcendental values come
from mpmath floating point at `ORACLE_BITS`, and whether a point lies in a ball is decided on whole numbers.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
from flint import arb, fmpq

from ..arrays.balls import precision

BITS = 64
"""Precision of the arithmetic under test: low, so that its rounding shows."""
ORACLE_BITS = 400
SLACK = Fraction(1, 1 << 350)
"""Relative error granted to the oracle: 50 bits more than mpmath's rounding."""

LARGEST_EXPONENT = 40


def point_and_ball(rng: np.random.Generator, low: float = -8.0, high: float = 8.0) -> tuple[Fraction, Any]:
    """A ball and a rational point of it: inside, at an end, or at the centre; exact, narrow, wide, around 0.

    Args:
        rng: the source of chance.
        low, high: centres lie between them in about half of the draws; tiny and large ones are mixed in.
    """
    centre, radius = _centre(rng, low, high), _radius(rng)
    with precision(BITS):
        ball = arb(fmpq(centre.numerator, centre.denominator), arb(fmpq(radius.numerator, radius.denominator)))
    middle, reach = ends(ball)
    place = rng.random()
    if place < 0.3:
        return middle + (reach if place < 0.15 else -reach), ball
    if place < 0.4:
        return middle, ball
    return middle + reach * Fraction(int(rng.integers(-(1 << 30), 1 << 30)), 1 << 30), ball


def nearest_rounded(rng: np.random.Generator) -> tuple[Fraction, Any]:
    """A rational without a finite binary form, and the ball that the checker makes of it."""
    point = Fraction(int(rng.integers(-(10**9), 10**9)), int(rng.integers(1, 10**9)))
    with precision(BITS):
        return point, arb(fmpq(point.numerator, point.denominator))


def _centre(rng: np.random.Generator, low: float, high: float) -> Fraction:
    kind = rng.random()
    if kind < 0.1:
        return Fraction(int(rng.integers(-2, 3)))
    if kind < 0.2:
        return Fraction(int(rng.integers(-9, 10))) / (1 << int(rng.integers(1, LARGEST_EXPONENT)))
    centre = Fraction(low) + Fraction(high - low) * Fraction(int(rng.integers(0, 1 << 30)), 1 << 30)
    return centre * 20 if kind > 0.9 else centre


def _radius(rng: np.random.Generator) -> Fraction:
    kind = rng.random()
    if kind < 0.2:
        return Fraction(0)
    share = Fraction(int(rng.integers(1, 1 << 20)), 1 << 20)
    return share if kind < 0.4 else share / (1 << int(rng.integers(1, 70)))


def ends(ball: Any) -> tuple[Fraction, Fraction]:
    """Middle and radius of a finite ball, exactly."""
    return _dyadic(ball.mid()), _dyadic(ball.rad())


def _dyadic(exact: Any) -> Fraction:
    mantissa, exponent = (int(part) for part in exact.man_exp())
    return Fraction(mantissa << exponent) if exponent >= 0 else Fraction(mantissa, 1 << -exponent)


def contains(cell: Any, value: Fraction | Any) -> bool:
    """Whether a cell (rational or ball) holds a value, within the oracle's own error.

    A ball that is not finite says nothing, and so holds everything.

    Args:
        cell: what the arithmetic under test returned.
        value: a Fraction (compared exactly), or an mpmath number.
    """
    if isinstance(cell, fmpq):
        middle, reach = Fraction(int(cell.p), int(cell.q)), Fraction(0)
    elif bool(cell.is_finite()):
        middle, reach = ends(cell)
    else:
        return True
    exact = isinstance(value, Fraction)
    point = value if exact else of_mpmath(value)
    return abs(point - middle) <= reach + (0 if exact else abs(point) * SLACK)


def of_mpmath(value: Any) -> Fraction:
    """An mpmath number as the rational that it is."""
    sign, mantissa, exponent, _ = mpmath.mpf(value)._mpf_
    signed = -int(mantissa) if sign else int(mantissa)
    return Fraction(signed << exponent) if exponent >= 0 else Fraction(signed, 1 << -exponent)


def to_mpmath(value: Fraction) -> Any:
    """A rational at the oracle's precision."""
    return mpmath.mpf(value.numerator) / value.denominator
