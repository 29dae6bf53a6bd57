"""Rescaled exp, cosh and sinh regression: arXiv 2305.00660 (Gao, Song, Yin); bounds of u, alpha and c."""

from proofs_check import Matrix, Param, Size, Vector, claim, constant, prediction, residual
from proofs_check.arithmetic import absolute, norm2, total
from proofs_check.catalogue.sharpening import sharpened


@claim("P3-5-u-exp", paper="2305.00660", kind="upper", provenance="reconstructed-L", expect="holds", title="norm of u")
def exp_is_bounded(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\exp(Ax)\|_2 \le \sqrt n\, e^{R^2}"""
    return norm2(prediction("plain-exp")(A @ x)), constant("P3-5-u-exp", n=n, R=R)


exp_is_bounded_sharp = sharpened(exp_is_bounded)


@claim(
    "P3-5-alpha-exp",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="alpha from above",
)
def exp_normalizer_is_bounded(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\langle \exp(Ax), 1_n \rangle| \le n e^{R^2}"""
    return absolute(total(prediction("plain-exp")(A @ x))), constant("P3-5-alpha-exp", n=n, R=R)


exp_normalizer_is_bounded_sharp = sharpened(exp_normalizer_is_bounded)


@claim("P3-5-c-exp", paper="2305.00660", kind="upper", provenance="reconstructed-L", expect="holds", title="norm of c")
def exp_residual_is_bounded(
    n: Size(1, 64), d: Size(1, 8), R: Param(2, 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|c\|_2 \le 2 n R e^{R^2},  c = u - \alpha b,  u = \exp(Ax),  R \ge 2"""
    return norm2(residual("rescaled-exp")(A @ x, b)), constant("P3-5-c-exp", n=n, R=R)


exp_residual_is_bounded_sharp = sharpened(exp_residual_is_bounded)


@claim("P3-5-u-cosh", paper="2305.00660", kind="upper", provenance="reconstructed-L", expect="holds", title="norm of u")
def cosh_is_bounded(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\cosh(Ax)\|_2 \le \sqrt n\, e^{R^2}"""
    return norm2(prediction("plain-cosh")(A @ x)), constant("P3-5-u-cosh", n=n, R=R)


cosh_is_bounded_sharp = sharpened(cosh_is_bounded)


@claim(
    "P3-5-alpha-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="alpha from above",
)
def cosh_normalizer_is_bounded(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\langle \cosh(Ax), 1_n \rangle| \le n e^{R^2}"""
    return absolute(total(prediction("plain-cosh")(A @ x))), constant("P3-5-alpha-cosh", n=n, R=R)


cosh_normalizer_is_bounded_sharp = sharpened(cosh_normalizer_is_bounded)


@claim("P3-5-c-cosh", paper="2305.00660", kind="upper", provenance="reconstructed-L", expect="holds", title="norm of c")
def cosh_residual_is_bounded(
    n: Size(1, 64), d: Size(1, 8), R: Param(2, 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|c\|_2 \le 2 n R e^{R^2},  c = u - \alpha b,  u = \cosh(Ax),  R \ge 2"""
    return norm2(residual("rescaled-cosh")(A @ x, b)), constant("P3-5-c-cosh", n=n, R=R)


cosh_residual_is_bounded_sharp = sharpened(cosh_residual_is_bounded)


@claim("P3-5-u-sinh", paper="2305.00660", kind="upper", provenance="reconstructed-L", expect="holds", title="norm of u")
def sinh_is_bounded(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\sinh(Ax)\|_2 \le \sqrt n\, e^{R^2}"""
    return norm2(prediction("plain-sinh")(A @ x)), constant("P3-5-u-sinh", n=n, R=R)


sinh_is_bounded_sharp = sharpened(sinh_is_bounded)


@claim(
    "P3-5-alpha-sinh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="alpha from above",
)
def sinh_normalizer_is_bounded(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\langle \sinh(Ax), 1_n \rangle| \le n e^{R^2}"""
    return absolute(total(prediction("plain-sinh")(A @ x))), constant("P3-5-alpha-sinh", n=n, R=R)


sinh_normalizer_is_bounded_sharp = sharpened(sinh_normalizer_is_bounded)


@claim("P3-5-c-sinh", paper="2305.00660", kind="upper", provenance="reconstructed-L", expect="holds", title="norm of c")
def sinh_residual_is_bounded(
    n: Size(1, 64), d: Size(1, 8), R: Param(2, 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|c\|_2 \le 2 n R e^{R^2},  c = u - \alpha b,  u = \sinh(Ax),  R \ge 2"""
    return norm2(residual("rescaled-sinh")(A @ x, b)), constant("P3-5-c-sinh", n=n, R=R)


sinh_residual_is_bounded_sharp = sharpened(sinh_residual_is_bounded)


@claim(
    "P3-6-exp",
    paper="2305.00660",
    kind="lower",
    provenance="reconstructed-L",
    expect="holds",
    title="lower bound of alpha",
)
def alpha_exp(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\langle \exp(Ax), 1_n \rangle \ge e^{-R^2}"""
    return total(prediction("plain-exp")(A @ x)), constant("P3-6", R=R)


alpha_exp_sharp = sharpened(alpha_exp)


@claim(
    "P3-6-cosh",
    paper="2305.00660",
    kind="lower",
    provenance="reconstructed-L",
    expect="holds",
    title="lower bound of alpha",
)
def alpha_cosh(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\langle \cosh(Ax), 1_n \rangle \ge e^{-R^2}"""
    return total(prediction("plain-cosh")(A @ x)), constant("P3-6", R=R)


alpha_cosh_sharp = sharpened(alpha_cosh)


@claim(
    "P3-6-sinh",
    paper="2305.00660",
    kind="lower",
    provenance="reconstructed-L",
    expect="refuted",
    title="lower bound of alpha",
)
def alpha_sinh(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\langle \sinh(Ax), 1_n \rangle \ge e^{-R^2}"""
    return total(prediction("plain-sinh")(A @ x)), constant("P3-6", R=R)
