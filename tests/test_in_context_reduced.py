"""Reduced losses, their gradients and bordered Hessians, against traces in 50 digits and re-solved equations."""

import mpmath
import numpy as np
import pytest
from scipy import stats

from numeric.in_context import (
    CovarianceMixture,
    DiagonalCovariance,
    drawn_covariances,
    eigenvalue_samples,
    fixed_covariance,
    gamma,
    limit,
    reduced_loss,
)
from numeric.validation import InputError
from tests.in_context_oracle import covariance, mp_matrix, trace_loss
from tests.numeric_oracle import DIGITS, exact, gradient, hessian, relative_error

# A few dozen roundings of 1.1e-16, times the condition of the covariances (below 30).
ROUNDING = 1e-13
MATRICES = np.stack([covariance(3, seed) for seed in (1, 2, 3)])
WEIGHTS = np.array([0.5, 0.25, 0.25])
DISCRETE = stats.rv_discrete(values=([1, 3], [0.25, 0.75]))()  # eigenvalue 1 or 3: an average over 8 matrices is exact
SPECTRA = np.array([[2.0, 1.0, 0.5], [3.0, 2.5, 0.2], [0.3, 0.2, 1.0]])
LAWS = {
    "fixed": (fixed_covariance(MATRICES[0]), MATRICES[:1], np.ones(1)),
    "mixture": (CovarianceMixture(MATRICES, WEIGHTS), MATRICES, WEIGHTS),
    "diagonal": (
        DiagonalCovariance([DISCRETE, DISCRETE, 0.5]),
        np.stack([np.diag([a, b, 0.5]) for a in (1.0, 3.0) for b in (1.0, 3.0)]),
        np.outer([0.25, 0.75], [0.25, 0.75]).ravel(),
    ),
    "dependent": (eigenvalue_samples(SPECTRA, WEIGHTS), SPECTRA[:, :, None] * np.eye(3), WEIGHTS),
}
N = 7


