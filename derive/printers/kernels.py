"""NumPy kernels: one module per formula, its functions in place, each with only the atoms and totals that it needs.

The printed module imports NumPy only. Totals run along the last axis; leading axes are independent groups of rows:
none for one vector problem, one for the rows of Z = A1 X A2^T or for several targets b. The caller passes blocks of
groups that fit the cache and reuses z and the work arrays from block to block. Scalars keep a last axis of length 1,
so that a printed scalar is the derived one to the letter.

What a profiler found to matter, in the order of gain (rows of 256 to 4096 entries, one core):

- blocks of 2^16 to 2^17 entries of z: with whole matrices every operation waits for memory (2 to 3 times slower);
- in place, a result in the memory of an operand: no page is touched twice, no array is allocated (1.5 times);
- `np.setbufsize(16)`: with its default buffer NumPy copies the scalar of a row out to the length of the row before it
  multiplies by it, which costs more than the multiplication (0.28 against 0.10 ns an entry);
- `small`: where the caller knows |z| <= log(largest float)/8, nothing can overflow, and the pass for the maximum and
  the one that subtracts it are left out;
- u (1/alpha) in place of u/alpha: a division costs three multiplications;
- `np.vecdot` for totals of products: the product is never written;
- dropped entries are cleared by a bitwise and with 0 or -1, which is 0 even for infinity and NaN (0.15 ns an entry; a
  copy under a boolean mask takes 3.6), before the exponential: that of -infinity takes eight times as long as of 0;
- NumPy's exp is vectorized and takes as long as four multiplications: a vectorized exp of one's own gains nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import sympy as sp

from derive.calculus import StructuredHessian
from derive.derivation import Definition, Derivation
from derive.printers.blocks import RowBlocks
from derive.printers.helpers import HELPERS
from derive.printers.inplace import Body
from derive.printers.numpy import code, core, scalar
from derive.products import DIRECTION, Product
from derive.program import COUNT, program

KEYWORDS = "*, dropped=None, small=False, work=None, overwrite=False"


@dataclass
class KernelModule:
    """The functions of a module under way, and how many work arrays each needs."""

    d: Derivation
    functions: list[str] = field(default_factory=list)
    work: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, arguments: Sequence[str], doc: str, body: Body, result: str) -> None:
        """Print one function."""
        lines, self.work[name] = body.text()
        arrays = "".join(f", row{i + 1}" for i in range(self.work[name]))
        z = body.z
        setup = f"{z}{arrays or ','} = _workspace({z}, {self.work[name]}, work, overwrite)"
        if str(DIRECTION) in arguments:
            lines = [f"{DIRECTION} = {DIRECTION} if overwrite else {DIRECTION}.copy()", *lines]
        text = "\n".join(f"    {line}" for line in [setup, *lines, f"return {result}"])
        head = f"def {name}({', '.join(arguments)}, {KEYWORDS}):"
        self.functions.append(f'@np.errstate(all="ignore")\n{head}\n    """{doc}"""\n{text}\n')

    def body(self, outputs: Iterable[sp.Expr], *more: sp.Symbol) -> Body:
        """Scaling, atoms and the definitions that the outputs use."""
        formula, outputs = self.d.formula, tuple(outputs)
        needed = self.d.needed(outputs)
        data = frozenset(map(str, formula.data))
        rows = {*formula.rows, *more, *(x.symbol for x in self.d.definitions if x.role != "total")}
        body = Body(str(formula.z), data, rows)
        _atoms(self.d, body, [x for x in needed if x.role == "atom"])
        if any(e.has(COUNT) for e in (*outputs, *(x.expression for x in needed))):
            body.statement(f"{COUNT} = _count({formula.z}, dropped)")
        for x in needed:
            if x.role == "row":
                body.define(x.symbol, x.expression)
            elif x.role == "total":
                body.total(str(x.symbol), x.expression)
        return body

    @property
    def log_scale(self) -> str:
        """The logarithm of what the results are to be multiplied by."""
        degree = self.d.scaling.degree
        return (
            f"{degree} * m[..., 0]" if degree else f"np.zeros({self.d.formula.z}.shape[:-1], {self.d.formula.z}.dtype)"
        )


def kernel_functions(d: Derivation) -> tuple[str, str]:
    """Constants and functions of a kernel module."""
    module = KernelModule(d)
    z = str(d.formula.z)
    arguments = [z, *map(str, (*d.formula.data, *d.formula.parameters))]
    _first_order(module, "value", arguments, "Loss of each group.", [d.value])
    _first_order(
        module, "value_and_gradient", arguments, f"Loss of each group and its gradient g in {z}.", [d.value, d.gradient]
    )
    form = f"diag(D) + sum over i, j of C_ij U_i U_j^T in {z}, the U_i rows like {z}."
    _second_order(module, "hessian", arguments, f"Hessian {form}", d.hessian)
    times = [z, *map(str, d.formula.data), str(DIRECTION), *map(str, d.formula.parameters)]
    _product(
        module, "hessian_product", times, f"The Hessian in {z} times {DIRECTION}, rows like {z}.", d.hessian_product
    )
    if d.formula.scalars:
        _border(module, arguments)
    if d.gauss_newton is not None and d.gauss_newton_product is not None and d.residual is not None:
        _second_order(module, "gauss_newton", arguments, f"J^T J of the residual, {form}", d.gauss_newton)
        doc = f"J^T J of the residual in {z} times {DIRECTION}, rows like {z}."
        _product(module, "gauss_newton_product", times, doc, d.gauss_newton_product)
        _residual(module, arguments)
    if d.prediction is not None:
        _prediction(module, z)
    _domain(module, z)
    blocks = RowBlocks(d, nonzero_totals(d))
    functions = "\n\n".join([*module.functions, *blocks.functions()])
    helpers = "\n\n".join(text for name, text in HELPERS.items() if _used(name, functions))
    work = ", ".join(f'"{name}": {count}' for name, count in module.work.items())
    return f"WORK = {{{work}}}\n{blocks.constants()}", f"{helpers}\n\n{functions}"


def _used(name: str, functions: str) -> bool:
    """Whether the functions, or a helper that they use, call a helper."""
    callers = [text for other, text in HELPERS.items() if other != name and f"{other}(" in functions]
    return any(f"{name}(" in text for text in (functions, *callers))


def _first_order(
    module: KernelModule, name: str, arguments: Sequence[str], doc: str, outputs: Sequence[sp.Expr]
) -> None:
    d = module.d
    body = module.body(outputs)
    body.statement(f"value = {scalar(d.value)}")
    overflow = _overflow(d, outputs)
    if overflow:
        body.statement(f"value = np.where({overflow}, np.inf, value)  # reported: dividing by it would give 0")
    for outside in _outside(d, body):
        body.statement(f"value = np.where({outside}[..., 0], np.nan, value)  # outside the domain")
    results = ["value", *(body.kept(body.output(e, "g")) for e in outputs[1:])]
    module.add(name, arguments, doc, body, ", ".join([*results, module.log_scale]))


def _second_order(module: KernelModule, name: str, arguments: Sequence[str], doc: str, H: StructuredHessian) -> None:
    d = module.d
    outputs = [H.D, *H.U, *(entry for line in H.C for entry in line)]
    body = module.body(outputs)
    outside, overflow = _outside(d, body), _overflow(d, outputs)
    U = [body.output(column, f"U{i + 1}") for i, column in enumerate(H.U)]
    D = body.output(H.D, "D")
    if overflow:
        body.overwrite(f"{D}[{overflow}] = np.inf  # reported: dividing by it would give 0", D)
    for vanished in outside:
        body.overwrite(f"{D}[{vanished}[..., 0]] = np.nan  # outside the domain", D)
    for line in core(H.C, body.z, d.formula.parameters):
        body.statement(line)
    columns = ", ".join(body.kept(column) for column in U) + ("," if len(U) == 1 else "")
    module.add(name, arguments, doc, body, f"{body.kept(D)}, ({columns}), C, {module.log_scale}")


def _border(module: KernelModule, arguments: Sequence[str]) -> None:
    """Derivatives with respect to the scalar variables; outside the domain and on overflow `value` reports."""
    d, names = module.d, ", ".join(map(str, module.d.formula.scalars))
    body = module.body(d.border.gradient)
    like = f"{body.z}[..., 0]"
    slopes = "".join(f"np.full_like({like}, {scalar(e, d.formula.parameters)}), " for e in d.border.gradient).rstrip()
    doc = f"dL/du for the scalar variables u = {names}."
    module.add("scalar_gradient", arguments, doc, body, f"({slopes}), {module.log_scale}")
    body = module.body(d.border.pieces)
    rows = [body.output(column, f"B{i + 1}") for i, column in enumerate(d.border.rows)]
    for line in core(d.border.corner, body.z, d.formula.parameters):
        body.statement(line)
    columns = ", ".join(map(body.kept, rows)) + ("," if len(rows) == 1 else "")
    doc = f"Rows B_u = d(dL/d{body.z})/du and the corner C of d^2 L/(du du') for the scalar variables {names}."
    module.add("border", arguments, doc, body, f"({columns}), C, {module.log_scale}")


def _product(module: KernelModule, name: str, arguments: Sequence[str], doc: str, product: Product) -> None:
    d = module.d
    body = module.body([product.row, *product.totals.values(), *product.scalars.values()], DIRECTION)
    body.scratch(str(DIRECTION))
    if product.totals:
        body.clear(str(DIRECTION))  # in all terms, so that their other factors need not be
    for symbol, summand in product.totals.items():
        body.total(str(symbol), summand)
    for symbol, weight in product.scalars.items():
        body.statement(f"{symbol} = {code(weight)}")
    overflow = _overflow(d, [product.row, *product.scalars.values()])
    r = body.output(product.row, "Hdz")
    if overflow:
        body.overwrite(f"{r}[{overflow}] = np.inf  # reported: dividing by it would give 0", r)
    module.add(name, arguments, doc, body, f"{body.kept(r)}, {module.log_scale}")


def _residual(module: KernelModule, arguments: Sequence[str]) -> None:
    d = module.d
    assert d.residual is not None
    body = module.body([d.residual])
    c = body.output(d.residual, "residual")
    # The loss is half the squared residual, so the residual carries half of the loss's scale.
    module.add(
        "residual", arguments, "Residual c with loss = ||c||^2 / 2.", body, f"{body.kept(c)}, {module.log_scale} / 2"
    )


def _prediction(module: KernelModule, z: str) -> None:
    d = module.d
    assert d.prediction is not None
    body = module.body([d.prediction])
    predicted = body.output(d.prediction, "predicted")
    module.add(
        "prediction", [z], f"The model of {d.formula.data[0]}: the zero of the residual.", body, body.kept(predicted)
    )


def _domain(module: KernelModule, z: str) -> None:
    """Totals that must not vanish, each relative to the sum of its absolute terms."""
    totals = _nonzero_definitions(module.d)
    doc = "Totals that must not vanish, each divided by the sum of its absolute terms" + ("." if totals else ": none.")
    body = module.body([x.symbol for x in totals])
    for x in totals:
        body.total(f"size_{x.symbol}", sp.Abs(x.expression))
    entries = ", ".join(f'"{x.symbol}": _ratio({x.symbol}, size_{x.symbol})[..., 0]' for x in totals)
    module.add("domain_totals", [z], doc, body, f"{{{entries}}}")


def nonzero_totals(d: Derivation) -> tuple[str, ...]:
    """Letters of the totals in the formula's domain."""
    p = program(d.formula)
    return tuple(str(p.symbolic(expression)) for expression in d.formula.domain)


