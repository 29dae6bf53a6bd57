"""Linear algebra of many small float matrices at once: one LAPACK call a stack; NaN where float64 has no answer.

Matrices in groups of ``stride`` are a first one and its small perturbations. There the extreme singular and eigenvalues
of the others come from the vectors of the first (u^T M v, the Rayleigh quotient v^T M v), which are right to second
order in the perturbation, as a derivative by differences needs, at one decomposition a group.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def spectral_norms(matrices: np.ndarray, stride: int = 1) -> np.ndarray:
    """Largest singular values.

    Args:
        matrices: shape (batch, rows, columns).
        stride: see above; 1 decomposes every matrix.
    """
    if 1 in matrices.shape[1:]:
        flat = matrices.reshape(len(matrices), -1)
        return np.sqrt(np.vecdot(flat, flat))
    if stride == 1:
        return _where_finite(matrices, lambda m: np.linalg.svd(m, compute_uv=False)[:, 0])

    def by_groups(m: np.ndarray) -> np.ndarray:
        u, _, v = np.linalg.svd(m[:, 0], full_matrices=False)
        return np.abs(_quotients(u[:, :, 0], m, v[:, 0, :]))

    return _where_finite(_grouped(matrices, stride), by_groups).reshape(-1)


def eigenvalues(matrices: np.ndarray, largest: bool, stride: int = 1) -> np.ndarray:
    """Largest or smallest eigenvalues of symmetric matrices; only the lower triangle is read where ``stride`` is 1."""
    place = -1 if largest else 0
    if stride == 1:
        return _where_finite(matrices, lambda m: np.linalg.eigvalsh(m)[:, place])

    def by_groups(m: np.ndarray) -> np.ndarray:
        v = np.linalg.eigh(m[:, 0])[1][:, :, place]
        return _quotients(v, m, v)

    return _where_finite(_grouped(matrices, stride), by_groups).reshape(-1)


def determinants(matrices: np.ndarray) -> np.ndarray:
    """Determinants."""
    return _where_finite(matrices, np.linalg.det)


def solutions(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The x with a @ x = b, matrix by matrix; b of shape (batch, n) or (batch, n, k). NaN where a is singular."""
    columns = b if b.ndim == 3 else b[:, :, None]
    try:
        return np.linalg.solve(a, columns).reshape(b.shape)
    except np.linalg.LinAlgError:
        return np.concatenate([_solution(*pair) for pair in zip(a, columns, strict=True)]).reshape(b.shape)


def _solution(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        return np.full(b.shape, np.nan)


def _grouped(matrices: np.ndarray, stride: int) -> np.ndarray:
    return matrices.reshape(-1, stride, *matrices.shape[1:])


def _quotients(u: np.ndarray, matrices: np.ndarray, v: np.ndarray) -> np.ndarray:
    """u^T M v for the matrices of each group; u (groups, m), matrices (groups, stride, m, n), v (groups, n)."""
    return np.vecdot((matrices @ v[:, None, :, None])[..., 0], u[:, None, :])


def _where_finite(stacks: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """``function`` of the entries of the first axis that are finite, NaN for the others."""
    if np.isfinite(stacks).all():
        return function(stacks)
    finite = np.isfinite(stacks).reshape(len(stacks), -1).all(axis=1)
    out = np.full(stacks.shape[:-2], np.nan)
    if finite.any():
        out[finite] = function(stacks[finite])
    return out
