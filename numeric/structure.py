"""The structured second derivative of a row of totals: diag(D) + U C U^T."""

from dataclasses import dataclass

import numpy as np

from numeric.kernels import Array


@dataclass(frozen=True)
class GroupHessians:
    """One matrix diag(D) + U C U^T for each group of totals, in the variables z.

    Attributes:
        D: diagonals, shape (..., n).
        U: low-rank factors, shape (..., n, r).
        C: symmetric cores, shape (..., r, r).
    """

    D: Array
    U: Array
    C: Array

    def scaled(self, factor: Array) -> "GroupHessians":
        """Each group multiplied by its factor, shape (...)."""
        if np.all(factor == 1.0):
            return self
        return GroupHessians(self.D * factor[..., None], self.U, self.C * factor[..., None, None])

    def __add__(self, other: "GroupHessians") -> "GroupHessians":
        r, s = self.U.shape[-1], other.U.shape[-1]
        C = np.zeros((*self.C.shape[:-2], r + s, r + s), dtype=self.C.dtype)
        C[..., :r, :r] = self.C
        C[..., r:, r:] = other.C
        return GroupHessians(self.D + other.D, np.concatenate([self.U, other.U], axis=-1), C)

    def apply(self, v: Array) -> Array:
        """(diag(D) + U C U^T) v for each group; v and the result have D's shape."""
        inner = self.C @ (np.swapaxes(self.U, -1, -2) @ v[..., None])
        return self.D * v + (self.U @ inner)[..., 0]

    def eigenvalue_bounds(self) -> tuple[float, float]:
        """An interval that holds all eigenvalues of all groups, by Weyl: of diag(D) plus of U C U^T."""
        low, high = float(self.D.min()), float(self.D.max())
        if self.U.shape[-1]:
            R = np.linalg.qr(self.U, mode="r")
            core = np.linalg.eigvalsh(R @ self.C @ np.swapaxes(R, -1, -2))
            low, high = low + min(0.0, float(core.min())), high + max(0.0, float(core.max()))
        return low, high
