"""Rescaled exp, cosh and sinh regression: arXiv 2305.00660 (Gao, Song, Yin)."""

from proofs_check import Matrix, Param, Size, Vector, claim, constant, hessian, prediction
from proofs_check.arithmetic import norm2, spectral, total

PAPER = "2305.00660"


def _hessian_gap(name, A, x, y, b):
    """Spectral norm of the change of the Hessian in x; both Hessians come from the derived code."""
    H = hessian(name)
    return spectral(A.T @ (H(A @ x, b) - H(A @ y, b)) @ A)


@claim(
    "P3-6-exp", paper=PAPER, kind="lower", provenance="reconstructed-L", expect="holds", title="lower bound of alpha"
)
def alpha_exp(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R")
):
    r"""\langle \exp(Ax), 1_n \rangle \ge e^{-R^2}"""
    return total(prediction("plain-exp")(A @ x)), constant("P3-6", R=R)


@claim(
    "P3-6-cosh", paper=PAPER, kind="lower", provenance="reconstructed-L", expect="holds", title="lower bound of alpha"
)
def alpha_cosh(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R")
):
    r"""\langle \cosh(Ax), 1_n \rangle \ge e^{-R^2}"""
    return total(prediction("plain-cosh")(A @ x)), constant("P3-6", R=R)


@claim(
    "P3-6-sinh", paper=PAPER, kind="lower", provenance="reconstructed-L", expect="refuted", title="lower bound of alpha"
)
def alpha_sinh(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R")
):
    r"""\langle \sinh(Ax), 1_n \rangle \ge e^{-R^2}"""
    return total(prediction("plain-sinh")(A @ x)), constant("P3-6", R=R)


@claim(
    "P3-11-exp", paper=PAPER, kind="upper", provenance="reconstructed-L", expect="holds", title="Hessian is Lipschitz"
)
def hessian_lipschitz_exp(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le n^{3/2} e^{20 R^2} \|x - y\|_2,  u = \exp(Ax)"""
    return _hessian_gap("rescaled-exp", A, x, y, b), constant("P3-11", n=n, R=R) * norm2(x - y)


@claim(
    "P3-11-cosh", paper=PAPER, kind="upper", provenance="reconstructed-L", expect="holds", title="Hessian is Lipschitz"
)
def hessian_lipschitz_cosh(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le n^{3/2} e^{20 R^2} \|x - y\|_2,  u = \cosh(Ax)"""
    return _hessian_gap("rescaled-cosh", A, x, y, b), constant("P3-11", n=n, R=R) * norm2(x - y)


@claim(
    "P3-11-sinh", paper=PAPER, kind="upper", provenance="reconstructed-L", expect="holds", title="Hessian is Lipschitz"
)
def hessian_lipschitz_sinh(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le n^{3/2} e^{20 R^2} \|x - y\|_2,  u = \sinh(Ax)"""
    return _hessian_gap("rescaled-sinh", A, x, y, b), constant("P3-11", n=n, R=R) * norm2(x - y)
