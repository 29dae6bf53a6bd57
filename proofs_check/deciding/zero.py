"""Exact zero tests of SymPy expressions, for ties and for proofs."""

from __future__ import annotations

import math
from itertools import islice

import sympy

from ..arrays import balls
from . import algebraic, exponentials

SMALL_OPERATIONS = 150
"""Expressions up to this size are also offered to SymPy's general simplifiers."""
PROOF_OPERATIONS = 50_000
"""Largest expression that is tried at all."""
NUMBER_OPERATIONS = 3_000
"""Largest number (no symbols) beyond the algebraic ones that is tried."""
BITS = 128
"""Precision at which a number may show not to be zero."""
REFUSED = (TypeError, ValueError, NotImplementedError, RecursionError, ZeroDivisionError, sympy.PolynomialError)
EXPANDED_TERMS = 200_000
"""Most terms that an expansion may have by the count of its factors' terms."""
DIGITS, MOST_DIGITS = 15, 60


def is_zero(expression: sympy.Expr) -> bool:
    """Whether an exact expression is proved to be zero; False means "not proved", never "not zero".

    Every exponential counts as a letter of its own, so that the test is one of polynomials; that can miss an identity,
    it cannot invent one. A value that is visibly not zero at one point ends the attempt early. Every attempt is bounded
    by the size of the expression: SymPy's own tests of nested roots, and of exponentials of large rationals, can run
    for hours, so numbers are decided by `algebraic.sign` and `exponentials.vanishes`.
    """
    expression = sympy.sympify(expression)
    if expression == 0:
        return True
    if expression.is_number:
        return _number_is_zero(expression)
    size = _operations(expression)
    if size > PROOF_OPERATIONS or _visibly_nonzero(expression):
        return False
    if size <= SMALL_OPERATIONS and expression.is_zero:
        return True
    try:
        return _vanishes(expression) or (size <= SMALL_OPERATIONS and _rewritten_to_zero(expression))
    except REFUSED:
        return False


def _number_is_zero(number: sympy.Expr) -> bool:
    certain = algebraic.sign(number)
    if certain is not None:
        return certain == 0
    if _operations(number) > NUMBER_OPERATIONS or not number.has(*exponentials.TRANSCENDENTAL):
        return False
    try:
        return not _certainly_nonzero(number) and exponentials.vanishes(number)
    except REFUSED:
        return False


def _certainly_nonzero(number: sympy.Expr) -> bool:
    with balls.precision(BITS):
        cell = algebraic.enclosed(number)
        return cell is not None and balls.sign(cell) in (-1, 1)


def _rewritten_to_zero(expression: sympy.Expr) -> bool:
    return any(rewrite(expression) == 0 for rewrite in _REWRITES)


def _operations(expression: sympy.Expr) -> int:
    """The number of parts, repeated ones counted again, up to just beyond the most that is tried."""
    return sum(1 for _ in islice(sympy.preorder_traversal(expression), PROOF_OPERATIONS + 1))


def _visibly_nonzero(expression: sympy.Expr) -> bool:
    point = {symbol: sympy.Rational(7 + 5 * i, 11 + 3 * i) for i, symbol in enumerate(_symbols(expression))}
    value = expression.subs(point).evalf(DIGITS, maxn=MOST_DIGITS)
    return bool(value.is_number and value.is_finite and abs(value) > sympy.Rational(1, 10**8))


def _symbols(expression: sympy.Expr) -> list[sympy.Symbol]:
    return sorted(expression.free_symbols, key=str)


def _vanishes(expression: sympy.Expr) -> bool:
    """Whether the numerator is the zero polynomial in the symbols, exponentials and roots."""
    rational = _algebraic(expression.rewrite((sympy.sinh, sympy.cosh, sympy.tanh), sympy.exp))
    numerator, _ = sympy.fraction(sympy.together(rational))
    return _terms(numerator) <= EXPANDED_TERMS and bool(sympy.expand(numerator) == 0)


def _terms(expression: sympy.Expr) -> int:
    """An upper bound on the number of terms that an expansion makes on its way."""
    if expression.is_Add:
        return sum(_terms(term) for term in expression.args)
    if expression.is_Mul:
        return math.prod(_terms(factor) for factor in expression.args)
    if expression.is_Pow and expression.exp.is_Integer and expression.exp > 0:
        # Powers of a sum of t terms have binomial(t + k - 1, k) terms.
        terms = _terms(expression.base)
        return math.comb(min(terms, EXPANDED_TERMS) + int(expression.exp) - 1, int(expression.exp))
    return 1


def _algebraic(expression: sympy.Expr) -> sympy.Expr:
    """exp(a + b) = exp(a) exp(b), and each exp(a) a letter; exp(-a) is one over the letter of exp(a)."""
    expanded = expression.replace(
        lambda e: isinstance(e, sympy.exp),
        lambda e: sympy.Mul(*map(sympy.exp, sympy.Add.make_args(sympy.expand(e.args[0])))),
    )
    letters: dict[sympy.Expr, sympy.Symbol] = {}

    def letter(e: sympy.Expr) -> sympy.Expr:
        coefficient, rest = e.args[0].as_coeff_Mul()
        base = letters.setdefault(sympy.exp(rest / coefficient.q), sympy.Dummy(positive=True))
        return base**coefficient.p

    return expanded.replace(lambda e: isinstance(e, sympy.exp), letter)


_REWRITES = (sympy.radsimp, lambda e: sympy.radsimp(sympy.expand(e)), sympy.simplify)
