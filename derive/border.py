"""Scalar variables beside the rows: they border the gradient and the Hessian.

A scalar variable u acts like a total that no row moves: its tangent in z is 0 and its tangent in u is 1. With
v_tu = dT_t/du, and q, w and K of `derive.calculus` taken over the totals *and* the scalars,

    dL/du            = dl/du + sum_k lambda_k total(dtau_k/du)
    d(dL/dz)/du      = sum_t (q_t + sum_s K_st w_s) v_tu            one entry per row
    d(dL/du)/du'     = sum_{s,t} K_st v_su v_tu'                    a scalar
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sympy as sp

from derive.calculus import Sum
from derive.program import Program


@dataclass(frozen=True)
class Border:
    """Derivatives that involve the scalar variables, empty where a formula has none.

    Attributes:
        gradient: dL/du, one scalar per variable.
        rows: d(dL/dz)/du, one row quantity per variable.
        corner: d^2 L/(du du'), a symmetric matrix of scalars.
    """

    gradient: tuple[sp.Expr, ...] = ()
    rows: tuple[sp.Expr, ...] = ()
    corner: tuple[tuple[sp.Expr, ...], ...] = ()

    def map(self, row: Callable[[sp.Expr], sp.Expr], scalar: Callable[[sp.Expr], sp.Expr]) -> "Border":
        """The same border with every row expression and every scalar rewritten."""
        corner = tuple(tuple(map(scalar, line)) for line in self.corner)
        return Border(tuple(map(scalar, self.gradient)), tuple(map(row, self.rows)), corner)

    @property
    def pieces(self) -> tuple[sp.Expr, ...]:
        """All second derivatives."""
        return (*self.rows, *(entry for line in self.corner for entry in line))


def border(p: Program, lam: Mapping[sp.Symbol, sp.Expr], w: Mapping[sp.Symbol, sp.Expr], total: Sum) -> Border:
    """The border of a program's gradient and Hessian.

    Args:
        lam: adjoints of the totals, `derive.calculus.adjoints`.
        w: tangents of the totals in z, `derive.calculus.tangents`.
        total: turns a summand into the scalar that stands for its sum.
    """
    scalars = p.formula.scalars
    if not scalars:
        return Border()
    moving = (*p.totals, *scalars)

    def summed(*by: sp.Symbol) -> sp.Expr:
        inner = (lam[k] * total(sp.diff(tau, *by)) for k, tau in p.totals.items())
        return sp.diff(p.loss, *by) + sp.Add(*inner)

    q = {t: sp.Add(*(lam[k] * p.slope(sp.diff(tau, t)) for k, tau in p.totals.items())) for t in moving}
    K = {(s, t): summed(s, t) for s in moving for t in moving}
    v = {u: _tangents(p, u, total) for u in scalars}
    bend = {t: q[t] + sp.Add(*(K[s, t] * w[s] for s in p.totals)) for t in moving}
    return Border(
        gradient=tuple(summed(u) for u in scalars),
        rows=tuple(sp.Add(*(bend[t] * v[u][t] for t in moving)) for u in scalars),
        corner=tuple(
            tuple(sp.Add(*(K[s, t] * v[a][s] * v[b][t] for s in moving for t in moving)) for b in scalars)
            for a in scalars
        ),
    )


def _tangents(p: Program, u: sp.Symbol, total: Sum) -> dict[sp.Symbol, sp.Expr]:
    """v_tu for every total, from the first forwards, and for the scalars."""
    found: dict[sp.Symbol, sp.Expr] = {s: sp.Integer(int(s == u)) for s in p.formula.scalars}
    for symbol, summand in p.totals.items():
        found[symbol] = sp.Add(*(found[s] * total(sp.diff(summand, s)) for s in found))
    return found
