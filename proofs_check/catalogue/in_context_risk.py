r"""Theorem 4.2 of 2306.09927 by exact moments, and the steps of its proof.

The left sides are expectations of polynomials in Gaussian letters, computed without the theorem; x = C g and \Lambda =
C C^\top. Examples carry labels of one law: linear, noisy, cubic in <b, x>, or 1 + sign <b, x>.
"""

from proofs_check import Matrix, Scalar, Size, Vector, assume, claim
from proofs_check.arithmetic import det, diagonal, eye, matrix, outer, solve, trace, vector
from proofs_check.catalogue.in_context_model import (
    PAPER,
    averaged_risk,
    gamma,
    inverse,
    moments,
    noiseless_risk,
    quadratic,
    theorem,
    whitened_prediction,
)
from proofs_check.catalogue.in_context_polynomials import lift, means, normal, sign_of


def _linear(name, beta, s):
    """Coordinates g of an example and its label <beta, g> + s e."""
    g, e = normal(name, len(beta)), normal(f"noise of {name}", 1)
    return g, lift(beta) @ g + e[0] * s


def _cubic(name, beta):
    """Coordinates g of an example and its label <beta, g>^3."""
    g = normal(name, len(beta))
    s = lift(beta) @ g
    return g, s * s * s


def _sign(name, d):
    """Coordinates g of an example and its label 1 + sign(g_1)."""
    return normal(name, d), sign_of(name) + 1


def _error(law, T, M):
    """Prediction minus the query's label, with M examples of a law (a function of a name)."""
    x_q, y_q = law("q")
    return whitened_prediction(T, [law(f"x{i}") for i in range(M)], x_q) - y_q


def _both(law, C, N, M, kappa=None):
    """The risk by exact moments of the whole prompt, and the formula of Theorem 4.2 from moments of one example."""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    error = _error(law, C.T @ solve(gamma(Lambda, N), C), M)
    return error.mean(error, kappa), theorem(Lambda, N, M, *moments(*law("x"), C, kappa))


@claim("ICL-4.2-linear", paper=PAPER, kind="equality", provenance="text", expect="holds", title="risk, linear labels")
def risk_of_linear_labels(
    d: Size(1, 2), N: Size(1, 6), M: Size(1, 3), C: Matrix("d", "d"), w: Vector("d"), s: Scalar(0, 4)
):
    r"""E(\hat y - y_q)^2 = \min_w E(\langle w, x \rangle - y)^2 + \frac1M tr[\Sigma \Gamma^{-2} \Lambda] + \frac1{N^2}
    [ \|a\|^2_{\Gamma^{-2} \Lambda^3} + 2 tr(\Lambda) \|a\|^2_{\Gamma^{-2} \Lambda^2} + tr(\Lambda)^2
    \|a\|^2_{\Gamma^{-2} \Lambda}], y = \langle w, x \rangle + s e (s = 0: noiseless)"""
    return _both(lambda name: _linear(name, C.T @ w, s), C, N, M)


@claim("ICL-4.2-cubic", paper=PAPER, kind="equality", provenance="text", expect="holds", title="risk, cubic labels")
def risk_of_cubic_labels(d: Size(1, 2), N: Size(1, 6), M: Size(1, 2), C: Matrix("d", "d"), b: Vector("d")):
    r"""Theorem 4.2 for y = \langle b, x \rangle^3"""
    return _both(lambda name: _cubic(name, C.T @ b), C, N, M)


@claim("ICL-4.2-sign", paper=PAPER, kind="equality", provenance="text", expect="holds", title="risk, sign labels")
def risk_of_sign_labels(d: Size(1, 2), N: Size(1, 6), M: Size(1, 3), C: Matrix("d", "d"), kappa: Scalar("1/10", 1)):
    r"""Theorem 4.2 for y = 1 + sign \langle b, x \rangle, where C^\top b is along the first axis, which is no loss of
    generality. E|g| enters as \kappa: the identity holds for every value of it, so for \sqrt{2/\pi}"""
    return _both(lambda name: _sign(name, d), C, N, M, kappa)


@claim("ICL-4.2-predictor", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="any predictor")
def risk_of_any_predictor(
    d: Size(1, 2), M: Size(1, 3), C: Matrix("d", "d"), P: Matrix("d", "d"), w: Vector("d"), s: Scalar(0, 4)
):
    r"""E(x_q^\top P \frac1M \sum y_i x_i - y_q)^2 = s^2 + \frac1M tr[\Sigma P^\top \Lambda P] + \|P \Lambda w -
    w\|^2_\Lambda for every P, y = \langle w, x \rangle + s e, \Sigma = (\|w\|^2_\Lambda + s^2) \Lambda + \Lambda w
    w^\top \Lambda"""
    Lambda = C @ C.T
    error = _error(lambda name: _linear(name, C.T @ w, s), C.T @ P @ C, M)
    Sigma = (quadratic(w, Lambda) + s**2) * Lambda + Lambda @ outer(w, w) @ Lambda
    off = P @ (Lambda @ w) - w
    return error.mean(error), s**2 + trace(Sigma @ P.T @ Lambda @ P) / M + quadratic(off, Lambda)


