"""The population loss over all parameters that a prediction uses: where generic starts end, and what is found there.

With M = u U11 + u12 u21^T a prediction is w^T S M x + even(w), S = (1/N) sum x_i x_i^T: the first part is odd in the
task w like the target, the second even, so they are uncorrelated and

    L = l(M, 1) + tr(E Lambda)/2 + E[even^2]/2,
    even = u12^T (S + x x^T/N) U11 x + u (w^T S w) (u21^T x).

The first part is the generated reduced loss. E[even^2] is a polynomial, written once; its gradient is taken by complex
steps, which are exact to rounding for polynomials. Outside u12 = u21 = 0 there are spurious minima for d >= 2.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from numeric.in_context.attention import LinearSelfAttention, attention
from numeric.in_context.covariance import CovarianceLaw, CovarianceMixture
from numeric.in_context.following import follow_flow
from numeric.in_context.limits import gamma
from numeric.in_context.reduced import ReducedLoss, reduced_loss
from numeric.kernels import Array
from numeric.validation import InputError, check_shape

COMPLEX_STEP = 1e-30
"""Of the derivative of a polynomial: its square vanishes beside 1."""
DIFFERENCE = 1e-5
"""Of the Hessian from central differences of the gradient: errors near 1e-10 of its size."""
VANISHED = 1e-4
"""Blocks below this part of ||theta|| count as 0, and gaps below its square of tr(E Lambda)/2 as none."""
CURVATURE = 1e-5
"""A Hessian eigenvalue below minus this part of the largest one is a direction of descent."""
STATIONARY = 1e-9
"""The gradient norm, as a part of tr(E Lambda), at which a flow has arrived."""


@dataclass(frozen=True, eq=False)
class Landscape:
    """L over flat points theta = (vec(U11), u, u12, u21), vec row-major.

    Attributes:
        reduced: the reduced loss of the same law.
        law: a mixture of covariances.
    """

    reduced: ReducedLoss
    law: CovarianceMixture

    @property
    def dimension(self) -> int:
        """d; theta has (d + 1)^2 entries."""
        return self.law.dimension

    @property
    def minimum(self) -> float:
        """min L over all parameters: that of the slice u12 = u21 = 0."""
        return self.reduced.minimum + self.reduced.offset

    def value(self, theta: Array) -> float:
        """L."""
        U11, u, u12, u21 = self.split(theta)
        odd = self.reduced.value(u * U11 + np.outer(u12, u21), 1.0) + self.reduced.offset
        return odd + float(self.even_square(theta)) / 2

    def gradient(self, theta: Array) -> Array:
        """dL/dtheta."""
        U11, u, u12, u21 = self.split(theta)
        G, _ = self.reduced.gradient(u * U11 + np.outer(u12, u21), 1.0)
        odd = np.concatenate([(u * G).ravel(), [np.vdot(U11, G)], G @ u21, G.T @ u12])
        steps = theta + 1j * COMPLEX_STEP * np.eye(len(theta))
        return odd + self.even_square(steps).imag / COMPLEX_STEP / 2

    def hessian(self, theta: Array) -> Array:
        """The Hessian by central differences of the gradient, symmetrized."""
        h = DIFFERENCE * max(1.0, float(np.abs(theta).max()))
        rows = [(self.gradient(theta + e) - self.gradient(theta - e)) / (2 * h) for e in h * np.eye(len(theta))]
        return (np.array(rows) + np.array(rows).T) / 2

    def split(self, theta: Array) -> tuple[Array, Any, Array, Array]:
        """(U11, u, u12, u21) with the leading axes of theta."""
        d = self.dimension
        U11 = theta[..., : d * d].reshape(*theta.shape[:-1], d, d)
        return U11, theta[..., d * d], theta[..., d * d + 1 : d * d + d + 1], theta[..., d * d + d + 1 :]

    def model(self, theta: Array) -> LinearSelfAttention:
        """The model with these parameters."""
        return attention(*self.split(theta))

    def even_square(self, theta: Array) -> Array:
        """E[even^2] for stacked points, of any leading axes."""
        weights = np.asarray(self.law.weights)
        moments = (_even_square(*self.split(theta), Lambda, self.reduced.N) for Lambda in self.law.matrices)
        return sum((w * m for w, m in zip(weights, moments, strict=True)), np.zeros(()))


def landscape(law: CovarianceLaw, N: float) -> Landscape:
    """The loss over all parameters.

    Raises:
        InputError: the law is not a mixture of covariances.
    """
    if not isinstance(law, CovarianceMixture):
        raise InputError(f"law: got {type(law).__name__}; pass fixed_covariance or a CovarianceMixture")
    return Landscape(reduced_loss(law, N), law)


def _even_square(U: Array, u: Array, a: Array, b: Array, Lambda: Array, N: float) -> Array:
    """E[even^2] with a = u12, b = u21, by Isserlis' theorem; polynomial, also for complex arguments.

    Given S and w, even = c^T x + (a^T x)(x^T U x)/N with c = U^T S a + u s b and s = w^T S w. Over x its square is

        c^T Lambda c + 2/N c^T (Lambda (U + U^T) Lambda + tr(U Lambda) Lambda) a + E[(a^T x)^2 (x^T U x)^2]/N^2

    and over S and w: E[S P S] = (1 + 1/N) Lambda P Lambda + tr(P Lambda) Lambda/N for symmetric P,
    E[s S] = tr(Lambda) Lambda + 2/N Lambda^2, E[s^2] = 2 tr(Gamma Lambda) + tr(Lambda)^2 + 2/N tr(Lambda^2).
    """

    def times(A: Array, x: Array) -> Array:
        return (A @ x[..., None])[..., 0]

    def inner(x: Array, y: Array) -> Array:
        return (x * y).sum(axis=-1)

    def trace(A: Array) -> Array:
        return np.trace(A, axis1=-2, axis2=-1)

    Ut = np.swapaxes(U, -1, -2)
    La, Lb, t = times(Lambda, a), times(Lambda, b), np.trace(Lambda)
    ULU = U @ Lambda @ Ut
    quadratic = (1 + 1 / N) * inner(La, times(ULU, La)) + trace(ULU @ Lambda) * inner(a, La) / N
    mixed = inner(times(t * Lambda + 2 / N * Lambda @ Lambda, a), times(U, Lb))
    square = 2 * np.trace(gamma(Lambda, N) @ Lambda) + t**2 + 2 / N * np.trace(Lambda @ Lambda)
    first = quadratic + 2 * u * mixed + u**2 * square * inner(b, Lb)

    tau, sym = trace(U @ Lambda), (U + Ut) / 2
    mean = times(Ut, La) + (u * t)[..., None] * b
    second = 2 / N * inner(mean, 2 * times(Lambda @ sym, La) + tau[..., None] * La)

    SL = sym @ Lambda
    SLa = times(sym, La)
    sixth = inner(a, La) * (2 * trace(SL @ SL) + tau**2) + 8 * inner(SLa, times(Lambda, SLa)) + 4 * tau * inner(La, SLa)
    return first + second + sixth / N**2


@dataclass(frozen=True, eq=False)
class Arrival:
    """Where a flow over all parameters ended.

    Attributes:
        theta: flat point.
        kind: "global minimum", "rank-one minimum" (u = 0 and U11 = 0, M = u12 u21^T), "mixed minimum" (other spurious
            ones), "saddle", or "not stationary".
        gap: L - min L.
        gradient_norm: of L.
        curvature: least eigenvalue of the Hessian.
        rank: numerical rank of M.
        message: the same in a sentence.
    """

    theta: Array
    kind: str
    gap: float
    gradient_norm: float
    curvature: float
    rank: int
    message: str


def follow(scene: Landscape, theta: Any, *, end: float = 1e6, rtol: float = 1e-6) -> Arrival:
    """Follow the gradient flow over all parameters to a stationary point, and name it.

    Args:
        scene: the loss.
        theta: start, (d + 1)^2 entries (U11, u, u12, u21).
        end: time at which to stop at the latest.
        rtol: relative error of the integrator.

    Raises:
        InputError: theta has another shape.
    """
    start = np.asarray(theta, dtype=float)
    check_shape("theta", start, ((scene.dimension + 1) ** 2,), "the covariance")
    goal = STATIONARY * 2 * scene.reduced.offset

    found = follow_flow(
        lambda _time, y: -scene.gradient(y),
        start,
        end,
        "BDF",
        lambda y: float(np.linalg.norm(scene.gradient(y))) - goal,
        rtol=rtol,
        atol=rtol * 1e-4,
        jac=lambda _time, y: -scene.hessian(y),
    )
    return classify(scene, found.points[-1])


def classify(scene: Landscape, theta: Array) -> Arrival:
    """Name the point at which a flow has ended."""
    U11, u, u12, u21 = scene.split(theta)
    gap = scene.value(theta) - scene.minimum
    norm = float(np.linalg.norm(scene.gradient(theta)))
    eigenvalues = np.linalg.eigvalsh(scene.hessian(theta))
    rank = int(
        np.linalg.matrix_rank(u * U11 + np.outer(u12, u21), tol=VANISHED * np.linalg.norm(scene.reduced.minimizer))
    )
    slice_is_zero = np.hypot(np.linalg.norm(U11), u) <= VANISHED * np.linalg.norm(theta)
    if gap <= VANISHED**2 * scene.reduced.offset:
        kind, sentence = "global minimum", "M is the minimizer of the slice u12 = u21 = 0."
    elif norm > 1e3 * STATIONARY * 2 * scene.reduced.offset:
        kind, sentence = "not stationary", "The flow has not arrived: raise end, or scale Lambda to entries near 1."
    elif eigenvalues[0] < -CURVATURE * eigenvalues[-1]:
        kind, sentence = "saddle", "A direction of descent is left: start a little beside it."
    elif slice_is_zero:
        kind, sentence = "rank-one minimum", "Spurious: u = 0, U11 = 0 and M = u12 u21^T. Start from u12 = u21 = 0."
    else:
        kind, sentence = "mixed minimum", f"Spurious: M has rank {rank}. Start from u12 = u21 = 0."
    return Arrival(theta, kind, gap, norm, float(eigenvalues[0]), rank, f"{sentence} L - min L = {gap:.3g}.")
