"""The reduced loss of linear self-attention: generated kernels behind d x d matrices U11 and the scalar u.

With Lambda_k = Q_k diag(lambda_k) Q_k^T the loss is a mean of sums over the entries z of Q_k^T U11 Q_k (formulas
"linear-self-attention-fixed" and "-random"): its gradient and its bordered Hessian come from the kernels, and this
module only turns matrices into rows and back.
"""

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
from scipy import sparse

from numeric._generated import linear_self_attention_fixed, linear_self_attention_random
from numeric.in_context.covariance import CovarianceLaw, CovarianceMixture, DiagonalCovariance
from numeric.kernels import Array
from numeric.validation import InputError, check_shape, real_array


@dataclass(frozen=True, eq=False)
class ReducedLoss:
    """l(U11, u) of (5.5), or of Lemma C.1 and C.3 for random covariances; L = l + tr(E Lambda)/2 on u12 = u21 = 0.

    A flat point is vec(U11), row-major, followed by u.

    Attributes:
        law: of the covariance in training.
        N: length of the training prompts; infinity is admitted.
        basis: Q_k, k x d x d.
        weights: probabilities of the k groups.
    """

    law: CovarianceLaw
    N: float
    basis: Array
    weights: Array
    _kernel: ModuleType
    _rows: tuple[Array, ...]
    _constants: tuple[Any, ...]

    @property
    def dimension(self) -> int:
        """d."""
        return int(self.basis.shape[-1])

    @property
    def is_diagonal(self) -> bool:
        """Whether one basis serves all covariances, so that the Hessian is an arrow in its rows."""
        return len(self.basis) == 1

    def value(self, U11: Array, u: float) -> float:
        """l(U11, u)."""
        value, _ = self._kernel.value(self.rows(U11), *self._rows, *self._constants, u)
        return float(self.weights @ value)

    def gradient(self, U11: Array, u: float) -> tuple[Array, float]:
        """dl/dU11, d x d, and dl/du."""
        z = self.rows(U11)
        _, g, _ = self._kernel.value_and_gradient(z, *self._rows, *self._constants, u)
        (slope,), _ = self._kernel.scalar_gradient(z, *self._rows, *self._constants, u)
        return self._matrix(g), float(self.weights @ slope)

    def hessian(self, U11: Array, u: float) -> Array:
        """The Hessian in flat points, (d^2 + 1) x (d^2 + 1)."""
        size = self.dimension**2
        out = np.empty((size + 1, size + 1))
        D, column, corner = self._second_order(self.rows(U11), u)
        out[:size, :size] = self._curvature(D)
        out[:size, size] = out[size, :size] = self._matrix(column).ravel()
        out[size, size] = float(self.weights @ corner)
        return out

    def arrow(self, z: Array, u: float) -> sparse.csc_array:
        """The Hessian in the rows z of the common basis and u: a diagonal with one full row and column."""
        assert self.is_diagonal, "an arrow needs one basis for all covariances"
        D, column, corner = self._second_order(z, u)
        diagonal = sparse.diags_array(D[0])
        return sparse.block_array([[diagonal, column.T], [column, corner[:, None]]], format="csc")

    def gap(self, U11: Array, u: float) -> float:
        """l - min l, without cancellation: l is quadratic in M = u U11, so it is half the curvature along M - M_*."""
        z = self.rows(u * np.asarray(U11) - self.minimizer)
        product, _ = self._kernel.hessian_product(z, *self._rows, z, *self._constants, 1.0)
        return float(self.weights @ np.vecdot(z, product)) / 2

    @cached_property
    def minimizer(self) -> Array:
        """M_*, the product u U11 at every minimum: the solution of E[Gamma Lambda M Lambda] = E[Lambda^2]; d x d."""
        # At u = 1 the loss is <M, K M>/2 - <E Lambda^2, M>: K is its curvature, its slope at M = 0 the right-hand side.
        zero = np.zeros((self.dimension, self.dimension))
        slope, _ = self.gradient(zero, 1.0)
        D, _, _ = self._second_order(self.rows(zero), 1.0)
        if self.is_diagonal:
            return -self._matrix(self.rows(slope) / D)
        return np.linalg.solve(self._curvature(D), -slope.ravel()).reshape(zero.shape)

    @cached_property
    def least_curvature(self) -> float:
        """The least eigenvalue of l in M = u U11, so that ||dl/dU11||^2 >= 2 u^2 least_curvature (l - min l)."""
        zero = np.zeros((self.dimension, self.dimension))
        D, _, _ = self._second_order(self.rows(zero), 1.0)
        return float(D.min() if self.is_diagonal else np.linalg.eigvalsh(self._curvature(D))[0])

    @property
    def minimum(self) -> float:
        """min l, negative: -tr(Lambda^2 Gamma^{-1})/2 for a fixed covariance (Lemma 5.3)."""
        return self.value(self.minimizer, 1.0)

    @property
    def offset(self) -> float:
        """L - l on the slice u12 = u21 = 0: tr(E Lambda)/2."""
        return float(np.trace(self.law.mean)) / 2

    def rows(self, U11: Array) -> Array:
        """The entries of Q_k^T U11 Q_k, k x d^2."""
        Q = self.basis
        return (np.swapaxes(Q, 1, 2) @ U11 @ Q).reshape(len(Q), -1)

    def matrix(self, z: Array) -> Array:
        """U11 with the given rows in the common basis; inverse of `rows` where `is_diagonal`."""
        d = self.dimension
        return self.basis[0] @ np.reshape(z, (d, d)) @ self.basis[0].T

    def row_gradient(self, z: Array, u: float) -> tuple[Array, float]:
        """dl/dz in the rows of the common basis, 1 x d^2, and dl/du."""
        _, g, _ = self._kernel.value_and_gradient(z, *self._rows, *self._constants, u)
        (slope,), _ = self._kernel.scalar_gradient(z, *self._rows, *self._constants, u)
        return g, float(slope[0])

    def _matrix(self, rows: Array) -> Array:
        """sum_k weight_k Q_k Z_k Q_k^T: the adjoint of `rows`."""
        Q, d = self.basis, self.dimension
        return np.einsum("k,kab->ab", self.weights, Q @ rows.reshape(-1, d, d) @ np.swapaxes(Q, 1, 2))

    def _second_order(self, z: Array, u: float) -> tuple[Array, Array, Array]:
        """Diagonal, border rows (both k x d^2) and corners (k) of the groups; the kernels' U is empty."""
        D, U, _, _ = self._kernel.hessian(z, *self._rows, *self._constants, u)
        assert not U, "the reduced losses are separable in the eigenbasis"
        (column,), corner, _ = self._kernel.border(z, *self._rows, *self._constants, u)
        return D, column, corner[:, 0, 0]

    def _curvature(self, D: Array) -> Array:
        """sum_k weight_k (Q_k (x) Q_k) diag(D_k) (Q_k (x) Q_k)^T."""
        size = self.dimension**2
        out = np.zeros((size, size))
        for weight, Q, diagonal in zip(self.weights, self.basis, D, strict=True):
            if np.array_equal(Q, np.eye(self.dimension)):
                out[np.diag_indices(size)] += weight * diagonal
            else:
                kron = np.kron(Q, Q)
                out += weight * (kron * diagonal) @ kron.T
        return out


