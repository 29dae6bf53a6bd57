"""A structured Hessian times a vector, as row quantities and totals: no matrix, not even U as one, is formed.

With s_i = +1 or -1 and V_i = s_i U_i without leading minus signs,

    p_i = total(V_i dz),        r = D dz + sum_i V_i k_i,        k_i = sum_j s_i s_j C_ij p_j

and r is written in the shortest way that factoring finds.
"""

import itertools
from collections.abc import Collection
from dataclasses import dataclass

import sympy as sp

from derive.calculus import StructuredHessian

DIRECTION = sp.Symbol("dz", real=True)
"""The change of z that the Hessian is applied to."""


@dataclass(frozen=True)
class Product:
    """(diag(D) + U C U^T) dz.

    Attributes:
        totals: symbol -> summand of p_1, p_2, ...
        scalars: symbol -> k_1, k_2, ... in the p_i and in totals.
        row: the product.
    """

    totals: dict[sp.Symbol, sp.Expr]
    scalars: dict[sp.Symbol, sp.Expr]
    row: sp.Expr


def product(H: StructuredHessian, scalars: Collection[sp.Symbol] = ()) -> Product:
    """The product of a structured Hessian with `DIRECTION`.

    Args:
        H: the Hessian.
        scalars: symbols that do not vary from row to row: what is computed of them alone is for nothing.

    >>> f, c, s = sp.symbols("f c s", real=True)
    >>> product(StructuredHessian(f * c, (-f,), ((s,),))).row
    f*(c*dz + k1)
    """
    signs = [-1 if column.could_extract_minus_sign() else 1 for column in H.U]
    columns = [sign * column for sign, column in zip(signs, H.U, strict=True)]
    p, k = ([sp.Symbol(f"{letter}{i + 1}", real=True) for i in range(H.rank)] for letter in "pk")
    totals = {p[i]: columns[i] * DIRECTION for i in range(H.rank)}
    weights = {k[i]: sp.Add(*(signs[i] * signs[j] * H.C[i][j] * p[j] for j in range(H.rank))) for i in range(H.rank)}
    r = H.D * DIRECTION + sp.Add(*(column * weight for column, weight in zip(columns, k, strict=True)))
    spellings = [r, sp.factor_terms(r), *_collected(r)]
    # A direction moved by a scalar, such as dz - total(f dz), may stand for two terms.
    moved = sp.Dummy("moved", real=True)
    for weight, sign in itertools.product(k, (1, -1)):
        step = sign * weight
        spellings += [e.xreplace({moved: DIRECTION + step}) for e in _collected(r.subs(DIRECTION, moved - step))]
    known = {*scalars, *k}
    return Product(totals, weights, min(spellings, key=lambda e: (_row_operations(e, known), len(str(e)))))


def _collected(r: sp.Expr) -> list[sp.Expr]:
    """The product factored, and its sum collected by each of its symbols."""
    factors = sp.Mul.make_args(sp.factor_terms(sp.factor(r)))
    outside = sp.Mul(*(f for f in factors if not f.is_Add))
    inside = sp.Mul(*(f for f in factors if f.is_Add))
    symbols = sorted(inside.free_symbols, key=str)
    return [outside * inside, *(outside * sp.collect(sp.expand(inside), s) for s in symbols)]


def _row_operations(expression: sp.Expr, scalars: Collection[sp.Symbol]) -> int:
    """Operations on whole rows: what scalars alone make is one operand."""
    if expression.free_symbols <= set(scalars):
        return 0
    rows = [e for e in expression.args if not e.free_symbols <= set(scalars)]
    operations = max(len(rows) - 1, 0)
    if len(rows) < len(expression.args) and expression.as_coeff_Mul() != (-1, sp.Mul(*rows)):
        operations += 1
    return operations + sum(_row_operations(e, scalars) for e in rows)
