"""Exact risks of the trained model: Theorem 4.2 term by term, under query and covariate shift, and special cases.

Every predictor x_query^T P (1/M) sum y_i x_i with a fixed matrix P has, for x ~ N(0, Lambda), a = Lambda^{-1} E[x y]
and a query with covariance Lambda_q that is independent of the examples,

    E(prediction - y_query)^2 = best + (1/M) tr[Cov(x y) P^T Lambda_q P] + (P Lambda a - a)^T Lambda_q (P Lambda a - a)

where best is the error of <a, x_query>. P = Gamma^{-1} gives Theorem 4.2, P = I one step of gradient descent.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from numeric.in_context.covariance import CovarianceMixture, DiagonalCovariance
from numeric.in_context.labels import linear_labels
from numeric.in_context.limits import gamma
from numeric.in_context.prompts import FixedQuery, GaussianQuery, PromptLaw, SameQuery
from numeric.kernels import Array
from numeric.validation import InputError, check_shape, real_array

Tensors = tuple[Array, Array, Array]
"""E[lambda_i], E[lambda_i lambda_j] and E[lambda_i lambda_j lambda_k]."""


@dataclass(frozen=True)
class Risk:
    """E(prediction - y_query)^2 in its three parts.

    Attributes:
        best: error of the best linear predictor (of <a, x_query> under query shift).
        variance: the part that M examples leave, O(1/M).
        bias: the part that N training examples leave; it remains as M grows.
    """

    best: float
    variance: float
    bias: float

    @property
    def excess(self) -> float:
        """What comes on top of the best linear predictor."""
        return self.variance + self.bias

    @property
    def total(self) -> float:
        """The whole risk."""
        return self.best + self.excess


def risk(P: Any, law: PromptLaw) -> Risk:
    """The exact risk of x_query^T P (1/M) sum y_i x_i on prompts of a law.

    Args:
        P: d x d; ``limit(training_law, N).predictor`` is the trained model.
        law: of the test prompts. Any label law for one task and one covariance; linear labels for random tasks,
            random covariances and query shift, where only second moments of task and query enter.

    Raises:
        InputError: no exact formula is known for the combination; `estimate` serves all.
    """
    matrix = real_array("P", P, 2).astype(float)
    d = law.covariance.dimension
    check_shape("P", matrix, (d, d), "the covariance")
    if law.labels.name == linear_labels().name:
        return _linear_risk(matrix, law)
    covariance = law.covariance
    single = isinstance(covariance, CovarianceMixture) and len(covariance.matrices) == 1
    if not (single and law.task_law.is_fixed and isinstance(law.query, SameQuery)):
        raise InputError(
            f"law: got {law.labels.name} labels with random tasks, random covariances or query shift; the exact risk "
            f"is known for linear labels there: take fixed_task and fixed_covariance, or estimate(...)"
        )
    assert isinstance(covariance, CovarianceMixture)
    Lambda = covariance.matrices[0]
    moments = law.labels.moments(law.task_law.mean, Lambda)
    off = matrix @ Lambda @ moments.direction - moments.direction
    variance = float(np.sum(moments.covariance * (matrix.T @ Lambda @ matrix))) / law.length
    return Risk(moments.best_error, variance, float(off @ Lambda @ off))


def _linear_risk(P: Array, law: PromptLaw) -> Risk:
    """For y = <w, x> + noise only second moments of the task and of the query enter, and three moments of Lambda."""
    W, noise, query, covariance = law.task_law.second_moment, law.labels.noise, _query_moment(law), law.covariance
    if isinstance(covariance, DiagonalCovariance) or (
        isinstance(covariance, CovarianceMixture) and covariance.is_diagonal and len(covariance.matrices) > 1
    ):
        if query is None:
            variance, bias = _diagonal_parts(P, covariance.tensors, W, noise)
        else:
            variance, bias = _shifted_parts(P, covariance.tensors, query, W, noise)
    elif isinstance(covariance, CovarianceMixture):
        own = covariance.matrices if query is None else query
        variance, bias = covariance.expectation(_linear_parts(P, covariance.matrices, own, W, noise))
    else:
        raise InputError(
            f"law: got {type(covariance).__name__}; the exact risk is known for mixtures and for independent "
            f"eigenvalues: use estimate(...)"
        )
    return Risk(noise**2, float(variance) / law.length, float(bias))


def _query_moment(law: PromptLaw) -> Array | None:
    """E[x_query x_query^T] of a query that does not depend on the prompt; None for one more covariate."""
    if isinstance(law.query, SameQuery):
        return None
    if isinstance(law.query, GaussianQuery):
        return np.asarray(law.query.covariance, dtype=float)
    if isinstance(law.query, FixedQuery):
        return np.outer(law.query.point, law.query.point)
    raise InputError(
        f"law: got {type(law.query).__name__}; the exact risk is known for SameQuery, and for queries independent of "
        f"the prompt, GaussianQuery and FixedQuery: use estimate(...)"
    )


def _linear_parts(P: Array, Lambda: Array, Lambda_q: Array, W: Array, noise: float) -> Array:
    """tr[Cov(x y) B], Cov(x y) = tr(W Lambda) Lambda + Lambda W Lambda + noise^2 Lambda, B = P^T Lambda_q P; bias.

    Lambda is k x d x d, the result k x 2.
    """

    def inner(A: Array, B: Array) -> Array:
        return (A * B).sum(axis=(-2, -1))

    B, off = P.T @ Lambda_q @ P, P @ Lambda - np.eye(len(P))
    spread = (inner(W, Lambda) + noise**2) * inner(Lambda, B) + inner(Lambda @ W @ Lambda, B)
    return np.stack([spread, inner(np.swapaxes(off, 1, 2) @ Lambda_q @ off, W)], axis=1)


def _shifted_parts(P: Array, tensors: Tensors, Lambda_q: Array, W: Array, noise: float) -> tuple[float, float]:
    """The same in expectation over diagonal Lambda, for a query of its own: E[lambda_i lambda_j] is enough."""
    m1, pair, _ = tensors
    B = P.T @ Lambda_q @ P
    quadratic = float(np.sum(pair * W * B))
    spread = float(np.diag(W) @ pair @ np.diag(B)) + noise**2 * float(m1 @ np.diag(B))
    bias = quadratic - 2 * float(m1 @ np.diag(P.T @ Lambda_q @ W)) + float(np.sum(Lambda_q * W))
    return spread + quadratic, bias


def _diagonal_parts(P: Array, tensors: Tensors, W: Array, noise: float) -> tuple[float, float]:
    """The same where the query shares the eigenvalues of its prompt."""
    m1, pair, third = tensors
    squares = P**2
    quadratic = float(np.einsum("kij,ki,kj,ij->", third, P, P, W))
    spread = float(np.einsum("ijk,i,jk->", third, np.diag(W), squares)) + noise**2 * float(np.sum(pair * squares))
    bias = quadratic - 2 * float(np.sum(pair * P * W)) + float(m1 @ np.diag(W))
    return spread + quadratic, bias


@dataclass(frozen=True)
class TheoremTerms:
    """The terms of Theorem 4.2 as they stand there; `total` is their sum.

    Attributes:
        best: min_w E(<w, x> - y)^2.
        variance: (1/M) tr[Sigma Gamma^{-2} Lambda].
        bias_cubic, bias_square, bias_linear: (1/N^2) times ||a||^2 in Gamma^{-2} Lambda^3, 2 tr(Lambda) ||a||^2 in
            Gamma^{-2} Lambda^2, and tr(Lambda)^2 ||a||^2 in Gamma^{-2} Lambda.
    """

    best: float
    variance: float
    bias_cubic: float
    bias_square: float
    bias_linear: float

    @property
    def total(self) -> float:
        """E(prediction - y_query)^2."""
        return self.best + self.variance + self.bias_cubic + self.bias_square + self.bias_linear


def theorem_terms(covariance: Any, N: float, M: float, a: Any, Sigma: Any, best: float) -> TheoremTerms:
    """Theorem 4.2 term by term, from the moments of one task.

    Args:
        covariance: Lambda, d x d, in training and test.
        N: length of the training prompts; M: of the test prompts; both may be infinite.
        a: Lambda^{-1} E[x y]; Sigma: Cov(x y); best: error of the best linear predictor (see `Labels.moments`).
    """
    Lambda, direction = np.asarray(covariance, dtype=float), np.asarray(a, dtype=float)
    inverse = np.linalg.inv(gamma(Lambda, N))
    weight = inverse @ inverse @ Lambda
    trace = float(np.trace(Lambda))

    def norm(matrix: Array) -> float:
        return float(direction @ matrix @ direction)

    return TheoremTerms(
        best=float(best),
        variance=float(np.trace(np.asarray(Sigma) @ weight)) / M,
        bias_cubic=norm(weight @ Lambda @ Lambda) / N**2,
        bias_square=2 * trace * norm(weight @ Lambda) / N**2,
        bias_linear=trace**2 * norm(weight) / N**2,
    )


def isotropic_risk(d: int, N: float, M: float, noise: float = 0.0) -> float:
    """Excess risk for Lambda = I and w ~ N(0, I), all d coordinates: d times the page's normalized one."""
    a = 1 / (1 + (d + 1) / N)
    return d * ((1 - a) ** 2 + a**2 * (d + 1 + noise**2) / M)


