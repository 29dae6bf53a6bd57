"""Vectors and matrices as arguments of claims; see `domains` for what a domain offers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat, fmpz_mat

from ..arrays import exact
from ..arrays.backends import Instance, floats
from ..arrays.exact import Unfit
from .choosing import Corners, all_corners, drawn_values
from .columns import Column
from .corners import Pool, matrix_pool, vector_pool
from .domains import COARSE
from .ends import Ends, between_ends
from .grids import Grid
from .limits import Limit
from .proposals import Norms, factors, on_grids, onto_simplex, power_of_two, spread
from .settling import Bounds, settled_together
from .stating import bounds_of, clipped, given, norms_of, of_several_shapes, shortened, within

TURN_BITS = 20
"""Bits of the skew matrices that rational orthogonal matrices are made of: those have many more."""
CONCENTRATIONS = (0.2, 1.0, 5.0)
"""Random points of a simplex are near its corners, uniform, or near its middle."""


@dataclass(frozen=True)
class Vector:
    """A real vector of length ``dim`` within the limits given.

    Attributes:
        dim: length, a number or an expression of earlier arguments.
        norm1, norm2, norm_inf: upper limits on the norms.
        simplex: entries >= 0 that sum to 1.
        low, high: limits on every entry.
    """

    dim: Any
    norm1: Any = None
    norm2: Any = None
    norm_inf: Any = None
    simplex: bool = False
    low: Any = None
    high: Any = None

    def __post_init__(self) -> None:
        assert self.stated  # a limit that is none is refused where the annotation stands

    @cached_property
    def stated(self) -> dict[str, Limit]:
        return given(self, ("dim", "norm1", "norm2", "norm_inf", "low", "high"))

    def limits(self) -> list[Limit]:
        return list(self.stated.values())

    def admits(self, value: Any, known: Instance) -> bool:
        """Exact: norms are compared as squares or sums of whole numbers over one denominator."""
        if value.shape != (self.width(known),):
            return False
        if self.simplex and not (all(cell >= 0 for cell in value) and value.sum() == 1):
            return False
        return within(value, self.stated, known)

    def width(self, known: dict[str, Any]) -> int:
        return self.stated["dim"].whole(known)

    def project(self, raw: np.ndarray, known: dict[str, Any]) -> np.ndarray:
        limits = self.stated
        if self.simplex:
            return np.square(raw) / np.maximum(np.square(raw).sum(axis=1, keepdims=True), 1e-300)
        values = clipped(raw, limits, known)
        for name in ("norm1", "norm2", "norm_inf"):
            if name in limits:
                size = np.linalg.norm(values, _ORDERS[name], axis=1)
                values = shortened(values, size, limits[name].floats(known, len(raw)))
        return values

    def exactly(self, raw: np.ndarray, known: Instance, bits: int) -> Any:
        if not np.isfinite(raw).all():
            return None
        if self.simplex:
            return self._on_simplex(raw[None], [known], bits).values()[0]
        norms = norms_of(self.stated, known)
        cells, exponents = on_grids(raw[None], bits)
        (factor,) = factors(cells.astype(float), exponents, [norms])
        grid = Grid(fmpz_mat(1, raw.size, cells[0].tolist()), power_of_two(exponents[0]))
        return Ends.of(self.stated, known).settle(grid, raw.shape, norms, factor, bits + 4)

    def _on_simplex(self, raw: np.ndarray, knowns: Sequence[Instance], bits: int) -> Column:
        peak = np.maximum(np.abs(raw).max(axis=1, keepdims=True), 1e-300)
        cells, _ = on_grids(np.square(raw / peak), bits)
        if self.stated.keys() != {"dim"}:
            values = [onto_simplex(row) for row in cells.tolist()]
            return Column.of([v if self.admits(v, known) else None for v, known in zip(values, knowns, strict=True)])
        cells[~cells.any(axis=1)] = 1
        plain = cells / cells.sum(axis=1, keepdims=True)
        return Column(plain, lambda place: onto_simplex(cells[place].tolist()), np.ones(len(cells), dtype=bool))

    def raw(self, value: Any) -> np.ndarray:
        return np.sqrt(floats(value)) if self.simplex else floats(value)

    def sample(self, rng: np.random.Generator, known: Instance) -> Any:
        return self.draw(rng, [known])[0]

    def draw(self, rng: np.random.Generator, knowns: Sequence[Instance]) -> list[Any]:
        """Random admissible exact values, None where there is none."""
        return drawn_values(self, rng, knowns)

    def column(self, rng: np.random.Generator, knowns: Sequence[Instance]) -> Column:
        if of_several_shapes(self.stated, knowns):
            return Column.of(self.draw(rng, knowns))
        n = self.width(knowns[0])
        if self.simplex:
            weights = rng.gamma(rng.choice(CONCENTRATIONS, (len(knowns), 1)), size=(len(knowns), n))
            return self._on_simplex(np.sqrt(weights), knowns, COARSE)
        bounds = bounds_of(self.stated, knowns)
        raw = between_ends(rng, n, self.stated, knowns)
        if raw is None:
            raw = spread(rng, n, bounds.radii)
        return settled_together(*on_grids(raw, COARSE), bounds, COARSE + 4)

    def pool(self, shape: tuple[int, ...], bounds: Bounds) -> tuple[Pool, fmpq]:
        """Corners, and their factor where no norm is limited."""
        cube = bounds.norms.keys() == {"norm_inf"} and not self.simplex
        pool = vector_pool(*shape, bounds.low is not None, bounds.high is not None, cube)
        return pool, fmpq(1 if self.simplex else 3)

    @property
    def shaped(self) -> bool:
        return self.simplex

    @property
    def stretchable(self) -> tuple[bool, bool]:
        """Whether values stay admissible when they are made shorter, and when they are negated."""
        free = not (self.simplex or "low" in self.stated or "high" in self.stated)
        return free, free

    def cornered(self, rng: np.random.Generator, knowns: Sequence[Instance], chances: np.ndarray) -> Column:
        return Corners.of(self, (self.width(knowns[0]),), knowns).column(rng, chances)

    def corners(self, known: Instance, twins: Sequence[Any]) -> list[Any]:
        return all_corners(self, (self.width(known),), known, twins)


_ORDERS: dict[str, Any] = {"norm1": 1, "norm2": 2, "norm_inf": np.inf}


@dataclass(frozen=True)
class Matrix:
    """A real matrix within the limits given.

    Attributes:
        rows, columns: sizes, numbers or expressions of earlier arguments.
        spectral, frobenius: upper limits on the norms.
        low, high: limits on every entry.
        symmetric, psd, orthogonal: structure; orthogonal means orthonormal columns (rows >= columns).
        rank: the exact rank.
    """

    rows: Any
    columns: Any
    spectral: Any = None
    frobenius: Any = None
    low: Any = None
    high: Any = None
    symmetric: bool = False
    psd: bool = False
    orthogonal: bool = False
    rank: Any = None

    def __post_init__(self) -> None:
        assert self.stated  # a limit that is none is refused where the annotation stands

    @cached_property
    def stated(self) -> dict[str, Limit]:
        return given(self, ("rows", "columns", "spectral", "frobenius", "low", "high", "rank"))

    def limits(self) -> list[Limit]:
        return list(self.stated.values())

    def _shape(self, known: Instance) -> tuple[int, int]:
        limits = self.stated
        rows, columns = limits["rows"].whole(known), limits["columns"].whole(known)
        if (self.symmetric or self.psd) and rows != columns:
            raise Unfit(f"a symmetric matrix is square, got {rows} x {columns}")
        if self.orthogonal and rows < columns:
            raise Unfit(f"orthonormal columns need rows >= columns, got {rows} x {columns}")
        return rows, columns

    def _rank(self, known: Instance) -> int | None:
        if "rank" not in self.stated:
            return None
        wanted = self.stated["rank"].whole(known)
        if wanted > min(self._shape(known)):
            raise Unfit(f"rank {wanted} does not fit a {' x '.join(map(str, self._shape(known)))} matrix")
        return wanted

    def admits(self, value: Any, known: Instance) -> bool:
        """Exact: characteristic polynomials for definiteness and the spectral limit, elimination for the rank."""
        if value.shape != self._shape(known) or (self.shaped and not self._structured(value, known)):
            return False
        return within(value, self.stated, known)

    @cached_property
    def shaped(self) -> bool:
        return self.symmetric or self.psd or self.orthogonal or self.rank is not None

    def _structured(self, value: np.ndarray, known: Instance) -> bool:
        wanted = self._rank(known)
        return (
            (not (self.symmetric or self.psd) or bool(np.all(value == value.T)))
            and (not self.orthogonal or bool(np.all(value.T @ value == exact.identity(value.shape[1]))))
            and (not self.psd or exact.is_psd(value))
            and (wanted is None or exact.rank(value) == wanted)
        )

    def width(self, known: dict[str, Any]) -> int:
        rows, columns = self._shape(known)
        if self.orthogonal:
            return rows * rows
        wanted = self._rank(known)
        return wanted * (rows + columns) if wanted and not self.psd else rows * (wanted or columns)

    def _assembled(self, raw: np.ndarray, known: Instance) -> np.ndarray:
        """The structure from free numbers (..., width), floats and rationals alike."""
        rows, columns = self._shape(known)
        lead, wanted = raw.shape[:-1], self._rank(known)
        if self.orthogonal:
            turn = _cayley(raw.reshape(*lead, rows, rows))
            if self.symmetric:
                # Q diag(+-1) Q^T: every symmetric orthogonal matrix is one.
                diagonal = np.diagonal(raw.reshape(*lead, rows, rows), axis1=-2, axis2=-1)
                return (turn * np.where(diagonal < 0, -1, 1)[..., None, :]) @ np.swapaxes(turn, -1, -2)
            return turn[..., :columns]
        if self.psd:
            factor = raw.reshape(*lead, rows, wanted or columns)
            return factor @ np.swapaxes(factor, -1, -2)
        if wanted:
            left = raw[..., : rows * wanted].reshape(*lead, rows, wanted)
            right = raw[..., rows * wanted :].reshape(*lead, wanted, columns)
            if self.symmetric:
                # The signature comes from the second half: L diag(+-1) L^T is any symmetric matrix of the rank.
                return (left * _signs(right)) @ np.swapaxes(left, -1, -2)
            return left @ right
        full = raw.reshape(*lead, rows, columns)
        return (full + np.swapaxes(full, -1, -2)) * _half(raw) if self.symmetric else full

    def project(self, raw: np.ndarray, known: dict[str, Any]) -> np.ndarray:
        limits = self.stated
        values = self._assembled(raw, known)
        if self.orthogonal:
            return values
        values = clipped(values, limits, known)
        orders: tuple[tuple[str, Any], ...] = (("spectral", 2), ("frobenius", "fro"))
        for name, order in orders:
            if name in limits:
                size = np.linalg.norm(values, order, axis=(1, 2))
                values = shortened(values, size, limits[name].floats(known, len(raw)))
        return values

    def exactly(self, raw: np.ndarray, known: Instance, bits: int) -> Any:
        if not np.isfinite(raw).all():
            return None
        return self._near(raw[None], [known], bits, [norms_of(self.stated, known)])[0]

    def _near(self, raw: np.ndarray, knowns: Sequence[Instance], bits: int, norms: list[Norms]) -> list[Any]:
        """Admissible exact values next to free floats (count, width), for as many sets of earlier arguments."""
        if self.orthogonal:
            cells, exponents = on_grids(raw, min(bits, TURN_BITS))
            free = (exact.rationals(row) * power_of_two(e) for row, e in zip(cells, exponents, strict=True))
            turns = [self._assembled(row, known) for row, known in zip(free, knowns, strict=True)]
            return [value if self.admits(value, known) else None for value, known in zip(turns, knowns, strict=True)]
        cells, exponents = on_grids(raw, bits)
        made = self.psd or self.rank
        scales = [2 * e if made else e for e in exponents]
        plain = self._assembled(cells.astype(float), knowns[0])
        kept = factors(plain, scales, norms)
        out = []
        for row, e, limits, factor, known in zip(cells, scales, norms, kept, knowns, strict=True):
            also = partial(self._structured, known=known) if made else None
            box = Ends.of(self.stated, known)
            out.append(box.settle(self._grid(row, e, known), plain.shape[1:], limits, factor, bits + 4, also))
        return out

    def _grid(self, row: np.ndarray, exponent: int, known: Instance) -> Grid:
        """The structure from free whole numbers (width,), in units of 2^exponent."""
        if self.psd or self.rank:
            grid = Grid.of(self._assembled(exact.rationals(row), known))
            return Grid(grid.whole, grid.unit * power_of_two(exponent))
        full = row.reshape(self._shape(known))
        if self.symmetric:
            full, exponent = full + full.T, exponent - 1
        return Grid(fmpz_mat(*full.shape, full.ravel().tolist()), power_of_two(exponent))

    def raw(self, value: Any) -> np.ndarray:
        """Free floats near the value (structured matrices: a start, not an inverse)."""
        plain = floats(value)
        if self.orthogonal:
            return np.zeros(plain.shape[0] ** 2)
        if self.psd:
            values, vectors = np.linalg.eigh(plain)
            factor = vectors * np.sqrt(np.maximum(values, 0))
            return np.ascontiguousarray(factor[:, ::-1][:, : exact.rank(value) if self.rank else None]).reshape(-1)
        if self.rank:
            left, middle, right = np.linalg.svd(plain)
            r = exact.rank(value)
            return np.concatenate([(left[:, :r] * middle[:r]).reshape(-1), right[:r].reshape(-1)])
        return plain.reshape(-1)

    def sample(self, rng: np.random.Generator, known: Instance) -> Any:
        return self.draw(rng, [known])[0]

    def draw(self, rng: np.random.Generator, knowns: Sequence[Instance]) -> list[Any]:
        """Random admissible exact values, None where there is none."""
        return drawn_values(self, rng, knowns)

    def column(self, rng: np.random.Generator, knowns: Sequence[Instance]) -> Column:
        if of_several_shapes(self.stated, knowns):
            return Column.of(self.draw(rng, knowns))
        width, bounds = self.width(knowns[0]), bounds_of(self.stated, knowns)
        if self.psd or self.rank is not None or self.orthogonal:
            radii = bounds.radii * np.nan if self.orthogonal else np.sqrt(np.maximum(bounds.radii, 0.0))
            return Column.of(
                self._near(spread(rng, width, radii), knowns, COARSE, [bounds.norms_at(i) for i in range(len(knowns))])
            )
        raw = between_ends(rng, width, self.stated, knowns)
        if raw is None:
            raw = spread(rng, width, bounds.radii)
        cells, exponents = on_grids(raw, COARSE)
        cells = cells.reshape(len(cells), *self._shape(knowns[0]))
        if self.symmetric:
            cells, exponents = cells + np.swapaxes(cells, 1, 2), [e - 1 for e in exponents]
        return settled_together(cells, exponents, bounds, COARSE + 4)

    def pool(self, shape: tuple[int, ...], bounds: Bounds) -> tuple[Pool, fmpq]:
        """Corners, and their factor where no norm is limited."""
        within_one = bounds.same and (bounds.least is None or bounds.least[0] == 1)
        return matrix_pool(*shape, bounds.low is not None, bounds.high is not None, within_one), exact.ONE

    @property
    def stretchable(self) -> tuple[bool, bool]:
        """Whether values stay admissible when they are made shorter, and when they are negated."""
        free = not (self.orthogonal or "low" in self.stated or "high" in self.stated)
        return free, free and not self.psd

    def cornered(self, rng: np.random.Generator, knowns: Sequence[Instance], chances: np.ndarray) -> Column:
        return Corners.of(self, self._shape(knowns[0]), knowns).column(rng, chances)

    def corners(self, known: Instance, twins: Sequence[Any]) -> list[Any]:
        return all_corners(self, self._shape(known), known, twins)


def _signs(right: np.ndarray) -> np.ndarray:
    """+-1 for each of r columns, from the first entry of each of r rows of free numbers; shape (..., 1, r)."""
    return np.where(right[..., :, 0] < 0, -1, 1)[..., None, :]


def _half(raw: np.ndarray) -> Any:
    return fmpq(1, 2) if raw.dtype == object else 0.5


def _cayley(raw: np.ndarray) -> np.ndarray:
    """(I + S)^-1 (I - S) with S the skew part of raw: orthogonal, and rational where raw is."""
    if raw.dtype != object:
        skew = (raw - np.swapaxes(raw, -1, -2)) / 2
        eye = np.eye(raw.shape[-1])
        return np.linalg.solve(eye + skew, eye - skew)
    n = len(raw)
    skew = (raw - raw.T) * fmpq(1, 2)
    left, right = (fmpq_mat(n, n, list((exact.identity(n) + sign * skew).reshape(-1))) for sign in (1, -1))
    return exact.array([list(row) for row in left.solve(right).tolist()])
