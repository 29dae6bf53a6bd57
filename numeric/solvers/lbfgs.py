"""L-BFGS through SciPy, in whitened variables: for unknowns too many for a dense Hessian."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize

from numeric.evaluation import Point
from numeric.kernels import Array, unscale
from numeric.solvers.state import Row, State, describe, log_gradient_norm, relative_value, try_point
from numeric.whitening import WhitenedRegression

CHUNK = 200
"""Iterations of SciPy's loop that make one step of ours: enough to keep its memory useful."""
MEMORY = 20
"""Pairs of steps and gradient changes that SciPy keeps."""


@dataclass(frozen=True)
class LBFGS:
    """Runs of SciPy's L-BFGS-B, restarted (memory dropped) after each run."""

    name: str = "lbfgs"
    max_steps: int = 20_000

    def step(self, problem: WhitenedRegression, state: State, budget: int) -> State:
        """Up to `CHUNK` iterations, at most `budget`; blocked where the line search finds no decrease."""
        run = _Run(problem, state, [state.point], [])
        minimize(
            run.value_and_gradient,
            state.point.x.ravel(),
            jac=True,
            method="L-BFGS-B",
            callback=run.record,
            options={"maxcor": MEMORY, "maxiter": min(CHUNK, budget), "ftol": 0.0, "gtol": 0.0},
        )
        rows, point = tuple(run.rows), run.points[0]
        gains = relative_value(point, state.point) < state.point.first_order.value
        falls = log_gradient_norm(problem, point) < log_gradient_norm(problem, state.point)
        blocked = "" if rows and (gains or falls) else "line search"
        return replace(state, point=point, rows=rows, steps=state.steps + len(rows), blocked=blocked)


@dataclass(frozen=True, eq=False)
class _Run:
    """One run: functions in the units of the start's scale, and what its callback collected."""

    problem: WhitenedRegression
    state: State
    points: list[Point]
    rows: list[Row]

    def value_and_gradient(self, flat: Array) -> tuple[float, Array]:
        """A value far above the start's, which is rejected, where the loss is undefined or overflows."""
        start = self.state.point
        point = try_point(self.problem, flat.reshape(start.x.shape))
        if point is None:
            return 1e10 * (1.0 + abs(start.first_order.value)), np.zeros_like(flat)
        result = point.first_order
        gradient = unscale(result.gradient, result.log_scale - start.first_order.log_scale)
        return relative_value(point, start), gradient.ravel()

    def record(self, intermediate_result: Any) -> None:
        """SciPy's callback after each iteration; it ends the run when the gradient is small enough."""
        point = try_point(self.problem, np.array(intermediate_result.x).reshape(self.state.point.x.shape))
        assert point is not None, "SciPy accepted a point whose value is above the start's"
        self.points[0] = point
        self.rows.append(describe(self.problem, point, self.state.steps + len(self.rows) + 1, "lbfgs", float("nan")))
        if log_gradient_norm(self.problem, point) <= self.state.log_tolerance:
            raise StopIteration
