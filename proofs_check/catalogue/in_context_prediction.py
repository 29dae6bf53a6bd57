r"""The prediction of linear self-attention (2306.09927): (3.6), the trained model, its limits under shifts of the
prompt.

The layer is spelled out as in (3.3) and (3.4). A limit M, N \to \infty is stated by its rate: an exact variance over M,
and a bound over N; these rates are derived, and say more than the limits that the paper states.
"""

from proofs_check import Matrix, Param, Scalar, Size, Vector, assume, claim, constant
from proofs_check.arithmetic import absolute, det, diagonal, dot, eye, matrix, norm2, outer, solve, total, trace
from proofs_check.catalogue.in_context_model import (
    PAPER,
    blocks,
    eigen_gamma,
    gamma,
    inverse,
    last_corner,
    moments,
    padded,
    predicted,
    quadratic,
    whitened_prediction,
)
from proofs_check.catalogue.in_context_polynomials import gaussian, lift, normal
from proofs_check.catalogue.sharpening import sharpened


def _short_form(X, y, x_q, W_PV, W_KQ, N):
    """(3.6): [w21^T, w22] (E E^T / N) [W11; w21^T] x_q."""
    d = len(x_q)
    below = sum(outer(row, row) for row in X) + outer(x_q, x_q)
    G = blocks(below, X.T @ y, X.T @ y, dot(y, y)) / N
    return W_PV[d] @ G @ (W_KQ[:, :d] @ x_q)


@claim("ICL-3.6", paper=PAPER, kind="equality", provenance="text", expect="proved", title="prediction")
def prediction_formula(
    N: Size(1, 6), d: Size(1, 3), X: Matrix("N", "d"), y: Vector("N"), x_q: Vector("d"),
    W_PV: Matrix("d+1", "d+1"), W_KQ: Matrix("d+1", "d+1"),
):  # fmt: skip
    r"""\hat y = [(w_{21}^{PV})^\top, w_{22}^{PV}] \frac{E E^\top}N [W_{11}^{KQ}; (w_{21}^{KQ})^\top] x_q for the last
    entry of E + W^{PV} E (E^\top W^{KQ} E) / N: only the last row of W^{PV} and d columns of W^{KQ} matter"""
    return predicted(X, y, x_q, W_PV, W_KQ), _short_form(X, y, x_q, W_PV, W_KQ, N)


@claim(
    "ICL-3.6-transposed",
    paper=PAPER,
    kind="equality",
    provenance="derived",
    expect="refuted",
    title="W^{KQ} for its transpose",
)
def prediction_formula_transposed(
    N: Size(1, 6), d: Size(1, 3), X: Matrix("N", "d"), y: Vector("N"), x_q: Vector("d"),
    W_PV: Matrix("d+1", "d+1"), W_KQ: Matrix("d+1", "d+1"),
):  # fmt: skip
    r"""(3.6) with (W^{KQ})^\top in the place of W^{KQ} (false)"""
    return predicted(X, y, x_q, W_PV, W_KQ), _short_form(X, y, x_q, W_PV, W_KQ.T, N)


@claim("ICL-scale", paper=PAPER, kind="equality", provenance="text", expect="proved", title="scale invariance")
def scale_invariance(
    N: Size(1, 4), d: Size(1, 2), c: Scalar(-4, 4), X: Matrix("N", "d"), y: Vector("N"), x_q: Vector("d"),
    V: Matrix("d+1", "d+1"), K: Matrix("d+1", "d+1"),
):  # fmt: skip
    r"""(c W^{PV}, c^{-1} W^{KQ}) and (W^{PV}, W^{KQ}) predict the same, written with W^{KQ} = c K"""
    return predicted(X, y, x_q, c * V, K), predicted(X, y, x_q, V, c * K)


@claim("ICL-scale-both", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="both scaled by c")
def scale_of_both(
    N: Size(1, 4), d: Size(1, 2), c: Scalar(-4, 4), X: Matrix("N", "d"), y: Vector("N"), x_q: Vector("d"),
    V: Matrix("d+1", "d+1"), K: Matrix("d+1", "d+1"),
):  # fmt: skip
    r"""(c W^{PV}, c W^{KQ}) and (W^{PV}, W^{KQ}) predict the same (false)"""
    return predicted(X, y, x_q, c * V, c * K), predicted(X, y, x_q, V, K)


