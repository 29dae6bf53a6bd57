"""Ball code for python-flint: the same derivation over lists of ``arb``, one group of rows at a time.

Rationals stay rationals (``fmpq``) and integers stay integers, so the only rounding is that of ball arithmetic, which
encloses it. No scaling is needed: the exponent of a ball does not overflow.
"""

from collections.abc import Sequence

import sympy as sp
from sympy.printing.precedence import PRECEDENCE

from derive.calculus import StructuredHessian
from derive.derivation import Derivation
from derive.formula import FormulaError
from derive.printers.order import OrderedPrinter
from derive.program import COUNT

_METHODS = {
    "exp": "exp",
    "log": "log",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "sin": "sin",
    "cos": "cos",
}

WRITTEN_OUT = 4
"""Largest power of a compound base: the base is written, and computed, as often."""


class BallPrinter(OrderedPrinter):
    """SymPy scalars as python-flint expressions."""

    def _print_Function(self, e: sp.Function) -> str:
        name = type(e).__name__
        if name not in _METHODS:
            raise FormulaError(
                f"No ball spelling is known for the function {name}; known are {', '.join(sorted(_METHODS))}."
            )
        return f"{self._operand(e.args[0])}.{_METHODS[name]}()"

    def _operand(self, e: sp.Expr) -> str:
        """An expression that a method can be called on."""
        if not e.free_symbols:
            return f"arb({self._print(e)})"
        return str(e) if e.is_Symbol else f"({self._print(e)})"

    _print_log = _print_Function

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        if expr.exp == sp.Rational(1, 2):
            return f"{self._operand(expr.base)}.sqrt()"
        if expr.exp == -sp.Rational(1, 2):
            return f"{self._operand(expr.base)}.rsqrt()"
        if expr.exp.is_Integer and expr.exp > 1:
            return f"({self._repeated(expr)})"
        if expr.exp.is_Integer and expr.exp < -1:
            return f"(1/{self._print_Pow(1 / expr)})"
        return str(super()._print_Pow(expr, rational))

    def _repeated(self, power: sp.Pow) -> str:
        """A whole power as a product: python-flint's ** gives [nan] for a ball around 0."""
        base = str(self.parenthesize(power.base, PRECEDENCE["Mul"], strict=True))
        if not power.base.is_Symbol and power.exp > WRITTEN_OUT:
            raise FormulaError(
                f"No ball spelling is known for the power {power}; name its base as a definition, or write a power "
                f"of at most {WRITTEN_OUT}."
            )
        return "*".join([base] * int(power.exp))

    def _print_Rational(self, expr: sp.Rational) -> str:
        return f"fmpq({expr.p}, {expr.q})"

    def _print_Exp1(self, expr: sp.Expr) -> str:
        return "arb(1).exp()"

    def _print_Pi(self, expr: sp.Expr) -> str:
        return "arb.pi()"


def code(expression: sp.Expr) -> str:
    """One expression as python-flint source.

    >>> x, y = sp.symbols("x y")
    >>> code(x**2), code(1/(x*y**3)), code((x + y)**2), code(x**-2)
    ('x*x', '1/(x*(y*y*y))', '(x + y)*(x + y)', '(1/(x*x))')
    """
    printer = BallPrinter()
    if expression.is_Pow and expression.exp.is_Integer and expression.exp > 1:
        return printer._repeated(expression)
    return str(printer.doprint(expression))


def ball_functions(d: Derivation) -> str:
    """The functions of a ball module."""
    z = str(d.formula.z)
    arguments = ", ".join([z, *map(str, (*d.formula.data, *d.formula.parameters))])
    functions = [
        _function(d, f"value({arguments})", "Loss.", [d.value], f"return {_scalar(d.value)}"),
        _function(d, f"gradient({arguments})", f"Gradient in {z}.", [d.gradient], f"return {_row(d, d.gradient)}"),
        _hessian(
            d,
            f"hessian({arguments})",
            f"D, columns of U, and C with Hessian diag(D) + U C U^T in {z}.",
            d.hessian,
        ),
    ]
    if d.formula.scalars:
        functions.append(_border(d, arguments))
    if d.residual is not None:
        doc = "Residual c with loss = ||c||^2 / 2."
        functions.append(_function(d, f"residual({arguments})", doc, [d.residual], f"return {_row(d, d.residual)}"))
    if d.prediction is not None:
        doc = f"The model of {d.formula.data[0]}: the zero of the residual."
        functions.append(_function(d, f"prediction({z})", doc, [d.prediction], f"return {_row(d, d.prediction)}"))
    return "\n\n".join(functions)


def _border(d: Derivation, arguments: str) -> str:
    slopes = ", ".join(map(_scalar, d.border.gradient))
    rows = ", ".join(_row(d, column) for column in d.border.rows)
    corner = ", ".join("[" + ", ".join(map(_scalar, line)) + "]" for line in d.border.corner)
    names = ", ".join(map(str, d.formula.scalars))
    doc = f"dL/du, rows d(dL/d{d.formula.z})/du and the corner d^2 L/(du du') for the scalar variables {names}."
    outputs = [*d.border.gradient, *d.border.pieces]
    return _function(d, f"border({arguments})", doc, outputs, f"return [{slopes}], [{rows}], [{corner}]")


def _hessian(d: Derivation, head: str, doc: str, H: StructuredHessian) -> str:
    entries = [entry for line in H.C for entry in line]
    U = ", ".join(_row(d, column) for column in H.U)
    C = ", ".join("[" + ", ".join(_scalar(e) for e in line) + "]" for line in H.C)
    lines = [f"D = {_row(d, H.D)}", f"U = [{U}]", f"C = [{C}]", "return D, U, C"]
    return _function(d, head, doc, [H.D, *H.U, *entries], "\n    ".join(lines))


def _function(d: Derivation, head: str, doc: str, outputs: Sequence[sp.Expr], result: str) -> str:
    lines = [f"{COUNT} = arb(len({d.formula.z}))"] if _counts(d, outputs) else []
    for x in d.needed(outputs):
        if x.role == "total":
            lines.append(f"{x.symbol} = sum({_row(d, x.expression)}, arb(0))")
        else:
            lines.append(f"{x.symbol} = {_row(d, x.expression)}")
    body = "\n".join(f"    {line}" for line in [*lines, result])
    return f'def {head}:\n    """{doc}"""\n{body}\n'


def _scalar(expression: sp.Expr) -> str:
    """A scalar over totals, as a ball even where it is a plain number."""
    return code(expression) if expression.free_symbols else f"arb({code(expression)})"


def _counts(d: Derivation, outputs: Sequence[sp.Expr]) -> bool:
    return any(e.has(COUNT) for e in (*outputs, *(x.expression for x in d.needed(outputs))))


def _row(d: Derivation, expression: sp.Expr) -> str:
    """A row quantity as a list: u -> [u_i ... for u_i in u]."""
    rows = (*d.formula.rows, *(x.symbol for x in d.definitions if x.role != "total"))
    used = [s for s in rows if s in expression.free_symbols]
    if not used:
        return f"[{_scalar(expression)}] * len({d.formula.z})"
    if expression in used:
        return str(expression)
    entry = code(expression.xreplace({s: sp.Symbol(f"{s}_i") for s in used}))
    names = ", ".join(f"{s}_i" for s in used)
    source = str(used[0]) if len(used) == 1 else f"zip({', '.join(map(str, used))}, strict=True)"
    return f"[{entry} for {names} in {source}]"
