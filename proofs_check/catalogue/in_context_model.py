"""The objects of 2306.09927 in the arithmetic of claims: Gamma, the layer, its prediction, Theorem 4.2, the losses.

Prompts are arrays X (one example a row), y and x_q. Expectations are taken over polynomials in independent normals, in
whitened coordinates x = C g with Lambda = C C^T wherever that saves work.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from proofs_check.arithmetic import Array, dot, eye, matrix, outer, solve, trace, vector
from proofs_check.catalogue.in_context_polynomials import Polynomial, gaussian, lift, means, normal

PAPER = "2306.09927"


def gamma(Lambda: Array, N: Any) -> Array:
    """Gamma = (1 + 1/N) Lambda + tr(Lambda)/N I."""
    return (1 + 1 / N) * Lambda + trace(Lambda) / N * eye(len(Lambda))


def eigen_gamma(lam: Array, N: Any) -> Array:
    """The eigenvalues of Gamma for those of Lambda."""
    return lam + (lam + sum(lam)) / N


def inverse(A: Array) -> Array:
    """A^{-1}."""
    return solve(A, eye(len(A)))


def embedding(X: Array, y: Array, x_q: Array) -> Array:
    """(3.4): the (d + 1) x (N + 1) matrix [[x_1 ... x_N, x_q], [y_1 ... y_N, 0]]."""
    return matrix([[*[x[k] for x in X], x_q[k]] for k in range(len(x_q))] + [[*y, 0]])


def layer(E: Array, W_PV: Array, W_KQ: Array) -> Array:
    """(3.3): E + W^{PV} E (E^T W^{KQ} E) / rho, rho the number of labelled examples."""
    return E + W_PV @ E @ (E.T @ W_KQ @ E) / (E.shape[1] - 1)


def predicted(X: Array, y: Array, x_q: Array, W_PV: Array, W_KQ: Array) -> Array:
    """The last entry of the layer's output."""
    return layer(embedding(X, y, x_q), W_PV, W_KQ)[-1, -1]


def blocks(A: Array, right: Array, below: Array, corner: Any) -> Array:
    """[[A, right], [below^T, corner]]."""
    d = len(right)
    return matrix([[*[A[i, j] for j in range(d)], right[i]] for i in range(d)] + [[*below, corner]])


def padded(A: Array) -> Array:
    """[[A, 0], [0, 0]]."""
    zero = vector([0] * len(A))
    return blocks(A, zero, zero, 0)


def last_corner(u: Any, d: int) -> Array:
    """[[0, 0], [0, u]], (d + 1) x (d + 1)."""
    return matrix([[0] * (d + 1)] * d + [[0] * d + [u]])


def quadratic(x: Array, A: Array, y: Array | None = None) -> Array:
    """x^T A y, with y = x where it is not given."""
    return dot(x, A @ (x if y is None else y))


def theorem(Lambda: Array, N: Any, M: Any, a: Array, Sigma: Array, best: Any, two: Any = 2) -> Array:
    """The right side of Theorem 4.2 from a = Lambda^{-1} E[xy], Sigma = Cov(xy) and the best linear error."""
    G, t = gamma(Lambda, N), trace(Lambda)
    weight = solve(G, solve(G, Lambda))
    bias = (
        quadratic(a, weight @ Lambda @ Lambda) + two * t * quadratic(a, weight @ Lambda) + t**2 * quadratic(a, weight)
    )
    return best + trace(Sigma @ weight) / M + bias / N**2


def noiseless_risk(lam: Array, w: Array, N: Any, M: Any) -> Array:
    """The noiseless risk of Theorem 4.2 in the eigenbasis of Lambda, where matrices are their eigenvalues."""
    g, t = eigen_gamma(lam, N), sum(lam)
    variance = sum(w**2 * lam**3 / g**2) + sum(lam**2 / g**2) * sum(w**2 * lam)
    return variance / M + sum(w**2 * lam * (lam + t) ** 2 / g**2) / N**2


