"""The triangular factor of a tall A that is read in row blocks: A^T A = R^T R, by orthogonal transformations only."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dtrtri

from numeric.blocks import Block
from numeric.kernels import Array

LARGEST_TRIANGLE = 2500
"""Columns up to which a triangular factor is formed: 50 MB, and about 3 d^2 operations for each row of A."""
FAR_FROM_SINGULAR = 1e4
"""Condition, in Frobenius norms, up to which R and its inverse serve as well as singular values, for a third of the
time."""


@dataclass(frozen=True, eq=False)
class Triangle:
    """What a factorization of all rows of A leaves.

    Attributes:
        R: shape (r, d), r at most d; R^T R = A^T A, or (A - 1 mean^T)^T (A - 1 mean^T) where centred.
        mean: of the rows, shape (d,); zero where not centred.
        count: the number of rows.
    """

    R: Array
    mean: Array
    count: int

    @property
    def uncentred(self) -> Array:
        """A factor of A itself, the mean included."""
        return np.vstack([self.R, np.sqrt(self.count) * self.mean])

    @property
    def norm(self) -> float:
        """||A|| in the 2-norm, the mean included."""
        return float(np.linalg.norm(self.uncentred, ord=2))


class Change(NamedTuple):
    """A change of variables by a triangular factor.

    Attributes:
        signs: of the diagonal before, shape (d,): Q's columns times these go with R.
        P: R^{-1}, shape (d, d).
        R: with a positive diagonal.
    """

    signs: Array
    P: Array
    R: Array


def triangle(blocks: Iterable[Block], d: int, centred: bool) -> Triangle:
    """One read of A: the QR factorization of the factor so far, stacked on the next rows (TSQR).

    Centred, each group of rows loses its own mean, and one row makes up for the difference of the means: with n rows
    of mean p and m rows of mean q, the scatter about the common mean is the sum of both scatters and of
    n m/(n + m) (p - q)(p - q)^T (Chan, Golub and LeVeque, Updating formulae, 1979). Nothing is squared.

    Args:
        blocks: all rows, in float64.
        d: columns of A.
        centred: whether the rows' mean is to be taken off.
    """
    R: Array = np.zeros((0, d))
    mean, count = np.zeros(d), 0
    for A in _tall(blocks, 2 * d):
        stack, total = [R, A], count + len(A)
        if centred:
            own = A.mean(axis=0)
            step = own - mean
            stack = [R, A - own, np.sqrt(count * (len(A) / total)) * step[None, :]]
            mean = mean + len(A) / total * step
        R, count = np.asarray(np.linalg.qr(np.concatenate(stack), mode="r")), total
    return Triangle(R, mean, count)


def _tall(blocks: Iterable[Block], height: int) -> Iterator[Array]:
    """The rows in arrays of at least `height` rows, so that the factor so far is a small part of each QR."""
    waiting: list[Array] = []
    for block in blocks:
        rows = block.toarray()
        if sum(map(len, waiting)) + len(rows) >= height:
            yield np.concatenate([*waiting, rows]) if waiting else rows
            waiting = []
        else:
            # A reader may use the memory of a block again for the next one.
            waiting.append(rows.copy())
    if waiting:
        yield np.concatenate(waiting)


def change_of(R: Array, given: Array) -> Change | None:
    """The change of variables by R, rows of which change their sign; None where R is not far from singular.

    Args:
        R: upper triangular, shape (r, d).
        given: the matrix that R was computed from, or what has its norm, which tells the size of rounding errors.
    """
    if R.shape[0] < R.shape[1]:
        return None
    inverse, singular = dtrtri(R)
    if singular or not _norm(inverse) * _norm(given) <= FAR_FROM_SINGULAR:
        return None
    signs = np.copysign(1.0, R.diagonal())
    return Change(signs, inverse * signs, signs[:, None] * R)


def _norm(A: Array) -> float:
    """The Frobenius norm."""
    return math.sqrt(np.vdot(A, A))


def fixed_signs(Vt: Array) -> Array:
    """1 or -1 for each right singular vector, so that its largest entry becomes positive.

    A factorization leaves the sign open. With the sign fixed, a start that is drawn in whitened variables is the same
    however A is stored. (So it is with a positive diagonal, see `change_of`.)

    Args:
        Vt: the vectors as rows, shape (r, d).
    """
    largest = Vt[np.arange(len(Vt)), np.abs(Vt).argmax(axis=1)]
    return np.where(largest < 0.0, -1.0, 1.0)
