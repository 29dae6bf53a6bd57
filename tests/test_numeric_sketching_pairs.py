"""Samples of A1 (x) A2 against the Kronecker product itself, and sketched Newton in matrix form against Newton."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse

from numeric import AttentionRegression, solve
from numeric.sketching.pairs import PairSampler, PairScores, pair_sums
from numeric.solvers.contraction import contraction_report
from numeric.solvers.sketched_newton import USABLE, SketchedNewton
from numeric.whitening import unchanged, whiten

ROUNDING = 1e-10
"""Relative; the data have condition numbers below 1e3."""
DEVIATIONS = 5.0
"""Standard deviations that one of 120 binomial counts may be off: a chance of 1e-4, and the seed is fixed."""
SEEDS, ENOUGH = 60, 57
"""A bound that fails with probability at most 5 percent; the true rate is far smaller, and the seeds are fixed."""
SAME = 1e-7
"""Relative distance of two minima found to a gradient of 1e-10 of the start's."""
N1, N2, D1, D2 = 80, 100, 2, 3
LARGER = (200, 240)
"""More than eight times as many entries as the theorem draws for six unknowns."""


def attention(seed=0, n1=N1, n2=N2, scale=1.0, loss="normalized-exp", **options):
    rng = np.random.default_rng(seed)
    A1, A2 = rng.normal(size=(n1, D1)), rng.normal(size=(n2, D2)) * [1.0, 2.0, 0.5]
    model = AttentionRegression("normalized-exp", A1, A2, np.zeros((n1, n2)), mask=options.get("mask"))
    B = model.predict(scale * rng.normal(size=(D1, D2)) / 3.0) * rng.uniform(0.8, 1.2, (n1, n2))
    return AttentionRegression(loss, A1, A2, B, **options)


def heavy(n1=N1, n2=N2, **options):
    """Weights of about rank one, which decide D."""
    rng = np.random.default_rng(9)
    return attention(n1=n1, n2=n2, w=np.outer(rng.uniform(1.0, 3.0, n1), rng.uniform(1.0, 3.0, n2)), **options)


def regularized(n1=N1, n2=N2, **options):
    """Weights of the size of the other curvature."""
    return attention(n1=n1, n2=n2, w=np.full((n1, n2), 2.0 / n2), **options)


def prompts(factor=1):
    """Two prompts of different shapes and scales, one with a mask, one with padding and weighted rows."""
    rng = np.random.default_rng(4)
    shapes = [(90 * factor, 110 * factor), (60 * factor, 140 * factor)]
    A1, A2 = [rng.normal(size=(n, 2)) for n, _ in shapes], [rng.normal(size=(n, 3)) for _, n in shapes]
    B = [rng.dirichlet(np.ones(n2), n1) for n1, n2 in shapes]
    mask = [np.tri(*shapes[0], 30 * factor, dtype=bool), np.ones(shapes[1], bool)]
    row_weights = [np.ones(shapes[0][0]), np.where(np.arange(shapes[1][0]) < 55 * factor, 2.0, 0.0)]
    w = [np.full(block.shape, 0.02) for block in B]
    return AttentionRegression("rescaled-exp", A1, A2, B, w=w, mask=mask, row_weights=row_weights)


def sampler(problem, X=None):
    point = problem.at(np.zeros(problem.x_shape) if X is None else X)
    return PairSampler.of(point, point.hessian)


def diagonals(hessian):
    """D as a matrix, zero where a mask drops an entry."""
    form = hessian.evaluation.form
    D = np.zeros((len(form.A1), len(form.A2)))
    for block, part in hessian.diagonals():
        D[block.rows, block.columns] = part
    return D


def hat_diagonal(A):
    return np.vecdot(A, np.linalg.pinv(A).T)


