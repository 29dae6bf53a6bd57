"""Write derived expressions with the paper's letters: c and f for what they abbreviate, sum_cf for total(c f).

The calculus leaves expressions such as u (u/alpha - b)/alpha. Written with f = u/alpha and c = f - b they become
c f: shorter, and the ratio u/alpha never overflows where u does. Sums keep their summand whole (an expanded square
would cancel) and leave factors that do not depend on the row outside. Every step is an exact substitution; the proof
is made of the result, so nothing here has to be believed.
"""

from collections.abc import Callable

import sympy as sp

from derive.calculus import StructuredHessian
from derive.program import COUNT, Program


class Letters:
    """Collects the named quantities while expressions are rewritten; one object per derivation."""

    def __init__(self, p: Program) -> None:
        self._program = p
        self._rows = self._named_rows()
        self._spelled_out = {symbol: self._spell_out(symbol) for symbol in reversed(self._rows)}
        self._sums: dict[sp.Symbol, sp.Expr] = {}
        self._unnamed: dict[sp.Symbol, sp.Expr] = {}
        self._named_totals: dict[sp.Symbol, sp.Expr] = {}
        for symbol, summand in p.totals.items():
            if str(symbol) in p.formula.names:
                self._named_totals[symbol] = self._shortest(summand)
            else:
                self._unnamed[symbol] = self.total(summand)

    def row(self, expression: sp.Expr) -> sp.Expr:
        """A row quantity, as short as factoring makes it."""
        return self._shortest(expression, sp.factor_terms, sp.factor, self._collected)

    def scalar(self, expression: sp.Expr) -> sp.Expr:
        """A scalar over totals."""
        return self._shortest(expression, sp.factor_terms)

    def total(self, summand: sp.Expr) -> sp.Expr:
        """The sum over rows of a summand, as an expression in named totals."""
        return sp.Add(*(self._one_sum(term) for term in sp.Add.make_args(self._distributed(summand))))

    def balance(self, H: StructuredHessian) -> StructuredHessian:
        """Rewrite the pieces; scale the columns by a total (w/T, q T) where that makes them ratios.

        Scaling U's columns by s and C's entries by 1/s leaves U C U^T as it is; totals that are divided by never
        vanish on the domain, so they may be divided by here.
        """
        spellings = [H, *(_rescale_columns(H, symbol) for symbol in self._divisors())]
        return min((spelling.map(self.row, self.scalar) for spelling in spellings), key=self._hessian_size)

    def definitions(self) -> list[tuple[sp.Symbol, str, sp.Expr]]:
        """All named quantities in an order in which each uses earlier ones only."""
        entries = {s: ("atom", node) for s, node in self._program.atoms.items()}
        entries |= {s: ("total", summand) for s, summand in self._named_totals.items()}
        entries |= {s: ("row", expression) for s, expression in self._rows.items()}
        entries |= {s: ("total", summand) for s, summand in self._sums.items()}
        ordered: list[sp.Symbol] = []

        def visit(symbol: sp.Symbol) -> None:
            if symbol in entries and symbol not in ordered:
                role, expression = entries[symbol]
                for used in sorted(expression.free_symbols if role != "atom" else (), key=str):
                    visit(used)
                ordered.append(symbol)

        for symbol in entries:
            visit(symbol)
        return [(s, *entries[s]) for s in ordered]

    def _named_rows(self) -> dict[sp.Symbol, sp.Expr]:
        """Row abbreviations of the paper, each written with the earlier ones."""
        p = self._program
        rows: dict[sp.Symbol, sp.Expr] = {}
        for name, expression in p.formula.names.items():
            symbolic = p.symbolic(expression)
            if symbolic.free_symbols & p.row_symbols and not symbolic.is_Symbol:
                for symbol, earlier in reversed(rows.items()):
                    symbolic = symbolic.subs(earlier, symbol)
                rows[sp.Symbol(name, real=True)] = symbolic
        return rows

    def _spell_out(self, expression: sp.Expr) -> sp.Expr:
        for symbol in reversed(self._rows):
            expression = expression.subs(symbol, self._rows[symbol])
        return expression

    def _shortest(self, expression: sp.Expr, *rewritings: Callable[[sp.Expr], sp.Expr]) -> sp.Expr:
        """The shortest of the spellings that exact substitutions lead to."""
        expression = expression.xreplace(self._unnamed)
        spellings = {expression: None, sp.factor_terms(expression): None}
        for step in (self._abbreviated, self._without_data, self._as_ratios):
            spellings |= {step(e): None for e in spellings}
        spellings |= {rewrite(e): None for e in spellings for rewrite in rewritings}
        return min(spellings, key=self._size)

    def _size(self, expression: sp.Expr) -> tuple[int, int, int]:
        """Operations first; at a tie, abbreviations before the atoms that they abbreviate, then the shorter text."""
        raw = sum(expression.count(s) for s in self._program.atoms)
        return (int(sp.count_ops(expression)), raw, len(str(expression)))

    def _abbreviated(self, expression: sp.Expr) -> sp.Expr:
        """Use the abbreviations where they stand to the letter, latest first."""
        for symbol, spelled in self._spelled_out.items():
            expression = expression.subs(spelled, symbol)
        return expression

    def _without_data(self, expression: sp.Expr) -> sp.Expr:
        """Eliminate a datum through the abbreviation that contains it: b = f - c, alpha b = u - c."""
        for symbol, short in self._rows.items():
            for datum in expression.free_symbols & set(self._program.formula.data):
                weight = sp.diff(short, datum)
                if weight != 0 and not weight.has(datum, *self._row_symbols()):
                    sign = -1 if weight.could_extract_minus_sign() else 1
                    rest = sp.expand(short - weight * datum)
                    expression = sp.expand(expression).subs(sign * weight * datum, sign * (symbol - rest))
        return sp.factor_terms(sp.expand(expression))

    def _as_ratios(self, expression: sp.Expr) -> sp.Expr:
        """Use u = f alpha for what is left of u beside f = u/alpha."""
        for symbol, short in self._rows.items():
            numerator, denominator = sp.fraction(short)
            if numerator.is_Symbol and denominator.is_Symbol:
                expression = expression.subs(numerator, symbol * denominator)
        return expression

    def _collected(self, expression: sp.Expr) -> sp.Expr:
        symbols = sorted(expression.free_symbols & self._row_symbols(), key=str)
        return min((expression, *(sp.collect(expression, s) for s in symbols)), key=self._size)

    def _distributed(self, summand: sp.Expr) -> sp.Expr:
        """Shortened, with scalar factors moved into the terms of a sum, so that each term is one total."""
        short = self._shortest(summand)
        outside, inside = short.as_independent(*self._row_symbols(), as_Add=False)
        if not short.is_Add and inside.is_Add:
            return sp.Add(*(outside * term for term in inside.args))
        return short

    def _one_sum(self, term: sp.Expr) -> sp.Expr:
        outside, inside = term.as_independent(*self._row_symbols(), as_Add=False)
        if outside == 0 or inside == 1:
            return outside * COUNT
        known = {summand: symbol for symbol, summand in {**self._named_totals, **self._sums}.items()}
        if inside not in known:
            known[inside] = sp.Symbol(self._sum_name(inside), real=True)
            self._sums[known[inside]] = inside
        return outside * known[inside]

    def _sum_name(self, summand: sp.Expr) -> str:
        """sum_ccf for c^2 f; a number where the summand is no short product of letters."""
        powers = summand.as_powers_dict()
        if all(base.is_Symbol and exponent in (1, 2) for base, exponent in powers.items()):
            return "sum_" + "".join(sorted(str(base) * int(exponent) for base, exponent in powers.items()))
        return f"sum_{1 + sum(1 for s in self._sums if str(s)[-1].isdigit())}"

    def _row_symbols(self) -> set[sp.Symbol]:
        return set(self._program.row_symbols) | set(self._rows)

    def _hessian_size(self, H: StructuredHessian) -> int:
        return sum(self._size(e)[0] for e in (H.D, *H.U, *(entry for line in H.C for entry in line)))

    def _divisors(self) -> list[sp.Symbol]:
        """Totals by which an abbreviation divides."""
        return [s for s in self._named_totals if any(sp.fraction(e)[1].has(s) for e in self._rows.values())]


def _rescale_columns(H: StructuredHessian, symbol: sp.Symbol) -> StructuredHessian:
    """Columns q_t times the symbol, columns w_t divided by it; C to match."""
    factors = [1 / symbol if _is_tangent(H, i) else symbol for i in range(H.rank)]
    columns = tuple(column * factor for column, factor in zip(H.U, factors, strict=True))
    C = tuple(tuple(entry / (factors[i] * factors[j]) for j, entry in enumerate(line)) for i, line in enumerate(H.C))
    return StructuredHessian(H.D, columns, C)


def _is_tangent(H: StructuredHessian, column: int) -> bool:
    """The columns q_t come first and have a zero block among themselves; the w_t follow."""
    return column >= sum(1 for line in H.C if all(entry in (0, 1) for entry in line))
