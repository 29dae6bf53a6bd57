"""Gauss-Newton with a trust region (Levenberg-Marquardt): J^T J of the residual, for residuals that get small."""

from dataclasses import dataclass

from numeric.solvers.state import State, Variables
from numeric.solvers.trust_region import trust_region_step
from numeric.whitening import WhitenedRegression, whiten


@dataclass(frozen=True)
class GaussNewton:
    """Steps that minimize the linearized sum of squares in the trust region."""

    name: str = "gauss-newton"
    max_steps: int = 300
    variables: Variables = whiten
    dense: bool = True
    polishes: bool = True

    def step(self, problem: WhitenedRegression, state: State, budget: int) -> State:
        """One accepted step; `budget` is at least one."""
        return trust_region_step(problem, state, "gauss_newton", self.name)