@pytest.mark.parametrize("mask", [None, np.tri(N1, N2, 20, dtype=bool)])
def test_scores_are_those_of_the_kronecker_product(mask):
    problem = unchanged(attention(mask=mask))
    (hessian,) = (one := sampler(problem, np.full((D1, D2), 0.3))).summands
    scores, D = one.scores[0], diagonals(hessian)
    bound = np.outer(scores.u, scores.v)
    assert (np.abs(D) <= bound * (1 + 1e-14)).all()
    K = np.kron(*problem.forms[0].factors)
    leverage = hat_diagonal(np.sqrt(bound).reshape(-1, 1) * K)
    np.testing.assert_allclose(np.outer(scores.left, scores.right).ravel(), leverage, atol=ROUNDING)
    assert scores.rank == D1 * D2
    upper, G = (K.T @ (weights.reshape(-1, 1) * K) for weights in (bound, np.abs(D)))
    assert scores.share == pytest.approx(np.trace(np.linalg.solve(upper, G)) / scores.rank, rel=ROUNDING)
    # T (x) S is at least G.
    assert scipy.linalg.eigh(G, upper, eigvals_only=True)[-1] <= 1.0 + ROUNDING


def test_the_mean_of_a_sample_is_the_diagonal():
    problem = unchanged(attention(n1=10, n2=12, scale=3.0))
    (hessian,) = (one := sampler(problem, np.full((D1, D2), 0.5))).summands
    scores, D, draws = one.scores[0], diagonals(hessian), 200_000
    assert (D < 0).any()
    assert (D > 0).any()
    found = scores.draw(hessian, draws, np.random.default_rng(0)).toarray()
    # The number of times that (i, j) is kept is binomial, with the probability |D_ij| k^T (T (x) S)^{-1} k/r.
    A1, A2 = problem.forms[0].factors
    sides = [hat_diagonal(np.sqrt(w)[:, None] * A) / w for A, w in ((A1, scores.u), (A2, scores.v))]
    p = np.abs(D) * np.outer(*sides) / scores.rank
    assert p.sum() == pytest.approx(scores.share)
    deviation = np.abs(D) * np.sqrt((1.0 - p) / (draws * p))
    assert (np.abs(found - D) <= DEVIATIONS * deviation).all()


def test_a_sample_of_the_stated_size_keeps_its_bound():
    problem, eps, failure = whiten(heavy(160, 200)), 0.5, 0.05
    one = sampler(problem)
    H = problem.hessian(np.zeros((D1, D2)), scaled=True).to_dense()
    size, good = one.size(eps, failure), 0
    # kap = 1 and d = 6 in s = 2 (kap d (1 + eps/3) + eps/3) eps^-2 ln(2 d/delta).
    assert size == int(np.ceil(2 * (6 * (1 + 0.5 / 3) + 0.5 / 3) * 4 * np.log(12 / failure)))
    scores, (A1, A2) = one.scores[0], problem.forms[0].factors
    upper = np.kron(A1.T @ (scores.u[:, None] * A1), A2.T @ (scores.v[:, None] * A2))
    for seed in range(SEEDS):
        drawn = one.draw(size, np.random.default_rng(seed))
        assert not drawn.exact
        assert drawn.sampled < size * 1.5
        good += bool(np.abs(scipy.linalg.eigh(drawn.matrix - H, upper, eigvals_only=True)).max() <= eps)
    assert good >= ENOUGH


@pytest.mark.parametrize("make", [attention, heavy, prompts])
def test_all_entries_make_the_exact_hessian_and_products_are_exact(make):
    problem = whiten(make())
    # Large enough that each prompt has a log scale of its own.
    X = 1000.0 * np.random.default_rng(1).normal(size=problem.x_shape)
    one, operator = sampler(problem, X), problem.hessian(X, scaled=True)
    H = operator.to_dense() * np.exp(operator.log_scale - problem.at(X).first_order.log_scale)
    assert len(one.factors) == 1 or min(one.factors) < 0.9
    whole = one.draw(10**9, np.random.default_rng(0))
    assert whole.exact
    size = np.abs(H).max()
    np.testing.assert_allclose(whole.matrix, H, atol=ROUNDING * size)
    v = np.arange(float(X.size))
    np.testing.assert_allclose(one.product(v), H @ v, atol=10 * ROUNDING * size)


def test_entries_of_a_sliding_window_are_found_and_all_of_them_make_the_exact_sums():
    # With 400 columns the blocks are cropped on both sides.
    window = np.tri(N1, 400, 30, dtype=bool) & ~np.tri(N1, 400, -30, dtype=bool)
    problem = whiten(regularized(N1, 400, mask=window))
    (hessian,) = (one := sampler(problem, np.full((D1, D2), 0.3))).summands
    assert any(block.columns.start > 0 for block in hessian.evaluation.form.blocks)
    D = diagonals(hessian)
    found = one.scores[0].draw(hessian, 3000, np.random.default_rng(0)).tocoo()
    assert found.nnz > 100
    assert (np.sign(found.data) == np.sign(D[found.row, found.col])).all()
    whole = pair_sums(hessian, scipy.sparse.csr_array(D))
    np.testing.assert_allclose(whole, hessian.pair_sums(), atol=ROUNDING * np.abs(whole).max())