@claim("ICL-identity", paper=PAPER, kind="equality", provenance="text", expect="proved", title="Lambda = I")
def isotropic_block(d: Size(1, 8), N: Size(1, 64)):
    r"""\Gamma^{-1} = (1 + (d+1)/N)^{-1} I for \Lambda = I: the trained block is a multiple of the identity"""
    return inverse(gamma(eye(d), N)), eye(d) * N / (N + d + 1)


def _trained(Lambda, N, u):
    """(W^{PV}, W^{KQ}) with u U11 = Gamma^{-1}; how the scale is split does not matter (ICL-scale)."""
    return last_corner(u, len(Lambda)), padded(inverse(gamma(Lambda, N)) / u)


@claim("ICL-eq-4.2", paper=PAPER, kind="equality", provenance="text", expect="holds", title="(4.2), any labels")
def trained_prediction(
    d: Size(1, 3), N: Size(1, 16), M: Size(1, 6), u: Param("1/4", 4),
    C: Matrix("d", "d"), X: Matrix("M", "d"), y: Vector("M"), x_q: Vector("d"),
):  # fmt: skip
    r"""The layer with W^{PV} = u e e^\top and W_{11}^{KQ} = \Gamma^{-1} / u predicts x_q^\top \Gamma^{-1} \frac1M \sum
    y_i x_i on a prompt of M examples"""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    return predicted(X, y, x_q, *_trained(Lambda, N, u)), dot(x_q, solve(gamma(Lambda, N), X.T @ y)) / M


@claim("ICL-eq-4.2-N", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="1/N for 1/M")
def trained_prediction_over_N(
    d: Size(1, 3), N: Size(1, 16), M: Size(1, 6), u: Param("1/4", 4),
    C: Matrix("d", "d"), X: Matrix("M", "d"), y: Vector("M"), x_q: Vector("d"),
):  # fmt: skip
    r"""(4.2) with the training length, \frac1N \sum y_i x_i, in the place of \frac1M (false)"""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    return predicted(X, y, x_q, *_trained(Lambda, N, u)), dot(x_q, solve(gamma(Lambda, N), X.T @ y)) / N


@claim("ICL-eq-4.3", paper=PAPER, kind="equality", provenance="text", expect="holds", title="(4.3), linear labels")
def trained_prediction_of_linear_labels(
    d: Size(1, 3), N: Size(1, 16), M: Size(1, 6), u: Param("1/4", 4),
    C: Matrix("d", "d"), X: Matrix("M", "d"), w: Vector("d"), x_q: Vector("d"),
):  # fmt: skip
    r"""(4.3): with y_i = \langle w, x_i \rangle the prediction is x_q^\top \Gamma^{-1} (\frac1M \sum x_i x_i^\top) w"""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    Sigma_hat = sum(outer(x, x) for x in X) / M
    return predicted(X, X @ w, x_q, *_trained(Lambda, N, u)), quadratic(x_q, inverse(gamma(Lambda, N)), Sigma_hat @ w)


def _shortfall(lam, z, x, N):
    """|x^T (Gamma^{-1} - Lambda^{-1}) z|, and ||x|| ||(I + tr(Lambda) Lambda^{-1}) Lambda^{-1} z||, in the
    eigenbasis."""
    moved = absolute(total(x * z / eigen_gamma(lam, N)) - total(x * z / lam))
    return moved, norm2(x) * norm2((1 + total(lam) / lam) * z / lam)


@claim("ICL-eq-4.4", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="(4.4), N to infinity")
def limit_of_the_mean(
    d: Size(1, 8), N: Param(1, 10**8), lam: Vector("d", low="1/20", high=20), z: Vector("d"), x_q: Vector("d")
):
    r"""|E \hat y - x_q^\top \Lambda^{-1} E[yx]| \le \frac1N \|x_q\| \|(I + tr(\Lambda) \Lambda^{-1}) \Lambda^{-1}
    E[yx]\| with z = E[yx], in the eigenbasis of \Lambda"""
    moved, size = _shortfall(lam, z, x_q, N)
    return moved, constant("ICL-eq-4.4", N=N) * size


