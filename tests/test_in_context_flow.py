"""Flow, descent and minibatch descent: limits, invariants and PL constants, and an independent integration of (5.4)."""

import time

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import solve_ivp

from numeric.in_context import (
    CovarianceMixture,
    DiagonalCovariance,
    PromptLaw,
    attention,
    drawn_covariances,
    empirical_gradient,
    fixed_covariance,
    flow_constants,
    gradient_descent,
    gradient_flow,
    initial_blocks,
    limit,
    norm_moment,
    reduced_loss,
    stochastic_descent,
)
from numeric.validation import InputError
from tests.in_context_oracle import covariance

# The integrator runs at 1e-10 a step; the limit inherits the balance u^2 - tr(U U^T), to about ten times that.
LIMIT = 1e-8
DIAGONAL = np.diag([1.5, 1.0, 0.5])


def random_root(d, rank, seed):
    return np.random.default_rng(seed).normal(size=(d, rank))


def wishart(rng):
    A = rng.normal(size=(3, 8))
    return A @ A.T / 8


STARTS = {  # law, N, share of sigma_max, Theta
    "paper": (fixed_covariance(DIAGONAL), 20, 0.4, np.eye(3)),
    "rotated, rank one": (fixed_covariance(covariance(4, 0)), 5, 0.95, random_root(4, 1, 1)),
    "one dimension": (fixed_covariance([[0.7]]), 1, 0.05, np.eye(1)),
    "exponential": (DiagonalCovariance([stats.expon()] * 3), 10, 0.5, np.eye(3)),
    "unlike laws": (DiagonalCovariance([stats.lognorm(0.5), 2.0, stats.uniform(0.5, 1)]), 4, 0.5, random_root(3, 3, 2)),
}


@pytest.mark.parametrize("name", STARTS)
def test_the_flow_reaches_its_limit_within_its_bounds(name):
    law, N, share, Theta = STARTS[name]
    sigma_max = flow_constants(law, N, 0.1, Theta).sigma_max
    constants = flow_constants(law, N, share * sigma_max, Theta)
    path, end = gradient_flow(reduced_loss(law, N), *initial_blocks(share * sigma_max, Theta)), limit(law, N)
    assert path.status == "converged", path.message
    assert abs(path.u[-1] - end.u) < LIMIT * end.u
    np.testing.assert_allclose(path.U11[-1], end.U11, atol=LIMIT * end.u)
    assert np.abs(path.balance).max() < LIMIT
    assert path.u.min() >= constants.u_bound > 0
    assert np.nanmin(path.pl_ratio) >= constants.pl > 0
    envelope = np.exp(-constants.pl * path.times) * path.gap[0]
    assert (path.gap <= envelope * (1 + LIMIT)).all()
    assert (np.diff(path.loss) <= LIMIT * abs(path.loss[-1])).all()


@pytest.mark.parametrize(
    "law", [drawn_covariances(wishart, 6, seed=1), CovarianceMixture([DIAGONAL, covariance(3, 5)], [0.3, 0.7])]
)
def test_covariances_that_do_not_commute(law):
    """No closed form on the page beyond a linear equation: the flow must still end at its balanced solution."""
    path, end = gradient_flow(reduced_loss(law, 6), *initial_blocks(0.2, np.eye(3))), limit(law, 6)
    assert path.status == "converged"
    np.testing.assert_allclose(path.U11[-1], end.U11, atol=LIMIT)