def _nonzero_definitions(d: Derivation) -> list[Definition]:
    return [x for x in d.definitions if x.role == "total" and str(x.symbol) in nonzero_totals(d)]


def _outside(d: Derivation, body: Body) -> list[str]:
    """Names of what is true for the groups in which a total that must not vanish does."""
    names = []
    for x in _nonzero_definitions(d):
        body.total(f"size_{x.symbol}", sp.Abs(x.expression))
        names.append(f"no_{x.symbol}")
        body.statement(f"{names[-1]} = _ratio({x.symbol}, size_{x.symbol}) <= VANISHED * np.finfo({body.z}.dtype).eps")
    return names


def _overflow(d: Derivation, outputs: Sequence[sp.Expr]) -> str:
    """Where a total that is divided by is too large for a float; empty for scaled kernels and without such totals.

    A divisor that overflows would make a finite, wrong result of an infinite one.
    """
    if d.scaling.degree is not None:
        return ""
    totals = {x.symbol for x in d.definitions if x.role == "total"}
    used = [*outputs, *(x.expression for x in d.needed(outputs) if x.role != "atom")]
    powers = {p for e in used for p in e.atoms(sp.Pow) if p.exp.is_negative and p.free_symbols & totals}
    divisors = [1 / p for p in sorted(powers, key=str) if p.free_symbols <= totals | {COUNT, *d.formula.parameters}]
    return " | ".join(f"np.isinf({code(e)})[..., 0]" for e in divisors)


