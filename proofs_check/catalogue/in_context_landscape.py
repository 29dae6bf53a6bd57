r"""The loss of linear self-attention over its parameters (2306.09927, sections 5 and A): quadratic form, flow, minimum.

Statements along trajectories of the flow stand elsewhere; these hold at every state. x = C g with \Lambda = C C^\top,
and (U_{11}, u, u_{12}, u_{21}) are the parameters that a prediction uses.
"""

from fractions import Fraction

import numpy as np

from proofs_check import Matrix, Scalar, Size, Vector, assume, claim
from proofs_check.arithmetic import det, diagonal, dot, eye, kron, matrix, outer, trace, vec, vector
from proofs_check.catalogue.in_context_derived import derived_gradient, derived_loss, fixed_data
from proofs_check.catalogue.in_context_model import (
    PAPER,
    blocks,
    embedding,
    gamma,
    population_loss,
    predicted,
    random_prompt,
    reduced,
    slope,
)
from proofs_check.catalogue.in_context_polynomials import Polynomial, gaussian, lift, means, nothing

FIXED = "linear-self-attention-fixed"


def _quadratic_form(X, y, x_q):
    """H = X (x) (E E^T / N) / 2 with X = [[0, x_q], [x_q^T, 0]]."""
    d, E = len(x_q), embedding(X, y, x_q)
    cross = blocks(matrix([[0] * d] * d), x_q, x_q, 0)
    return kron(cross, E @ E.T / len(X)) / 2


def _used(W_PV, W_KQ, d):
    """U = [[W11^{KQ}, w21^{PV}], [(w21^{KQ})^T, w22^{PV}]]."""
    return blocks(W_KQ[:d, :d], W_PV[d, :d], W_KQ[d, :d], W_PV[d, d])


@claim(
    "ICL-5.1", paper=PAPER, kind="equality", provenance="text", expect="proved", title="prediction as a quadratic form"
)
def prediction_is_quadratic(
    N: Size(1, 4), d: Size(1, 2), X: Matrix("N", "d"), y: Vector("N"), x_q: Vector("d"),
    W_PV: Matrix("d+1", "d+1"), W_KQ: Matrix("d+1", "d+1"),
):  # fmt: skip
    r"""\hat y = vec(U)^\top H vec(U), H = \frac12 [[0, x_q], [x_q^\top, 0]] \otimes \frac{E E^\top}N, vec by columns"""
    stacked = vec(_used(W_PV, W_KQ, d).T)
    return predicted(X, y, x_q, W_PV, W_KQ), dot(stacked, _quadratic_form(X, y, x_q) @ stacked)


@claim("ICL-5.1-rows", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="vec by rows")
def prediction_is_quadratic_by_rows(
    N: Size(1, 4), d: Size(1, 2), X: Matrix("N", "d"), y: Vector("N"), x_q: Vector("d"),
    W_PV: Matrix("d+1", "d+1"), W_KQ: Matrix("d+1", "d+1"),
):  # fmt: skip
    r"""Lemma 5.1 with vec by rows (false)"""
    stacked = vec(_used(W_PV, W_KQ, d))
    return predicted(X, y, x_q, W_PV, W_KQ), dot(stacked, _quadratic_form(X, y, x_q) @ stacked)


def _random_form(X, w, x_q):
    """`_quadratic_form` of a random noiseless prompt, as polynomials."""
    d = len(x_q)
    E = np.concatenate([np.column_stack([X.T, x_q]), np.append(X @ w, Polynomial({}))[None]])
    corner = [
        [x_q[min(i, j)] if max(i, j) == d and i != j else Polynomial({}) for j in range(d + 1)] for i in range(d + 1)
    ]
    return np.kron(np.array(corner, dtype=object), E @ E.T) * Fraction(1, 2 * len(X))


@claim("ICL-eq-5.3", paper=PAPER, kind="equality", provenance="text", expect="proved", title="(5.2), (5.3): the loss")
def loss_as_a_quartic(N: Size(1, 2), C: Matrix(1, 1), U: Matrix(2, 2)):
    r"""L = \frac12 E(\hat y - \langle w, x_q \rangle)^2 = \frac12 E(vec(U)^\top H vec(U) - \langle w, x_q \rangle)^2,
    by exact moments at d = 1"""
    X, w, x_q = random_prompt(C, N)
    stacked = lift(vec(U.T))
    error = stacked @ _random_form(X, w, x_q) @ stacked - w @ x_q
    return population_loss((U[:1, :1], U[1, 1], U[:1, 1], U[1, :1]), C, N), error.mean(error) / 2


