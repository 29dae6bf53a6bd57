"""Sketches, leverage scores, samples and their certificate against hat matrices, tail probabilities and eigenvalues."""

import mpmath
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.stats
from numeric_oracle import exact

from numeric import InputError, VectorRegression
from numeric import rows as rows_module
from numeric.rows import row_source
from numeric.sketching import (
    SparseSign,
    SplitHessian,
    approximate_scores,
    count_sketch,
    exact_scores,
    sample_size,
    sampled_gram,
    sparse_sign,
    spread,
    subsample,
)
from numeric.sketching.columns import scale_columns
from numeric.sketching.leverage import DISTORTION

ROUNDING = 1e-10
"""Relative; the data have condition numbers up to 1e3, and sums run over up to 3000 rows."""
SEEDS, ENOUGH = 100, 95
"""A bound that fails with probability at most 5 percent; the true rates are far smaller, and the seeds are fixed."""
FAILURE = 0.05
N, D = 3000, 4


def source(A):
    """A as a row source: arrays as a reader of two blocks."""
    found = row_source("A", A if scipy.sparse.issparse(A) else [A[:7], A[7:]])
    assert found is not None
    return found


def uneven(n=N, d=D, seed=0):
    """Rows of very uneven leverage: a few long ones, columns of different lengths."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, d)) * np.geomspace(1.0, 1e-2, d)
    A[:5] *= 30.0
    return A


def hat_diagonal(A):
    """diag(A A^+), by NumPy's pseudoinverse."""
    return np.vecdot(A, np.linalg.pinv(A).T)


def pencil(A, B):
    """Eigenvalues of B^{-1} A."""
    return scipy.linalg.eigh(A, B, eigvals_only=True)


@pytest.mark.parametrize(
    ("A", "weights"),
    [
        (uneven(60), None),
        (uneven(60), np.linspace(0.0, 2.0, 60)),
        (np.column_stack([uneven(60), uneven(60)[:, 0] - uneven(60)[:, 1]]), None),
        (np.vstack([uneven(20), np.zeros((3, D))]), None),
        (uneven(3), None),
        (uneven(20), np.where(np.arange(20) < 2, 1.0, 0.0)),
    ],
    ids=["full rank", "weights with a zero", "dependent columns", "zero rows", "wide", "two rows with weight"],
)
def test_exact_scores_are_the_diagonal_of_the_hat_matrix(A, weights):
    scores = exact_scores(source(A), weights)
    weighted = A if weights is None else np.sqrt(weights)[:, None] * A
    np.testing.assert_allclose(scores.values, hat_diagonal(weighted), atol=ROUNDING)
    assert scores.rank == np.linalg.matrix_rank(weighted)
    assert scores.total == pytest.approx(scores.rank, rel=ROUNDING)


def test_exact_scores_at_fifty_digits():
    A, weights = uneven(12, 3), np.linspace(0.5, 2.0, 12)
    with mpmath.workdps(50):
        M = mpmath.matrix(exact(A).tolist())
        G = M.T * mpmath.diag([mpmath.mpf(w) for w in weights]) * M
        expected = [float(weights[i] * (M[i, :] * G**-1 * M[i, :].T)[0]) for i in range(12)]
    np.testing.assert_allclose(exact_scores(source(A), weights).values, expected, rtol=ROUNDING)


@pytest.mark.parametrize("size", [count_sketch, sparse_sign])
def test_a_sketch_keeps_all_norms(size):
    A, weights = uneven(), np.random.default_rng(1).uniform(0.0, 2.0, N)
    sketch, G = size(D, DISTORTION, FAILURE), A.T @ (weights[:, None] * A)
    assert sketch.rows < N
    good = 0
    for seed in range(SEEDS):
        SA = sketch.apply(source(A), weights, np.random.default_rng(seed))
        ends = pencil(SA.T @ SA, G)[[0, -1]]
        good += bool(ends[0] >= 1.0 - DISTORTION and ends[1] <= 1.0 + DISTORTION)
    assert good >= ENOUGH


