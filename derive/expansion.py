"""Write formulas and derivations out for finitely many rows: the ground on which proofs and exact checks stand."""

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from derive.calculus import StructuredHessian
from derive.derivation import Derivation, differentiate
from derive.formula import Formula
from derive.language import total
from derive.program import COUNT

Rows = Mapping[str, Sequence[sp.Expr]]


def expand_loss(formula: Formula, rows: Rows) -> sp.Expr:
    """The loss itself with every total written out; uses the formula only, nothing that was derived.

    Args:
        rows: letter of each row symbol (z and the data) -> its entries, all of one length.
    """
    n = len(rows[str(formula.z)])

    def at(expression: sp.Expr, i: int) -> sp.Expr:
        return scalar(expression).xreplace({s: sp.sympify(rows[str(s)][i]) for s in formula.rows})

    def scalar(expression: sp.Expr) -> sp.Expr:
        outermost = _outermost_totals(expression)
        return expression.xreplace({t: sp.Add(*(at(t.args[0], i) for i in range(n))) for t in outermost})

    return scalar(formula.loss)


def _outermost_totals(expression: sp.Expr) -> set[sp.Expr]:
    if isinstance(expression, total):
        return {expression}
    return set().union(*(_outermost_totals(argument) for argument in expression.args), set())


class Expansion:
    """A derivation at given rows: each definition evaluated, rows as lists, totals as scalars.

    Rows may also hold entries for atoms; those are then used as they are instead of the functions of z.
    """

    def __init__(self, derivation: Derivation, rows: Rows) -> None:
        formula = derivation.formula
        self._n = len(rows[str(formula.z)])
        self._rows = {s: [sp.sympify(e) for e in rows[str(s)]] for s in formula.rows}
        self._scalars: dict[sp.Symbol, sp.Expr] = {COUNT: sp.Integer(self._n)}
        for definition in derivation.definitions:
            if str(definition.symbol) in rows:
                self._rows[definition.symbol] = [sp.sympify(e) for e in rows[str(definition.symbol)]]
            elif definition.role == "total":
                self._scalars[definition.symbol] = sp.Add(*self.row(definition.expression))
            else:
                self._rows[definition.symbol] = self._entries(definition.expression, definition.role)

    def _entries(self, expression: sp.Expr, role: str) -> list[sp.Expr]:
        if role == "row":
            return self.row(expression)
        given = [{s: entries[i] for s, entries in self._rows.items()} for i in range(self._n)]
        # doit turns the derivative of an abstract function at z into its derivative at the given entry.
        return [expression.subs(entries).doit() for entries in given]

    def entries(self, symbol: sp.Symbol) -> list[sp.Expr]:
        """The entries of a row symbol."""
        return self._rows[symbol]

    def row(self, expression: sp.Expr) -> list[sp.Expr]:
        """One entry per row."""
        symbols = [s for s in expression.free_symbols if s in self._rows]
        fixed = expression.xreplace(self._scalars)
        return [fixed.xreplace({s: self._rows[s][i] for s in symbols}) for i in range(self._n)]

    def scalar(self, expression: sp.Expr) -> sp.Expr:
        """A scalar over totals."""
        return expression.xreplace(self._scalars)

    def matrix(self, H: StructuredHessian) -> list[list[sp.Expr]]:
        """diag(D) + U C U^T as nested lists, n by n."""
        D, U = self.row(H.D), [self.row(column) for column in H.U]
        C = [[self.scalar(entry) for entry in line] for line in H.C]
        pairs = [(s, t) for s in range(H.rank) for t in range(H.rank)]

        def entry(i: int, j: int) -> sp.Expr:
            low_rank = sp.Add(*(U[s][i] * C[s][t] * U[t][j] for s, t in pairs))
            return low_rank + (D[i] if i == j else 0)

        return [[entry(i, j) for j in range(self._n)] for i in range(self._n)]


def evaluate(
    formula: Formula, what: str, z: Sequence[sp.Expr], data: Mapping[str, Sequence[sp.Expr]] | None = None
) -> Any:
    """A derived quantity at given rows, as SymPy expressions.

    Args:
        what: ``"value"`` (a scalar), ``"gradient"``, ``"residual"``, ``"prediction"`` (lists of length n), or
            ``"hessian"``, ``"gauss_newton"`` (nested lists, n by n; with respect to z).
        z: the entries of the row variable, n of them.
        data: letter -> n entries; ``"prediction"`` needs none.

    Raises:
        ValueError: the formula does not have that quantity, or data are missing or of another length than z.

    >>> from derive import formulas
    >>> evaluate(formulas()["normalized-exp"], "prediction", [0, 0])
    [1/2, 1/2]
    """
    derivation = differentiate(formula)
    wanted = getattr(derivation, what, None) if what in _QUANTITIES else None
    if wanted is None:
        raise ValueError(f"Formula {formula.name!r} has no quantity {what!r}; quantities are {', '.join(_QUANTITIES)}.")
    given = dict(data or {})
    if what == "prediction":
        # A prediction does not use the data; symbols stand in for them.
        given |= {str(s): [s] * len(z) for s in formula.data if str(s) not in given}
    for symbol in formula.data:
        if len(given.get(str(symbol), ())) != len(z):
            raise ValueError(
                f"{what} of {formula.name!r} needs data {symbol} with {len(z)} entries, one per row; "
                f"got {len(given.get(str(symbol), ()))}."
            )
    expansion = Expansion(derivation, {str(formula.z): list(z), **given})
    return getattr(expansion, _QUANTITIES[what])(wanted)


_QUANTITIES = {
    "value": "scalar",
    "gradient": "row",
    "residual": "row",
    "prediction": "row",
    "hessian": "matrix",
    "gauss_newton": "matrix",
}
