"""Numbers as quotients of sums of multiples of exponentials, for exact zero tests without SymPy's simplifiers.

e^a for different algebraic a are linearly independent over the algebraic numbers (Lindemann, Weierstrass), so a sum of
such terms is zero where all its factors are, and only there. Roots and logarithms of exponentials, and pi, count as
letters of their own; that can miss an identity, it cannot invent one.

A factor may hold logarithms: for whole numbers k and positive S,

    k_1 log(S_1) + ... + k_m log(S_m) + T = 0   where and only where   S_1^k_1 ... S_m^k_m = e^(-T),

which for an algebraic T is a question of the same kind, with fewer logarithms inside each other.
"""

from __future__ import annotations

import math
from itertools import islice, product

import sympy

from ..arrays import balls
from . import algebraic

TRANSCENDENTAL = (sympy.Function, sympy.exp, sympy.E, sympy.pi)
TERMS = 20_000
"""Most products of two terms that are formed."""
WORD = 64
"""Bits of a rational that cost as much as a term."""
KEYS = 40
"""Most different exponents that are compared with each other."""
SIGN_BITS = 512
"""Precision at which the argument of a logarithm must show to be positive."""

_Letters = frozenset[tuple[sympy.Expr, int]]
_Key = tuple[sympy.Expr, _Letters]
"""An exponent, and the powers of different letters."""
_Sum = dict[_Key, sympy.Expr]
_Factor = dict[_Letters, sympy.Expr]
"""Algebraic numbers times products of letters."""
_NO_LETTERS: _Letters = frozenset()
_UNIT: _Key = (sympy.Integer(0), _NO_LETTERS)


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
        number: algebraic numbers, pi and real functions of them under + - * / and powers.
    """
    try:
        return _vanishes(number, _Budget(TERMS))
    except _TooLarge:
        return False


def exponential(x: sympy.Expr) -> sympy.Expr:
    """e^x of a number; SymPy is not asked whether sums of roots are zero: minimal polynomials can take hours."""
    return sympy.exp(x, evaluate=x.is_Rational or x.has(sympy.Function, sympy.exp, sympy.E))


def _vanishes(number: sympy.Expr, budget: _Budget) -> bool:
    numerator, _ = _quotient(number.rewrite((sympy.sinh, sympy.cosh, sympy.tanh), sympy.exp), budget)
    return all(_cancels(factor, budget) for factor in _grouped(numerator))


def _grouped(numerator: _Sum) -> list[_Factor]:
    """The factor of each exponential, exponents that are equal in other words taken together."""
    groups: dict[sympy.Expr, dict[_Letters, list[sympy.Expr]]] = {}
    for (exponent, letters), part in sorted(numerator.items(), key=lambda item: not item[0][0].is_Rational):
        if exponent not in groups and not exponent.is_Rational:
            equal = (known for known in islice(groups, KEYS) if algebraic.sign(exponent - known) == 0)
            exponent = next(equal, exponent)
        groups.setdefault(exponent, {}).setdefault(letters, []).append(part)
    return [{letters: sympy.Add(*parts) for letters, parts in factor.items()} for factor in groups.values()]


def _cancels(factor: _Factor, budget: _Budget) -> bool:
    """Whether the factor of an exponential is zero: letter by letter, or as a sum of logarithms."""
    left = {letters: part for letters, part in factor.items() if algebraic.sign(part) != 0}
    plain = left.pop(_NO_LETTERS, sympy.Integer(0))
    return (not left and plain == 0) or _logarithms_cancel(left, plain, budget)


def _logarithms_cancel(factors: _Factor, plain: sympy.Expr, budget: _Budget) -> bool:
    """Whether a sum of rational multiples of logarithms of positive numbers, and of an algebraic number, is zero."""
    if not factors or not all(map(_is_logarithm, factors)) or not all(c.is_Rational for c in factors.values()):
        return False
    if algebraic.sign(plain) is None:
        return False
    whole = sympy.Rational(
        math.gcd(*(int(c.p) for c in factors.values())), math.lcm(*(int(c.q) for c in factors.values()))
    )
    sides: dict[bool, list[sympy.Expr]] = {True: [], False: [exponential(-plain / whole)]}
    for ((logarithm, _),), c in factors.items():
        power = int(c / whole)
        budget.spend(abs(power) * (1 + _bits(logarithm) // WORD))
        sides[power > 0].append(sympy.Pow(logarithm.args[0], abs(power), evaluate=False))
    return _vanishes(sympy.Mul(*sides[True], evaluate=False) - sympy.Mul(*sides[False], evaluate=False), budget)


def _bits(number: sympy.Expr) -> int:
    """Bits of the rationals in a number: its powers have as many times more."""
    return sum(int(part.p).bit_length() + int(part.q).bit_length() for part in number.atoms(sympy.Rational))


def _is_logarithm(letters: _Letters) -> bool:
    """Whether letters are one logarithm, of a number that is certainly positive."""
    if len(letters) != 1:
        return False
    ((letter, power),) = letters
    if power != 1 or not isinstance(letter, sympy.log):
        return False
    with balls.precision(SIGN_BITS):
        cell = algebraic.enclosed(letter.args[0])
        return cell is not None and balls.sign(cell) == 1


def _quotient(x: sympy.Expr, budget: _Budget) -> tuple[_Sum, _Sum]:
    """Numerator and denominator."""
    one: _Sum = {_UNIT: sympy.Integer(1)}
    if not x.has(*TRANSCENDENTAL):
        return {_UNIT: x}, one
    if x is sympy.E or isinstance(x, sympy.exp):
        exponent = sympy.expand(x.args[0]) if x.args else sympy.Integer(1)
        return {(exponent, _NO_LETTERS): sympy.Integer(1)}, one
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
    return {(sympy.Integer(0), frozenset(((x, 1),))): sympy.Integer(1)}, one


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
    return frozenset(powers.items())
