"""Sums over many row blocks, whose error must not grow with their number."""

from typing import Any

import numpy as np

from numeric.forms.gram import WeightedGram, scaled_rows
from numeric.kernels import Array


class Sum:
    """A running sum of float64 arrays of one shape, compensated (Neumaier): its error is that of the last rounding."""

    def __init__(self) -> None:
        self._total: Any = np.float64(0.0)
        self._lost: Any = np.float64(0.0)

    def add(self, term: Array, factor: Any = 1.0) -> None:
        """The sum so far becomes itself times `factor` plus term."""
        with np.errstate(all="ignore"):
            term, old = np.asarray(term, dtype=float), self._total * factor
            new = old + term
            lost = np.where(np.abs(old) >= np.abs(term), (old - new) + term, (term - new) + old)
            self._total, self._lost = new, self._lost * factor + lost

    @property
    def value(self) -> Array:
        """The sum in float64; infinite or NaN where plain addition is."""
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(self._total), self._total + self._lost, self._total)


class GramSum:
    """k sums of A^T diag(D) A over row blocks of one A, in float64.

    Args:
        k: the number of weightings.
        d: columns of A.
        dtype: of the blocks.
    """

    def __init__(self, k: int, d: int, dtype: np.dtype[Any]) -> None:
        self._total = np.zeros((k, d, d))
        self._dtype = dtype
        self._scaled: Array | None = None
        self._updates: dict[int, WeightedGram] = {}

    def add_rows(self, number: int, A: Array, D: Array) -> None:
        """Add A^T diag(D) A to one sum; A of shape (rows, d), D of shape (rows,)."""
        if self._scaled is None:
            self._scaled = scaled_rows(A.shape[1], self._dtype)
        if number not in self._updates:
            self._updates[number] = WeightedGram(A.shape[1], self._dtype, self._scaled)
        self._updates[number].add(A, D)
        if self._dtype != np.float64:
            # Within a block the sums are in the dtype of the data, from block to block in float64.
            self._total[number] += self._updates.pop(number).matrix()

    def add_entries(self, number: int, rows: Array, columns: Array, values: Array) -> None:
        """Add a sparse symmetric matrix without duplicate entries to one sum: d x d may be much larger."""
        self._total[number, rows, columns] += values

    @property
    def value(self) -> Array:
        """The sums, shape (k, d, d); nothing can be added afterwards."""
        for number in sorted(self._updates):
            self._total[number] += self._updates.pop(number).matrix()
        return self._total
