"""Sharp constants of the predictions u, alpha and f, derived beside 2304.13276, 2307.02419 and 2305.00660."""

from proofs_check import Matrix, Param, Size, Vector, claim, constant, prediction
from proofs_check.arithmetic import absolute, matrix, norm2, total
from proofs_check.catalogue.sharpening import sharpened


def _moved(name, A, x, y):
    """How far a prediction moves from x to y."""
    model = prediction(name)
    return norm2(model(A @ x) - model(A @ y))


def _alpha(name, A, x):
    return total(prediction(name)(A @ x))


@claim("K1-exp", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="norm of exp")
def exp_norm(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\exp(Ax)\|_2 \le \sqrt{n + 2 \sinh^2 R^2 + \sqrt n \sinh 2R^2}"""
    return norm2(prediction("plain-exp")(A @ x)), constant("K1-exp", n=n, R=R)


exp_norm_sharp = sharpened(exp_norm)


@claim("K1-cosh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="norm of cosh")
def cosh_norm(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\cosh(Ax)\|_2 \le \sqrt{n + \sinh^2 R^2}"""
    return norm2(prediction("plain-cosh")(A @ x)), constant("K1-cosh", n=n, R=R)


cosh_norm_sharp = sharpened(cosh_norm)


@claim("K1-sinh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="norm of sinh")
def sinh_norm(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\sinh(Ax)\|_2 \le \sinh R^2"""
    return norm2(prediction("plain-sinh")(A @ x)), constant("K1-sinh", R=R)


sinh_norm_sharp = sharpened(sinh_norm)


@claim("K2-exp", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="alpha by the norm of u")
def exp_normalizer(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\langle \exp(Ax), 1_n \rangle| \le \sqrt n \|\exp(Ax)\|_2"""
    return absolute(_alpha("plain-exp", A, x)), constant("K2-exp", n=n) * norm2(prediction("plain-exp")(A @ x))


exp_normalizer_sharp = sharpened(exp_normalizer)


@claim(
    "K2-cosh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="alpha by the norm of u"
)
def cosh_normalizer(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\langle \cosh(Ax), 1_n \rangle| \le \sqrt n \|\cosh(Ax)\|_2"""
    return absolute(_alpha("plain-cosh", A, x)), constant("K2-cosh", n=n) * norm2(prediction("plain-cosh")(A @ x))


cosh_normalizer_sharp = sharpened(cosh_normalizer)


@claim(
    "K2-sinh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="alpha by the norm of u"
)
def sinh_normalizer(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\langle \sinh(Ax), 1_n \rangle| \le \sqrt n \|\sinh(Ax)\|_2"""
    return absolute(_alpha("plain-sinh", A, x)), constant("K2-sinh", n=n) * norm2(prediction("plain-sinh")(A @ x))


sinh_normalizer_sharp = sharpened(sinh_normalizer)


@claim(
    "K2-crude", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="the crude bound of alpha"
)
def crude_normalizer(
    n: Size(1, 64), R: Param("1/20", 8),
):  # fmt: skip
    r"""\sqrt n\, U_2 \le n e^{R^2} for the largest of the three bounds of K1, that of exp"""
    return constant("K2", n=n) * constant("K1-exp", n=n, R=R), constant("K2-crude", n=n, R=R)


crude_normalizer_sharp = sharpened(crude_normalizer)


@claim("K3-exp", paper="2305.00660", kind="lower", provenance="derived", expect="holds", title="alpha from below")
def exp_normalizer_below(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\langle \exp(Ax), 1_n \rangle \ge n e^{-R^2 / \sqrt n}"""
    return _alpha("plain-exp", A, x), constant("K3-exp", n=n, R=R)


exp_normalizer_below_sharp = sharpened(exp_normalizer_below)


@claim("K3-cosh", paper="2305.00660", kind="lower", provenance="derived", expect="holds", title="alpha from below")
def cosh_normalizer_below(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\langle \cosh(Ax), 1_n \rangle \ge n"""
    return _alpha("plain-cosh", A, x), constant("K3-cosh", n=n)


cosh_normalizer_below_sharp = sharpened(cosh_normalizer_below)


@claim(
    "K3-sinh",
    paper="2305.00660",
    kind="equality",
    provenance="derived",
    expect="proved",
    title="alpha of sinh can be 0",
)
def sinh_normalizer_is_zero(
    d: Size(1, 8), a: Vector("d"), x: Vector("d"),
):  # fmt: skip
    r"""\langle \sinh(Ax), 1_n \rangle = 0 for A with the rows a^\top and -a^\top: there is no lower bound of |\alpha|"""
    return total(prediction("plain-sinh")(matrix([a, -a]) @ x)), 0


@claim("K4", paper="2304.13276", kind="upper", provenance="derived", expect="holds", title="sharp constant of exp")
def exp_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\exp(Ax) - \exp(Ay)\|_2 \le R e^{R^2} \|x - y\|_2"""
    return _moved("plain-exp", A, x, y), constant("K4-exp", R=R) * norm2(x - y)


exp_lipschitz_sharp = sharpened(exp_lipschitz)


@claim(
    "K4-cosh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="sharp constant of cosh"
)
def cosh_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\cosh(Ax) - \cosh(Ay)\|_2 \le R \sinh R^2 \|x - y\|_2"""
    return _moved("plain-cosh", A, x, y), constant("K4-cosh", R=R) * norm2(x - y)


cosh_lipschitz_sharp = sharpened(cosh_lipschitz)


@claim(
    "K4-sinh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="sharp constant of sinh"
)
def sinh_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\sinh(Ax) - \sinh(Ay)\|_2 \le R \cosh R^2 \|x - y\|_2"""
    return _moved("plain-sinh", A, x, y), constant("K4-sinh", R=R) * norm2(x - y)


sinh_lipschitz_sharp = sharpened(sinh_lipschitz)


@claim(
    "K4-no-R",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="refuted",
    title="exp, without the factor R",
)
def exp_lipschitz_without_R(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\exp(Ax) - \exp(Ay)\|_2 \le e^{R^2} \|x - y\|_2 (false for R > 1: the factor R is needed)"""
    return _moved("plain-exp", A, x, y), constant("K4-no-R", R=R) * norm2(x - y)


@claim(
    "K4-no-R-n",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="refuted",
    title="exp, sqrt(n) in the place of R",
)
def exp_lipschitz_root_n_without_R(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\exp(Ax) - \exp(Ay)\|_2 \le \sqrt n\, e^{R^2} \|x - y\|_2 (false for R > \sqrt n)"""
    return _moved("plain-exp", A, x, y), constant("K4-no-R-n", n=n, R=R) * norm2(x - y)


@claim("K5-exp", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="alpha moves with u")
def exp_normalizer_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\alpha(x) - \alpha(y)| \le \sqrt n \|u(x) - u(y)\|_2,  u = \exp(Ax)"""
    moved = absolute(_alpha("plain-exp", A, x) - _alpha("plain-exp", A, y))
    return moved, constant("K5-exp", n=n) * _moved("plain-exp", A, x, y)


exp_normalizer_lipschitz_sharp = sharpened(exp_normalizer_lipschitz)


@claim("K5-cosh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="alpha moves with u")
def cosh_normalizer_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\alpha(x) - \alpha(y)| \le \sqrt n \|u(x) - u(y)\|_2,  u = \cosh(Ax)"""
    moved = absolute(_alpha("plain-cosh", A, x) - _alpha("plain-cosh", A, y))
    return moved, constant("K5-cosh", n=n) * _moved("plain-cosh", A, x, y)


cosh_normalizer_lipschitz_sharp = sharpened(cosh_normalizer_lipschitz)


@claim("K5-sinh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="alpha moves with u")
def sinh_normalizer_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""|\alpha(x) - \alpha(y)| \le \sqrt n \|u(x) - u(y)\|_2,  u = \sinh(Ax)"""
    moved = absolute(_alpha("plain-sinh", A, x) - _alpha("plain-sinh", A, y))
    return moved, constant("K5-sinh", n=n) * _moved("plain-sinh", A, x, y)


sinh_normalizer_lipschitz_sharp = sharpened(sinh_normalizer_lipschitz)


@claim("K6-exp", paper="2305.00660", kind="equality", provenance="derived", expect="proved", title="1/alpha")
def exp_inverse_normalizer(
    n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d"), x: Vector("d"), y: Vector("d"),
):  # fmt: skip
    r"""1/\alpha(x) - 1/\alpha(y) = (\alpha(y) - \alpha(x)) / (\alpha(x) \alpha(y)),  u = \exp(Ax)"""
    a, b = _alpha("plain-exp", A, x), _alpha("plain-exp", A, y)
    return 1 / a - 1 / b, (b - a) / (a * b)


@claim("K6-cosh", paper="2305.00660", kind="equality", provenance="derived", expect="proved", title="1/alpha")
def cosh_inverse_normalizer(
    n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d"), x: Vector("d"), y: Vector("d"),
):  # fmt: skip
    r"""1/\alpha(x) - 1/\alpha(y) = (\alpha(y) - \alpha(x)) / (\alpha(x) \alpha(y)),  u = \cosh(Ax)"""
    a, b = _alpha("plain-cosh", A, x), _alpha("plain-cosh", A, y)
    return 1 / a - 1 / b, (b - a) / (a * b)


@claim("K7", paper="2304.13276", kind="upper", provenance="derived", expect="holds", title="sharp constant of softmax")
def softmax_lipschitz(
    n: Size(2, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|f(x) - f(y)\|_2 \le (R/2) \|x - y\|_2,  f = \alpha^{-1} \exp(Ax)"""
    return _moved("normalized-exp", A, x, y), constant("K7", R=R) * norm2(x - y)


softmax_lipschitz_sharp = sharpened(softmax_lipschitz)


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
    return _moved("normalized-cosh", A, x, y), constant("K7-cosh", R=R) * norm2(x - y)


normalized_cosh_lipschitz_sharp = sharpened(normalized_cosh_lipschitz)


@claim(
    "K7-diameter-exp",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="both in the simplex",
)
def normalized_exp_diameter(
    n: Size(2, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|f(x) - f(y)\|_2 \le \sqrt 2,  f = \alpha^{-1} \exp(Ax)"""
    return _moved("normalized-exp", A, x, y), constant("K7-diameter-exp")


normalized_exp_diameter_sharp = sharpened(normalized_exp_diameter)


@claim(
    "K7-diameter-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="both in the simplex",
)
def normalized_cosh_diameter(
    n: Size(2, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|f(x) - f(y)\|_2 \le \sqrt 2,  f = \alpha^{-1} \cosh(Ax)"""
    return _moved("normalized-cosh", A, x, y), constant("K7-diameter-cosh")


normalized_cosh_diameter_sharp = sharpened(normalized_cosh_diameter)
