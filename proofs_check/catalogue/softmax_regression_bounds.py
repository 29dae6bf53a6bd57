r"""Softmax regression, weight shift and data shift: arXiv 2304.13276 (Li, Song, Xia, Yu, Zhou); bounds in x and in A.

The paper's \beta, a lower bound of \alpha = \langle \exp(Ax), 1_n \rangle, is e^{-R^2} here (P0-2), and
R_f = \beta^{-2} n^{3/2} e^{3R^2}.
"""

from proofs_check import Matrix, Param, Size, Vector, claim, constant, prediction, residual
from proofs_check.arithmetic import absolute, minimum, norm2, spectral, total
from proofs_check.catalogue.sharpening import sharpened

PAPER = "2304.13276"


@claim("P0-2", paper=PAPER, kind="lower", provenance="reconstructed-H", expect="holds", title="lower bound of alpha")
def normalizer_is_bounded_below(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R")
):
    r"""\langle \exp(Ax), 1_n \rangle \ge \beta = e^{-R^2}"""
    return total(prediction("plain-exp")(A @ x)), constant("P0-2", n=n, d=d, R=R)


normalizer_is_bounded_below_sharp = sharpened(normalizer_is_bounded_below)


@claim("P0-3.0", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="norm of u")
def exponential_is_bounded(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R")
):
    r"""\|\exp(Ax)\|_2 \le \sqrt n\, e^{R^2}"""
    return norm2(prediction("plain-exp")(A @ x)), constant("P0-3.0", n=n, d=d, R=R)


exponential_is_bounded_sharp = sharpened(exponential_is_bounded)


def _moved(name, z, t):
    """How far a prediction moves from z to t."""
    model = prediction(name)
    return norm2(model(z) - model(t))


def _alpha_moved(z, t):
    u = prediction("plain-exp")
    return absolute(total(u(z)) - total(u(t)))


def _inverse_alpha_moved(z, t):
    u = prediction("plain-exp")
    return absolute(1 / total(u(z)) - 1 / total(u(t)))


def _residual_moved(z, t, b):
    c = residual("normalized-exp")
    return norm2(c(z, b) - c(t, b))


@claim("P0-3.1", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="u is Lipschitz")
def exponential_is_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\exp(Ax) - \exp(Ay)\|_2 \le 2 \sqrt n\, R e^{R^2} \|x - y\|_2"""
    return _moved("plain-exp", A @ x, A @ y), constant("P0-3.1", n=n, d=d, R=R) * norm2(x - y)


exponential_is_lipschitz_sharp = sharpened(exponential_is_lipschitz)


@claim("P0-3.2", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="alpha and u")
def alpha_moves_with_u(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\alpha(x) - \alpha(y)| \le \sqrt n \|\exp(Ax) - \exp(Ay)\|_2"""
    return _alpha_moved(A @ x, A @ y), constant("P0-3.2", n=n, d=d, R=R) * _moved("plain-exp", A @ x, A @ y)


alpha_moves_with_u_sharp = sharpened(alpha_moves_with_u)


