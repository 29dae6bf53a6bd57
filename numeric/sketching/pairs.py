r"""Sampling in matrix form: rows a_i (x) a'_j of A1 (x) A2 by products of two small distributions; none is built.

With rank-one bounds |D_ij| <= u_i v_j, the matrix T (x) S, T = A1^T diag(u) A1 and S = A2^T diag(v) A2, is at least
G = (A1 (x) A2)^T diag(|D|) (A1 (x) A2). In its norm the row (i, j), with weight u_i v_j, has the leverage score
tau_i tau'_j, the product of those of diag(u)^{1/2} A1 and diag(v)^{1/2} A2. So i and j are drawn apart from each other,
and the pair is kept with probability |D_ij|/(u_i v_j). Each kept pair adds

    sign(D_ij) r u_i v_j/(s tau_i tau'_j) (a_i a_i^T) (x) (a'_j a'_j^T),    r = sum of tau_i tau'_j, the rank,

whose sum over s draws has the mean A^T diag(D) A, and whose size in the norm of T (x) S is r/s: the theorem of
`numeric.sketching.sampling` with total = r, and with T (x) S in the place of G. Where G >= alpha T (x) S, that is the
theorem for G with total = r/alpha (kap = 1/alpha). For alpha its mean over all directions is taken, the share of the
draws that is kept: the number of kept pairs is then that of the theorem for total = r. It is 1, and the theorem holds,
where |D| = u v^T, as for large weights w of rank one; elsewhere only the measured eps0 says how good a sample is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse

from numeric.evaluation import Point
from numeric.forms.matrix_hessian import MatrixHessian, symmetric_blocks
from numeric.kernels import Array
from numeric.rows import SlicedRows
from numeric.sketching.leverage import exact_scores
from numeric.sketching.sampling import theorem_size
from numeric.sketching.split import Draw
from numeric.structure import PairTable

DENSE_GAIN = 8
"""A drawn pair costs as much as so many entries of the exact Hessian, whose sums are products of dense matrices."""
ROWS = 512
"""Rows of A1 in a part of the sums, so that the part and its products of pairs stay in cache."""


@dataclass(frozen=True, eq=False)
class PairScores:
    """The leverage scores of the two sides under a rank-one bound of |D|.

    Attributes:
        left: tau, shape (n1,).
        right: tau', shape (n2,).
        u: shape (n1,); |D_ij| <= u_i v_j.
        v: shape (n2,).
        rank: of T (x) S, what all products of two scores add up to.
        share: alpha, the share of the draws that is kept; the mean eigenvalue of G in the norm of T (x) S.
    """

    left: Array
    right: Array
    u: Array
    v: Array
    rank: int
    share: float

    @classmethod
    def of(cls, hessian: MatrixHessian) -> "PairScores":
        """The scores of one prompt, in three passes over D and O(n1 d1^2 + n2 d2^2)."""
        form = hessian.evaluation.form
        u, v = np.zeros(len(form.A1)), np.zeros(len(form.A2))
        for block, D in hessian.diagonals():
            u[block.rows] = np.maximum(D.max(axis=1), -D.min(axis=1))
        inverse = 1.0 / np.where(u > 0.0, u, 1.0)
        for block, D in hessian.diagonals():
            ratios = np.abs(D)
            ratios *= inverse[block.rows, None]
            v[block.columns] = np.maximum(v[block.columns], ratios.max(axis=0))
        if not (np.all(np.isfinite(u)) and np.any(u)):
            return cls(u, v, u, v, 0, 0.0)
        left, right = (exact_scores(SlicedRows(A, np.inf), w) for A, w in ((form.A1, u), (form.A2, v)))
        rank, kept = left.rank * right.rank, 0.0
        across = right.values / np.where(v > 0.0, v, 1.0)
        for block, D in hessian.diagonals():
            kept += float(left.values[block.rows] * inverse[block.rows] @ (np.abs(D) @ across[block.columns]))
        return cls(left.values, right.values, u, v, rank, kept / rank)

    def pairs(self, kept: int) -> int:
        """The draws of which about so many are kept; 0 where D is zero."""
        return math.ceil(kept / self.share) if self.rank else 0

    def draw(self, hessian: MatrixHessian, draws: int, generator: np.random.Generator) -> scipy.sparse.csr_array:
        """D~ of shape (n1, n2), of mean D, from `draws` pairs; a pair that was drawn again has its entry added up."""
        i, j = (_drawn(tau, draws, generator) for tau in (self.left, self.right))
        order = np.argsort(i)
        i, j = i[order], j[order]
        kept = generator.random(draws) * self.u[i] * self.v[j]
        D = _entries(hessian, i, j)
        chosen = np.flatnonzero(np.abs(D) > kept)
        i, j, signs = i[chosen], j[chosen], np.sign(D[chosen])
        values = signs * (self.rank / draws) * self.u[i] * self.v[j] / (self.left[i] * self.right[j])
        drawn = scipy.sparse.coo_array((values, (i, j)), shape=(len(self.u), len(self.v)))
        return scipy.sparse.csr_array(drawn)


@dataclass(frozen=True, eq=False)
class PairSampler:
    """The Hessian at a point of a problem in matrix form, as what is sampled and what is kept exactly.

    Each prompt has its own sample: G is the sum of theirs, and so are the errors.

    Attributes:
        summands: the Hessian of each prompt.
        factors: what each is multiplied by, for the units of the point's log scale.
        x_shape: (d1, d2).
    """

    summands: tuple[MatrixHessian, ...]
    factors: tuple[float, ...]
    x_shape: tuple[int, ...]
    basis: None = None

    @classmethod
    def of(cls, point: Point, summands: Sequence[MatrixHessian]) -> "PairSampler":
        """The sampler of a point's Hessian."""
        factors = tuple(float(np.exp(h.log_scale - point.first_order.log_scale)) for h in summands)
        return cls(tuple(summands), factors, point.x.shape)

    @cached_property
    def scores(self) -> tuple[PairScores, ...]:
        """Of each prompt."""
        return tuple(PairScores.of(hessian) for hessian in self.summands)

    @property
    def usable(self) -> bool:
        """Whether D is finite, and not zero."""
        finite = all(np.all(np.isfinite(scores.u)) for scores in self.scores)
        return finite and any(scores.rank for scores in self.scores)

    def size(self, accuracy: float, failure: float) -> int:
        """The pairs to be kept from each prompt, by the theorem for all prompts at once."""
        rank = max(scores.rank for scores in self.scores)
        return theorem_size(rank, rank, accuracy, failure / len(self.scores), signed=True)

    def draw(self, draws: int, generator: np.random.Generator) -> Draw:
        """H~ from about `draws` pairs of each prompt; all entries of a prompt where a sample would cost more."""
        total, sampled, exact = np.zeros(()), 0, True
        for hessian, factor, scores in zip(self.summands, self.factors, self.scores, strict=True):
            form, pairs = hessian.evaluation.form, scores.pairs(draws)
            if max(DENSE_GAIN * draws, pairs) >= form.entries:
                sums, count = hessian.pair_sums(), form.entries
            else:
                drawn = scores.draw(hessian, pairs, generator)
                sums, count, exact = pair_sums(hessian, drawn), drawn.nnz, False
            total, sampled = total + factor * sums, sampled + count
        return Draw(symmetric_blocks(total, self.x_shape)[0], sampled, exact)

    def product(self, v: Array) -> Array:
        """H v exactly: two products with a block of each Z for each prompt."""
        V = v.reshape(self.x_shape)
        parts = zip(self.factors, self.summands, strict=True)
        return sum((factor * hessian.apply(V) for factor, hessian in parts), np.zeros(self.x_shape)).ravel()


