"""NumPy kernels: one module per formula, totals along the last axis, every quantity with only what it needs.

The printed module imports NumPy only. Leading axes are independent groups of rows: none for one vector problem, one
for the rows of Z = A1 X A2^T or for several targets b. Scalars keep a last axis of length 1, so that a printed
expression is the derived one to the letter.
"""

from collections.abc import Sequence

import sympy as sp

from derive.calculus import StructuredHessian
from derive.derivation import Definition, Derivation
from derive.formula import FormulaError
from derive.printers.order import OrderedPrinter
from derive.program import COUNT

_FUNCTIONS = {"exp", "log", "sinh", "cosh", "tanh", "sin", "cos", "tan"}

HELPERS = '''
def _total(q, mask):
    """Sum over the kept rows of each group, with the axis kept."""
    return np.sum(q, axis=-1, keepdims=True, where=True if mask is None else mask)


def _largest(q, mask):
    """Maximum over the kept rows of each group, 0 for a group without any; with the axis kept."""
    m = np.max(q, axis=-1, keepdims=True, initial=-np.inf, where=True if mask is None else mask)
    return np.where(np.isneginf(m), 0, m)


def _rows(q, z, mask):
    """A row quantity in the shape and type of z, zero where the mask drops a row."""
    q = np.broadcast_to(q, z.shape).astype(z.dtype, copy=False)
    return q if mask is None else np.where(mask, q, 0)
'''


class NumPyPrinter(OrderedPrinter):
    """SymPy scalars as NumPy expressions."""

    def _print_Function(self, e: sp.Function) -> str:
        name = type(e).__name__
        if name not in _FUNCTIONS:
            raise FormulaError(
                f"No NumPy spelling is known for the function {name}; known are {', '.join(sorted(_FUNCTIONS))}."
            )
        return f"np.{name.lower()}({', '.join(self._print(a) for a in e.args)})"

    _print_log = _print_Function

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


def _scalar(expression: sp.Expr) -> str:
    """A scalar over totals without their last axis; numbers stand as they are."""
    if not expression.free_symbols:
        return code(expression)
    return f"{code(expression)}[..., 0]" if expression.is_Symbol else f"({code(expression)})[..., 0]"


def kernel_functions(d: Derivation) -> str:
    """The functions of a kernel module."""
    z = str(d.formula.z)
    arguments = ", ".join([z, *map(str, (*d.formula.data, *d.formula.parameters)), "mask=None"])
    functions = [
        _function(d, f"value({arguments})", "Loss of each group.", [d.value], ["value"]),
        _function(
            d,
            f"value_and_gradient({arguments})",
            f"Loss and its gradient g in {z}.",
            [d.value, d.gradient],
            ["value", "g"],
        ),
        _hessian(d, f"hessian({arguments})", f"Hessian in {z}: diag(D) + U C U^T.", d.hessian),
    ]
    if d.gauss_newton is not None and d.residual is not None:
        functions += [
            _hessian(
                d,
                f"gauss_newton({arguments})",
                f"J^T J of the residual in {z}: diag(D) + U C U^T.",
                d.gauss_newton,
            ),
            _residual(d, f"residual({arguments})"),
        ]
    if d.prediction is not None:
        functions.append(_prediction(d, f"prediction({z}, mask=None)"))
    functions.append(_domain(d, f"domain_totals({z}, mask=None)"))
    return "\n\n".join(functions)


def _function(d: Derivation, head: str, doc: str, outputs: Sequence[sp.Expr], names: Sequence[str]) -> str:
    """A function that returns scalars and row quantities, with the logarithm of their scale."""
    spelled = []
    for expression, name in zip(outputs, names, strict=True):
        is_row = name != "value"
        spelled.append(f"_rows({code(expression)}, {d.formula.z}, mask)" if is_row else _scalar(expression))
    lines = [*_setup(d, outputs), *(f"{n} = {s}" for n, s in zip(names, spelled, strict=True))]
    overflow = _overflow(d, outputs)
    if overflow:
        lines.append(f"value = np.where({overflow}, np.inf, value)  # reported: dividing by it would give 0")
    return _assemble(head, doc, lines, f"return {', '.join(names)}, log_scale")


def _hessian(d: Derivation, head: str, doc: str, H: StructuredHessian) -> str:
    z = d.formula.z
    entries = [entry for line in H.C for entry in line]
    lines = _setup(d, [H.D, *H.U, *entries])
    lines.append(f"D = _rows({code(H.D)}, {z}, mask)")
    overflow = _overflow(d, [H.D, *H.U, *entries])
    if overflow:
        lines.append(f"D = np.where(({overflow})[..., None], np.inf, D)  # reported: dividing by it would give 0")
    if H.rank:
        columns = ", ".join(f"_rows({code(column)}, {z}, mask)" for column in H.U)
        lines.append(f"U = np.stack([{columns}], axis=-1)")
    else:
        lines.append(f"U = np.empty({z}.shape + (0,), {z}.dtype)")
    lines.append(f"C = np.empty({z}.shape[:-1] + ({H.rank}, {H.rank}), {z}.dtype)")
    for i in range(H.rank):
        for j in range(i, H.rank):
            target = f"C[..., {i}, {j}]" + ("" if i == j else f" = C[..., {j}, {i}]")
            entry = H.C[i][j]
            lines.append(f"{target} = " + _scalar(entry))
    return _assemble(head, doc, lines, "return D, U, C, log_scale")


