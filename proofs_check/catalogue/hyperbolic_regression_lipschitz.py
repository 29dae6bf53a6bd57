"""Rescaled exp, cosh and sinh regression: arXiv 2305.00660 (Gao, Song, Yin); Lipschitz constants in x and in A."""

from proofs_check import Matrix, Param, Size, Vector, claim, constant, hessian, prediction, residual
from proofs_check.arithmetic import norm2, spectral
from proofs_check.catalogue.sharpening import sharpened


def _moved(name, z, t):
    """How far a prediction moves from z to t."""
    model = prediction(name)
    return norm2(model(z) - model(t))


def _residual_moved(name, z, t, b):
    c = residual(name)
    return norm2(c(z, b) - c(t, b))


def _hessian_gap(name, A, x, y, b):
    """Spectral norm of the change of the Hessian in x; both Hessians come from the derived code."""
    H = hessian(name)
    return spectral(A.T @ (H(A @ x, b) - H(A @ y, b)) @ A)


@claim(
    "P3-10-u-exp",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-M",
    expect="holds",
    title="u is Lipschitz",
)
def exp_is_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\exp(Ax) - \exp(Ay)\|_2 \le 2 \sqrt n\, R e^{R^2} \|x - y\|_2"""
    return _moved("plain-exp", A @ x, A @ y), constant("P3-10-u-exp", n=n, R=R) * norm2(x - y)


exp_is_lipschitz_sharp = sharpened(exp_is_lipschitz)


@claim(
    "P3-10-c-exp",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-M",
    expect="holds",
    title="c is Lipschitz",
)
def exp_residual_is_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|c(x) - c(y)\|_2 \le (1 + \sqrt n \|b\|_2) \|u(x) - u(y)\|_2,  u = \exp(Ax)"""
    bound = 1 + constant("P3-10-c-exp", n=n) * norm2(b)
    return _residual_moved("rescaled-exp", A @ x, A @ y, b), bound * _moved("plain-exp", A @ x, A @ y)


exp_residual_is_lipschitz_sharp = sharpened(exp_residual_is_lipschitz)


@claim(
    "P3-10-u-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-M",
    expect="holds",
    title="u is Lipschitz",
)
def cosh_is_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\cosh(Ax) - \cosh(Ay)\|_2 \le 2 \sqrt n\, R e^{R^2} \|x - y\|_2"""
    return _moved("plain-cosh", A @ x, A @ y), constant("P3-10-u-cosh", n=n, R=R) * norm2(x - y)


cosh_is_lipschitz_sharp = sharpened(cosh_is_lipschitz)


@claim(
    "P3-10-c-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-M",
    expect="holds",
    title="c is Lipschitz",
)
def cosh_residual_is_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|c(x) - c(y)\|_2 \le (1 + \sqrt n \|b\|_2) \|u(x) - u(y)\|_2,  u = \cosh(Ax)"""
    bound = 1 + constant("P3-10-c-cosh", n=n) * norm2(b)
    return _residual_moved("rescaled-cosh", A @ x, A @ y, b), bound * _moved("plain-cosh", A @ x, A @ y)


cosh_residual_is_lipschitz_sharp = sharpened(cosh_residual_is_lipschitz)


@claim(
    "P3-10-u-sinh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-M",
    expect="holds",
    title="u is Lipschitz",
)
def sinh_is_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\sinh(Ax) - \sinh(Ay)\|_2 \le 2 \sqrt n\, R e^{R^2} \|x - y\|_2"""
    return _moved("plain-sinh", A @ x, A @ y), constant("P3-10-u-sinh", n=n, R=R) * norm2(x - y)


sinh_is_lipschitz_sharp = sharpened(sinh_is_lipschitz)


@claim(
    "P3-10-c-sinh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-M",
    expect="holds",
    title="c is Lipschitz",
)
def sinh_residual_is_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|c(x) - c(y)\|_2 \le (1 + \sqrt n \|b\|_2) \|u(x) - u(y)\|_2,  u = \sinh(Ax)"""
    bound = 1 + constant("P3-10-c-sinh", n=n) * norm2(b)
    return _residual_moved("rescaled-sinh", A @ x, A @ y, b), bound * _moved("plain-sinh", A @ x, A @ y)


sinh_residual_is_lipschitz_sharp = sharpened(sinh_residual_is_lipschitz)


