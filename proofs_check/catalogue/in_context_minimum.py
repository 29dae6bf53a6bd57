r"""Minimum of the reduced and of the whole loss of linear self-attention (2306.09927): Lemma 5.3, Cor A.2, (A.15),
(A.16).

In the eigenbasis of \Lambda = diag(\lambda), \lambda = s^2 entry by entry, so that roots of \Lambda are rational.
"""

from proofs_check import Matrix, Param, Scalar, Size, Vector, assume, claim, constant
from proofs_check.arithmetic import diagonal, dot, eye, minimum, outer, solve, total, trace, vector
from proofs_check.catalogue.in_context_derived import derived_gradient, fixed_data
from proofs_check.catalogue.in_context_landscape import FIXED
from proofs_check.catalogue.in_context_model import PAPER, eigen_gamma, gamma, inverse, population_loss, reduced, slope
from proofs_check.catalogue.sharpening import sharpened


def _least(Lambda, N):
    """-tr[Lambda^2 Gamma^{-1}] / 2."""
    return -trace(solve(gamma(Lambda, N), Lambda @ Lambda)) / 2


@claim("ICL-5.3", paper=PAPER, kind="lower", provenance="text", expect="holds", title="minimum of the reduced loss")
def minimum_of_the_reduced_loss(
    d: Size(1, 4), N: Param(1, 100), C: Matrix("d", "d"), U: Matrix("d", "d"), u: Scalar(-4, 4)
):
    r"""\tilde\ell(U_{11}, u) \ge -\frac12 tr[\Lambda^2 \Gamma^{-1}], \Lambda = C C^\top \ne 0"""
    Lambda = C @ C.T
    assume(trace(Lambda), ">", 0)
    return reduced(U, u, Lambda, N), constant("ICL-5.3") * _least(Lambda, N)


minimum_of_the_reduced_loss_sharp = sharpened(minimum_of_the_reduced_loss)


def _excess(U, u, s, N):
    """(u Lambda^{1/2} U11 Lambda^{1/2} - Lambda Gamma^{-1})."""
    return u * outer(s, s) * U - diagonal(s**2 / eigen_gamma(s**2, N))


def _gap(U, u, s, N):
    """The reduced loss above its minimum."""
    Lambda = diagonal(s**2)
    return reduced(U, u, Lambda, N) - _least(Lambda, N)


@claim("ICL-5.3-gap", paper=PAPER, kind="equality", provenance="text", expect="holds", title="gap as a square")
def gap_as_a_square(
    d: Size(1, 4), N: Size(1, 64), s: Vector("d", low="1/4", high=4), U: Matrix("d", "d"), u: Scalar(-4, 4)
):
    r"""\tilde\ell - \min \tilde\ell = \frac12 \|\Gamma^{1/2} (u \Lambda^{1/2} U_{11} \Lambda^{1/2} - \Lambda
    \Gamma^{-1})\|_F^2"""
    A = _excess(U, u, s, N)
    return _gap(U, u, s, N), trace(A.T @ diagonal(eigen_gamma(s**2, N)) @ A) / 2


@claim("ICL-A.2", paper=PAPER, kind="equality", provenance="text", expect="holds", title="minimisers")
def minimisers(d: Size(1, 4), N: Size(1, 64), C: Matrix("d", "d"), u: Param("1/4", 4)):
    r"""u U_{11} = \Gamma^{-1} \Rightarrow \tilde\ell = -\frac12 tr[\Lambda^2 \Gamma^{-1}], for every split"""
    Lambda = C @ C.T
    assume(trace(Lambda), ">", 0)
    return reduced(inverse(gamma(Lambda, N)) / u, u, Lambda, N), _least(Lambda, N)


@claim("ICL-A.2-only", paper=PAPER, kind="lower", provenance="derived", expect="holds", title="no other minimisers")
def no_other_minimisers(
    d: Size(1, 2), N: Param(1, 100), s: Vector("d", low="1/4", high=4), U: Matrix("d", "d"), u: Scalar(-4, 4)
):
    r"""\tilde\ell - \min \tilde\ell \ge \frac12 \gamma_{min} \lambda_{min}^2 \|u U_{11} - \Gamma^{-1}\|_F^2, which is
    positive unless u U_{11} = \Gamma^{-1}"""
    lam, g = s**2, eigen_gamma(s**2, N)
    distance = total((u * U - diagonal(1 / g)) ** 2)
    return _gap(U, u, s, N), constant("ICL-A.2-only") * minimum(g) * minimum(lam) ** 2 * distance


no_other_minimisers_sharp = sharpened(no_other_minimisers)


def _pulled(U, u, s, N):
    """||Gamma Lambda^{1/2} A Lambda^{1/2}||_F^2 with A = u Lambda^{1/2} U11 Lambda^{1/2} - Lambda Gamma^{-1}."""
    return total((diagonal(eigen_gamma(s**2, N) * s) @ _excess(U, u, s, N) @ diagonal(s)) ** 2)


