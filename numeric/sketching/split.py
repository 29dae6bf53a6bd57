"""The Hessian A^T diag(D) A + V^T C V of a vector problem in one pair of parts: what is sampled and what is kept.

P3 samples after it has replaced B + W^2 by a diagonal matrix. Here only A^T diag(D) A is sampled, and the low-rank part
stays as it is: V^T = A^T U has a few columns of length d.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from numeric.forms.stream import StreamSecondOrder
from numeric.kernels import Array
from numeric.rows import RowSource
from numeric.sketching.leverage import Scores
from numeric.sketching.sampling import Sample, sample_size, sampled_gram, subsample
from numeric.whitening_stream import ChangedRows

FLOOR = 1e-12
"""Rows count with at least this share of the largest |D|, so that the basis spans all of A's rows where D vanishes."""


@dataclass(frozen=True, eq=False)
class Draw:
    """A sampled Hessian in the coordinates of its sampler.

    Attributes:
        matrix: H~, symmetric, shape (r, r).
        sampled: distinct rows in it.
        exact: whether no row was left out.
    """

    matrix: Array
    sampled: int
    exact: bool


class Sampler(Protocol):
    """A Hessian whose diagonal part can be sampled."""

    @property
    def basis(self) -> Array | None:
        """T of shape (d, r): x = T y in the coordinates of `draw` and `product`; None for x itself, as a vector."""
        ...

    def size(self, accuracy: float, failure: float) -> int:
        """The draws for which the sampling theorem holds with eps = accuracy and delta = failure."""
        ...

    def draw(self, draws: int, generator: np.random.Generator) -> Draw:
        """H~ from so many rows."""
        ...

    def product(self, v: Array) -> Array:
        """H v exactly."""
        ...


@dataclass(frozen=True, eq=False)
class SplitHessian:
    """A^T diag(D) A + V^T C V, in the units of the point's log scale.

    Attributes:
        source: A, shape (n, d).
        D: shape (n,), entries of both signs.
        V: shape (r, d).
        C: symmetric, shape (r, r).

    Several targets make independent problems, which have a Hessian each.
    """

    source: RowSource
    D: Array
    V: Array
    C: Array

    @classmethod
    def each(cls, second: StreamSecondOrder) -> "tuple[SplitHessian, ...]":
        """The parts of the Hessian of each target, in one read of A for all."""
        D, V, C = second.split()
        k, (r, d) = second.form.problems, V.shape[-2:]
        parts = zip(D.reshape(k, -1), V.reshape(k, r, d), C.reshape(k, r, r), strict=True)
        return tuple(cls(second.form.source, *part) for part in parts)

    @property
    def weights(self) -> Array:
        """W >= |D|, what rows are scored by."""
        sizes = np.abs(self.D)
        return np.maximum(sizes, FLOOR * sizes.max())

    @property
    def signed(self) -> bool:
        """Whether D differs from W, so that the sampling theorem needs its signed form."""
        return bool(np.any(self.weights != self.D))

    def low_rank(self, basis: Array) -> Array:
        """T^T V^T C V T, exactly symmetric."""
        projected = self.V @ basis
        matrix = projected.T @ self.C @ projected
        return (matrix + matrix.T) / 2

    def sampled(self, sample: Sample, basis: Array) -> Array:
        """T^T H~ T: the sampled diagonal part and the exact low-rank part."""
        return sampled_gram(self.source, self.D, sample, basis) + self.low_rank(basis)

    def product(self, v: Array) -> Array:
        """H v exactly, in one read: O(nnz(A))."""
        return self.V.T @ (self.C @ (self.V @ v)) + _diagonal_product(self.source, self.D, v)


def _diagonal_product(source: RowSource, D: Array, v: Array) -> Array:
    if isinstance(source, ChangedRows) and source.mean is None and not source.always_formed:
        # The change of variables is applied once, not to each block.
        return source.P.T @ _diagonal_product(source.inner, D, source.P @ v)
    total = np.zeros(source.shape[1])
    for block in source.blocks(np.dtype(float), 1):
        total += block.adjoint(D[block.rows] * block.forward(v))
    return total


@dataclass(frozen=True, eq=False)
class RowSampler:
    """A `Sampler` of a vector problem: rows of A by their leverage scores.

    Attributes:
        split: the Hessian.
        scores: for its weights.
    """

    split: SplitHessian
    scores: Scores

    @property
    def basis(self) -> Array:
        """That of the scores, in which G is about the identity."""
        return self.scores.basis

    def size(self, accuracy: float, failure: float) -> int:
        """See `sample_size`."""
        return sample_size(self.scores, accuracy, failure, self.split.signed)

    def draw(self, draws: int, generator: np.random.Generator) -> Draw:
        """T^T H~ T; all rows where draws are no fewer."""
        sample = subsample(self.scores, draws, generator)
        return Draw(self.split.sampled(sample, self.basis), len(sample.rows), sample.exact)

    def product(self, v: Array) -> Array:
        """T^T H T v, in one read of A."""
        return self.basis.T @ self.split.product(self.basis @ v)
