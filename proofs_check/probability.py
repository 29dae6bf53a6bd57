"""Probabilities and moments in closed form, for claims about chance: exact where their arguments are.

A claim about a random experiment is checked through an exact probability (`binomial_tail`), an exact moment
(`gaussian_moment`), or a certified confidence bound on an observed frequency (`success_bounds`): never through a
simulated average alone.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import Any

from .arrays.array import Array, is_number
from .arrays.exact import InputError, rational

BISECTIONS = 60


def binomial_tail(k: int, n: int, p: Any) -> Any:
    """P(X >= k) for X binomial with n trials of probability p: sum_{i >= k} C(n, i) p^i (1 - p)^{n - i}.

    Args:
        k: threshold, any whole number.
        n: number of trials, at least 0.
        p: probability, a plain exact number (the result is a Fraction) or a number of the claim.

    Raises:
        InputError: n or k is no whole number, n is negative, or a plain p is outside [0, 1].
    """
    if any(isinstance(v, bool) or not isinstance(v, int) for v in (k, n)) or n < 0:
        raise InputError(f"binomial_tail needs whole numbers k and n >= 0, got {k!r} and {n!r}")
    if not isinstance(p, Array):
        p = _fraction("binomial_tail", p)
        if not 0 <= p <= 1:
            raise InputError(f"binomial_tail needs a probability between 0 and 1, got {p}")
    k, n = max(int(k), 0), int(n)
    zero = 0 * p
    # The shorter of the two tails; Horner's scheme in the odds would divide by 1 - p, which may be 0.
    if 2 * k <= n:
        return 1 - sum((comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k)), zero)
    return sum((comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1)), zero)


def gaussian_moment(order: int, mean: Any = 0, variance: Any = 1) -> Any:
    """E X^order for X normal: sum_j C(order, 2j) (2j - 1)!! variance^j mean^{order - 2j}.

    Args:
        order: whole number, at least 0.
        mean: plain exact number or number of the claim.
        variance: the same, at least 0 (checked where it is plain).

    Raises:
        InputError: the order is no whole number or negative, or a plain variance is negative.
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 0:
        raise InputError(f"gaussian_moment needs a whole order >= 0, got {order!r}")
    mean, variance = (v if isinstance(v, Array) else _fraction("gaussian_moment", v) for v in (mean, variance))
    if isinstance(variance, Fraction) and variance < 0:
        raise InputError(f"gaussian_moment needs a variance >= 0, got {variance}")
    order, moment, pairings = int(order), 0 * mean + 0 * variance, 1
    for j in range(order // 2 + 1):
        moment = moment + comb(order, 2 * j) * pairings * variance**j * mean ** (order - 2 * j)
        pairings *= 2 * j + 1
    return moment


def success_bounds(successes: int, trials: int, doubt: Any) -> tuple[Fraction, Fraction]:
    """Rationals around an unknown probability that is observed, with confidence 1 - doubt (Clopper and Pearson, 1934).

    Args:
        successes: observed number.
        trials: number of independent trials, at least 1.
        doubt: probability, over the trials, that the bounds miss; half of it on each side.

    Returns:
        (low, high), rounded outwards to 60 binary digits.

    Raises:
        InputError: not 0 <= successes <= trials, no trial, or a doubt outside (0, 1).
    """
    if not 0 <= successes <= trials or trials < 1:
        raise InputError(f"success_bounds needs 0 <= successes <= trials and a trial, got {successes} of {trials}")
    half = _fraction("success_bounds", doubt) / 2
    if not 0 < half < Fraction(1, 2):
        raise InputError(f"success_bounds needs a doubt between 0 and 1, got {2 * half}")
    # P(X >= s) grows with p: below `low` so many successes, above `high` so few, are less likely than half the doubt.
    low, high = Fraction(0), Fraction(1)
    if successes > 0:
        low, _ = _crossing(lambda p: binomial_tail(successes, trials, p) >= half)
    if successes < trials:
        _, high = _crossing(lambda p: 1 - binomial_tail(successes + 1, trials, p) < half)
    return low, high


def _crossing(reached: Any) -> tuple[Fraction, Fraction]:
    """An interval of width 2^-60 in which a growing predicate on [0, 1] becomes true."""
    low, high = Fraction(0), Fraction(1)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return low, high


def _fraction(name: str, value: Any) -> Fraction:
    if not is_number(value):
        raise InputError(f"{name} needs exact numbers, got {value!r} of type {type(value).__name__}")
    exact = rational(value)
    return Fraction(int(exact.p), int(exact.q))
