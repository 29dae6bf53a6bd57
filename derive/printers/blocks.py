"""Row-block functions: one group of rows that does not fit into memory, read in blocks, as few times as is exact.

A pass is one read of the data. Pass 1 sums the totals that need no other, pass 2 those that need pass 1, and so on.
The gradient's rows are formed in the first pass in which no *row* needs a later total: where later totals enter
linearly (g = f*(c - sum_cf) is linear in sum_cf), the rows c*f and f are contracted with A at once, and weighted when
the sums are known. So are the diagonals of the Hessian and of J^T J; their U need early totals and their C no row, so
that a Hessian takes no read of its own. Expanding squares would save a pass more (c = f - b needs alpha) but cancels
near a solution.
"""

from collections.abc import Iterable, Sequence

import sympy as sp

from derive.calculus import StructuredHessian
from derive.derivation import Definition, Derivation
from derive.printers.numpy import code, core, scalar
from derive.program import COUNT
from derive.scaling import degree_of

KNOWN = "m, t"


class RowBlocks:
    """The passes of a derivation and their functions."""

    def __init__(self, d: Derivation, nonzero: Sequence[str]) -> None:
        self.d = d
        self.outputs = [d.value, d.gradient, *_pieces(d.hessian), *(_pieces(d.gauss_newton) if d.gauss_newton else [])]
        if d.prediction is not None:
            self.outputs.append(d.prediction)
        self.degrees: dict[sp.Symbol, int] = {}
        totals = [x for x in d.needed(self.outputs) if x.role == "total"]
        sizes = {_size_of(x): x.symbol for x in totals if str(x.symbol) in nonzero}
        self.sizes = {size.symbol: total for size, total in sizes.items()}
        if any(e.has(COUNT) for e in (*self.outputs, *(x.expression for x in totals))):
            totals.insert(0, Definition(COUNT, "total", sp.Integer(1)))
        self.totals = {x.symbol: x for x in (*totals, *sizes)}
        self.level: dict[sp.Symbol, int] = {}
        for symbol in self.totals:
            self.level[symbol] = self._level(symbol)
        self.gradient_pass, self.terms = self._formed(d.gradient)
        matrices = {"hessian": d.hessian, "gauss_newton": d.gauss_newton}
        self.matrices = {kind: (H, *self._formed(H.D, H.U)) for kind, H in matrices.items() if H is not None}

    def constants(self) -> str:
        """TOTALS, DEGREES, GRADIENT_PASS, SECOND_ORDER and PASSES."""
        passes = range(1, max(self.level.values(), default=1) + 1)
        names = [[str(s) for s in self.totals if self.level[s] == number] for number in passes]
        tuples = ", ".join(_tuple(f'"{name}"' for name in line) for line in names)
        degrees = ", ".join(f'"{s}": {k}' for s, k in self.degrees.items() if self.level[s] == 1)
        value_totals = [x.symbol for x in self.d.needed([self.d.value]) if x.role == "total"]
        count = max([self.gradient_pass, *(self.level[s] for s in value_totals)])
        second = ", ".join(f'"{kind}": {number}' for kind, (_, number, _) in self.matrices.items())
        return (
            f"TOTALS = ({tuples}{',' if len(names) == 1 else ''})\n"
            f"DEGREES = {{{degrees}}}\n"
            f"GRADIENT_PASS = {self.gradient_pass}\n"
            f"SECOND_ORDER = {{{second}}}\n"
            f"PASSES = {count}  # {self._why(count)}\n"
        )

    def functions(self) -> list[str]:
        """The functions of the module."""
        d = self.d
        z, data = str(d.formula.z), [str(s) for s in d.formula.data]
        tail = [str(s) for s in d.formula.parameters]
        rows = [z, *data, KNOWN, *tail]
        found = [self._shift(z), self._block_totals(rows)]
        weights, terms = zip(*self.terms, strict=True)
        doc = "Rows P_i of a block with g = sum of weight_i P_i."
        found.append(self._function("gradient_rows", rows, doc, terms, _tuple(map(self._row, terms))))
        doc = "The weights of `gradient_rows`."
        found.append(self._function("gradient_weights", [KNOWN, *tail], doc, weights, _weights(weights)))
        result = f"{scalar(d.value)}, {self.d.scaling.degree or 0} * m[..., 0]"
        doc = "The loss and the logarithm of its scale."
        found.append(self._function("value_of", [KNOWN, *tail], doc, [d.value], result))
        for kind in self.matrices:
            found += self._matrix(kind, rows, [KNOWN, *tail])
        if d.prediction is not None:
            doc = f"The model of {d.formula.data[0]}."
            found.append(self._function("prediction_rows", [z, KNOWN], doc, [d.prediction], self._row(d.prediction)))
        return found

    def _matrix(self, kind: str, rows: Sequence[str], scalars: Sequence[str]) -> list[str]:
        H, _, pairs = self.matrices[kind]
        weights, terms = zip(*pairs, strict=True)
        of = "the Hessian" if kind == "hessian" else "J^T J"
        doc = f"Rows Q_i of a block with D = sum of weight_i Q_i, and the U_i, of {of}."
        pieces = ", ".join(_tuple(map(self._row, part)) for part in (terms, H.U))
        entries = [e for line in H.C for e in line]
        return [
            self._function(f"{kind}_rows", rows, doc, [*terms, *H.U], pieces),
            self._function(f"{kind}_weights", scalars, f"The weights of `{kind}_rows`.", weights, _weights(weights)),
            self._function(
                f"{kind}_core", scalars, f"C of {of}.", entries, "C", core(H.C, "m", self.d.formula.parameters)
            ),
        ]

    def _level(self, symbol: sp.Symbol) -> int:
        """The pass that can sum a total: after those that it needs, and after the first where it has no degree."""
        if symbol in self.sizes:
            total = self.sizes[symbol]
            self.degrees |= {symbol: self.degrees[total]} if total in self.degrees else {}
            return self.level[total]
        x = self.totals[symbol]
        needed = [y.symbol for y in self.d.needed([x.expression]) if y.role == "total"]
        level = 1 + max((self._level(s) for s in needed), default=0)
        if level == 1 and self.d.scaling.degree is not None:
            degree = degree_of(self._spelled_out(x.expression), self._atom_weights())
            if degree is None:
                return 2
            self.degrees[symbol] = degree
        return level

    def _atom_weights(self) -> dict[sp.Symbol, sp.Expr]:
        weights = {x.symbol: x.symbol for x in self.d.definitions if x.role == "atom"}
        return weights | ({self.d.formula.z: sp.Integer(1)} if self.d.scaling.shift else {})

    def _spelled_out(self, expression: sp.Expr) -> sp.Expr:
        for x in reversed(self.d.definitions):
            if x.role == "row":
                expression = expression.subs(x.symbol, x.expression)
        return expression

    def _formed(self, linear: sp.Expr, whole: Sequence[sp.Expr] = ()) -> tuple[int, list[tuple[sp.Expr, sp.Expr]]]:
        """The pass that forms both, and (weight, row) pairs with linear = sum weight * row; `whole` stays as it is.

        Not before m is final, which scaled rows need: a sum of theirs is not rescaled when m rises.
        """
        first, last = 1 if self.d.scaling.degree is None else 2, max(self.level.values(), default=1)
        for number in range(first, last + 1):
            late = [s for s in self.totals if self.level[s] >= number and linear.has(s)]
            terms = _linear_terms(linear, late)
            if terms is not None:
                needed = self._totals_in([*(row for _, row in terms), *whole])
                if all(self.level[s] < number for s in needed):
                    return number, terms
        return max(first, last + 1), [(sp.Integer(1), linear)]

    def _why(self, passes: int) -> str:
        """What the last pass needs."""
        last = [row for _, row in self.terms] if self.gradient_pass == passes else []
        last += [
            x.expression for s, x in self.totals.items() if self.level[s] == passes and s in self.d.value.free_symbols
        ]
        needed = ", ".join(str(s) for s in self._totals_in(last))
        why = f"rows of the last need {needed}" if needed else "no row needs a total"
        return f"reads of the data for value and gradient: {why}"

    def _shift(self, z: str) -> str:
        if self.d.scaling.degree is None:
            body = f"return np.zeros(({z}.shape[:-1] + (1,)), {z}.dtype)"
        else:
            body = f"return np.max({z if self.d.scaling.shift else f'np.abs({z})'}, axis=-1, keepdims=True)"
        return f'def shift({z}):\n    """The m of a block."""\n    {body}\n'

    def _block_totals(self, rows: Sequence[str]) -> str:
        passes = sorted(set(self.level.values()))
        lines = []
        for number in passes:
            here = [x for s, x in self.totals.items() if self.level[s] == number]
            lines.append(f"if number == {number}:")
            lines += [f"    {line}" for line in self._lines([x.expression for x in here])]
            entries = [f'        "{x.symbol}": {self._sum(x.expression)},' for x in here]
            lines += ["    return {", *entries, "    }"]
        lines.append("return {}")
        doc = "Sums over the rows of a block in pass `number`, given the totals t of the earlier passes."
        return _printed("block_totals", ["number", *rows], doc, lines)

    def _sum(self, summand: sp.Expr) -> str:
        z = self.d.formula.z
        if not self._is_row(summand):
            return f"{code(summand)}*_count({z}, None)"
        return f"_total({code(summand)})"

    def _is_row(self, expression: sp.Expr) -> bool:
        rows = {*self.d.formula.rows, *(x.symbol for x in self.d.definitions if x.role != "total")}
        return bool(expression.free_symbols & rows)

    def _row(self, expression: sp.Expr) -> str:
        z = self.d.formula.z
        return code(expression) if self._is_row(expression) else f"np.full_like({z}, {code(expression)})"

    def _function(
        self,
        name: str,
        arguments: Sequence[str],
        doc: str,
        outputs: Iterable[sp.Expr],
        result: str,
        more: Sequence[str] = (),
    ) -> str:
        return _printed(name, arguments, doc, [*self._lines(list(outputs)), *more, f"return {result}"])

    def _lines(self, outputs: Sequence[sp.Expr]) -> list[str]:
        """What a function needs: totals from t, atoms, rows."""
        needed = self._rows(outputs)
        used: set[sp.Symbol] = set().union(*(e.free_symbols for e in (*outputs, *(x.expression for x in needed))))
        lines = [f'{s} = t["{s}"]' for s in self.totals if s in used]
        lines += self._atoms([x for x in needed if x.role == "atom"], used)
        return lines + [f"{x.symbol} = {code(x.expression)}" for x in needed if x.role == "row"]

    def _rows(self, outputs: Iterable[sp.Expr]) -> list[Definition]:
        """The atoms and rows that expressions use, totals being known."""
        wanted: set[sp.Symbol] = set().union(*(e.free_symbols for e in outputs), set())
        for x in reversed(self.d.definitions):
            if x.symbol in wanted and x.role == "row":
                wanted |= x.expression.free_symbols
        return [x for x in self.d.definitions if x.symbol in wanted and x.role != "total"]

    def _totals_in(self, outputs: Iterable[sp.Expr]) -> list[sp.Symbol]:
        """The totals that must be known before rows can be formed."""
        outputs = list(outputs)
        used: set[sp.Symbol] = set().union(*(e.free_symbols for e in outputs), set())
        used = used.union(*(x.expression.free_symbols for x in self._rows(outputs) if x.role == "row"))
        return [s for s in self.totals if s in used]

    def _atoms(self, atoms: Sequence[Definition], used: set[sp.Symbol]) -> list[str]:
        z, scaling = self.d.formula.z, self.d.scaling
        if scaling.degree is None:
            return [f"{x.symbol} = {code(x.expression)}" for x in atoms]
        if scaling.shift:
            shifted = [f"{z} = {z} - m"] if atoms or z in used else []
            return shifted + [f"{x.symbol} = {code(x.expression)}" for x in atoms]
        by_function = {x.expression.func: str(x.symbol) for x in atoms}
        lines = [f"{by_function[sp.exp]} = np.exp({z} - m)"] if sp.exp in by_function else []
        if sp.cosh in by_function or sp.sinh in by_function:
            targets = f"{by_function.get(sp.cosh, '_')}, {by_function.get(sp.sinh, '_')}"
            lines.append(f"{targets} = _cosh_sinh({z}.copy(), m, False, np.empty_like({z}), np.empty_like({z}))")
        return lines


