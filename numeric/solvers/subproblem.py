"""The trust-region subproblem, solved exactly, or nearly.

    minimize  g^T s + s^T H s / 2   subject to  ||s|| <= radius

In whitened variables ||s|| is the norm of the change of z, so one radius means the same in all directions. Where H is
definite, or nearly the best step will do, Cholesky factorizations find it (`numeric.solvers.shifts`), else eigenvalues.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from numeric.kernels import Array, largest_size
from numeric.solvers import shifts
from numeric.solvers.shifts import EPS, Boundary

SHORTEST = 2.0**-300
"""The least unit of length, in radii: squares of its inverse are floats."""
MODERATE = 2.0**60
"""Norms between this and its inverse need no unit: products of a few such numbers are floats."""


class ModelStep(NamedTuple):
    """The minimizer of the model in the ball.

    Attributes:
        s: the step, of g's shape.
        decrease: the decrease that the model predicts.
        interior: whether the ball did not matter: a plain (pseudo-)Newton step.
        lowest: a negative eigenvalue of H where there is one beyond rounding, else 0.
        definite: whether H is safely positive definite.
        newton: from a gradient to its (pseudo-)Newton step, by the factors of this H; None where the ball matters.
        boundary: what is known of shifts for other radii, where the ball matters and a factorization found the step.
    """

    s: Array
    decrease: float
    interior: bool
    lowest: float = 0.0
    definite: bool = True
    newton: Callable[[Array], Array] | None = None
    boundary: Boundary | None = None


def minimize_model(
    blocks: Array, g: Array, radius: float, nearly: bool = False, before: Boundary | None = None
) -> ModelStep:
    """The subproblem with block-diagonal H.

    Args:
        blocks: shape (k, m, m), symmetric.
        g: any shape of k m entries.
        radius: positive.
        nearly: whether a step will do whose decrease is close to the best one: some Cholesky factorizations find it
            where H is not definite, for a fraction of the time of all eigenvalues; `lowest` is then not known (NaN).
        before: of a step of this model, or of one like it, which spares factorizations where nearly the best step
            will do.
    """
    model = _Model.of(blocks, g, radius)
    step = model.nearly(before) if nearly and before is not None else None
    step = step or model.definite() or (model.nearly(None) if nearly else None)
    if step is None:
        model = _Model.in_range(blocks, g, radius)
        step = model.by_eigenvalues()
    return model.in_units(step)


def definite_step(blocks: Array, g: Array, radius: float) -> ModelStep | None:
    """The same where H is safely positive definite, else None."""
    model = _Model.of(blocks, g, radius)
    step = model.definite()
    return None if step is None else model.in_units(step)


class _Model(NamedTuple):
    """The subproblem in units in which neither squares nor products leave the range of floats.

    Attributes:
        blocks: shape (k, m, m).
        g: shape (k, m).
        radius: of the ball.
        shape: that g came in.
        curvature, length: the units, powers of two, which change no digit.
    """

    blocks: Array
    g: Array
    radius: float
    shape: tuple[int, ...]
    curvature: float
    length: float

    @classmethod
    def of(cls, blocks: Array, g: Array, radius: float) -> "_Model":
        """The subproblem as it is, where its numbers are moderate."""
        squares = float(np.vdot(blocks, blocks)), float(np.vdot(g, g)), radius * radius
        if min(squares) >= MODERATE**-2 and max(squares) <= MODERATE**2:
            return cls(blocks, g.reshape(len(blocks), -1), radius, g.shape, 1.0, 1.0)
        return cls.in_range(blocks, g, radius)

    @classmethod
    def in_range(cls, blocks: Array, g: Array, radius: float) -> "_Model":
        """The subproblem in units of its largest numbers, so that no digit depends on the arguments' units."""
        curvature = power_of_two(blocks)
        flat = g.reshape(len(blocks), -1) / curvature
        # Never so short that the square of the radius overflows.
        length = max(power_of_two(flat), power_of_two(np.array(radius)) * SHORTEST)
        return cls(blocks / curvature, flat / length, radius / length, g.shape, curvature, length)

    def in_units(self, step: ModelStep) -> ModelStep:
        """A step of the units as one of the arguments."""
        newton, boundary, curvature, length = step.newton, step.boundary, self.curvature, self.length
        return ModelStep(
            (length * step.s).reshape(self.shape),
            curvature * (length * (length * step.decrease)),
            step.interior,
            curvature * step.lowest,
            step.definite,
            None if newton is None else lambda g: newton((g / curvature).reshape(self.g.shape)).reshape(self.shape),
            None if boundary is None else boundary.in_units(curvature, length),
        )

    def definite(self) -> ModelStep | None:
        """The step where H is safely positive definite."""
        found = shifts.definite_step(self.blocks, self.g, self.radius)
        if found is None:
            return None
        s, shift, factors = found
        # H s = -g - shift s, so that the model needs no product with H.
        decrease = 0.5 * (shift * float(np.vdot(s, s)) - float(np.vdot(self.g, s)))
        if shift == 0.0:
            return ModelStep(s, decrease, True, newton=lambda g: -shifts.solved(factors, g))
        return ModelStep(s, decrease, False, boundary=Boundary.of(factors, s, shift))

    def nearly(self, before: Boundary | None) -> ModelStep | None:
        """A step to the border of the ball that decreases the model nearly as much as the best one."""
        known = None if before is None else before.in_units(1.0 / self.curvature, 1.0 / self.length)
        expected = None if known is None else max(known.at(self.radius), 0.0)
        found = None if expected == 0.0 else shifts.boundary_step(self.blocks, self.g, self.radius, expected)
        if found is None:
            return None
        s, boundary = found
        decrease = -float(np.sum(self.g * s) + 0.5 * np.sum(s * (self.blocks @ s[..., None])[..., 0]))
        return ModelStep(s, decrease, False, np.nan, definite=False, boundary=boundary)

    def by_eigenvalues(self) -> ModelStep:
        """The general case: semidefinite, indefinite, and the hard case."""
        eigenvalues, vectors = np.linalg.eigh(self.blocks)
        h, g = eigenvalues.ravel(), self.g
        c = (np.swapaxes(vectors, -1, -2) @ g[..., None]).ravel()
        lowest, negligible = float(h.min()), g.size * EPS * float(np.abs(h).max())
        coefficients, interior = _secular_step(h, c, self.radius, negligible)
        s = (vectors @ coefficients.reshape(*g.shape, 1))[..., 0]
        decrease = -float(c @ coefficients + 0.5 * h @ coefficients**2)
        negative = lowest if lowest < -negligible else 0.0
        newton = partial(_pseudo_step, eigenvalues, vectors, negligible) if interior else None
        return ModelStep(s, decrease, interior, negative, lowest > negligible, newton)


def power_of_two(array: Array) -> float:
    """The power of two next above the largest absolute entry, 1 where all are zero; a unit that changes no digit.

    Args:
        array: any shape, finite.
    """
    largest = largest_size(array)
    return math.ldexp(1.0, min(math.frexp(largest)[1], 1023)) if largest > 0.0 else 1.0


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
