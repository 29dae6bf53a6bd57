"""The trust-region subproblem, solved exactly.

    minimize  g^T s + s^T H s / 2   subject to  ||s|| <= radius

(More and Sorensen, Computing a trust region step, SIAM J. Sci. Stat. Comput. 4, 1983). In whitened variables
||s|| is the norm of the change of z, so one radius means the same in all directions.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.linalg import blas
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtrs
from scipy.optimize import brentq

from numeric.kernels import Array

EPS = float(np.finfo(float).eps)
PIVOT_NOISE = 30.0
"""A squared pivot below so many roundings (times the size) of the largest may be one of a singular matrix."""
SHORTEST = 2.0**-300
"""The least unit of length, in radii: squares of its inverse are floats."""
LEAST_SHIFT, MOST_SHIFTS = 1e-3, 12
"""Least share of the interval that is left by which a shift moves; factorizations before eigenvalues are cheaper."""
INVERSE_STEPS = 2
"""Of inverse iteration, towards a direction of lowest curvature."""
NEARLY = 0.2
"""Share of the model's decrease that a step may miss where nearly the best one will do."""


@dataclass(frozen=True, eq=False)
class ModelStep:
    """The minimizer of the model in the ball.

    Attributes:
        s: the step, of g's shape.
        decrease: the decrease that the model predicts.
        interior: whether the ball did not matter: a plain (pseudo-)Newton step.
        lowest: a negative eigenvalue of H where there is one beyond rounding, else 0.
        definite: whether H is safely positive definite.
        newton: from a gradient to its (pseudo-)Newton step, by the factors of this H; None where the ball matters.
    """

    s: Array
    decrease: float
    interior: bool
    lowest: float = 0.0
    definite: bool = True
    newton: Callable[[Array], Array] | None = None


def minimize_model(blocks: Array, g: Array, radius: float, nearly: bool = False) -> ModelStep:
    """The subproblem with block-diagonal H.

    Args:
        blocks: shape (k, m, m), symmetric.
        g: any shape of k m entries.
        radius: positive.
        nearly: whether a step will do whose decrease is close to the best one where H is not definite: some Cholesky
            factorizations find it, for a fraction of the time of all eigenvalues; `lowest` is then not known (NaN).
    """
    blocks, flat, radius, curvature, length = _scaled(blocks, g, radius)
    step = _definite(blocks, flat, radius) or (_nearly(blocks, flat, radius) if nearly else None)
    return _in_units(step or _eigen_step(blocks, flat, radius), g, curvature, length)


def definite_step(blocks: Array, g: Array, radius: float) -> ModelStep | None:
    """The same where H is safely positive definite, else None."""
    blocks, flat, radius, curvature, length = _scaled(blocks, g, radius)
    step = _definite(blocks, flat, radius)
    return None if step is None else _in_units(step, g, curvature, length)


def _scaled(blocks: Array, g: Array, radius: float) -> tuple[Array, Array, float, float, float]:
    """The subproblem in its units, g as rows, and the units of curvature and length."""
    curvature, length = _units(blocks, g, radius)
    flat = g.reshape(len(blocks), -1) / curvature / length
    return blocks / curvature, flat, radius / length, curvature, length


def _units(blocks: Array, g: Array, radius: float) -> tuple[float, float]:
    """Units in which neither squares nor products leave the range of floats; powers of two change no digit."""
    curvature = power_of_two(blocks)
    # Never so short that the square of the radius overflows.
    return curvature, max(power_of_two(g / curvature), power_of_two(np.array(radius)) * SHORTEST)


def _in_units(step: ModelStep, g: Array, curvature: float, length: float) -> ModelStep:
    newton = step.newton
    return ModelStep(
        (length * step.s).reshape(g.shape),
        curvature * (length * (length * step.decrease)),
        step.interior,
        curvature * step.lowest,
        step.definite,
        None if newton is None else lambda g: newton((g / curvature).reshape(step.s.shape)).reshape(g.shape),
    )


