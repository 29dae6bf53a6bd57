"""The change of variables of `numeric.whitening` for an A that is read in row blocks; nothing of length n is made.

A triangular factor R of A (one read, d x d) has A's singular values and right singular vectors, so P
(R^{-1} or V S^{-1}) comes from R; the whitened map x -> A P x reads A and applies P block by block.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from numeric.blocks import Block, ChangedBlock, DenseBlock
from numeric.kernels import Array
from numeric.rows import RowSource
from numeric.triangle import LARGEST_TRIANGLE, change_of, fixed_signs, triangle

WELL_CONDITIONED = 1e2
"""Up to this condition number x -> A (P x) loses two digits, and is as cheap as A; beyond, each block of A P is formed
in each pass. Its rounding errors are as large, but they are the same for all x: a solver sees one smooth function."""


@dataclass(frozen=True, eq=False)
class ChangedRows:
    """Rows of (A - 1 mean^T) P: a source made of another one.

    Attributes:
        inner: A, shape (n, d).
        P: shape (d, r), an array or sparse.
        mean: shape (d,), or None for zero.
        squares: the sum of the squared entries.
        always_formed: whether all products go through the formed rows.
    """

    inner: RowSource
    P: Any
    mean: Array | None
    squares: float
    always_formed: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """(n, r)."""
        return self.inner.shape[0], self.P.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """float64, of P."""
        return self.P.dtype

    def blocks(self, dtype: np.dtype[Any], width: int, formed: bool = False) -> Iterator[Block]:
        """See `RowSource`; an array's rows are centred before anything else, which a large mean needs."""
        if (formed or self.always_formed) and isinstance(self.P, np.ndarray):
            width = max(width, self.P.shape[1])
        for block in self.inner.blocks(dtype, width):
            changed = ChangedBlock(block, self.P, self.mean)
            if isinstance(block, DenseBlock) and self.mean is not None:
                changed = ChangedBlock(DenseBlock(block.rows, block.matrix - self.mean), self.P)
            yield changed.formed if self.always_formed else changed


def whitened_rows(source: RowSource, centred: bool) -> tuple[ChangedRows, Any, Any, bool]:
    """(rows of A P, P, the way back, whether P is R^{-1}) with orthonormal columns A P, cut at A's numerical rank.

    Beyond `LARGEST_TRIANGLE` columns the columns are only scaled to unit length: P is diagonal and sparse, nothing is
    cut, and no x of minimum norm is singled out.

    Args:
        source: A, shape (n, d).
        centred: whether the rows' mean is to be taken off, which a shift-invariant loss does not see.
    """
    d = source.shape[1]
    if d > LARGEST_TRIANGLE:
        return *scaled_columns(source), False
    factor = triangle(source.blocks(np.dtype(float), d), d, centred)
    _, S, Vt = np.linalg.svd(factor.R, full_matrices=False)
    # Relative to A before centring: what centring leaves of equal rows is rounding error.
    cutoff = factor.norm * max(source.shape) * np.finfo(float).eps
    rank = int(np.count_nonzero(cutoff < S))
    ill_conditioned = rank > 0 and S[0] > WELL_CONDITIONED * S[-1]
    S, Vt = S[:rank], fixed_signs(Vt[:rank])[:, None] * Vt[:rank]
    # A matrix of rank zero keeps one column of zeros: an unknown that nothing depends on is still an unknown.
    P, back = (Vt.T / S, S[:, None] * Vt) if rank else (np.zeros((d, 1)), np.zeros((1, d)))
    change = change_of(factor.R, factor.uncentred)
    if change is not None:
        _, P, back = change
    rows = ChangedRows(source, P, factor.mean if centred else None, float(rank), bool(ill_conditioned))
    return rows, P, back, change is not None


def scaled_columns(source: RowSource) -> tuple[ChangedRows, Any, Any]:
    """(rows of A P, P, P^{-1}) with sparse diagonal P: the columns of A P have length 1, or 0."""
    squares = np.zeros(source.shape[1])
    for block in source.blocks(np.dtype(float), 1):
        squares += block.squares(np.ones(block.rows.stop - block.rows.start))
    lengths = np.where(squares > 0.0, np.sqrt(squares), 1.0)
    P, back = (scipy.sparse.diags_array(entries).tocsr() for entries in (1.0 / lengths, lengths))
    return ChangedRows(source, P, None, float(np.count_nonzero(squares))), P, back
