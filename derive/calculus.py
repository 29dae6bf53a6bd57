"""Reverse mode, then forward mode over it: gradient, structured Hessian and Gauss-Newton matrix of a program.

With totals T_1, ..., T_m (T_k = sum over rows of tau_k(z, data, T_1, ..., T_{k-1})) and the loss l(T), the reverse
sweep gives the adjoints

    lambda_k = dl/dT_k + sum_{j > k} lambda_j total(dtau_j/dT_k),        g = sum_k lambda_k tau_k'

where ' is the derivative with respect to z of the same row. Forward mode over that sweep moves z and, with it, each
T_t by w_t = dT_t/dz, and leaves

    hessian in z = diag(D) + sum_t (q_t w_t^T + w_t q_t^T) + sum_{s,t} K_st w_s w_t^T
    D = sum_k lambda_k tau_k'',   q_t = sum_k lambda_k (dtau_k/dT_t)',
    K_st = d^2 l/dT_s dT_t + sum_k lambda_k total(d^2 tau_k/dT_s dT_t)

that is diag(D) + U C U^T with the columns q_t and w_t of those totals on which something depends nonlinearly.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sympy as sp

from derive.program import Program

Sum = Callable[[sp.Expr], sp.Expr]
"""Turns a summand into the scalar that stands for its sum over the rows."""


@dataclass(frozen=True)
class StructuredHessian:
    """diag(D) + U C U^T in z: D and the columns of U are row quantities, C is a symmetric matrix of scalars."""

    D: sp.Expr
    U: tuple[sp.Expr, ...]
    C: tuple[tuple[sp.Expr, ...], ...]

    @property
    def rank(self) -> int:
        """Number of columns of U."""
        return len(self.U)

    def map(self, row: Callable[[sp.Expr], sp.Expr], scalar: Callable[[sp.Expr], sp.Expr]) -> "StructuredHessian":
        """The same Hessian with every row expression and every scalar rewritten."""
        return StructuredHessian(
            row(self.D), tuple(map(row, self.U)), tuple(tuple(map(scalar, line)) for line in self.C)
        )


def adjoints(p: Program, total: Sum) -> dict[sp.Symbol, sp.Expr]:
    """lambda_k for every total, from the loss backwards."""
    found: dict[sp.Symbol, sp.Expr] = {}
    for symbol in reversed(p.totals):
        later = (found[s] * total(sp.diff(p.totals[s], symbol)) for s in found)
        found[symbol] = sp.diff(p.loss, symbol) + sp.Add(*later)
    return found


def gradient(p: Program, lam: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """g, the derivative of the loss with respect to z of one row."""
    return sp.Add(*(lam[s] * p.slope(summand) for s, summand in p.totals.items()))


def tangents(p: Program, total: Sum) -> dict[sp.Symbol, sp.Expr]:
    """w_t = dT_t/dz as row quantities, from the first total forwards."""
    found: dict[sp.Symbol, sp.Expr] = {}
    for symbol, summand in p.totals.items():
        earlier = (found[s] * total(sp.diff(summand, s)) for s in found)
        found[symbol] = p.slope(summand) + sp.Add(*earlier)
    return found


def hessian(p: Program, lam: Mapping[sp.Symbol, sp.Expr], total: Sum) -> StructuredHessian:
    """The Hessian in z as diag(D) + U C U^T."""
    D = sp.Add(*(lam[k] * p.slope(p.slope(tau)) for k, tau in p.totals.items()))
    q = {t: sp.Add(*(lam[k] * p.slope(sp.diff(tau, t)) for k, tau in p.totals.items())) for t in p.totals}

    def curvature(s: sp.Symbol, t: sp.Symbol) -> sp.Expr:
        inner = (lam[k] * total(sp.diff(tau, s, t)) for k, tau in p.totals.items())
        return sp.diff(p.loss, s, t) + sp.Add(*inner)

    return _assemble(p, D, q, curvature, total)


def gauss_newton(p: Program, residual: sp.Expr, total: Sum) -> StructuredHessian:
    """J^T J of the residual r(z, data, T): J = diag(r') + sum_t (dr/dT_t) w_t^T."""
    slope = p.slope(residual)
    q = {t: slope * sp.diff(residual, t) for t in p.totals}
    return _assemble(p, slope**2, q, lambda s, t: total(sp.diff(residual, s) * sp.diff(residual, t)), total)


def _assemble(
    p: Program,
    D: sp.Expr,
    q: Mapping[sp.Symbol, sp.Expr],
    curvature: Callable[[sp.Symbol, sp.Symbol], sp.Expr],
    total: Sum,
) -> StructuredHessian:
    """Columns q_t (where not zero) and w_t of the active totals, with C = [[0, I], [I, K]] between them."""
    K = {(s, t): curvature(s, t) for s in p.totals for t in p.totals}
    active = [t for t in p.totals if q[t] != 0 or any(K[s, t] != 0 for s in p.totals)]
    mixed = [t for t in active if q[t] != 0]
    w = tangents(p, total)

    def entry(i: int, j: int) -> sp.Expr:
        if i < len(mixed) and j < len(mixed):
            return sp.Integer(0)
        if i >= len(mixed) and j >= len(mixed):
            return K[active[i - len(mixed)], active[j - len(mixed)]]
        column, other = (i, j) if i < len(mixed) else (j, i)
        return sp.Integer(int(mixed[column] == active[other - len(mixed)]))

    size = len(mixed) + len(active)
    columns = (*(q[t] for t in mixed), *(w[t] for t in active))
    return StructuredHessian(D, columns, tuple(tuple(entry(i, j) for j in range(size)) for i in range(size)))


def square_root(summand: sp.Expr) -> sp.Expr | None:
    """r with r^2 = summand, where that can be read off; None elsewhere."""
    factors = sp.Mul.make_args(summand)
    if not all(f.is_Pow and f.exp.is_Integer and f.exp.is_even for f in factors):
        return None
    return sp.Mul(*(f.base ** (f.exp / 2) for f in factors))