def power_of_two(array: Array) -> float:
    """The power of two next above the largest absolute entry, 1 where all are zero; a unit that changes no digit.

    Args:
        array: any shape, finite.
    """
    flat = array.reshape(-1)
    # BLAS looks at each entry once, and makes no copy.
    largest = abs(float(flat[blas.idamax(flat)]))
    return math.ldexp(1.0, min(math.frexp(largest)[1], 1023)) if largest > 0.0 else 1.0


def _definite(blocks: Array, g: Array, radius: float) -> ModelStep | None:
    found = _positive_definite_step(blocks, g, radius)
    if found is None:
        return None
    s, shift, factors = found
    # H s = -g - shift s, so that the model needs no product with H.
    decrease = 0.5 * (shift * float(np.vdot(s, s)) - float(np.vdot(g, s)))
    newton = (lambda g: -_solved(factors, g)) if shift == 0.0 else None
    return ModelStep(s, decrease, shift == 0.0, newton=newton)


def _nearly(blocks: Array, g: Array, radius: float) -> ModelStep | None:
    s = _shifted_step(blocks, g, radius)
    return None if s is None else ModelStep(s, _decrease(blocks, g, s), False, np.nan, definite=False)


def _decrease(blocks: Array, g: Array, s: Array) -> float:
    return -float(np.sum(g * s) + 0.5 * np.sum(s * (blocks @ s[..., None])[..., 0]))


def _positive_definite_step(blocks: Array, g: Array, radius: float) -> tuple[Array, float, list[Array]] | None:
    """Newton's iteration on 1/radius - 1/||s(shift)||, which is monotone from shift 0 where H is definite.

    Returns:
        the step, its shift (0 where the ball does not matter) and the factors of H + shift I; None where H is not
        safely positive definite.
    """
    shift = 0.0
    for _ in range(30):
        factors = _factors(blocks, shift)
        if factors is None:
            return None
        pivots = np.array([L.diagonal() for L in factors])
        if float(pivots.min()) ** 2 <= PIVOT_NOISE * g.size * EPS * float(pivots.max()) ** 2:
            return None
        s = -_solved(factors, g)
        norm = math.sqrt(np.vdot(s, s))
        if norm <= 1.1 * radius:
            return s, shift, factors
        shift += _newton_correction(factors, s, norm, radius)
    return None


def _newton_correction(factors: list[Array], s: Array, norm: float, radius: float) -> float:
    """What Newton's iteration on 1/radius - 1/||s(shift)|| adds to the shift."""
    slopes = [_triangular(L, part) for L, part in zip(factors, s, strict=True)]
    return (norm / float(np.linalg.norm(slopes))) ** 2 * (norm - radius) / radius


def _shifted_step(blocks: Array, g: Array, radius: float) -> Array | None:
    """The step (H + shift I) s = -g of about the length of the radius, for an H that is not positive definite.

    More and Sorensen's safeguarded iteration. In the hard case, or near it, such steps stay short; they are lengthened
    along a direction of lowest curvature, if the model then comes close to its minimum.
    """
    low = max(0.0, -float(np.min([np.diag(block) for block in blocks])))
    high = float(np.linalg.norm(g)) / radius + float(np.abs(blocks).sum(axis=-1).max())
    shift = max(low, LEAST_SHIFT * high)
    for _ in range(MOST_SHIFTS):
        factors = _factors(blocks, shift)
        if factors is None:
            low, proposed = shift, 0.0
        else:
            s = -_solved(factors, g)
            norm = float(np.linalg.norm(s))
            if not norm > 0.0:
                return None
            if abs(norm - radius) <= 0.1 * radius:
                return s
            if norm < radius:
                high = shift
                longer = _lengthened(factors, s, shift, radius)
                if longer is not None:
                    return longer
            else:
                low = shift
            proposed = shift + _newton_correction(factors, s, norm, radius)
        shift = proposed if low < proposed < high else max(float(np.sqrt(low * high)), low + LEAST_SHIFT * (high - low))
    return None


