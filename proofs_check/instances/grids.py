"""Exact arrays as whole numbers times one unit: the form in which norm limits are decided and proposals are rounded.

Sums of squares, Gram matrices and characteristic polynomials of whole numbers cost a fraction of those of rationals,
and decide the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import fmpq, fmpq_mat, fmpz, fmpz_mat

from ..arrays import exact


@dataclass(frozen=True, eq=False)
class Grid:
    """The exact vector or matrix ``whole * unit``.

    Attributes:
        whole: whole numbers; a vector is one row.
        unit: a rational, not negative.
    """

    whole: fmpz_mat
    unit: fmpq

    @staticmethod
    def of(value: np.ndarray) -> Grid:
        """An object array of rationals over its common denominator."""
        rows, columns = value.shape if value.ndim == 2 else (1, *value.shape)
        whole, denominator = fmpq_mat(rows, columns, value.ravel().tolist()).numer_denom()
        return Grid(whole, fmpq(1, denominator))

    def value(self, shape: tuple[int, ...], factor: fmpq) -> np.ndarray:
        """``factor`` times the array, as an object array of rationals."""
        return exact.shaped((fmpq_mat(self.whole) * (self.unit * factor)).entries(), shape)

    @cached_property
    def cells(self) -> list[fmpz]:
        """The whole numbers, row by row."""
        return self.whole.entries()

    @cached_property
    def gram(self) -> tuple[fmpz_mat, list[fmpz]]:
        """The smaller of A^T A and A A^T, in squares of the unit, and its diagonal: the sum is |A|_F^2."""
        turned = self.whole.transpose()
        product = turned * self.whole if self.whole.ncols() <= self.whole.nrows() else self.whole * turned
        return product, [product[i, i] for i in range(product.nrows())]

    def within(self, norm: str, limit: fmpq, factor: fmpq = exact.ONE) -> bool:
        """Whether a norm of ``factor`` times the array is at most ``limit``, exactly.

        Args:
            norm: norm1, norm2, norm_inf, frobenius or spectral.
            limit: a rational; nothing is within a negative one.
            factor: a rational, not negative.
        """
        unit = self.unit * factor
        if limit < 0 or unit == 0:
            return bool(limit >= 0)
        reach = limit / unit
        if norm == "norm1":
            return bool(sum(map(abs, self.cells)) <= reach)
        if norm == "norm_inf":
            return bool(max(map(abs, self.cells)) <= reach)
        if norm == "spectral":
            return self._spectrally_within(reach * reach)
        return bool(sum(self.gram[1]) <= reach * reach)

    def _spectrally_within(self, bound: fmpq) -> bool:
        """Whether the largest eigenvalue of the Gram matrix is at most ``bound``.

        It is between the largest diagonal entry and the trace; between the two, ``bound * I - gram`` decides.
        """
        product, squares = self.gram
        if sum(squares) <= bound:
            return True
        if max(squares) > bound:
            return False
        return exact.is_semidefinite(exact.whole_identity(len(squares)) * bound.p - product * bound.q)