limit_of_the_mean_sharp = sharpened(limit_of_the_mean)


@claim(
    "ICL-eq-4.4-variance",
    paper=PAPER,
    kind="equality",
    provenance="derived",
    expect="holds",
    title="(4.4), M to infinity",
)
def variance_of_the_prediction(
    d: Size(1, 2), N: Size(1, 8), M: Size(1, 2), C: Matrix("d", "d"), b: Vector("d"), x_q: Vector("d")
):
    r"""E(\hat y - x_q^\top \Gamma^{-1} E[yx])^2 = \frac1M x_q^\top \Gamma^{-1} Cov(xy) \Gamma^{-1} x_q at a fixed
    query, for y = \langle b, x \rangle^3: convergence in mean square at the rate 1/M"""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    examples = [(g, _cube(lift(C.T @ b) @ g)) for g in (normal(f"x{i}", d) for i in range(M))]
    a, Sigma, _ = moments(*examples[0], C)
    v = solve(gamma(Lambda, N), x_q)
    error = whitened_prediction(eye(d), examples, lift(C.T @ v)) - dot(v, Lambda @ a)
    return error.mean(error), quadratic(v, Sigma) / M


def _cube(s):
    return s * s * s


@claim(
    "ICL-eq-4.4-best", paper=PAPER, kind="equality", provenance="text", expect="holds", title="(4.4), best predictor"
)
def best_linear_predictor(d: Size(1, 3), C: Matrix("d", "d"), b: Vector("d"), v: Vector("d")):
    r"""E(\langle v, x \rangle - y)^2 = E(\langle a, x \rangle - y)^2 + \|v - a\|^2_\Lambda with a = \Lambda^{-1} E[yx]:
    the limit is the best linear predictor's value, for y = \langle b, x \rangle^3"""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    g = normal("x", d)
    y = _cube(lift(C.T @ b) @ g)
    a, _, best = moments(g, y, C)
    error = lift(C.T @ v) @ g - y
    return error.mean(error), best + quadratic(v - a, Lambda)


@claim("ICL-footnote-2", paper=PAPER, kind="equality", provenance="text", expect="proved", title="one step from 0")
def one_step(n: Size(1, 6), d: Size(1, 3), X: Matrix("n", "d"), y: Vector("n"), v: Vector("d")):
    r"""-dL(0)[v] = \langle v, \frac1n \sum y_i x_i \rangle for L(w) = \frac1{2n} \sum (\langle w, x_i \rangle - y_i)^2,
    by half the difference of L at -v and v, exact for a quadratic: a step of gradient descent from 0 predicts x^\top
    (\frac1n \sum y_i x_i)"""
    ahead, behind = (total((X @ (s * v) - y) ** 2) / (2 * n) for s in (1, -1))
    return (behind - ahead) / 2, dot(v, X.T @ y) / n


@claim("ICL-footnote-2-mean", paper=PAPER, kind="equality", provenance="text", expect="proved", title="x^T Lambda w")
def mean_of_one_step(d: Size(1, 3), n: Size(1, 3), C: Matrix("d", "d"), w: Vector("d"), x: Vector("d")):
    r"""E[x^\top \frac1n \sum y_i x_i] = x^\top \Lambda w for noiseless labels"""
    rows = [gaussian(C, f"x{i}") for i in range(n)]
    step = whitened_prediction(eye(d), [(row, lift(w) @ row) for row in rows], lift(x))
    return step.mean(), quadratic(x, C @ C.T, w)


@claim("ICL-footnote-2-any", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="wrong off I")
def one_step_is_right(d: Size(1, 3), C: Matrix("d", "d"), w: Vector("d"), x: Vector("d")):
    r"""x^\top \Lambda w = x^\top w (false unless \Lambda = I)"""
    return quadratic(x, C @ C.T, w), dot(x, w)