@claim("P0-3.3", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="1/alpha")
def inverse_alpha_moves_with_alpha(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\alpha(x)^{-1} - \alpha(y)^{-1}| \le \beta^{-2} |\alpha(x) - \alpha(y)|"""
    return _inverse_alpha_moved(A @ x, A @ y), constant("P0-3.3", n=n, d=d, R=R) * _alpha_moved(A @ x, A @ y)


inverse_alpha_moves_with_alpha_sharp = sharpened(inverse_alpha_moves_with_alpha)


@claim("P0-3.4", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="f is Lipschitz")
def softmax_is_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|f(x) - f(y)\|_2 \le R_f \|x - y\|_2"""
    return _moved("normalized-exp", A @ x, A @ y), constant("P0-3.4", n=n, d=d, R=R) * norm2(x - y)


softmax_is_lipschitz_sharp = sharpened(softmax_is_lipschitz)


@claim("P0-3.5", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="c is Lipschitz")
def residual_is_lipschitz(
    n: Size(2, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\|c(x) - c(y)\|_2 \le R_f \|x - y\|_2"""
    return _residual_moved(A @ x, A @ y, b), constant("P0-3.5", n=n, d=d, R=R) * norm2(x - y)


residual_is_lipschitz_sharp = sharpened(residual_is_lipschitz)


@claim("P0-3.3-beta", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="1/alpha, best beta")
def inverse_alpha_moves_with_alpha_best_beta(
    n: Size(1, 16), d: Size(1, 4), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\alpha(x)^{-1} - \alpha(y)^{-1}| \le \beta^{-2} |\alpha(x) - \alpha(y)|, \beta = \min(\alpha(x), \alpha(y))"""
    u = prediction("plain-exp")
    beta = minimum(total(u(A @ x)), total(u(A @ y)))
    return _inverse_alpha_moved(A @ x, A @ y), _alpha_moved(A @ x, A @ y) / beta**2


@claim("P0-3.4-beta", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="f, best beta")
def softmax_is_lipschitz_best_beta(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|f(x) - f(y)\|_2 \le \beta^{-2} n^{3/2} e^{3R^2} \|x - y\|_2, \beta = \min(\alpha(x), \alpha(y))"""
    u = prediction("plain-exp")
    beta = minimum(total(u(A @ x)), total(u(A @ y)))
    return _moved("normalized-exp", A @ x, A @ y), constant("P0-3.4-beta", n=n, d=d, R=R) / beta**2 * norm2(x - y)


softmax_is_lipschitz_best_beta_sharp = sharpened(softmax_is_lipschitz_best_beta)


@claim("P0-3.6", paper=PAPER, kind="equality", provenance="reconstructed-M", expect="proved", title="sum of f")
def softmax_sums_to_one(n: Size(1, 64), z: Vector("n")):
    r"""\|f\|_1 = \langle f, 1_n \rangle = 1, as f > 0"""
    return total(prediction("normalized-exp")(z)), 1


@claim("P0-3.6-f", paper=PAPER, kind="upper", provenance="reconstructed-M", expect="holds", title="norm of f")
def softmax_norm(n: Size(1, 64), z: Vector("n")):
    r"""\|f\|_2 \le 1"""
    return norm2(prediction("normalized-exp")(z)), constant("P0-3.6-f", n=n)


softmax_norm_sharp = sharpened(softmax_norm)


@claim("P0-3.6-c", paper=PAPER, kind="upper", provenance="reconstructed-M", expect="holds", title="norm of c")
def residual_norm(n: Size(1, 64), z: Vector("n"), b: Vector("n", simplex=True)):
    r"""\|c\|_2 \le 2 for b in the simplex"""
    return norm2(residual("normalized-exp")(z, b)), constant("P0-3.6-c", n=n)


residual_norm_sharp = sharpened(residual_norm)


@claim("P0-4.1", paper=PAPER, kind="upper", provenance="reconstructed-M", expect="holds", title="u is Lipschitz, in A")
def exponential_is_lipschitz_in_the_data(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), B: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\exp(Ax) - \exp(A'x)\|_2 \le 2 \sqrt n\, R e^{R^2} \|A - A'\|"""
    return _moved("plain-exp", A @ x, B @ x), constant("P0-4.1", n=n, d=d, R=R) * spectral(A - B)


exponential_is_lipschitz_in_the_data_sharp = sharpened(exponential_is_lipschitz_in_the_data)


@claim("P0-4.2", paper=PAPER, kind="upper", provenance="reconstructed-M", expect="holds", title="alpha and u, in A")
def alpha_moves_with_u_in_the_data(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), B: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\alpha(A) - \alpha(A')| \le \sqrt n \|\exp(Ax) - \exp(A'x)\|_2"""
    return _alpha_moved(A @ x, B @ x), constant("P0-4.2", n=n, d=d, R=R) * _moved("plain-exp", A @ x, B @ x)


alpha_moves_with_u_in_the_data_sharp = sharpened(alpha_moves_with_u_in_the_data)


@claim("P0-4.3", paper=PAPER, kind="upper", provenance="reconstructed-M", expect="holds", title="1/alpha, in A")
def inverse_alpha_moves_with_alpha_in_the_data(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), B: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\alpha(A)^{-1} - \alpha(A')^{-1}| \le \beta^{-2} |\alpha(A) - \alpha(A')|"""
    return _inverse_alpha_moved(A @ x, B @ x), constant("P0-4.3", n=n, d=d, R=R) * _alpha_moved(A @ x, B @ x)


inverse_alpha_moves_with_alpha_in_the_data_sharp = sharpened(inverse_alpha_moves_with_alpha_in_the_data)


@claim("P0-4.4", paper=PAPER, kind="upper", provenance="reconstructed-M", expect="holds", title="f is Lipschitz, in A")
def softmax_is_lipschitz_in_the_data(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), B: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|f(A) - f(A')\|_2 \le R_f \|A - A'\|"""
    return _moved("normalized-exp", A @ x, B @ x), constant("P0-4.4", n=n, d=d, R=R) * spectral(A - B)


softmax_is_lipschitz_in_the_data_sharp = sharpened(softmax_is_lipschitz_in_the_data)


@claim("P0-4.5", paper=PAPER, kind="upper", provenance="reconstructed-M", expect="holds", title="c is Lipschitz, in A")
def residual_is_lipschitz_in_the_data(
    n: Size(2, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), B: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\|c(A) - c(A')\|_2 \le R_f \|A - A'\|"""
    return _residual_moved(A @ x, B @ x, b), constant("P0-4.5", n=n, d=d, R=R) * spectral(A - B)


residual_is_lipschitz_in_the_data_sharp = sharpened(residual_is_lipschitz_in_the_data)
