"""A second, independent derivation: SymPy differentiates sums over an index that runs to a symbolic n.

The loss is written with ``Sum(..., (i, 1, n))`` over indexed symbols z[i], b[i]. SymPy's derivative with respect to
z[j] leaves Kronecker deltas inside the sums; resolving them gives g_j, and a second derivative gives the diagonal
part and the Hessian entries (j, k). No structure is assumed and nothing of this package's calculus is used. To
compare, every sum is split into sums of monomials (exact, since a sum is linear) and each of those becomes one
symbol: then equality is equality of rational functions, and it holds for every n.
"""

from collections.abc import Iterator, Mapping
from itertools import count

import sympy as sp
from sympy.concrete.delta import deltasummation

from derive.calculus import StructuredHessian
from derive.derivation import Derivation, differentiate
from derive.formula import Formula
from derive.program import COUNT, Program, arguments, program
from derive.zero import is_zero

_J, _K = sp.symbols("j k", integer=True, positive=True)
_I = sp.Symbol("i", integer=True, positive=True)


def indexed_mismatch(formula: Formula) -> str | None:
    """The first derived entry that differs from the indexed derivation; None if all agree.

    >>> from derive import formulas
    >>> indexed_mismatch(formulas()["rescaled-exp"]) is None
    True
    """
    notation = _Indexed(program(formula), differentiate(formula))
    z = notation.base(formula.z)
    slope = _resolved(sp.diff(notation.loss(), z[_J]))
    # The derivative of g_j with respect to z[k] is H_jk for j != k; its delta terms are the diagonal part.
    mixed = sp.expand(notation.canonical(_resolved(sp.diff(slope, z[_K]))))
    delta = sp.KroneckerDelta(_J, _K)
    derived = differentiate(formula)
    pairs = {
        "g_j": (notation.canonical(slope), notation.row(derived.gradient, _J)),
        "D_j": (mixed.coeff(delta), notation.row(derived.hessian.D, _J)),
        "the low-rank entry (j, k)": (mixed.coeff(delta, 0), notation.low_rank(derived.hessian)),
    }
    for label, (reference, entry) in pairs.items():
        if not is_zero(reference - notation.canonical(entry)):
            return f"{label} differs from the indexed derivation"
    return _border_mismatch(notation, slope, derived)


def _border_mismatch(notation: "_Indexed", slope: sp.Expr, derived: Derivation) -> str | None:
    """The same for the derivatives with respect to the scalar variables."""
    loss, beside = notation.loss(), derived.border
    for a, u in enumerate(derived.formula.scalars):
        pairs = {f"dL/d{u}": (sp.diff(loss, u), notation.row(beside.gradient[a], _J))}
        pairs[f"d(g_j)/d{u}"] = (sp.diff(slope, u), notation.row(beside.rows[a], _J))
        for b, other in enumerate(derived.formula.scalars):
            entry = notation.row(beside.corner[a][b], _J)
            pairs[f"the corner entry ({u}, {other})"] = (sp.diff(loss, u, other), entry)
        for label, (reference, entry) in pairs.items():
            if not is_zero(notation.canonical(reference) - notation.canonical(entry)):
                return f"{label} differs from the indexed derivation"
    return None


def _resolved(expression: sp.Expr) -> sp.Expr:
    """Sum over i of delta_ij t_i is t_j, as 1 <= j <= n; innermost sums first."""
    return expression.replace(
        lambda e: isinstance(e, sp.Sum) and e.has(sp.KroneckerDelta),
        lambda e: deltasummation(sp.expand(e.function), e.limits[0], no_piecewise=True),
    )


