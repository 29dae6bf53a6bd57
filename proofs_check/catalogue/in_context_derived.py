"""The reduced losses of linear self-attention in claims: value and gradient of the derived formulas.

Their definitions stand in `derive`; SymPy's derivatives are walked in the arithmetic of the claim, one row an entry of
U11, so that no formula of the flow is typed again where it is compared with the paper's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy

from proofs_check.arithmetic import Array, lifted, matrix
from proofs_check.constants import walk


def derived_loss(name: str, U: Array, data: dict[str, Array], scalars: dict[str, Any]) -> Array:
    """The loss "linear-self-attention-fixed" or "-random".

    Args:
        name: of the formula.
        U: U11, d x d; its entries are the rows of the formula.
        data: letter -> d x d matrix of the row's data.
        scalars: N, u (and trace).
    """
    value, _, _ = _expressions(name, len(U))
    return walk(value, _values(U, data, scalars), {})


def derived_gradient(name: str, U: Array, data: dict[str, Array], scalars: dict[str, Any]) -> tuple[Array, Array]:
    """The gradient in U11 (d x d) and the derivative in u of `derived_loss`."""
    _, rows, in_u = _expressions(name, len(U))
    values, memo, d = _values(U, data, scalars), {}, len(U)
    cells = [walk(row, values, memo) for row in rows]
    return matrix([cells[i * d : (i + 1) * d] for i in range(d)]), walk(in_u, values, memo)


def fixed_data(lam: Array) -> dict[str, Array]:
    """The rows' data of a fixed covariance in its eigenbasis: row (i, j) has lambda_i, lambda_j and 1{i = j}."""
    d = len(lam)
    left = matrix([[lam[i]] * d for i in range(d)])
    return {"lambda_i": left, "lambda_j": left.T, "delta": matrix([[int(i == j) for j in range(d)] for i in range(d)])}


def _values(U: Array, data: dict[str, Array], scalars: dict[str, Any]) -> dict[str, Any]:
    d = len(U)
    grids = {"z": U, **data}
    cells = {f"{name}_{i * d + j}": grid[i, j] for name, grid in grids.items() for i in range(d) for j in range(d)}
    return cells | {name: lifted(name, value) for name, value in scalars.items()}


@lru_cache(maxsize=16)
def _expressions(name: str, d: int) -> tuple[sympy.Expr, list[sympy.Expr], sympy.Expr]:
    from derive import evaluate, formulas

    formula = formulas()[name]
    rows = {letter: [sympy.Symbol(f"{letter}_{k}") for k in range(d * d)] for letter in ("z", *map(str, formula.data))}
    z = rows.pop("z")
    value = sympy.sympify(evaluate(formula, "value", z, rows))
    (u,) = formula.scalars
    return value, [sympy.sympify(e) for e in evaluate(formula, "gradient", z, rows)], sympy.diff(value, u)
