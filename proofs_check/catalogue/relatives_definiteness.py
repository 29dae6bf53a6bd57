"""Definiteness in the relatives 2304.10411 (normalized exp) and 2303.15725 (exp, cosh and sinh regression)."""

from proofs_check import Matrix, Param, Size, Vector, assume, claim, constant, hessian
from proofs_check.arithmetic import diagonal, lambda_max, lambda_min, norm2, ones, outer, spectral, vector
from proofs_check.catalogue.sharpening import sharpened

DLS, LSZ = "2304.10411", "2303.15725"


def _regularised(A, x, b, square):
    """Hessian in x of softmax regression and of a regulariser with the squared weights given."""
    return A.T @ (hessian("normalized-exp")(A @ x, b) + diagonal(square)) @ A


@claim("DLS-psd", paper=DLS, kind="lower", provenance="reconstructed-M", expect="holds", title="positive definite")
def softmax_positive_definite(
    n: Size(2, 4), d: Size(1, 2), l: Param("1/100", 4), A: Matrix("n", "d", spectral=2), x: Vector("d", norm2=2),
    b: Vector("n", simplex=True), s: Vector("n", low=0, high=1),
):  # fmt: skip
    r"""\nabla^2 (L + L_{reg}) \ge l I where w_i^2 \ge 4 + l / \sigma_{\min}(A)^2, for normalized exp"""
    least = lambda_min(A.T @ A)
    assume(least, ">", constant("P3-8-rank"))
    return lambda_min(_regularised(A, x, b, (constant("DLS-psd") + l / least) * ones(n) + s)), l


@claim("DLS-psd-best", paper=DLS, kind="lower", provenance="derived", expect="holds", title="sharp threshold")
def softmax_threshold_best(n: Size(2, 6), z: Vector("n"), b: Vector("n", simplex=True), s: Param("1/100", 1)):
    r"""B + (0.2405 + s) I \ge s I for normalized exp (observed, not proved)"""
    return lambda_min(hessian("normalized-exp")(z, b) + (constant("DLS-psd-best") + s) * diagonal(ones(n))), s


@claim("DLS-psd-low", paper=DLS, kind="lower", provenance="derived", expect="refuted", title="threshold too low")
def softmax_threshold_low(n: Size(2, 6), z: Vector("n"), b: Vector("n", simplex=True), s: Param("1/100", 1)):
    r"""B + (0.2404 + s) I \ge s I for normalized exp (false)"""
    return lambda_min(hessian("normalized-exp")(z, b) + (constant("DLS-psd-low") + s) * diagonal(ones(n))), s


@claim("DLS-upper", paper=DLS, kind="upper", provenance="reconstructed-M", expect="holds", title="sandwich, upper side")
def softmax_sandwich_above(
    n: Size(2, 8), z: Vector("n"), b: Vector("n", simplex=True), w: Vector("n", low=10, high=20)
):
    r"""0.9 (B + W^2) \le W^2, as \lambda_{\max}(W^{-1} B W^{-1}) \le 1/9, where w_i^2 \ge 100, for normalized exp"""
    return lambda_max(hessian("normalized-exp")(z, b) / outer(w, w)), constant("DLS-upper")


softmax_sandwich_above_sharp = sharpened(softmax_sandwich_above)


@claim("DLS-lower", paper=DLS, kind="lower", provenance="reconstructed-M", expect="holds", title="sandwich, lower side")
def softmax_sandwich_below(
    n: Size(2, 8), z: Vector("n"), b: Vector("n", simplex=True), w: Vector("n", low=10, high=20)
):
    r"""W^2 \le 1.1 (B + W^2), as \lambda_{\min}(W^{-1} B W^{-1}) \ge -1/11, where w_i^2 \ge 100, for normalized exp"""
    return lambda_min(hessian("normalized-exp")(z, b) / outer(w, w)), constant("DLS-lower")


softmax_sandwich_below_sharp = sharpened(softmax_sandwich_below)


