"""Newton's method with a trust region: the exact Hessian, which leaves saddles along negative curvature."""

from dataclasses import dataclass

from numeric.solvers.state import State, Variables
from numeric.solvers.trust_region import trust_region_step
from numeric.whitening import WhitenedRegression, whiten


@dataclass(frozen=True)
class Newton:
    """Steps that minimize the second-order model in the trust region."""

    name: str = "newton"
    max_steps: int = 300
    variables: Variables = whiten
    dense: bool = True
    polishes: bool = True

    def step(self, problem: WhitenedRegression, state: State, budget: int) -> State:
        """One accepted step; `budget` is at least one."""
        return trust_region_step(problem, state, "hessian", self.name)