@claim("ICL-nonconvex-det", paper=PAPER, kind="equality", provenance="text", expect="proved", title="spectrum of X")
def characteristic_polynomial(d: Size(1, 4), mu: Scalar(-4, 4), x_q: Vector("d")):
    r"""\det(\mu I - X) = \mu^{d-1} (\mu^2 - \|x_q\|^2) for X = [[0, x_q], [x_q^\top, 0]]: the eigenvalues are \pm
    \|x_q\| and 0, exactly one of them negative where x_q \ne 0"""
    cross = blocks(matrix([[0] * d] * d), x_q, x_q, 0)
    return det(mu * eye(d + 1) - cross), mu ** (d - 1) * (mu**2 - dot(x_q, x_q))


@claim(
    "ICL-nonconvex",
    paper=PAPER,
    kind="equality",
    provenance="derived",
    expect="proved",
    title="negative eigenvalues of H",
)
def count_of_negative_eigenvalues(N: Size(1, 4), d: Size(1, 2), X: Matrix("N", "d"), w: Vector("d"), x_q: Vector("d")):
    r"""\det(E E^\top) = \det(\sum x_i x_i^\top) \langle w, x_q \rangle^2 on noiseless prompts. H = \frac12 X \otimes
    \frac{E E^\top}N has as many negative eigenvalues as E E^\top has positive ones, since X has one negative eigenvalue
    and E E^\top none: d + 1, where this determinant is not 0. So it is almost surely for N \ge d, and never for N <
    d"""
    E = embedding(X, X @ w, x_q)
    return det(E @ E.T), det(X.T @ X) * dot(w, x_q) ** 2


@claim(
    "ICL-nonconvex-short", paper=PAPER, kind="lower", provenance="text", expect="refuted", title="prompts with N < d"
)
def count_for_short_prompts(N: Size(1, 3), d: Size(2, 4), X: Matrix("N", "d"), w: Vector("d"), x_q: Vector("d")):
    r"""H has at least d + 1 negative eigenvalues almost surely also for N < d: \det(E E^\top) \ge \det(\langle x_i, x_j
    \rangle) \langle w, x_q \rangle^2 > 0 (false: E E^\top has rank N + 1 at most, so H has N + 1 of them)"""
    assume(N, "<", d)
    E = embedding(X, X @ w, x_q)
    return det(E @ E.T), det(X @ X.T) * dot(w, x_q) ** 2


@claim(
    "ICL-nonconvex-subspace", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="directions"
)
def negative_directions(
    N: Size(1, 4),
    d: Size(1, 2),
    t: Scalar(-4, 4),
    X: Matrix("N", "d"),
    y: Vector("N"),
    x_q: Vector("d"),
    q: Vector("d+1"),
):
    r"""v^\top H v = -t \|x_q\|^2 \|E^\top q\|^2 / N for v = (x_q, -t) \otimes q: for t > 0 negative on the image of
    E"""
    E = embedding(X, y, x_q)
    p, image = vector([*x_q, -t]), E.T @ q
    v = vec(outer(p, q))
    return dot(v, _quadratic_form(X, y, x_q) @ v), -t * dot(x_q, x_q) * dot(image, image) / N


def _second_moment(C, N):
    """E[S^2], S = (1/N) sum x_i x_i^T, by exact moments."""
    rows = [gaussian(C, f"x{i}") for i in range(N)]
    S = sum((np.outer(x, x) for x in rows[1:]), np.outer(rows[0], rows[0])) * Fraction(1, int(N))
    return means(S @ S)


@claim("ICL-eq-A.7", paper=PAPER, kind="equality", provenance="text", expect="proved", title="(A.7)")
def squared_sample_covariance(d: Size(1, 2), N: Size(1, 3), C: Matrix("d", "d")):
    r"""E[\hat\Sigma^2] = \frac{N+1}N \Lambda^2 + \frac{tr \Lambda}N \Lambda = \Gamma \Lambda"""
    Lambda = C @ C.T
    return _second_moment(C, N), gamma(Lambda, N) @ Lambda


