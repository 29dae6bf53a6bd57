"""SciPy's minimizers as methods of the one loop: L-BFGS, and trust-exact as a reference for our own Newton."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.optimize import minimize

from numeric.evaluation import Point
from numeric.kernels import Array, unscale
from numeric.solvers.state import Row, State, Variables, describe, log_gradient_norm, relative_value, try_point
from numeric.whitening import WhitenedRegression, whiten

LARGEST_LOG = 150.0
"""Values and gradients above e to this are divided, as SciPy squares them."""
CHUNK = 200
"""Iterations of SciPy's loop that make one step of ours: enough to keep its memory useful."""


@dataclass(frozen=True)
class ThroughSciPy:
    """Runs of one of SciPy's methods, restarted (memory dropped) after each run.

    Attributes:
        name: of the method here.
        scipy_name: of the method there.
        max_steps: the default limit.
        options: for SciPy.
        dense: whether it forms dense Hessians.
    """

    name: str
    scipy_name: str
    max_steps: int
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    variables: Variables = whiten
    dense: bool = False
    polishes: bool = False

    def step(self, problem: WhitenedRegression, state: State, budget: int) -> State:
        """Up to `CHUNK` iterations, at most `budget`; blocked where SciPy finds no decrease."""
        if not np.any(state.point.first_order.gradient):
            return state._replace(rows=(), blocked="resolution")
        run = _Run(problem, state, self.name, _log_unit(state.point), [state.point], [])
        # trust-exact of SciPy 1.17 ends in an UnboundLocalError where its subproblem finds no step, and in a ValueError
        # where what it squares overflows. What was recorded stays.
        with contextlib.suppress(UnboundLocalError, ValueError, OverflowError), np.errstate(all="ignore"):
            minimize(
                run.value_and_gradient,
                state.point.x.ravel(),
                jac=True,
                hess=run.hessian if self.dense else None,
                method=self.scipy_name,
                callback=run.record,
                options={**self.options, "maxiter": min(CHUNK, budget)},
            )
        rows, point = tuple(run.rows), run.points[0]
        gains = relative_value(point, state.point) < state.point.first_order.value
        falls = log_gradient_norm(problem, point) < log_gradient_norm(problem, state.point)
        blocked = "" if rows and (gains or falls) else "line search"
        return state._replace(point=point, rows=rows, steps=state.steps + len(rows), blocked=blocked)


LBFGS = ThroughSciPy("lbfgs", "L-BFGS-B", 20_000, MappingProxyType({"maxcor": 20, "ftol": 0.0, "gtol": 0.0}))
"""With 20 pairs of steps and gradient changes."""
TRUST_EXACT = ThroughSciPy("trust-exact", "trust-exact", 300, MappingProxyType({"gtol": 0.0}), dense=True)


def _log_unit(point: Point) -> float:
    """The log of what values are divided by: the scale of the point, and its value where that is huge."""
    first = point.first_order
    largest = max(abs(first.value), float(np.abs(first.gradient).max()))
    return first.log_scale + max(0.0, float(np.log(largest)) - LARGEST_LOG)


@dataclass(frozen=True, eq=False)
class _Run:
    """One run: functions in units of e^log_unit, and what its callback collected."""

    problem: WhitenedRegression
    state: State
    name: str
    log_unit: float
    points: list[Point]
    rows: list[Row]

    def value_and_gradient(self, flat: Array) -> tuple[float, Array]:
        """A value far above the start's, which is rejected, where the loss is undefined or overflows."""
        start = self.state.point.first_order
        point = try_point(self.problem, flat.reshape(self.state.point.x.shape))
        if point is None:
            return 1e10 * (1.0 + abs(start.value) * float(np.exp(start.log_scale - self.log_unit))), np.zeros_like(flat)
        result = point.first_order
        shift = result.log_scale - self.log_unit
        return float(unscale(np.array(result.value), shift)), unscale(result.gradient, shift).ravel()

    def hessian(self, flat: Array) -> Array:
        """Dense; zero where the loss is undefined or overflows, as at a point that is rejected."""
        point = try_point(self.problem, flat.reshape(self.state.point.x.shape))
        if point is None:
            return np.zeros((flat.size, flat.size))
        operator = self.problem.operator(point, "hessian", scaled=True)
        return unscale(operator.to_dense(), operator.log_scale - self.log_unit)

    def record(self, intermediate_result: Any) -> None:
        """SciPy's callback after each iteration; it ends the run when the gradient is small enough."""
        point = try_point(self.problem, np.array(intermediate_result.x).reshape(self.state.point.x.shape))
        if point is None:  # L-BFGS-B makes NaN of gradients near the smallest float
            raise StopIteration
        self.points[0] = point
        self.rows.append(describe(self.problem, point, self.state.steps + len(self.rows) + 1, self.name))
        if log_gradient_norm(self.problem, point) <= self.state.log_tolerance:
            raise StopIteration
