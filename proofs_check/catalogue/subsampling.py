"""Leverage-score sampling as the relatives of the three papers state it."""

from proofs_check import Matrix, Param, Size, Vector, assume, claim
from proofs_check.arithmetic import diagonal, maximum, solve

PAPER = "2305.00660"


@claim(
    "F4",
    paper=PAPER,
    kind="upper",
    provenance="text-relative",
    expect="vacuous",
    title="leverage oversampling, beta > 1",
)
def oversampling_probabilities(
    n: Size(3, 64), d: Size(1, 2), beta: Param("11/10", 4), A: Matrix("n", "d"), p: Vector("n", simplex=True)
):
    r"""p_i \ge \beta \sigma_i(A) / d, \beta > 1 (summing over i forces \beta \le 1)"""
    leverage = diagonal(A @ solve(A.T @ A, A.T))
    assume(p, ">=", beta * leverage / d)
    return maximum(p), 1
