"""Vectors and matrices as arguments of claims; see `domains` for what a domain offers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from itertools import chain
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat, fmpz_mat

from ..arrays import exact
from ..arrays.backends import Instance, floats
from ..arrays.exact import InputError, Unfit
from .columns import Column
from .corners import Pool, matrix_pool, vector_pool
from .domains import COARSE, distinct, neighbours
from .ends import Ends, between_ends
from .grids import Grid
from .limits import Limit
from .proposals import Norms, factors, on_grids, onto_simplex, power_of_two, spread
from .settling import Bounds, settled_together

TURN_BITS = 20
"""Bits of the skew matrices that rational orthogonal matrices are made of: those have many more."""
CONCENTRATIONS = (0.2, 1.0, 5.0)
"""Random points of a simplex are near its corners, uniform, or near its middle."""
_SHAPE = {"dim", "rows", "columns", "rank"}
_EUCLIDEAN = {"norm2", "frobenius"}
FEW = 8
"""Up to so many rationals are squared and summed as they are; more of them over a common denominator."""
_NORMS = {"norm1", "norm2", "norm_inf", "spectral", "frobenius"}


@lru_cache(maxsize=1024)
def _given(domain: Any, names: tuple[str, ...]) -> dict[str, Limit]:
    where = type(domain).__name__
    stated = {name: getattr(domain, name) for name in names if getattr(domain, name) is not None}
    limits = {name: Limit.of(value, f"{where} {name}") for name, value in stated.items()}
    for name in _NORMS & limits.keys():
        if not limits[name].names and limits[name].upper({}) < 0:
            raise InputError(f"{where} needs {name} >= 0, got {stated[name]!r}: no norm is negative")
    return limits


def _norms(limits: dict[str, Limit], known: Instance) -> Norms:
    return {name: limit.lower(known) for name, limit in limits.items() if name in _NORMS}


def _within(value: np.ndarray, limits: dict[str, Limit], known: Instance) -> bool:
    """Whether entries and norms are within their limits, exactly."""
    if ("low" in limits or "high" in limits) and not Ends.of(limits, known).admits(value):
        return False
    norms = _norms(limits, known)
    if not norms:
        return True
    if len(norms) == 1 and value.size <= FEW and not norms.keys().isdisjoint(_EUCLIDEAN):
        (limit,) = norms.values()
        return bool(limit >= 0 and sum(cell * cell for cell in value.ravel().tolist()) <= limit * limit)
    grid = Grid.of(value)
    return all(grid.within(name, limit) for name, limit in norms.items())


def _of_several_shapes(limits: dict[str, Limit], knowns: Sequence[Instance]) -> bool:
    """Whether a shape may read a number that is no size, so that it may differ from one instance to the next."""
    read = (name for key in _SHAPE & limits.keys() for name in limits[key].names)
    return len(knowns) > 1 and not all(isinstance(knowns[0][name], int) for name in read)


def _bounds(limits: dict[str, Limit], knowns: Sequence[Instance]) -> Bounds:
    """Limits on norms and entries for each of several sets of earlier arguments that share their sizes."""
    inner = {name: limit for name, limit in limits.items() if name not in _SHAPE}
    all_of = {name: limit.bounds_of_all(knowns) for name, limit in inner.items()}
    norms = {name: [low for low, _ in pairs] for name, pairs in all_of.items() if name in _NORMS}
    low = [above for _, above in all_of["low"]] if "low" in all_of else None
    high = [below for below, _ in all_of["high"]] if "high" in all_of else None
    same = all(isinstance(knowns[0][name], int) for limit in inner.values() for name in limit.names)
    return Bounds(len(knowns), norms, low, high, same)


def _drawn(domain: Any, rng: np.random.Generator, knowns: Sequence[Instance]) -> list[Any]:
    if _of_several_shapes(domain._limits, knowns):
        return [domain.sample(rng, known) for known in knowns]
    return list(domain.column(rng, knowns).values())


def _corners(domain: Any, shape: tuple[int, ...], known: Instance, twins: Sequence[Any]) -> list[Any]:
    found = [build() for twin in twins if twin.shape == shape for build in neighbours(twin)]
    bounds = _bounds(domain._limits, [known])
    pool, free = domain._pool(shape, bounds)
    found += [pool.corners[number].value * bounds.factor(kind, 0, free) for number, kind in pool.entries]
    return [value for value in distinct(found) if domain.admits(value, known)]


@dataclass(frozen=True, eq=False)
class _Corners:
    """Corners of a domain for several sets of earlier arguments.

    Attributes:
        domain: the domain.
        knowns: the earlier arguments.
        bounds: the limits that they give.
        pool: the corners.
        free: the reach of values without limits on norms.
        judged: what is known of entries of the pool where the limits are all the same.
    """

    domain: Any
    knowns: Sequence[Instance]
    bounds: Bounds
    pool: Pool
    free: fmpq
    judged: dict[int, bool] = field(default_factory=dict)

    @staticmethod
    def of(domain: Any, shape: tuple[int, ...], knowns: Sequence[Instance]) -> _Corners:
        """Corners of a shape."""
        bounds = _bounds(domain._limits, knowns)
        return _Corners(domain, knowns, bounds, *domain._pool(shape, bounds))

    def column(self, rng: np.random.Generator, chances: np.ndarray) -> Column:
        """One for each, chosen by chance among the admissible ones."""
        entries = (chances * len(self.pool.entries)).astype(int)
        present = self._sure()[entries]
        for i in np.flatnonzero(~present).tolist():
            tried = chain((int(entries[i]),), _shuffled(rng, len(self.pool.entries)))
            found = next((entry for entry in tried if self._takes(entry, i)), None)
            entries[i], present[i] = (0, False) if found is None else (found, True)
        numbers, kinds = self.pool.numbers[:, entries]
        factors = self.bounds.factors(kinds, self.free)
        plain = self.pool.floats[numbers] * factors.reshape(-1, *[1] * (self.pool.floats.ndim - 1))
        return Column(plain, lambda place: self._value(int(entries[place]), place), present)

    def _sure(self) -> np.ndarray:
        """Entries that are admissible whatever the limits are."""
        bounds = self.bounds
        limited = bounds.low is not None or bounds.high is not None or len(bounds.norms) > 1
        if self.domain._shaped or limited:
            return np.zeros(len(self.pool.entries), dtype=bool)
        for name, limits in bounds.norms.items():
            return self.pool.sure(name) & all(limit >= 0 for limit in limits)
        return self.pool.sure(None)

    def _value(self, entry: int, i: int) -> np.ndarray:
        number, kind = self.pool.entries[entry]
        return self.pool.corners[number].value * self.bounds.factor(kind, i, self.free)

    def _takes(self, entry: int, i: int) -> bool:
        if not self.bounds.same:
            return self._admits(entry, i)
        if entry not in self.judged:
            self.judged[entry] = self._admits(entry, i)
        return self.judged[entry]

    def _admits(self, entry: int, i: int) -> bool:
        """Whether a multiple of a corner is admissible, exactly."""
        if self.domain._shaped:
            return bool(self.domain.admits(self._value(entry, i), self.knowns[i]))
        number, kind = self.pool.entries[entry]
        corner, factor = self.pool.corners[number], self.bounds.factor(kind, i, self.free)
        extremes = sorted(end * factor for end in corner.ends)
        return self.bounds.ends_at(i).take(*extremes) and corner.within(self.bounds.norms_at(i), factor)


def _shuffled(rng: np.random.Generator, count: int) -> Iterator[int]:
    yield from rng.permutation(count).tolist()


def _clipped(values: np.ndarray, limits: dict[str, Limit], known: dict[str, Any]) -> np.ndarray:
    shape = (len(values),) + (1,) * (values.ndim - 1)
    ends = (limits[end].floats(known, len(values)).reshape(shape) if end in limits else None for end in ("low", "high"))
    low, high = ends
    return values if low is None and high is None else np.clip(values, low, high)


def _shortened(values: np.ndarray, size: np.ndarray, limit: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        factor = np.where(size > limit, limit / size, 1.0)
    return values * factor.reshape((-1,) + (1,) * (values.ndim - 1))


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
        assert self._limits  # a limit that is none is refused where the annotation stands

    @cached_property
    def _limits(self) -> dict[str, Limit]:
        return _given(self, ("dim", "norm1", "norm2", "norm_inf", "low", "high"))

    def limits(self) -> list[Limit]:
        return list(self._limits.values())

    def admits(self, value: Any, known: Instance) -> bool:
        """Exact: norms are compared as squares or sums of whole numbers over one denominator."""
        if value.shape != (self.width(known),):
            return False
        if self.simplex and not (all(cell >= 0 for cell in value) and value.sum() == 1):
            return False
        return _within(value, self._limits, known)

    def width(self, known: dict[str, Any]) -> int:
        return self._limits["dim"].whole(known)

    def project(self, raw: np.ndarray, known: dict[str, Any]) -> np.ndarray:
        limits = self._limits
        if self.simplex:
            return np.square(raw) / np.maximum(np.square(raw).sum(axis=1, keepdims=True), 1e-300)
        values = _clipped(raw, limits, known)
        for name in ("norm1", "norm2", "norm_inf"):
            if name in limits:
                size = np.linalg.norm(values, _ORDERS[name], axis=1)
                values = _shortened(values, size, limits[name].floats(known, len(raw)))
        return values

    def exactly(self, raw: np.ndarray, known: Instance, bits: int) -> Any:
        if not np.isfinite(raw).all():
            return None
        if self.simplex:
            return self._on_simplex(raw[None], [known], bits).values()[0]
        norms = _norms(self._limits, known)
        cells, exponents = on_grids(raw[None], bits)
        (factor,) = factors(cells.astype(float), exponents, [norms])
        grid = Grid(fmpz_mat(1, raw.size, cells[0].tolist()), power_of_two(exponents[0]))
        return Ends.of(self._limits, known).settle(grid, raw.shape, norms, factor, bits + 4)

    def _on_simplex(self, raw: np.ndarray, knowns: Sequence[Instance], bits: int) -> Column:
        peak = np.maximum(np.abs(raw).max(axis=1, keepdims=True), 1e-300)
        cells, _ = on_grids(np.square(raw / peak), bits)
        if self._limits.keys() != {"dim"}:
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
        return _drawn(self, rng, knowns)

    def column(self, rng: np.random.Generator, knowns: Sequence[Instance]) -> Column:
        if _of_several_shapes(self._limits, knowns):
            return Column.of(self.draw(rng, knowns))
        n = self.width(knowns[0])
        if self.simplex:
            weights = rng.gamma(rng.choice(CONCENTRATIONS, (len(knowns), 1)), size=(len(knowns), n))
            return self._on_simplex(np.sqrt(weights), knowns, COARSE)
        bounds = _bounds(self._limits, knowns)
        raw = between_ends(rng, n, self._limits, knowns)
        if raw is None:
            raw = spread(rng, n, bounds.radii)
        return settled_together(*on_grids(raw, COARSE), bounds, COARSE + 4)

    def _pool(self, shape: tuple[int, ...], bounds: Bounds) -> tuple[Pool, fmpq]:
        """Corners, and their factor where no norm is limited."""
        return vector_pool(*shape, bounds.low is not None, bounds.high is not None), fmpq(1 if self.simplex else 3)

    @property
    def _shaped(self) -> bool:
        return self.simplex

    @property
    def stretchable(self) -> tuple[bool, bool]:
        """Whether values stay admissible when they are made shorter, and when they are negated."""
        free = not (self.simplex or "low" in self._limits or "high" in self._limits)
        return free, free

    def cornered(self, rng: np.random.Generator, knowns: Sequence[Instance], chances: np.ndarray) -> Column:
        return _Corners.of(self, (self.width(knowns[0]),), knowns).column(rng, chances)

    def corners(self, known: Instance, twins: Sequence[Any]) -> list[Any]:
        return _corners(self, (self.width(known),), known, twins)


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
        assert self._limits  # a limit that is none is refused where the annotation stands

    @cached_property
    def _limits(self) -> dict[str, Limit]:
        return _given(self, ("rows", "columns", "spectral", "frobenius", "low", "high", "rank"))

    def limits(self) -> list[Limit]:
        return list(self._limits.values())

    def _shape(self, known: Instance) -> tuple[int, int]:
        limits = self._limits
        rows, columns = limits["rows"].whole(known), limits["columns"].whole(known)
        if (self.symmetric or self.psd) and rows != columns:
            raise Unfit(f"a symmetric matrix is square, got {rows} x {columns}")
        if self.orthogonal and rows < columns:
            raise Unfit(f"orthonormal columns need rows >= columns, got {rows} x {columns}")
        return rows, columns

    def _rank(self, known: Instance) -> int | None:
        if "rank" not in self._limits:
            return None
        wanted = self._limits["rank"].whole(known)
        if wanted > min(self._shape(known)):
            raise Unfit(f"rank {wanted} does not fit a {' x '.join(map(str, self._shape(known)))} matrix")
        return wanted

    def admits(self, value: Any, known: Instance) -> bool:
        """Exact: characteristic polynomials for definiteness and the spectral limit, elimination for the rank."""
        if value.shape != self._shape(known) or (self._shaped and not self._structured(value, known)):
            return False
        return _within(value, self._limits, known)

    @cached_property
    def _shaped(self) -> bool:
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
        limits = self._limits
        values = self._assembled(raw, known)
        if self.orthogonal:
            return values
        values = _clipped(values, limits, known)
        orders: tuple[tuple[str, Any], ...] = (("spectral", 2), ("frobenius", "fro"))
        for name, order in orders:
            if name in limits:
                size = np.linalg.norm(values, order, axis=(1, 2))
                values = _shortened(values, size, limits[name].floats(known, len(raw)))
        return values

    def exactly(self, raw: np.ndarray, known: Instance, bits: int) -> Any:
        if not np.isfinite(raw).all():
            return None
        return self._near(raw[None], [known], bits, [_norms(self._limits, known)])[0]

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
            box = Ends.of(self._limits, known)
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
        return _drawn(self, rng, knowns)

    def column(self, rng: np.random.Generator, knowns: Sequence[Instance]) -> Column:
        if _of_several_shapes(self._limits, knowns):
            return Column.of(self.draw(rng, knowns))
        width, bounds = self.width(knowns[0]), _bounds(self._limits, knowns)
        if self.psd or self.rank is not None or self.orthogonal:
            radii = [None if r is None or self.orthogonal else math.sqrt(r) for r in bounds.radii]
            return Column.of(
                self._near(spread(rng, width, radii), knowns, COARSE, [bounds.norms_at(i) for i in range(len(knowns))])
            )
        raw = between_ends(rng, width, self._limits, knowns)
        if raw is None:
            raw = spread(rng, width, bounds.radii)
        cells, exponents = on_grids(raw, COARSE)
        cells = cells.reshape(len(cells), *self._shape(knowns[0]))
        if self.symmetric:
            cells, exponents = cells + np.swapaxes(cells, 1, 2), [e - 1 for e in exponents]
        return settled_together(cells, exponents, bounds, COARSE + 4)

    def _pool(self, shape: tuple[int, ...], bounds: Bounds) -> tuple[Pool, fmpq]:
        """Corners, and their factor where no norm is limited."""
        within_one = bounds.same and (bounds.least is None or bounds.least[0] == 1)
        return matrix_pool(*shape, bounds.low is not None, bounds.high is not None, within_one), exact.ONE

    @property
    def stretchable(self) -> tuple[bool, bool]:
        """Whether values stay admissible when they are made shorter, and when they are negated."""
        free = not (self.orthogonal or "low" in self._limits or "high" in self._limits)
        return free, free and not self.psd

    def cornered(self, rng: np.random.Generator, knowns: Sequence[Instance], chances: np.ndarray) -> Column:
        return _Corners.of(self, self._shape(knowns[0]), knowns).column(rng, chances)

    def corners(self, known: Instance, twins: Sequence[Any]) -> list[Any]:
        return _corners(self, self._shape(known), known, twins)


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
