"""What the one loop passes to a solver and gets back from it."""

import math
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from numeric.evaluation import Point
from numeric.forms.form import Scaled
from numeric.kernels import Array, all_finite, quiet, unscale
from numeric.problems import Regression
from numeric.validation import OutsideDomain
from numeric.whitening import WhitenedRegression

LEAST_SQUARES = 1e-280
"""A sum of squares above this has lost no term that matters to the smallest floats."""
LARGEST_LOG = math.log(sys.float_info.max)
Variables = Callable[[Regression], WhitenedRegression]


class Row(NamedTuple):
    """One line of a solution's history.

    Attributes:
        step: the number of the step, 0 for the start.
        value: L after the step.
        gradient_norm: Frobenius norm of the gradient in the stored variables.
        kind: what made the step.
        radius: the trust-region radius, in the 2-norm of the change of z; the step size of gradient descent; the
            time of the gradient flow; or NaN.
        note: what was chosen before this step, and why, or how the step was found.
        eps0: how far the Hessian of the step was from the true one, ||H^{-1/2} (H~ - H) H^{-1/2}|| as estimated from
            below; NaN where the step used no sketch, infinite where H is not positive definite.
        sampled: the number of rows of A in the step's Hessian, 0 where the step used no sketch.
    """

    step: int
    value: float
    gradient_norm: float
    kind: str
    radius: float
    note: str = ""
    eps0: float = float("nan")
    sampled: int = 0


class State(NamedTuple):
    """The state between two steps.

    Attributes:
        point: the evaluated point, in whitened variables.
        radius: the trust-region radius, or what a method without one keeps in its place (see `Row`).
        log_tolerance: log of the gradient norm, in the stored variables, at which the loop will stop.
        rows: the history of the latest step.
        log_start: log of the gradient norm, in the stored variables, at the start.
        steps: steps taken so far.
        blocked: why no further step was possible, or empty.
        strained: why the latest step was beyond what products can do, or empty.
        products: how many products the latest step took, 0 for one by a dense matrix.
        change: the largest change of an entry of z by the latest step, where nothing cut it short; else infinite.
        settles: whether it may be tried to settle a minimum by one factorization before the gradient is small.
        seed: of what a step draws.
        memory: what a method keeps from one step to the next, None at first.
    """

    point: Point
    radius: float
    log_tolerance: float
    rows: tuple[Row, ...]
    log_start: float = 0.0
    steps: int = 0
    blocked: str = ""
    strained: str = ""
    products: int = 0
    change: float = float("inf")
    settles: bool = True
    seed: int = 0
    memory: Any = None


class Method(Protocol):
    """A solver: one step, within a budget of inner iterations.

    Attributes:
        name: as in `solve(method=...)`.
        max_steps: the default limit.
        variables: the change of variables that it works in: `whiten`, or `unchanged` where its path in the stored
            variables is the one that theory describes.
        dense: whether it forms dense Hessians.
        polishes: whether Newton steps may be added at a minimum that it found.
    """

    @property
    def name(self) -> str: ...

    @property
    def max_steps(self) -> int: ...

    @property
    def variables(self) -> Variables: ...

    @property
    def dense(self) -> bool: ...

    @property
    def polishes(self) -> bool: ...

    def step(self, problem: WhitenedRegression, state: State, budget: int) -> State: ...


def try_point(problem: WhitenedRegression, y: Array) -> Point | None:
    """The evaluated point, or None where the loss is undefined or not finite."""
    if not all_finite(y):
        return None
    # What `Regression.at` would look at is known of a point of the loop.
    point = Point(problem.loss, problem.forms, y)
    try:
        result = point.first_order
    except OutsideDomain:
        return None
    return point if math.isfinite(result.value) and all_finite(result.gradient) else None


def log_gradient_norm(problem: WhitenedRegression, point: Point) -> float:
    """Log of the gradient's Frobenius norm in the stored variables, -inf for an exact zero."""
    known = point.log_norms.get(problem)
    if known is None:
        known = point.log_norms[problem] = _log_gradient_norm(problem, point.first_order)
    return known


@quiet
def _log_gradient_norm(problem: WhitenedRegression, result: Scaled) -> float:
    gradient = problem.gradient_to_original(result.gradient)
    squares = float(np.vdot(gradient, gradient))
    if LEAST_SQUARES < squares < np.inf:
        return 0.5 * math.log(squares) + result.log_scale
    # Over the largest entry: squares of entries beyond 1e154 or below 1e-162 leave the range of floats.
    largest = float(np.abs(gradient).max())
    if not 0.0 < largest < np.inf:
        return -np.inf if largest == 0.0 else np.inf
    return float(np.log(largest) + np.log(np.linalg.norm(gradient / largest))) + result.log_scale


def log_value(point: Point) -> float:
    """Log of the value of a sum of squares, -inf for an exact zero."""
    result = point.first_order
    return float(np.log(result.value)) + result.log_scale if result.value > 0 else -np.inf


def describe(
    problem: WhitenedRegression, point: Point, step: int, kind: str, radius: float = np.nan, note: str = ""
) -> Row:
    """The history row of a point."""
    result = point.first_order
    value = result.value if result.log_scale == 0.0 else float(unscale(np.array(result.value), result.log_scale))
    log_norm = log_gradient_norm(problem, point)
    gradient_norm = math.exp(log_norm) if log_norm < LARGEST_LOG else math.inf
    return Row(step, value, gradient_norm, kind, radius, note)


def relative_value(point: Point, reference: Point) -> float:
    """The value of a point in the units of another's scale, to be compared even where both overflow."""
    result, log_scale = point.first_order, reference.first_order.log_scale
    if result.log_scale == log_scale:
        return result.value
    return float(unscale(np.array(result.value), result.log_scale - log_scale))
