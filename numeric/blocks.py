"""Row blocks of A and what forms do with one: entries, sums over its rows, weighted squares.

Rows g, D and x may be stacked: shapes (..., rows) and (..., d) with the same leading axes.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import scipy.sparse

from numeric.forms.sums import GramSum
from numeric.kernels import Array


class Block(Protocol):
    """Some consecutive rows of A.

    Attributes:
        rows: which ones.
    """

    @property
    def rows(self) -> slice: ...

    @property
    def stored(self) -> Array:
        """The entries that are stored, in any shape."""
        ...

    def moved(self, rows: slice) -> "Block":
        """The same block at another place."""
        ...

    def toarray(self) -> Array:
        """The rows, shape (rows, d)."""
        ...

    def forward(self, x: Array) -> Array:
        """A x, shape (..., rows)."""
        ...

    def adjoint(self, g: Array) -> Array:
        """A^T g, shape (..., d)."""
        ...

    def add_gram(self, D: Array, total: GramSum) -> None:
        """Adds A^T diag(D) A to a sum, for each of its k weightings; D of shape (k, rows)."""
        ...

    def squares(self, D: Array) -> Array:
        """The diagonal of A^T diag(D) A, shape (..., d)."""
        ...

    def times(self, P: Any) -> Any:
        """The matrix A P, for a dense or sparse P of shape (d, r)."""
        ...


@dataclass(frozen=True, eq=False)
class DenseBlock:
    """Rows as an array, shape (rows, d)."""

    rows: slice
    matrix: Array

    @property
    def stored(self) -> Array:
        """See `Block`; so are all methods below."""
        return self.matrix

    def moved(self, rows: slice) -> "DenseBlock":
        return replace(self, rows=rows)

    def toarray(self) -> Array:
        return self.matrix

    def forward(self, x: Array) -> Array:
        return x @ self.matrix.T

    def adjoint(self, g: Array) -> Array:
        return g @ self.matrix

    def add_gram(self, D: Array, total: GramSum) -> None:
        for number, row in enumerate(D):
            total.add_rows(number, self.matrix, row)

    def squares(self, D: Array) -> Array:
        return D @ self.matrix**2

    def times(self, P: Any) -> Array:
        return self.matrix @ P


def compressed(kind: Any, arrays: Any, shape: tuple[int, ...]) -> Any:
    """A CSR or CSC matrix of arrays that belong to one already.

    SciPy's constructors would check them again, and copy those that are views of much larger ones: a third of a product
    with a block.

    Args:
        kind: `scipy.sparse.csr_array` or `csc_array`.
        arrays: what has `data`, `indices` and `indptr`.
        shape: of the matrix.
    """
    matrix = kind(shape, dtype=arrays.data.dtype)
    matrix.data, matrix.indices, matrix.indptr = arrays.data, arrays.indices, arrays.indptr
    return matrix


@dataclass(frozen=True, eq=False)
class SparseBlock:
    """Rows as a CSR matrix without duplicate entries, shape (rows, d)."""

    rows: slice
    matrix: Any

    @property
    def stored(self) -> Array:
        """See `Block`; so are all methods below."""
        return self.matrix.data

    def moved(self, rows: slice) -> "SparseBlock":
        return replace(self, rows=rows)

    def toarray(self) -> Array:
        return self.matrix.toarray()

    def forward(self, x: Array) -> Array:
        return (self.matrix @ x.T).T

    def adjoint(self, g: Array) -> Array:
        if scipy.sparse.issparse(g):
            return g @ self.matrix
        return (compressed(scipy.sparse.csc_array, self.matrix, self.matrix.shape[::-1]) @ g.T).T

    def add_gram(self, D: Array, total: GramSum) -> None:
        counts = np.diff(self.matrix.indptr)
        for number, row in enumerate(D):
            scaled = self.matrix.copy()
            scaled.data *= np.repeat(row, counts)
            product = (self.matrix.T @ scaled).tocoo()
            total.add_entries(number, product.row, product.col, product.data)

    def squares(self, D: Array) -> Array:
        return D @ self.matrix.power(2)

    def times(self, P: Any) -> Any:
        return self.matrix @ P


@dataclass(frozen=True, eq=False)
class ChangedBlock:
    """The block (A - 1 mean^T) P, applied factor by factor; only weighted squares, or who asks for it, form it.

    Attributes:
        inner: the block of A.
        P: shape (d, r), dense or sparse.
        mean: shape (d,), or None for zero.
    """

    inner: Block
    P: Any
    mean: Array | None = None

    @property
    def rows(self) -> slice:
        """See `Block`; so are all methods below."""
        return self.inner.rows

    @property
    def stored(self) -> Array:
        return self.formed.stored

    @cached_property
    def formed(self) -> DenseBlock | SparseBlock:
        """The matrix of the block."""
        matrix = self.inner.times(self.P)
        if self.mean is not None:
            matrix = matrix - self.mean @ self.P
        return DenseBlock(self.rows, matrix) if isinstance(matrix, np.ndarray) else SparseBlock(self.rows, matrix)

    def moved(self, rows: slice) -> "ChangedBlock":
        return replace(self, inner=self.inner.moved(rows))

    def toarray(self) -> Array:
        return self.formed.toarray()

    def forward(self, x: Array) -> Array:
        original = x @ self.P.T
        z = self.inner.forward(original)
        return z if self.mean is None else z - (original @ self.mean)[..., None]

    def adjoint(self, g: Array) -> Array:
        original = self.inner.adjoint(g)
        if self.mean is not None:
            original = original - g.sum(axis=-1)[..., None] * self.mean
        return original @ self.P

    def add_gram(self, D: Array, total: GramSum) -> None:
        self.formed.add_gram(D, total)

    def squares(self, D: Array) -> Array:
        return self.formed.squares(D)

    def times(self, P: Any) -> Any:
        if self.mean is not None:
            return self.formed.times(P)
        # Two small factors first: the rows are not formed for this.
        return self.inner.times(self.P @ P)
