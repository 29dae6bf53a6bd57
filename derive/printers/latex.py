"""LaTeX of a derivation, for reports and notebooks: the definitions, then gradient and Hessian."""

import sympy as sp

from derive.calculus import StructuredHessian
from derive.derivation import Derivation
from derive.printers.order import OrderedLatexPrinter


def derivation_latex(d: Derivation) -> str:
    r"""An ``aligned`` block: definitions, loss, gradient and Hessian in z.

    >>> from derive import differentiate, formulas
    >>> print(derivation_latex(differentiate(formulas()["plain-exp"])).splitlines()[1])
    u &= e^{z} \\
    """
    H = d.hessian
    shown = d.needed([d.value, d.gradient, H.D, *H.U, *(entry for line in H.C for entry in line)])
    lines = [f"{_latex(x.symbol)} &= {_definition(x.role, x.expression)}" for x in shown]
    lines.append(rf"L &= {_latex(d.value)}")
    lines.append(rf"\nabla_{{{d.formula.z}}} L &= {_latex(d.gradient)}")
    lines.append(rf"\nabla^2_{{{d.formula.z}}} L &= {hessian_latex(H)}")
    body = " \\\\\n".join(lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def hessian_latex(H: StructuredHessian) -> str:
    r"""``diag(D) + U C U^T`` with its pieces written out."""
    diagonal = rf"\operatorname{{diag}}\left({_latex(H.D)}\right)"
    if not H.rank:
        return diagonal
    C = sp.Matrix(H.C)
    columns = r" & ".join(_latex(e) for e in H.U)
    pieces = rf"U = \begin{{pmatrix}} {columns} \end{{pmatrix}},\quad C = {_latex(C)}"
    return rf"{diagonal} + U C U^\top,\quad {pieces}"


def _definition(role: str, expression: sp.Expr) -> str:
    return rf"\langle {_latex(expression)}, \mathbf 1 \rangle" if role == "total" else _latex(expression)


def _latex(expression: sp.Basic) -> str:
    sums = {s: _sum_letter(str(s)) for s in expression.free_symbols if str(s).startswith("sum_")}
    environment = {"mat_str": "pmatrix", "mat_delim": ""} if isinstance(expression, sp.MatrixBase) else {}
    return str(OrderedLatexPrinter({"symbol_names": sums, **environment}).doprint(expression))


def _sum_letter(name: str) -> str:
    return rf"\sigma_{{{name.removeprefix('sum_')}}}"