def _pieces(H: StructuredHessian) -> list[sp.Expr]:
    return [H.D, *H.U, *(entry for line in H.C for entry in line)]


def _size_of(x: Definition) -> Definition:
    """The sum of the absolute terms of a total."""
    return Definition(sp.Symbol(f"size_{x.symbol}", real=True), "total", sp.Abs(x.expression))


def _linear_terms(g: sp.Expr, late: Sequence[sp.Symbol]) -> list[tuple[sp.Expr, sp.Expr]] | None:
    """(weight, row) with g = sum of weight * row, the late totals in the weights only; None where g is not linear."""
    if not late:
        return [(sp.Integer(1), g)]
    expanded = sp.expand(g)
    if not expanded.is_polynomial(*late):
        return None
    terms = []
    for powers, row in sp.Poly(expanded, *late).terms():
        weight = sp.Mul(*(s**k for s, k in zip(late, powers, strict=True)))
        row = min(sp.factor(row), sp.expand(row), key=sp.count_ops)
        terms.append((-weight, -row) if row.could_extract_minus_sign() else (weight, row))
    return terms


def _printed(name: str, arguments: Sequence[str], doc: str, lines: Sequence[str]) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f'@np.errstate(all="ignore")\ndef {name}({", ".join(arguments)}):\n    """{doc}"""\n{body}\n'


def _weights(weights: Iterable[sp.Expr]) -> str:
    return _tuple(map(code, weights))


def _tuple(items: Iterable[str]) -> str:
    listed = list(items)
    return f"({', '.join(listed)}{',' if len(listed) == 1 else ''})"
