"""Sharp constants in the data matrix at a fixed x, derived beside 2304.13276 and 2305.00660."""

from proofs_check import Matrix, Param, Size, Vector, claim, constant, prediction, residual
from proofs_check.arithmetic import absolute, norm2, spectral, total
from proofs_check.catalogue.derived_losses import projector_norm
from proofs_check.catalogue.sharpening import sharpened


def _moved(name, z, t):
    """How far a prediction moves from z to t."""
    model = prediction(name)
    return norm2(model(z) - model(t))


@claim(
    "K17-u-exp", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="u as a function of A"
)
def exp_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\exp(Ax) - \exp(Cx)\|_2 \le e^{R^2} \|x\|_2 \|A - C\|"""
    return _moved("plain-exp", A @ x, C @ x), constant("K17-u-exp", R=R) * norm2(x) * spectral(A - C)


exp_in_data_sharp = sharpened(exp_in_data)


@claim(
    "K17-u-cosh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="u as a function of A"
)
def cosh_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\cosh(Ax) - \cosh(Cx)\|_2 \le \sinh R^2 \|x\|_2 \|A - C\|"""
    return _moved("plain-cosh", A @ x, C @ x), constant("K17-u-cosh", R=R) * norm2(x) * spectral(A - C)


cosh_in_data_sharp = sharpened(cosh_in_data)


@claim(
    "K17-u-sinh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="u as a function of A"
)
def sinh_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\sinh(Ax) - \sinh(Cx)\|_2 \le \cosh R^2 \|x\|_2 \|A - C\|"""
    return _moved("plain-sinh", A @ x, C @ x), constant("K17-u-sinh", R=R) * norm2(x) * spectral(A - C)


sinh_in_data_sharp = sharpened(sinh_in_data)


@claim(
    "K17-alpha-exp",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="alpha as a function of A",
)
def exp_normalizer_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\alpha(A) - \alpha(C)| \le \sqrt n \|u(A) - u(C)\|_2,  u = \exp(Ax)"""
    u = prediction("plain-exp")
    return absolute(total(u(A @ x)) - total(u(C @ x))), constant("K17-alpha-exp", n=n) * _moved(
        "plain-exp", A @ x, C @ x
    )


exp_normalizer_in_data_sharp = sharpened(exp_normalizer_in_data)


@claim(
    "K17-alpha-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="alpha as a function of A",
)
def cosh_normalizer_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\alpha(A) - \alpha(C)| \le \sqrt n \|u(A) - u(C)\|_2,  u = \cosh(Ax)"""
    u = prediction("plain-cosh")
    return absolute(total(u(A @ x)) - total(u(C @ x))), constant("K17-alpha-cosh", n=n) * _moved(
        "plain-cosh", A @ x, C @ x
    )


cosh_normalizer_in_data_sharp = sharpened(cosh_normalizer_in_data)


@claim(
    "K17-alpha-sinh",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="alpha as a function of A",
)
def sinh_normalizer_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\alpha(A) - \alpha(C)| \le \sqrt n \|u(A) - u(C)\|_2,  u = \sinh(Ax)"""
    u = prediction("plain-sinh")
    return absolute(total(u(A @ x)) - total(u(C @ x))), constant("K17-alpha-sinh", n=n) * _moved(
        "plain-sinh", A @ x, C @ x
    )


sinh_normalizer_in_data_sharp = sharpened(sinh_normalizer_in_data)


@claim(
    "K17-f-exp", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="f as a function of A"
)
def normalized_exp_in_data(
    n: Size(2, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|f(A) - f(C)\|_2 \le (\|x\|_2 / 2) \|A - C\|,  f = \alpha^{-1} \exp(Ax)"""
    return _moved("normalized-exp", A @ x, C @ x), constant("K17-f-exp") * norm2(x) * spectral(A - C)


normalized_exp_in_data_sharp = sharpened(normalized_exp_in_data)


@claim(
    "K17-f-cosh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="f as a function of A"
)
def normalized_cosh_in_data(
    n: Size(2, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|f(A) - f(C)\|_2 \le (\|x\|_2 / 2) \|A - C\|,  f = \alpha^{-1} \cosh(Ax)"""
    return _moved("normalized-cosh", A @ x, C @ x), constant("K17-f-cosh") * norm2(x) * spectral(A - C)


normalized_cosh_in_data_sharp = sharpened(normalized_cosh_in_data)


@claim(
    "K17-c-exp",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="rescaled residual as a function of A",
)
def rescaled_exp_residual_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|c(A) - c(C)\|_2 \le \|P\| e^{R^2} \|x\|_2 \|A - C\|,  c = u - \alpha b,  u = \exp(Ax)"""
    c = residual("rescaled-exp")
    bound = constant("K17-c-exp", P=projector_norm(b), R=R) * norm2(x) * spectral(A - C)
    return norm2(c(A @ x, b) - c(C @ x, b)), bound


rescaled_exp_residual_in_data_sharp = sharpened(rescaled_exp_residual_in_data)


@claim(
    "K17-c-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="rescaled residual as a function of A",
)
def rescaled_cosh_residual_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|c(A) - c(C)\|_2 \le \|P\| \sinh R^2 \|x\|_2 \|A - C\|,  c = u - \alpha b,  u = \cosh(Ax)"""
    c = residual("rescaled-cosh")
    bound = constant("K17-c-cosh", P=projector_norm(b), R=R) * norm2(x) * spectral(A - C)
    return norm2(c(A @ x, b) - c(C @ x, b)), bound


rescaled_cosh_residual_in_data_sharp = sharpened(rescaled_cosh_residual_in_data)


@claim(
    "K17-c-sinh",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="rescaled residual as a function of A",
)
def rescaled_sinh_residual_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|c(A) - c(C)\|_2 \le \|P\| \cosh R^2 \|x\|_2 \|A - C\|,  c = u - \alpha b,  u = \sinh(Ax)"""
    c = residual("rescaled-sinh")
    bound = constant("K17-c-sinh", P=projector_norm(b), R=R) * norm2(x) * spectral(A - C)
    return norm2(c(A @ x, b) - c(C @ x, b)), bound


rescaled_sinh_residual_in_data_sharp = sharpened(rescaled_sinh_residual_in_data)
