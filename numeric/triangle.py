"""The triangular factor of a tall A that is read in row blocks: A^T A = R^T R, by orthogonal transformations only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from numeric.blocks import Block
from numeric.kernels import Array

LARGEST_TRIANGLE = 2500
"""Columns up to which a triangular factor is formed: 50 MB, and about 3 d^2 operations for each row of A."""


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
    def norm(self) -> float:
        """||A|| in the 2-norm, the mean included."""
        return float(np.linalg.norm(np.vstack([self.R, np.sqrt(self.count) * self.mean]), ord=2))


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


def fixed_signs(Vt: Array) -> Array:
    """1 or -1 for each right singular vector, so that its largest entry becomes positive.

    A factorization leaves the sign open. With the sign fixed, a start that is drawn in whitened variables is the same
    however A is stored.

    Args:
        Vt: the vectors as rows, shape (r, d).
    """
    largest = Vt[np.arange(len(Vt)), np.abs(Vt).argmax(axis=1)]
    return np.where(largest < 0.0, -1.0, 1.0)