def reduced_loss(law: CovarianceLaw, N: float) -> ReducedLoss:
    """The reduced loss of a covariance law and training prompts of N examples.

    Raises:
        InputError: N is below 1, or the law is of neither kind that the formulas know.

    >>> import numpy as np
    >>> from numeric.in_context import fixed_covariance
    >>> loss = reduced_loss(fixed_covariance(np.eye(5)), N=20)
    >>> round(loss.minimum, 6)
    -1.923077
    """
    if not N >= 1:
        raise InputError(f"N: got {N}; a training prompt has at least one labelled example")
    if isinstance(law, DiagonalCovariance):
        return _of_moments(law, N, law.cubic, law.mixed, law.square)
    if isinstance(law, CovarianceMixture):
        if law.is_diagonal and len(law.matrices) > 1:
            return _of_moments(law, N, *_mixture_moments(law))
        (lam, basis), d = law.spectra, law.dimension
        pair = (len(lam), d, d)
        left, right = np.broadcast_to(lam[:, :, None], pair), np.broadcast_to(lam[:, None, :], pair)
        rows = tuple(
            np.ascontiguousarray(q).reshape(len(lam), -1) for q in (left, right, np.broadcast_to(np.eye(d), pair))
        )
        constants = (float(N), lam.sum(axis=1, keepdims=True))
        return ReducedLoss(law, float(N), basis, np.asarray(law.weights), linear_self_attention_fixed, rows, constants)
    raise InputError(
        f"law: got {type(law).__name__}; the reduced losses are derived for CovarianceMixture (fixed_covariance) and "
        f"DiagonalCovariance: draw any other law with drawn_covariances"
    )


def _of_moments(law: CovarianceLaw, N: float, cubic: Array, mixed: Array, square: Array) -> ReducedLoss:
    """Of diagonal matrices: E[lambda_i^2 lambda_j], E[lambda_i lambda_j sum_k lambda_k] and E[Lambda^2], d x d, do."""
    rows = tuple(np.ascontiguousarray(q).reshape(1, -1) for q in (cubic, mixed, square))
    basis = np.eye(law.dimension)[None]
    return ReducedLoss(law, float(N), basis, np.ones(1), linear_self_attention_random, rows, (float(N),))


def _mixture_moments(law: CovarianceMixture) -> tuple[Array, Array, Array]:
    """The three moments of a mixture of diagonal matrices, which need not be independent along the diagonal."""
    _, _, third = law.tensors
    return np.einsum("iij->ij", third), third.sum(axis=2), law.square


def check_point(loss: ReducedLoss, U11: Any, u: float) -> tuple[Array, float]:
    """A start as a float matrix of the loss's shape and a finite scalar.

    Raises:
        InputError: another shape, or entries that are not finite.
    """
    matrix = real_array("U11", U11, 2).astype(float)
    check_shape("U11", matrix, (loss.dimension, loss.dimension), "the covariance")
    return matrix, float(real_array("u", [u], 1)[0])
