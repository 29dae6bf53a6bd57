"""Sparse sketches: random S with few nonzeros in a column, so that S A costs a few operations for each entry of A.

Each of the `nonzeros` bands of S has one entry +-1/sqrt(nonzeros) in each column, at a random row of the band. One band
is the CountSketch (Clarkson and Woodruff, 2013), more are the sparse sign embedding (Nelson and Nguyen, 2013).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from numeric.blocks import Block
from numeric.kernels import Array
from numeric.rows import RowSource
from numeric.validation import InputError
from numeric.whitening_stream import ChangedRows

BANDS = 8
"""Nonzeros in a column of a sparse sign embedding, as Martinsson and Tropp recommend (2020, section 9.2)."""
SPARSE = 0.1
"""Share of stored entries below which they are added one by one."""


@dataclass(frozen=True)
class SparseSign:
    """The size of a sparse sign sketch.

    Attributes:
        rows: of S, a multiple of `nonzeros`.
        nonzeros: in each column of S.
    """

    rows: int
    nonzeros: int = 1

    def __post_init__(self) -> None:
        if self.nonzeros < 1 or self.rows < self.nonzeros or self.rows % self.nonzeros:
            raise InputError(
                f"sketch: got {self.rows} rows and {self.nonzeros} nonzeros in a column; "
                "rows must be a positive multiple of nonzeros"
            )

    def apply(self, source: RowSource, weights: Array, generator: np.random.Generator) -> Array:
        """S diag(weights)^{1/2} A in one read, shape (rows, d).

        The random numbers do not depend on how A is cut into blocks.

        Args:
            source: A, shape (n, d).
            weights: shape (n,), not negative.
            generator: of the places and the signs.
        """
        if isinstance(source, ChangedRows) and source.mean is None:
            # The change of variables is applied once, to the sketch.
            return self.apply(source.inner, weights, generator) @ source.P
        n, d = source.shape
        height = self.rows // self.nonzeros
        places = generator.integers(height, size=(n, self.nonzeros), dtype=np.int32)
        places += height * np.arange(self.nonzeros, dtype=np.int32)
        signs = generator.integers(2, size=(n, self.nonzeros), dtype=np.int8)
        roots = np.sqrt(weights / self.nonzeros)
        total = np.zeros((self.rows, d))
        for block in source.blocks(np.dtype(float), 1):
            values = (2.0 * signs[block.rows] - 1.0) * roots[block.rows, None]
            _add(total, block, places[block.rows], values)
        return total


def _add(total: Array, block: Block, places: Array, values: Array) -> None:
    """Adds S A of a block, S with the given entries in each column; only rows that it meets are touched."""
    count, nonzeros = places.shape
    met, numbers = np.unique(places, return_inverse=True)
    columns = (values.ravel(), numbers.ravel(), np.arange(0, values.size + 1, nonzeros))
    piece: Any = block.adjoint(scipy.sparse.csc_array(columns, shape=(len(met), count)).tocsr())
    if scipy.sparse.issparse(piece) and piece.nnz < SPARSE * piece.shape[0] * piece.shape[1]:
        entries = piece.tocoo()
        total[met[entries.row], entries.col] += entries.data
    else:
        total[met] += piece.toarray() if scipy.sparse.issparse(piece) else piece


def count_sketch(d: int, distortion: float, failure: float) -> SparseSign:
    """A CountSketch of proven size: (1 - e)||A x||^2 <= ||S A x||^2 <= (1 + e)||A x||^2 for all x at once.

    For U orthonormal, E ||(S U)^T S U - I||_F^2 <= d(d + 1)/rows: only pairs of rows that share a place contribute. By
    Markov the bound fails with probability at most d(d + 1)/(rows e^2) (Meng and Mahoney, 2013).

    Args:
        d: columns of A.
        distortion: e, in (0, 1).
        failure: probability, in (0, 1).
    """
    return SparseSign(math.ceil(d * (d + 1) / (failure * distortion**2)))


def sparse_sign(d: int, distortion: float, failure: float) -> SparseSign:
    """A sparse sign embedding of about d log d rows, with the aim of `count_sketch`.

    Cohen (2016) proves the order, 2 d ln(2 d/failure)/e^2 rows with `BANDS` nonzeros, without constants: this size is
    tested, not proven. Where `count_sketch` needs fewer rows its bound is used; it holds for any number of bands.
    """
    ordered = math.ceil(2 * d * math.log(2 * d / failure) / distortion**2)
    rows = min(ordered, count_sketch(d, distortion, failure).rows)
    return SparseSign(BANDS * math.ceil(rows / BANDS), BANDS)
