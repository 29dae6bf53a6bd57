"""Derivatives, and divided differences: N(y) - N(y') = (y - y') S with S a sum, so that the factor can be cancelled."""

from __future__ import annotations

from functools import lru_cache

from flint import fmpq

from ..arrays.fields import Unsupported
from .replacing import substituted
from .sums import (
    ZERO,
    Letter,
    Monomial,
    Sum,
    collected,
    exponential,
    function,
    inverse,
    number,
    power,
    single,
)

HALF = fmpq(1, 2)
UNIT_SUM = number(fmpq(1))


@lru_cache(maxsize=4096)
def derivative(x: Sum, name: Letter) -> Sum:
    """The derivative of a sum; where an absolute value has a kink, `sgn` stands for every slope between.

    Raises:
        Unsupported: a letter without a derivative here, such as a maximum.
    """
    terms: list[tuple[Monomial, fmpq]] = []
    for m, c in x.terms:
        if name not in m.names:
            continue
        if m.exponent is not None:
            terms += (Sum(((m, c),)) * derivative(m.exponent, name)).terms
        for letter, k in m.powers:
            if (inner := _letter_derivative(letter, name)).terms:
                rest = Sum(((Monomial(tuple(pair for pair in m.powers if pair[0] != letter), m.exponent), c * k),))
                terms += (rest * (single(letter, k - 1) if k != 1 else UNIT_SUM) * inner).terms
    return collected(terms)


def _letter_derivative(letter: Letter, name: Letter) -> Sum:
    if letter.kind == "var":
        return number(fmpq(1)) if letter == name else ZERO
    if name not in letter.names:
        return ZERO
    inner = [derivative(arg, name) for arg in letter.args]
    if letter.kind not in _RULES:
        raise Unsupported(f"the derivative of {letter.kind}")
    return _RULES[letter.kind](letter, letter.args[0]) * inner[0]


_RULES = {
    "inv": lambda letter, x: single(letter, 2).times(fmpq(-1)),
    "sqrt": lambda letter, x: single(letter, -1).times(HALF),
    "abs": lambda letter, x: function("sgn", x),
    "log": lambda letter, x: inverse(x),  # of log(sinh(t)/t) the quotient cancels
    "gap": lambda letter, x: number(fmpq(1)),
    "cosh": lambda letter, x: function("sinh", x),
    "sinh": lambda letter, x: function("cosh", x),
    "shc": lambda letter, x: single(letter) * function("langevin", x),
}


@lru_cache(maxsize=4096)
def slope(x: Sum, name: Letter, at: Sum) -> Sum:
    """The sum S with ``x - x[name := at] = (name - at) S``.

    Raises:
        Unsupported: a letter without a divided difference here.
    """
    out = ZERO
    for m, c in x.terms:
        done = number(c)
        factors = [(single(letter, k), _power_slope(letter, k, name, at)) for letter, k in m.powers]
        if m.exponent is not None:
            factors.append((exponential(m.exponent), _exponential_slope(m.exponent, name, at)))
        for place, (factor, change) in enumerate(factors):
            if change.terms:
                part = done * change
                for later, _ in factors[place + 1 :]:
                    part = part * later
                out = out + part
            done = done * substituted(factor, {name: at})
    return out


def _exponential_slope(exponent: Sum, name: Letter, at: Sum) -> Sum:
    """exp(p) - exp(q) = (p - q) exp((p + q)/2) sinh(h)/h with h = (p - q)/2."""
    inner = slope(exponent, name, at)
    if not inner.terms:
        return ZERO
    middle, half = _middle_and_half(exponent, name, at)
    return inner * exponential(middle) * function("shc", half)


def _power_slope(letter: Letter, k: int, name: Letter, at: Sum) -> Sum:
    """x^k - y^k = (x - y) (x^{k-1} + x^{k-2} y + ...), and 1/x - 1/y = -(x - y) / (x y)."""
    inner = _letter_slope(letter, name, at)
    if not inner.terms:
        return ZERO
    x, y = single(letter), substituted(single(letter), {name: at})
    size = abs(k)
    whole = ZERO
    for j in range(size):
        whole = whole + power(x, size - 1 - j) * power(y, j)
    return inner * whole if k > 0 else (inner * whole * power(x, k) * power(y, k)).times(fmpq(-1))


def _letter_slope(letter: Letter, name: Letter, at: Sum) -> Sum:
    if letter == name:
        return number(fmpq(1))
    if name not in letter.names:
        return ZERO
    if letter.kind == "gap":
        return slope(letter.args[0], name, at)
    inner = slope(letter.args[0], name, at) if len(letter.args) == 1 else ZERO
    other = substituted(single(letter), {name: at})
    if letter.kind == "inv":
        return (inner * single(letter) * other).times(fmpq(-1))
    if letter.kind in _PARTNERS:
        middle, half = _middle_and_half(letter.args[0], name, at)
        return inner * function(_PARTNERS[letter.kind], middle) * function("shc", half)
    raise Unsupported(f"the divided difference of {letter.kind}")


_PARTNERS = {"cosh": "sinh", "sinh": "cosh"}
"""cosh p - cosh q = (p - q) sinh((p + q)/2) sinh(h)/h with h = (p - q)/2, and the same with sinh and cosh exchanged."""


def _middle_and_half(x: Sum, name: Letter, at: Sum) -> tuple[Sum, Sum]:
    other = substituted(x, {name: at})
    return (x + other).times(HALF), (x - other).times(HALF)
