"""The two linear maps between the unknown x and the entries z that the formulas see.

Each map applies itself and its adjoint, and contracts a structured Hessian in z to the one in x. Dense
Hessians come as a stack of diagonal blocks, shape (k, m, m): k independent problems share one map.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from numeric.kernels import Array
from numeric.structure import GroupHessians

BLOCK_ENTRIES = 1 << 19
"""Work arrays of a contraction hold about this many entries, 4 MiB of float64: they stay in cache."""


class LinearMap(Protocol):
    """What problems and operators ask of a linear map."""

    @property
    def factors(self) -> tuple[Array, ...]: ...

    def rebuilt(self, *factors: Array) -> "LinearMap": ...

    def forward(self, x: Array) -> Array: ...

    def adjoint(self, g: Array) -> Array: ...

    def contract(self, H: GroupHessians) -> Array: ...

    def contract_diagonal(self, H: GroupHessians) -> Array: ...

    def squared_singular_bounds(self) -> tuple[float, float]: ...


@dataclass(frozen=True, eq=False)
class RowMap:
    """z = A x: x of shape (d,) to z of shape (n,), or k rows at once, (k, d) to (k, n).

    Attributes:
        A: shape (n, d).
    """

    A: Array

    @property
    def factors(self) -> tuple[Array, ...]:
        """The matrices of the map, (A,)."""
        return (self.A,)

    def rebuilt(self, *factors: Array) -> "RowMap":
        """The same kind of map with another A."""
        return RowMap(*factors)

    def forward(self, x: Array) -> Array:
        """A x, for each row of x."""
        return x @ self.A.T

    def adjoint(self, g: Array) -> Array:
        """A^T g, for each row of g."""
        return g @ self.A

    def contract(self, H: GroupHessians) -> Array:
        """A^T (diag(D) + U C U^T) A for each row, shape (k, d, d)."""
        n, d = self.A.shape
        D = H.D.reshape(-1, n)
        V = self.A.T @ H.U.reshape(len(D), n, -1)
        low_rank = V @ H.C.reshape(len(D), *H.C.shape[-2:]) @ np.swapaxes(V, -1, -2)
        # One product per row keeps the work array at the size of A.
        diagonal = np.stack([(self.A.T * row) @ self.A for row in D])
        return (diagonal + low_rank).reshape(-1, d, d)

    def contract_diagonal(self, H: GroupHessians) -> Array:
        """The diagonal of `contract`, in the shape of x."""
        V = self.A.T @ H.U
        return H.D @ self.A**2 + ((V @ H.C) * V).sum(axis=-1)

    def squared_singular_bounds(self) -> tuple[float, float]:
        """The smallest and the largest eigenvalue of A^T A."""
        return _squared_singular_bounds(self.A)


@dataclass(frozen=True, eq=False)
class BilinearMap:
    """Z = A1 X A2^T, row-major vec(Z) = (A1 (x) A2) vec(X); the Kronecker product is never built.

    Attributes:
        A1: shape (n1, d1); row j makes the group of totals j.
        A2: shape (n2, d2).
    """

    A1: Array
    A2: Array

    @property
    def factors(self) -> tuple[Array, ...]:
        """The matrices of the map, (A1, A2)."""
        return self.A1, self.A2

    def rebuilt(self, *factors: Array) -> "BilinearMap":
        """The same kind of map with another A1 and A2."""
        return BilinearMap(*factors)

    def forward(self, x: Array) -> Array:
        """A1 X A2^T, from shape (d1, d2) to (n1, n2)."""
        return (self.A1 @ x) @ self.A2.T

    def adjoint(self, g: Array) -> Array:
        """A1^T G A2, from shape (n1, n2) to (d1, d2)."""
        return self.A1.T @ (g @ self.A2)

    def contract(self, H: GroupHessians) -> Array:
        """sum_j (a_j a_j^T) (x) (A2^T H_j A2), shape (1, d1 d2, d1 d2), a_j the rows of A1.

        Both factors are symmetric, so only their upper triangles enter: with the rows of A1's and A2's pair
        tables, a_jp a_jr and a_jq a_js, the sum over j is one matrix product of pair tables.
        """
        (n1, d1), d2 = self.A1.shape, self.A2.shape[1]
        left, right = _PairTable(d1), _PairTable(d2)
        pairs1, pairs2 = left.products(self.A1), right.products(self.A2)
        sums = np.zeros((pairs1.shape[1], pairs2.shape[1]), dtype=H.D.dtype)
        block = max(1, BLOCK_ENTRIES // (d2 * d2))
        for start in range(0, n1, block):
            rows = slice(start, start + block)
            V = self.A2.T @ H.U[rows]
            low_rank = V @ H.C[rows] @ np.swapaxes(V, -1, -2)
            sums += pairs1[rows].T @ (H.D[rows] @ pairs2 + low_rank[:, right.first, right.second])
        dense = sums[left.position[:, None, :, None], right.position[None, :, None, :]]
        return dense.reshape(1, d1 * d2, d1 * d2)

    def contract_diagonal(self, H: GroupHessians) -> Array:
        """The diagonal of `contract`, in the shape of X."""
        V = self.A2.T @ H.U
        return (self.A1**2).T @ (H.D @ self.A2**2 + ((V @ H.C) * V).sum(axis=-1))

    def squared_singular_bounds(self) -> tuple[float, float]:
        """The smallest and the largest eigenvalue of (A1 (x) A2)^T (A1 (x) A2)."""
        low1, high1 = _squared_singular_bounds(self.A1)
        low2, high2 = _squared_singular_bounds(self.A2)
        return low1 * low2, high1 * high2


@dataclass(frozen=True)
class _PairTable:
    """The pairs p <= r of d columns, numbered."""

    d: int

    @cached_property
    def _upper(self) -> tuple[Array, Array]:
        return np.triu_indices(self.d)

    @property
    def first(self) -> Array:
        return self._upper[0]

    @property
    def second(self) -> Array:
        return self._upper[1]

    @cached_property
    def position(self) -> Array:
        """The number of the pair (p, r) or (r, p), shape (d, d)."""
        table = np.zeros((self.d, self.d), dtype=np.intp)
        table[self._upper] = np.arange(len(self.first))
        return np.maximum(table, table.T)

    def products(self, A: Array) -> Array:
        """The products of the two columns of each pair, shape (n, number of pairs)."""
        return A[:, self.first] * A[:, self.second]


def _squared_singular_bounds(A: Array) -> tuple[float, float]:
    singular = np.linalg.svd(A, compute_uv=False)
    n, d = A.shape
    return (float(singular[-1]) ** 2 if n >= d else 0.0), float(singular[0]) ** 2
