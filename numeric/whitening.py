"""A linear change of variables that makes the maps of a problem orthonormal: x = P y, or X = P1 Y P2^T.

With A = Q R, P = R^{-1} and A P = Q, where A is far from losing rank; else, with A = U S V^T cut at its numerical
rank, P = V S^{-1} and A P = U. Where the loss is shift invariant in each group and nothing else sees z, the rows of A2
(in vector form of A) may be replaced by their differences from their mean, which both conditions the problem and
removes the directions that the loss cannot see. What is cut away changes no prediction, and the x that comes back has
no part there: it is the one of minimum norm.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import Any, cast

import numpy as np
import scipy.sparse

from numeric.forms.form import DenseForm
from numeric.forms.matrix import MatrixForm
from numeric.forms.stream import StreamForm
from numeric.kernels import Array
from numeric.problems import Regression
from numeric.triangle import change_of, fixed_signs
from numeric.whitening_stream import whitened_rows


@dataclass(frozen=True, eq=False)
class Factor:
    """The change of one side's variables.

    Attributes:
        to_original: P, R^{-1} or V S^{-1}, shape (d, r), an array or sparse.
        to_whitened: the way back, R or S V^T, shape (r, d), an array or sparse.
        triangular: whether P is R^{-1}; else its columns are orthogonal.
    """

    to_original: Any
    to_whitened: Any
    triangular: bool = False

    @cached_property
    def singular_basis(self) -> Array | None:
        """The left singular vectors of the way back, shape (r, r); None where the variables are that basis."""
        if not self.triangular:
            return None
        W, _, Vt = np.linalg.svd(self.to_whitened)
        return W * fixed_signs(Vt)

    @property
    def full_rank(self) -> bool:
        """Whether nothing was cut away."""
        d, r = self.to_original.shape
        return d == r


@dataclass(frozen=True, eq=False)
class WhitenedRegression(Regression):
    """A problem in whitened variables, itself a problem, computed in float64.

    Attributes:
        original: the problem that it came from.
        left: the change of X's rows, or None in vector form.
        right: the change of X's columns, or of x.
    """

    original: Regression
    left: Factor | None
    right: Factor

    def to_original(self, y: Array) -> Array:
        """The x of a y: the member of minimum norm of the x that have the same z up to invariant shifts."""
        columns = y @ self.right.to_original.T
        return columns if self.left is None else self.left.to_original @ columns

    def from_original(self, x: Array) -> Array:
        """The y of an x; parts of x that no prediction depends on are dropped."""
        columns = x @ self.right.to_whitened.T
        return columns if self.left is None else self.left.to_whitened @ columns

    def gradient_to_original(self, g: Array) -> Array:
        """The gradient in x from the one in y."""
        columns = g @ self.right.to_whitened
        return columns if self.left is None else self.left.to_whitened.T @ columns

    def from_singular(self, y: Array) -> Array:
        """The y of one in the bases of singular vectors of A1 and A2, which the order of columns does not change."""
        left, right = None if self.left is None else self.left.singular_basis, self.right.singular_basis
        columns = y if right is None else y @ right.T
        return columns if left is None else left @ columns

    @property
    def full_rank(self) -> bool:
        """Whether each x has its own predictions, as far as the linear maps decide."""
        return self.right.full_rank and (self.left is None or self.left.full_rank)

    def predict(self, x: Array) -> tuple[Array, ...]:
        """The model of each prompt's target at the whitened point."""
        return self.at(x).predict()

    def __repr__(self) -> str:
        return f"WhitenedRegression({self.original!r}, y {self.x_shape})"


def whiten(problem: Regression) -> WhitenedRegression:
    """The same problem in variables in which its maps, stacked over prompts, have orthonormal columns.

    An A that is read in row blocks and has more than `numeric.triangle.LARGEST_TRIANGLE` columns only gets columns of
    length 1.

    Args:
        problem: in vector or in matrix form.
    """
    centred = problem.loss.SHIFT_INVARIANT and not problem.regularized
    if isinstance(problem.forms[0], StreamForm):
        return _whiten_stream(problem, problem.forms[0], centred)
    dense = cast(tuple[DenseForm, ...], problem.forms)
    *lefts, rights = zip(*(form.factors for form in dense), strict=True)
    new_rights, right = _orthonormal(rights, centred)
    new_lefts, left = _orthonormal(lefts[0], False) if lefts else (None, None)
    leading = problem.x_shape[:-1] if left is None else left.to_whitened.shape[:1]
    factors = zip(new_rights, strict=True) if new_lefts is None else zip(new_lefts, new_rights, strict=True)
    forms = tuple(form.rebuilt(*new) for form, new in zip(dense, factors, strict=True))
    shape = (*leading, len(right.to_whitened))
    return WhitenedRegression(problem.loss, forms, shape, np.dtype(float), problem, left, right)


