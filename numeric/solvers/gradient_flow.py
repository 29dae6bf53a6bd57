"""The gradient flow x' = -grad L(x) through SciPy's integrators, in the stored variables."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import LinAlgWarning

from numeric.evaluation import Point
from numeric.kernels import Array, unscale
from numeric.solvers.state import State, Variables, describe, relative_value, try_point
from numeric.solvers.verdict import DENSE_LIMIT
from numeric.whitening import WhitenedRegression, unchanged

RELATIVE_ERROR = 1e-8
"""Of the integrator, per step."""
ABSOLUTE_ERROR = 1e-12
"""Of the integrator, relative to the largest entry of x, or to what moves an entry of z by one."""
LONGER = 2.0
"""The length of an interval in multiples of the one before: a flow approaches its limit for ever more slowly."""


FIRST = 1.0 / 16.0
"""The length of the first interval in multiples of the time scale at the start."""


LARGEST_LOG = 700.0
"""The logarithm of a number near the largest float."""


EVALUATIONS = 5_000
"""Gradients for one interval at most: where the loss is singular an integrator shortens its steps without end."""


class _Halted(Exception):
    """The integrator cannot go on; the text says why."""


@dataclass(frozen=True)
class GradientFlow:
    """Intervals of the flow, each twice as long as the one before; rows carry the time in `radius`.

    The flow is stiff where the Hessian is badly conditioned, so an implicit method (BDF) with the exact Jacobian -H
    is used where H may be formed, and LSODA beyond.
    """

    name: str = "gradient-flow"
    max_steps: int = 200
    variables: Variables = unchanged
    dense: bool = False
    polishes: bool = False

    def step(self, problem: WhitenedRegression, state: State, budget: int) -> State:
        """One interval; `budget` is at least one."""
        point, first = state.point, state.point.first_order
        if not np.any(first.gradient):
            return state._replace(rows=(), blocked="resolution")
        flow = _Flow.at(problem, point)
        error = ABSOLUTE_ERROR * max(float(np.abs(point.x).max()), flow.unit)
        try:
            begin = state.radius if state.steps else 0.0
            end = LONGER * begin if begin else _first_interval(problem, point)
            result = flow.integrate(point.x, begin, end, error)
        except (_Halted, OverflowError, LinAlgWarning) as reason:
            return state._replace(rows=(), blocked=f"the flow: {reason}")
        trial = try_point(problem, flow.unit * result.y[:, -1].reshape(point.x.shape)) if result.success else None
        if trial is None:
            return state._replace(rows=(), blocked=f"the integrator stopped: {result.message}")
        rises = relative_value(trial, point) >= first.value
        if rises and float(np.abs(trial.x - point.x).max()) <= error:
            return state._replace(rows=(), blocked="a movement below the integrator's error")
        row = describe(problem, trial, state.steps + 1, self.name, radius=end)
        return state._replace(point=trial, radius=end, rows=(row,), steps=state.steps + 1, blocked="")


def _first_interval(problem: WhitenedRegression, point: Point) -> float:
    """The time scale of the flow along the gradient, a share of g^T g / |g^T H g|: one product."""
    operator, g = problem.operator(point, "hessian", scaled=True), point.first_order.gradient
    direction = g / float(np.abs(g).max())
    curvature = abs(float(np.vdot(direction, operator.dot(direction)))) / float(np.vdot(direction, direction))
    with np.errstate(over="ignore"):
        interval = FIRST / curvature * float(np.exp(-operator.log_scale)) if curvature > 0.0 else 1.0
    return interval if 0.0 < interval < np.inf else 1.0


@dataclass(frozen=True, eq=False)
class _Flow:
    """Velocity and Jacobian of the flow on flat x, in units in which numbers of any size can be squared.

    Attributes:
        problem: whose loss falls.
        shape: of x.
        unit: of x: what moves an entry of z by about one, along the gradient.
        log_clock: log of the unit of time, in which the flow begins at a speed of about one.
        times: at which the velocity was asked for, in that unit.
    """

    problem: WhitenedRegression
    shape: tuple[int, ...]
    unit: float
    log_clock: float
    times: list[float] = field(default_factory=list)

    @classmethod
    def at(cls, problem: WhitenedRegression, point: Point) -> "_Flow":
        """The flow in the units that suit a point, which is not critical."""
        g = point.first_order.gradient
        largest = float(np.abs(g).max())
        change = max(form.largest_entry(g / largest) for form in problem.forms)
        unit = 1.0 / change if change > 0.0 else 1.0
        return cls(problem, point.x.shape, unit, float(np.log(unit) - np.log(largest)) - point.first_order.log_scale)

    def integrate(self, x: Array, begin: float, end: float, error: float) -> Any:
        """SciPy's result for one interval, in these units."""
        if abs(self.log_clock) > LARGEST_LOG:
            raise _Halted("its time scale is outside the range of floats")
        clock = float(np.exp(self.log_clock))
        implicit = {"method": "BDF", "jac": self.jacobian} if x.size <= DENSE_LIMIT else {"method": "LSODA"}
        interval, start = (begin / clock, end / clock), x.ravel() / self.unit
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # An exactly singular matrix in BDF: no digit of what follows would be right.
            warnings.simplefilter("error", LinAlgWarning)
            return solve_ivp(
                self.velocity,
                interval,
                start,
                t_eval=interval[1:],
                rtol=RELATIVE_ERROR,
                atol=error / self.unit,
                **implicit,
            )

    def velocity(self, time: float, flat: Array) -> Array:
        """-grad L."""
        self.times.append(time)
        if len(self.times) > EVALUATIONS:
            time = max(self.times) * float(np.exp(self.log_clock))
            raise _Halted(f"{EVALUATIONS} gradients did not lead it beyond the time {time:.6g}")
        first = self._point(flat).first_order
        velocity = -unscale(first.gradient / self.unit, first.log_scale + self.log_clock).ravel()
        if not np.all(np.isfinite(velocity)):
            raise _Halted("its velocity is too large for a float")
        return velocity

    def jacobian(self, _time: float, flat: Array) -> Any:
        """-H, dense."""
        operator = self.problem.operator(self._point(flat), "hessian", scaled=True)
        return -unscale(operator.to_dense(), operator.log_scale + self.log_clock)

    def _point(self, flat: Array) -> Point:
        point = try_point(self.problem, self.unit * flat.reshape(self.shape))
        if point is None:
            raise _Halted("it leaves the domain, or the range of floats")
        return point
