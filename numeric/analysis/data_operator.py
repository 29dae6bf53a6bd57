"""Derivatives of an unknown with respect to data, as linear operators between arrays of their shapes."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, svds

from numeric.kernels import Array
from numeric.validation import InputError

NORM_RTOL = 1e-8
"""Relative tolerance of a spectral norm that Lanczos finds, from below."""
FEW = 3
"""Operators with so few rows or columns are formed: Lanczos needs more."""
MOST_COLUMNS = 2500
"""Products that a Frobenius norm may take."""


class DataOperator(LinearOperator):
    """dx*/d(data) as a linear operator from vec(data) to vec(x), both row-major; shaped arrays are taken as well.

    `S @ d` takes d of shape `data_shape` (to x's shape) or (size,) (to (N,)); `S.T @ u` and `S.H @ u` are the adjoint.

    Attributes:
        data_shape: of the data.
        x_shape: of the unknown.
    """

    def __init__(
        self,
        data_shape: tuple[int, ...],
        x_shape: tuple[int, ...],
        forward: Callable[[Array], Array],
        backward: Callable[[Array], Array],
    ) -> None:
        super().__init__(dtype=np.dtype(float), shape=(int(np.prod(x_shape)), int(np.prod(data_shape))))
        self.data_shape, self.x_shape = data_shape, x_shape
        self._forward, self._backward = forward, backward

    def _matvec(self, v: Array) -> Array:
        return self._forward(np.asarray(v, dtype=float).reshape(self.data_shape)).ravel()

    def _rmatvec(self, u: Array) -> Array:
        return self._backward(np.asarray(u, dtype=float).reshape(self.x_shape)).ravel()

    def _adjoint(self) -> "DataOperator":
        return DataOperator(self.x_shape, self.data_shape, self._backward, self._forward)

    def _transpose(self) -> "DataOperator":
        return self._adjoint()

    def dot(self, x: Any) -> Any:
        """The product with data of shape `data_shape` (then of x's shape), (size,) or a matrix of columns."""
        array = x if isinstance(x, LinearOperator) or np.isscalar(x) else np.asarray(x)
        if isinstance(array, np.ndarray) and array.ndim > 1 and array.shape == self.data_shape:
            return self._matvec(array).reshape(self.x_shape)
        return super().dot(array)

    def norm(self, kind: str = "spectral") -> float:
        """The largest ||dx||_F for ||d data||_F = 1 ("spectral"), or the root of the sum of squares ("frobenius").

        The spectral norm comes from Lanczos with a relative tolerance of 1e-8 (from below); the Frobenius norm from
        as many products as the operator has rows, or columns if these are fewer.

        Raises:
            InputError: the kind is unknown, or a Frobenius norm needs more than 2500 products.
        """
        if kind not in ("spectral", "frobenius"):
            raise InputError(f"kind: got {kind!r}; choose spectral or frobenius")
        if kind == "spectral" and min(self.shape) > FEW:
            start = np.random.default_rng(0).normal(size=min(self.shape))
            return float(svds(self, k=1, tol=NORM_RTOL, v0=start, return_singular_vectors=False)[0])
        if min(self.shape) > MOST_COLUMNS:
            raise InputError(
                f"kind: a Frobenius norm of a {self.shape[0]} x {self.shape[1]} operator needs {min(self.shape)} "
                f'products, and at most {MOST_COLUMNS} are made; use kind="spectral"'
            )
        narrow = self if self.shape[1] <= self.shape[0] else self._adjoint()
        columns = [narrow.matvec(unit) for unit in np.eye(narrow.shape[1])]
        return float(np.linalg.norm(np.stack(columns), ord=2 if kind == "spectral" else None))
