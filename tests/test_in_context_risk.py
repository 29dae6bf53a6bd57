"""Exact risks against Wick's rule at small d, Monte Carlo with error bounds, and arithmetic by hand."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from scipy import stats

from numeric.in_context import (
    CovarianceMixture,
    DiagonalCovariance,
    FixedQuery,
    GaussianQuery,
    OrthogonalQuery,
    PromptLaw,
    RepeatedCovariance,
    SameQuery,
    Tasks,
    cubic_labels,
    estimate,
    exponential_test_risk,
    fixed_covariance,
    fixed_task,
    gradient_step,
    isotropic_risk,
    least_squares,
    least_squares_risk,
    limit,
    linear_labels,
    link_labels,
    ridge,
    risk,
    sign_labels,
    squared_errors,
    theorem_terms,
)
from numeric.validation import InputError
from tests.in_context_oracle import LAMBDA, ROOT, covariance, gaussian_mean, normal_vectors

# A few hundred roundings of terms of one sign; inverses of well-conditioned matrices.
ROUNDING = 1e-12
# Five standard errors, see test_in_context_prompts.
SIGMAS = 5.0
L2 = np.array(LAMBDA.tolist(), dtype=float)
W2 = [sp.Rational(3, 2), sp.Rational(-1, 2)]


def exact_risk(P, M, link, query_root=ROOT):
    """E(x_q^T P (1/M) sum y x - link(w.x_q))^2 by Wick's rule, for polynomial links."""
    columns, variables = normal_vectors(M + 1, 2, "g")
    points, w = [ROOT * g for g in columns[:M]], sp.Matrix(W2)
    query = query_root * columns[M]
    labels = [link(w.dot(x)) for x in points]
    predicted = sum((y * query.dot(P * x) for x, y in zip(points, labels, strict=True)), sp.Integer(0)) / M
    return float(gaussian_mean((predicted - link(w.dot(query))) ** 2, variables))


@pytest.mark.parametrize(("degree", "M"), [(1, 1), (1, 3), (3, 1), (3, 2)])
def test_theorem_by_wick(degree, M):
    """Theorem 4.2 at a P that is no inverse of Gamma and not symmetric."""
    P = sp.Matrix([[sp.Rational(1, 3), sp.Rational(1, 5)], [0, sp.Rational(1, 2)]])
    labels = {1: linear_labels(), 3: cubic_labels()}[degree]
    law = PromptLaw(fixed_covariance(L2), M, fixed_task([1.5, -0.5]), labels)
    found = risk(np.array(P.tolist(), dtype=float), law)
    assert found.total == pytest.approx(exact_risk(P, M, lambda s: s**degree), rel=ROUNDING)


def test_query_shift_by_wick():
    root = sp.Matrix([[0, 1], [3, 1]])
    query = GaussianQuery(np.array((root * root.T).tolist(), dtype=float))
    P = sp.Matrix([[sp.Rational(1, 3), sp.Rational(1, 5)], [0, sp.Rational(1, 2)]])
    law = PromptLaw(fixed_covariance(L2), 2, fixed_task([1.5, -0.5]), query=query)
    expected = exact_risk(P, 2, lambda s: s, query_root=root)
    assert risk(np.array(P.tolist(), dtype=float), law).total == pytest.approx(expected, rel=ROUNDING)


def test_fixed_queries_by_wick():
    """One query q is a query law with second moment q q^T; the expectation is over the examples alone."""
    P, q = sp.Matrix([[sp.Rational(1, 3), sp.Rational(1, 5)], [0, sp.Rational(1, 2)]]), sp.Matrix([2, -1])
    columns, variables = normal_vectors(2, 2, "g")
    w, points = sp.Matrix(W2), [ROOT * g for g in columns]
    predicted = sum((w.dot(x) * q.dot(P * x) for x in points), sp.Integer(0)) / 2
    expected = float(gaussian_mean((predicted - w.dot(q)) ** 2, variables))
    law = PromptLaw(fixed_covariance(L2), 2, fixed_task([1.5, -0.5]), query=FixedQuery(np.array([2.0, -1.0])))
    assert risk(np.array(P.tolist(), dtype=float), law).total == pytest.approx(expected, rel=ROUNDING)


