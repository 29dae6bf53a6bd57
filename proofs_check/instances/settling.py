"""Many proposals at once, scaled down until exact limits admit them.

Proposals are whole numbers times a power of two. Floats propose the factor of each; sums and squares of whole numbers,
which int64 holds exactly, and comparisons of Python's whole numbers decide. What they do not admit is settled by
itself, as `proposals.settled` does it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from flint import fmpq, fmpz_mat

from ..arrays.backends import floats
from ..arrays.exact import ONE
from .columns import Column
from .corners import HIGH, LOW, OPPOSITE, PLAIN, REACH
from .ends import Ends
from .grids import Grid
from .proposals import Norms, factors, power_of_two

FACTOR_BITS = 17
"""Bits of a factor."""
SPECTRAL_MARGIN = 2.0**-17
"""So far below a spectral limit a factor is proposed: a decomposition with rounded entries must show the rest."""
HELD = 61
"""Bits of the whole numbers that are summed up, without their signs."""
SQUARED = 22
"""Bits of those whose squares are summed up: 2^17 of them."""
FINEST = 1 << 20
"""Grids are refined for the ends of entries by no more than this."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """Limits on the entries and norms of several values.

    Attributes:
        count: how many.
        norms: name of a norm -> the limit for each value.
        low, high: ends of the entries of each value, None where there are none.
        same: whether they are the same for all values.
    """

    count: int
    norms: dict[str, list[fmpq]]
    low: list[fmpq] | None
    high: list[fmpq] | None
    same: bool

    def norms_at(self, i: int) -> Norms:
        """The limits on the norms of one value."""
        return {name: limits[i] for name, limits in self.norms.items()}

    def ends_at(self, i: int) -> Ends:
        """The ends of the entries of one value."""
        return Ends(None if self.low is None else self.low[i], None if self.high is None else self.high[i])

    @cached_property
    def reaches(self) -> dict[str, np.ndarray]:
        """The limits on the norms as floats."""
        if self.same:
            return {name: np.full(self.count, floats(limits[0])) for name, limits in self.norms.items()}
        return {name: np.array(list(map(floats, limits))) for name, limits in self.norms.items()}

    @cached_property
    def radii(self) -> np.ndarray:
        """The least of the limits on the norms of each value, as a float; NaN without limits."""
        return np.minimum.reduce(list(self.reaches.values())) if self.norms else np.full(self.count, np.nan)

    @cached_property
    def least(self) -> list[fmpq] | None:
        """The least of the limits on the norms of each value."""
        several = list(self.norms.values())
        if not several:
            return None
        return several[0] if len(several) == 1 else [min(limits) for limits in zip(*several, strict=True)]

    def factor(self, kind: int, i: int, free: fmpq) -> fmpq:
        """The factor of a corner of one value; ``free`` is the reach where no norm is limited."""
        if kind in (REACH, OPPOSITE):
            least = self.least
            reach = free if least is None else least[i]
            return reach if kind == REACH else -reach
        ends = self.low if kind == LOW else self.high
        return ONE if kind == PLAIN or ends is None else ends[i]

    def factors(self, kinds: np.ndarray, free: fmpq) -> np.ndarray:
        """`factor` of each value as a float, for the kinds of each."""
        reach = self.radii if self.norms else floats(free)
        found = np.where(kinds == REACH, reach, np.where(kinds == OPPOSITE, -reach, 1.0))
        for kind, ends in ((LOW, self.low), (HIGH, self.high)):
            for i in np.flatnonzero(kinds == kind).tolist():
                assert ends is not None  # the pool has corners of stated ends only
                found[i] = floats(ends[i])
        return found


@dataclass(eq=False)
class _Proposals:
    """Proposals under way: row i is ``cells[i] * wholes[i] * 2^exponents[i] / parts[i]``.

    Attributes:
        cells: whole numbers (count, *shape).
        exponents: of two.
        bounds: their limits.
        parts: how much finer than a power of two a grid is.
        wholes: factors.
        open: rows that exact comparisons have not admitted.
    """

    cells: np.ndarray
    exponents: list[int]
    bounds: Bounds
    parts: list[int]
    wholes: list[int]
    open: set[int]


def settled_together(cells: np.ndarray, exponents: Sequence[int], bounds: Bounds, bits: int) -> Column:
    """Admissible values on or inside grids, as near to the proposals as their limits allow.

    Args:
        cells: whole numbers (count, *shape), int64, of at most 15 bits.
        exponents: row i of the proposals is in units of 2^exponents[i].
        bounds: their limits.
        bits: of a factor, where a row is settled by itself.
    """
    count = len(cells)
    rows = _Proposals(cells, list(exponents), bounds, [1] * count, [1] * count, set())
    _into_boxes(rows)
    if bounds.norms:
        _within_norms(rows)
    with np.errstate(over="ignore", under="ignore"):
        wholes = np.array(rows.wholes, dtype=float) / np.array(rows.parts)
        plain = np.ldexp(rows.cells * _along(wholes, cells), _along(np.array(rows.exponents), cells))
    if not rows.open:
        return Column(plain, partial(_exactly, rows), np.ones(count, dtype=bool))
    places = np.array(sorted(rows.open))
    alone = Column.of([_by_itself(rows, i, exponents[i], bits) for i in places])
    others = np.delete(np.arange(count), places)
    together = Column(plain, partial(_exactly, rows), np.ones(count, dtype=bool)).taken(others)
    return Column.together(count, [(others, together), (places, alone)]) if others.size else alone


def _along(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    return values.reshape(-1, *[1] * (like.ndim - 1))


def _grid(row: np.ndarray, unit: fmpq) -> Grid:
    rows, columns = row.shape if row.ndim == 2 else (1, *row.shape)
    return Grid(fmpz_mat(rows, columns, row.ravel().tolist()), unit)


def _exactly(rows: _Proposals, i: int) -> np.ndarray:
    grid = _grid(rows.cells[i], power_of_two(rows.exponents[i]))
    return grid.value(rows.cells.shape[1:], fmpq(rows.wholes[i], rows.parts[i]))


def _by_itself(rows: _Proposals, i: int, exponent: int, bits: int) -> Any:
    row, norms = rows.cells[i], rows.bounds.norms_at(i)
    (factor,) = factors(row[None].astype(float), [exponent], [norms])
    return rows.bounds.ends_at(i).settle(_grid(row, power_of_two(exponent)), row.shape, norms, factor, bits)


def _into_boxes(rows: _Proposals) -> None:
    """Entries beyond an end are moved to it, on a finer grid where it needs one; rows where that fails stay open."""
    if rows.bounds.low is None and rows.bounds.high is None:
        return
    flat = rows.cells.reshape(len(rows.cells), -1)
    least, most = flat.min(axis=1).tolist(), flat.max(axis=1).tolist()
    for i in range(len(flat)):
        ends = rows.bounds.ends_at(i)
        low, high = (_fraction(end, rows.exponents[i]) for end in (ends.low, ends.high))
        if (low is None or least[i] * low[1] >= low[0]) and (high is None or most[i] * high[1] <= high[0]):
            continue
        part = math.lcm(*(end[1] for end in (low, high) if end is not None))
        most_parts, most_bits = (1, SQUARED) if rows.bounds.norms else (FINEST, HELD)
        if part > most_parts or not _moved_to_ends(flat[i], low, high, part, most_bits):
            rows.open.add(i)
        else:
            rows.parts[i] = part


def _moved_to_ends(
    row: np.ndarray, low: tuple[int, int] | None, high: tuple[int, int] | None, part: int, bits: int
) -> bool:
    """Refine a row and clip it to its ends in place; False where they are the wrong way round or too far out."""
    first, last = (None if end is None else end[0] * (part // end[1]) for end in (low, high))
    if any(end is not None and abs(end) >= 1 << bits for end in (first, last)):
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
        for name, reach in rows.bounds.reaches.items():
            sizes[name], plain = _sizes(name, rows.cells)
            ratio = np.ldexp(reach / plain, -np.array(rows.exponents))
            ratios = np.fmin(ratios, ratio * (1 - SPECTRAL_MARGIN) if name == "spectral" else ratio)
    mantissas, shifts = np.frexp(np.maximum(ratios, 0.0))
    wholes = (mantissas * (1 << FACTOR_BITS)).astype(int).tolist()
    for i in np.flatnonzero(ratios < 1.0).tolist():
        rows.wholes[i] = wholes[i]
        rows.exponents[i] += int(shifts[i]) - FACTOR_BITS
        ends = rows.bounds.ends_at(i)
        if (ends.low is not None and ends.low > 0) or (ends.high is not None and ends.high < 0):
            rows.open.add(i)  # scaled down, entries may leave their box
    for name, size in sizes.items():
        limits = rows.bounds.norms[name]
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
