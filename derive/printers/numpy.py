"""SymPy scalars as NumPy source."""

from collections.abc import Collection, Sequence

import sympy as sp

from derive.formula import FormulaError
from derive.printers.order import OrderedPrinter

FUNCTIONS = frozenset({"exp", "log", "sinh", "cosh", "tanh", "sin", "cos", "tan", "abs"})
"""Functions of one argument that NumPy spells as SymPy does."""


class NumPyPrinter(OrderedPrinter):
    """SymPy scalars as NumPy expressions."""

    def _print_Function(self, e: sp.Function) -> str:
        name = type(e).__name__.lower()
        if name not in FUNCTIONS:
            raise unspellable(name)
        return f"np.{name}({', '.join(self._print(a) for a in e.args)})"

    _print_log = _print_Abs = _print_Function

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        if expr.exp == sp.Rational(1, 2):
            return f"np.sqrt({self._print(expr.base)})"
        if expr.exp == -sp.Rational(1, 2):
            return f"1/np.sqrt({self._print(expr.base)})"
        return str(super()._print_Pow(expr, rational))

    def _print_Rational(self, expr: sp.Rational) -> str:
        return f"({expr.p}/{expr.q})"

    def _print_Exp1(self, expr: sp.Expr) -> str:
        return "np.e"

    def _print_Pi(self, expr: sp.Expr) -> str:
        return "np.pi"


def code(expression: sp.Expr) -> str:
    """One expression as NumPy source."""
    return str(NumPyPrinter().doprint(expression))


def unspellable(name: str) -> FormulaError:
    """The error for a function that NumPy does not have."""
    known = ", ".join(sorted(FUNCTIONS - {"abs"}))
    return FormulaError(f"No NumPy spelling is known for the function {name}; known are {known}.")


def scalar(expression: sp.Expr, parameters: Collection[sp.Symbol] = ()) -> str:
    """A scalar over totals without their last axis; numbers stand as they are, parameters may be floats."""
    if not expression.free_symbols:
        return code(expression)
    if expression.free_symbols <= set(parameters):
        return f"np.atleast_1d({code(expression)})[..., 0]"
    return f"{code(expression)}[..., 0]" if expression.is_Symbol else f"({code(expression)})[..., 0]"


def core(C: Sequence[Sequence[sp.Expr]], like: str, parameters: Collection[sp.Symbol] = ()) -> list[str]:
    """The lines that fill C, symmetric; `like` is an array with a last axis in place of C's two."""
    lines = [f"C = np.empty((*{like}.shape[:-1], {len(C)}, {len(C)}), {like}.dtype)"]
    for i, line in enumerate(C):
        for j in range(i, len(C)):
            target = f"C[..., {i}, {j}]" + ("" if i == j else f" = C[..., {j}, {i}]")
            lines.append(f"{target} = {scalar(line[j], parameters)}")
    return lines
