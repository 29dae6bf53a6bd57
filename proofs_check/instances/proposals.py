"""Floats that propose exact values: spread out, rounded to grids, scaled down until exact limits admit them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from flint import fmpq, fmpz_mat

from ..arrays import exact
from ..arrays.backends import floats
from ..arrays.exact import from_float
from .grids import Grid

SHRINKS = (0.0, 1e-13, 1e-11, 1e-9, 1e-6, 1e-3, 0.5)
"""Relative amounts by which a proposal is scaled down until the exact predicate admits it."""
_KEPT = tuple(1 - from_float(shrink) for shrink in SHRINKS)
SPARSE, INSIDE, BEYOND = 0.2, 0.25, 0.5
"""Shares of proposals with half of their entries 0, of those well inside every limit, and of the rest beyond them."""
FAR = 1e3
LARGEST = 1e150
"""Numbers beyond this are drawn at corners only: their squares leave the range of floats."""

Norms = dict[str, fmpq]
"""Name of a norm -> its limit."""


def spread(rng: np.random.Generator, width: int, radii: np.ndarray) -> np.ndarray:
    """Free floats (len(radii), width), many beyond every limit, so that scaling down brings them to the boundary.

    Args:
        rng: the source of chance.
        width: number of free floats of one proposal.
        radii: the Euclidean norm that each proposal is about to have, or NaN where anything goes.
    """
    radii = np.clip(radii, 0.0, LARGEST)  # NaN stays
    count, width = len(radii), int(width)  # the quotient of a size is a fraction
    draw = rng.standard_normal((count, width))
    sparse, far, inner, within, inside, free = rng.random((6, count))
    rows = np.flatnonzero(sparse < SPARSE)
    draw[rows] *= rng.random((len(rows), width)) < 0.5
    reach = np.sqrt(np.vecdot(draw, draw))
    reach[reach == 0.0] = 1.0  # all entries 0: an infinite stretch of them would be undefined
    length = np.where(far < BEYOND, FAR, within ** (1 / max(width, 1)))
    length = np.where(inner < INSIDE, 10.0 ** (2 * inside - 2), length)  # where further hypotheses are met
    free = 10.0 ** (2 * free - 1)
    return draw * np.where(np.isnan(radii), free, radii * (length / reach))[:, None]


def on_grids(raw: np.ndarray, bits: int) -> tuple[np.ndarray, list[int]]:
    """Each row as whole numbers times a power of two: ``bits`` bits relative to its largest entry, towards zero.

    Args:
        raw: finite floats (count, width).
        bits: below 62.

    Returns:
        Whole numbers (count, width), and the exponent of each row.
    """
    exponents = np.frexp(np.abs(raw).max(axis=1, initial=0.0))[1] - 1 - bits
    cells = np.trunc(np.ldexp(raw, -exponents[:, None])).astype(np.int64)
    return cells, exponents.tolist()


def power_of_two(exponent: int) -> fmpq:
    """2^exponent, exactly."""
    return fmpq(1 << exponent) if exponent >= 0 else fmpq(1, 1 << -exponent)


def truncated(value: float, bits: int) -> fmpq:
    """A finite float to about ``bits`` bits, towards zero, as a rational."""
    mantissa, exponent = math.frexp(value)
    return int(mantissa * 2.0 ** (bits + 1)) * power_of_two(exponent - bits - 1)


def factors(plain: np.ndarray, exponents: Sequence[int], norms: Sequence[Norms]) -> list[float]:
    """For each array, the factor at most 1 that brings its float norms to their limits.

    Args:
        plain: floats (count, *shape), in units of 2^exponent.
        exponents: one for each array.
        norms: the limits of each array, of the same norms for all.
    """
    kept = [1.0] * len(norms)
    for name in norms[0]:
        reaches = [max(floats(limits[name]), 0.0) for limits in norms]
        wide = _sizes("frobenius" if name == "spectral" else name, plain)
        beyond = [i for i, reach in enumerate(reaches) if _times(wide[i], exponents[i]) > reach]
        sizes = _sizes(name, plain[beyond]) if name == "spectral" and beyond else wide[beyond]
        for i, size in zip(beyond, sizes, strict=True):
            whole = _times(size, exponents[i])
            kept[i] = min(kept[i], reaches[i] / whole) if whole > reaches[i] else kept[i]
    return kept


def _times(size: float, exponent: int) -> float:
    """size * 2^exponent, infinite where that is beyond floats."""
    return float(np.ldexp(size, exponent))


def _sizes(name: str, plain: np.ndarray) -> np.ndarray:
    """A norm of each array (count, *shape), as floats; the spectral one is a root of the smaller Gram matrix."""
    if name == "spectral":
        turned = np.swapaxes(plain, 1, 2)
        gram = turned @ plain if plain.shape[2] <= plain.shape[1] else plain @ turned
        return np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[:, -1], 0.0))
    flat = np.abs(plain.reshape(len(plain), -1))
    if name == "norm1":
        return flat.sum(axis=1)
    return flat.max(axis=1) if name == "norm_inf" else np.sqrt(np.square(flat).sum(axis=1))


def settled(
    grid: Grid,
    shape: tuple[int, ...],
    norms: Norms,
    factor: float,
    bits: int,
    also: Callable[[np.ndarray], bool] | None = None,
) -> np.ndarray | None:
    """The array of a grid, scaled down until it is within the limits exactly; None where no shrink is enough.

    Args:
        grid: the proposal.
        shape: of the array.
        norms: limits.
        factor: where to begin, at most 1.
        bits: of the factor.
        also: a further exact predicate.
    """
    start = exact.ONE if factor == 1.0 else truncated(factor, bits)
    for kept in _KEPT:
        scale = start * kept
        if all(grid.within(name, limit, scale) for name, limit in norms.items()):
            value = grid.value(shape, scale)
            if also is None or also(value):
                return value
    return None


def onto_simplex(cells: list[int]) -> np.ndarray:
    """Whole numbers, not negative, as shares of their sum (equal shares where all are 0)."""
    whole = sum(cells)
    cells, whole = (cells, whole) if whole else ([1] * len(cells), len(cells))
    return Grid(fmpz_mat(1, len(cells), cells), fmpq(1, whole)).value((len(cells),), exact.ONE)
