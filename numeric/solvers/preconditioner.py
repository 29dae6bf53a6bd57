"""Approximate inverses of a second derivative in matrix form, for conjugate gradients: H = sum_j (a_j a_j^T) (x) H_j.

a_j are the rows of A1, with orthonormal columns (whitened), and H_j = A2^T (diag(D_j) + U_j C_j U_j^T) A2. Two cases
have an exact inverse, and each is the approximation in its neighbourhood:

- as many rows as A1 has columns: the a_j are orthonormal themselves, and the inverse is sum_j (a_j a_j^T) (x) H_j^{-1};
- H_j = h_j S for all j: then H = T (x) S with T = sum_j h_j a_j a_j^T. In general T and S are fitted in turns (the
  flip-flop iteration for the covariance of a matrix normal: Dutilleul, The MLE algorithm for the matrix normal
  distribution, J. Stat. Comput. Simul. 64, 1999).
"""

from collections.abc import Callable, Sequence

import numpy as np
import scipy.linalg
from scipy.linalg.lapack import dpotrf, dpotri

from numeric.evaluation import Point
from numeric.forms.matrix_hessian import MatrixHessian
from numeric.forms.row_hessians import dense_rows, traces, weighted_sum
from numeric.kernels import Array

Apply = Callable[[Array], Array]
FEW_ROWS = 1.25
"""Up to this many rows for each column of A1 the inverses of all rows serve: the a_j are nearly orthonormal there."""
KEPT_ENTRIES = 1 << 25
"""Entries of the inverses of all rows that are kept, 256 MB; beyond, the Kronecker product is used."""
FLIPS = 2
"""Rounds of fitting T and S in turns; a third changes the number of products by a few percent."""
RIDGE = 1e-9
"""Added to T and S, relative to their mean eigenvalue: a direction that nearly no row sees is left to the iteration."""
ROW_RIDGE = 1e-6
"""Least eigenvalue of each H_j, relative to the largest of all: saturated rows have next to no curvature."""


def preconditioner(point: Point) -> Apply | None:
    """An approximate inverse of the positive semidefinite part of the Hessian at a point, up to a factor.

    Args:
        point: of a problem in whitened variables.

    Returns:
        a map from and to arrays of x's shape, symmetric and positive definite; None where there is none to be had
        cheaply, in vector form.
    """
    summands = point.gauss_newton if hasattr(point.loss, "gauss_newton") else point.hessian
    forms = [form for form in summands if isinstance(form, MatrixHessian)]
    if len(forms) < len(summands):
        return None
    scale = max(form.log_scale for form in forms)
    factors = [float(np.exp(form.log_scale - scale)) for form in forms]
    A1 = np.concatenate([form.evaluation.form.A1 for form in forms])
    rows, (d1, d2) = len(A1), point.x.shape
    if len(forms) == 1 and rows <= FEW_ROWS * d1 and rows * d2 * d2 <= KEPT_ENTRIES:
        return inverse_by_rows([(A1, dense_rows(forms[0]))], ROW_RIDGE)
    return _by_kronecker(A1, forms, factors, d2)


def inverse_by_rows(parts: Sequence[tuple[Array, Array]], least: float) -> Apply:
    """r -> sum over parts and their rows j of a_j (|H_j|^{-1} r^T a_j)^T, an inverse where all a_j are orthonormal.

    Args:
        parts: (rows a_j of shape (n, d1), symmetric H_j of shape (n, d2, d2)).
        least: absolute eigenvalues count for at least this share of the largest one of all parts.
    """
    split = [(A1, *np.linalg.eigh(H)) for A1, H in parts]
    floor = max(least * max(float(np.abs(c).max()) for _, c, _ in split), np.finfo(float).tiny)
    roots = [(A1, V / np.sqrt(np.maximum(np.abs(c), floor))[:, None, :]) for A1, c, V in split]

    def apply(r: Array) -> Array:
        total = np.zeros_like(r)
        for A1, R in roots:
            inner = np.matmul((A1 @ r)[:, None, :], R)
            total += A1.T @ np.matmul(R, inner[:, 0, :, None])[:, :, 0]
        return total

    return apply


def _by_kronecker(A1: Array, forms: Sequence[MatrixHessian], factors: Sequence[float], d2: int) -> Apply:
    ends = np.cumsum([len(form.evaluation.form.A1) for form in forms])[:-1]
    d1 = A1.shape[1]
    S_inverse = np.eye(d2)
    for _ in range(FLIPS):
        sizes = [np.maximum(traces(form, S_inverse), 0.0) for form in forms]
        h = np.concatenate([size * factor for size, factor in zip(sizes, factors, strict=True)]) / d2
        T_inverse = _inverse(A1.T @ (h[:, None] * A1))
        weights = np.split(np.vecdot(A1 @ T_inverse, A1) / d1, ends)
        parts = zip(forms, factors, weights, strict=True)
        S_inverse = _inverse(sum((factor * weighted_sum(form, w) for form, factor, w in parts), np.zeros((d2, d2))))
    return lambda r: T_inverse @ r @ S_inverse


def _inverse(matrix: Array) -> Array:
    """Of a symmetric matrix, made positive definite; the identity for zero."""
    shifted = matrix + RIDGE * float(np.trace(matrix)) / len(matrix) * np.eye(len(matrix))
    factor, failed = dpotrf(shifted, lower=1)
    if failed:
        return _clipped_inverse(matrix)
    inverse, _ = dpotri(factor, lower=1)
    return np.tril(inverse) + np.tril(inverse, -1).T


def _clipped_inverse(matrix: Array) -> Array:
    """The same where eigenvalues may be negative."""
    eigenvalues, vectors = scipy.linalg.eigh(matrix, check_finite=False)
    mean = float(np.abs(eigenvalues).mean())
    if mean == 0.0:
        return np.eye(len(matrix))
    positive = np.maximum(eigenvalues, 0.0) + RIDGE * mean
    return (vectors / positive) @ vectors.T
