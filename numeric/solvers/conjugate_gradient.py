"""Preconditioned conjugate gradients for a Newton step: truncated early, and stopped at negative curvature."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from numeric.kernels import Array

Apply = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Direction:
    """An approximate solution of H s = -g.

    Attributes:
        s: the direction, of g's shape; a descent direction.
        slope: g^T s, negative.
        curvature: s^T H s.
        products: how many products with H were used.
        ended: "residual", "negative curvature" or "limit".
    """

    s: Array
    slope: float
    curvature: float
    products: int
    ended: str


def newton_direction(product: Apply, g: Array, precondition: Apply | None, tolerance: float, limit: int) -> Direction:
    """Conjugate gradients from 0 (Nocedal and Wright, Numerical Optimization, algorithm 7.1).

    Args:
        product: v to H v.
        g: the gradient, any shape, not zero.
        precondition: an approximate inverse of H, symmetric and positive definite, or None.
        tolerance: of the residual in the norm of the preconditioner, relative to that of g.
        limit: of products, at least one.
    """
    s, Hs, r = np.zeros_like(g), np.zeros_like(g), -g
    y = r if precondition is None else precondition(r)
    direction, norm = y, float(np.vdot(r, y))
    goal = tolerance**2 * norm
    for products in range(1, limit + 1):
        H_direction = product(direction)
        curvature = float(np.vdot(direction, H_direction))
        if not (curvature > 0.0 and norm / curvature < np.inf):
            if products == 1:
                s, Hs = direction, H_direction
            return _direction(g, s, Hs, products, "negative curvature")
        length = norm / curvature
        s = s + length * direction
        Hs = Hs + length * H_direction
        r = r - length * H_direction
        y = r if precondition is None else precondition(r)
        previous, norm = norm, float(np.vdot(r, y))
        if not norm > goal:
            return _direction(g, s, Hs, products, "residual")
        direction = y + (norm / previous) * direction
    return _direction(g, s, Hs, limit, "limit")


def _direction(g: Array, s: Array, Hs: Array, products: int, ended: str) -> Direction:
    return Direction(s, float(np.vdot(g, s)), float(np.vdot(s, Hs)), products, ended)
