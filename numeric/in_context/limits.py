"""Closed forms of arXiv 2306.09927 along and at the end of the flow: Gamma, limits, PL constants, bounds on u."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from numeric.in_context.attention import LinearSelfAttention, attention
from numeric.in_context.covariance import CovarianceLaw, CovarianceMixture, DiagonalCovariance
from numeric.in_context.reduced import reduced_loss
from numeric.kernels import Array
from numeric.validation import InputError

DRAWS = 200_000
"""Draws for E[||Gamma||_op ||Lambda||_F^2] of a law without a closed form; its relative error is near 1 %."""


def gamma(covariance: Any, N: float) -> Array:
    """Gamma = (1 + 1/N) Lambda + tr(Lambda)/N I; leading axes are batches, N may be infinite."""
    Lambda = np.asarray(covariance, dtype=float)
    trace = np.trace(Lambda, axis1=-2, axis2=-1)[..., None, None]
    return Lambda + (Lambda + trace * np.eye(Lambda.shape[-1])) / N


@dataclass(frozen=True, eq=False)
class Limit:
    """The end of the flow from Assumption 3.3 (Theorems 4.1 and 4.5).

    Attributes:
        product: M_* = u_* U11_*; Gamma^{-1} for a fixed covariance.
        u: ||M_*||_F^(1/2); U11: M_*/||M_*||_F^(1/2).
        reduced_minimum: min l; loss: min L = min l + tr(E Lambda)/2.
    """

    product: Array
    u: float
    U11: Array
    reduced_minimum: float
    loss: float

    @property
    def predictor(self) -> Array:
        """P with prediction x_query^T P (1/M) sum y_i x_i, see (4.2): M_*^T.

        M_* is symmetric unless the law mixes matrices that do not commute.
        """
        return self.product.T

    @property
    def model(self) -> LinearSelfAttention:
        """The trained model."""
        return attention(self.U11, self.u)


def limit(law: CovarianceLaw, N: float) -> Limit:
    """The limit for any covariance law, also one of matrices that do not commute.

    M_* solves E[Gamma Lambda M Lambda] = E[Lambda^2], and u^2 = tr(U11 U11^T) splits it.

    >>> from numeric.in_context import fixed_covariance
    >>> round(limit(fixed_covariance(np.eye(5)), 20).u, 6)
    1.311508
    """
    loss = reduced_loss(law, N)
    M = loss.minimizer
    root = float(np.sqrt(np.linalg.norm(M)))
    minimum = loss.minimum
    return Limit(M, root, M / root, minimum, minimum + loss.offset)


@dataclass(frozen=True)
class FlowConstants:
    """What the theory says about the flow from sigma and Theta.

    Attributes:
        sigma_max: the condition on sigma is sigma < sigma_max: (2/(sqrt(d) ||Gamma||_op))^(1/2), or (4.11).
        u_bound: lower bound of u along the flow, (A.14) or (C.12); NaN where the condition fails.
        pl: mu of the PL inequality, (5.8) or Lemma C.8; NaN where the condition fails.
    """

    sigma_max: float
    u_bound: float
    pl: float


def flow_constants(law: CovarianceLaw, N: float, sigma: float, Theta: Any, *, seed: int = 0) -> FlowConstants:
    """Constants of Theorem 4.1 for one covariance, of Theorem 4.5 for a random diagonal one.

    Args:
        law: of the covariance in training.
        N: length of the training prompts.
        sigma: size of the start.
        Theta: d x d, scaled here to ||Theta Theta^T||_F = 1.
        seed: of the draws for E[||Gamma||_op ||Lambda||_F^2] of a diagonal law.

    Raises:
        InputError: the law is a mixture of several matrices, for which the paper states no constants.
    """
    root = np.asarray(Theta, dtype=float)
    root = root / np.sqrt(np.linalg.norm(root @ root.T))
    if isinstance(law, DiagonalCovariance):
        return _random_constants(law, N, sigma, root, seed)
    if isinstance(law, CovarianceMixture) and len(law.matrices) == 1:
        return _fixed_constants(law.matrices[0], N, sigma, root)
    raise InputError("law: got a mixture of matrices; the paper's constants are for fixed and diagonal covariances")


def _fixed_constants(Lambda: Array, N: float, sigma: float, Theta: Array) -> FlowConstants:
    """sigma_max, (A.14) and (5.8)."""
    d, Gamma = len(Lambda), gamma(Lambda, N)
    norm, top = float(np.linalg.norm(Gamma, 2)), float(np.linalg.norm(Lambda, 2))
    start = sigma**2 * float(np.linalg.norm(Lambda @ Theta)) ** 2 * _slack(2 - np.sqrt(d) * sigma**2 * norm)
    inverse = np.linalg.inv(Lambda)
    traces = float(np.trace(np.linalg.solve(Gamma, inverse)) * np.trace(inverse))
    return FlowConstants(
        sigma_max=float(np.sqrt(2 / (np.sqrt(d) * norm))),
        u_bound=float(np.sqrt(start / (2 * np.sqrt(d) * top**2))),
        pl=float(start / (np.sqrt(d) * top**2 * traces)),
    )


def _random_constants(law: DiagonalCovariance, N: float, sigma: float, Theta: Array, seed: int) -> FlowConstants:
    """(4.11), (C.12) and Lemma C.8, with mu as it is printed there."""
    d = law.dimension
    moment = norm_moment(law, N, seed=seed)
    reach = float(np.linalg.norm(law.mean @ Theta)) ** 2
    top = float(law.moments[1].max())
    start = sigma**2 * _slack(2 * reach - np.sqrt(d) * sigma**2 * moment)
    # E Lambda^2 is diagonal, and nu is the least of eta_i and zeta_ij: the least curvature in M.
    nu = reduced_loss(law, N).least_curvature
    return FlowConstants(
        sigma_max=float(np.sqrt(2 * reach / (np.sqrt(d) * moment))),
        u_bound=float(np.sqrt(start / (2 * np.sqrt(d) * top))),
        pl=float(nu * start / (2 * np.sqrt(d) * top)),
    )


def norm_moment(law: CovarianceLaw, N: float, *, draws: int = DRAWS, seed: int = 0) -> float:
    """E[||Gamma||_op ||Lambda||_F^2] of (4.11): exact for mixtures, by seeded draws for diagonal laws."""
    if isinstance(law, CovarianceMixture):
        eigenvalues, _ = law.spectra
        return float(law.expectation(_norms(eigenvalues, N)))
    return float(_norms(law.roots(np.random.default_rng(seed), draws) ** 2, N).mean())


def _norms(eigenvalues: Array, N: float) -> Array:
    top, trace = eigenvalues.max(axis=1), eigenvalues.sum(axis=1)
    return (top + (top + trace) / N) * (eigenvalues**2).sum(axis=1)


def _slack(value: float) -> float:
    """The bracket that the condition on sigma makes positive."""
    return float(value) if value > 0 else float("nan")