def test_columns_of_a_sketch_have_unit_length_and_the_second_moment_is_as_derived():
    # S of n = 6 columns, as S I; E ||(S U)^T S U - I||_F^2 <= d (d + 1)/rows, estimated from 2000 draws.
    U = np.linalg.qr(np.random.default_rng(2).normal(size=(6, 2)))[0]
    for sketch in (SparseSign(8), SparseSign(8, 4)):
        errors = []
        for seed in range(2000):
            S = sketch.apply(source(np.eye(6)), np.ones(6), np.random.default_rng(seed))
            errors.append(np.linalg.norm((S @ U).T @ (S @ U) - np.eye(2)) ** 2)
        np.testing.assert_allclose(np.linalg.norm(S, axis=0), 1.0, rtol=1e-15)
        assert np.count_nonzero(S) == 6 * sketch.nonzeros
        # The standard error of the mean of 2000 draws is below 5 percent of it.
        assert 0.02 < np.mean(errors) <= 1.05 * 2 * 3 / 8


@pytest.mark.parametrize("size", [count_sketch, sparse_sign])
def test_approximate_scores_keep_their_bounds(size):
    A = uneven()
    truth, good = hat_diagonal(A), 0
    for seed in range(SEEDS):
        scores = approximate_scores(source(A), None, np.random.default_rng(seed), size(D, DISTORTION, FAILURE), 0.1)
        assert scores.failure == 0.1
        ratio = scores.values / truth
        good += bool(scores.lower <= ratio.min() and ratio.max() <= 1.0 / (1.0 - DISTORTION))
        assert scores.total >= D * scores.lower
    assert good >= ENOUGH


def test_short_gaussian_products_keep_the_lower_bound():
    A = uneven(2500, 160, seed=3)
    truth, good = hat_diagonal(A), 0
    for seed in range(20):
        scores = approximate_scores(source(A), None, np.random.default_rng(seed), SparseSign(1600, 8), 0.1)
        assert scores.lower == pytest.approx((1.0 - DISTORTION) / (1.0 + DISTORTION))
        good += bool((scores.values >= scores.lower * truth).all())
    assert good >= 19


def test_the_number_of_gaussian_columns_meets_the_tail_of_chi_squared():
    # The shortest product whose Chernoff bound is failure/(2 n) really is that rare, by SciPy's distribution function.
    n, failure = 2500, 0.1
    k = int(np.ceil(2.0 * np.log(2 * n / failure) / -(np.log(1.0 - DISTORTION) + DISTORTION)))
    assert n * scipy.stats.chi2.cdf(k * (1.0 - DISTORTION), k) <= failure / 2
    scores = approximate_scores(source(uneven(n, k)), None, np.random.default_rng(0), SparseSign(1600, 8), failure)
    assert scores.lower == pytest.approx(1.0 / (1.0 + DISTORTION))


def test_storage_and_blocks_do_not_change_scores_or_samples(monkeypatch):
    A = uneven() * (np.random.default_rng(4).random((N, D)) < 0.5)
    sources = [source(A), source(scipy.sparse.csr_array(A)), source(scipy.sparse.coo_array(A))]
    monkeypatch.setattr(rows_module, "BLOCK_ENTRIES", 1 << 12)
    sources.append(source(scipy.sparse.csr_array(A)))
    weights, signs = np.random.default_rng(5).uniform(0.5, 1.0, N), np.where(np.arange(N) % 3, 1.0, -1.0)
    results = []
    for one in sources:
        rng = np.random.default_rng(6)
        scores = approximate_scores(one, weights, rng)
        sample = subsample(scores, 200, rng)
        gram = sampled_gram(one, signs * weights, sample, scores.basis)
        results.append((scores.values, sample.rows, sample.factors, gram))
    for other in results[1:]:
        for got, expected in zip(other, results[0], strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-8, atol=1e-12)


def test_a_seed_decides_everything():
    def rows(seed):
        rng = np.random.default_rng(seed)
        return subsample(approximate_scores(source(uneven()), None, rng), 50, rng).rows

    np.testing.assert_array_equal(rows(1), rows(1))
    assert not np.array_equal(rows(1), rows(2))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("kind", ["exact", "approximate"])
def test_a_sample_of_the_stated_size_keeps_its_bound(kind, signed):
    A, eps = uneven(), 0.5
    weights = np.random.default_rng(7).uniform(0.5, 2.0, N)
    signs = np.where(np.random.default_rng(8).random(N) < 0.4, -1.0, 1.0) if signed else np.ones(N)
    one, G = source(A), A.T @ (weights[:, None] * A)
    exact_part, good = A.T @ ((signs * weights)[:, None] * A), 0
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        scores = exact_scores(one, weights) if kind == "exact" else approximate_scores(one, weights, rng)
        sample = subsample(scores, sample_size(scores, eps, FAILURE, signed), rng)
        assert not sample.exact
        D_sampled = (signs * weights)[sample.rows] * sample.factors
        gram = A[sample.rows].T @ (D_sampled[:, None] * A[sample.rows])
        good += bool(np.abs(pencil(gram - exact_part, G)).max() <= eps)
        np.testing.assert_allclose(
            sampled_gram(one, signs * weights, sample, np.eye(D)), gram, rtol=ROUNDING, atol=ROUNDING * G.max()
        )
    assert good >= ENOUGH


