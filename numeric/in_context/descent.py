"""Gradient descent on the population loss: the reduced loss with exact gradients."""

from typing import Any

import numpy as np

from numeric.in_context.flow import CONVERGED, POINTS
from numeric.in_context.reduced import ReducedLoss, check_point
from numeric.in_context.trajectory import Trajectory, observed
from numeric.kernels import Array
from numeric.validation import InputError

GROWTH = 1e6
"""A gap this many times the first one ends a descent as diverged."""


def gradient_descent(
    loss: ReducedLoss,
    U11: Any,
    u: float,
    *,
    steps: int = 10_000,
    step_size: float | None = None,
    tolerance: float = CONVERGED,
) -> Trajectory:
    """Full-population gradient descent with a constant step.

    Args:
        loss: the reduced loss.
        U11: start, d x d.
        u: start.
        steps: most steps.
        step_size: of each step; by default 1 over the largest Hessian eigenvalue at the start and at the minimum.
        tolerance: relative distance of u U11 from its limit at which to stop.

    Returns:
        The trajectory, at most `POINTS` + 1 points of it, `times` being numbers of steps.

    Raises:
        InputError: the start does not fit, or the step size or the number of steps is not positive.
    """
    matrix, scalar = check_point(loss, U11, u)
    eta = stable_step(loss, matrix, scalar) if step_size is None else step_size
    if not (eta > 0 and steps >= 1):
        raise InputError(f"step_size, steps: got {eta} and {steps}; both are positive")
    every = max(1, steps // POINTS)
    points, limit = [(0, matrix, scalar)], GROWTH * max(loss.gap(matrix, scalar), -loss.minimum)
    status, message = "out of time", f"{steps} steps did not reach {tolerance:.0e}: raise steps or step_size."
    for step in range(1, steps + 1):
        G, g = loss.gradient(matrix, scalar)
        matrix, scalar = matrix - eta * G, scalar - eta * g
        arrived = _distance(loss, matrix, scalar) <= tolerance
        if step % every == 0 or arrived or step == steps:
            points.append((step, matrix, scalar))
            if not loss.gap(matrix, scalar) < limit:
                status, message = "diverged", f"The loss grew without bound at step {step}: lower step_size {eta:.3g}."
                break
        if arrived:
            status, message = "converged", f"u U11 is within {tolerance:.0e} of its limit after {step} steps."
            break
    times, matrices, scalars = zip(*points, strict=True)
    return observed(loss, times, matrices, scalars, status, message)


def stable_step(loss: ReducedLoss, U11: Array, u: float) -> float:
    """1 over the largest Hessian eigenvalue at a start and at the minimum on its balanced split."""
    root = float(np.sqrt(np.linalg.norm(loss.minimizer)))
    ends = (loss.hessian(U11, u), loss.hessian(loss.minimizer / root, root))
    return 1.0 / max(float(np.abs(np.linalg.eigvalsh(H)).max()) for H in ends)


def _distance(loss: ReducedLoss, U11: Array, u: float) -> float:
    return float(np.linalg.norm(u * U11 - loss.minimizer) / np.linalg.norm(loss.minimizer))
