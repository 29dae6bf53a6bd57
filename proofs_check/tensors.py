"""Vectors and matrices as arguments of claims; see `domains` for what a domain offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat

from . import exact
from .backends import Instance, floats
from .corners import pair, plain_corners, root_above, unit
from .domains import COARSE, distinct, neighbours, rounded, uniform
from .exact import InputError, Unfit, from_float
from .limits import Limit

SHRINKS = (0.0, 1e-13, 1e-11, 1e-9, 1e-6, 1e-3, 0.5)
"""Relative amounts by which a proposal is scaled down until the exact predicate admits it."""


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


def _scale_down(
    value: np.ndarray, norms: dict[str, fmpq], measure: Callable[[str, np.ndarray], float], bits: int
) -> fmpq:
    """A rational factor that brings the float norms of ``value`` to their limits."""
    plain = floats(value)
    factor = 1.0
    for name, limit in norms.items():
        size = measure(name, plain)
        if size > max(floats(limit), 0.0):
            factor = min(factor, floats(limit) / size)
    return fmpq(1) if factor == 1.0 else rounded(np.array([factor]), bits)[0]


def _settled(value: np.ndarray, factor: fmpq, admits: Callable[[np.ndarray], bool]) -> np.ndarray | None:
    for shrink in SHRINKS:
        candidate = value * (factor * (1 - from_float(shrink)))
        if admits(candidate):
            return candidate
    return None


def _boxed(value: np.ndarray, low: fmpq | None, high: fmpq | None) -> np.ndarray:
    if low is not None:
        value = exact.each(lambda cell: max(cell, low), value)
    return value if high is None else exact.each(lambda cell: min(cell, high), value)


@dataclass(frozen=True)
class _Box:
    """Limits low <= entry <= high, as rationals that are certainly inside."""

    low: fmpq | None
    high: fmpq | None

    @staticmethod
    def of(limits: dict[str, Limit], known: Instance) -> _Box:
        low, high = limits.get("low"), limits.get("high")
        return _Box(low.upper(known) if low else None, high.lower(known) if high else None)

    def admits(self, value: np.ndarray) -> bool:
        low, high = self.low, self.high
        return all((low is None or cell >= low) and (high is None or cell <= high) for cell in value.reshape(-1))


def _clipped(values: np.ndarray, limits: dict[str, Limit], known: dict[str, Any]) -> np.ndarray:
    shape = (len(values),) + (1,) * (values.ndim - 1)
    ends = (limits[end].floats(known, len(values)).reshape(shape) if end in limits else None for end in ("low", "high"))
    low, high = ends
    return values if low is None and high is None else np.clip(values, low, high)


def _shortened(values: np.ndarray, size: np.ndarray, limit: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        factor = np.where(size > limit, limit / size, 1.0)
    return values * factor.reshape((-1,) + (1,) * (values.ndim - 1))


def _spread(rng: np.random.Generator, width: int, radius: float | None) -> np.ndarray:
    """Free floats: half of them beyond every limit, so that projection brings them to the boundary."""
    draw = rng.standard_normal(width)
    if rng.random() < 0.2:
        draw[rng.random(width) < 0.5] = 0.0
    if radius is None:
        return draw * 10.0 ** rng.uniform(-1, 1)
    reach = max(float(np.linalg.norm(draw)), 1e-300)
    if rng.random() < 0.25:
        radius *= 10.0 ** rng.uniform(-2, 0)  # well inside, where further hypotheses are met
        return draw * (radius / reach)
    return draw * (radius / reach) * (1e3 if rng.random() < 0.5 else rng.random() ** (1 / max(width, 1)))


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
        self._all_limits()

    def _all_limits(self) -> dict[str, Limit]:
        return _given(self, ("dim", "norm1", "norm2", "norm_inf", "low", "high"))

    def limits(self) -> list[Limit]:
        return list(self._all_limits().values())

    def _norms(self, known: Instance) -> dict[str, fmpq]:
        given = self._all_limits()
        return {name: given[name].lower(known) for name in ("norm1", "norm2", "norm_inf") if name in given}

    def admits(self, value: Any, known: Instance) -> bool:
        """Exact: norms are compared as squares or sums of rationals."""
        if value.shape != (self._all_limits()["dim"].whole(known),):
            return False
        norms = self._norms(known)
        return (
            _Box.of(self._all_limits(), known).admits(value)
            and (not self.simplex or (all(cell >= 0 for cell in value) and value.sum() == 1))
            and ("norm1" not in norms or sum(map(abs, value)) <= norms["norm1"])
            and ("norm2" not in norms or (norms["norm2"] >= 0 and (value * value).sum() <= norms["norm2"] ** 2))
            and ("norm_inf" not in norms or max(map(abs, value)) <= norms["norm_inf"])
        )

    def width(self, known: dict[str, Any]) -> int:
        return self._all_limits()["dim"].whole(known)

    def project(self, raw: np.ndarray, known: dict[str, Any]) -> np.ndarray:
        limits = self._all_limits()
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
            value = _onto_simplex(rounded(np.square(raw / max(np.abs(raw).max(), 1e-300)), bits))
        else:
            box = _Box.of(self._all_limits(), known)
            value = _boxed(rounded(raw, bits), box.low, box.high)
        measure = lambda name, v: float(np.linalg.norm(v, _ORDERS[name]))  # noqa: E731 - a name for one argument
        factor = fmpq(1) if self.simplex else _scale_down(value, self._norms(known), measure, bits + 4)
        return _settled(value, factor, lambda candidate: self.admits(candidate, known))

    def raw(self, value: Any) -> np.ndarray:
        return np.sqrt(floats(value)) if self.simplex else floats(value)

    def sample(self, rng: np.random.Generator, known: Instance) -> Any:
        n = self.width(known)
        if self.simplex:
            weights = rng.dirichlet(np.full(n, rng.choice([0.2, 1.0, 5.0])))
            return self.exactly(np.sqrt(weights), known, COARSE)
        box = _Box.of(self._all_limits(), known)
        norms = self._norms(known)
        if box.low is not None and box.high is not None:
            return None if box.low > box.high else self.exactly(uniform(rng, box.low, box.high, n), known, COARSE)
        radius = min(map(floats, norms.values())) if norms else None
        return self.exactly(_spread(rng, n, radius), known, COARSE)

    def corners(self, known: Instance, twins: Sequence[Any]) -> list[Any]:
        n = self.width(known)
        norms = self._norms(known)
        reach = min([*norms.values(), fmpq(1) if norms or self.simplex else fmpq(3)])
        reach = min(norms.values()) if norms else reach
        found = [near for twin in twins if twin.shape == (n,) for near in neighbours(twin)]
        found += [exact.zeros(n), *(unit(n, i) * (reach * s) for i in {0, n - 1} for s in (1, -1))]
        found += [exact.zeros(n) + reach * fmpq(s, q) for q in {n, root_above(n)} for s in (1, -1)]
        if n > 1:
            found += [pair(n, s) * reach for s in (1, -1)] + [(unit(n, 0) + unit(n, 1)) * (reach / 2)]
        box = _Box.of(self._all_limits(), known)
        found += [exact.zeros(n) + end for end in (box.low, box.high) if end is not None]
        found += [unit(n, 0) * box.high for _ in (0,) if box.high is not None]
        return [value for value in distinct(found) if self.admits(value, known)]


_ORDERS: dict[str, Any] = {"norm1": 1, "norm2": 2, "norm_inf": np.inf}


def _onto_simplex(weights: np.ndarray) -> np.ndarray:
    whole = weights.sum()
    return weights / whole if whole > 0 else exact.zeros(len(weights)) + fmpq(1, len(weights))


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
        self._all_limits()

    def _all_limits(self) -> dict[str, Limit]:
        return _given(self, ("rows", "columns", "spectral", "frobenius", "low", "high", "rank"))

    def limits(self) -> list[Limit]:
        return list(self._all_limits().values())

    def _norms(self, known: Instance) -> dict[str, fmpq]:
        given = self._all_limits()
        return {name: given[name].lower(known) for name in ("spectral", "frobenius") if name in given}

    def _shape(self, known: Instance) -> tuple[int, int]:
        limits = self._all_limits()
        rows, columns = limits["rows"].whole(known), limits["columns"].whole(known)
        if (self.symmetric or self.psd) and rows != columns:
            raise Unfit(f"a symmetric matrix is square, got {rows} x {columns}")
        if self.orthogonal and rows < columns:
            raise Unfit(f"orthonormal columns need rows >= columns, got {rows} x {columns}")
        return rows, columns

    def _rank(self, known: Instance) -> int | None:
        limits = self._all_limits()
        if "rank" not in limits:
            return None
        wanted = limits["rank"].whole(known)
        if wanted > min(self._shape(known)):
            raise Unfit(f"rank {wanted} does not fit a {' x '.join(map(str, self._shape(known)))} matrix")
        return wanted

    def admits(self, value: Any, known: Instance) -> bool:
        """Exact: LDL^T for definiteness and the spectral limit, elimination for the rank."""
        if value.shape != self._shape(known) or not _Box.of(self._all_limits(), known).admits(value):
            return False
        norms, wanted = self._norms(known), self._rank(known)
        return (
            (not (self.symmetric or self.psd) or bool(np.all(value == value.T)))
            and (not self.orthogonal or bool(np.all(value.T @ value == exact.identity(value.shape[1]))))
            and ("frobenius" not in norms or _within((value * value).sum(), norms["frobenius"]))
            and ("spectral" not in norms or _spectrally_within(value, norms["spectral"]))
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
        limits = self._all_limits()
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
        value = self._assembled(rounded(raw, min(bits, 20) if self.orthogonal else bits), known)
        if self.orthogonal:
            return value if self.admits(value, known) else None
        box = _Box.of(self._all_limits(), known)
        value = _boxed(value, box.low, box.high)
        measure = lambda name, v: float(np.linalg.norm(v, 2 if name == "spectral" else "fro"))  # noqa: E731
        factor = _scale_down(value, self._norms(known), measure, bits + 4)
        return _settled(value, factor, lambda candidate: self.admits(candidate, known))

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
        norms = self._norms(known)
        box = _Box.of(self._all_limits(), known)
        width = self.width(known)
        structured = self.psd or self.rank or self.orthogonal
        if box.low is not None and box.high is not None and not structured:
            return None if box.low > box.high else self.exactly(uniform(rng, box.low, box.high, width), known, COARSE)
        reach = [floats(v) for v in norms.values()]
        radius = np.sqrt(min(reach)) if structured and reach else min(reach, default=None)
        return self.exactly(_spread(rng, width, None if self.orthogonal else radius), known, COARSE)

    def corners(self, known: Instance, twins: Sequence[Any]) -> list[Any]:
        m, n = self._shape(known)
        norms = self._norms(known)
        reach = min(norms.values()) if norms else fmpq(1)
        found = [near for twin in twins if twin.shape == (m, n) for near in neighbours(twin)]
        found += [value * s for value in plain_corners(m, n) for s in distinct([reach, -reach, fmpq(1)])]
        box = _Box.of(self._all_limits(), known)
        found += [exact.zeros(m, n) + end for end in (box.low, box.high) if end is not None]
        return [value for value in distinct(found) if self.admits(value, known)]


def _signs(right: np.ndarray) -> np.ndarray:
    """+-1 for each of r columns, from the first entry of each of r rows of free numbers; shape (..., 1, r)."""
    return np.where(right[..., :, 0] < 0, -1, 1)[..., None, :]


def _half(raw: np.ndarray) -> Any:
    return fmpq(1, 2) if raw.dtype == object else 0.5


def _within(square: fmpq, limit: fmpq) -> bool:
    return bool(limit >= 0 and square <= limit * limit)


def _spectrally_within(value: np.ndarray, limit: fmpq) -> bool:
    gram = exact.gram(value)
    return bool(limit >= 0) and exact.is_psd(exact.identity(len(gram)) * limit**2 - gram)


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
