"""Steps (H + shift I) s = -g of about the length of a radius, by a few Cholesky factorizations.

Newton's iteration on 1/radius - 1/||s(shift)||, which is close to linear in the shift (More and Sorensen, Computing a
trust region step, SIAM J. Sci. Stat. Comput. 4, 1983; the paper's section 3). What it knows at its end tells the shift
for another radius, and about the one of the next step's H.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.linalg import blas
from scipy.linalg.lapack import dpotrf, dpotrs, dtrtrs

from numeric.kernels import Array

EPS = float(np.finfo(float).eps)
PIVOT_NOISE = 30.0
"""A squared pivot below so many roundings (times the size) of the largest may be one of a singular matrix."""
LEAST_SHIFT, MOST_SHIFTS = 1e-3, 12
"""Least share of the interval that is left by which a shift moves; factorizations before eigenvalues are cheaper."""
FURTHER = 4.0
"""An expected shift that does not make H definite is multiplied by this."""
INVERSE_STEPS = 2
"""Of inverse iteration, towards a direction of lowest curvature."""
NEARLY = 0.2
"""Share of the model's decrease that a step may miss where nearly the best one will do."""


class Boundary(NamedTuple):
    """What a step that the radius cut short says about the shift of another one.

    Attributes:
        shift: of the step, in units of curvature.
        length: ||s(shift)||.
        rate: what Newton's iteration adds to the shift for a step twice as long as the radius.
    """

    shift: float
    length: float
    rate: float

    @classmethod
    def of(cls, factors: list[Array], s: Array, shift: float) -> "Boundary":
        """From the factors of H + shift I, and the step s that they give."""
        slopes = [_triangular(L, part) for L, part in zip(factors, s, strict=True)]
        length = math.sqrt(np.vdot(s, s))
        return cls(shift, length, (length / math.sqrt(sum(float(np.vdot(part, part)) for part in slopes))) ** 2)

    def at(self, radius: float) -> float:
        """The shift that Newton's iteration proposes for a radius; it may be negative."""
        return self.shift + self.rate * (self.length / radius - 1.0)

    def in_units(self, curvature: float, length: float) -> "Boundary":
        """The same for H and g in other units."""
        return Boundary(curvature * self.shift, length * self.length, curvature * self.rate)


def definite_step(blocks: Array, g: Array, radius: float) -> tuple[Array, float, list[Array]] | None:
    """Newton's iteration from shift 0, which is monotone where H is definite.

    Returns:
        the step, its shift (0 where the ball does not matter) and the factors of H + shift I; None where H is not
        safely positive definite.
    """
    shift = 0.0
    for _ in range(30):
        factors = factorized(blocks, shift)
        if factors is None:
            return None
        pivots = np.array([L.diagonal() for L in factors])
        if float(pivots.min()) ** 2 <= PIVOT_NOISE * g.size * EPS * float(pivots.max()) ** 2:
            return None
        s = -solved(factors, g)
        if math.sqrt(np.vdot(s, s)) <= 1.1 * radius:
            return s, shift, factors
        shift = Boundary.of(factors, s, shift).at(radius)
    return None


def boundary_step(blocks: Array, g: Array, radius: float, expected: float | None) -> tuple[Array, Boundary] | None:
    """The step of about the length of the radius, by More and Sorensen's safeguarded iteration, H definite or not.

    In the hard case, or near it, such steps stay short; they are lengthened along a direction of lowest curvature, if
    the model then comes close to its minimum.

    Args:
        blocks, g, radius: the model and the ball.
        expected: a shift that is likely to be about right; None where H is known not to be definite.

    Returns:
        the step; None where some factorizations do not find it, or where nothing but the expectation says that the
        ball matters.
    """
    low = max(0.0, -float(np.min([np.diag(block) for block in blocks])))
    high = float(np.linalg.norm(g)) / radius + float(np.abs(blocks).sum(axis=-1).max())
    shift = max(low, LEAST_SHIFT * high if expected is None else min(expected, high))
    for _ in range(MOST_SHIFTS):
        factors = factorized(blocks, shift)
        if factors is None:
            low, proposed = shift, 0.0 if expected is None else FURTHER * shift
        else:
            s = -solved(factors, g)
            norm = math.sqrt(np.vdot(s, s))
            if not norm > 0.0:
                return None
            boundary = Boundary.of(factors, s, shift)
            if abs(norm - radius) <= 0.1 * radius:
                return s, boundary
            if norm < radius:
                high = shift
                longer = _lengthened(factors, s, shift, radius)
                if longer is not None:
                    return longer, boundary
            else:
                low = shift
            proposed = boundary.at(radius)
            if expected is not None and max(low, proposed) <= 0.0:
                return None
        shift = proposed if low < proposed < high else max(math.sqrt(low * high), low + LEAST_SHIFT * (high - low))
    return None


def _lengthened(factors: list[Array], s: Array, shift: float, radius: float) -> Array | None:
    """s plus a multiple of a direction of low curvature, to the border of the ball; None where that misses too much.

    With u of length 1 and t such that ||s + t u|| is the radius, the model is above its minimum by at most
    t^2 u^T (H + shift I) u (More and Sorensen, lemma 3.4).
    """
    u = s
    for _ in range(INVERSE_STEPS):
        u = solved(factors, u)
        norm = float(np.linalg.norm(u))
        if not 0.0 < norm < np.inf:
            return None
        u = u / norm
    along, missing = float(np.sum(s * u)), radius**2 - float(np.sum(s * s))
    t = missing / (along + float(np.copysign(np.sqrt(along**2 + missing), along)))
    halves = sum(float(np.sum(_upper(L, part) ** 2)) for L, part in zip(factors, u, strict=True))
    reached = sum(float(np.sum(_upper(L, part) ** 2)) for L, part in zip(factors, s, strict=True)) + shift * radius**2
    return s + t * u if t * t * halves <= NEARLY * reached else None


def factorized(blocks: Array, shift: float) -> list[Array] | None:
    """The Cholesky factors of blocks + shift I, or None where one is not positive definite."""
    factors = []
    for block in blocks:
        factor = _cholesky(block, shift)
        if factor is None:
            return None
        factors.append(factor)
    return factors


def solved(factors: list[Array], g: Array) -> Array:
    """The solution of the blocks' systems, of g's shape (k, m)."""
    solutions = np.empty_like(g)
    for row, L, part in zip(solutions, factors, g, strict=True):
        row[:] = dpotrs(L, part, lower=1)[0]
    return solutions


def _cholesky(block: Array, shift: float) -> Array | None:
    """The lower factor of block + shift I, above its diagonal undefined.

    LAPACK is called on the transpose, in Fortran order as it stands: a third of the time of `numpy.linalg.cholesky`.
    """
    matrix = np.array(block.T, order="F")
    if shift:
        matrix.T.reshape(-1)[:: len(matrix) + 1] += shift
    L, failed = dpotrf(matrix, lower=1, clean=0, overwrite_a=1)
    return None if failed else L


def _triangular(L: Array, rhs: Array) -> Array:
    solution: Array = dtrtrs(L, rhs, lower=1)[0]
    return solution


def _upper(L: Array, v: Array) -> Array:
    """L^T v of a factor whose upper triangle is undefined."""
    product: Array = blas.dtrmv(L, v, lower=1, trans=1)
    return product
