"""Sharp constants and degeneracies, derived beside the papers 2304.13276, 2307.02419 and 2305.00660."""

from proofs_check import Matrix, Param, Size, Vector, claim, constant, gradient, prediction, value
from proofs_check.arithmetic import norm2, vector


def _moved(name, A, x, y):
    """How far a prediction moves from x to y."""
    model = prediction(name)
    return norm2(model(A @ x) - model(A @ y))


@claim("K4", paper="2304.13276", kind="upper", provenance="derived", expect="holds", title="sharp constant of exp")
def exp_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\exp(Ax) - \exp(Ay)\|_2 \le R e^{R^2} \|x - y\|_2"""
    return _moved("plain-exp", A, x, y), constant("K4-exp", R=R) * norm2(x - y)


@claim(
    "K4-cosh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="sharp constant of cosh"
)
def cosh_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\cosh(Ax) - \cosh(Ay)\|_2 \le R \sinh(R^2) \|x - y\|_2"""
    return _moved("plain-cosh", A, x, y), constant("K4-cosh", R=R) * norm2(x - y)


@claim(
    "K4-sinh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="sharp constant of sinh"
)
def sinh_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\sinh(Ax) - \sinh(Ay)\|_2 \le R \cosh(R^2) \|x - y\|_2"""
    return _moved("plain-sinh", A, x, y), constant("K4-sinh", R=R) * norm2(x - y)


@claim("K7", paper="2304.13276", kind="upper", provenance="derived", expect="holds", title="sharp constant of softmax")
def softmax_lipschitz(
    n: Size(2, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|f(x) - f(y)\|_2 \le (R/2) \|x - y\|_2,  f = \alpha^{-1} \exp(Ax)"""
    return _moved("normalized-exp", A, x, y), constant("K7", R=R) * norm2(x - y)


@claim(
    "K7-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="normalized cosh is Lipschitz",
)
def normalized_cosh_lipschitz(
    n: Size(2, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|f(x) - f(y)\|_2 \le (R/2) \|x - y\|_2,  f = \alpha^{-1} \cosh(Ax)"""
    return _moved("normalized-cosh", A, x, y), constant("K7", R=R) * norm2(x - y)


@claim("D1", paper="2305.00660", kind="equality", provenance="derived", expect="proved", title="0 is critical for cosh")
def zero_is_critical(n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d"), b: Vector("n"), w: Vector("n")):
    r"""\nabla(L + L_{reg})(0) = 0 for rescaled cosh, for all A, b, w"""
    z = A @ vector([0] * d)
    return A.T @ (gradient("rescaled-cosh")(z, b) + w * w * z), 0


@claim(
    "D1-normalized",
    paper="2305.00660",
    kind="equality",
    provenance="derived",
    expect="proved",
    title="0 is critical for cosh",
)
def zero_is_critical_normalized(n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d"), b: Vector("n"), w: Vector("n")):
    r"""\nabla(L + L_{reg})(0) = 0 for normalized cosh, for all A, b, w"""
    z = A @ vector([0] * d)
    return A.T @ (gradient("normalized-cosh")(z, b) + w * w * z), 0


@claim(
    "D2", paper="2305.00660", kind="equality", provenance="derived", expect="proved", title="0 minimises rescaled sinh"
)
def zero_minimises(n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d"), b: Vector("n")):
    r"""L(0) = 0 \le L(x) for rescaled sinh, for all A, b"""
    return value("rescaled-sinh")(A @ vector([0] * d), b), 0