@claim(
    "DLS-lipschitz", paper=DLS, kind="upper", provenance="reconstructed-M", expect="holds", title="Hessian is Lipschitz"
)
def softmax_hessian_lipschitz(
    n: Size(2, 8), d: Size(1, 3), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le \beta^{-2} n^{3/2} e^{20R^2} \|x - y\|_2 for normalized exp, \beta = e^{-R^2}"""
    H = hessian("normalized-exp")
    gap = spectral(A.T @ (H(A @ x, b) - H(A @ y, b)) @ A)
    return gap, constant("DLS-lipschitz", n=n, R=R) * norm2(x - y)


softmax_hessian_lipschitz_sharp = sharpened(softmax_hessian_lipschitz)


def _one_row(name, z, b):
    """The second derivative of (phi(z) - b)^2 / 2."""
    return hessian(name)(vector([z]), vector([b]))[0, 0]


@claim("LSZ-exp", paper="2303.15725", kind="lower", provenance="reconstructed-M", expect="holds", title="threshold")
def exp_threshold(
    z: Param(-6, 6), b: Param(-8, 8),
):  # fmt: skip
    r"""(2 e^z - b) e^z \ge -b^2 / 2: w_i^2 \ge b_i^2 / 2 + l / \sigma_{\min}(A)^2 is enough for exp"""
    return _one_row("plain-exp", z, b), constant("LSZ-exp", b=b)


exp_threshold_sharp = sharpened(exp_threshold)


@claim("LSZ-exp-best", paper="2303.15725", kind="lower", provenance="derived", expect="holds", title="sharp threshold")
def exp_threshold_best(
    z: Param(-6, 6), b: Param(-8, 8),
):  # fmt: skip
    r"""(2 e^z - b) e^z \ge -b^2 / 8"""
    return _one_row("plain-exp", z, b), constant("LSZ-exp-best", b=b)


exp_threshold_best_sharp = sharpened(exp_threshold_best)


@claim("LSZ-cosh", paper="2303.15725", kind="lower", provenance="reconstructed-M", expect="holds", title="threshold")
def cosh_threshold(
    z: Param(-6, 6), b: Param(-8, 8),
):  # fmt: skip
    r"""2 \cosh^2 z - 1 - b \cosh z \ge -(b^2 / 2 + 1)"""
    return _one_row("plain-cosh", z, b), constant("LSZ-cosh", b=b)


cosh_threshold_sharp = sharpened(cosh_threshold)


@claim("LSZ-cosh-best", paper="2303.15725", kind="lower", provenance="derived", expect="holds", title="sharp threshold")
def cosh_threshold_best(
    z: Param(-6, 6), b: Param(4, 16),
):  # fmt: skip
    r"""2 \cosh^2 z - 1 - b \cosh z \ge -(b^2 / 8 + 1) for b \ge 4"""
    return _one_row("plain-cosh", z, b), constant("LSZ-cosh-best", b=b)


cosh_threshold_best_sharp = sharpened(cosh_threshold_best)


@claim(
    "LSZ-cosh-small", paper="2303.15725", kind="lower", provenance="derived", expect="holds", title="sharp threshold"
)
def cosh_threshold_small(
    z: Param(-6, 6), b: Param(2, 4),
):  # fmt: skip
    r"""2 \cosh^2 z - 1 - b \cosh z \ge 1 - b for b \le 4"""
    return _one_row("plain-cosh", z, b), constant("LSZ-cosh-small", b=b)


cosh_threshold_small_sharp = sharpened(cosh_threshold_small)


@claim("LSZ-sinh", paper="2303.15725", kind="lower", provenance="reconstructed-M", expect="holds", title="threshold")
def sinh_threshold(
    z: Param(-6, 6), b: Param(-8, 8),
):  # fmt: skip
    r"""2 \sinh^2 z + 1 - b \sinh z \ge -(b^2 / 2 - 1)"""
    return _one_row("plain-sinh", z, b), constant("LSZ-sinh", b=b)


@claim("LSZ-sinh-best", paper="2303.15725", kind="lower", provenance="derived", expect="holds", title="sharp threshold")
def sinh_threshold_best(
    z: Param(-6, 6), b: Param(-8, 8),
):  # fmt: skip
    r"""2 \sinh^2 z + 1 - b \sinh z \ge -(b^2 / 8 - 1)"""
    return _one_row("plain-sinh", z, b), constant("LSZ-sinh-best", b=b)


@claim(
    "LSZ-sinh-low", paper="2303.15725", kind="lower", provenance="derived", expect="refuted", title="threshold too low"
)
def sinh_threshold_low(
    z: Param(-6, 6), b: Param(-8, 8),
):  # fmt: skip
    r"""2 \sinh^2 z + 1 - b \sinh z \ge -(b^2 / 9 - 1) (false)"""
    return _one_row("plain-sinh", z, b), constant("LSZ-sinh-low", b=b)