def test_the_size_is_that_of_the_theorem():
    scores = exact_scores(source(uneven()))
    # kap = 1 and d = 4 in s = 2 kap d (1 + eps/3) eps^-2 ln(2 d/delta).
    assert sample_size(scores, 0.5, 0.1) == int(np.ceil(2 * 4 * (1 + 0.5 / 3) * 4 * np.log(80)))
    assert sample_size(scores, 0.5, 0.1, signed=True) > sample_size(scores, 0.5, 0.1)


def test_as_many_draws_as_rows_keep_all_rows():
    A = np.vstack([uneven(50), np.zeros((2, D))])
    scores, weights = exact_scores(source(A)), np.linspace(-1.0, 1.0, 52)
    sample = subsample(scores, 50, np.random.default_rng(0))
    assert sample.exact
    np.testing.assert_array_equal(sample.rows, np.arange(50))
    expected = scores.basis.T @ A.T @ (weights[:, None] * A) @ scores.basis
    np.testing.assert_allclose(sampled_gram(source(A), weights, sample, scores.basis), expected, atol=ROUNDING)
    assert not subsample(scores, 49, np.random.default_rng(0)).exact


def test_scores_for_other_weights_keep_their_lower_bound():
    A, rng = uneven(), np.random.default_rng(9)
    old, new = rng.uniform(0.5, 2.0, N), rng.uniform(0.25, 1.0, N)
    moved = exact_scores(source(A), old).reweighted(old, new)
    truth = hat_diagonal(np.sqrt(new)[:, None] * A)
    assert (moved.values >= moved.lower * truth).all()
    # The bound is not idle: without the factor c it would be false.
    assert (moved.values < truth).any()


def test_a_row_that_matters_little_does_not_spoil_the_scores_for_other_weights():
    A, old, new = uneven(), np.ones(N), np.full(N, 0.5)
    scores = exact_scores(source(A))
    smallest = np.argmin(scores.values)
    new[smallest] = 1e-9
    moved = scores.reweighted(old, new)
    assert moved.lower == pytest.approx(0.5 * (1.0 - scores.values[smallest]))
    assert (moved.values >= moved.lower * hat_diagonal(np.sqrt(new)[:, None] * A) * (1 - ROUNDING)).all()
    # A row with score 1 must not be dropped: without it the rank falls.
    tall = np.vstack([A[10:, :2] @ np.eye(2, D), np.eye(D)[2:]])
    whole, gone = exact_scores(source(tall)), np.ones(len(tall))
    gone[-1] = 1e-9
    assert whole.reweighted(np.ones(len(tall)), gone).lower <= 2e-9


@pytest.mark.parametrize(("d", "iterations"), [(6, 12), (40, 12), (40, 40)])
def test_the_spread_is_that_of_the_pencil(d, iterations):
    rng = np.random.default_rng(d)
    root = rng.normal(size=(d, 3 * d))
    H, other = root @ root.T, root[:, : 2 * d] @ root[:, : 2 * d].T
    found = spread(lambda v: H @ v, np.linalg.cholesky(other), rng, iterations)
    truth = pencil(H, other)[[0, -1]]
    if iterations >= d:
        np.testing.assert_allclose((found.low, found.high), truth, rtol=1e-8)
        half = scipy.linalg.fractional_matrix_power(H, -0.5)
        assert found.eps0 == pytest.approx(np.linalg.norm(half @ (other - H) @ half, 2), rel=1e-6)
    else:
        assert truth[0] <= found.low <= 1.3 * truth[0]
        assert 0.9 * truth[1] <= found.high <= truth[1]


def test_an_indefinite_hessian_has_no_eps0():
    found = spread(lambda v: np.array([1.0, -0.1]) * v, np.eye(2), np.random.default_rng(0))
    assert found.low == pytest.approx(-0.1)
    assert found.eps0 == np.inf