def exponential_test_risk(a: float, c: float, d: int, M: float) -> float:
    """Risk of P = a I for w ~ N(0, I), noiseless, on Lambda = c diag(lambda_i), lambda_i ~ Exp(1) independent."""
    return d * (a**2 * c**3 * (6 * (1 + 1 / M) + (6 + 2 * (d - 1)) / M) - 4 * a * c**2 + c)


def least_norm_risk(d: int, M: int, noise: float) -> float:
    """Excess risk of least squares of least norm for Lambda = I, w ~ N(0, I) and few examples.

    It is d - M, the part of w off the span, and noise^2 E tr (X X^T)^{-1} = noise^2 M/(d - M - 1).

    Raises:
        InputError: M is above d - 2, where the mean is infinite or least squares has no freedom left.
    """
    if d - 2 < M:
        raise InputError(f"M: got {M} examples in dimension {d}; this formula is for at most d - 2")
    return d - M + noise**2 * M / (d - M - 1)


def least_squares_risk(d: int, M: int, noise: float) -> float:
    """Excess risk of ordinary least squares for any Gaussian covariates: noise^2 d/(M - d - 1).

    Raises:
        InputError: M is at most d + 1, where the mean is infinite.
    """
    if M - d < 2:
        raise InputError(f"M: got {M} examples in dimension {d}; the risk of least squares is finite from M = d + 2 on")
    return noise**2 * d / (M - d - 1)
