"""The approximate Newton scheme of 2305.00660 and of its relatives 2304.10411 and 2303.15725: contraction and its count."""

from proofs_check import Matrix, Param, Size, Vector, claim, constant, gradient, hessian
from proofs_check.arithmetic import (
    absolute,
    diagonal,
    dot,
    exp,
    eye,
    lambda_max,
    log,
    matrix,
    maximum,
    minimum,
    norm2,
    ones,
    outer,
    solve,
    sqrt,
    vector,
)
from proofs_check.catalogue.sharpening import sharpened

PAPER = "2305.00660"


def _step(h, S, eps, e):
    r"""The error after one step on the quadratic with H = diag(h) and \tilde H = H^{1/2} (I + eps S) H^{1/2}."""
    root = sqrt(h)
    return e - solve(outer(root, root) * (eye(len(h)) + eps * S), h * e)


@claim("N2", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="holds", title="exact Newton")
def exact_step(d: Size(1, 4), h: Vector("d", low="1/100", high=100), e: Vector("d")):
    r"""x_t - H^{-1} \nabla L(x_t) = x^* for a quadratic with H = diag(h)"""
    return _step(h, 0 * diagonal(h), 0, e), 0


@claim(
    "N2-sandwich", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="approximate Hessian"
)
def approximate_hessian(d: Size(1, 4), eps: Param("1/100", "1/10"), S: Matrix("d", "d", symmetric=True, spectral=1)):
    r"""\lambda_{\max}(I + \epsilon_0 S) \le 1 + \epsilon_0 for \|S\| \le 1: \tilde H = H^{1/2} (I + \epsilon_0 S) H^{1/2} is
    at most (1 + \epsilon_0) H, and at least (1 - \epsilon_0) H by -S"""
    return lambda_max(eye(d) + eps * S), constant("N2-sandwich", eps=eps)


approximate_hessian_sharp = sharpened(approximate_hessian)


@claim("N3", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="refuted", title="iterative shrinking")
def shrinking_in_euclidean_norm(
    d: Size(1, 2), eps: Param("1/100", "1/10"), h: Vector("d", low="1/100", high=100),
    S: Matrix("d", "d", symmetric=True, spectral=1), e: Vector("d"),
):  # fmt: skip
    r"""\|x_{t+1} - x^*\|_2 \le 2 \epsilon_0 \|x_t - x^*\|_2 for a quadratic loss, where M may be 0 (false: F1)"""
    return norm2(_step(h, S, eps, e)), constant("N3", eps=eps) * norm2(e)


@claim("N4", paper=PAPER, kind="upper", provenance="reconstructed-M", expect="refuted", title="induction")
def induction_in_euclidean_norm(
    d: Size(1, 2), eps: Param("1/100", "1/20"), h: Vector("d", low="1/100", high=100),
    S: Matrix("d", "d", symmetric=True, spectral=1), e: Vector("d"),
):  # fmt: skip
    r"""\|x_{t+1} - x^*\|_2 \le 0.4 \|x_t - x^*\|_2 for a quadratic loss and \epsilon_0 \le 1/20 (false: F1)"""
    return norm2(_step(h, S, eps, e)), constant("N4") * norm2(e)


@claim("N3-prime", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="shrinking in the H-norm")
def shrinking_in_h_norm(
    d: Size(1, 3), eps: Param("1/100", "9/10"), h: Vector("d", low="1/100", high=100),
    S: Matrix("d", "d", symmetric=True, spectral=1), e: Vector("d"),
):  # fmt: skip
    r"""\|e_{t+1}\|_H \le \epsilon_0 / (1 - \epsilon_0) \|e_t\|_H for a quadratic loss"""
    return norm2(sqrt(h) * _step(h, S, eps, e)), constant("N3-prime", eps=eps) * norm2(sqrt(h) * e)


shrinking_in_h_norm_sharp = sharpened(shrinking_in_h_norm)


@claim(
    "N3-prime-euclidean", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="Euclidean consequence"
)
def shrinking_with_condition(
    d: Size(1, 3), eps: Param("1/100", "9/10"), h: Vector("d", low="1/100", high=100),
    S: Matrix("d", "d", symmetric=True, spectral=1), e: Vector("d"),
):  # fmt: skip
    r"""\|e_{t+1}\|_2 \le \sqrt{\kappa(H)} \epsilon_0 / (1 - \epsilon_0) \|e_t\|_2 for a quadratic loss"""
    kappa = maximum(h) / minimum(h)
    return norm2(_step(h, S, eps, e)), constant("N3-prime-euclidean", kappa=kappa, eps=eps) * norm2(e)


shrinking_with_condition_sharp = sharpened(shrinking_with_condition)


def _newton(name, a, x, b, square, factor):
    """H, and the error after a step with factor * H, for one unknown and a loss with a regulariser whose minimiser is 0."""
    H = dot(a, hessian(name)(x * a, b) @ a) + square * dot(a, a)
    return H, x - (dot(a, gradient(name)(x * a, b)) + square * x * dot(a, a)) / (factor * H)


