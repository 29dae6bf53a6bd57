"""A step along a descent direction: bounded in z, then shortened until the value falls as the model says."""

from dataclasses import dataclass

import numpy as np

from numeric.evaluation import Point
from numeric.kernels import Array
from numeric.solvers.shifts import EPS
from numeric.solvers.state import State, relative_value, try_point
from numeric.solvers.trust_region import ACCEPT, MAX_CHANGE, RESOLUTION
from numeric.whitening import WhitenedRegression

SHORTER = 0.25
"""The factor between two trials."""


@dataclass(frozen=True, eq=False)
class Accepted:
    """A trial that decreased the value enough, or why there is none.

    Attributes:
        point: the evaluated trial, or None.
        length: of the step, in multiples of the direction.
        blocked: why there is no point, or empty.
        change: the largest change of an entry of z by the direction.
    """

    point: Point | None
    length: float
    blocked: str = ""
    change: float = float("inf")


def backtrack(
    problem: WhitenedRegression, state: State, s: Array, slope: float, curvature: float = 0.0, length: float = 1.0
) -> Accepted:
    """The first of length, length/4, length/16 ... that decreases the value by a share of what the model predicts.

    No entry of z moves by more than `MAX_CHANGE`. A direction of negative curvature is followed that far.

    Args:
        problem: in the variables of the state.
        state: where to start.
        s: the direction.
        slope: g^T s, negative, on the scale of the point.
        curvature: s^T H s on that scale, or 0 for a linear model.
        length: the first trial.
    """
    point, change = state.point, max(form.largest_entry(s) for form in problem.forms)
    if curvature < 0.0 and change > 0.0:
        length = MAX_CHANGE / change
    length = min(length, MAX_CHANGE / change) if change > 0.0 else length
    while True:
        decrease = -length * (slope + 0.5 * length * curvature)
        if not decrease > RESOLUTION * EPS * abs(point.first_order.value):
            return Accepted(None, length, "resolution")
        x = point.x + length * s
        if np.array_equal(x, point.x):
            return Accepted(None, length, "step below the spacing of floats")
        trial = try_point(problem, x)
        if trial is not None and point.first_order.value - relative_value(trial, point) >= ACCEPT * decrease:
            return Accepted(trial, length, change=change)
        length *= SHORTER
