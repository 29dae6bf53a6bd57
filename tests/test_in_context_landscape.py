"""The loss over all parameters: exact expectations by Wick's rule, Monte Carlo, and the spurious minima by name."""

import numpy as np
import pytest
import sympy as sp
from scipy import stats

from numeric.in_context import (
    CovarianceMixture,
    DiagonalCovariance,
    PromptLaw,
    classify,
    estimate,
    fixed_covariance,
    follow,
    initial_blocks,
    landscape,
)
from numeric.validation import InputError
from tests.in_context_oracle import LAMBDA, ROOT, covariance, gaussian_mean, normal_vectors, prediction

# Products of a few dozen numbers of order one.
ROUNDING = 1e-12
SIGMAS = 5.0


def exact_loss(theta, N):
    """1/2 E(prediction - w.x_q)^2 over all normals, with the layer spelled out."""
    columns, variables = normal_vectors(N + 2, 2, "g")
    points, query, w = [ROOT * g for g in columns[:N]], ROOT * columns[N], columns[N + 1]
    W_PV, W_KQ = sp.zeros(3, 3), sp.zeros(3, 3)
    W_KQ[:2, :2] = sp.Matrix(2, 2, theta[:4])
    W_PV[2, 2], W_PV[2, 0], W_PV[2, 1], W_KQ[2, 0], W_KQ[2, 1] = theta[4:]
    found = prediction(W_PV, W_KQ, points, [w.dot(x) for x in points], query)
    return float(gaussian_mean((found - w.dot(query)) ** 2, variables)) / 2


THETA = [sp.Rational(k, 5) for k in (2, -1, 3, 1, 4, -2, 1, 3, -1)]


@pytest.mark.parametrize("N", [1, 2])
def test_loss_by_wick(N):
    scene = landscape(fixed_covariance(np.array(LAMBDA.tolist(), dtype=float)), N)
    assert scene.value(np.array(THETA, dtype=float)) == pytest.approx(exact_loss(THETA, N), rel=ROUNDING)


MIXTURE = CovarianceMixture([covariance(3, 1), np.eye(3)], [0.4, 0.6])


def test_loss_by_monte_carlo():
    scene, theta = landscape(MIXTURE, 5), 0.4 * np.random.default_rng(0).normal(size=16)
    result = estimate(PromptLaw(MIXTURE, 5), scene.model(theta).squared_error, 100_000, seed=1)
    assert result.deviation(2 * scene.value(theta)) < SIGMAS


def test_gradient_and_hessian_by_differences():
    scene, theta, h = landscape(MIXTURE, 5), np.random.default_rng(2).normal(size=16), 1e-5
    steps = h * np.eye(16)
    slopes = np.array([(scene.value(theta + e) - scene.value(theta - e)) / (2 * h) for e in steps])
    # Central differences at 1e-5: rounding 1e-16/1e-5 and curvature 1e-10, relative to values of order 100.
    np.testing.assert_allclose(scene.gradient(theta), slopes, atol=1e-8 * np.abs(slopes).max())
    H = scene.hessian(theta)
    np.testing.assert_allclose(H @ theta, _along(scene.gradient, theta), atol=1e-7 * np.abs(H).max() * 10)


def _along(f, theta):
    h = 1e-6
    return (f(theta + h * theta) - f(theta - h * theta)) / (2 * h)


def test_on_the_slice_it_is_the_reduced_loss():
    scene = landscape(MIXTURE, 5)
    U11, u = initial_blocks(0.4, np.eye(3))
    theta = np.concatenate([U11.ravel(), [u], np.zeros(6)])
    assert scene.value(theta) == pytest.approx(scene.reduced.value(U11, u) + scene.reduced.offset, rel=ROUNDING)
    gradient = scene.gradient(theta)
    G, g = scene.reduced.gradient(U11, u)
    np.testing.assert_allclose(gradient[:10], np.append(G, g), atol=ROUNDING)
    np.testing.assert_allclose(gradient[10:], 0, atol=ROUNDING)


def test_the_papers_start_leads_to_the_global_minimum():
    law = fixed_covariance(np.diag([2.0, 0.5]))
    U11, u = initial_blocks(0.3, np.eye(2))
    arrival = follow(landscape(law, 4), np.concatenate([U11.ravel(), [u], np.zeros(4)]))
    assert arrival.kind == "global minimum"
    assert arrival.curvature > -1e-6


def test_generic_starts_find_spurious_minima_with_their_names():
    scene, rng = landscape(fixed_covariance(np.eye(2)), 4), np.random.default_rng(3)
    arrivals = [follow(scene, 0.5 * rng.normal(size=9)) for _ in range(4)]
    kinds = {arrival.kind for arrival in arrivals}
    assert kinds == {"global minimum", "rank-one minimum"}
    for arrival in arrivals:
        assert arrival.curvature > -1e-6
        if arrival.kind == "rank-one minimum":
            assert arrival.rank == 1
            # Of the two directions M serves one: the gap is half an eigenvalue of Lambda^2 Gamma^{-1}.
            assert arrival.gap == pytest.approx(1 / (2 * (1 + 3 / 4)), rel=1e-6)
            assert "Start from u12 = u21 = 0" in arrival.message


def test_saddles_and_moving_points_are_named():
    scene = landscape(fixed_covariance(np.eye(2)), 4)
    assert classify(scene, 1e-9 * np.ones(9)).kind == "saddle"
    assert classify(scene, np.ones(9)).kind == "not stationary"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: landscape(DiagonalCovariance([stats.expon()]), 3), "law: got DiagonalCovariance"),
        (lambda: follow(landscape(MIXTURE, 3), np.zeros(9)), r"theta: got shape \(9,\)"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(InputError, match=message):
        make()
