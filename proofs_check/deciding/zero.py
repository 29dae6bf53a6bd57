"""Exact zero tests of SymPy expressions, for ties and for proofs."""

from __future__ import annotations

import math
from itertools import islice

import sympy
from flint import fmpq

from ..arithmetic import working_in
from ..arrays import balls
from ..arrays.exact import InputError
from ..constants import evaluated
from . import algebraic, exponentials

SMALL_OPERATIONS = 150
"""Expressions up to this size are also asked for what SymPy knows of them."""
PROOF_OPERATIONS = 50_000
"""Largest expression that is tried at all."""
NUMBER_OPERATIONS = 3_000
"""Largest number (no symbols) beyond the algebraic ones that is tried."""
BITS = 128
"""Precision at which an expression may show not to be zero."""
REFUSED = (TypeError, ValueError, NotImplementedError, RecursionError, ArithmeticError, sympy.PolynomialError)
EXPANDED_TERMS = 200_000
"""Most terms that an expansion may have by the count of its factors' terms."""


def is_zero(expression: sympy.Expr) -> bool:
    """Whether an exact expression is proved to be zero; False means "not proved", never "not zero".

    Every exponential and every root counts as a letter of its own, so that the test is one of polynomials; that can
    miss an identity, it cannot invent one. A value that is certainly not zero at one point ends the attempt early.
    Every attempt is bounded by the size of the expression: SymPy's simplifiers take seconds for small sums of roots,
    and hours for nested roots and for exponentials of large rationals, so none of them is asked; numbers are decided by
    `algebraic.sign` and `exponentials.vanishes`.
    """
    expression = sympy.sympify(expression)
    if expression == 0:
        return True
    if expression.is_number:
        return _number_is_zero(expression)
    size = _operations(expression)
    if size > PROOF_OPERATIONS or certainly_nonzero(expression):
        return False
    if size <= SMALL_OPERATIONS and expression.is_zero:
        return True
    try:
        return _vanishes(expression)
    except REFUSED:
        return False


def _number_is_zero(number: sympy.Expr) -> bool:
    certain = algebraic.sign(number)
    if certain is not None:
        return certain == 0
    if _operations(number) > NUMBER_OPERATIONS or not number.has(*exponentials.TRANSCENDENTAL):
        return False
    try:
        return not certainly_nonzero(number) and exponentials.vanishes(number)
    except REFUSED:
        return False


def certainly_nonzero(expression: sympy.Expr) -> bool:
    """Whether balls certify at one point that an expression is not zero."""
    from ..arrays.backends import BALLS, joined

    symbols = sorted(expression.free_symbols, key=str)
    point = {symbol.name: joined(fmpq(7 + 5 * i, 11 + 3 * i), BALLS) for i, symbol in enumerate(symbols)}
    try:
        with balls.precision(BITS), working_in(BALLS):
            return balls.sign(evaluated(expression, point).data[()]) in (-1, 1)
    except (InputError, *REFUSED):
        return False


def _operations(expression: sympy.Expr) -> int:
    """The number of parts, repeated ones counted again, up to just beyond the most that is tried."""
    return sum(1 for _ in islice(sympy.preorder_traversal(expression), PROOF_OPERATIONS + 1))


def _vanishes(expression: sympy.Expr) -> bool:
    """Whether the numerator is the zero polynomial in the symbols, exponentials and roots."""
    roots: dict[tuple[sympy.Expr, int], sympy.Symbol] = {}
    rest = _algebraic(expression.rewrite((sympy.sinh, sympy.cosh, sympy.tanh), sympy.exp), roots)
    # Outer roots come after those inside them, and leave powers of these.
    for (base, degree), letter in [*reversed(roots.items()), ((sympy.Integer(0), 1), sympy.Dummy())]:
        numerator, _ = sympy.fraction(sympy.together(rest))
        if _terms(numerator) > EXPANDED_TERMS:
            return False
        rest = _resolved(sympy.expand(numerator), base, degree, letter)
        if rest == 0:
            return True
    return False


def _resolved(polynomial: sympy.Expr, base: sympy.Expr, degree: int, letter: sympy.Symbol) -> sympy.Expr:
    """A polynomial with all powers of the root of a base from its degree on taken out of that root."""

    def power(e: sympy.Expr) -> sympy.Expr:
        whole, rest = divmod(int(e.exp), degree)
        return base**whole * letter**rest

    return polynomial.replace(lambda e: e.is_Pow and e.base == letter and e.exp >= degree, power)


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


def _algebraic(expression: sympy.Expr, roots: dict[tuple[sympy.Expr, int], sympy.Symbol]) -> sympy.Expr:
    """exp(a + b) = exp(a) exp(b), and each exp(a) a letter; exp(-a) is one over the letter of exp(a).

    Args:
        expression: without hyperbolic functions.
        roots: takes base, degree and letter of each root, inner ones first.
    """
    expanded = expression.replace(
        lambda e: isinstance(e, sympy.exp),
        lambda e: sympy.Mul(*map(sympy.exp, sympy.Add.make_args(sympy.expand(e.args[0])))),
    )
    letters: dict[sympy.Expr, sympy.Symbol] = {}

    def letter(e: sympy.Expr) -> sympy.Expr:
        coefficient, rest = e.args[0].as_coeff_Mul()
        base = letters.setdefault(sympy.exp(rest / coefficient.q), sympy.Dummy(positive=True))
        return base**coefficient.p

    def root(e: sympy.Expr) -> sympy.Expr:
        return roots.setdefault((e.base, int(e.exp.q)), sympy.Dummy()) ** e.exp.p

    spelled = expanded.replace(lambda e: isinstance(e, sympy.exp), letter)
    return spelled.replace(lambda e: e.is_Pow and e.exp.is_Rational and not e.exp.is_Integer, root)
