r"""Random covariances in 2306.09927: Lemmas C.1, C.3, C.4, Corollary C.2, (4.13), and the displays to be decided.

Expectations over \Lambda_\tau are over finitely many covariances with weights p. The identities are linear in the
moments of \Lambda_\tau, so they then hold for every law with the moments. Diagonal covariances are the rows of L.
"""

from proofs_check import Matrix, Param, Scalar, Size, Vector, assume, claim, constant
from proofs_check.arithmetic import det, diagonal, dot, eye, kron, matrix, outer, solve, sqrt, total, trace, vector
from proofs_check.catalogue.in_context_derived import derived_gradient, derived_loss
from proofs_check.catalogue.in_context_model import (
    PAPER,
    blocks,
    gamma,
    last_corner,
    padded,
    population_loss,
    predicted,
    quadratic,
    reduced,
    slope,
    whitened_prediction,
)
from proofs_check.catalogue.in_context_polynomials import exponential, lift, normal, nothing
from proofs_check.catalogue.sharpening import sharpened

RANDOM = "linear-self-attention-random"


def _mean(L, p, f):
    """E f(lambda) over the rows of L with weights p."""
    return sum(f(row) * weight for row, weight in zip(L, p, strict=True))


def _flow(covariances, p, U, u, N):
    """The right side of Lemma C.1 for covariances with weights p: (U11', u')."""
    pull, square = 0, 0
    for Lambda, weight in zip(covariances, p, strict=True):
        pull = gamma(Lambda, N) @ Lambda @ U @ Lambda * weight + pull
        square = Lambda @ Lambda * weight + square
    return u * square - u**2 * pull, trace((square - u * pull) @ U.T)


@claim("ICL-C.1", paper=PAPER, kind="equality", provenance="text", expect="proved", title="flow, random covariances")
def flow_of_random_covariances(
    d: Size(1, 2), N: Size(2, 2), p: Scalar(0, 1), C: Matrix("d", "d"), K: Matrix("d", "d"), U: Matrix("d", "d"),
    u: Scalar(-4, 4), D: Matrix("d", "d"), h: Scalar(-4, 4), q: Vector("d"), r: Vector("d"),
):  # fmt: skip
    r"""At u_{12} = u_{21} = 0 and for \Lambda_\tau = C C^\top or K K^\top with probabilities p, 1 - p, of any
    directions, and N = 2: the derivative of L along (D, h, q, r) is -\langle D, U_{11}' \rangle - h u', whatever q and
    r, so u_{12} and u_{21} stay 0; U_{11}' = -u^2 E[\Gamma_\tau \Lambda_\tau U_{11} \Lambda_\tau] + u E[\Lambda_\tau^2], u' = -u\, tr E[\Gamma_\tau \Lambda_\tau
    U_{11} \Lambda_\tau U_{11}^\top] + tr(E[\Lambda_\tau^2] U_{11}^\top)"""
    weights = vector([p, 1 - p])
    slopes = [slope((U, u, nothing(d), nothing(d)), (D, h, q, r), root, N) for root in (C, K)]
    dU, du = _flow([C @ C.T, K @ K.T], weights, U, u, N)
    return dot(weights, vector(slopes)), -trace(D.T @ dU) - h * du


def _eta(L, p, N):
    """eta_i = E[(N+1)/N lambda_i^3 + lambda_i^2 tr(Lambda)/N]."""
    return _mean(L, p, lambda lam: (1 + 1 / N) * lam**3 + lam**2 * total(lam) / N)


def _xi(L, p):
    """xi_i = E[lambda_i^2]."""
    return _mean(L, p, lambda lam: lam**2)


def _zeta(L, p, N):
    """zeta_ij = E[(N+1)/N lambda_i^2 lambda_j + lambda_i lambda_j tr(Lambda)/N]."""
    return _mean(L, p, lambda lam: (1 + 1 / N) * outer(lam**2, lam) + outer(lam, lam) * total(lam) / N)


