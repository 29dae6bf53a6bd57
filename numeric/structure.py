"""The structured second derivative of groups of totals, diag(D) + sum of C_ij U_i U_j^T, and pairs of columns."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from numeric.kernels import Array

TABLES = 4
"""Tables of pairs that are kept: each takes twelve bytes for an entry of a square matrix."""


def eigenvalue_bounds(D: Array, U: tuple[Array, ...], C: Array) -> tuple[float, float]:
    """An interval that holds all eigenvalues of all groups, by Weyl: of diag(D) plus of U C U^T.

    Args:
        D: diagonals, shape (..., n).
        U: r arrays of D's shape.
        C: symmetric cores, shape (..., r, r).
    """
    low, high = float(D.min()), float(D.max())
    if U:
        R = np.linalg.qr(np.stack(U, axis=-1), mode="r")
        core = np.linalg.eigvalsh(R @ C @ np.swapaxes(R, -1, -2))
        low, high = low + min(0.0, float(core.min())), high + max(0.0, float(core.max()))
    return low, high


def size_of_terms(D: Array, U: tuple[Array, ...], C: Array) -> float:
    """max |D| + max sum over i, j of |U_i| |C_ij| |U_j|: how large the terms are that may cancel."""
    size = float(np.abs(D).max())
    if U:
        rows, core, terms = [np.abs(u) for u in U], np.abs(C)[..., None], np.zeros_like(D)
        for i, j in np.ndindex(len(rows), len(rows)):
            terms += core[..., i, j, :] * rows[i] * rows[j]
        size += float(terms.max())
    return size


def low_rank_product(V: Array, C: Array, v: Array) -> Array:
    """V^T C V v for each group: V of shape (..., r, d), C (..., r, r), v and the result (..., d)."""
    inner = np.vecdot(C, np.vecdot(V, v[..., None, :])[..., None, :])
    return np.vecdot(np.swapaxes(V, -1, -2), inner[..., None, :])


def low_rank_diagonal(V: Array, C: Array) -> Array:
    """The diagonal of V^T C V for each group, shape (..., d)."""
    return np.einsum("...ip,...ij,...jp->...p", V, C, V)


def squared_singular_bounds(A: Array) -> tuple[float, float]:
    """The smallest and the largest eigenvalue of A^T A."""
    singular = np.linalg.svd(A, compute_uv=False)
    n, d = A.shape
    return (float(singular[-1]) ** 2 if n >= d else 0.0), float(singular[0]) ** 2


def congruent_bounds(bounds: tuple[float, float], squared: tuple[float, float]) -> tuple[float, float]:
    """Bounds of the eigenvalues of M^T H M, from those of H and of M^T M."""
    (low, high), (smallest, largest) = bounds, squared
    return min(low * smallest, low * largest), max(high * smallest, high * largest)


@dataclass(frozen=True, eq=False)
class PairTable:
    """The pairs p <= r of d columns, numbered.

    Attributes:
        first: p of each pair.
        second: r of each pair.
        position: the number of the pair (p, r) or (r, p), shape (d, d).
    """

    first: Array
    second: Array
    position: Array

    @classmethod
    @lru_cache(maxsize=TABLES)
    def of(cls, d: int) -> "PairTable":
        """The table of d columns; read only, as it is shared."""
        first, second = np.triu_indices(d)
        table = np.zeros((d, d), dtype=np.intp)
        table[first, second] = table[second, first] = np.arange(len(first))
        return cls(first, second, table)

    def __len__(self) -> int:
        return len(self.first)

    def products(self, columns: Array, part: slice = slice(None)) -> Array:
        """The products of the two columns of each pair, given as rows, shape (d, n) to (number of pairs, n)."""
        return self.cross(columns, columns, part)

    def cross(self, first: Array, second: Array, part: slice = slice(None)) -> Array:
        """The same with the first column of a pair from one array and the second one from another."""
        # In place, and not by an index: both halve the time, which goes into memory.
        products: Array = first.take(self.first[part], axis=0)
        products *= second.take(self.second[part], axis=0)
        return products
