"""Rescaled exp, cosh and sinh regression: arXiv 2305.00660 (Gao, Song, Yin); definiteness and sandwich; n up to 8."""

from proofs_check import Matrix, Param, Size, Vector, assume, claim, constant, hessian
from proofs_check.arithmetic import absolute, diagonal, lambda_max, lambda_min, ones, outer, sqrt, vector
from proofs_check.catalogue.sharpening import sharpened


def _regularised(name, A, x, b, square):
    """Hessian in x of the loss and of a regulariser with the squared weights given."""
    return A.T @ (hessian(name)(A @ x, b) + diagonal(square)) @ A


def _relative(name, z, b, w):
    """W^{-1} B W^{-1}, whose eigenvalues say how B compares with W^2."""
    return hessian(name)(z, b) / outer(w, w)


@claim(
    "P3-7-lower-exp",
    paper="2305.00660",
    kind="lower",
    provenance="reconstructed-L",
    expect="holds",
    title="B from below",
)
def hessian_of_exp_below(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\lambda_{\min}(B) \ge -4 n e^{2R^2} for rescaled exp and \|b\|_2 \le 1"""
    return lambda_min(hessian("rescaled-exp")(A @ x, b)), constant("P3-7-lower-exp", n=n, R=R)


hessian_of_exp_below_sharp = sharpened(hessian_of_exp_below)


@claim(
    "P3-7-upper-exp",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="B from above",
)
def hessian_of_exp_above(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\lambda_{\max}(B) \le 8 n e^{2R^2} for rescaled exp and \|b\|_2 \le 1"""
    return lambda_max(hessian("rescaled-exp")(A @ x, b)), constant("P3-7-upper-exp", n=n, R=R)


hessian_of_exp_above_sharp = sharpened(hessian_of_exp_above)


@claim(
    "P3-7-lower-cosh",
    paper="2305.00660",
    kind="lower",
    provenance="reconstructed-L",
    expect="holds",
    title="B from below",
)
def hessian_of_cosh_below(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\lambda_{\min}(B) \ge -4 n e^{2R^2} for rescaled cosh and \|b\|_2 \le 1"""
    return lambda_min(hessian("rescaled-cosh")(A @ x, b)), constant("P3-7-lower-cosh", n=n, R=R)


hessian_of_cosh_below_sharp = sharpened(hessian_of_cosh_below)


@claim(
    "P3-7-upper-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="B from above",
)
def hessian_of_cosh_above(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\lambda_{\max}(B) \le 8 n e^{2R^2} for rescaled cosh and \|b\|_2 \le 1"""
    return lambda_max(hessian("rescaled-cosh")(A @ x, b)), constant("P3-7-upper-cosh", n=n, R=R)


hessian_of_cosh_above_sharp = sharpened(hessian_of_cosh_above)


@claim(
    "P3-7-lower-sinh",
    paper="2305.00660",
    kind="lower",
    provenance="reconstructed-L",
    expect="holds",
    title="B from below",
)
def hessian_of_sinh_below(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\lambda_{\min}(B) \ge -4 n e^{2R^2} for rescaled sinh and \|b\|_2 \le 1"""
    return lambda_min(hessian("rescaled-sinh")(A @ x, b)), constant("P3-7-lower-sinh", n=n, R=R)


hessian_of_sinh_below_sharp = sharpened(hessian_of_sinh_below)


@claim(
    "P3-7-upper-sinh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="B from above",
)
def hessian_of_sinh_above(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\lambda_{\max}(B) \le 8 n e^{2R^2} for rescaled sinh and \|b\|_2 \le 1"""
    return lambda_max(hessian("rescaled-sinh")(A @ x, b)), constant("P3-7-upper-sinh", n=n, R=R)


hessian_of_sinh_above_sharp = sharpened(hessian_of_sinh_above)


@claim(
    "P3-8-exp",
    paper="2305.00660",
    kind="lower",
    provenance="reconstructed-M",
    expect="holds",
    title="positive definite",
)
def positive_definite_exp(
    n: Size(1, 4), d: Size(1, 2), R: Param("1/20", 2), l: Param("1/100", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), b: Vector("n", norm2=1), s: Vector("n", low=0, high=1),
):  # fmt: skip
    r"""\nabla^2 (L + L_{reg}) \ge l I where w_i^2 \ge 4 n e^{2R^2} + l / \sigma_{\min}(A)^2, for rescaled exp, \|x\|_2 \le R, \|b\|_2 \le 1"""
    least = lambda_min(A.T @ A)
    assume(least, ">", constant("P3-8-rank"))
    square = (constant("P3-8", n=n, R=R) + l / least) * ones(n) + s
    return lambda_min(_regularised("rescaled-exp", A, x, b, square)), l


@claim(
    "P3-8-cosh",
    paper="2305.00660",
    kind="lower",
    provenance="reconstructed-M",
    expect="holds",
    title="positive definite",
)
def positive_definite_cosh(
    n: Size(1, 4), d: Size(1, 2), R: Param("1/20", 2), l: Param("1/100", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), b: Vector("n", norm2=1), s: Vector("n", low=0, high=1),
):  # fmt: skip
    r"""\nabla^2 (L + L_{reg}) \ge l I where w_i^2 \ge 4 n e^{2R^2} + l / \sigma_{\min}(A)^2, for rescaled cosh, \|x\|_2 \le R, \|b\|_2 \le 1"""
    least = lambda_min(A.T @ A)
    assume(least, ">", constant("P3-8-rank"))
    square = (constant("P3-8", n=n, R=R) + l / least) * ones(n) + s
    return lambda_min(_regularised("rescaled-cosh", A, x, b, square)), l


@claim(
    "P3-8-sinh",
    paper="2305.00660",
    kind="lower",
    provenance="reconstructed-M",
    expect="holds",
    title="positive definite",
)
def positive_definite_sinh(
    n: Size(1, 4), d: Size(1, 2), R: Param("1/20", 2), l: Param("1/100", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), b: Vector("n", norm2=1), s: Vector("n", low=0, high=1),
):  # fmt: skip
    r"""\nabla^2 (L + L_{reg}) \ge l I where w_i^2 \ge 4 n e^{2R^2} + l / \sigma_{\min}(A)^2, for rescaled sinh, \|x\|_2 \le R, \|b\|_2 \le 1"""
    least = lambda_min(A.T @ A)
    assume(least, ">", constant("P3-8-rank"))
    square = (constant("P3-8", n=n, R=R) + l / least) * ones(n) + s
    return lambda_min(_regularised("rescaled-sinh", A, x, b, square)), l


@claim("P3-8-low", paper="2305.00660", kind="lower", provenance="derived", expect="refuted", title="threshold too low")
def positive_definite_below_the_threshold(
    n: Size(1, 4), d: Size(1, 2), R: Param("1/20", 2), l: Param("1/100", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), b: Vector("n", norm2=1), s: Vector("n", low=0, high=1),
):  # fmt: skip
    r"""P3-8 for exp with the threshold n e^{2R^2} / 100 in the place of 4 n e^{2R^2} (false)"""
    least = lambda_min(A.T @ A)
    assume(least, ">", constant("P3-8-rank"))
    square = (constant("P3-8-low", n=n, R=R) + l / least) * ones(n) + s
    return lambda_min(_regularised("rescaled-exp", A, x, b, square)), l


@claim("F16", paper="2305.00660", kind="lower", provenance="derived", expect="refuted", title="beyond the ball")
def hessian_beyond_the_ball(n: Size(2, 6), R: Param(1, 2), z: Vector("n", norm2="4*R**2"), b: Vector("n", norm2=1)):
    r"""\lambda_{\min}(B) \ge -4 n e^{2R^2} for rescaled exp and \|x\|_2 \le 4R, \|Ax\|_2 \le 4R^2 (false: the threshold of
    P3-8 is for \|x\|_2 \le R; iterates must be shown to stay there)"""
    return lambda_min(hessian("rescaled-exp")(z, b)), constant("P3-7-lower-exp", n=n, R=R)


@claim(
    "F16-lipschitz",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="refuted",
    title="Lipschitz beyond the ball",
)
def hessian_lipschitz_beyond_the_ball(
    R: Param("1/20", "1/2"), x: Param(0, 8), y: Param(0, 8),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le n^{3/2} e^{20R^2} |x - y| for n = d = 1, A = R, b = 0 and any x, y (false beyond \|x\|_2 \le R)"""
    H = hessian("rescaled-exp")
    gap = H(vector([R * x]), vector([0])) - H(vector([R * y]), vector([0]))
    return R**2 * absolute(gap[0, 0]), constant("P3-11", n=1, R=R) * absolute(x - y)


@claim(
    "P3-9-upper-exp",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="sandwich, upper side",
)
def sandwich_of_exp_above(
    n: Size(1, 8), d: Size(1, 2), R: Param("1/20", 2), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1), s: Vector("n", low=0, high=1),
):  # fmt: skip
    r"""0.9 (B + W^2) \le W^2, as \lambda_{\max}(W^{-1} B W^{-1}) \le 1/9, where w_i^2 \ge 72 n e^{2R^2}, for rescaled exp"""
    w = sqrt(constant("P3-9-weight", n=n, R=R)) * (1 + s)
    return lambda_max(_relative("rescaled-exp", A @ x, b, w)), constant("P3-9-upper-exp")


sandwich_of_exp_above_sharp = sharpened(sandwich_of_exp_above)


@claim(
    "P3-9-lower-exp",
    paper="2305.00660",
    kind="lower",
    provenance="reconstructed-L",
    expect="holds",
    title="sandwich, lower side",
)
def sandwich_of_exp_below(
    n: Size(1, 8), d: Size(1, 2), R: Param("1/20", 2), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1), s: Vector("n", low=0, high=1),
):  # fmt: skip
    r"""W^2 \le 1.1 (B + W^2), as \lambda_{\min}(W^{-1} B W^{-1}) \ge -1/11, where w_i^2 \ge 72 n e^{2R^2}, for rescaled exp"""
    w = sqrt(constant("P3-9-weight", n=n, R=R)) * (1 + s)
    return lambda_min(_relative("rescaled-exp", A @ x, b, w)), constant("P3-9-lower-exp")


sandwich_of_exp_below_sharp = sharpened(sandwich_of_exp_below)


@claim(
    "P3-9-upper-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="sandwich, upper side",
)
def sandwich_of_cosh_above(
    n: Size(1, 8), d: Size(1, 2), R: Param("1/20", 2), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1), s: Vector("n", low=0, high=1),
):  # fmt: skip
    r"""0.9 (B + W^2) \le W^2, as \lambda_{\max}(W^{-1} B W^{-1}) \le 1/9, where w_i^2 \ge 72 n e^{2R^2}, for rescaled cosh"""
    w = sqrt(constant("P3-9-weight", n=n, R=R)) * (1 + s)
    return lambda_max(_relative("rescaled-cosh", A @ x, b, w)), constant("P3-9-upper-cosh")


sandwich_of_cosh_above_sharp = sharpened(sandwich_of_cosh_above)


@claim(
    "P3-9-lower-cosh",
    paper="2305.00660",
    kind="lower",
    provenance="reconstructed-L",
    expect="holds",
    title="sandwich, lower side",
)
def sandwich_of_cosh_below(
    n: Size(1, 8), d: Size(1, 2), R: Param("1/20", 2), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1), s: Vector("n", low=0, high=1),
):  # fmt: skip
    r"""W^2 \le 1.1 (B + W^2), as \lambda_{\min}(W^{-1} B W^{-1}) \ge -1/11, where w_i^2 \ge 72 n e^{2R^2}, for rescaled cosh"""
    w = sqrt(constant("P3-9-weight", n=n, R=R)) * (1 + s)
    return lambda_min(_relative("rescaled-cosh", A @ x, b, w)), constant("P3-9-lower-cosh")


sandwich_of_cosh_below_sharp = sharpened(sandwich_of_cosh_below)


@claim(
    "P3-9-upper-sinh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="sandwich, upper side",
)
def sandwich_of_sinh_above(
    n: Size(1, 8), d: Size(1, 2), R: Param("1/20", 2), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1), s: Vector("n", low=0, high=1),
):  # fmt: skip
    r"""0.9 (B + W^2) \le W^2, as \lambda_{\max}(W^{-1} B W^{-1}) \le 1/9, where w_i^2 \ge 72 n e^{2R^2}, for rescaled sinh"""
    w = sqrt(constant("P3-9-weight", n=n, R=R)) * (1 + s)
    return lambda_max(_relative("rescaled-sinh", A @ x, b, w)), constant("P3-9-upper-sinh")


sandwich_of_sinh_above_sharp = sharpened(sandwich_of_sinh_above)


@claim(
    "P3-9-lower-sinh",
    paper="2305.00660",
    kind="lower",
    provenance="reconstructed-L",
    expect="holds",
    title="sandwich, lower side",
)
def sandwich_of_sinh_below(
    n: Size(1, 8), d: Size(1, 2), R: Param("1/20", 2), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1), s: Vector("n", low=0, high=1),
):  # fmt: skip
    r"""W^2 \le 1.1 (B + W^2), as \lambda_{\min}(W^{-1} B W^{-1}) \ge -1/11, where w_i^2 \ge 72 n e^{2R^2}, for rescaled sinh"""
    w = sqrt(constant("P3-9-weight", n=n, R=R)) * (1 + s)
    return lambda_min(_relative("rescaled-sinh", A @ x, b, w)), constant("P3-9-lower-sinh")


sandwich_of_sinh_below_sharp = sharpened(sandwich_of_sinh_below)