def _scalar_flow(U, u, eta, xi, zeta):
    """(C.4): (u_ij', u'); eta_i is zeta_ii."""
    d = len(U)
    cells = [
        [-eta[i] * u**2 * U[i, i] + xi[i] * u if i == j else -zeta[i, j] * u**2 * U[i, j] for j in range(d)]
        for i in range(d)
    ]
    diagonal_part = sum(xi[i] * U[i, i] - eta[i] * u * U[i, i] ** 2 for i in range(d))
    return matrix(cells), diagonal_part - u * sum(
        zeta[i, j] * U[i, j] ** 2 for i in range(d) for j in range(d) if i != j
    )


def _bordered(parts):
    """A matrix and a number as one matrix."""
    U, u = parts
    zero = vector([0] * len(U))
    return blocks(U, zero, zero, u)


@claim("ICL-C.2", paper=PAPER, kind="equality", provenance="text", expect="proved", title="(C.4): flow of the entries")
def flow_of_the_entries(
    T: Size(1, 3), d: Size(1, 2), N: Size(1, 64),
    L: Matrix("T", "d"), p: Vector("T", simplex=True), U: Matrix("d", "d"), u: Scalar(-4, 4),
):  # fmt: skip
    r"""u_{ii}' = -\eta_i u^2 u_{ii} + \xi_i u, u_{ij}' = -\zeta_{ij} u^2 u_{ij}, u' = -\sum \eta_i u u_{ii}^2 - \sum_{i
    \ne j} \zeta_{ij} u u_{ij}^2 + \sum \xi_i u_{ii} is Lemma C.1 for diagonal covariances"""
    stated = _scalar_flow(U, u, _eta(L, p, N), _xi(L, p), _zeta(L, p, N))
    return _bordered(_flow([diagonal(row) for row in L], p, U, u, N)), _bordered(stated)


@claim("ICL-C.2-swapped", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="zeta transposed")
def flow_of_the_entries_swapped(
    T: Size(1, 3), d: Size(1, 2), N: Size(1, 64),
    L: Matrix("T", "d", low="1/10", high=4), p: Vector("T", simplex=True), U: Matrix("d", "d"), u: Scalar(-4, 4),
):  # fmt: skip
    r"""(C.4) with \zeta_{ji} in the place of \zeta_{ij} (false)"""
    stated = _scalar_flow(U, u, _eta(L, p, N), _xi(L, p), _zeta(L, p, N).T)
    return _bordered(_flow([diagonal(row) for row in L], p, U, u, N)), _bordered(stated)


def _rows(L, p):
    """The data of the derived loss: E lambda_i^2 lambda_j, E lambda_i lambda_j tr(Lambda), 1{i = j} E lambda_i^2."""
    return {
        "cubic": _mean(L, p, lambda lam: outer(lam**2, lam)),
        "mixed": _mean(L, p, lambda lam: outer(lam, lam) * total(lam)),
        "square": diagonal(_xi(L, p)),
    }


@claim("ICL-C.2-derived", paper=PAPER, kind="equality", provenance="text", expect="proved", title="(C.4), derived loss")
def flow_of_the_derived_loss(
    T: Size(1, 3), d: Size(1, 2), N: Size(1, 64),
    L: Matrix("T", "d"), p: Vector("T", simplex=True), U: Matrix("d", "d"), u: Scalar(-4, 4),
):  # fmt: skip
    r"""(C.4) is minus the gradient of the derived loss of random covariances: Lemma C.3's flow"""
    rows, in_u = derived_gradient(RANDOM, U, _rows(L, p), {"N": N, "u": u})
    return _bordered((-rows, -in_u)), _bordered(_scalar_flow(U, u, _eta(L, p, N), _xi(L, p), _zeta(L, p, N)))


def _random_loss(U, u, eta, xi, zeta):
    """(C.5)."""
    d = len(U)
    square = sum(eta[i] * U[i, i] ** 2 for i in range(d))
    square = square + sum(zeta[i, j] * U[i, j] ** 2 for i in range(d) for j in range(d) if i != j)
    return u**2 * square / 2 - u * sum(xi[i] * U[i, i] for i in range(d))