def averaged_risk(lam: Array, N: Any, M: Any) -> Array:
    """`noiseless_risk` in the mean over w ~ N(0, I)."""
    g, t = eigen_gamma(lam, N), sum(lam)
    variance = sum(lam**3 / g**2) + sum(lam**2 / g**2) * t
    return variance / M + sum(lam * (lam + t) ** 2 / g**2) / N**2


def moments(g: np.ndarray, y: Polynomial, C: Array, sign: Any = None) -> tuple[Array, Array, Any]:
    """(a, Sigma, best) for x = C g with label y: Lambda^{-1} E[xy], Cov(xy), min_w E(<w, x> - y)^2."""
    first = C @ means(g, y, sign)
    second = C @ means(np.outer(g, g) * (y * y), None, sign) @ C.T
    a = solve(C @ C.T, first)
    return a, second - outer(first, first), y.mean(y, sign) - dot(a, first)


def whitened_prediction(T: Array, examples: list[tuple[np.ndarray, Polynomial]], query: np.ndarray) -> Polynomial:
    """x_q^T P (1/M) sum y_i x_i with x = C g and T = C^T P C, from the coordinates g and labels of M examples."""
    step = sum((x * y for x, y in examples[1:]), examples[0][0] * examples[0][1])
    return (query @ (lift(T) @ step)) * Fraction(1, len(examples))


def lsa(theta: tuple[Array, Any, Array, Array], X: np.ndarray, w: np.ndarray, x_q: np.ndarray) -> Polynomial:
    """The prediction (3.6) on a noiseless prompt of random examples: polynomials in the random letters.

    Args:
        theta: U11 (d x d), u = u_{-1}, u12 and u21 (d).
        X: N x d examples; w: task; x_q: query; entries are polynomials.
    """
    U11, u, u12, u21 = theta
    E = np.concatenate([np.column_stack([X.T, x_q]), np.append(X @ w, lift(0))[None]])
    row = np.append(lift(u12), lift(u))
    image = np.append(lift(U11) @ x_q, lift(u21) @ x_q)
    return ((row @ E) @ (E.T @ image)) * Fraction(1, len(X))


def random_prompt(root: Array, N: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(X, w, x_q) of the training distribution: x ~ N(0, root root^T), w ~ N(0, I)."""
    X = np.array([gaussian(root, f"x{i}") for i in range(N)], dtype=object)
    return X, normal("w", len(root)), gaussian(root, "q")


def slope(theta: tuple[Any, ...], direction: tuple[Any, ...], root: Array, N: int) -> Array:
    """The derivative of (3.8) at theta along a direction: E[(prediction - <w, x_q>) d prediction].

    A prediction is quadratic in theta, so half of the difference between theta + direction and theta - direction is its
    derivative, not an approximation.
    """
    X, w, x_q = random_prompt(root, N)
    ahead, behind = (tuple(lift(a) + lift(b) * side for a, b in zip(theta, direction, strict=True)) for side in (1, -1))
    moved = (lsa(ahead, X, w, x_q) - lsa(behind, X, w, x_q)) * Fraction(1, 2)
    return (lsa(theta, X, w, x_q) - w @ x_q).mean(moved)


def population_loss(theta: tuple[Array, Any, Array, Array], root: Array, N: int) -> Array:
    """(3.8): E(prediction - <w, x_q>)^2 / 2, by exact moments."""
    X, w, x_q = random_prompt(root, N)
    error = lsa(theta, X, w, x_q) - w @ x_q
    return error.mean(error) / 2


def reduced(U11: Array, u: Any, Lambda: Array, N: Any) -> Array:
    """(5.5): tr[u^2/2 Gamma Lambda U11 Lambda U11^T - u Lambda^2 U11^T]."""
    square = u * u * (gamma(Lambda, N) @ Lambda @ U11 @ Lambda @ U11.T) / 2
    return trace(square - u * (Lambda @ Lambda @ U11.T))
