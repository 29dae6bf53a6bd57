"""The trust-region step that Newton and Gauss-Newton share: model, trial, correction, ratio and radius."""

import math

import numpy as np

from numeric.kernels import Array
from numeric.operator import scaled_blocks
from numeric.solvers.correction import corrected
from numeric.solvers.shifts import EPS, Boundary
from numeric.solvers.state import State, describe, relative_value, try_point
from numeric.solvers.subproblem import minimize_model
from numeric.whitening import WhitenedRegression

MAX_CHANGE = 4.0
"""No entry of z moves further in one step: a softmax that saturates in one step leaves neither gradient nor
curvature to return by."""
RESOLUTION = 4.0
"""A predicted decrease below this many machine epsilons of the value cannot be seen in the value."""
ACCEPT, SHRINK, GROW = 1e-4, 0.25, 0.75
"""Ratios of actual to predicted decrease: accept the step above the first, shrink the radius below the
second, grow it above the third (Nocedal and Wright, Numerical Optimization, algorithm 4.1)."""


def model_blocks(problem: WhitenedRegression, state: State, kind: str) -> Array:
    """The "hessian" or "gauss_newton" blocks at the state, on the scale of its value and gradient."""
    forms = state.point.hessian if kind == "hessian" else state.point.gauss_newton
    blocks, log_scale = scaled_blocks(forms, problem.x_shape)
    difference = log_scale - state.point.first_order.log_scale
    return blocks if difference == 0.0 else blocks * np.exp(difference)


def trust_region_step(problem: WhitenedRegression, state: State, kind: str, name: str) -> State:
    """One accepted step of the model `kind`, or the same state with the reason that blocked it."""
    point, resolution = state.point, RESOLUTION * EPS * abs(state.point.first_order.value)
    blocks, radius = model_blocks(problem, state, kind), state.radius
    before = state.memory if isinstance(state.memory, Boundary) else None
    while True:
        step = minimize_model(blocks, point.first_order.gradient, radius, nearly=True, before=before)
        before = step.boundary
        norm, change = math.sqrt(np.vdot(step.s, step.s)), largest_change(problem, step.s)
        if change > 1.5 * MAX_CHANGE:
            radius = norm * MAX_CHANGE / change
            continue
        if step.decrease <= resolution:
            return state._replace(rows=(), blocked="resolution")
        y = point.x + step.s
        if (y == point.x).all():
            return state._replace(rows=(), blocked="step below the spacing of floats")
        trial = try_point(problem, y)
        if trial is not None:
            # What J^T J lacks stays in the gradient, and its factors would follow it slowly.
            trial, last = corrected(problem, point, step, trial, resolution) if kind == "hessian" else (trial, step.s)
            ratio = (point.first_order.value - relative_value(trial, point)) / step.decrease
            if ratio >= ACCEPT:
                break
        radius = 0.25 * norm
    radius = _next_radius(radius, norm, ratio, grows=not step.interior)
    if not step.interior:
        change = np.inf
    elif last is not step.s:
        change = largest_change(problem, last)
    return state._replace(
        point=trial,
        radius=radius,
        rows=(describe(problem, trial, state.steps + 1, name, radius),),
        steps=state.steps + 1,
        blocked="",
        strained="",
        products=0,
        change=change,
        memory=before,
    )


def _next_radius(radius: float, norm: float, ratio: float, grows: bool) -> float:
    if ratio < SHRINK:
        return 0.5 * norm
    return 2.0 * norm if ratio > GROW and grows else max(radius, norm)


def largest_change(problem: WhitenedRegression, s: Array) -> float:
    """The largest change of an entry of z by a step s, of x's shape."""
    return max(form.largest_entry(s) for form in problem.forms)
