"""Identities of rational functions: whether an expression is zero as a quotient of polynomials, in flint's arithmetic.

Symbols, exponentials, roots and whatever else is no sum, product or power are letters. A polynomial in letters that is
zero is zero for all values of theirs, so "zero" is a proof; "not zero" says nothing, as letters may depend on each
other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import sympy
from flint import Ordering, fmpz_mpoly_ctx

TERMS, PRODUCTS = 20_000, 4_000_000
"""Most terms of a polynomial, and of a product before equal ones meet."""
COMMON = 500
"""Denominators of more terms are multiplied without a look for common factors."""
Polynomial = Any
Quotient = tuple[Polynomial, Polynomial]
"""Numerator and denominator, which is not the zero polynomial."""
Step = tuple[str, Any, tuple[int, ...]]
"""An operation, what belongs to it, and the places of its operands among earlier steps."""


class _TooLarge(Exception):
    """A polynomial has more terms than are worth their cost."""


def vanishes(expression: sympy.Expr) -> bool:
    """Whether an expression is proved to be zero wherever all its parts are defined.

    Args:
        expression: an exact expression.

    Returns:
        False where that is not proved: it may be zero all the same.
    """
    program = _Program()
    try:
        program.place(expression)
        return bool(program.run()[0] == 0)
    except (_TooLarge, ZeroDivisionError, RecursionError):
        return False


class _Program:
    """The steps to an expression, equal parts once, and the letters that they need."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.places: dict[sympy.Expr, int] = {}
        self.letters: dict[sympy.Expr, int] = {}

    def place(self, part: sympy.Expr) -> int:
        """The step that gives a part."""
        if part not in self.places:
            self.places[part] = self._made(part)
        return self.places[part]

    def _made(self, part: sympy.Expr) -> int:
        if part.is_Rational:
            return self._step("number", (int(part.p), int(part.q)))
        if part.is_Add or part.is_Mul:
            return self._step("sum" if part.is_Add else "product", None, *map(self.place, part.args))
        if part.func is sympy.exp:
            terms = sympy.Add.make_args(sympy.expand(part.args[0]))
            return self._step("product", None, *map(self._exponential, terms))
        if part.is_Pow and part.exp.is_Rational:
            root = part.base ** sympy.Rational(1, part.exp.q)
            return self._letter(part) if root == part else self._step("power", int(part.exp.p), self.place(root))
        if isinstance(part, (sympy.sinh, sympy.cosh)):
            up, down = (self.place(sympy.exp(side * part.args[0])) for side in (1, -1))
            return self._step("half", 1 if isinstance(part, sympy.cosh) else -1, up, down)
        if isinstance(part, sympy.tanh):
            inverse = self._step("power", -1, self.place(sympy.cosh(part.args[0])))
            return self._step("product", None, self.place(sympy.sinh(part.args[0])), inverse)
        return self._letter(part)

    def _exponential(self, term: sympy.Expr) -> int:
        """exp of a term with the rational factor p/q is the p-th power of the letter exp(term / p)."""
        factor, rest = term.as_coeff_Mul()
        return self._step("power", int(factor.p), self._letter(sympy.exp(rest / factor.q)))

    def _letter(self, part: sympy.Expr) -> int:
        return self._step("letter", self.letters.setdefault(part, len(self.letters)))

    def _step(self, kind: str, value: Any, *operands: int) -> int:
        self.steps.append((kind, value, operands))
        return len(self.steps) - 1

    def run(self) -> Quotient:
        """The last step as a quotient.

        Raises:
            _TooLarge: it, or a part, has too many terms.
            ZeroDivisionError: a part is divided by zero.
        """
        context = fmpz_mpoly_ctx.get([f"x{i}" for i in range(max(len(self.letters), 1))], Ordering.degrevlex)
        one, letters = context.constant(1), context.gens()
        found: list[Quotient] = []
        for kind, value, places in self.steps:
            if kind == "number":
                found.append((context.constant(value[0]), context.constant(value[1])))
            elif kind == "letter":
                found.append((letters[value], one))
            else:
                found.append(_OPERATIONS[kind](value, [found[place] for place in places], one))
        return found[-1]


def _product(_: Any, operands: list[Quotient], one: Polynomial) -> Quotient:
    return reduce(lambda a, b: (_times(a[0], b[0]), _times(a[1], b[1])), operands, (one, one))


def _sum(_: Any, operands: list[Quotient], one: Polynomial) -> Quotient:
    return reduce(_added, operands, (one - 1, one))


def _added(a: Quotient, b: Quotient) -> Quotient:
    if a[1] == b[1]:
        return a[0] + b[0], a[1]
    ours, theirs = a[1], b[1]
    if max(len(ours), len(theirs)) <= COMMON:
        common = ours.gcd(theirs)
        ours, theirs = ours / common, theirs / common
    return _times(a[0], theirs) + _times(b[0], ours), _times(a[1], theirs)


def _power(exponent: int, operands: list[Quotient], one: Polynomial) -> Quotient:
    (base,) = operands
    if exponent < 0:
        if base[0] == 0:
            raise ZeroDivisionError("a quotient by zero")
        base = (base[1], base[0])
    return _raised(base[0], abs(exponent)), _raised(base[1], abs(exponent))


def _half(sign: int, operands: list[Quotient], one: Polynomial) -> Quotient:
    """(a + sign b) / 2."""
    up, down = operands
    numerator, denominator = _added(up, (sign * down[0], down[1]))
    return numerator, 2 * denominator


def _times(a: Polynomial, b: Polynomial) -> Polynomial:
    if len(a) * len(b) > PRODUCTS or max(len(a), len(b)) > TERMS:
        raise _TooLarge
    return a * b


def _raised(base: Polynomial, exponent: int) -> Polynomial:
    if math.comb(len(base) + exponent, exponent) > PRODUCTS:
        raise _TooLarge
    return base**exponent


_OPERATIONS: dict[str, Callable[[Any, list[Quotient], Polynomial], Quotient]] = {
    "product": _product,
    "sum": _sum,
    "power": _power,
    "half": _half,
}