@claim("ICL-eq-A.15", paper=PAPER, kind="lower", provenance="text", expect="holds", title="(A.15)")
def gradient_from_below(
    d: Size(1, 2), N: Param(1, 100), s: Vector("d", low="1/4", high=4), U: Matrix("d", "d"), u: Scalar(-4, 4)
):
    r"""\|\nabla \tilde\ell\|^2 \ge u^2 \|\Gamma \Lambda^{1/2} A \Lambda^{1/2}\|_F^2, A = u \Lambda^{1/2} U_{11}
    \Lambda^{1/2} - \Lambda \Gamma^{-1}, with the gradient of the derived loss, at every state"""
    rows, in_u = derived_gradient(FIXED, U, fixed_data(s**2), {"N": N, "u": u, "trace": total(s**2)})
    return total(rows**2) + in_u**2, constant("ICL-eq-A.15") * u**2 * _pulled(U, u, s, N)


gradient_from_below_sharp = sharpened(gradient_from_below)


@claim("ICL-eq-A.16", paper=PAPER, kind="upper", provenance="text", expect="holds", title="(A.16)")
def gap_from_above(
    d: Size(1, 2), N: Param(1, 100), s: Vector("d", low="1/4", high=4), U: Matrix("d", "d"), u: Scalar(-4, 4)
):
    r"""\tilde\ell - \min \tilde\ell \le \frac12 \|\Gamma \Lambda^{1/2} A \Lambda^{1/2}\|_F^2 tr(\Gamma^{-1}
    \Lambda^{-1}) tr(\Lambda^{-1}), at every state"""
    lam = s**2
    traces = total(1 / (eigen_gamma(lam, N) * lam)) * total(1 / lam)
    return _gap(U, u, s, N), constant("ICL-eq-A.16") * _pulled(U, u, s, N) * traces


gap_from_above_sharp = sharpened(gap_from_above)


def _form(A, lam):
    """tr(Lambda A Lambda A^T) = sum lambda_i A_ij^2 lambda_j."""
    return dot(lam, (A * A) @ lam)


def _even_square(U, u, a, b, lam, N):
    """E[even^2] with a = u12, b = u21; given S and w, even = c^T x + (a^T x)(x^T U x)/N, c = U^T S a + u (w^T S w)
    b."""
    t, tau, La = total(lam), sum(lam[i] * U[i, i] for i in range(len(lam))), lam * a
    seen, image = U.T @ La, (U @ La + U.T @ La) / 2
    square = 2 * dot(eigen_gamma(lam, N), lam) + t**2 + 2 * dot(lam, lam) / N  # E[(w^T S w)^2]
    first = (1 + 1 / N) * dot(lam * seen, seen) + _form(U, lam) * dot(a, La) / N
    first = first + 2 * u * dot((t + 2 * lam / N) * La, U @ (lam * b)) + u**2 * square * dot(b, lam * b)
    second = 2 * dot(seen + u * t * b, 2 * lam * image + tau * La) / N
    sixth = dot(a, La) * (2 * _form((U + U.T) / 2, lam) + tau**2) + 4 * tau * dot(La, image)
    return first + second + (sixth + 8 * dot(lam * image, image)) / N**2


def _whole_loss(U, u, u12, u21, lam, N):
    """L in closed form: the reduced loss of M = u U11 + u12 u21^T, its constant, and half of E[even^2]."""
    M = u * U + outer(u12, u21)
    linear = sum(lam[i] ** 2 * M[i, i] for i in range(len(lam)))
    odd = dot(eigen_gamma(lam, N) * lam, (M * M) @ lam) / 2 - linear + total(lam) / 2
    return odd + _even_square(U, u, u12, u21, lam, N) / 2


def _least_loss(lam, N):
    """The minimum of L, [tr Lambda - tr(Lambda^2 Gamma^{-1})] / 2."""
    return (total(lam) - total(lam**2 / eigen_gamma(lam, N))) / 2


@claim("ICL-G1-loss", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="the whole loss")
def loss_over_all_parameters(
    d: Size(1, 2),
    N: Size(1, 2),
    s: Vector("d"),
    U: Matrix("d", "d"),
    u: Scalar(-4, 4),
    u12: Vector("d"),
    u21: Vector("d"),
):
    r"""L(\theta) in closed form over all parameters, E[even^2] by Isserlis' theorem, against the exact moments of the
    prompt; \Lambda = diag(s^2)"""
    return population_loss((U, u, u12, u21), diagonal(s), N), _whole_loss(U, u, u12, u21, s**2, N)


@claim("ICL-G1", paper=PAPER, kind="lower", provenance="derived", expect="holds", title="minimum over all parameters")
def minimum_over_all_parameters(
    d: Size(1, 2), N: Param(1, 100), lam: Vector("d", low="1/10", high=10),
    U: Matrix("d", "d"), u: Scalar(-4, 4), u12: Vector("d"), u21: Vector("d"),
):  # fmt: skip
    r"""L(\theta) \ge \frac12 [tr \Lambda - tr(\Lambda^2 \Gamma^{-1})] for all \theta, u_{12} and u_{21} included, in
    the eigenbasis of \Lambda: the limit of Theorem 4.1 is a global minimum. L as in ICL-G1-loss"""
    return _whole_loss(U, u, u12, u21, lam, N), constant("ICL-G1") * _least_loss(lam, N)