def _linear_examples(C, w, M, s=0):
    """Coordinates and labels <w, x> + s e of M examples."""
    letters = [(normal(f"x{i}", len(w)), normal(f"e{i}", 1)[0]) for i in range(M)]
    return [(g, lift(C.T @ w) @ g + e * s) for g, e in letters]


@claim(
    "ICL-eq-4.7", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="task shift, M to infinity"
)
def task_shift(d: Size(1, 2), M: Size(1, 3), C: Matrix("d", "d"), w: Vector("d"), s: Scalar(0, 4), x_q: Vector("d")):
    r"""E(x_q^\top \Lambda^{-1} \frac1M \sum y_i x_i - \langle w, x_q \rangle)^2 = \frac1M [(\|w\|^2_\Lambda + s^2)
    \|x_q\|^2_{\Lambda^{-1}} + \langle w, x_q \rangle^2] for y = \langle w, x \rangle + s e with any fixed w"""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    v = solve(Lambda, x_q)
    error = whitened_prediction(eye(d), _linear_examples(C, w, M, s), lift(C.T @ v)) - dot(w, x_q)
    return error.mean(error), ((quadratic(w, Lambda) + s**2) * dot(v, x_q) + dot(w, x_q) ** 2) / M


@claim(
    "ICL-eq-4.7-N", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="task shift, N to infinity"
)
def task_shift_of_the_model(
    d: Size(1, 4), M: Size(1, 6), N: Param(1, 10**8),
    lam: Vector("d", low="1/20", high=20), X: Matrix("M", "d"), y: Vector("M"), x_q: Vector("d"),
):  # fmt: skip
    r"""|\hat y - x_q^\top \Lambda^{-1} \frac1M \sum y_i x_i| \le \frac1N \|x_q\| \|(I + tr(\Lambda) \Lambda^{-1})
    \Lambda^{-1} \frac1M \sum y_i x_i\| on every prompt, in the eigenbasis of \Lambda"""
    moved, size = _shortfall(lam, X.T @ y / M, x_q, N)
    return moved, constant("ICL-eq-4.7-N", N=N) * size


task_shift_of_the_model_sharp = sharpened(task_shift_of_the_model)


@claim("ICL-eq-4.8", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="risk under query shift")
def query_shift(d: Size(1, 2), N: Size(1, 8), M: Size(1, 3), C: Matrix("d", "d"), Q: Matrix("d", "d"), w: Vector("d")):
    r"""E(\hat y - w^\top x_q)^2 = \frac1M [\|w\|^2_\Lambda tr(\Lambda B) + w^\top \Lambda B \Lambda w] + w^\top
    (\Lambda \Gamma^{-1} - I) \Lambda_q (\Gamma^{-1} \Lambda - I) w, B = \Gamma^{-1} \Lambda_q \Gamma^{-1}, \Lambda_q =
    Q Q^\top"""
    Lambda, Lambda_q = C @ C.T, Q @ Q.T
    assume(det(Lambda), ">", 0)
    G = gamma(Lambda, N)
    h = normal("q", d)
    error = whitened_prediction(Q.T @ solve(G, C), _linear_examples(C, w, M), h) - lift(Q.T @ w) @ h
    B, off = solve(G, solve(G, Lambda_q).T), solve(G, Lambda @ w) - w
    variance = quadratic(w, Lambda) * trace(Lambda @ B) + quadratic(Lambda @ w, B)
    return error.mean(error), variance / M + quadratic(off, Lambda_q)


@claim("ICL-eq-4.8-fixed", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="fixed query")
def query_shift_of_one_query(
    d: Size(1, 2), N: Size(1, 8), M: Size(1, 3), C: Matrix("d", "d"), x_q: Vector("d"), w: Vector("d")
):
    r"""ICL-eq-4.8 with \Lambda_q = x_q x_q^\top, for a query that is independent of the examples and has any value: v =
    \Gamma^{-1} x_q gives \frac1M [\|w\|^2_\Lambda \|v\|^2_\Lambda + (w^\top \Lambda v)^2] + (w^\top \Lambda v - w^\top
    x_q)^2"""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    v = solve(gamma(Lambda, N), x_q)
    error = whitened_prediction(eye(d), _linear_examples(C, w, M), lift(C.T @ v)) - dot(w, x_q)
    seen = quadratic(w, Lambda, v)
    return error.mean(error), (quadratic(w, Lambda) * quadratic(v, Lambda) + seen**2) / M + (seen - dot(w, x_q)) ** 2