def mean_trace_loss(name):
    """(u, U11) -> the mean of (5.5) over the law's matrices, for the differences of `numeric_oracle`."""
    _, matrices, weights = LAWS[name]

    def loss(flat):
        with mpmath.workdps(DIGITS):
            U = mpmath.matrix(3, 3)
            for i in range(9):
                U[i // 3, i % 3] = flat[i]
            terms = [w * trace_loss(mp_matrix(L), N, U, flat[9]) for w, L in zip(weights, matrices, strict=True)]
            return mpmath.fsum(terms)

    return loss


@pytest.mark.parametrize("name", LAWS)
def test_value_gradient_and_hessian(name):
    rng = np.random.default_rng(5)
    flat = rng.normal(size=10)
    U11, u = flat[:9].reshape(3, 3), float(flat[9])
    loss, reference, point = reduced_loss(LAWS[name][0], N), mean_trace_loss(name), exact(flat)
    G, g = loss.gradient(U11, u)
    assert relative_error([loss.value(U11, u)], [reference(point)]) < ROUNDING
    assert relative_error(np.append(G, g), gradient(reference, point)) < ROUNDING
    assert relative_error(loss.hessian(U11, u), hessian(reference, point)) < ROUNDING


@pytest.mark.parametrize("name", LAWS)
def test_minimizer_solves_its_equation_and_the_gap_needs_no_subtraction(name):
    law, matrices, weights = LAWS[name]
    loss = reduced_loss(law, N)
    operator = sum(w * np.kron(gamma(L, N) @ L, L) for w, L in zip(weights, matrices, strict=True))
    square = sum(w * L @ L for w, L in zip(weights, matrices, strict=True))
    M = np.linalg.solve(operator, square.ravel()).reshape(3, 3)
    np.testing.assert_allclose(loss.minimizer, M, rtol=0, atol=ROUNDING * np.abs(M).max())
    rng = np.random.default_rng(0)
    U11, u = rng.normal(size=(3, 3)), 0.7
    assert loss.gap(U11, u) == pytest.approx(loss.value(U11, u) - loss.minimum, rel=1e-12)
    least = np.linalg.eigvalsh(operator)[0]
    assert loss.least_curvature == pytest.approx(least, rel=1e-11)
    near = loss.gap(M + 1e-12 * U11, 1.0)
    assert 0 < near < 1e-22, "far below the rounding of the loss itself"


def test_arrow_is_the_hessian_in_rows():
    loss = reduced_loss(LAWS["fixed"][0], N)
    U11, Q = np.random.default_rng(2).normal(size=(3, 3)), loss.basis[0]
    turn = np.zeros((10, 10))
    turn[:9, :9], turn[9, 9] = np.kron(Q, Q), 1.0
    arrow = loss.arrow(loss.rows(U11), 0.3).toarray()
    np.testing.assert_allclose(turn @ arrow @ turn.T, loss.hessian(U11, 0.3), atol=ROUNDING * np.abs(arrow).max())
    np.testing.assert_allclose(loss.matrix(loss.rows(U11)), U11, atol=ROUNDING)


def test_numbers_of_the_isotropic_case():
    """d = 5, N = 20, Lambda = I: Gamma = 13/10 I, M = 10/13 I, by hand."""
    end = limit(fixed_covariance(np.eye(5)), 20)
    np.testing.assert_allclose(gamma(np.eye(5), 20), 1.3 * np.eye(5), rtol=ROUNDING)
    assert end.u == pytest.approx((np.sqrt(5) / 1.3) ** 0.5, rel=ROUNDING)
    assert end.reduced_minimum == pytest.approx(-5 / 2.6, rel=ROUNDING)
    assert end.loss == pytest.approx(2.5 - 5 / 2.6, rel=ROUNDING)
    assert end.model.product[0, 0] == pytest.approx(1 / 1.3, rel=ROUNDING)


@pytest.mark.parametrize("length", [40, 70, 100])
def test_numbers_of_the_exponential_case(length):
    """d = 20 of the paper's figure: eta = 6 (N+1)/N + (6 + 2 * 19)/N with E lambda^k = k!, xi = 2."""
    end = limit(DiagonalCovariance([stats.expon()] * 20), length)
    ratio = 2 / (6 * (length + 1) / length + (6 + 2 * 19) / length)
    np.testing.assert_allclose(end.product, ratio * np.eye(20), atol=ROUNDING)
    assert end.u == pytest.approx((np.sqrt(20) * ratio) ** 0.5, rel=ROUNDING)


def test_eigenvalue_moments_are_those_of_the_distribution():
    law = DiagonalCovariance([stats.lognorm(0.4), stats.gamma(3, scale=0.5), 2.0, stats.uniform(1, 2)], factor=1.5)
    values = law.roots(np.random.default_rng(3), 100_000) ** 2
    for exact_moment, sample in (
        (law.cubic, np.einsum("ni,nj->nij", values**2, values)),
        (law.mixed, np.einsum("ni,nj,n->nij", values, values, values.sum(axis=1))),
        (law.mean, np.einsum("ni,ij->nij", values, np.eye(4))),
        (law.square, np.einsum("ni,ij->nij", values**2, np.eye(4))),
    ):
        error = sample.std(axis=0) / np.sqrt(len(sample)) + 1e-12
        assert (np.abs(sample.mean(axis=0) - exact_moment) < 5 * error).all()


def test_infinite_training_prompts():
    end = limit(fixed_covariance(MATRICES[0]), np.inf)
    np.testing.assert_allclose(end.product @ MATRICES[0], np.eye(3), atol=1e-12)


def test_drawn_covariances_are_seeded_and_scaled():
    def wishart(rng):
        A = rng.normal(size=(2, 6))
        return A @ A.T

    one, two = (drawn_covariances(wishart, 50, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one.matrices, two.matrices)
    np.testing.assert_allclose(one.scaled(3).mean, 3 * one.mean, rtol=ROUNDING)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fixed_covariance([[1.0, 0.5], [0.0, 1.0]]), r"asymmetry 0\.5"),
        (lambda: fixed_covariance([[1.0, 2.0], [2.0, 1.0]]), "smallest eigenvalue -1"),
        (lambda: fixed_covariance(np.ones((2, 3))), "a covariance is square"),
        (lambda: CovarianceMixture(MATRICES, [0.5, 0.6, 0.1]), r"sum 1\.2.*pass 3 probabilities"),
        (lambda: DiagonalCovariance([]), "got an empty list"),
        (lambda: DiagonalCovariance([1.0, -2.0]), r"laws\[1\]: got -2.0"),
        (lambda: DiagonalCovariance([stats.norm()]), "starts at -inf"),
        (lambda: DiagonalCovariance([stats.pareto(2)]), "third moment inf"),
        (lambda: DiagonalCovariance([1.0]).scaled(0), "factor: got 0"),
        (lambda: reduced_loss(fixed_covariance(np.eye(2)), 0), "N: got 0"),
        (lambda: reduced_loss(None, 3), "law: got NoneType"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(InputError, match=message):
        make()
