"""Signs of algebraic numbers, decided: a number that a ball shows to be smaller than a bound from below is zero.

The bound is that of Burnikel, Funke, Mehlhorn, Schirra and Schmitt, "A Separation Bound for Real Algebraic Expressions"
(ESA 2001). An expression E of rationals, + - * / and roots is U/L with algebraic integers U and L. Let every conjugate
of U be at most u and every conjugate of L at most l in absolute value, and let D be the product of the degrees of the
distinct roots in E, which bounds the degree of the field that holds U and L. If E is not zero, then neither is the norm
of U, a product of D conjugates that is a whole number: 1 <= |U| u^(D-1). Hence |E| >= 1 / (l u^(D-1)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce

import sympy
from flint import arb, fmpq, fmpz

from ..arrays import balls
from ..arrays.balls import Truth
from ..arrays.exact import InputError
from ..constants import evaluate_expression

FIRST_BITS = 256
WORK = 1 << 24
"""Most bits of precision times parts of the expression: about seconds of ball arithmetic."""
PARTS = 4000
"""Most parts of an expression that is looked at."""
WHOLE_BITS = 1 << 20
"""Most bits of a denominator: nested powers of a fraction have more than can be written down."""


@dataclass(frozen=True)
class _Size:
    """Bounds for E = U / (whole * L): conjugates of U are at most 2^up, those of L at most 2^low."""

    up: int
    whole: int
    low: int

    @property
    def down(self) -> int:
        """log2 of a bound for the conjugates of the denominator."""
        return self.whole.bit_length() + self.low


def sign(number: sympy.Expr) -> int | None:
    """-1, 0 or 1: the certain sign of a real algebraic number; None for other numbers, and for too large ones.

    What is too large depends on the expression alone, never on time.

    Args:
        number: rationals under + - * /, rational powers, Abs, Max and Min; every part must be defined.
    """
    found = separation_bits(number)
    if found is None:
        return None
    needed, parts = found
    bits = FIRST_BITS
    while True:
        with balls.precision(bits):
            cell = enclosed(number)
            certain = balls.sign(cell) if cell is not None else None
            if certain is not None:
                return certain
            if cell is not None and _below(cell, needed):
                return 0
        if bits > 2 * needed + FIRST_BITS or bits * parts > WORK:
            return None
        bits *= 2


def separation_bits(number: sympy.Expr) -> tuple[int, int] | None:
    """(b, parts): the number is 0 or at least 2^-b in size, and has so many distinct parts; None as in `sign`."""
    sizes: dict[sympy.Expr, _Size] = {}
    roots: dict[tuple[sympy.Expr, int], int] = {}
    for part in _distinct_parts(number):
        found = _size(part, sizes, roots)
        if found is None:
            return None
        sizes[part] = found
    if number not in sizes:
        return None
    whole = sizes[number]
    needed = whole.down + (_degree(roots) - 1) * whole.up
    return (needed, len(sizes)) if needed * len(sizes) <= WORK else None


def _distinct_parts(number: sympy.Expr) -> list[sympy.Expr]:
    """The parts of an expression, each once, arguments first; nothing where they are too many."""
    found: dict[sympy.Expr, None] = {}
    waiting: list[tuple[sympy.Expr, bool]] = [(number, False)]
    while waiting and len(found) <= PARTS and len(waiting) <= PARTS:
        part, opened = waiting.pop()
        if part in found:
            continue
        arguments = (part.base,) if part.is_Pow else part.args
        if opened or part.is_Rational or not arguments:
            found[part] = None
        else:
            waiting.append((part, True))
            waiting += [(argument, False) for argument in arguments]
    return [] if waiting else list(found)


def _size(part: sympy.Expr, sizes: dict[sympy.Expr, _Size], roots: dict[tuple[sympy.Expr, int], int]) -> _Size | None:
    if part.is_Rational:
        return _Size(int(abs(part.p)).bit_length(), int(part.q), 0)
    inner = [sizes[argument] for argument in part.args if argument in sizes]
    if part.is_Add:
        return _sum(inner)
    if part.is_Mul:
        return reduce(_product, inner) if sum(size.whole.bit_length() for size in inner) <= WHOLE_BITS else None
    if part.is_Pow and part.exp.is_Rational:
        return _power(part, inner[0], roots)
    if part.func in (sympy.Abs, sympy.Max, sympy.Min):
        return _one_of(inner)
    return None


def _degree(roots: dict[tuple[sympy.Expr, int], int]) -> int:
    """A bound for the degree of the field of all roots; sqrt(6) adds nothing to sqrt(2) and sqrt(3)."""
    plain = [fmpz(int(base.p * base.q)) for base, degree in roots if degree == 2 and base.is_Rational]
    others = [degree for (base, degree) in roots if degree != 2 or not base.is_Rational]
    return int(math.prod(others)) << _rank_of_squares(plain)


def _rank_of_squares(numbers: list[fmpz]) -> int:
    """The rank of positive whole numbers modulo squares: Q(their square roots) has degree 2^rank, at most."""
    base = _coprime_base(numbers)
    rows = [sum(1 << i for i, b in enumerate(base) if _valuation(number, b) % 2) for number in numbers]
    rank = 0
    while rows:
        pivot = rows.pop()
        if pivot:
            rank += 1
            lowest = pivot & -pivot
            rows = [row ^ pivot if row & lowest else row for row in rows]
    return rank


def _coprime_base(numbers: list[fmpz]) -> list[fmpz]:
    """Whole numbers above 1 without common factors, of which all the given ones are products."""
    base: list[fmpz] = []
    waiting = [number for number in numbers if number != 1]
    while waiting:
        number = waiting.pop()
        shared = next((b for b in base if number.gcd(b) != 1), None)
        if shared is None:
            base.append(number)
        elif shared != number:
            base.remove(shared)
            common = number.gcd(shared)
            waiting += [part for part in (common, number // common, shared // common) if part != 1]
    return base


def _valuation(number: fmpz, factor: fmpz) -> int:
    count = 0
    while number % factor == 0:
        number, count = number // factor, count + 1
    return count


def _sum(terms: list[_Size]) -> _Size | None:
    if sum(whole.bit_length() for whole in {term.whole for term in terms}) > WHOLE_BITS:
        return None
    whole = math.lcm(*(term.whole for term in terms))
    low = sum(term.low for term in terms)
    ups = (term.up + (whole // term.whole).bit_length() + low - term.low for term in terms)
    return _Size(max(ups) + len(terms).bit_length(), whole, low)


def _one_of(sizes: list[_Size]) -> _Size | None:
    """Plus or minus one of several numbers."""
    if sum(size.whole.bit_length() for size in sizes) > WHOLE_BITS:
        return None
    whole = math.lcm(*(size.whole for size in sizes))
    return _Size(max(size.up for size in sizes) + whole.bit_length(), whole, max(size.low for size in sizes))


def _product(a: _Size, b: _Size) -> _Size:
    return _Size(a.up + b.up, a.whole * b.whole, a.low + b.low)


def _power(part: sympy.Expr, base: _Size, roots: dict[tuple[sympy.Expr, int], int]) -> _Size | None:
    degree, exponent = int(part.exp.q), int(part.exp.p)
    if degree > 1:
        if part.base.is_Rational and part.base < 0:
            return None
        roots[part.base, degree] = degree
        # The root of U/L is the root of U L^(k-1), an algebraic integer, over L.
        base = _Size(-(-(base.up + (degree - 1) * base.down) // degree), base.whole, base.low)
    if exponent < 0:
        base = _Size(base.down, 1, base.up)
    power = abs(exponent)
    if base.whole.bit_length() * power > WHOLE_BITS:
        return None
    return _Size(base.up * power, base.whole**power, base.low * power)


def enclosed(number: sympy.Expr) -> arb | fmpq | None:
    """A cell that contains a number, at the current precision; None where it is not built from known functions."""
    from ..arrays.backends import BALLS

    try:
        return evaluate_expression(number, BALLS)[()]
    except (InputError, TypeError, ValueError, ArithmeticError):
        return None


def _below(cell: arb | fmpq, bits: int) -> bool:
    """Whether the size of a cell is certainly below 2^-bits."""
    return balls.compare(abs(arb(cell)), "<", arb(2) ** -bits) is Truth.YES