@claim("ICL-C.3", paper=PAPER, kind="equality", provenance="text", expect="proved", title="(C.5): reduced loss")
def random_reduced_loss(
    T: Size(1, 3), d: Size(1, 2), N: Size(1, 64),
    L: Matrix("T", "d"), p: Vector("T", simplex=True), U: Matrix("d", "d"), u: Scalar(-4, 4),
):  # fmt: skip
    r"""\ell_{rdm} = \frac12 \sum \eta_i u^2 u_{ii}^2 + \frac12 \sum_{i \ne j} \zeta_{ij} u^2 u_{ij}^2 - \sum \xi_i
    u_{ii} u = E tr[\frac12 u^2 \Gamma_\tau \Lambda_\tau U_{11} \Lambda_\tau U_{11}^\top - u \Lambda_\tau^2
    U_{11}^\top]"""
    trace_form = _mean(L, p, lambda lam: reduced(U, u, diagonal(lam), N))
    return _random_loss(U, u, _eta(L, p, N), _xi(L, p), _zeta(L, p, N)), trace_form


@claim("ICL-C.3-derived", paper=PAPER, kind="equality", provenance="text", expect="proved", title="(C.5) as derived")
def random_reduced_loss_as_derived(
    T: Size(1, 3), d: Size(1, 2), N: Size(1, 64),
    L: Matrix("T", "d"), p: Vector("T", simplex=True), U: Matrix("d", "d"), u: Scalar(-4, 4),
):  # fmt: skip
    r"""(C.5) is the derived formula by rows"""
    value = derived_loss(RANDOM, U, _rows(L, p), {"N": N, "u": u})
    return value, _random_loss(U, u, _eta(L, p, N), _xi(L, p), _zeta(L, p, N))


@claim("ICL-C.3-loss", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="constant of (C.5)")
def random_reduced_loss_and_constant(
    T: Size(1, 2),
    d: Size(1, 2),
    N: Size(1, 2),
    S: Matrix("T", "d"),
    p: Vector("T", simplex=True),
    U: Matrix("d", "d"),
    u: Scalar(-4, 4),
):
    r"""L = \ell_{rdm} + \frac12 tr E[\Lambda_\tau] at u_{12} = u_{21} = 0, by exact moments of the prompt;
    \lambda = s^2 for a row s of S"""
    loss = _mean(S, p, lambda s: population_loss((U, u, nothing(d), nothing(d)), diagonal(s), N))
    L = matrix([row**2 for row in S])
    reduced_loss = _random_loss(U, u, _eta(L, p, N), _xi(L, p), _zeta(L, p, N))
    return loss, reduced_loss + _mean(L, p, total) / 2


@claim("ICL-C.4", paper=PAPER, kind="lower", provenance="text", expect="holds", title="minimum of (C.5)")
def random_minimum(
    T: Size(1, 3), d: Size(1, 3), N: Param(1, 100),
    L: Matrix("T", "d", low="1/10", high=4), p: Vector("T", simplex=True), U: Matrix("d", "d"), u: Scalar(-4, 4),
):  # fmt: skip
    r"""\ell_{rdm} \ge -\frac12 \sum \xi_i^2 / \eta_i"""
    eta, xi = _eta(L, p, N), _xi(L, p)
    return _random_loss(U, u, eta, xi, _zeta(L, p, N)), -constant("ICL-C.4") * total(xi**2 / eta)


random_minimum_sharp = sharpened(random_minimum)


@claim("ICL-C.4-gap", paper=PAPER, kind="equality", provenance="text", expect="holds", title="gap of (C.5)")
def random_gap(
    T: Size(1, 3), d: Size(1, 3), N: Size(1, 64),
    L: Matrix("T", "d", low="1/10", high=4), p: Vector("T", simplex=True), U: Matrix("d", "d"), u: Scalar(-4, 4),
):  # fmt: skip
    r"""\ell_{rdm} - \min = \frac12 \sum \eta_i (u_{ii} u - \xi_i / \eta_i)^2 + \frac12 \sum_{i \ne j} \zeta_{ij} u^2
    u_{ij}^2: the minima are u u_{ij} = 1\{i = j\} \xi_i / \eta_i"""
    eta, xi, zeta = _eta(L, p, N), _xi(L, p), _zeta(L, p, N)
    off = sum(zeta[i, j] * U[i, j] ** 2 for i in range(d) for j in range(d) if i != j)
    squares = total(eta * (u * vector([U[i, i] for i in range(d)]) - xi / eta) ** 2) + u**2 * off
    return _random_loss(U, u, eta, xi, zeta) + total(xi**2 / eta) / 2, squares / 2


