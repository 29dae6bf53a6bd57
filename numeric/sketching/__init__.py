"""Sampling the rows of a weighted Gram matrix: sketches, leverage scores, samples, and how good a sample is.

In the order of the data: `columns` prepares a problem without touching its sparsity, `sketches` compress A, `leverage`
scores its rows, `sampling` draws them, `split` holds the Hessian as diagonal plus low rank, `pairs` does all of that in
matrix form, `certificate` measures.
"""

from numeric.sketching.certificate import Spread, spread
from numeric.sketching.leverage import Scores, approximate_scores, exact_scores
from numeric.sketching.pairs import PairSampler, PairScores
from numeric.sketching.sampling import Sample, sample_size, sampled_gram, subsample
from numeric.sketching.sketches import SparseSign, count_sketch, sparse_sign
from numeric.sketching.split import SplitHessian

__all__ = [
    "PairSampler",
    "PairScores",
    "Sample",
    "Scores",
    "SparseSign",
    "SplitHessian",
    "Spread",
    "approximate_scores",
    "count_sketch",
    "exact_scores",
    "sample_size",
    "sampled_gram",
    "sparse_sign",
    "spread",
    "subsample",
]
