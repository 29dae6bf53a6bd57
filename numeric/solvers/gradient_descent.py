"""Gradient descent with backtracking, in the stored variables: the method that convergence theory is about."""

from dataclasses import dataclass

import numpy as np

from numeric.solvers.backtracking import backtrack
from numeric.solvers.state import State, Variables, describe
from numeric.whitening import WhitenedRegression, unchanged

LONGER = 2.0
"""The first trial of a step, in multiples of the latest step size."""


@dataclass(frozen=True)
class GradientDescent:
    """x - t g, the step size t found by backtracking from twice the latest one."""

    name: str = "gradient-descent"
    max_steps: int = 20_000
    variables: Variables = unchanged
    dense: bool = False
    polishes: bool = False

    def step(self, problem: WhitenedRegression, state: State, budget: int) -> State:
        """One accepted step; `budget` is at least one."""
        first = state.point.first_order
        squared = float(np.vdot(first.gradient, first.gradient))
        if squared == 0.0:
            return state._replace(rows=(), blocked="resolution")
        # The first step moves z by about one: by what backtracking allows at most.
        length = LONGER * state.radius if state.steps else np.inf
        accepted = backtrack(problem, state, -first.gradient, -squared, length=length)
        if accepted.point is None:
            return state._replace(rows=(), blocked=accepted.blocked)
        row = describe(problem, accepted.point, state.steps + 1, self.name, radius=accepted.length)
        return state._replace(
            point=accepted.point, radius=accepted.length, rows=(row,), steps=state.steps + 1, blocked=""
        )
