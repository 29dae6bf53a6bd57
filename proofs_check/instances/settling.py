"""Many proposals at once, scaled down until exact limits admit them.

Proposals are whole numbers times a power of two. Floats propose the factor of each; sums and squares of whole numbers,
which int64 holds exactly, and comparisons of Python's whole numbers decide. What they do not admit is settled by
itself, as `proposals.settled` does it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from flint import fmpq, fmpz_mat

from ..arrays.backends import floats
from .columns import Column, Maker, itself
from .ends import Ends
from .grids import Grid
from .proposals import Norms, factors, power_of_two

FACTOR_BITS = 17
"""Bits of a factor."""
SPECTRAL_MARGIN = 2.0**-17
"""So far below a spectral limit a factor is proposed: a decomposition with rounded entries must show the rest."""
HELD = 61
"""Bits of the whole numbers that are summed up, without their signs."""
FINEST = 1 << 20
"""Grids are refined for the ends of entries by no more than this."""


@dataclass(frozen=True)
class Bounds:
    """Limits on the entries and norms of one value.

    Attributes:
        norms: name of a norm -> its limit.
        ends: of the entries.
    """

    norms: Norms
    ends: Ends


@dataclass(eq=False)
class _Proposals:
    """Proposals under way: row i is ``cells[i] * wholes[i] * 2^exponents[i] / parts[i]``.

    Attributes:
        cells: whole numbers (count, *shape).
        exponents: of two.
        bounds: limits of each.
        parts: how much finer than a power of two a grid is.
        wholes: factors.
        open: rows that exact comparisons have not admitted.
    """

    cells: np.ndarray
    exponents: list[int]
    bounds: Sequence[Bounds]
    parts: list[int]
    wholes: list[int]
    open: set[int]


def settled_together(cells: np.ndarray, exponents: Sequence[int], bounds: Sequence[Bounds], bits: int) -> Column:
    """Admissible values on or inside grids, as near to the proposals as their limits allow.

    Args:
        cells: whole numbers (count, *shape), int64, of at most 15 bits.
        exponents: row i of the proposals is in units of 2^exponents[i].
        bounds: limits of each, of the same norms for all.
        bits: of a factor, where a row is settled by itself.
    """
    count = len(cells)
    rows = _Proposals(cells, list(exponents), bounds, [1] * count, [1] * count, set())
    _into_boxes(rows)
    if bounds[0].norms:
        _within_norms(rows)
    shape = cells.shape[1:]
    with np.errstate(over="ignore", under="ignore"):
        wholes = np.array(rows.wholes, dtype=float) / np.array(rows.parts)
        plain = np.ldexp(rows.cells * _along(wholes, cells), _along(np.array(rows.exponents), cells))
    makers: list[Maker | None] = [
        partial(_exactly, row, shape, *numbers)
        for row, *numbers in zip(rows.cells, rows.exponents, rows.wholes, rows.parts, strict=True)
    ]
    for i in rows.open:
        value = _by_itself(cells[i], exponents[i], bounds[i], bits)
        makers[i] = None if value is None else partial(itself, value)
        plain[i] = 0.0 if value is None else floats(value)
    return Column(plain, makers)


def _along(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    return values.reshape(-1, *[1] * (like.ndim - 1))


def _grid(row: np.ndarray, unit: fmpq) -> Grid:
    rows, columns = row.shape if row.ndim == 2 else (1, *row.shape)
    return Grid(fmpz_mat(rows, columns, row.ravel().tolist()), unit)


def _exactly(row: np.ndarray, shape: tuple[int, ...], exponent: int, whole: int, part: int) -> np.ndarray:
    return _grid(row, power_of_two(exponent)).value(shape, fmpq(whole, part))


def _by_itself(row: np.ndarray, exponent: int, bounds: Bounds, bits: int) -> Any:
    grid = _grid(row, power_of_two(exponent))
    (factor,) = factors(row[None].astype(float), [exponent], [bounds.norms])
    return bounds.ends.settle(grid, row.shape, bounds.norms, factor, bits)


def _into_boxes(rows: _Proposals) -> None:
    """Entries beyond an end are moved to it, on a finer grid where it needs one; rows where that fails stay open."""
    if all(bounds.ends.low is None and bounds.ends.high is None for bounds in rows.bounds[:1]):
        return
    flat = rows.cells.reshape(len(rows.cells), -1)
    least, most = flat.min(axis=1).tolist(), flat.max(axis=1).tolist()
    for i, bounds in enumerate(rows.bounds):
        low, high = (_fraction(end, rows.exponents[i]) for end in (bounds.ends.low, bounds.ends.high))
        if (low is None or least[i] * low[1] >= low[0]) and (high is None or most[i] * high[1] <= high[0]):
            continue
        part = math.lcm(*(end[1] for end in (low, high) if end is not None))
        if part > (1 if bounds.norms else FINEST) or not _moved_to_ends(flat[i], low, high, part):
            rows.open.add(i)
        rows.parts[i] = part


def _moved_to_ends(row: np.ndarray, low: tuple[int, int] | None, high: tuple[int, int] | None, part: int) -> bool:
    """Refine a row and clip it to its ends in place; False where they are the wrong way round or too far out."""
    first, last = (None if end is None else end[0] * (part // end[1]) for end in (low, high))
    if any(end is not None and abs(end) >= 1 << HELD for end in (first, last)):
        return False
    if first is not None and last is not None and first > last:
        return False
    np.clip(row * part, first, last, out=row)
    return True


def _fraction(end: fmpq | None, exponent: int) -> tuple[int, int] | None:
    """An end in units of 2^exponent, numerator and denominator."""
    if end is None:
        return None
    value = end * power_of_two(-exponent)
    return int(value.p), int(value.q)


def _within_norms(rows: _Proposals) -> None:
    """Factors that floats propose and whole numbers admit."""
    count = len(rows.cells)
    with np.errstate(all="ignore"):
        ratios, sizes = np.ones(count), {}
        for name in rows.bounds[0].norms:
            sizes[name], plain = _sizes(name, rows.cells)
            reach = np.array([floats(bounds.norms[name]) for bounds in rows.bounds])
            ratio = np.ldexp(reach / plain, -np.array(rows.exponents))
            ratios = np.fmin(ratios, ratio * (1 - SPECTRAL_MARGIN) if name == "spectral" else ratio)
    mantissas, shifts = np.frexp(np.maximum(ratios, 0.0))
    for i, (mantissa, shift) in enumerate(zip(mantissas.tolist(), shifts.tolist(), strict=True)):
        if ratios[i] < 1.0:
            rows.wholes[i] = int(mantissa * (1 << FACTOR_BITS))
            rows.exponents[i] += shift - FACTOR_BITS
            ends = rows.bounds[i].ends
            if (ends.low is not None and ends.low > 0) or (ends.high is not None and ends.high < 0):
                rows.open.add(i)  # scaled down, entries may leave their box
    for name, size in sizes.items():
        limits = [bounds.norms[name] for bounds in rows.bounds]
        power = 1 if name in ("norm1", "norm_inf") else 2
        missed = [i for i in range(count) if not _meets(size[i], power, rows.wholes[i], rows.exponents[i], limits[i])]
        rows.open.update(_spectrally_missed(rows, limits, missed) if name == "spectral" else missed)


def _sizes(name: str, cells: np.ndarray) -> tuple[list[int], np.ndarray]:
    """Whole numbers that decide a norm, and the norm as floats: the norm itself or its square, in units of the grid.

    The square of the Frobenius norm stands for that of the spectral norm, which is not larger.
    """
    flat = np.abs(cells.reshape(len(cells), -1))
    if name == "norm1":
        size = flat.sum(axis=1)
    elif name == "norm_inf":
        size = flat.max(axis=1)
    else:
        size = np.vecdot(flat, flat)
    if name in ("norm1", "norm_inf"):
        return size.tolist(), size.astype(float)
    if name == "spectral" and min(cells.shape[1:]) > 1:
        return size.tolist(), np.sqrt(np.maximum(np.linalg.eigvalsh(_gram(cells).astype(float))[:, -1], 0.0))
    return size.tolist(), np.sqrt(size)


def _gram(cells: np.ndarray) -> np.ndarray:
    """The smaller of A^T A and A A^T of each matrix, in whole numbers."""
    turned = np.swapaxes(cells, 1, 2)
    return turned @ cells if cells.shape[2] <= cells.shape[1] else cells @ turned


def _meets(size: int, power: int, whole: int, exponent: int, limit: fmpq) -> bool:
    """Whether size^(1/power) * whole * 2^exponent <= limit, exactly."""
    p, q = int(limit.p), int(limit.q)
    if p < 0:
        return False
    left, right, shift = size * (whole * q) ** power, p**power, power * exponent
    return left << shift <= right if shift >= 0 else left <= right << -shift


def _spectrally_missed(rows: _Proposals, limits: Sequence[fmpq], some: list[int]) -> list[int]:
    """Those of some rows whose largest singular value is not shown to be within its limit.

    The largest eigenvalue of the Gram matrix G of the whole numbers is to be at most (limit / factor)^2, and t is the
    whole part of that: t I - G is to be positive semidefinite.
    """
    if not some:
        return some
    reaches = [_reach(limits[i], rows.wholes[i], rows.exponents[i]) for i in some]
    gram = _gram(rows.cells[some])
    traces = np.trace(gram, axis1=1, axis2=2).tolist()
    held = np.array([min(t, trace) for t, trace in zip(reaches, traces, strict=True)])  # the trace is always enough
    shown = semidefinite_together(held[:, None, None] * np.eye(gram.shape[1], dtype=np.int64) - gram)
    return [i for i, sure in zip(some, shown.tolist(), strict=True) if not sure]


def _reach(limit: fmpq, whole: int, exponent: int) -> int:
    """The whole part of (limit / (whole * 2^exponent))^2; -1 where the limit is negative."""
    p, q = int(limit.p), int(limit.q)
    if p < 0 or whole == 0:
        return -1 if p < 0 else 0
    top, bottom = p * p, (q * whole) ** 2
    return (top << -2 * exponent) // bottom if exponent <= 0 else top // (bottom << 2 * exponent)


def semidefinite_together(matrices: np.ndarray) -> np.ndarray:
    """Which symmetric matrices of whole numbers are shown to be positive semidefinite; False says nothing.

    Floats propose a factor: L L^T is about 4^s (M - d I), with a small d > 0. Its entries are rounded to whole numbers,
    and E = 4^s M - L L^T is computed in whole numbers. Where E is diagonally dominant with a diagonal that is not
    negative, M = (L L^T + E) / 4^s is positive semidefinite.

    Args:
        matrices: int64 (count, n, n).
    """
    n = matrices.shape[1]
    peak = np.diagonal(matrices, axis1=1, axis2=2).max(axis=1)
    largest = max(int(np.abs(matrices).max(initial=0)), 1)
    bits = (HELD - 1 - n.bit_length() - largest.bit_length()) // 2
    if bits < 0:
        return np.zeros(len(matrices), dtype=bool)
    lowered = matrices - (SPECTRAL_MARGIN * np.maximum(peak, 0))[:, None, None] * np.eye(n)
    try:
        lower = np.rint(np.ldexp(np.linalg.cholesky(lowered), bits))
    except np.linalg.LinAlgError:
        return _one_by_one(matrices)
    if n * float(np.abs(lower).max()) ** 2 > 1 << HELD:  # sums of products would not be held
        return np.zeros(len(matrices), dtype=bool)
    lower = lower.astype(np.int64)
    rest = (matrices << 2 * bits) - lower @ np.swapaxes(lower, 1, 2)
    diagonal = np.diagonal(rest, axis1=1, axis2=2)
    held = np.abs(rest).max(axis=(1, 2)) <= (1 << HELD) // n
    return held & (diagonal >= 0).all(axis=1) & (2 * diagonal >= np.abs(rest).sum(axis=2)).all(axis=1)


def _one_by_one(matrices: np.ndarray) -> np.ndarray:
    if len(matrices) == 1:
        return np.zeros(1, dtype=bool)
    return np.concatenate([semidefinite_together(matrix[None]) for matrix in matrices])
