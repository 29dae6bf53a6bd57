"""Exact proof that a derivation is right: against SymPy's own derivative for small n, and for all n by indexed sums.

For n = 2, 3, 4 the loss is written out, SymPy differentiates it, and the difference to the derived gradient and
Hessian is shown to be zero as a rational function (its numerator expands to the zero polynomial). This is done with
every phi kept abstract, so that it holds for any smooth phi, and once more for the formula itself. Loss and
derivation are the same expression in every row, so both are unchanged when rows are permuted: the entries g_1, H_11
and H_12 stand for all others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import sympy as sp

from derive.derivation import differentiate
from derive.expansion import Expansion, Rows, expand_loss
from derive.formula import Formula
from derive.indexed import indexed_mismatch
from derive.language import total
from derive.program import Program, arguments, program
from derive.zero import is_zero

SIZES = (2, 3, 4)


class ProofError(AssertionError):
    """A derivation could not be shown to equal an independent one; nothing is generated from it."""


@dataclass(frozen=True)
class Proof:
    """What was proved: for the sizes below by SymPy's own derivative, for all sizes by indexed sums.

    Attributes:
        sizes: numbers of rows for which the written-out loss was differentiated by SymPy.
        abstract: letters of the functions that were kept abstract; empty when the formula has none.
    """

    name: str
    sizes: tuple[int, ...]
    abstract: tuple[str, ...]

    def __str__(self) -> str:
        sizes = ", ".join(map(str, self.sizes))
        abstract = f" with {', '.join(self.abstract)} abstract" if self.abstract else ""
        return (
            f"equal to SymPy's own derivative of the written-out loss for n = {sizes}{abstract} (exact zero test); "
            f"a second derivation by indexed sums gives the same expressions for symbolic n"
        )


def prove(formula: Formula) -> Proof:
    """Prove the derivation of a formula.

    Raises:
        ProofError: some derived entry differs from the independent one; the message names it.

    >>> from derive import formulas
    >>> prove(formulas()["plain-exp"]).sizes
    (2, 3, 4)
    """
    general, letters = abstracted(formula)
    for subject in dict.fromkeys((general, formula)):
        for n in SIZES:
            _require_none(formula, written_out_mismatch(subject, n), f"n = {n}")
        _require_none(formula, indexed_mismatch(subject), "symbolic n")
    return Proof(formula.name, SIZES, letters)


def _require_none(formula: Formula, mismatch: str | None, scope: str) -> None:
    if mismatch is not None:
        raise ProofError(
            f"The derivation of {formula.name!r} is not proved at {scope}: {mismatch}, or agrees by more than rational "
            f"identities (a logarithm that SymPy has split, for instance): write the loss in a simpler form."
        )


def abstracted(formula: Formula) -> tuple[Formula, tuple[str, ...]]:
    """The formula with each function of z replaced by an abstract one, and the letters of those functions."""
    p = program(formula)
    used = [s for s in p.atoms if any(e.has(s) for e in (*p.totals.values(), p.loss))]
    if not used:
        return formula, ()
    phi = {s: sp.Function("phi" if len(used) == 1 else f"phi_{s}")(*arguments(p, s)) for s in used}
    totals: dict[sp.Symbol, sp.Expr] = {}
    for symbol, summand in p.totals.items():
        totals[symbol] = total(summand.subs({**totals, **phi}))
    names = {name: p.symbolic(e).subs({**totals, **phi}) for name, e in formula.names.items()}
    known = {formula.z, *formula.data, *formula.parameters}
    return (
        replace(
            formula,
            loss=p.loss.subs({**totals, **phi}),
            domain=tuple(totals.values()),
            names={name: e for name, e in names.items() if e.free_symbols <= known},
        ),
        tuple(f"{value.func} for {p.atoms[s].func.__name__}" for s, value in phi.items()),
    )


def written_out_mismatch(formula: Formula, n: int) -> str | None:
    """The first derived entry that differs from SymPy's derivative of the loss with n rows; None if all agree."""
    p = program(formula)
    rows = _row_symbols(p, n)
    expansion = Expansion(differentiate(formula), rows)
    z1, z2 = rows[str(formula.z)][:2]
    loss, spelled = _abstract_loss(p, rows)
    derived = differentiate(formula)
    H = expansion.matrix(derived.hessian)
    pairs = {
        "the value": (loss, expansion.scalar(derived.value)),
        "gradient entry 1": (sp.diff(loss, z1), expansion.row(derived.gradient)[0]),
        "Hessian entry (1, 1)": (sp.diff(loss, z1, 2), H[0][0]),
        "Hessian entry (1, 2)": (sp.diff(loss, z1, z2), H[0][1]),
    }
    pairs |= _border_pairs(formula, expansion, loss, z1)
    pairs |= _square_pairs(formula, expansion, loss)
    for label, (reference, entry) in pairs.items():
        if not is_zero(_spell(reference, spelled) - _spell(entry, spelled)):
            return f"{label} differs"
    return None