def _A(L, p, N):
    """[E Gamma Lambda^2]^{-1} E[Lambda^2] by its definition."""
    square = _mean(L, p, lambda lam: diagonal(lam) @ diagonal(lam))
    return solve(_mean(L, p, lambda lam: gamma(diagonal(lam), N) @ diagonal(lam) @ diagonal(lam)), square)


@claim("ICL-C.4-A", paper=PAPER, kind="equality", provenance="text", expect="holds", title="A of Theorem 4.5")
def limit_is_diagonal(
    T: Size(1, 3), d: Size(1, 3), N: Size(1, 64), L: Matrix("T", "d", low="1/10", high=4), p: Vector("T", simplex=True)
):
    r"""[E \Gamma_\tau \Lambda_\tau^2]^{-1} E[\Lambda_\tau^2] = diag(\xi_i / \eta_i)"""
    return _A(L, p, N), diagonal(_xi(L, p) / _eta(L, p, N))


@claim("ICL-eq-4.13", paper=PAPER, kind="equality", provenance="text", expect="holds", title="(4.13), a prompt")
def prediction_of_random_training(
    T: Size(1, 3), d: Size(1, 2), N: Size(1, 16), M: Size(1, 4), u: Param("1/4", 4),
    L: Matrix("T", "d", low="1/10", high=4), p: Vector("T", simplex=True),
    X: Matrix("M", "d"), w: Vector("d"), x_q: Vector("d"),
):  # fmt: skip
    r"""The layer with W_{11}^{KQ} = A / u, W^{PV} = u e e^\top predicts x_q^\top E[\Lambda^2] [E \Gamma \Lambda^2]^{-1}
    (\frac1M \sum x_i x_i^\top) w on noiseless prompts; the factors are diagonal and commute"""
    A = _A(L, p, N)
    left = predicted(X, X @ w, x_q, last_corner(u, d), padded(A / u))
    return left, quadratic(x_q, A.T, sum(outer(x, x) for x in X) @ w) / M


@claim(
    "ICL-eq-4.13-limit",
    paper=PAPER,
    kind="equality",
    provenance="derived",
    expect="proved",
    title="(4.13), M to infinity",
)
def limit_of_random_training(
    d: Size(1, 2), M: Size(1, 3), C: Matrix("d", "d"), A: Matrix("d", "d"), w: Vector("d"), x_q: Vector("d")
):
    r"""E(\hat y - x_q^\top A \Lambda_{new} w)^2 = \frac1M [\|w\|^2_{\Lambda_{new}} \|v\|^2_{\Lambda_{new}} + (v^\top
    \Lambda_{new} w)^2], v = A^\top x_q, given \Lambda_{new} = C C^\top: \hat y \to x_q^\top A \Lambda_{new} w (almost
    surely by the law of large numbers; here in mean square, at the rate 1/M)"""
    Lambda, v = C @ C.T, A.T @ x_q
    seen = quadratic(v, Lambda, w)
    examples = [(g, lift(C.T @ w) @ g) for g in (normal(f"x{i}", d) for i in range(M))]
    error = whitened_prediction(eye(d), examples, lift(C.T @ v)) - seen
    return error.mean(error), (quadratic(w, Lambda) * quadratic(v, Lambda) + seen**2) / M


def _exponential_covariance(d):
    """(E lambda^2/E lambda^3, the eigenvalues of Lambda_new) for independent lambda ~ Exp(1)."""
    lam = exponential("any")
    ratio = (lam * lam).mean() * eye(1)[0, 0] / (lam * lam * lam).mean()
    return ratio, [exponential(f"new {i}") for i in range(d)]


