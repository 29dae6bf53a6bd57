"""Leverage scores sigma_i = D_i a_i^T (A^T D A)^+ a_i of the rows of D^{1/2} A, exact and from a sketch.

They add up to the rank. What sampling needs is a lower bound on each estimate and the sum of the estimates: too large
a score costs samples, too small a one costs the guarantee.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from numeric.blocks import DenseBlock
from numeric.kernels import Array
from numeric.rows import RowSource
from numeric.sketching.sketches import SparseSign, sparse_sign
from numeric.triangle import triangle
from numeric.validation import InputError, check_shape, real_array

DISTORTION = 0.5
"""Relative error of the sketched norms, and of the short Gaussian products."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Estimates of the leverage scores and the coordinates that they were computed in.

    Attributes:
        values: shape (n,); zero for rows that are zero or have weight zero.
        lower: values >= lower * sigma, but for the probability `failure`.
        failure: 0 for exact scores.
        basis: T of shape (d, r), r the rank: D^{1/2} A T has orthonormal columns, or nearly so after a sketch, and its
            range is that of D^{1/2} A.
    """

    values: Array
    lower: float
    failure: float
    basis: Array

    @property
    def rank(self) -> int:
        """r."""
        return self.basis.shape[1]

    def reweighted(self, old: Array, new: Array) -> "Scores":
        """Scores for other weights without a read of A.

        Let S be the rows with new/old >= c, and t the sum of the old scores of the other rows, at least the norm of
        their share. Then A^T diag(new) A >= c (1 - t) A^T diag(old) A, so the scores times new/old are at least
        `lower` c (1 - t) times the new ones. The best c is taken: a few rows that matter little may lose their weight.
        The basis stays, and is as far from orthonormal as the weights have moved.

        Args:
            old: the weights that these scores are for, positive, shape (n,).
            new: shape (n,), positive.
        """
        ratio = new / old
        order = np.argsort(ratio)
        scores = self.values[order] / self.lower
        kept = ratio[order] * (1.0 - (np.cumsum(scores) - scores))
        return replace(self, values=self.values * ratio, lower=self.lower * float(kept.max()))

    @property
    def total(self) -> float:
        """kap d of the papers: with p = values/sum(values), p_i >= sigma_i/total."""
        return float(self.values.sum()) / self.lower


def exact_scores(source: RowSource, weights: Array | None = None) -> Scores:
    """The scores through a triangular factor of D^{1/2} A, O(n d^2): two reads, nothing is squared.

    The relative error is of the order of machine epsilon times the condition number of D^{1/2} A, cut at its rank.

    Args:
        source: A, shape (n, d).
        weights: D, shape (n,), not negative; None for ones.

    Raises:
        InputError: the weights have another shape, or an entry is negative or not finite.
    """
    weights = _checked(source, weights)
    basis = _exact_basis(source, weights)
    return Scores(_squared_rows(source, weights, basis), 1.0, 0.0, basis)


def approximate_scores(
    source: RowSource,
    weights: Array | None,
    generator: np.random.Generator,
    sketch: SparseSign | None = None,
    failure: float = 0.1,
) -> Scores:
    """The scores from the QR factorization of a sketch: O(nnz(A) min(d, log(n/failure)) + rows d^2).

    A sketch that distorts squared norms by at most 1 + e leaves a_i^T (R^T R)^{-1} a_i >= sigma_i/(1 + e). Where it is
    shorter, k Gaussian columns replace R^{-1} (Drineas et al., 2012); by the lower tail of chi^2 no score shrinks below
    1 - e with probability 1 - n exp(k (ln(1 - e) + e)/2), and a score that grows costs samples only. The sketch takes
    half of `failure`, the Gaussian the other half. e is `DISTORTION`.

    Args:
        source: A, shape (n, d).
        weights: D, shape (n,), not negative; None for ones.
        generator: of the random numbers.
        sketch: its size; None for `sparse_sign`, whose size is tested, not proven. With the size of `count_sketch` the
            guarantee is proven. Without more rows in A than in the sketch the scores are exact.
        failure: probability that the guarantee of the result does not hold, in (0, 1).

    Raises:
        InputError: see `exact_scores`; or `failure` is no probability.
    """
    check_probability("failure", failure)
    weights, (n, d) = _checked(source, weights), source.shape
    sketch = sketch or sparse_sign(d, DISTORTION, failure / 2)
    if sketch.rows >= n:
        return exact_scores(source, weights)
    basis, lower = sketched_basis(source, weights, generator, sketch), 1.0 / (1.0 + DISTORTION)
    shorter = math.ceil(2.0 * math.log(2 * n / failure) / -(math.log(1.0 - DISTORTION) + DISTORTION))
    directions = basis
    if shorter < basis.shape[1]:
        directions = basis @ (generator.standard_normal((basis.shape[1], shorter)) / math.sqrt(shorter))
        lower *= 1.0 - DISTORTION
    return Scores(_squared_rows(source, weights, directions), lower, failure, basis)


def sketched_basis(source: RowSource, weights: Array, generator: np.random.Generator, sketch: SparseSign) -> Array:
    """T of shape (d, r), r the rank of W^{1/2} A: V S^{-1} of the singular values and vectors of a sketch of W^{1/2} A.

    Args:
        source: A, shape (n, d).
        weights: W, shape (n,), not negative.
        generator: of the sketch.
        sketch: its size; with as many rows as A or more, W^{1/2} A itself is factorized.
    """
    if sketch.rows >= source.shape[0]:
        return _exact_basis(source, weights)
    return _basis(np.asarray(np.linalg.qr(sketch.apply(source, weights, generator), mode="r")), source)


def check_probability(name: str, value: float) -> None:
    """A number strictly between 0 and 1.

    Raises:
        InputError: it is not.
    """
    if not 0.0 < value < 1.0:
        raise InputError(f"{name}: got {value}; pass a number strictly between 0 and 1")


def _checked(source: RowSource, weights: Array | None) -> Array:
    if weights is None:
        return np.ones(source.shape[0])
    array = real_array("weights", weights, 1).astype(float)
    check_shape("weights", array, source.shape[:1], "A (n rows)")
    if array.min() < 0.0:
        raise InputError(f"weights: the smallest is {array.min():.3g}; leverage scores need weights >= 0: pass |D|")
    return array


def _weighted(source: RowSource, weights: Array) -> Iterator[DenseBlock]:
    roots = np.sqrt(weights)
    for block in source.blocks(np.dtype(float), source.shape[1]):
        yield DenseBlock(block.rows, roots[block.rows, None] * block.toarray())


def _exact_basis(source: RowSource, weights: Array) -> Array:
    return _basis(triangle(_weighted(source, weights), source.shape[1], centred=False).R, source)


def _basis(factor: Array, source: RowSource) -> Array:
    """V S^{-1} of the factor, cut at its numerical rank."""
    _, S, Vt = np.linalg.svd(factor, full_matrices=False)
    rank = int(np.count_nonzero(S[0] * max(source.shape) * np.finfo(float).eps < S))
    return Vt[:rank].T / S[:rank]


def _squared_rows(source: RowSource, weights: Array, directions: Array) -> Array:
    """The squared norms of the rows of D^{1/2} A directions, in one read."""
    values = np.zeros(source.shape[0])
    for block in source.blocks(np.dtype(float), max(1, directions.shape[1])):
        rows = block.times(directions)
        values[block.rows] = weights[block.rows] * np.vecdot(rows, rows)
    return values