def test_the_limit_is_trained_to_the_minimum_of_the_loss():
    """The risk of the trained model at M = N, over random tasks, is twice min L."""
    for law in (fixed_covariance(covariance(4, 2)), CovarianceMixture([covariance(3, 1), covariance(3, 8)])):
        end = limit(law, 7)
        assert risk(end.predictor, PromptLaw(law, 7)).total == pytest.approx(2 * end.loss, rel=ROUNDING)


LINKS = {
    "linear": linear_labels(0.5),
    "cubic": cubic_labels(),
    "sign": sign_labels(0.2),
    "sine": link_labels(np.sin),
}


@pytest.mark.parametrize("name", LINKS)
def test_theorem_term_by_term(name):
    """The three bias terms and the rest are `risk` at Gamma^{-1}, and Monte Carlo agrees."""
    Lambda, w, N, M = covariance(3, 6), np.array([0.4, -0.3, 0.2]), 6, 5
    law = PromptLaw(fixed_covariance(Lambda), M, fixed_task(w), LINKS[name])
    P = limit(law.covariance, N).predictor
    moments = LINKS[name].moments(w, Lambda)
    terms = theorem_terms(Lambda, N, M, moments.direction, moments.covariance, moments.best_error)
    whole = risk(P, law)
    assert terms.best + terms.variance == pytest.approx(whole.best + whole.variance, rel=1e-10)
    assert terms.bias_cubic + terms.bias_square + terms.bias_linear == pytest.approx(whole.bias, rel=1e-10)
    trained = limit(law.covariance, N).model
    assert estimate(law, trained.squared_error, 60_000, seed=3).deviation(terms.total) < SIGMAS


DISCRETE = stats.rv_discrete(values=([1, 3], [0.25, 0.75]))()


def test_random_covariances_average_the_risk():
    """Independent eigenvalues 1 or 3 are a mixture of four matrices: their own risks, averaged, as both laws."""
    rng = np.random.default_rng(1)
    A = rng.normal(size=(3, 3))
    tasks, P = Tasks(np.array([1.0, 0.0, -1.0]), A @ A.T), rng.normal(size=(3, 3))
    matrices = np.stack([np.diag([a, b, 0.5]) for a in (1.0, 3.0) for b in (1.0, 3.0)])
    weights = np.outer([0.25, 0.75], [0.25, 0.75]).ravel()
    mixture = CovarianceMixture(matrices, weights)
    independent = DiagonalCovariance([DISCRETE, DISCRETE, 0.5])
    queries = (SameQuery(), GaussianQuery(covariance(3, 2)), FixedQuery(np.array([1.0, -2.0, 0.5])))
    for query in queries:
        base = PromptLaw(independent, 4, tasks, linear_labels(0.3), query)
        single = [risk(P, replace(base, covariance=fixed_covariance(matrix))) for matrix in matrices]
        for found in (risk(P, base), risk(P, replace(base, covariance=mixture))):
            assert found.variance == pytest.approx(weights @ [one.variance for one in single], rel=ROUNDING)
            assert found.bias == pytest.approx(weights @ [one.bias for one in single], rel=ROUNDING)


@pytest.mark.parametrize("c", [1.0, 4.0])
def test_exponential_tests_of_the_figure(c):
    d, N, M = 4, 10, 6
    law = DiagonalCovariance([stats.expon()] * d)
    P = limit(law, N).predictor
    test = PromptLaw(law.scaled(c), M)
    whole = risk(P, test).total
    assert exponential_test_risk(P[0, 0], c, d, M) == pytest.approx(whole, rel=ROUNDING)
    assert estimate(test, limit(law, N).model.squared_error, 60_000, seed=2).deviation(whole) < SIGMAS


def test_lsa_limits_of_the_figure():
    """M = N = infinity, trained on Exp(1), d = 20: m1 - m2^2/m3 = 1/3, 25 1/3 and 387 for c = 1, 4, 9; 4/9 on I."""
    law = DiagonalCovariance([stats.expon()] * 20)
    P = limit(law, np.inf).predictor
    for c, expected in ((1, 1 / 3), (4, 76 / 3), (9, 387)):
        assert risk(P, PromptLaw(law.scaled(c), 10**12)).total / 20 == pytest.approx(expected, rel=1e-9)
    assert risk(P, PromptLaw(fixed_covariance(np.eye(20)), 10**12)).total / 20 == pytest.approx(4 / 9, rel=1e-9)