def test_the_flow_is_that_of_the_paper():
    """(5.4) typed as it stands, by another integrator, compared before convergence."""
    Lambda, N, (U0, u0) = covariance(3, 7), 6, initial_blocks(0.3, random_root(3, 3, 3))
    Gamma = (1 + 1 / N) * Lambda + np.trace(Lambda) / N * np.eye(3)

    def velocity(_t, y):
        U, u = y[:9].reshape(3, 3), y[9]
        dU = -(u**2) * Gamma @ Lambda @ U @ Lambda + u * Lambda @ Lambda
        du = -np.trace(u * Gamma @ Lambda @ U @ Lambda @ U.T - Lambda @ Lambda @ U.T)
        return np.append(dU, du)

    reference = solve_ivp(velocity, (0, 1.5), np.append(U0, u0), method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
    for method in ("Radau", "BDF", "LSODA"):
        path = gradient_flow(reduced_loss(fixed_covariance(Lambda), N), U0, u0, end=1.5, method=method)
        assert (path.status, path.times[-1]) == ("out of time", 1.5)
        # BDF and LSODA accumulate some hundred errors of 1e-10.
        np.testing.assert_allclose(np.append(path.U11[-1], path.u[-1]), reference, atol=5e-8)


def test_unit_numbers_of_the_diagonal_case():
    """(5.5), (A.14) and (5.8) at Theta Theta^T = I/sqrt(3), sigma = 0.3, written out entry by entry."""
    lam, N, sigma, root = np.array([1.5, 1.0, 0.5]), 20, 0.3, np.sqrt(3)
    g = lam + (lam + 3) / N
    path = gradient_flow(reduced_loss(fixed_covariance(DIAGONAL), N), *initial_blocks(sigma, np.eye(3)), end=1e-3)
    start = sigma**4 / 2 * np.sum(g * lam**2) / 3 - sigma**2 * np.sum(lam**2) / root
    assert path.loss[0] == pytest.approx(start, rel=1e-12)
    constants = flow_constants(fixed_covariance(DIAGONAL), N, sigma, np.eye(3))
    bracket = sigma**2 * np.sum(lam**2) / root * (2 - root * sigma**2 * g.max())
    assert constants.u_bound == pytest.approx(np.sqrt(bracket / (2 * root * 2.25)), rel=1e-12)
    assert constants.pl == pytest.approx(bracket / (root * 2.25 * np.sum(1 / (g * lam)) * np.sum(1 / lam)), rel=1e-12)
    assert constants.sigma_max == pytest.approx(np.sqrt(2 / (root * g.max())), rel=1e-12)


def test_constants_of_random_covariances_reduce_to_sums():
    """Deterministic eigenvalues make every expectation a number."""
    lam, N, sigma = np.array([2.0, 0.5]), 3, 0.2
    law, top = DiagonalCovariance(lam.tolist()), np.max(2.0 + (2.0 + 2.5) / N)
    assert norm_moment(law, N, draws=10) == pytest.approx(top * 4.25, rel=1e-12)
    assert norm_moment(fixed_covariance(np.diag(lam)), N) == pytest.approx(top * 4.25, rel=1e-12)
    reach = np.sum(lam**2) / np.sqrt(2)
    bracket = sigma**2 * (2 * reach - np.sqrt(2) * sigma**2 * top * 4.25)
    nu = (0.5 + 3 / N) * 0.5 * 0.5
    constants = flow_constants(law, N, sigma, np.eye(2))
    assert constants.pl == pytest.approx(nu * bracket / (2 * np.sqrt(2) * 4), rel=1e-12)
    assert np.isnan(flow_constants(law, N, 10.0, np.eye(2)).pl), "the condition on sigma fails"


def test_any_sigma_converges():
    """The condition on sigma is sufficient, not needed: 20 times beyond it."""
    path = gradient_flow(reduced_loss(fixed_covariance(DIAGONAL), 20), *initial_blocks(16.0, np.eye(3)))
    assert path.status == "converged"


def test_the_origin_is_critical():
    path = gradient_flow(reduced_loss(fixed_covariance(DIAGONAL), 20), np.zeros((3, 3)), 0.0, end=10.0)
    assert path.status == "out of time"
    assert "u = 0 and U11 = 0" in path.message


def test_a_stiff_flow_ends_after_a_number_of_steps(monkeypatch):
    monkeypatch.setattr("numeric.in_context.following.MOST_STEPS", 40)
    law = fixed_covariance(np.diag([1e3, 1e-3]))
    path = gradient_flow(reduced_loss(law, 4), *initial_blocks(0.01, np.eye(2)))
    assert (path.status, len(path)) == ("out of steps", 41)
    assert "too badly conditioned for the integrator; try method='BDF'" in path.message


def test_a_flow_ends_where_it_arrives():
    """The last point is bisected for within the last step: at the tolerance, not beyond it."""
    path = gradient_flow(reduced_loss(fixed_covariance(DIAGONAL), 20), *initial_blocks(0.3, np.eye(3)), tolerance=1e-3)
    assert path.distance[-1] == pytest.approx(1e-3, rel=1e-9)
    assert path.status == "converged"


def test_a_flow_at_d_20_is_fast():
    law = fixed_covariance(covariance(20, 11, condition=60))
    begin = time.process_time()
    path = gradient_flow(reduced_loss(law, 40), *initial_blocks(0.1, random_root(20, 20, 4)))
    assert time.process_time() - begin < 2.0
    assert abs(path.u[-1] - limit(law, 40).u) < 1e-10
    assert len(path) <= 300


def test_gradient_descent_arrives_and_reports_divergence():
    loss = reduced_loss(fixed_covariance(DIAGONAL), 20)
    start = initial_blocks(0.3, np.eye(3))
    path = gradient_descent(loss, *start, tolerance=1e-9)
    assert path.status == "converged"
    assert path.distance[-1] <= 1e-9
    assert (np.diff(path.loss) < 1e-12).all()
    assert gradient_descent(loss, *start, steps=5).status == "out of time"
    wild = gradient_descent(loss, *start, step_size=50.0, steps=100)
    assert (wild.status, "lower step_size" in wild.message) == ("diverged", True)


def test_minibatch_descent_finds_the_product_and_loses_the_balance():
    law = PromptLaw(fixed_covariance(DIAGONAL), 20)
    start = attention(*initial_blocks(0.3, np.eye(3)))
    run = stochastic_descent(law, start, steps=700, step_size=0.04, batch=256, seed=3)
    again = stochastic_descent(law, start, steps=700, step_size=0.04, batch=256, seed=3)
    product, end = run.model.product, limit(law.covariance, 20)
    assert np.linalg.norm(product - end.product) < 0.05 * np.linalg.norm(end.product)
    assert abs(run.trajectory.u[-1] - end.u) > 0.05 * end.u
    np.testing.assert_array_equal(product, again.model.product)
    wild = stochastic_descent(law, start, steps=200, step_size=1e6, batch=4)
    assert wild.trajectory.status == "diverged"


def test_empirical_gradient_by_differences():
    rng = np.random.default_rng(8)
    prompts = PromptLaw(fixed_covariance(covariance(3, 2)), 4).draw(rng, 6)
    blocks = [rng.normal(size=(3, 3)), rng.normal(), rng.normal(size=3), rng.normal(size=3)]
    row, columns = empirical_gradient(attention(*blocks), prompts)
    flat, h = np.concatenate([np.ravel(b) for b in blocks]), 1e-6

    def loss(v):
        return attention(v[:9].reshape(3, 3), v[9], v[10:13], v[13:]).squared_error(prompts).mean() / 2

    slopes = np.array([(loss(flat + e) - loss(flat - e)) / (2 * h) for e in h * np.eye(16)])
    expected = np.concatenate([columns[:3].ravel(), row[3:], row[:3], columns[3]])
    np.testing.assert_allclose(expected, slopes, atol=1e-7 * np.abs(slopes).max())


LOSS = reduced_loss(fixed_covariance(np.eye(2)), 3)
PROMPTS = PromptLaw(fixed_covariance(np.eye(2)), 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gradient_flow(LOSS, np.eye(3), 1.0), r"U11: got shape \(3, 3\)"),
        (lambda: gradient_flow(LOSS, np.eye(2), np.nan), "u: 1 of 1 entries"),
        (lambda: gradient_flow(LOSS, np.eye(2), 1.0, method="RK45"), "method: got 'RK45'"),
        (lambda: gradient_descent(LOSS, np.eye(2), 1.0, step_size=-1.0), "step_size, steps: got -1.0"),
        (lambda: initial_blocks(0.0, np.eye(2)), "sigma, Theta: got sigma = 0"),
        (
            lambda: flow_constants(CovarianceMixture([np.eye(2), 2 * np.eye(2)]), 3, 0.1, np.eye(2)),
            "got a mixture of matrices",
        ),
        (
            lambda: stochastic_descent(PROMPTS, attention(np.eye(2), 1.0), steps=0, step_size=1, batch=1),
            "steps, batch, step_size: got 0",
        ),
        (
            lambda: stochastic_descent(PROMPTS, attention(np.eye(3), 1.0), steps=1, step_size=1, batch=1),
            "model of dimension 3",
        ),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(InputError, match=message):
        make()
