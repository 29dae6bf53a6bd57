"""The loss over all parameters: exact expectations by Wick's rule, Monte Carlo, and the spurious minima by name."""

from itertools import combinations_with_replacement
from math import prod

import numpy as np
import pytest
import sympy as sp
from scipy import stats
from sympy.polys.rings import ring

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


def even_square(Lambda, N):
    """E[even^2] as an exact polynomial in (U, u, u12, u21): the terms of a prediction that are even in the task w.

    They are expanded in the normals behind examples, query and task; x = A g with integer A.
    """
    d = len(Lambda)
    names = [f"t{i}" for i in range((d + 1) ** 2)]
    size = N + 2
    R, *generators = ring([*names, *(f"g{i}_{j}" for i in range(size) for j in range(d))], sp.QQ)
    theta, normals = generators[: len(names)], generators[len(names) :]
    U, u = [theta[d * i : d * i + d] for i in range(d)], theta[d * d]
    u12, u21 = theta[d * d + 1 : d * d + 1 + d], theta[d * d + 1 + d :]
    A = sp.Matrix(Lambda).cholesky()
    rows = [[R(int(a)) for a in A.row(i)] for i in range(d)]
    points = [[_dot(row, normals[d * k : d * k + d]) for row in rows] for k in range(N + 1)]
    (*xs, q), w = points, normals[-d:]
    Uq = [_dot(row, q) for row in U]
    even = sum((_dot(u12, x) * _dot(x, Uq) for x in [*xs, q]), R(0))
    even += u * _dot(u21, q) * sum((_dot(w, x) ** 2 for x in xs), R(0))
    return _normal_mean((even**2).quo_ground(sp.QQ(N * N)), len(names)), names


def _dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def _normal_mean(polynomial, kept):
    """Wick's rule in the generators after the first `kept`: {exponents of the kept ones: coefficient}."""
    mean = {}
    for powers, coefficient in polynomial.terms():
        if all(k % 2 == 0 for k in powers[kept:]):
            weight = prod(int(sp.factorial2(k - 1)) for k in powers[kept:] if k)
            mean[powers[:kept]] = mean.get(powers[:kept], 0) + coefficient * weight
    return mean


UNISOLVENT_N = (1, 2, 4)
"""E[even^2] is quadratic in 1/N: even is linear in S, E[S . S] affine in 1/N, and its other term carries a 1/N."""


@pytest.mark.parametrize("Lambda", [[[1]], [[4]], [[4, 2], [2, 2]]], ids=["d=1", "d=1, 4", "d=2"])
@pytest.mark.parametrize("N", UNISOLVENT_N)
def test_even_part_is_exact_in_all_parameters(Lambda, N):
    """A form of degree 2 in (U, u) and in (u12, u21) each: its values at sums of two unit vectors determine it.

    Lambda and theta are integers and N a power of two, so float64 is exact and the comparison is for equality.
    """
    mean, names = even_square(Lambda, N)
    scene = landscape(fixed_covariance(np.array(Lambda, dtype=float)), N)
    d, size = len(Lambda), len(names)
    first, second = range(d * d + 1), range(d * d + 1, size)
    assert all(sum(p[i] for i in first) == 2 == sum(p[i] for i in second) for p in mean)
    for left in combinations_with_replacement(first, 2):
        for right in combinations_with_replacement(second, 2):
            theta = np.zeros(size)
            theta[list({*left, *right})] = 1.0
            expected = sum(c for p, c in mean.items() if all(theta[i] or not k for i, k in enumerate(p)))
            assert float(scene.even_square(theta)) == float(expected), (theta, expected)


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