@pytest.mark.parametrize("M", [8, 20, 80, 200])
def test_isotropic_comparison(M):
    """d = 5, N = 20, noise 1/2: model, least squares and one gradient step, closed forms from three places."""
    law = PromptLaw(fixed_covariance(np.eye(5)), M, labels=linear_labels(0.5))
    P = limit(law.covariance, 20).predictor
    assert isotropic_risk(5, 20, M, 0.5) == pytest.approx(risk(P, law).excess, rel=ROUNDING)
    normalized = (36 + 6 * 400 / M) / 26**2 + 0.25 / M * (20 / 26) ** 2
    assert isotropic_risk(5, 20, M, 0.5) == pytest.approx(5 * normalized, rel=ROUNDING)
    assert risk(np.eye(5), law).excess == pytest.approx(5 * 6.25 / M, rel=ROUNDING)
    assert least_squares_risk(5, M, 0.5) == pytest.approx(1.25 / (M - 6), rel=ROUNDING)


def test_comparison_by_monte_carlo():
    """Model, one step, least squares and ridge on the same prompts; ridge at noise^2 is Bayes: it wins."""
    law = PromptLaw(fixed_covariance(np.eye(5)), 20, labels=linear_labels(0.5))
    model = limit(law.covariance, 20).model

    def errors(prompts):
        predictions = (model.predict(prompts), gradient_step(prompts), least_squares(prompts), ridge(prompts, 0.25))
        return np.stack([squared_errors(prompts, p) for p in predictions], axis=1)

    result = estimate(law, errors, 30_000, seed=4)
    expected = [isotropic_risk(5, 20, 20, 0.5), 5 * 6.25 / 20, least_squares_risk(5, 20, 0.5)]
    assert (result.deviation([e + 0.25 for e in [*expected, 0.0]])[:3] < SIGMAS).all()
    assert result.mean[3] == min(result.mean)


def test_large_prompts_and_rates():
    """O(1/M) at N = infinity, O(1/N^2) at M = infinity, and the bias alone remains as M grows."""
    Lambda = covariance(4, 9)

    def excess(N, M):
        return risk(limit(fixed_covariance(Lambda), N).predictor, PromptLaw(fixed_covariance(Lambda), M)).excess

    assert excess(np.inf, 200) / excess(np.inf, 100) == pytest.approx(0.5, rel=1e-6)
    assert excess(10**5, 10**15) / excess(2 * 10**5, 10**15) == pytest.approx(4, rel=1e-3)
    assert excess(10, 10**15) == pytest.approx(risk(*_at(Lambda, 10)).bias, rel=1e-9)


def _at(Lambda, N):
    return limit(fixed_covariance(Lambda), N).predictor, PromptLaw(fixed_covariance(Lambda), 1)


def test_risk_curves_are_the_same_to_the_bit():
    law = PromptLaw(fixed_covariance(covariance(4, 9)), 5)
    model = limit(law.covariance, 10).model
    curves = [
        [float(estimate(law.with_length(M), model.squared_error, 2000, seed=7).mean) for M in (2, 5, 20)]
        for _ in range(2)
    ]
    assert curves[0] == curves[1]


EXPONENTIAL = DiagonalCovariance([stats.expon()] * 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: risk(np.eye(3), PromptLaw(EXPONENTIAL, 2)), r"P: got shape \(3, 3\)"),
        (lambda: risk(np.eye(2), PromptLaw(EXPONENTIAL, 2, labels=cubic_labels())), "law: got cubic labels"),
        (lambda: risk(np.eye(2), PromptLaw(EXPONENTIAL, 1, query=OrthogonalQuery())), "law: got OrthogonalQuery"),
        (lambda: risk(np.eye(2), PromptLaw(RepeatedCovariance(EXPONENTIAL, 2), 1)), "law: got RepeatedCovariance"),
        (lambda: least_squares_risk(5, 6, 0.1), "M: got 6 examples in dimension 5"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(InputError, match=message):
        make()
