"""Hessians as operators: products, diagonal, dense form and solves on one structured object."""

import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import scipy.linalg
from scipy.linalg import lapack
from scipy.sparse.linalg import LinearOperator

from numeric.forms.form import SecondOrder
from numeric.forms.matrix_hessian import MatrixHessian, symmetric_blocks
from numeric.kernels import Array, all_finite, quiet, unscale

LARGE_LOG_SCALE = 60.0
"""Below e^60, entries of moderate size overflow not even float32; beyond, the diagonal is looked at."""

ROUNDED_TERMS = 100.0
"""The entries of a Hessian are wrong by some machine epsilons: a singular one is left with a reciprocal condition of up
to about 20 of them. Below 100 a solution would have fewer than two correct digits in any case."""

BLOCK_COLUMNS = 64
"""Columns that LAPACK's symmetric factorization is given memory for: with less it goes one by one."""


class HessianOperator(LinearOperator):
    """H = exp(log_scale) sum over forms of M^T (diag(D) + U C U^T) M, M the form's linear map.

    It acts on vec(x), which is row-major, of length N, and alike on arrays of x's shape. Sums of squares give
    a symmetric matrix, so the adjoint is the operator itself.

    Attributes:
        shape: (N, N).
        x_shape: the shape of x.
        log_scale: 0 for the Hessian itself; with `scaled=True` the true one is exp(log_scale) times this one.
    """

    def __init__(
        self,
        forms: tuple[SecondOrder, ...],
        x_shape: tuple[int, ...],
        dtype: np.dtype[Any],
        scaled: bool = False,
    ) -> None:
        N = int(np.prod(x_shape))
        super().__init__(dtype=dtype, shape=(N, N))
        log_scale, self._factors = _common_scale(forms)
        self.forms, self.x_shape = forms, x_shape
        self.log_scale = log_scale if scaled else 0.0
        self._applied_scale = 0.0 if scaled else log_scale
        if self._applied_scale > LARGE_LOG_SCALE or not all(form.surely_finite for form in forms):
            # The diagonal overflows first: an error now instead of infinities in a later product.
            self.diagonal()

    @quiet
    def _sum(self, part: Callable[[SecondOrder], Array]) -> Array:
        """The sum over forms of one of their results, on the common scale, finite."""
        return self._finite(_sum(self.forms, self._factors, part))

    def _matvec(self, v: Array) -> Array:
        x = np.asarray(v).reshape(self.x_shape)
        return self._sum(lambda form: form.apply(x)).ravel()

    def _adjoint(self) -> "HessianOperator":
        return self

    def dot(self, x: Any) -> Any:
        """H x, in the shape of x: x's own shape, (N,), or a matrix of columns (N, k)."""
        array = x if isinstance(x, LinearOperator) or np.isscalar(x) else np.asarray(x)
        if isinstance(array, np.ndarray) and array.shape == self.x_shape:
            return self._matvec(array).reshape(self.x_shape)
        return super().dot(array)

    def blocks(self) -> Array:
        """The dense diagonal blocks, shape (k, m, m) with k m = N; k > 1 for independent problems."""
        return _blocks(self.forms, self.x_shape, self._sum)

    def to_dense(self) -> Array:
        """The matrix, shape (N, N)."""
        blocks = self.blocks()
        return blocks[0] if len(blocks) == 1 else scipy.linalg.block_diag(*blocks)

    def diagonal(self) -> Array:
        """The diagonal, in the shape of vec(x): (N,)."""
        return self._sum(lambda form: form.diagonal()).ravel()

    def solve(self, g: Array, damping: float = 0.0) -> Array:
        """(H + damping I)^{-1} g, by Cholesky where positive definite, else by a symmetric factorization.

        Args:
            g: shape (N,) or x's shape; the solution has the same.
            damping: added to the diagonal, in the units of this operator.

        Raises:
            numpy.linalg.LinAlgError: singular to working precision, that of the Hessian's dtype.
            ValueError: g holds NaN or infinity.
        """
        blocks = self.blocks()
        blocks = blocks + damping * np.eye(blocks.shape[-1], dtype=blocks.dtype)
        rhs = np.asarray_chkfinite(g)
        parts = [
            _solve_symmetric(block, part) for block, part in zip(blocks, rhs.reshape(len(blocks), -1), strict=True)
        ]
        return np.concatenate(parts).reshape(rhs.shape)

    def eigenvalue_bounds(self) -> tuple[float, float]:
        """An interval (low, high) that holds every eigenvalue; an inclusion, not the extreme eigenvalues.

        For M^T B M with B between l and h: eigenvalues lie between min(l s_max, l s_min) and max(h s_max, h
        s_min), s the squared singular values of M; forms add. Rigorous but for rounding, and cheap: nothing
        of size N.
        """
        bounds = self._sum(lambda form: np.array(form.eigenvalue_bounds()))
        return float(bounds[0]), float(bounds[1])

    def _finite(self, scaled: Array) -> Array:
        result = unscale(scaled, self._applied_scale) if self._applied_scale else scaled
        return _checked(result, self.dtype, self._applied_scale)

    def __repr__(self) -> str:
        N, ranks = self.shape[0], {form.rank for form in self.forms}
        rank = "/".join(str(r) for r in sorted(ranks))
        return (
            f"<{N} x {N} HessianOperator, diagonal plus rank {rank} per group, {self.dtype}, "
            f"log scale {self.log_scale:g}>"
        )


