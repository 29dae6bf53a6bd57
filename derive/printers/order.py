"""Sums as people write them: f - b, not -b + f."""

import sympy as sp
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter


class _PositiveFirst:
    """Terms in SymPy's order, those with a minus sign last."""

    def _as_ordered_terms(self, expr: sp.Expr, order: str | None = None) -> list[sp.Expr]:
        terms = super()._as_ordered_terms(expr, order=order)  # type: ignore[misc]
        return sorted(terms, key=lambda term: bool(term.could_extract_minus_sign()))


class OrderedPrinter(_PositiveFirst, StrPrinter):
    """SymPy's text with positive terms first."""


class OrderedLatexPrinter(_PositiveFirst, LatexPrinter):
    """SymPy's LaTeX with positive terms first."""


def ordered_terms(expression: sp.Expr) -> list[sp.Expr]:
    """The terms of a sum in the order in which they are written."""
    return OrderedPrinter()._as_ordered_terms(expression)


def text(expression: sp.Expr) -> str:
    """An expression as plain text.

    >>> b, f = sp.symbols("b f")
    >>> text(f - b)
    'f - b'
    """
    return str(OrderedPrinter().doprint(expression))