def _altered(C, w, N, M, G=None, two=2, centered=True):
    """Both sides for linear labels with one ingredient of the formula changed."""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    law = lambda name: _linear(name, C.T @ w, 0)  # noqa: E731 - a law is a function of a name
    error = _error(law, C.T @ solve(G if G is not None else gamma(Lambda, N), C), M)
    a, Sigma, best = moments(*law("x"), C)
    second = Sigma if centered else Sigma + outer(Lambda @ a, Lambda @ a)
    return error.mean(error), theorem(Lambda, N, M, a, second, best, two)


@claim("ICL-4.2-no-two", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="factor dropped")
def risk_without_the_two(d: Size(1, 2), N: Size(1, 6), M: Size(1, 2), C: Matrix("d", "d"), w: Vector("d")):
    r"""Theorem 4.2 with tr(\Lambda) \|a\|^2_{\Gamma^{-2} \Lambda^2} in the place of twice that (false)"""
    return _altered(C, w, N, M, two=1)


@claim("ICL-4.2-no-trace", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="no trace")
def risk_without_the_trace(d: Size(1, 2), N: Size(1, 6), M: Size(1, 2), C: Matrix("d", "d"), w: Vector("d")):
    r"""Theorem 4.2 for the predictor of \Gamma = (1 + 1/N) \Lambda (false: the term tr(\Lambda) I / N belongs to it)"""
    return _altered(C, w, N, M, G=(1 + 1 / N) * (C @ C.T))


@claim("ICL-4.2-raw", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="raw moment")
def risk_with_the_raw_moment(d: Size(1, 2), N: Size(1, 6), M: Size(1, 2), C: Matrix("d", "d"), w: Vector("d")):
    r"""Theorem 4.2 with \Sigma = E[y^2 x x^\top] in the place of Cov(xy) (false)"""
    return _altered(C, w, N, M, centered=False)


def _moment_sides(found, stated):
    """(a, Sigma, best) by exact moments and as stated, as one matrix each."""
    rows = [[*a, *[x for row in Sigma for x in row], best] for a, Sigma, best in (found, stated)]
    return matrix([rows[0]]), matrix([rows[1]])


@claim("ICL-4.2-moments-linear", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="moments")
def moments_of_linear_labels(d: Size(1, 3), C: Matrix("d", "d"), w: Vector("d"), s: Scalar(0, 4)):
    r"""y = \langle w, x \rangle + s e: a = w, \Sigma = \|w\|^2_\Lambda \Lambda + \Lambda w w^\top \Lambda + s^2
    \Lambda, best error s^2"""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    Sigma = (quadratic(w, Lambda) + s**2) * Lambda + Lambda @ outer(w, w) @ Lambda
    return _moment_sides(moments(*_linear("x", C.T @ w, s), C), (w, Sigma, s**2))


@claim("ICL-4.2-moments-cubic", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="moments")
def moments_of_cubic_labels(d: Size(1, 3), C: Matrix("d", "d"), b: Vector("d")):
    r"""y = \langle b, x \rangle^3, v = b^\top \Lambda b: a = 3 v b, \Sigma = 15 v^3 \Lambda + 81 v^2 \Lambda b b^\top
    \Lambda, best error 6 v^3"""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    v = quadratic(b, Lambda)
    Sigma = 15 * v**3 * Lambda + 81 * v**2 * (Lambda @ outer(b, b) @ Lambda)
    return _moment_sides(moments(*_cubic("x", C.T @ b), C), (3 * v * b, Sigma, 6 * v**3))


@claim("ICL-4.2-moments-sign", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="moments")
def moments_of_sign_labels(d: Size(1, 3), C: Matrix("d", "d"), t: Scalar("1/4", 4), kappa: Scalar("1/10", 1)):
    r"""y = 1 + sign \langle b, x \rangle, v = b^\top \Lambda b: a = \kappa v^{-1/2} b with \kappa = E|g| =
    \sqrt{2/\pi}, \Sigma = 2 \Lambda - \Lambda a a^\top \Lambda, best error 2 - \|a\|^2_\Lambda. b = t C^{-\top} e_1, so
    \sqrt v = t; as identities in \kappa"""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    a = kappa / t * solve(C.T, t * vector([1] + [0] * (d - 1)))
    stated = (a, 2 * Lambda - outer(Lambda @ a, Lambda @ a), 2 - quadratic(a, Lambda))
    return _moment_sides(moments(*_sign("x", d), C, kappa), stated)


def _parts(C, b, N, M):
    """Of prediction - y_q with cubic labels: (a.x - y), (b.x - a.x) and (prediction - b.x), b = Gamma^{-1} E[xy]; a,
    b."""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    law = lambda name: _cubic(name, C.T @ b)  # noqa: E731 - a law is a function of a name
    G = gamma(Lambda, N)
    a, Sigma, _ = moments(*law("x"), C)
    limit = solve(G, Lambda @ a)
    x_q, y_q = law("q")
    prediction = whitened_prediction(C.T @ solve(G, C), [law(f"x{i}") for i in range(M)], x_q)
    best, mean = lift(C.T @ a) @ x_q, lift(C.T @ limit) @ x_q
    return (best - y_q, mean - best, prediction - mean), (a, limit, Sigma)