@claim(
    "ICL-third-independent",
    paper=PAPER,
    kind="equality",
    provenance="derived",
    expect="proved",
    title="1/3, independent query",
)
def third_of_the_signal(d: Size(1, 4), w: Vector("d"), x_q: Vector("d")):
    r"""E[\hat y \mid x_q, w] = x_q^\top E[\Lambda^2] [E \Lambda^3]^{-1} E[\Lambda_{new}] w = \frac13 \langle w, x_q
    \rangle as M, N \to \infty for \lambda \sim Exp(1), where x_q is independent of \Lambda_{new}"""
    ratio, new = _exponential_covariance(d)
    return sum(ratio * x_q[i] * w[i] * new[i].mean() for i in range(d)), dot(w, x_q) / 3


@claim("ICL-third", paper=PAPER, kind="equality", provenance="text", expect="refuted", title="1/3, the stated model")
def third_of_the_signal_in_the_model(d: Size(1, 4), w: Vector("d")):
    r"""E[\hat y \mid x_q, w] = \frac13 \langle w, x_q \rangle in the stated model x_q \mid \Lambda_{new} \sim N(0,
    \Lambda_{new}), tested in the mean with \langle w, x_q \rangle: E[\hat y \langle w, x_q \rangle \mid w] = \frac13 E[
    \langle w, x_q \rangle^2 \mid w] (false: the query tells about \Lambda_{new}, and the left side is twice the right
    one)"""
    ratio, new = _exponential_covariance(d)
    left = sum(ratio * w[i] ** 2 * (new[i] * new[i]).mean() for i in range(d))  # E[x_i^2 | Lambda_new] = lambda_i
    return left, sum(w[i] ** 2 * new[i].mean() for i in range(d)) / 3


@claim("ICL-third-twice", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="twice as much")
def two_thirds_of_the_signal(d: Size(1, 4), w: Vector("d")):
    r"""E[\hat y \langle w, x_q \rangle \mid w] = \frac23 E[\langle w, x_q \rangle^2 \mid w] in the stated model"""
    ratio, new = _exponential_covariance(d)
    left = sum(ratio * w[i] ** 2 * (new[i] * new[i]).mean() for i in range(d))
    return left, 2 * sum(w[i] ** 2 * new[i].mean() for i in range(d)) / 3


@claim(
    "ICL-third-conditional", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="the right mean"
)
def conditional_covariance(k: Size(1, 40), one: Scalar(1, 1)):
    r"""E[\lambda \mid x] = \frac12 + |x| / \sqrt 2 for x \mid \lambda \sim N(0, \lambda), \lambda \sim Exp(1), so that
    the stated model has E[\hat y \mid x_q, w] = \frac13 \sum w_i x_i (\frac12 + |x_i| / \sqrt 2). By the moments
    E[\lambda x^{2k}] = (k + 1)! (2k - 1)!! on the left and, x being Laplace with E|x|^m = m!\, 2^{-m/2}, \frac12
    (2k)!\, 2^{-k} + (2k + 1)!\, 2^{-k - 1} on the right: the law is determined by its moments"""
    lam, g = exponential("any"), normal("g", 1)[0]
    left = lift(1)
    for _ in range(k):
        left = left * lam * g * g
    laplace = 1
    for i in range(1, 2 * k + 1):
        laplace = laplace * i
    return (left * lam).mean() * one, one * laplace * (k + 1) / 2**k


def _printed(Lambdas, p, Theta):
    """E tr(Lambda^2 Theta Theta^T) and ||E[Lambda] Theta||_F^2; the factor sigma^2 is on both sides."""
    square, mean = 0, 0
    for Lambda, weight in zip(Lambdas, p, strict=True):
        image = Lambda @ Theta
        square, mean = total(image**2) * weight + square, image * weight + mean
    return square, total(mean**2)


@claim("ICL-C.6-display", paper=PAPER, kind="equality", provenance="text", expect="refuted", title="display in C.6")
def display_of_the_start(
    T: Size(1, 3),
    d: Size(1, 3),
    L: Matrix("T", "d", low="1/100", high=4),
    p: Vector("T", simplex=True),
    Theta: Matrix("d", "d"),
):
    r"""E tr(\sigma^2 \Lambda_\tau^2 \Theta \Theta^\top) = \sigma^2 \|E[\Lambda_\tau] \Theta\|_F^2 (false: the left side
    is E\|\Lambda_\tau \Theta\|_F^2, larger by the variance of \Lambda_\tau \Theta)"""
    return _printed([diagonal(row) for row in L], p, Theta)


