"""Slow, obvious references for numeric.in_context: exact Gaussian expectations by Wick's rule, losses as traces.

Expectations over prompts are those of polynomials in independent standard normals: SymPy expands them with exact
rationals, and each monomial has the product of double factorials as its mean.
"""

import mpmath
import numpy as np
import sympy as sp

ROOT = sp.Matrix([[2, 0], [sp.Rational(1, 2), 1]])
"""x = ROOT g has the covariance LAMBDA."""
LAMBDA = ROOT * ROOT.T


def gaussian_mean(expression, variables):
    """E of a polynomial in independent standard normal variables, exactly."""
    total = sp.Integer(0)
    for powers, coefficient in sp.Poly(sp.expand(expression), *variables).terms():
        if all(k % 2 == 0 for k in powers):
            total += coefficient * sp.prod(sp.factorial2(k - 1) for k in powers if k)
    return total


def normal_vectors(count, d, letter):
    """`count` symbolic columns of d standard normals, and the list of all of them."""
    columns = [sp.Matrix([sp.Symbol(f"{letter}{i}_{j}") for j in range(d)]) for i in range(count)]
    return columns, [s for column in columns for s in column]


def prediction(W_PV, W_KQ, xs, ys, query):
    """The last entry of E + W_PV E (E^T W_KQ E)/rho, spelled out as in (3.3) and (3.4)."""
    d = len(query)
    E = sp.zeros(d + 1, len(xs) + 1)
    for i, (x, y) in enumerate(zip([*xs, query], [*ys, 0], strict=True)):
        E[:d, i], E[d, i] = x, y
    return (E[d, :] + W_PV[d, :] * E * (E.T * W_KQ * E) / len(xs))[0, len(xs)]


def mp_matrix(array):
    """A NumPy matrix in mpmath, exactly."""
    return mpmath.matrix([[mpmath.mpf(float(e)) for e in row] for row in np.asarray(array)])


def mp_trace(A):
    return mpmath.fsum(A[i, i] for i in range(A.rows))


def mp_gamma(Lambda, N):
    """Gamma as it is defined."""
    return (1 + 1 / mpmath.mpf(N)) * Lambda + mp_trace(Lambda) / mpmath.mpf(N) * mpmath.eye(Lambda.rows)


def trace_loss(Lambda, N, U, u):
    """(5.5): tr[u^2/2 Gamma Lambda U Lambda U^T - u Lambda^2 U^T] in mpmath."""
    return mp_trace(u**2 / 2 * mp_gamma(Lambda, N) * Lambda * U * Lambda * U.T - u * Lambda * Lambda * U.T)


def covariance(d, seed, condition=20.0):
    """A seeded rotated covariance."""
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.normal(size=(d, d)))
    matrix = (Q * np.geomspace(2.0, 2.0 / condition, d)) @ Q.T
    return (matrix + matrix.T) / 2