def _lengthened(factors: list[Array], s: Array, shift: float, radius: float) -> Array | None:
    """s plus a multiple of a direction of low curvature, to the border of the ball; None where that misses too much.

    With u of length 1 and t such that ||s + t u|| is the radius, the model is above its minimum by at most
    t^2 u^T (H + shift I) u (More and Sorensen, lemma 3.4).
    """
    u = s
    for _ in range(INVERSE_STEPS):
        u = _solved(factors, u)
        norm = float(np.linalg.norm(u))
        if not 0.0 < norm < np.inf:
            return None
        u = u / norm
    along, missing = float(np.sum(s * u)), radius**2 - float(np.sum(s * s))
    t = missing / (along + float(np.copysign(np.sqrt(along**2 + missing), along)))
    halves = sum(float(np.sum(_upper(L, part) ** 2)) for L, part in zip(factors, u, strict=True))
    reached = sum(float(np.sum(_upper(L, part) ** 2)) for L, part in zip(factors, s, strict=True)) + shift * radius**2
    return s + t * u if t * t * halves <= NEARLY * reached else None


def _upper(L: Array, v: Array) -> Array:
    """L^T v of a factor whose upper triangle is undefined."""
    product: Array = blas.dtrmv(L, v, lower=1, trans=1)
    return product


def _factors(blocks: Array, shift: float) -> list[Array] | None:
    """The Cholesky factors of blocks + shift I, or None where one is not positive definite."""
    try:
        return [_cholesky(block, shift) for block in blocks]
    except np.linalg.LinAlgError:
        return None


def _solved(factors: list[Array], g: Array) -> Array:
    """The solution of the blocks' systems, of g's shape (k, m)."""
    solutions = np.empty_like(g)
    for row, L, part in zip(solutions, factors, g, strict=True):
        row[:] = dpotrs(L, part, lower=1)[0]
    return solutions


def _cholesky(block: Array, shift: float) -> Array:
    """The lower factor of block + shift I, above its diagonal undefined.

    LAPACK is called on the transpose, in Fortran order as it stands: a third of the time of `numpy.linalg.cholesky`.
    """
    matrix = np.array(block.T, order="F")
    if shift:
        matrix.T.reshape(-1)[:: len(matrix) + 1] += shift
    L, failed = dpotrf(matrix, lower=1, clean=0, overwrite_a=1)
    if failed:
        raise np.linalg.LinAlgError
    return L


def _triangular(L: Array, rhs: Array) -> Array:
    solution: Array = dtrtrs(L, rhs, lower=1)[0]
    return solution


def _eigen_step(blocks: Array, g: Array, radius: float) -> ModelStep:
    """The general case by eigendecomposition: semidefinite, indefinite, and the hard case."""
    eigenvalues, vectors = np.linalg.eigh(blocks)
    h = eigenvalues.ravel()
    c = (np.swapaxes(vectors, -1, -2) @ g[..., None]).ravel()
    lowest, negligible = float(h.min()), g.size * EPS * float(np.abs(h).max())
    coefficients, interior = _secular_step(h, c, radius, negligible)
    s = (vectors @ coefficients.reshape(*g.shape, 1))[..., 0]
    decrease = -float(c @ coefficients + 0.5 * h @ coefficients**2)
    negative = lowest if lowest < -negligible else 0.0
    newton = partial(_pseudo_step, eigenvalues, vectors, negligible) if interior else None
    return ModelStep(s, decrease, interior, negative, lowest > negligible, newton)


def _pseudo_step(eigenvalues: Array, vectors: Array, negligible: float, g: Array) -> Array:
    curved = eigenvalues > negligible
    c = (np.swapaxes(vectors, -1, -2) @ g[..., None])[..., 0]
    return (vectors @ np.where(curved, -c / np.where(curved, eigenvalues, 1.0), 0.0)[..., None])[..., 0]


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