def _residual(d: Derivation, head: str) -> str:
    assert d.residual is not None
    # The loss is half the squared residual, so the residual carries half of the loss's scale.
    lines = [*_setup(d, [d.residual]), f"c = _rows({code(d.residual)}, {d.formula.z}, mask)"]
    return _assemble(head, "Residual c with loss = ||c||^2 / 2.", lines, "return c, log_scale / 2")


def _prediction(d: Derivation, head: str) -> str:
    assert d.prediction is not None
    z = d.formula.z
    lines = [*_setup(d, [d.prediction], scale=False), f"predicted = _rows({code(d.prediction)}, {z}, mask)"]
    return _assemble(head, f"The model of {d.formula.data[0]}: the zero of the residual.", lines, "return predicted")


def _domain(d: Derivation, head: str) -> str:
    """Totals that must not vanish, each relative to the sum of its absolute terms."""
    totals = [x for x in d.definitions if x.role == "total" and str(x.symbol) in nonzero_totals(d)]
    if not totals:
        return _assemble(head, "Totals that must not vanish: none.", [], "return {}")
    lines = _setup(d, [x.expression for x in totals], scale=False)
    for x in totals:
        summand = code(x.expression)
        lines.append(f"{x.symbol} = _total({summand}, mask)[..., 0]")
        lines.append(f"size = _total(np.abs({summand}), mask)[..., 0]")
        lines.append(f"{x.symbol} = np.divide({x.symbol}, size, out=np.zeros_like({x.symbol}), where=size > 0)")
    doc = "Totals that must not vanish, each divided by the sum of its absolute terms."
    return _assemble(head, doc, lines, "return {" + ", ".join(f'"{x.symbol}": {x.symbol}' for x in totals) + "}")


def nonzero_totals(d: Derivation) -> tuple[str, ...]:
    """Letters of the totals in the formula's domain."""
    from derive.program import program

    p = program(d.formula)
    return tuple(str(p.symbolic(expression)) for expression in d.formula.domain)


def _setup(d: Derivation, outputs: Sequence[sp.Expr], scale: bool = True) -> list[str]:
    """Scaling, atoms, and the definitions that the outputs use."""
    needed = d.needed(outputs)
    lines = _atoms(d, [x for x in needed if x.role == "atom"], outputs)
    if any(e.has(COUNT) for e in (*outputs, *(x.expression for x in needed))):
        lines.append(f"{COUNT} = _total(np.ones_like({d.formula.z}), mask)")
    for x in needed:
        if x.role == "row":
            lines.append(f"{x.symbol} = {code(x.expression)}")
        elif x.role == "total":
            lines.append(f"{x.symbol} = _total({code(x.expression)}, mask)")
    if scale:
        lines.append(_log_scale(d))
    return lines


def _overflow(d: Derivation, outputs: Sequence[sp.Expr]) -> str:
    """Where a total that is divided by is too large for a float; empty for scaled kernels and without such totals.

    A divisor that overflows would make a finite, wrong result of an infinite one.
    """
    if d.scaling.degree is not None:
        return ""
    totals = {x.symbol for x in d.definitions if x.role == "total"}
    used = [*outputs, *(x.expression for x in d.needed(outputs) if x.role != "atom")]
    powers = sorted(
        {p for e in used for p in e.atoms(sp.Pow) if p.exp.is_negative and p.free_symbols & totals}, key=str
    )
    divisors = [1 / p for p in powers if p.free_symbols <= totals | {COUNT, *d.formula.parameters}]
    return " | ".join(f"np.isinf({code(e)})[..., 0]" for e in divisors)


def _log_scale(d: Derivation) -> str:
    if d.scaling.degree:
        return f"log_scale = {d.scaling.degree} * m[..., 0]"
    return f"log_scale = np.zeros({d.formula.z}.shape[:-1], {d.formula.z}.dtype)"


def _atoms(d: Derivation, atoms: Sequence[Definition], outputs: Sequence[sp.Expr]) -> list[str]:
    z, scaling = d.formula.z, d.scaling
    if scaling.degree is None:
        return [f"{x.symbol} = {code(x.expression)}" for x in atoms]
    if scaling.shift:
        # z itself is shifted: atoms and every other use of z then carry the same factor.
        why = "  # every atom times e^(-m); the loss has degree " + str(scaling.degree)
        lines = [f"m = _largest({z}, mask)", f"{z} = {z} - m{why}"]
        return lines + [f"{x.symbol} = {code(x.expression)}" for x in atoms]
    lines = [
        f"size = np.abs({z})",
        "m = _largest(size, mask)",
        f"half = np.exp(size - m) / 2  # every atom times e^(-m); the loss has degree {scaling.degree}",
        "less = np.expm1(-2 * size)  # e^(-2|z|) - 1: no cancellation in sinh near 0",
    ]
    spelled = {sp.cosh: "half * (2 + less)", sp.sinh: f"np.copysign(half * less, {z})", sp.exp: None}
    for x in atoms:
        form = spelled[x.expression.func] or f"np.exp({z} - m)"
        lines.append(f"{x.symbol} = {form}")
    return lines


def _assemble(head: str, doc: str, lines: Sequence[str], result: str) -> str:
    if not lines:
        return f'def {head}:\n    """{doc}"""\n    {result}\n'
    body = "\n".join(f"        {line}" for line in lines)
    return f'def {head}:\n    """{doc}"""\n    with np.errstate(all="ignore"):\n{body}\n        {result}\n'