@claim("ICL-C.6-display-lower", paper=PAPER, kind="lower", provenance="derived", expect="holds", title="what C.6 needs")
def display_of_the_start_as_a_bound(
    T: Size(1, 3),
    d: Size(1, 3),
    L: Matrix("T", "d", low="1/100", high=4),
    p: Vector("T", simplex=True),
    Theta: Matrix("d", "d"),
):
    r"""E tr(\sigma^2 \Lambda_\tau^2 \Theta \Theta^\top) \ge \sigma^2 \|E[\Lambda_\tau] \Theta\|_F^2 (Jensen), with
    equality where \Lambda_\tau \Theta does not vary; the term enters \ell_{rdm}(0) with a minus sign, so the conclusion
    of Lemma C.6 stands"""
    left, right = _printed([diagonal(row) for row in L], p, Theta)
    return left, constant("ICL-C.6-display-lower") * right


display_of_the_start_as_a_bound_sharp = sharpened(display_of_the_start_as_a_bound)


def _balance(u, a):
    """u^2 and tr(U11 U11^T) at U11 = diag(a)/u."""
    return u**2, total((a / u) ** 2)


@claim("ICL-eq-C.15", paper=PAPER, kind="equality", provenance="text", expect="refuted", title="(C.15) as printed")
def printed_limit(
    T: Size(1, 3), d: Size(1, 3), N: Size(1, 64), L: Matrix("T", "d", low="1/10", high=4), p: Vector("T", simplex=True)
):
    r"""u = [\sum \xi_i / \eta_i]^{1/4}, the limit as printed, with u U_{11} = diag(\xi_i / \eta_i) is balanced, u^2 =
    tr(U_{11} U_{11}^\top) (false: Lemma C.5 keeps the balance, so it is not where the flow ends)"""
    a = _xi(L, p) / _eta(L, p, N)
    return _balance(sqrt(sqrt(total(a))), a)


@claim(
    "ICL-eq-C.15-squares", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="(C.15) corrected"
)
def corrected_limit(d: Size(1, 3), a: Vector("d", low="1/10", high=4)):
    r"""u = [\sum \xi_i^2 / \eta_i^2]^{1/4} with u U_{11} = diag(\xi_i / \eta_i) is balanced; a_i = \xi_i / \eta_i"""
    return _balance(sqrt(sqrt(total(a**2))), a)


@claim(
    "ICL-nondiagonal", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="any random covariance"
)
def minimum_without_diagonals(
    d: Size(1, 2), N: Size(1, 16), p: Scalar(0, 1), C: Matrix("d", "d"), K: Matrix("d", "d"), D: Matrix("d", "d")
):
    r"""E[\ell(M_* + D, 1)] - E[\ell(M_*, 1)] = \frac12 E tr[\Gamma_\tau \Lambda_\tau D \Lambda_\tau D^\top] where
    E[\Gamma_\tau \Lambda_\tau M_* \Lambda_\tau] = E[\Lambda_\tau^2]: the solution of this linear equation is the
    minimum, for \Lambda_\tau = C C^\top or K K^\top with probabilities p, 1 - p"""
    assume(det(C @ C.T), ">", 0)
    assume(det(K @ K.T), ">", 0)
    pairs = [(C @ C.T, p), (K @ K.T, 1 - p)]
    square = sum(Lambda @ Lambda * weight for Lambda, weight in pairs)
    system = sum(kron(gamma(Lambda, N) @ Lambda, Lambda) * weight for Lambda, weight in pairs)
    flat = solve(system, vector([entry for row in square for entry in row]))
    M = matrix([flat[i * d : (i + 1) * d] for i in range(d)])
    gap = sum((reduced(M + D, 1, Lambda, N) - reduced(M, 1, Lambda, N)) * weight for Lambda, weight in pairs)
    return gap, sum(trace(gamma(Lambda, N) @ Lambda @ D @ Lambda @ D.T) * weight for Lambda, weight in pairs) / 2