@claim(
    "ICL-eq-A.7-no-trace", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="(A.7), no trace"
)
def squared_sample_covariance_without_trace(d: Size(1, 2), N: Size(1, 3), C: Matrix("d", "d")):
    r"""E[\hat\Sigma^2] = \frac{N+1}N \Lambda^2 (false)"""
    Lambda = C @ C.T
    return _second_moment(C, N), (1 + 1 / N) * Lambda @ Lambda


@claim("ICL-eq-A.3", paper=PAPER, kind="equality", provenance="text", expect="proved", title="(A.3), (A.4)")
def linear_term(d: Size(1, 2), N: Size(1, 2), C: Matrix("d", "d")):
    r"""E[\langle w, x_q \rangle H] = \frac12 [[0, A], [A^\top, 0]] where A stacks V_j + V_j^\top, V_j = [[0, \Lambda
    \Lambda_{:j}], [0, 0]]"""
    X, w, x_q = random_prompt(C, N)
    Lambda = C @ C.T
    zero, size = matrix([[0] * d] * d), d + 1
    stack = [blocks(zero, Lambda @ Lambda[j], Lambda @ Lambda[j], 0) for j in range(d)]
    grid = [[0] * (size * size) for _ in range(size * size)]
    for j, a, b in np.ndindex(d, size, size):
        grid[j * size + a][d * size + b] = grid[d * size + b][j * size + a] = stack[j][a, b] / 2
    return means(_random_form(X, w, x_q), w @ x_q), matrix(grid)


def _field(U, u, Lambda, N):
    """The right side of (5.4): (U11', u')."""
    G = gamma(Lambda, N)
    pull = G @ Lambda @ U @ Lambda
    return u * Lambda @ Lambda - u**2 * pull, trace((Lambda @ Lambda - u * pull) @ U.T)


@claim("ICL-5.2", paper=PAPER, kind="equality", provenance="text", expect="proved", title="(5.4): the flow")
def flow_on_the_slice(
    d: Size(1, 2), N: Size(1, 2), C: Matrix("d", "d"), U: Matrix("d", "d"), u: Scalar(-4, 4),
    D: Matrix("d", "d"), h: Scalar(-4, 4), p: Vector("d"), q: Vector("d"),
):  # fmt: skip
    r"""At u_{12} = u_{21} = 0 the derivative of L along (D, h, p, q) is -\langle D, u \Lambda^2 - u^2 \Gamma \Lambda
    U_{11} \Lambda \rangle - h\, tr[\Lambda^2 U_{11}^\top - u \Gamma \Lambda U_{11} \Lambda U_{11}^\top], whatever p and
    q: this is (5.4), and u_{12}, u_{21} stay 0. By exact moments of the prompt"""
    dU, du = _field(U, u, C @ C.T, N)
    return slope((U, u, nothing(d), nothing(d)), (D, h, p, q), C, N), -trace(D.T @ dU) - h * du


@claim(
    "ICL-5.2-no-trace", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="(5.4), no trace"
)
def flow_without_the_trace(
    d: Size(1, 2), N: Size(1, 2), C: Matrix("d", "d"), U: Matrix("d", "d"), u: Scalar(-4, 4), D: Matrix("d", "d")
):
    r"""(5.4) with (1 + 1/N) \Lambda in the place of \Gamma (false)"""
    Lambda = C @ C.T
    dU = u * Lambda @ Lambda - u**2 * (1 + 1 / N) * Lambda @ Lambda @ U @ Lambda
    return slope((U, u, nothing(d), nothing(d)), (D, 0, nothing(d), nothing(d)), C, N), -trace(D.T @ dU)


@claim("ICL-5.2-derived", paper=PAPER, kind="equality", provenance="text", expect="proved", title="(5.4), derived loss")
def flow_of_the_derived_loss(d: Size(1, 3), N: Size(1, 64), lam: Vector("d"), U: Matrix("d", "d"), u: Scalar(-4, 4)):
    r"""The right side of (5.4) is minus the gradient of the derived reduced loss, in the eigenbasis of \Lambda"""
    dU, du = _field(U, u, diagonal(lam), N)
    rows, in_u = derived_gradient(FIXED, U, fixed_data(lam), {"N": N, "u": u, "trace": sum(lam)})
    zero = vector([0] * d)
    return blocks(-rows, zero, zero, -in_u), blocks(dU, zero, zero, du)