class _Indexed:
    """Row symbols as indexed ones, atoms as functions of z[i] with their slopes, totals as sums."""

    def __init__(self, p: Program, derivation: Derivation) -> None:
        self._program = p
        self._definitions = {d.symbol: d for d in derivation.definitions}
        self._bases = {s: sp.IndexedBase(str(s), real=True) for s in p.formula.rows}
        self._functions: dict[sp.Symbol, type[sp.Function]] = {}
        for symbol in reversed(p.atoms):
            self._functions[symbol] = self._function(symbol)
        self._fresh = count(1)
        self._sums: dict[sp.Expr, sp.Symbol] = {}

    def _function(self, symbol: sp.Symbol) -> type[sp.Function]:
        """An opaque function whose derivative is the atom's slope; SymPy applies the chain rule to it."""

        def fdiff(node: sp.Expr, argindex: int = 1) -> sp.Expr:
            assert argindex == 1, "only z, the first argument, varies"
            given = dict(zip(arguments(self._program, symbol), node.args, strict=True))
            atoms = self._program.slopes[symbol].free_symbols & set(self._functions)
            return self._program.slopes[symbol].xreplace({**given, **{s: self._call(s, given) for s in atoms}})

        return type(f"F_{symbol}", (sp.Function,), {"fdiff": fdiff, "is_real": True})

    def _call(self, atom: sp.Symbol, entries: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
        """An atom at the entries of one row; parameters stand for themselves."""
        return self._functions[atom](*(entries.get(s, s) for s in arguments(self._program, atom)))

    def base(self, symbol: sp.Symbol) -> sp.IndexedBase:
        """The indexed form of a row symbol."""
        return self._bases[symbol]

    def loss(self) -> sp.Expr:
        """The loss with sums over symbolic indices, from the program's reading of the formula only."""
        return self._written(self._program.loss, None, dict(self._program.totals))

    def row(self, expression: sp.Expr, index: sp.Symbol) -> sp.Expr:
        """A derived row quantity at an index, all its letters written out."""
        rows = {s: d.expression for s, d in self._definitions.items() if d.role == "row"}
        for symbol in reversed(rows):
            expression = expression.subs(symbol, rows[symbol])
        sums = {s: d.expression for s, d in self._definitions.items() if d.role == "total"}
        for symbol in sums:
            for abbreviation in reversed(rows):
                sums[symbol] = sums[symbol].subs(abbreviation, rows[abbreviation])
        return self._written(expression, index, sums)

    def low_rank(self, H: StructuredHessian) -> sp.Expr:
        """Entry (j, k) of U C U^T."""
        left, right = ([self.row(column, index) for column in H.U] for index in (_J, _K))
        pairs = ((s, t) for s in range(H.rank) for t in range(H.rank))
        return sp.Add(*(left[s] * self.row(H.C[s][t], _J) * right[t] for s, t in pairs))

    def _written(self, expression: sp.Expr, index: sp.Symbol | None, sums: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
        """Totals as sums, each use with an index of its own, or nested sums would capture each other's."""
        used = sorted(expression.free_symbols & set(sums), key=str)
        written = expression if index is None else self._at(expression, index)
        for symbol in used:
            i = sp.Symbol(f"i{next(self._fresh)}", integer=True, positive=True)
            written = written.xreplace({symbol: sp.Sum(self._written(sums[symbol], i, sums), (i, 1, COUNT))})
        return written

    def _at(self, expression: sp.Expr, index: sp.Symbol) -> sp.Expr:
        entries = {s: base[index] for s, base in self._bases.items()}
        return expression.xreplace({**entries, **{s: self._call(s, entries) for s in self._functions}})

    def canonical(self, expression: sp.Expr) -> sp.Expr:
        """Every sum as a combination of symbols that stand for sums of monomials."""
        return expression.replace(lambda e: isinstance(e, sp.Sum), self._combination)

    def _combination(self, node: sp.Sum) -> sp.Expr:
        (i, _, _) = node.limits[0]
        return sp.Add(*self._monomial_sums(sp.expand(node.function), i))

    def _monomial_sums(self, summand: sp.Expr, i: sp.Symbol) -> Iterator[sp.Expr]:
        for term in sp.Add.make_args(summand):
            outside, inside = term.as_independent(i, as_Add=False)
            key = inside.xreplace({i: _I})
            symbol = COUNT if inside == 1 else self._sums.setdefault(key, sp.Symbol(f"S{len(self._sums) + 1}"))
            yield outside * symbol
