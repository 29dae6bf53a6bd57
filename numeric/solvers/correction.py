"""A Newton step improved with the factors that found it: third order, for one gradient.

At x + s, s = -H^{-1} g(x), the gradient is not zero, and d = -H^{-1} g(x + s) is one more Newton step with the old
factors: s leaves an error of second order, s + d one of third (Traub, Iterative Methods for the Solution of Equations,
1964, chapter 8). Where the border of the trust region cuts the step short, there is nothing to be gained: most of the
gradient is meant to stay.
"""

import numpy as np

from numeric.evaluation import Point
from numeric.kernels import Array
from numeric.solvers.state import relative_value, try_point
from numeric.solvers.subproblem import ModelStep
from numeric.whitening import WhitenedRegression

CONTRACTION = 0.5
"""A correction is tried that is shorter than this share of the step; else the factors are of no use at its end."""


def corrected(
    problem: WhitenedRegression, start: Point, step: ModelStep, trial: Point, resolution: float
) -> tuple[Point, Array]:
    """The trial, or the corrected one where its value is lower, and the last piece of the way there: s or d.

    Args:
        problem: in the variables of the points.
        start: where the step begins.
        step: the minimizer of the model there.
        trial: start.x + step.s.
        resolution: a decrease below this cannot be seen in the value.
    """
    if step.newton is None:
        return trial, step.s
    first = trial.first_order
    g = first.gradient * np.exp(first.log_scale - start.first_order.log_scale)
    d = step.newton(g)
    if not (np.vdot(d, d) <= CONTRACTION**2 * np.vdot(step.s, step.s) and -0.5 * np.vdot(g, d) > resolution):
        return trial, step.s
    better = try_point(problem, trial.x + d)
    if better is None or not relative_value(better, start) < relative_value(trial, start):
        return trial, step.s
    return better, d