minimum_over_all_parameters_sharp = sharpened(minimum_over_all_parameters)


def _random_parts(L, p, M, N):
    """Of the loss with the rows of L as covariances: xi, eta, and sum_{i != j} zeta_ij M_ij^2."""
    xi, eta, off = 0, 0, 0
    for lam, weight in zip(L, p, strict=True):
        zeta = outer(eigen_gamma(lam, N) * lam, lam)
        own = sum(zeta[i, i] * M[i, i] ** 2 for i in range(len(lam)))
        xi, eta = lam**2 * weight + xi, eigen_gamma(lam, N) * lam**2 * weight + eta
        off = (total(zeta * M * M) - own) * weight + off
    return xi, eta, off


@claim("ICL-G1-random", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="random covariances")
def gap_over_all_parameters(
    T: Size(1, 3), d: Size(1, 2), N: Size(1, 16), L: Matrix("T", "d", low="1/10", high=4), p: Vector("T", simplex=True),
    U: Matrix("d", "d"), u: Scalar(-4, 4), u12: Vector("d"), u21: Vector("d"),
):  # fmt: skip
    r"""L(\theta) = \frac12 [tr E[\Lambda_\tau] - \sum \xi_i^2 / \eta_i] + \frac12 E[even^2] + \frac12 \sum \eta_i
    (M_{ii} - \xi_i / \eta_i)^2 + \frac12 \sum_{i \ne j} \zeta_{ij} M_{ij}^2 for random diagonal covariances, M = u
    U_{11} + u_{12} u_{21}^\top: three squares above the limit of Theorem 4.5, a global minimum over all \theta"""
    M = u * U + outer(u12, u21)
    xi, eta, off = _random_parts(L, p, M, N)
    laws = list(zip(L, p, strict=True))
    loss = sum(_whole_loss(U, u, u12, u21, lam, N) * weight for lam, weight in laws)
    rest = sum((total(lam) + _even_square(U, u, u12, u21, lam, N)) * weight for lam, weight in laws)
    squares = sum(eta[i] * (M[i, i] - xi[i] / eta[i]) ** 2 for i in range(d))
    return loss, (rest - total(xi**2 / eta) + squares + off) / 2


@claim("ICL-G1-attained", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="minimum attained")
def minimum_is_attained(d: Size(1, 2), N: Size(1, 2), C: Matrix("d", "d"), u: Param("1/4", 4)):
    r"""L(\theta_*) = \frac12 [tr \Lambda - tr(\Lambda^2 \Gamma^{-1})] at u U_{11} = \Gamma^{-1}, u_{12} = u_{21} = 0"""
    Lambda = C @ C.T
    assume(trace(Lambda), ">", 0)
    zero = 0 * eye(d)[0]
    theta = (inverse(gamma(Lambda, N)) / u, u, zero, zero)
    return population_loss(theta, C, N), trace(Lambda) / 2 + _least(Lambda, N)


def _rank_one(lam, N, t):
    """u12 = t e_1, u21 = e_1/(t gamma_1), U11 = 0, u = 0: M = u12 u21^T is Gamma^{-1} in the first direction only."""
    d, g = len(lam), eigen_gamma(lam, N)
    axis = vector([1] + [0] * (d - 1))
    return diagonal(0 * lam), 0, t * axis, axis / (t * g[0])


@claim("ICL-G3", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="spurious critical points")
def rank_one_points_are_critical(
    d: Size(1, 2), N: Size(1, 2), s: Vector("d", low="1/4", high=4), t: Scalar("1/4", 4),
    D: Matrix("d", "d"), h: Scalar(-4, 4), p: Vector("d"), q: Vector("d"),
):  # fmt: skip
    r"""At U_{11} = 0, u = 0, u_{12} u_{21}^\top = e_1 e_1^\top / \gamma_1 dL = 0: L + dL = L for
    the derivative dL in every direction (D, h, p, q), \Lambda = diag(s^2). By exact moments of the prompt"""
    theta = _rank_one(s**2, N, t)
    loss = _whole_loss(*theta, s**2, N)
    return loss + slope(theta, (D, h, p, q), diagonal(s), N), loss


@claim(
    "ICL-G3-gap", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="height of spurious points"
)
def height_of_rank_one_points(
    d: Size(1, 3), N: Size(1, 16), lam: Vector("d", low="1/10", high=10), t: Scalar("1/4", 4)
):
    r"""L is \frac12 \sum_{i > 1} \lambda_i^2 / \gamma_i above its minimum at the points of ICL-G3: not minimal for d
    \ge 2, minimal for d = 1"""
    terms = lam**2 / eigen_gamma(lam, N)
    above = _whole_loss(*_rank_one(lam, N, t), lam, N) - _least_loss(lam, N)
    return above, (total(terms) - terms[0]) / 2