@claim(
    "ICL-eq-4.8-limit", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="query shift, M and N"
)
def query_shift_limit(
    d: Size(1, 8), N: Param(1, 10**8), M: Param(1, 10**8),
    lam: Vector("d", low="1/20", high=20), w: Vector("d"), x_q: Vector("d"),
):  # fmt: skip
    r"""The error of ICL-eq-4.8-fixed is at most \frac2M \|w\|^2_\Lambda \|x_q\|^2_{\Lambda^{-1}} + \frac1{N^2}
    \|x_q\|^2 \|(I + tr(\Lambda) \Lambda^{-1}) w\|^2: it vanishes for every query as M, N \to \infty"""
    v = x_q / eigen_gamma(lam, N)
    seen, size = total(w * lam * v), total(w**2 * lam)
    error = (size * total(lam * v**2) + seen**2) / M + (seen - dot(w, x_q)) ** 2
    bias = dot(x_q, x_q) * total(((1 + total(lam) / lam) * w) ** 2) / N**2
    return error, constant("ICL-eq-4.8-limit", M=M) * size * total(x_q**2 / lam) + bias


query_shift_limit_sharp = sharpened(query_shift_limit)


def _orthogonal_examples(Z, x_q):
    """Examples orthogonal to the query: every such set is one of these up to a scale, where x_q is not 0."""
    return Z * dot(x_q, x_q) - outer(Z @ x_q, x_q)


@claim(
    "ICL-orthogonal-isotropic",
    paper=PAPER,
    kind="equality",
    provenance="text",
    expect="proved",
    title="orthogonal query",
)
def orthogonal_query(
    d: Size(1, 3), N: Size(1, 8), M: Size(1, 3), Z: Matrix("M", "d"), y: Vector("M"), x_q: Vector("d")
):
    r"""x_q \perp x_1, \ldots, x_M \Rightarrow \hat y = 0 where \Lambda is a multiple of I (the scale of \Lambda only
    scales \Gamma), for all labels"""
    X = _orthogonal_examples(Z, x_q)
    return predicted(X, y, x_q, last_corner(1, d), padded(inverse(gamma(eye(d), N)))), 0


@claim("ICL-orthogonal", paper=PAPER, kind="equality", provenance="text", expect="refuted", title="orthogonal query")
def orthogonal_query_of_any_covariance(
    d: Size(1, 3), N: Size(1, 8), M: Size(1, 3),
    lam: Vector("d", low="1/4", high=4), Z: Matrix("M", "d"), w: Vector("d"), x_q: Vector("d"),
):  # fmt: skip
    r"""x_q \perp x_1, \ldots, x_M \Rightarrow \hat y = 0 for any \Lambda and noiseless labels (false: \hat y = x_q^\top
    \Gamma^{-1} z with z in the span of the examples, which \Gamma^{-1} leaves unless \Lambda is a multiple of I)"""
    X = _orthogonal_examples(Z, x_q)
    return predicted(X, X @ w, x_q, last_corner(1, d), padded(inverse(gamma(diagonal(lam), N)))), 0


@claim(
    "ICL-orthogonal-gamma",
    paper=PAPER,
    kind="equality",
    provenance="derived",
    expect="holds",
    title="in the form of Gamma",
)
def orthogonal_query_in_the_right_form(
    d: Size(1, 3), N: Size(1, 8), M: Size(1, 3),
    lam: Vector("d", low="1/4", high=4), Z: Matrix("M", "d"), z: Vector("d"), y: Vector("M+1"), x_q: Vector("d"),
):  # fmt: skip
    r"""x_i \perp \Gamma^{-1} x_q \Rightarrow the example (x_i, y_i) adds nothing, for any \Lambda and all labels: with
    one further example (z, y_0) the prediction is y_0 x_q^\top \Gamma^{-1} z / (M + 1)"""
    P = inverse(gamma(diagonal(lam), N))
    X = matrix([z, *_orthogonal_examples(Z, P @ x_q)])
    return predicted(X, y, x_q, last_corner(1, d), padded(P)), y[0] * quadratic(x_q, P, z) / (M + 1)


