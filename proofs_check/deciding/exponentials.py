"""Numbers as quotients of sums of multiples of exponentials, for exact zero tests without SymPy's simplifiers.

e^a for different algebraic a are linearly independent over the algebraic numbers (Lindemann, Weierstrass), so a sum of
such terms is zero where all its factors are, and only there. Roots and logarithms of exponentials count as letters of
their own; that can miss an identity, it cannot invent one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import sympy

from . import algebraic

TERMS = 20_000
"""Most products of two terms that are formed."""
KEYS = 40
"""Most different exponents that are compared with each other."""

_Letters = tuple[tuple[sympy.Expr, int], ...]
_Key = tuple[sympy.Expr, _Letters]
"""An exponent, and powers of letters."""
_Sum = dict[_Key, sympy.Expr]
_UNIT: _Key = (sympy.Integer(0), ())


class _TooLarge(Exception):
    """More terms than are tried."""


class _Budget:
    def __init__(self, terms: int) -> None:
        self.left = terms

    def spend(self, terms: int) -> None:
        self.left -= terms
        if self.left < 0:
            raise _TooLarge


def vanishes(number: sympy.Expr) -> bool:
    """Whether a number is proved to be zero; its denominators must be known not to be.

    Args:
        number: algebraic numbers and real functions of them under + - * / and powers.
    """
    number = number.rewrite((sympy.sinh, sympy.cosh, sympy.tanh), sympy.exp)
    try:
        numerator, _ = _quotient(number, _Budget(TERMS))
    except _TooLarge:
        return False
    return all(algebraic.sign(sympy.Add(*factors)) == 0 for factors in _grouped(numerator))


def _grouped(numerator: _Sum) -> Iterator[list[sympy.Expr]]:
    """The factors of each exponential, exponents that are equal in other words taken together."""
    groups: list[tuple[_Key, list[sympy.Expr]]] = []
    for key, factor in numerator.items():
        same = (group for known, group in groups[:KEYS] if key[1] == known[1] and _equal(key[0], known[0]))
        group = next(same, None)
        if group is None:
            groups.append((key, [factor]))
        else:
            group.append(factor)
    return (group for _, group in groups)


def _equal(a: sympy.Expr, b: sympy.Expr) -> bool:
    if a.is_Rational and b.is_Rational:
        return bool(a == b)
    return bool(a == b) or algebraic.sign(a - b) == 0


def _quotient(x: sympy.Expr, budget: _Budget) -> tuple[_Sum, _Sum]:
    """Numerator and denominator."""
    one: _Sum = {_UNIT: sympy.Integer(1)}
    if not x.has(sympy.Function, sympy.exp, sympy.E):
        return {_UNIT: x}, one
    if x is sympy.E or isinstance(x, sympy.exp):
        exponent = sympy.expand(x.args[0]) if x.args else sympy.Integer(1)
        return {(exponent, ()): sympy.Integer(1)}, one
    if x.is_Add:
        return _added([_quotient(part, budget) for part in x.args], budget)
    if x.is_Mul:
        parts = [_quotient(part, budget) for part in x.args]
        tops, bottoms = [top for top, _ in parts], [bottom for _, bottom in parts]
        return _product(tops, budget), _product(bottoms, budget)
    if x.is_Pow and x.exp.is_Integer:
        budget.spend(abs(int(x.exp)))
        top, bottom = (_product([part] * abs(int(x.exp)), budget) for part in _quotient(x.base, budget))
        return (top, bottom) if x.exp > 0 else (bottom, top)
    return {(sympy.Integer(0), ((x, 1),)): sympy.Integer(1)}, one


def _added(parts: list[tuple[_Sum, _Sum]], budget: _Budget) -> tuple[_Sum, _Sum]:
    """A sum of quotients; those of one denominator are added first."""
    shared: list[tuple[_Sum, _Sum]] = []
    for top, bottom in parts:
        place = next((i for i, (_, other) in enumerate(shared) if other == bottom), None)
        if place is None:
            shared.append((top, bottom))
        else:
            shared[place] = (_sum(shared[place][0], top), bottom)
    whole_top, whole_bottom = shared[0]
    for top, bottom in shared[1:]:
        left, right = _product([whole_top, bottom], budget), _product([top, whole_bottom], budget)
        whole_top, whole_bottom = _sum(left, right), _product([whole_bottom, bottom], budget)
    return whole_top, whole_bottom


def _sum(a: _Sum, b: _Sum) -> _Sum:
    out = dict(a)
    for key, factor in b.items():
        out[key] = out[key] + factor if key in out else factor
    return out


def _product(sums: list[_Sum], budget: _Budget) -> _Sum:
    whole: _Sum = {_UNIT: sympy.Integer(1)}
    for other in sums:
        budget.spend(len(whole) * len(other))
        out: _Sum = {}
        for ((a, letters), p), ((b, others), q) in product(whole.items(), other.items()):
            key = (a + b, _joined(letters, others))
            out[key] = out[key] + p * q if key in out else p * q
        whole = out
    return whole


def _joined(a: _Letters, b: _Letters) -> _Letters:
    if not a or not b:
        return a or b
    powers = dict(a)
    for letter, power in b:
        powers[letter] = powers.get(letter, 0) + power
    return tuple(sorted(powers.items(), key=lambda item: str(item[0])))
