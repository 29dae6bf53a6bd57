"""Weighted Gram matrices A^T diag(D) A by symmetric rank-k updates over row blocks of A."""

from typing import Any

import numpy as np
from scipy.linalg import blas

from numeric.kernels import Array

GRAM_ENTRIES = 1 << 17
"""Entries of A that are scaled at once: 1 MiB of float64, which is still in the cache when the update reads it."""
FEWEST_ROWS = 256
"""Rows that are scaled at least: each update reads and writes the whole sum."""
NARROW = 32
"""Up to so many columns, one product A^T (D A) is faster than two symmetric updates, which it spares their overhead."""


class WeightedGram:
    """The sum of A^T diag(D) A over row blocks of A; one triangle, completed at the end.

    Rows are scaled by sqrt|D| and split by the sign of D, so that each block is one symmetric update for each
    sign: half the multiplications of A^T (D A), which narrow blocks make nevertheless. No copy of A beyond one block.
    NaN and infinity come out again.

    Args:
        d: columns of A.
        dtype: of A, float32 or float64.
        scaled: an array of `scaled_rows`, which sums that are added to in turn may share; None for one of its own.
    """

    def __init__(self, d: int, dtype: np.dtype[Any], scaled: Array | None = None) -> None:
        self._upper = np.zeros((d, d), dtype, order="F")
        self._scaled = scaled_rows(d, dtype) if scaled is None else scaled

    def add(self, A: Array, D: Array) -> None:
        """Adds A^T diag(D) A; A of shape (rows, d), D of shape (rows,)."""
        height = len(self._scaled)
        for start in range(0, len(A), height):
            self._add_piece(A[start : start + height], D[start : start + height])

    def _add_piece(self, A: Array, D: Array) -> None:
        if A.shape[1] <= NARROW:
            self._upper += A.T @ np.multiply(A, D[:, None], out=self._scaled[: len(A)])
            return
        syrk = blas.get_blas_funcs("syrk", dtype=A.dtype)
        with np.errstate(invalid="ignore"):
            negative, scale = D < 0.0, np.sqrt(np.abs(D))[:, None]
        for sign, chosen in ((1.0, np.flatnonzero(~negative)), (-1.0, np.flatnonzero(negative))):
            part = self._scaled[: len(chosen)]
            if len(chosen) == len(A):
                np.multiply(A, scale, out=part)
            elif len(chosen):
                # The indices are in range; without the mode NumPy would buffer the output.
                np.take(A, chosen, axis=0, out=part, mode="clip")
                np.multiply(part, scale[chosen], out=part)
            if len(chosen):
                # part.T is in Fortran order as it stands, and so is the sum: nothing is copied.
                self._upper = syrk(sign, part.T, beta=1.0, c=self._upper, overwrite_c=1)

    def matrix(self) -> Array:
        """The sum so far, both triangles, shape (d, d)."""
        return np.triu(self._upper) + np.triu(self._upper, 1).T


def scaled_rows(d: int, dtype: np.dtype[Any]) -> Array:
    """The work array of a `WeightedGram`."""
    return np.empty((max(FEWEST_ROWS, GRAM_ENTRIES // d), d), dtype)