def unchanged(problem: Regression) -> WhitenedRegression:
    """The same problem in float64 and in its own variables, for methods whose path depends on the variables.

    Args:
        problem: in vector or in matrix form.
    """
    forms = tuple(
        replace(form, dtype=np.dtype(float))
        if isinstance(form, StreamForm)
        else cast(DenseForm, form).rebuilt(*(A.astype(float, copy=False) for A in cast(DenseForm, form).factors))
        for form in problem.forms
    )
    *left, right = (Factor(identity, identity) for identity in map(scipy.sparse.eye_array, _sides(problem)))
    return WhitenedRegression(
        problem.loss, forms, problem.x_shape, np.dtype(float), problem, left[0] if left else None, right
    )


def _sides(problem: Regression) -> tuple[int, ...]:
    """(d,) in vector form, (d1, d2) in matrix form."""
    return problem.x_shape if isinstance(problem.forms[0], MatrixForm) else problem.x_shape[-1:]


def _whiten_stream(problem: Regression, form: StreamForm, centred: bool) -> WhitenedRegression:
    rows, *change = whitened_rows(form.source, centred)
    new = replace(form, source=rows, dtype=np.dtype(float))
    right = Factor(*change)
    return WhitenedRegression(problem.loss, (new,), new.x_shape, new.dtype, problem, None, right)


def _orthonormal(matrices: Sequence[Array], centred: bool) -> tuple[list[Array], Factor]:
    """Orthonormal columns that span those of the stacked matrices, cut up again, and the factor between them.

    A matrix of rank zero keeps one column of zeros: an unknown that nothing depends on is still an unknown.
    """
    given = np.concatenate([A.astype(float, copy=False) for A in matrices])
    ends = list(accumulate(len(A) for A in matrices))
    stacked = given
    if centred:
        starts = [0, *ends[:-1]]
        stacked = np.concatenate([given[i:j] - given[i:j].mean(axis=0) for i, j in zip(starts, ends, strict=True)])
    columns, factor = _triangular(stacked, given) or _singular(stacked, given)
    return np.split(columns, ends[:-1]), factor


def _triangular(stacked: Array, given: Array) -> tuple[Array, Factor] | None:
    """Q and the change by R; None where there may be fewer independent columns than columns.

    Args:
        stacked: the matrix.
        given: the same before it was centred.
    """
    if len(stacked) < stacked.shape[1]:
        return None
    Q, R = np.linalg.qr(stacked)
    change = change_of(R, given)
    return None if change is None else (Q * change.signs, Factor(change.P, change.R, triangular=True))


def _singular(stacked: Array, given: Array) -> tuple[Array, Factor]:
    """Left singular vectors, as many as the numerical rank; the arguments are as for `_triangular`."""
    U, S, Vt = np.linalg.svd(stacked, full_matrices=False)
    # Relative to the matrices before centring: what centring leaves of equal rows is rounding error.
    size = float(S[0]) if given is stacked else max(float(S[0]), _spectral_norm(given))
    rank = int(np.count_nonzero(size * max(stacked.shape) * np.finfo(float).eps < S))
    if rank == 0:
        zeros = np.zeros((stacked.shape[1], 1))
        return np.zeros((len(stacked), 1)), Factor(zeros, zeros.T)
    signs = fixed_signs(Vt[:rank])
    U, S, Vt = signs * U[:, :rank], S[:rank], signs[:, None] * Vt[:rank]
    return U, Factor(Vt.T / S, S[:, None] * Vt)


def _spectral_norm(A: Array) -> float:
    """The 2-norm, from the smaller Gram matrix: its largest eigenvalue keeps all digits."""
    largest = float(np.abs(A).max())
    if not largest > 0.0:
        return 0.0
    B = A / largest
    gram = B.T @ B if len(B) > B.shape[1] else B @ B.T
    return largest * float(np.sqrt(np.linalg.eigvalsh(gram)[-1]))