@claim(
    "N3-prime-exp",
    paper="2304.13276",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="H-norm, softmax",
)
def shrinking_for_softmax(
    n: Size(2, 8), a: Vector("n", low="1/10", high=1), x: Param("1/1000", 1), w: Param(2, 8), t: Param(-1, 1)
):
    r"""\|e_{t+1}\|_H \le (1 - \epsilon_0)^{-1} (\epsilon_0 + M r_t / (2 \lambda)) \|e_t\|_H for normalized exp with one unknown,
    A = a, b = 1/n, w_i^2 = w^2 and \tilde H = (1 + t \epsilon_0) H, \epsilon_0 = 1/10: x^* = 0, M = 4 \|A\|^3"""
    eps, M = constant("N3-prime-eps"), 4 * norm2(a) ** 3
    H, e = _newton("normalized-exp", a, x, ones(n) / n, w**2, 1 + t * eps)
    return absolute(e), constant("N3-prime-factor", M=M, r=x, eps=eps, least=H) * x


shrinking_for_softmax_sharp = sharpened(shrinking_for_softmax)


@claim("F1", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="the counterexample's factor")
def counterexample_factor(s: Param(1, 100), eps: Param("1/1000", "1/2")):
    r"""\|x_1 - x^*\|_2^2 = \epsilon_0^2 (\kappa + \epsilon_0^2) / (1 - \epsilon_0^2)^2 for H = \mathrm{diag}(1, \kappa),
    \tilde H = H^{1/2} (I + \epsilon_0 [[0, 1], [1, 0]]) H^{1/2}, x_0 - x^* = (0, 1), \kappa = s^2"""
    H, near = matrix([[1, 0], [0, s**2]]), matrix([[1, eps * s], [eps * s, s**2]])
    e = vector([0, 1]) - solve(near, H @ vector([0, 1]))
    return dot(e, e), eps**2 * (s**2 + eps**2) / (1 - eps**2) ** 2


def _factor(s, eps):
    """Euclidean factor of the step of F1."""
    return eps * sqrt(s**2 + eps**2) / (1 - eps**2)


@claim("F1-shrinks", paper=PAPER, kind="upper", provenance="derived", expect="refuted", title="the error shrinks")
def counterexample_shrinks(s: Param(1, 100)):
    r"""\|x_1 - x^*\|_2 \le \|x_0 - x^*\|_2 in F1 with \epsilon_0 = 1/20 and \kappa = s^2 \le 10^4 (false: it grows up to
    5.01 times)"""
    return _factor(s, constant("F1-eps")), constant("F1-shrinks")


@claim("F1-largest", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="the largest growth")
def counterexample_growth(s: Param(1, 100)):
    r"""\|x_1 - x^*\|_2 \le 5.0126 \|x_0 - x^*\|_2 in F1 with \epsilon_0 = 1/20 and \kappa = s^2 \le 10^4"""
    return _factor(s, constant("F1-eps")), constant("F1-largest")


counterexample_growth_sharp = sharpened(counterexample_growth)


@claim("F2-eps", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="largest eps0 for 0.4")
def factor_of_induction(eps: Param(0, "4/45")):
    r"""2 (\epsilon_0 + 0.1 / 0.9) \le 0.4 for \epsilon_0 \le 4/45 = 0.08888..."""
    return constant("F2-factor", eps=eps), constant("F2-eps")


factor_of_induction_sharp = sharpened(factor_of_induction)


@claim("F2-eps-above", paper=PAPER, kind="upper", provenance="derived", expect="refuted", title="eps0 of 0.0889")
def factor_of_induction_above(eps: Param(0, "889/10000")):
    r"""2 (\epsilon_0 + 0.1 / 0.9) \le 0.4 for \epsilon_0 \le 0.0889 (false: the threshold is 4/45)"""
    return constant("F2-factor", eps=eps), constant("F2-eps")


@claim("F2", paper=PAPER, kind="upper", provenance="reconstructed-M", expect="refuted", title="eps0 below 0.1")
def factor_of_induction_printed(eps: Param(0, "1/10")):
    r"""2 (\epsilon_0 + 0.1 / 0.9) \le 0.4 for \epsilon_0 \le 0.1 (false)"""
    return constant("F2-factor", eps=eps), constant("F2-eps")


def _left(q, per_log):
    """0.4^T for T = per_log * log(q) steps, q = r_0 / eps."""
    return exp(-log(constant("N5-inverse")) * per_log * log(q))


@claim("N5", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="refuted", title="iterations, natural log")
def iterations_natural(q: Param(2, 1000000)):
    r"""0.4^T r_0 \le \epsilon for T = \ln(r_0 / \epsilon), q = r_0 / \epsilon (false)"""
    return _left(q, constant("N5")), 1 / q


@claim("N5-binary", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="iterations, binary log")
def iterations_binary(q: Param(2, 1000000)):
    r"""0.4^T r_0 \le \epsilon for T = \log_2(r_0 / \epsilon)"""
    return _left(q, constant("N5-binary")), 1 / q


@claim("N5-above", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="iterations, enough")
def iterations_enough(q: Param(2, 1000000)):
    r"""0.4^T r_0 \le \epsilon for T = 1.0914 \ln(r_0 / \epsilon)"""
    return _left(q, constant("N5-above")), 1 / q


@claim("N5-below", paper=PAPER, kind="upper", provenance="derived", expect="refuted", title="iterations, too few")
def iterations_too_few(q: Param(2, 1000000)):
    r"""0.4^T r_0 \le \epsilon for T = 1.0913 \ln(r_0 / \epsilon) (false)"""
    return _left(q, constant("N5-below")), 1 / q
