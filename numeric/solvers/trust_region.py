"""The trust-region subproblem, exactly, and the step that Newton and Gauss-Newton share.

    minimize  g^T s + s^T H s / 2   subject to  ||s|| <= radius

(More and Sorensen, Computing a trust region step, SIAM J. Sci. Stat. Comput. 4, 1983). In whitened variables
||s|| is the norm of the change of z, so one radius means the same in all directions.
"""

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
from scipy.linalg.lapack import dpotrf
from scipy.optimize import brentq

from numeric.kernels import Array
from numeric.solvers.state import State, describe, relative_value, try_point
from numeric.whitening import WhitenedRegression

EPS = float(np.finfo(float).eps)
MAX_CHANGE = 4.0
"""No entry of z moves further in one step: a softmax that saturates in one step leaves neither gradient nor
curvature to return by."""
PIVOT_NOISE = 30.0
"""A squared pivot below so many roundings (times the size) of the largest may be one of a singular matrix."""
SHORTEST = 2.0**-300
"""The least unit of length, in radii: squares of its inverse are floats."""
RESOLUTION = 4.0
"""A predicted decrease below this many machine epsilons of the value cannot be seen in the value."""
ACCEPT, SHRINK, GROW = 1e-4, 0.25, 0.75
"""Ratios of actual to predicted decrease: accept the step above the first, shrink the radius below the
second, grow it above the third (Nocedal and Wright, Numerical Optimization, algorithm 4.1)."""


@dataclass(frozen=True, eq=False)
class ModelStep:
    """The minimizer of the model in the ball.

    Attributes:
        s: the step, of g's shape.
        decrease: the decrease that the model predicts.
        interior: whether the ball did not matter: a plain (pseudo-)Newton step.
        lowest: a negative eigenvalue of H where there is one beyond rounding, else 0.
        definite: whether H is safely positive definite.
    """

    s: Array
    decrease: float
    interior: bool
    lowest: float = 0.0
    definite: bool = True


def minimize_model(blocks: Array, g: Array, radius: float) -> ModelStep:
    """The subproblem with block-diagonal H.

    Args:
        blocks: shape (k, m, m), symmetric.
        g: any shape of k m entries.
        radius: positive.
    """
    # In units in which neither squares nor products leave the range of floats; powers of two change no digit.
    curvature = power_of_two(blocks)
    # Never so short that the square of the radius overflows.
    length = max(power_of_two(g / curvature), power_of_two(np.array(radius)) * SHORTEST)
    step = _minimize_scaled(blocks / curvature, g / curvature / length, radius / length)
    return replace(
        step,
        s=length * step.s,
        decrease=curvature * (length * (length * step.decrease)),
        lowest=curvature * step.lowest,
    )


def power_of_two(array: Array) -> float:
    """The power of two next above the largest absolute entry, 1 where all are zero; a unit that changes no digit.

    Args:
        array: any shape, finite.
    """
    largest = float(np.abs(array).max())
    return float(np.ldexp(1.0, min(int(np.frexp(largest)[1]), 1023))) if largest > 0.0 else 1.0


def _minimize_scaled(blocks: Array, g: Array, radius: float) -> ModelStep:
    flat = g.reshape(len(blocks), -1)
    s = _positive_definite_step(blocks, flat, radius)
    if s is None:
        return _eigen_step(blocks, flat, radius, g.shape)
    step, interior = s
    return ModelStep(step.reshape(g.shape), _decrease(blocks, flat, step), interior)


def _decrease(blocks: Array, g: Array, s: Array) -> float:
    return -float(np.sum(g * s) + 0.5 * np.sum(s * (blocks @ s[..., None])[..., 0]))


def _positive_definite_step(blocks: Array, g: Array, radius: float) -> tuple[Array, bool] | None:
    """Newton's iteration on 1/radius - 1/||s(shift)||, which is monotone from shift 0 where H is definite.

    None where H is not safely positive definite.
    """
    shift = 0.0
    for _ in range(30):
        try:
            factors = [_cholesky(block, shift) for block in blocks]
        except np.linalg.LinAlgError:
            return None
        pivots = np.concatenate([np.diag(L) for L in factors])
        if pivots.min() ** 2 <= PIVOT_NOISE * g.size * EPS * pivots.max() ** 2:
            return None
        halves = [_triangular(L, -part) for L, part in zip(factors, g, strict=True)]
        s = np.stack([_triangular(L, half, transposed=True) for L, half in zip(factors, halves, strict=True)])
        norm = float(np.linalg.norm(s))
        if norm <= 1.1 * radius:
            return s, shift == 0.0
        slopes = [_triangular(L, part) for L, part in zip(factors, s, strict=True)]
        shift += (norm / float(np.linalg.norm(slopes))) ** 2 * (norm - radius) / radius
    return None


