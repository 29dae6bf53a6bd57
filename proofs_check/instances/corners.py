"""Extreme vectors and matrices: the corners that samplers and searches start from."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from flint import fmpq

from ..arrays import exact
from .domains import distinct

LEAN = (fmpq(4059, 5741), fmpq(4060, 5741))
"""A Pythagorean pair: a rational unit vector within 1e-4 of (1, 1)/sqrt 2."""
SHAPES = 512
"""Shapes whose corners are kept."""


def unit(n: int, i: int) -> np.ndarray:
    """A unit vector of the standard basis."""
    return exact.identity(n)[i]


def pair(n: int, sign: int) -> np.ndarray:
    """A rational unit vector next to (1, sign, 0, ...) / sqrt 2."""
    out = exact.zeros(n)
    out[0], out[1] = LEAN[0], sign * LEAN[1]
    return out


def root_above(n: int) -> int:
    """The smallest whole number whose square is at least n."""
    root = int(np.sqrt(n))
    return root if root * root >= n else root + 1


@lru_cache(maxsize=SHAPES)
def vector_corners(n: int) -> tuple[np.ndarray, ...]:
    """Zero first, unit vectors, constants and pairs of either sign, not to be changed: 1-norm or 2-norm about 1."""
    found = [exact.zeros(n), *(unit(n, i) * s for i in (0, n - 1) for s in (1, -1))]
    found += [exact.zeros(n) + fmpq(s, q) for q in (n, root_above(n)) for s in (1, -1)]
    if n > 1:
        found += [pair(n, s) for s in (1, -1)] + [(unit(n, 0) + unit(n, 1)) / 2]
    return tuple(distinct(found))


@lru_cache(maxsize=SHAPES)
def matrix_corners(m: int, n: int) -> tuple[np.ndarray, ...]:
    """Zero first, one entry, partial identities, rank one, constant, not to be changed: spectral norm at most 1."""
    diagonal = exact.zeros(m, n)
    for i in range(min(m, n)):
        diagonal[i, i] = fmpq(1)
    found = [exact.zeros(m, n), np.multiply.outer(unit(m, 0), unit(n, 0)), diagonal]
    found += [exact.zeros(m, n) + fmpq(1, root_above(m) * root_above(n))]
    if m > 1:
        found += [np.multiply.outer(pair(m, s), unit(n, 0)) for s in (1, -1)] + [diagonal[::-1]]
        found += [np.multiply.outer(unit(m, 1), unit(n, 0))]
    if min(m, n) > 1:
        signed = diagonal.copy()
        signed[1, 1] = fmpq(-1)
        found += [signed] + [np.multiply.outer(pair(m, s), pair(n, t)) for s in (1, -1) for t in (1, -1)]
    return tuple(distinct(found))