def pair_sums(hessian: MatrixHessian, D: scipy.sparse.csr_array) -> Array:
    """`MatrixHessian.pair_sums` with a sparse D in the place of the exact one, and the exact low-rank part.

    Args:
        hessian: of one prompt.
        D: shape (n1, n2).
    """
    form, (V, C) = hessian.evaluation.form, hessian.low_rank
    left, right = PairTable.of(form.A1.shape[1]), PairTable.of(form.A2.shape[1])
    table = form.A2[:, right.first] * form.A2[:, right.second]
    outer, sums = C @ V, np.zeros((len(right), len(left)))
    for start in range(0, len(form.A1), ROWS):
        rows = slice(start, start + ROWS)
        terms = D[rows] @ table
        for a, b in zip(np.swapaxes(outer[rows], 0, 1), np.swapaxes(V[rows], 0, 1), strict=True):
            terms += a[:, right.first] * b[:, right.second]
        A1 = form.A1[rows]
        sums += terms.T @ (A1[:, left.first] * A1[:, left.second])
    return sums


def _drawn(tau: Array, draws: int, generator: np.random.Generator) -> Array:
    """Numbers with probabilities proportional to tau."""
    positive = np.flatnonzero(tau)
    sums = np.cumsum(tau[positive])
    places = np.searchsorted(sums, generator.random(draws) * sums[-1], side="right")
    # A draw may round up to the whole sum.
    return positive[np.minimum(places, len(positive) - 1)]


def _entries(hessian: MatrixHessian, i: Array, j: Array) -> Array:
    """D_ij for increasing i; zero where a mask drops the entry."""
    entries = np.zeros(len(i))
    for block, D in hessian.diagonals():
        first, last = np.searchsorted(i, (block.rows.start, block.rows.stop))
        rows, columns = i[first:last] - block.rows.start, j[first:last] - block.columns.start
        inside = (columns >= 0) & (columns < D.shape[1])
        entries[first:last][inside] = D[rows[inside], columns[inside]]
    return entries