@quiet
def scaled_blocks(forms: tuple[SecondOrder, ...], x_shape: tuple[int, ...]) -> tuple[Array, float]:
    """The `blocks` of the operator with `scaled=True`, and its log scale, without the operator.

    Args:
        forms: the second derivative of each form.
        x_shape: the shape of x.

    Raises:
        OverflowError: an entry is too large for the dtype.
    """
    log_scale, factors = _common_scale(forms)

    def added(part: Callable[[SecondOrder], Array]) -> Array:
        total = _sum(forms, factors, part)
        return _checked(total, total.dtype, 0.0)

    return _blocks(forms, x_shape, added), log_scale


def _common_scale(forms: tuple[SecondOrder, ...]) -> tuple[float, list[float]]:
    """The largest log scale, and what each form's results are multiplied by to be on it."""
    log_scale = max(form.log_scale for form in forms)
    return log_scale, [math.exp(form.log_scale - log_scale) for form in forms]


def _sum(forms: tuple[SecondOrder, ...], factors: list[float], part: Callable[[SecondOrder], Array]) -> Array:
    parts = (part(form) if factor == 1.0 else part(form) * factor for form, factor in zip(forms, factors, strict=True))
    return sum(parts, start=next(parts))


def _blocks(
    forms: tuple[SecondOrder, ...], x_shape: tuple[int, ...], added: Callable[[Callable[[SecondOrder], Array]], Array]
) -> Array:
    """The dense diagonal blocks, from a function that adds up one result of all forms."""
    if not all(isinstance(form, MatrixHessian) for form in forms):
        return added(lambda form: form.blocks())
    # Prompts are added up before the matrix is written out: it is four times as large.
    return symmetric_blocks(added(lambda form: cast(MatrixHessian, form).pair_sums()), x_shape)


def _checked(result: Array, dtype: np.dtype[Any], applied_scale: float) -> Array:
    if not all_finite(result):
        raise OverflowError(
            f"the Hessian overflows {dtype} (log scale {applied_scale:.4g}): ask for "
            "scaled=True, which helps a normalized or rescaled loss, or reduce the entries of A x"
        )
    return result


def _solve_symmetric(matrix: Array, rhs: Array) -> Array:
    """The solution by LAPACK's Cholesky factorization, or Bunch and Kaufman's where a pivot is not positive."""
    limit = ROUNDED_TERMS * np.finfo(matrix.dtype).eps
    norm = float(np.abs(matrix).sum(axis=0).max())
    a = matrix.astype(np.result_type(matrix, rhs), copy=False)
    potrf, pocon, potrs, sytrf, sycon, sytrs = lapack.get_lapack_funcs(
        ("potrf", "pocon", "potrs", "sytrf", "sycon", "sytrs"), (a,)
    )
    factor, not_definite = potrf(a)
    if not_definite:
        factor, pivots, _ = sytrf(a, lwork=BLOCK_COLUMNS * len(a))
    # 0 where a pivot is exactly zero.
    rcond, _ = sycon(factor, pivots, norm) if not_definite else pocon(factor, norm)
    if not rcond > limit:
        raise np.linalg.LinAlgError(
            f"the Hessian ({matrix.shape[0]} x {matrix.shape[0]}) is singular to working precision: "
            "pass damping > 0, add weights w, or solve the problem in whitened variables with solve()"
        )
    solution, _ = sytrs(factor, pivots, rhs) if not_definite else potrs(factor, rhs)
    return solution
