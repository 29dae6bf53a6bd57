"""Sums as people write them: f - b, not -b + f."""

import sympy as sp
from sympy.printing.precedence import precedence
from sympy.printing.str import StrPrinter


class OrderedPrinter(StrPrinter):
    """SymPy's own text, with positive terms of a sum first."""

    def _print_Add(self, expr: sp.Add, order: str | None = None) -> str:
        terms = self._as_ordered_terms(expr, order=order)
        terms.sort(key=lambda term: bool(term.could_extract_minus_sign()))
        text = ""
        for term in terms:
            negative = term.could_extract_minus_sign() and text != ""
            printed = self.parenthesize(-term if negative else term, precedence(expr) if negative else 0)
            text += f" {'-' if negative else '+'} {printed}" if text else printed
        return text


def text(expression: sp.Expr) -> str:
    """An expression as plain text.

    >>> b, f = sp.symbols("b f")
    >>> text(f - b)
    'f - b'
    """
    return str(OrderedPrinter().doprint(expression))