def _cholesky(block: Array, shift: float) -> Array:
    """The lower factor of block + shift I, above its diagonal undefined.

    LAPACK is called on the transpose, in Fortran order as it stands: a third of the time of `numpy.linalg.cholesky`.
    """
    matrix = np.array(block.T, order="F")
    if shift:
        matrix[np.diag_indices_from(matrix)] += shift
    L, failed = dpotrf(matrix, lower=1, clean=0, overwrite_a=1)
    if failed:
        raise np.linalg.LinAlgError
    return L


def _triangular(L: Array, rhs: Array, transposed: bool = False) -> Array:
    return scipy.linalg.solve_triangular(L, rhs, lower=True, trans=int(transposed), check_finite=False)


def _eigen_step(blocks: Array, g: Array, radius: float, shape: tuple[int, ...]) -> ModelStep:
    """The general case by eigendecomposition: semidefinite, indefinite, and the hard case."""
    eigenvalues, vectors = np.linalg.eigh(blocks)
    h = eigenvalues.ravel()
    c = (np.swapaxes(vectors, -1, -2) @ g[..., None]).ravel()
    lowest, negligible = float(h.min()), g.size * EPS * float(np.abs(h).max())
    coefficients, interior = _secular_step(h, c, radius, negligible)
    s = (vectors @ coefficients.reshape(*g.shape, 1)).reshape(shape)
    decrease = -float(c @ coefficients + 0.5 * h @ coefficients**2)
    negative = lowest if lowest < -negligible else 0.0
    return ModelStep(s, decrease, interior, negative, definite=lowest > negligible)


def _secular_step(h: Array, c: Array, radius: float, negligible: float) -> tuple[Array, bool]:
    """Coefficients of the step in the eigenbasis, given eigenvalues h and those of the gradient c."""
    lowest = float(h.min())
    curved = h > negligible
    if lowest >= -negligible:
        s = np.where(curved, -c / np.where(curved, h, 1.0), 0.0)
        flat_gradient = float(np.linalg.norm(c[~curved]))
        if np.linalg.norm(s) <= radius and flat_gradient <= 1e-8 * float(np.linalg.norm(c)):
            return s, True

    # With base = max(0, -lowest), the shift is base + offset, and ||s|| falls as the offset grows.
    above = h + max(0.0, -lowest)
    largest = float(np.linalg.norm(c)) / radius
    smallest = max(negligible, EPS * largest)
    s, lowest_at = -c / (above + smallest), int(np.argmin(h))
    rest = radius**2 - (float(s @ s) - s[lowest_at] ** 2)
    if rest >= s[lowest_at] ** 2:
        # Hard case: the gradient has next to no part along the lowest eigenvector, which fills up the radius.
        s[lowest_at] = np.copysign(np.sqrt(rest), -c[lowest_at])
        return s, False

    def excess(log_offset: float) -> float:
        return float(np.linalg.norm(c / (above + np.exp(log_offset)))) / radius - 1.0

    offset = np.exp(brentq(excess, np.log(smallest), np.log(2.0 * largest), xtol=EPS))
    return -c / (above + offset), False


def model_blocks(problem: WhitenedRegression, state: State, kind: str) -> Array:
    """The "hessian" or "gauss_newton" blocks at the state, on the scale of its value and gradient."""
    operator = problem.operator(state.point, kind, scaled=True)
    return operator.blocks() * np.exp(operator.log_scale - state.point.first_order.log_scale)


def trust_region_step(problem: WhitenedRegression, state: State, kind: str, name: str) -> State:
    """One accepted step of the model `kind`, or the same state with the reason that blocked it."""
    blocks, gradient = model_blocks(problem, state, kind), state.point.first_order.gradient
    radius = state.radius
    while True:
        step = minimize_model(blocks, gradient, radius)
        change = max(form.largest_entry(step.s) for form in problem.forms)
        if change > 1.5 * MAX_CHANGE:
            radius = float(np.linalg.norm(step.s)) * MAX_CHANGE / change
            continue
        if step.decrease <= RESOLUTION * EPS * abs(state.point.first_order.value):
            return replace(state, rows=(), blocked="resolution")
        y = state.point.x + step.s
        if np.array_equal(y, state.point.x):
            return replace(state, rows=(), blocked="step below the spacing of floats")
        trial = try_point(problem, y)
        ratio = -1.0
        if trial is not None:
            actual = state.point.first_order.value - relative_value(trial, state.point)
            ratio = actual / step.decrease
        norm = float(np.linalg.norm(step.s))
        if trial is None or ratio < ACCEPT:
            radius = 0.25 * norm
            continue
        if ratio < SHRINK:
            radius = 0.5 * norm
        elif ratio > GROW and not step.interior:
            radius = 2.0 * norm
        else:
            radius = max(radius, norm)
        row = describe(problem, trial, state.steps + 1, name, radius)
        return replace(state, point=trial, radius=radius, rows=(row,), steps=state.steps + 1, blocked="")