def test_the_mean_of_samples_of_prompts_is_the_hessian():
    problem = whiten(prompts())
    X = np.full(problem.x_shape, 0.4)
    one, operator = sampler(problem, X), problem.hessian(X, scaled=True)
    H = operator.to_dense() * np.exp(operator.log_scale - problem.at(X).first_order.log_scale)
    samples = np.array([one.draw(400, np.random.default_rng(seed)).matrix for seed in range(200)])
    error = samples.std(axis=0) / np.sqrt(len(samples))
    assert (np.abs(samples.mean(axis=0) - H) <= DEVIATIONS * error + ROUNDING * np.abs(H).max()).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: heavy(*LARGER),
        lambda: prompts(2),
        lambda: regularized(*LARGER, mask=np.tri(*LARGER, 80, dtype=bool)),
        lambda: attention(0, *LARGER, loss="rescaled-cosh", w=np.full(LARGER, 30.0)),
        lambda: attention(0, *LARGER, row_weights=np.where(np.arange(LARGER[0]) < 180, 1.0, 0.0)),
    ],
    ids=["heavy", "prompts", "masked", "cosh", "padded"],
)
def test_it_finds_newtons_minimum(make):
    problem = make()
    run = solve(problem, method="sketched-newton", x0=np.full(problem.x_shape, 0.1))
    newton = solve(problem, method="newton", x0=np.full(problem.x_shape, 0.1))
    assert run.success, run
    # It is the sampled method that did it.
    entries = sum(form.entries for form in problem.forms)
    assert min(row.sampled for row in run.history[1:]) < entries / 8
    assert run.unique == newton.unique
    assert np.linalg.norm(run.x - newton.x) <= SAME * max(1.0, np.linalg.norm(newton.x))


@pytest.mark.parametrize("make", [heavy, regularized, prompts])
def test_steps_are_sampled_and_measured(make):
    problem = whiten(make())
    start = problem.at(problem.from_singular(np.full(problem.x_shape, 0.05)))
    model = SketchedNewton(draws=300).model(PairSampler.of(start, start.hessian), np.random.default_rng(0))
    assert 0 < model.sampled < sum(form.entries for form in problem.forms) / 4
    operator = problem.hessian(start.x, scaled=True)
    H = operator.to_dense() * np.exp(operator.log_scale - start.first_order.log_scale)
    half = scipy.linalg.fractional_matrix_power(H, -0.5)
    assert model.spread.eps0 == pytest.approx(np.linalg.norm(half @ (model.L @ model.L.T - H) @ half, 2), rel=1e-6)
    assert model.spread.eps0 < USABLE


def test_the_measured_rate_keeps_to_n3_prime():
    # Near enough to the minimum that the change of the Hessian along a step is small beside eps0.
    problem = heavy()
    x_star = solve(problem, method="newton").x
    report = contraction_report(problem, x_star + 1e-4, x_star, 6, SketchedNewton(draws=300))
    rows = [row for row in report.rows if row.error > 1e-13]
    assert len(rows) >= 4
    assert all(row.h_norm <= row.proven * 1.05 for row in rows)
    assert all(0.01 < row.eps0 < USABLE and row.sampled < N1 * N2 / 8 for row in rows)


def test_data_without_curvature_have_nothing_to_sample():
    scores = PairScores(np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(2), 0, 0.0)
    assert scores.pairs(100) == 0
    flat = solve(
        AttentionRegression("normalized-exp", np.zeros((4, 2)), np.eye(4, 3), np.full((4, 4), 0.2)), "sketched-newton"
    )
    assert (flat.status, flat.unique) == ("converged", False)
    broken = sampler(whiten(attention()))
    infinite = replace(broken.scores[0], u=np.full(N1, np.inf))
    vars(broken)["scores"] = (infinite,)
    assert not broken.usable
