"""SUBSAMPLE (N6 of the source page, with the explicit size N6'): A^T D~ A for A^T D A from a few rows of A.

Theorem. Let |D| <= W entrywise and G = A^T W A of rank r. Draw s rows i.i.d. with p_i >= sigma_i(W^{1/2} A)/total. With
D~_ii = D_ii (times that i was drawn)/(s p_i) and

    s >= 2 (total (1 + eps/3) + eps/3) eps^{-2} ln(2 r/delta)

it holds that -eps G <= A^T D~ A - A^T D A <= eps G with probability at least 1 - delta: matrix Bernstein on the terms
X = D_ii/(s p_i) y y^T, y = G^{-1/2} a_i, with ||X|| <= total/s, ||E X|| <= 1/s and ||sum of E X^2|| <= total/s.
For W = D the last eps/3 goes away, as X and E X are positive semidefinite, and the bound is the two-sided one of N6'.
For D of both signs it is relative to G, which may be much larger than A^T D A.
"""

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from numeric.forms.gram import WeightedGram
from numeric.kernels import Array
from numeric.rows import RowSource
from numeric.sketching.leverage import Scores, check_probability


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows that were drawn.

    Attributes:
        rows: their numbers, increasing, without repetition.
        factors: what the weight of each is multiplied by, (times drawn)/(s p_i).
        exact: whether all rows with a positive score were kept, because as many draws were asked for.
    """

    rows: Array
    factors: Array
    exact: bool


def sample_size(scores: Scores, accuracy: float, failure: float, signed: bool = False) -> int:
    """The draws s for which the theorem of this module holds with eps = accuracy and delta = failure.

    Args:
        scores: their own probability of failure adds to `failure`.
        accuracy: in (0, 1).
        failure: in (0, 1).
        signed: whether the weights that will be sampled have both signs, or are smaller than those of the scores.

    Raises:
        InputError: accuracy or failure is not strictly between 0 and 1.
    """
    return theorem_size(scores.total, scores.rank, accuracy, failure, signed)


def theorem_size(total: float, rank: int, accuracy: float, failure: float, signed: bool) -> int:
    """The same, for total and r as in the theorem."""
    check_probability("accuracy", accuracy)
    check_probability("failure", failure)
    terms = total * (1.0 + accuracy / 3.0) + signed * accuracy / 3.0
    return math.ceil(2.0 * terms * accuracy**-2 * math.log(2.0 * max(1, rank) / failure))


def subsample(scores: Scores, draws: int, generator: np.random.Generator) -> Sample:
    """Draws rows with probabilities proportional to the scores; all rows once where draws are no fewer.

    Args:
        scores: of the rows.
        draws: s, at least one.
        generator: of the draws.
    """
    positive = np.flatnonzero(scores.values)
    if draws >= len(positive):
        return Sample(positive, np.ones(len(positive)), True)
    sums = np.cumsum(scores.values[positive])
    drawn = np.searchsorted(sums, generator.random(draws) * sums[-1], side="right")
    # A draw may round up to the whole sum.
    places, counts = np.unique(np.minimum(drawn, len(positive) - 1), return_counts=True)
    rows = positive[places]
    return Sample(rows, counts * sums[-1] / (draws * scores.values[rows]), False)


def sampled_gram(source: RowSource, D: Array, sample: Sample, basis: Array) -> Array:
    """T^T A^T D~ A T in one read, shape (r, r): only the rows of the sample are gathered, block by block.

    Args:
        source: A, shape (n, d).
        D: shape (n,), entries of both signs.
        sample: of the rows.
        basis: T, shape (d, r).
    """
    total = WeightedGram(max(1, basis.shape[1]), np.dtype(float))
    weights = D[sample.rows] * sample.factors
    for block in source.blocks(np.dtype(float), basis.shape[1]):
        first, last = np.searchsorted(sample.rows, (block.rows.start, block.rows.stop))
        if first < last:
            count = block.rows.stop - block.rows.start
            places = (np.ones(last - first), sample.rows[first:last] - block.rows.start, np.arange(last - first + 1))
            chosen = block.adjoint(scipy.sparse.csr_array(places, shape=(last - first, count)))
            total.add(chosen @ basis, weights[first:last])
    return total.matrix()[: basis.shape[1], : basis.shape[1]]
