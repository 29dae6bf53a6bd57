"""One loop over the steps of SciPy's stiff integrators: to an arrival, to a time, or to the most steps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import integrate

from numeric.kernels import Array

MOST_STEPS = 5000
"""Steps after which a flow is given up. Well-conditioned flows take below a thousand; where curvatures differ by 1e8
and more, the rounding errors of steep directions keep the steps short, and the slow ones would take days."""
HALVINGS = 60
"""Of the last step, in the search for the time of arrival: below the spacing of floats."""


@dataclass(frozen=True, eq=False)
class Path:
    """What an integrator passed through.

    Attributes:
        times: of the start and of each step, T of them; the last one is that of the arrival, if there is one.
        points: T x k.
        ending: "arrived", "time" (the given one is reached), "steps" (too many) or "stopped" (the integrator gave up).
        message: of the integrator that stopped, otherwise empty.
    """

    times: Array
    points: Array
    ending: str
    message: str = ""


def follow_flow(
    velocity: Callable[[float, Array], Array],
    start: Array,
    end: float,
    method: str,
    distance: Callable[[Array], float],
    **options: Any,
) -> Path:
    """Follow y' = velocity(t, y) from t = 0 until distance(y) is no longer positive, or to the time `end`.

    The arrival is bisected for, since next to rounding errors interpolated points need not show the change of sign
    that the ends of the step show.

    Args:
        velocity: of t and y.
        start: y at t = 0.
        end: last time.
        method: "Radau", "BDF" or "LSODA".
        distance: to the goal, up to which the flow is followed.
        **options: rtol, atol, jac of the integrator.
    """
    solver = getattr(integrate, method)(velocity, 0.0, start, end, **options)
    times, points, ending, message = [0.0], [start], "steps", ""
    while len(times) <= MOST_STEPS:
        message = solver.step() or ""
        if solver.status == "failed":
            ending = "stopped"
            break
        arrived = distance(solver.y) <= 0
        time, point = _arrival(solver.dense_output(), solver.t_old, solver.t, distance) if arrived else (solver.t, None)
        times.append(time)
        points.append(solver.y.copy() if point is None else point)
        if arrived or solver.status == "finished":
            ending = "arrived" if arrived else "time"
            break
    return Path(np.array(times), np.array(points), ending, message)


def _arrival(
    between: Callable[[float], Array], low: float, high: float, distance: Callable[[Array], float]
) -> tuple[float, Array]:
    """The first time in (low, high] at which the goal is reached, and the point there."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if distance(between(middle)) <= 0 else (middle, high)
    return high, between(high)
