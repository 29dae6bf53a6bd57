"""Softmax regression, weight shift and data shift: arXiv 2304.13276 (Li, Song, Xia, Yu, Zhou)."""

from proofs_check import Matrix, Param, Size, Vector, claim, constant, gradient, hessian, prediction
from proofs_check.arithmetic import diagonal, dot, norm2, outer, total

PAPER = "2304.13276"


@claim("P0-2", paper=PAPER, kind="lower", provenance="reconstructed-H", expect="holds", title="lower bound of alpha")
def normalizer_is_bounded_below(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R")
):
    r"""\langle \exp(Ax), 1_n \rangle \ge \beta = e^{-R^2}"""
    return total(prediction("plain-exp")(A @ x)), constant("P0-2", R=R)


@claim("P0-3.0", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="norm of u")
def exponential_is_bounded(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R")
):
    r"""\|\exp(Ax)\|_2 \le \sqrt n\, e^{R^2}"""
    return norm2(prediction("plain-exp")(A @ x)), constant("P0-3.0", n=n, R=R)


@claim("P0-3.1", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="u is Lipschitz")
def exponential_is_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\exp(Ax) - \exp(Ay)\|_2 \le 2 \sqrt n\, R e^{R^2} \|x - y\|_2"""
    u = prediction("plain-exp")
    return norm2(u(A @ x) - u(A @ y)), constant("P0-3.1", n=n, R=R) * norm2(x - y)


@claim("P0-3.4", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="f is Lipschitz")
def softmax_is_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|f(x) - f(y)\|_2 \le \beta^{-2} n^{3/2} e^{3R^2} \|x - y\|_2,  \beta = e^{-R^2}"""
    f = prediction("normalized-exp")
    return norm2(f(A @ x) - f(A @ y)), constant("P0-3.4", n=n, R=R) * norm2(x - y)


@claim("P0-1.6", paper=PAPER, kind="equality", provenance="reconstructed-M", expect="proved", title="gradient")
def gradient_formula(n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d"), x: Vector("d"), b: Vector("n")):
    r"""\nabla L = A^\top(-f \langle c, f \rangle + \mathrm{diag}(f) c)"""
    f = prediction("normalized-exp")(A @ x)
    c = f - b
    return A.T @ gradient("normalized-exp")(A @ x, b), A.T @ (f * c - f * dot(c, f))


@claim(
    "F12", paper=PAPER, kind="equality", provenance="reconstructed-L", expect="refuted", title="gradient, wrong sign"
)
def gradient_formula_with_plus(n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d"), x: Vector("d"), b: Vector("n")):
    r"""\nabla L = A^\top(f \langle c, f \rangle + \mathrm{diag}(f) c)"""
    f = prediction("normalized-exp")(A @ x)
    c = f - b
    return A.T @ gradient("normalized-exp")(A @ x, b), A.T @ (f * c + f * dot(c, f))


@claim(
    "F12-hessian",
    paper=PAPER,
    kind="equality",
    provenance="reconstructed-L",
    expect="refuted",
    title="B_diag, wrong sign",
)
def diagonal_piece_with_plus(n: Size(1, 16), z: Vector("n"), b: Vector("n")):
    r"""B_{diag} = \mathrm{diag}((2f - b) \circ f) + \langle f - b, f \rangle \mathrm{diag}(f)"""
    f = prediction("normalized-exp")(z)
    g = (2 * f - b) * f
    rank = dot(3 * f - 2 * b, f) * outer(f, f) - outer(g, f) - outer(f, g)
    return hessian("normalized-exp")(z, b), rank + diagonal(g) + dot(f - b, f) * diagonal(f)
