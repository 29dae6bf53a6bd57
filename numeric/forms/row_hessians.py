"""The second derivatives H_j = A2^T (diag(D_j) + U_j C_j U_j^T) A2 of the rows of a matrix form: sums, traces, all."""

import numpy as np

from numeric.forms.matrix_hessian import MatrixHessian
from numeric.kernels import Array


def weighted_sum(hessian: MatrixHessian, weights: Array) -> Array:
    """sum_j weights_j H_j, shape (d2, d2), for weights of shape (n1,)."""
    form, (V, C) = hessian.evaluation.form, hessian.low_rank
    diagonal = np.zeros(len(form.A2))
    for block, D in hessian.diagonals():
        diagonal[block.columns] += weights[block.rows] @ D
    d2 = form.A2.shape[1]
    low_rank = (weights[:, None, None] * (C @ V)).reshape(-1, d2)
    return form.A2.T @ (diagonal[:, None] * form.A2) + V.reshape(-1, d2).T @ low_rank


def traces(hessian: MatrixHessian, metric: Array) -> Array:
    """trace(H_j metric) for each j, shape (n1,), for a symmetric metric of shape (d2, d2)."""
    form, (V, C) = hessian.evaluation.form, hessian.low_rank
    lengths = np.vecdot(form.A2 @ metric, form.A2)
    result = np.einsum("jra,jra->j", C @ V, V @ metric)
    for block, D in hessian.diagonals():
        result[block.rows] += D @ lengths[block.columns]
    return result


def dense_rows(hessian: MatrixHessian) -> Array:
    """H_j for each j, shape (n1, d2, d2)."""
    form, (V, C) = hessian.evaluation.form, hessian.low_rank
    rows = np.matmul(np.swapaxes(V, 1, 2), C @ V)
    for block, D in hessian.diagonals():
        A2 = form.A2[block.columns]
        for j, diagonal in enumerate(D, start=block.rows.start):
            rows[j] += A2.T @ (diagonal[:, None] * A2)
    return rows