@claim(
    "ICL-covariate-scaling",
    paper=PAPER,
    kind="equality",
    provenance="derived",
    expect="holds",
    title="covariates times c",
)
def covariate_scaling(
    d: Size(1, 2), N: Size(1, 8), M: Size(1, 3), c: Scalar(-4, 4), C: Matrix("d", "d"), w: Vector("d"), x_q: Vector("d")
):
    r"""With x_i = c \tilde x_i, \tilde x_i \sim N(0, \Lambda), and v = \Gamma^{-1} x_q: E(\hat y - c^2 v^\top \Lambda
    w)^2 = \frac{c^4}M [\|w\|^2_\Lambda \|v\|^2_\Lambda + (v^\top \Lambda w)^2], so \hat y \to c^2 v^\top \Lambda w as M
    \to \infty"""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    v = solve(gamma(Lambda, N), x_q)
    seen = quadratic(v, Lambda, w)
    error = whitened_prediction(eye(d), _linear_examples(c * C, w, M), lift(c * C.T @ v)) - c**2 * seen
    return error.mean(error), c**4 * (quadratic(w, Lambda) * quadratic(v, Lambda) + seen**2) / M


@claim(
    "ICL-covariate-scaling-N",
    paper=PAPER,
    kind="upper",
    provenance="derived",
    expect="holds",
    title="covariates times c",
)
def covariate_scaling_limit(
    d: Size(1, 8), N: Param(1, 10**8), c: Scalar("1/10", 10),
    lam: Vector("d", low="1/20", high=20), w: Vector("d"), x_q: Vector("d"),
):  # fmt: skip
    r"""|c^2 x_q^\top \Gamma^{-1} \Lambda w - c^2 x_q^\top w| \le \frac{c^2}N \|x_q\| \|(I + tr(\Lambda) \Lambda^{-1})
    w\|: the limit as N \to \infty is c^2 x_q^\top w"""
    moved, size = _shortfall(lam, lam * w, x_q, N)
    return c**2 * moved, constant("ICL-covariate-scaling-N", c=c, N=N) * size


covariate_scaling_limit_sharp = sharpened(covariate_scaling_limit)


@claim(
    "ICL-covariate-scaling-none",
    paper=PAPER,
    kind="equality",
    provenance="derived",
    expect="refuted",
    title="no effect",
)
def covariate_scaling_has_no_effect(
    d: Size(1, 2), M: Size(1, 2), c: Scalar(-4, 4), C: Matrix("d", "d"), w: Vector("d"), x_q: Vector("d")
):
    r"""E \hat y = x_q^\top w for scaled covariates in the limit N \to \infty, \Gamma = \Lambda (false)"""
    Lambda = C @ C.T
    assume(det(Lambda), ">", 0)
    v = solve(Lambda, x_q)
    return whitened_prediction(eye(d), _linear_examples(c * C, w, M), lift(c * C.T @ v)).mean(), dot(x_q, w)


@claim(
    "ICL-covariate-scaling-ols", paper=PAPER, kind="equality", provenance="text", expect="holds", title="least squares"
)
def least_squares_of_scaled_covariates(
    d: Size(1, 3), M: Size(1, 6), c: Scalar("1/4", 4), Z: Matrix("M", "d"), w: Vector("d"), x_q: Vector("d")
):
    r"""Least squares predicts x_q^\top w for every scale c of the covariates, where they span (noiseless labels)"""
    X = c * Z
    assume(det(Z.T @ Z), ">", 0)
    return dot(x_q, solve(X.T @ X, X.T @ (X @ w))), dot(x_q, w)