@claim("ICL-4.2-cross", paper=PAPER, kind="equality", provenance="text", expect="holds", title="terms IV, V, VI")
def cross_terms_vanish(d: Size(1, 2), N: Size(1, 6), M: Size(1, 2), C: Matrix("d", "d"), b: Vector("d")):
    r"""The three parts \langle a, x_q \rangle - y_q, \langle b - a, x_q \rangle and \hat y - \langle b, x_q \rangle of
    the error are uncorrelated (the cross terms IV, V, VI are 0): the mean square of a sum of two is the sum of their
    mean squares, for cubic labels"""
    parts, _ = _parts(C, b, N, M)
    squares = [part.mean(part) for part in parts]
    sums = [(parts[i] + parts[j], squares[i] + squares[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    return vector([both.mean(both) for both, _ in sums]), vector([apart for _, apart in sums])


@claim("ICL-4.2-II", paper=PAPER, kind="equality", provenance="text", expect="holds", title="term II")
def term_of_the_variance(d: Size(1, 2), N: Size(1, 6), M: Size(1, 2), C: Matrix("d", "d"), b: Vector("d")):
    r"""E(\hat y - \langle b, x_q \rangle)^2 = \frac1M tr[\Sigma \Gamma^{-2} \Lambda], b = \Gamma^{-1} E[xy], for cubic
    labels"""
    (_, _, third), (_, _, Sigma) = _parts(C, b, N, M)
    G, Lambda = gamma(C @ C.T, N), C @ C.T
    return third.mean(third), trace(Sigma @ solve(G, solve(G, Lambda))) / M


@claim("ICL-4.2-III", paper=PAPER, kind="equality", provenance="text", expect="holds", title="term III")
def term_of_the_bias(d: Size(1, 3), N: Size(1, 6), C: Matrix("d", "d"), a: Vector("d")):
    r"""E \langle b - a, x_q \rangle^2 = \frac1{N^2} tr[(I + tr(\Lambda) \Lambda^{-1})^2 \Gamma^{-2} \Lambda^3 a
    a^\top], b = \Gamma^{-1} \Lambda a"""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    G = gamma(Lambda, N)
    off = lift(C.T @ (solve(G, Lambda @ a) - a)) @ normal("q", d)
    J = eye(d) + trace(Lambda) * inverse(Lambda)
    weight = J @ J @ solve(G, solve(G, Lambda @ Lambda @ Lambda))
    return off.mean(off), trace(weight @ outer(a, a)) / N**2


@claim("ICL-noiseless-sigma", paper=PAPER, kind="equality", provenance="text", expect="proved", title="Cov(xy)")
def noiseless_covariance(d: Size(1, 2), C: Matrix("d", "d"), w: Vector("d")):
    r"""Cov(xy) = \|w\|^2_\Lambda \Lambda + \Lambda w w^\top \Lambda for y = \langle w, x \rangle"""
    g, y = _linear("x", C.T @ w, 0)
    Lambda, first = C @ C.T, C @ means(g, y)
    second = C @ means(g[:, None] * g[None, :] * (y * y)) @ C.T
    return second - outer(first, first), quadratic(w, Lambda) * Lambda + Lambda @ outer(w, w) @ Lambda


@claim("ICL-noiseless", paper=PAPER, kind="equality", provenance="text", expect="holds", title="noiseless risk")
def noiseless_identity(
    d: Size(1, 3), N: Size(1, 6), M: Size(1, 2), root: Vector("d", low="1/4", high=4), w: Vector("d")
):
    r"""E(\hat y - \langle w, x_q \rangle)^2 = \frac1M \{\|w\|^2_{\Gamma^{-2} \Lambda^3} + tr(\Gamma^{-2} \Lambda^2)
    \|w\|^2_\Lambda\} + \frac1{N^2} \{\ldots\}, \Lambda = diag(root^2)"""
    lam = root * root
    C = diagonal(root)
    error = _error(lambda name: _linear(name, root * w, 0), C @ solve(gamma(diagonal(lam), N), C), M)
    return error.mean(error), noiseless_risk(lam, w, N, M)


@claim("ICL-averaged", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="risk averaged over w")
def averaged_identity(d: Size(1, 2), N: Size(1, 6), M: Size(1, 2), root: Vector("d", low="1/4", high=4)):
    r"""The noiseless risk in the mean over w \sim N(0, I): w w^\top becomes I"""
    lam = root * root
    C = diagonal(root)
    w = lift(C) @ normal("w", d)
    law = lambda name: (normal(name, d), w @ normal(name, d))  # noqa: E731 - a law is a function of a name
    error = _error(law, C @ solve(gamma(diagonal(lam), N), C), M)
    return error.mean(error), averaged_risk(lam, N, M)
