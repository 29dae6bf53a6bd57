"""The second derivative of a matrix form: products, the dense matrix and bounds from D, A2^T U and C per row.

With V_j = A2^T U_j, a matrix of d2 columns, nothing of the low-rank part is as large as Z: a product needs the
entries of A1 V A2^T times D, and small products with V_j and C_j.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from numeric.forms.layout import RowBlock, drop
from numeric.kernels import Array
from numeric.structure import (
    TABLES,
    PairTable,
    congruent_bounds,
    eigenvalue_bounds,
    low_rank_diagonal,
    low_rank_product,
    size_of_terms,
    squared_singular_bounds,
)

LARGEST_TABLE = 256
"""Unknowns up to which the places of all entries are kept, half a MiB: one gather instead of one for each column."""

if TYPE_CHECKING:
    from numeric.forms.matrix import MatrixEvaluation

KEPT_BYTES = 256 << 20
"""D is kept between products up to this size, and computed again for each product beyond it."""
PAIR_ENTRIES = 1 << 22
"""A table of products of A2's columns holds up to this many entries, 32 MiB of float64; more go in parts."""


@dataclass(frozen=True, eq=False)
class MatrixHessian:
    """exp(log_scale) sum_j (a_j a_j^T) (x) (A2^T (diag(D_j) + U_j C_j U_j^T) A2), a_j the rows of A1.

    Attributes:
        evaluation: the form at the point.
        kind: "hessian" or "gauss_newton".
        log_scale: of all results.
        asked: what has been asked for. A first product is made at once; D and V are kept from the second on.
    """

    evaluation: "MatrixEvaluation"
    kind: str
    log_scale: float
    asked: set[str] = field(default_factory=set)

    @property
    def rank(self) -> int:
        """Of U in each group."""
        return self._prepared[1].shape[1]

    @property
    def surely_finite(self) -> bool:
        """Whether every z is small, or scaled to at most 1, and sums of n targets of a size whose square is a float."""
        form, loss = self.evaluation.form, self.evaluation.loss
        bounded = loss.DEGREE is not None or all(self.evaluation.small)
        heaviest = 1.0 if form.row_weights is None else max(1.0, float(form.row_weights.max()))
        return bounded and form.shape[1] * form.largest_target * heaviest <= np.finfo(form.target.dtype).max ** 0.25

    def _pieces(self) -> Iterator[tuple[RowBlock, Array, tuple[Array, ...], Array]]:
        return self.evaluation.pieces(self.kind, self.log_scale)

    @cached_property
    def _prepared(self) -> tuple[list[Array] | None, Array, Array]:
        """D of each block, or None where they are too large to be kept; V of shape (n1, r, d2); C."""
        self.asked.add("pieces")
        form = self.evaluation.form
        keep = sum(block.shape[0] * block.shape[1] for block in form.blocks) * form.A1.itemsize <= KEPT_BYTES
        diagonals: list[Array] = []
        factors, cores = [], []
        for block, D, U, C in self._pieces():
            if keep:
                diagonals.append(D.copy())
            V = np.empty((len(D), len(U), form.A2.shape[1]), D.dtype)
            for i, rows in enumerate(U):
                V[:, i] = rows @ form.A2[block.columns]
            factors.append(V)
            cores.append(C)
        return diagonals if keep else None, _joined(factors), _joined(cores)

    def diagonals(self) -> Iterator[tuple[RowBlock, Array]]:
        """Each row block with its D."""
        kept = self._prepared[0]
        if kept is not None:
            yield from zip(self.evaluation.form.blocks, kept, strict=True)
            return
        for block, D, _, _ in self._pieces():
            yield block, D

    @property
    def low_rank(self) -> tuple[Array, Array]:
        """V of shape (n1, r, d2), with rows A2^T U_i, and C of shape (n1, r, r)."""
        return self._prepared[1:]

    def apply(self, v: Array) -> Array:
        """The product with v, of shape (d1, d2)."""
        if not self.asked:
            self.asked.add("product")
            return self.evaluation.product(self.kind, self.log_scale, v)
        form, (_, V, C) = self.evaluation.form, self._prepared
        left = form.A1 @ v
        products = np.empty_like(left)
        buffers = form.buffers(1)
        for block, D in self.diagonals():
            A2 = form.A2[block.columns]
            (entries,) = buffers.like(block)
            np.matmul(left[block.rows], A2.T, out=entries)
            drop(entries, buffers.dropped(block))  # D is 0 there, but an entry might be infinite
            entries *= D
            np.matmul(entries, A2, out=products[block.rows])
        buffers.give_back()
        if V.shape[1]:
            products += low_rank_product(V, C, left)
        return form.A1.T @ products

    def diagonal(self) -> Array:
        """The diagonal, of shape (d1, d2)."""
        form, (_, V, C) = self.evaluation.form, self._prepared
        products = low_rank_diagonal(V, C)
        for block, D in self.diagonals():
            products[block.rows] += D @ form.A2[block.columns] ** 2
        return (form.A1**2).T @ products

    def blocks(self) -> Array:
        """The dense matrix, shape (1, d1 d2, d1 d2)."""
        return symmetric_blocks(self.pair_sums(), self.evaluation.form.x_shape)

    def pair_sums(self) -> Array:
        """The entries of the dense matrix, each once: by pair p <= r of A2's columns and pair of A1's.

        The factors of each Kronecker product are symmetric, so only their upper triangles enter: with tables of
        the products of A1's and A2's columns in pairs, the sum over j is one matrix product.
        """
        form, (_, V, C) = self.evaluation.form, self._prepared
        left, right = PairTable.of(form.A1.shape[1]), PairTable.of(form.A2.shape[1])
        parts = max(1, -(-len(right) * len(form.A2) // PAIR_ENTRIES))
        cuts = [slice(len(right) * i // parts, len(right) * (i + 1) // parts) for i in range(parts)]
        known1, known2 = (form.pairs(side) for side in (0, 1))
        A1, A2 = (A.T if known is not None else np.ascontiguousarray(A.T)
                  for A, known in zip(form.factors, (known1, known2), strict=True))  # fmt: skip
        whole = right.products(A2) if known2 is None and parts == 1 else known2
        # Columns of V as rows: a pair's products are then products of contiguous rows.
        outer, inner = (np.ascontiguousarray(np.transpose(array, (1, 2, 0))) for array in (C @ V, V))
        sums = np.empty((len(right), len(left)), A1.dtype)
        for number, (block, D) in enumerate(self.diagonals()):
            pairs1 = left.products(A1[:, block.rows]) if known1 is None else known1[:, block.rows]
            for cut in cuts:
                pairs2 = right.products(A2[:, block.columns], cut) if whole is None else whole[cut, block.columns]
                terms = pairs2 @ D.T
                for a, b in zip(outer[:, :, block.rows], inner[:, :, block.rows], strict=True):
                    terms += right.cross(a, b, cut)
                if number == 0:
                    np.matmul(terms, pairs1.T, out=sums[cut])
                else:
                    sums[cut] += terms @ pairs1.T
        return sums

    def eigenvalue_bounds(self) -> tuple[float, float]:
        """An inclusion of the eigenvalues, from those in z and the singular values of A1 and A2."""
        form = self.evaluation.form
        bounds = np.array([eigenvalue_bounds(D, U, C) for _, D, U, C in self._pieces()])
        low, high = float(bounds[:, 0].min()), float(bounds[:, 1].max())
        if form.masked:
            low, high = min(low, 0.0), max(high, 0.0)
        (low1, high1), (low2, high2) = (squared_singular_bounds(A) for A in form.factors)
        return congruent_bounds((low, high), (low1 * low2, high1 * high2))

    def terms(self) -> float:
        """The size of the pieces in z."""
        return max(size_of_terms(D, U, C) for _, D, U, C in self._pieces())


def _joined(parts: list[Array]) -> Array:
    """The parts along axis 0, without a copy of a single one."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


@lru_cache(maxsize=TABLES)
def _places(d1: int, d2: int) -> Array:
    """Where the entries of the dense matrix stand in the flat `pair_sums`, shape (1, d1 d2, d1 d2)."""
    left, right = PairTable.of(d1), PairTable.of(d2)
    places = right.position[None, :, None, :] * len(left) + left.position[:, None, :, None]
    return places.reshape(1, d1 * d2, d1 * d2)


def symmetric_blocks(sums: Array, x_shape: tuple[int, ...]) -> Array:
    """The dense matrix of some `pair_sums`: sums[pair of (q, s), pair of (p, r)] at row (p, q) and column (r, s).

    Args:
        sums: of one form, or added up over several.
        x_shape: (d1, d2).
    """
    d1, d2 = x_shape
    if d1 * d2 <= LARGEST_TABLE:
        return sums.reshape(-1)[_places(d1, d2)]
    left, right = PairTable.of(d1), PairTable.of(d2)
    dense = np.empty((d1, d2, d1, d2), sums.dtype)
    rows = np.ascontiguousarray(sums.T)
    for p in range(d1):
        dense[p] = np.take(rows[left.position[p]], right.position, axis=1).transpose(1, 0, 2)
    return dense.reshape(1, d1 * d2, d1 * d2)