@claim(
    "P3-11-exp",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="Hessian is Lipschitz",
)
def hessian_lipschitz_exp(
    n: Size(1, 8), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le n^{3/2} e^{20 R^2} \|x - y\|_2,  u = \exp(Ax)"""
    return _hessian_gap("rescaled-exp", A, x, y, b), constant("P3-11", n=n, R=R) * norm2(x - y)


hessian_lipschitz_exp_sharp = sharpened(hessian_lipschitz_exp)


@claim(
    "P3-11-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="Hessian is Lipschitz",
)
def hessian_lipschitz_cosh(
    n: Size(1, 8), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le n^{3/2} e^{20 R^2} \|x - y\|_2,  u = \cosh(Ax)"""
    return _hessian_gap("rescaled-cosh", A, x, y, b), constant("P3-11", n=n, R=R) * norm2(x - y)


hessian_lipschitz_cosh_sharp = sharpened(hessian_lipschitz_cosh)


@claim(
    "P3-11-sinh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="Hessian is Lipschitz",
)
def hessian_lipschitz_sinh(
    n: Size(1, 8), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le n^{3/2} e^{20 R^2} \|x - y\|_2,  u = \sinh(Ax)"""
    return _hessian_gap("rescaled-sinh", A, x, y, b), constant("P3-11", n=n, R=R) * norm2(x - y)


hessian_lipschitz_sinh_sharp = sharpened(hessian_lipschitz_sinh)


@claim(
    "P3-12-u-exp",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="u as a function of A",
)
def exp_is_lipschitz_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\exp(Ax) - \exp(Cx)\|_2 \le 2 \sqrt n\, R e^{R^2} \|A - C\|"""
    return _moved("plain-exp", A @ x, C @ x), constant("P3-12-u-exp", n=n, R=R) * spectral(A - C)


exp_is_lipschitz_in_data_sharp = sharpened(exp_is_lipschitz_in_data)


@claim(
    "P3-12-c-exp",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="c as a function of A",
)
def exp_residual_is_lipschitz_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|c(A) - c(C)\|_2 \le (1 + \sqrt n \|b\|_2) \|u(A) - u(C)\|_2,  u = \exp(Ax)"""
    bound = 1 + constant("P3-12-c-exp", n=n) * norm2(b)
    return _residual_moved("rescaled-exp", A @ x, C @ x, b), bound * _moved("plain-exp", A @ x, C @ x)


exp_residual_is_lipschitz_in_data_sharp = sharpened(exp_residual_is_lipschitz_in_data)


@claim(
    "P3-12-u-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="u as a function of A",
)
def cosh_is_lipschitz_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\cosh(Ax) - \cosh(Cx)\|_2 \le 2 \sqrt n\, R e^{R^2} \|A - C\|"""
    return _moved("plain-cosh", A @ x, C @ x), constant("P3-12-u-cosh", n=n, R=R) * spectral(A - C)


cosh_is_lipschitz_in_data_sharp = sharpened(cosh_is_lipschitz_in_data)


@claim(
    "P3-12-c-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="c as a function of A",
)
def cosh_residual_is_lipschitz_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|c(A) - c(C)\|_2 \le (1 + \sqrt n \|b\|_2) \|u(A) - u(C)\|_2,  u = \cosh(Ax)"""
    bound = 1 + constant("P3-12-c-cosh", n=n) * norm2(b)
    return _residual_moved("rescaled-cosh", A @ x, C @ x, b), bound * _moved("plain-cosh", A @ x, C @ x)


cosh_residual_is_lipschitz_in_data_sharp = sharpened(cosh_residual_is_lipschitz_in_data)


@claim(
    "P3-12-u-sinh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="u as a function of A",
)
def sinh_is_lipschitz_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\sinh(Ax) - \sinh(Cx)\|_2 \le 2 \sqrt n\, R e^{R^2} \|A - C\|"""
    return _moved("plain-sinh", A @ x, C @ x), constant("P3-12-u-sinh", n=n, R=R) * spectral(A - C)


sinh_is_lipschitz_in_data_sharp = sharpened(sinh_is_lipschitz_in_data)


@claim(
    "P3-12-c-sinh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="c as a function of A",
)
def sinh_residual_is_lipschitz_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|c(A) - c(C)\|_2 \le (1 + \sqrt n \|b\|_2) \|u(A) - u(C)\|_2,  u = \sinh(Ax)"""
    bound = 1 + constant("P3-12-c-sinh", n=n) * norm2(b)
    return _residual_moved("rescaled-sinh", A @ x, C @ x, b), bound * _moved("plain-sinh", A @ x, C @ x)


sinh_residual_is_lipschitz_in_data_sharp = sharpened(sinh_residual_is_lipschitz_in_data)