def _border_pairs(
    formula: Formula, expansion: Expansion, loss: sp.Expr, z1: sp.Symbol
) -> dict[str, tuple[sp.Expr, sp.Expr]]:
    """Derivatives with respect to the scalar variables: of the loss, of gradient entry 1, of one another."""
    beside, scalars = differentiate(formula).border, formula.scalars
    pairs = {}
    for a, u in enumerate(scalars):
        pairs[f"dL/d{u}"] = (sp.diff(loss, u), expansion.scalar(beside.gradient[a]))
        pairs[f"the border entry (1, {u})"] = (sp.diff(loss, z1, u), expansion.row(beside.rows[a])[0])
        for b, other in enumerate(scalars):
            entry = expansion.scalar(beside.corner[a][b])
            pairs[f"the corner entry ({u}, {other})"] = (sp.diff(loss, u, other), entry)
    return pairs


def _square_pairs(formula: Formula, expansion: Expansion, loss: sp.Expr) -> dict[str, tuple[sp.Expr, sp.Expr]]:
    """The residual squares to the loss, and J^T J is the Hessian of that square with second derivatives left out."""
    derived = differentiate(formula)
    if derived.residual is None or derived.gauss_newton is None:
        return {}
    r = expansion.row(derived.residual)
    J = _jacobian(formula, expansion, r)
    G = expansion.matrix(derived.gauss_newton)
    product = [[sp.Add(*(row[i] * row[j] for row in J)) for j in (0, 1)] for i in (0, 1)]
    return {
        "the squared residual": (loss, sp.Add(*(e**2 for e in r)) / 2),
        "Gauss-Newton entry (1, 1)": (product[0][0], G[0][0]),
        "Gauss-Newton entry (1, 2)": (product[0][1], G[0][1]),
    }


def _jacobian(formula: Formula, expansion: Expansion, residual: list[sp.Expr]) -> list[list[sp.Expr]]:
    """dr_k/dz_i for i = 1, 2 by the chain rule through the atoms' entries."""
    p = program(formula)
    symbols = expansion.entries(formula.z)[:2]

    def derivative(r: sp.Expr, i: int) -> sp.Expr:
        parts = (sp.diff(r, expansion.entries(a)[i]) * expansion.row(p.slopes[a])[i] for a in p.atoms if a in p.slopes)
        return sp.diff(r, symbols[i]) + sp.Add(*parts)

    return [[derivative(r, i) for i in (0, 1)] for r in residual]


def _row_symbols(p: Program, n: int) -> Rows:
    """Fresh symbols z_1, ..., z_n, likewise for data and atoms."""
    letters = (*p.formula.rows, *p.atoms)
    return {str(s): [sp.Symbol(f"{s}_{i}", **s.assumptions0) for i in range(1, n + 1)] for s in letters}


def _abstract_loss(p: Program, rows: Rows) -> tuple[sp.Expr, Mapping[sp.Expr, sp.Expr]]:
    """The written-out loss with undefined functions, and what each of their derivatives is in atom entries.

    SymPy would join exp(z_1) exp(z_2) into exp(z_1 + z_2), out of reach of a polynomial zero test; undefined
    functions are left alone, and SymPy's derivative of them is its own.
    """
    formula = p.formula
    used = [s for s in p.atoms if s in p.slopes and any(e.has(s) for e in (*p.totals.values(), p.loss))]
    functions = {s: sp.Function(f"F_{s}", real=True) for s in used}
    totals: dict[sp.Symbol, sp.Expr] = {}
    for symbol, summand in p.totals.items():
        totals[symbol] = total(summand.subs({**totals, **{s: F(*arguments(p, s)) for s, F in functions.items()}}))
    stand_in = replace(formula, loss=p.loss.subs(totals), domain=tuple(totals.values()), names={})
    spelled: dict[sp.Expr, sp.Expr] = {}
    for s, F in functions.items():
        for i, zi in enumerate(rows[str(formula.z)]):
            at = {a: rows[str(a)][i] for a in (*formula.rows, *p.atoms)}
            node = F(*(argument.xreplace(at) for argument in arguments(p, s)))
            spelled[node] = at[s]
            spelled[sp.diff(node, zi)] = p.slopes[s].xreplace(at)
            spelled[sp.diff(node, zi, 2)] = p.slope(p.slopes[s]).xreplace(at)
    return expand_loss(stand_in, rows), spelled


def _spell(expression: sp.Expr, spelled: Mapping[sp.Expr, sp.Expr]) -> sp.Expr:
    return expression.xreplace(spelled)