def _atoms(d: Derivation, body: Body, atoms: Sequence[Definition]) -> None:
    z, scaling = body.z, d.scaling
    if scaling.degree is None:
        body.statement(f"_drop({z}, None if small else dropped)")
        body.moderate(z)
    elif scaling.shift:
        # z itself is shifted: atoms and every other use of z then carry the same factor.
        body.statement(
            f"m = _shift({z}, dropped, small)  # every atom times e^(-m); the loss has degree {scaling.degree}"
        )
        body.moderate(z)
    elif atoms:
        body.statement(f"m = _shift_of_size({z}, dropped, small, {{scratch}})  # every atom times e^(-m)")
        body.moderate(z)
        _hyperbolic(body, atoms)
        return
    for x in atoms:
        body.define(x.symbol, x.expression)


def _hyperbolic(body: Body, atoms: Sequence[Definition]) -> None:
    """cosh and sinh from one exponential, sinh in the memory of z."""
    by_function = {x.expression.func: x.symbol for x in atoms}
    if sp.exp in by_function:
        shifted = sp.Symbol(body.z, real=True) - sp.Symbol("m", real=True)
        body.define(by_function[sp.exp], sp.exp(shifted))
    u, v = by_function.get(sp.cosh), by_function.get(sp.sinh)
    if u is None and v is None:
        return
    for symbol in (u, v):
        if symbol is not None:
            body.atom(symbol)
    call = f"_cosh_sinh({body.z}, m, small, {{out}}, {{scratch}}, sinh={v is not None})"
    body.statement(f"{u or '_'}, {v or '_'} = {call}", body.z, writes=str(u or "_"), over=str(v or ""))
