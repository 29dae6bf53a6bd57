"""Extreme vectors and matrices: the corners that samplers and searches start from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import product

import numpy as np
from flint import fmpq

from ..arrays import exact
from ..arrays.backends import floats
from .grids import Grid
from .proposals import Norms

LEAN = (fmpq(4059, 5741), fmpq(4060, 5741))
"""A Pythagorean pair: a rational unit vector within 1e-4 of (1, 1)/sqrt 2."""
SHAPES = 512
"""Shapes whose corners are kept."""


@dataclass(frozen=True, eq=False)
class Corner:
    """An extreme vector or matrix, of which multiples are looked at.

    Attributes:
        value: exact, not to be changed.
    """

    value: np.ndarray

    @cached_property
    def ends(self) -> tuple[fmpq, fmpq]:
        """The smallest and the largest entry."""
        cells = self.value.ravel().tolist()
        return min(cells), max(cells)

    @cached_property
    def _grid(self) -> Grid:
        return Grid.of(self.value)

    @cached_property
    def _squares(self) -> fmpq:
        return sum((cell * cell for cell in self.value.ravel().tolist()), fmpq(0))

    @cached_property
    def _sizes(self) -> dict[str, fmpq]:
        """Norms that are rational, and squares of the others where these are known."""
        cells = [abs(cell) for cell in self.value.ravel().tolist()]
        sizes = {"norm1": sum(cells, fmpq(0)), "norm_inf": max(cells), "norm2": self._squares}
        sizes["frobenius"] = self._squares
        if self.value.ndim == 2:
            gram = self._grid.gram[0]
            n = gram.nrows()
            diagonal = all(gram[i, j] == 0 for i in range(n) for j in range(i))
            if diagonal or exact.rank(self.value) == 1:
                top = max(self._grid.gram[1]) if diagonal else sum(self._grid.gram[1])
                sizes["spectral"] = fmpq(top) * self._grid.unit * self._grid.unit
        return sizes

    @cached_property
    def fits(self) -> dict[str, bool]:
        """Whether its norms are at most 1, exactly, as far as they are known to be or not to be."""
        return {name: bool(size <= 1) for name, size in self._sizes.items()}

    def within(self, norms: Norms, scale: fmpq) -> bool:
        """Whether the norms of a multiple are within their limits, exactly."""
        return all(self._within(name, limit, abs(scale)) for name, limit in norms.items())

    def _within(self, name: str, limit: fmpq, scale: fmpq) -> bool:
        size = self._sizes.get(name)
        if limit < 0 or size is None:
            return self._grid.within(name, limit, scale)
        if name in ("norm1", "norm_inf"):
            return bool(size * scale <= limit)
        return bool(size * (scale * scale) <= limit * limit)


REACH, OPPOSITE, PLAIN, LOW, HIGH = range(5)
"""Factors of corners: the smallest limit on norms, minus it, 1, and the ends of the entries."""


@dataclass(frozen=True, eq=False)
class Pool:
    """Corners of one shape and the factors that they are taken with.

    Attributes:
        corners: the corners.
        entries: which corner with which factor.
    """

    corners: tuple[Corner, ...]
    entries: tuple[tuple[int, int], ...]

    @cached_property
    def floats(self) -> np.ndarray:
        """All corners as floats, the first axis counts them."""
        return np.array([floats(corner.value) for corner in self.corners])

    @cached_property
    def numbers(self) -> np.ndarray:
        """Numbers and kinds of factors of the entries, shape (2, entries)."""
        return np.array(self.entries).T

    @cache  # noqa: B019  pools are kept as long as the program runs, and norms are few
    def sure(self, norm: str | None) -> np.ndarray:
        """Which entries are within any limit on a norm that is their reach (None: without limits), exactly."""
        if norm is None:
            return np.ones(len(self.entries), dtype=bool)
        return np.array([kind <= OPPOSITE and self.corners[n].fits.get(norm, False) for n, kind in self.entries])


@lru_cache(maxsize=SHAPES)
def vector_pool(n: int, low: bool, high: bool, cube: bool = False) -> Pool:
    """Corners of vectors, whose entries may have ends; of a cube also those where all entries reach its sides."""
    base = vector_corners(n)
    full, first, signed = len(base), len(base) + 1, len(base) + 2
    entries = [*((i, REACH) for i in range(full)), (full, LOW), (full, HIGH), (first, HIGH)]
    kept = [entry for entry in entries if (low or entry[1] != LOW) and (high or entry[1] != HIGH)]
    kept += [(i, kind) for i in (full, signed) for kind in (REACH, OPPOSITE)] if cube else []
    alternating = Corner(np.array([fmpq((-1) ** i) for i in range(n)], dtype=object))
    return Pool((*base, Corner(exact.zeros(n) + 1), Corner(unit(n, 0)), alternating), tuple(kept))


@lru_cache(maxsize=SHAPES)
def matrix_pool(m: int, n: int, low: bool, high: bool, within_one: bool) -> Pool:
    """Corners of matrices, whose entries may have ends; ``within_one`` says that the smallest limit is 1."""
    base = matrix_corners(m, n)
    factors = (REACH, OPPOSITE) if within_one else (REACH, OPPOSITE, PLAIN)
    entries = [(0, PLAIN), *product(range(1, len(base)), factors)]
    entries += [(len(base), kind) for kind, stated in ((LOW, low), (HIGH, high)) if stated]
    return Pool((*base, Corner(exact.zeros(m, n) + 1)), tuple(entries))


def unit(n: int, i: int) -> np.ndarray:
    """A unit vector of the standard basis."""
    return exact.identity(n)[i]


def pair(n: int, sign: int) -> np.ndarray:
    """A rational unit vector next to (1, sign, 0, ...) / sqrt 2."""
    out = exact.zeros(n)
    out[0], out[1] = LEAN[0], sign * LEAN[1]
    return out


def _distinct(values: list[np.ndarray]) -> tuple[Corner, ...]:
    """Corners without repetitions, in order; those of one shape that differ do so as floats."""
    return tuple(map(Corner, {floats(value).tobytes(): value for value in reversed(values)}.values()))[::-1]


def root_above(n: int) -> int:
    """The smallest whole number whose square is at least n."""
    root = int(np.sqrt(n))
    return root if root * root >= n else root + 1


@lru_cache(maxsize=SHAPES)
def vector_corners(n: int) -> tuple[Corner, ...]:
    """Zero first, unit vectors, constants and pairs of either sign, not to be changed: 1-norm or 2-norm about 1."""
    found = [exact.zeros(n), *(unit(n, i) * s for i in (0, n - 1) for s in (1, -1))]
    found += [exact.zeros(n) + fmpq(s, q) for q in (n, root_above(n)) for s in (1, -1)]
    if n > 1:
        found += [pair(n, s) for s in (1, -1)] + [(unit(n, 0) + unit(n, 1)) / 2]
    return _distinct(found)


@lru_cache(maxsize=SHAPES)
def matrix_corners(m: int, n: int) -> tuple[Corner, ...]:
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
    return _distinct(found)