def test_the_iteration_ends_where_eps0_has_settled():
    # The error of a sample has a spectrum without gaps; 40 is the limit, beyond which there is nothing to save.
    K = np.random.default_rng(11).normal(size=(2000, 64)) / np.sqrt(2000)
    H, count = K.T @ K, 0

    def product(v):
        nonlocal count
        count += 1
        return v

    found = spread(product, np.linalg.cholesky(H), np.random.default_rng(0), 40)
    assert 4 <= count <= 12
    # With H = I the whole error is that of the sample.
    assert 0.8 <= found.eps0 / np.abs(np.linalg.eigvalsh(H) - 1.0).max() <= 1.0 + ROUNDING


def test_a_hessian_that_is_seen_to_be_indefinite_ends_the_iteration():
    curvatures = np.concatenate([[-50.0], np.linspace(0.5, 2.0, 29)])
    calls = []
    found = spread(lambda v: calls.append(v) or curvatures * v, np.eye(30), np.random.default_rng(0))
    assert found.low < 0.0
    assert len(calls) <= 2


def test_an_exact_multiple_ends_the_iteration_at_once():
    found = spread(lambda v: 2.0 * v, np.eye(30), np.random.default_rng(0))
    assert (found.low, found.high) == (pytest.approx(2.0), pytest.approx(2.0))
    assert found.eps0 == pytest.approx(0.5)


@pytest.mark.parametrize("loss", ["normalized-exp", "rescaled-cosh", "plain-sinh"])
@pytest.mark.parametrize("w", [None, np.linspace(0.1, 1.0, 40)])
def test_the_split_is_the_hessian(loss, w):
    rng = np.random.default_rng(10)
    A, b, x = rng.normal(size=(40, 3)), rng.dirichlet(np.ones(40)), 0.3 * rng.normal(size=3)
    problem = VectorRegression(loss, A, b, w)
    scaled = scale_columns(problem)
    point = scaled.at(scaled.from_original(x))
    (split,), lengths = SplitHessian.each(point.hessian[0]), np.linalg.norm(A, axis=0)
    expected = problem.hessian(x).to_dense() / np.outer(lengths, lengths)
    factor = np.exp(point.hessian[0].log_scale)
    scores = exact_scores(split.source, split.weights)
    whole = split.sampled(subsample(scores, 40, rng), scores.basis)
    size = np.abs(expected).max()
    np.testing.assert_allclose(factor * split.product(np.ones(3)), expected @ np.ones(3), atol=ROUNDING * size)
    back = np.linalg.inv(scores.basis)
    np.testing.assert_allclose(factor * back.T @ whole @ back, expected, atol=ROUNDING * size)
    assert (split.weights >= np.abs(split.D)).all()
    assert split.signed == bool((split.D < 0.0).any())


@pytest.mark.parametrize("loss", ["normalized-exp", "plain-cosh"])
def test_each_target_has_its_own_split(loss):
    rng = np.random.default_rng(11)
    A, targets, x = rng.normal(size=(40, 3)), rng.dirichlet(np.ones(40), 2), 0.3 * rng.normal(size=(2, 3))
    scaled = scale_columns(VectorRegression(loss, A, targets))
    splits = SplitHessian.each(scaled.at(scaled.from_original(x)).hessian[0])
    for split, b, point in zip(splits, targets, x, strict=True):
        alone = scale_columns(VectorRegression(loss, A, b))
        (expected,) = SplitHessian.each(alone.at(alone.from_original(point)).hessian[0])
        v = np.arange(3.0)
        np.testing.assert_allclose(split.product(v), expected.product(v), rtol=1e-12)
        np.testing.assert_allclose(split.weights, expected.weights, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: exact_scores(source(uneven(9)), -np.ones(9)), r"smallest is -1; leverage scores need weights >= 0"),
        (lambda: exact_scores(source(uneven(9)), np.ones(8)), r"weights: got shape \(8,\), but A \(n rows\) asks for"),
        (lambda: SparseSign(10, 4), r"got 10 rows and 4 nonzeros in a column; rows must be a positive multiple"),
        (
            lambda: approximate_scores(source(uneven(9)), None, np.random.default_rng(0), failure=1.0),
            "failure: got 1.0",
        ),
        (lambda: sample_size(exact_scores(source(uneven(9))), 0.0, 0.1), "accuracy: got 0.0; pass a number strictly"),
        (lambda: sample_size(exact_scores(source(uneven(9))), 0.5, -1), "failure: got -1; pass a number strictly"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