@claim("ICL-A.1", paper=PAPER, kind="equality", provenance="text", expect="proved", title="reduced loss and constant")
def reduced_loss_and_constant(d: Size(1, 2), N: Size(1, 2), C: Matrix("d", "d"), U: Matrix("d", "d"), u: Scalar(-4, 4)):
    r"""L = tr[\frac12 u^2 \Gamma \Lambda U_{11} \Lambda U_{11}^\top - u \Lambda^2 U_{11}^\top] + \frac12 tr(\Lambda) at
    u_{12} = u_{21} = 0, by exact moments of the prompt"""
    Lambda = C @ C.T
    return population_loss((U, u, nothing(d), nothing(d)), C, N), reduced(U, u, Lambda, N) + trace(Lambda) / 2


@claim("ICL-A.1-derived", paper=PAPER, kind="equality", provenance="text", expect="proved", title="(5.5) as derived")
def reduced_loss_as_derived(d: Size(1, 3), N: Size(1, 64), lam: Vector("d"), U: Matrix("d", "d"), u: Scalar(-4, 4)):
    r"""(5.5) in the eigenbasis of \Lambda is the derived formula by rows"""
    value = derived_loss(FIXED, U, fixed_data(lam), {"N": N, "u": u, "trace": sum(lam)})
    return value, reduced(U, u, diagonal(lam), N)


@claim("ICL-A.1-no-constant", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="no constant")
def reduced_loss_without_constant(
    d: Size(1, 2), N: Size(1, 2), C: Matrix("d", "d"), U: Matrix("d", "d"), u: Scalar(-4, 4)
):
    r"""L = \tilde\ell at u_{12} = u_{21} = 0 (false: \frac12 tr(\Lambda) is missing)"""
    return population_loss((U, u, nothing(d), nothing(d)), C, N), reduced(U, u, C @ C.T, N)


def _odd_part(theta, X, w, x_q):
    """w^T S M x_q with M = u U11 + u12 u21^T, the part of a prediction that is odd in w."""
    U11, u, u12, u21 = theta
    M = lift(u * U11 + outer(u12, u21))
    return ((X @ w) @ (X @ (M @ x_q))) * Fraction(1, len(X))


def _even_part(theta, X, w, x_q):
    """u12^T (S + x_q x_q^T / N) U11 x_q + u (w^T S w) (u21^T x_q)."""
    U11, u, u12, u21 = theta
    image, seen, share = lift(U11) @ x_q, X @ w, Fraction(1, len(X))
    first = ((X @ lift(u12)) @ (X @ image) + (lift(u12) @ x_q) * (x_q @ image)) * share
    return first + (seen @ seen) * (lift(u21) @ x_q) * u * share


@claim("ICL-G1-split", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="odd and even part")
def loss_splits(
    d: Size(1, 2),
    N: Size(1, 1),
    C: Matrix("d", "d"),
    U: Matrix("d", "d"),
    u: Scalar(-4, 4),
    u12: Vector("d"),
    u21: Vector("d"),
):
    r"""L = \frac12 E[even^2] + \frac12 E(w^\top \hat\Sigma M x_q - w^\top x_q)^2 with M = u U_{11} + u_{12}
    u_{21}^\top: the parts of \hat y even and odd in w are uncorrelated"""
    theta, (X, w, x_q) = (U, u, u12, u21), random_prompt(C, N)
    odd, even = _odd_part(theta, X, w, x_q) - w @ x_q, _even_part(theta, X, w, x_q)
    return population_loss(theta, C, N), (even.mean(even) + odd.mean(odd)) / 2


@claim("ICL-G1-odd", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="odd part")
def odd_part_is_the_reduced_loss(
    d: Size(1, 2),
    N: Size(1, 2),
    C: Matrix("d", "d"),
    U: Matrix("d", "d"),
    u: Scalar(-4, 4),
    u12: Vector("d"),
    u21: Vector("d"),
):
    r"""\frac12 E(w^\top \hat\Sigma M x_q - w^\top x_q)^2 = \tilde\ell(M, 1) + \frac12 tr(\Lambda)"""
    theta, (X, w, x_q) = (U, u, u12, u21), random_prompt(C, N)
    odd, Lambda = _odd_part(theta, X, w, x_q) - w @ x_q, C @ C.T
    return odd.mean(odd) / 2, reduced(u * U + outer(u12, u21), 1, Lambda, N) + trace(Lambda) / 2
