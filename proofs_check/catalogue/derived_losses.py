"""Sharp constants of residuals and gradients, derived beside 2304.13276 and 2305.00660; P = I - b 1^T."""

from proofs_check import Matrix, Param, Size, Vector, claim, constant, gradient, residual
from proofs_check.arithmetic import absolute, dot, eye, norm2, ones, outer, spectral, sqrt, total
from proofs_check.catalogue.sharpening import sharpened


def projector_norm(b):
    r"""\|P\| in closed form: P^T P = I - 1 b^T - b 1^T + \|b\|_2^2 1 1^T differs from I on span(1, b) alone."""
    n = len(b)
    if n == 1:
        return absolute(1 - b[0])
    square, beta = n * dot(b, b), total(b)
    excess = square - 2 * beta
    return sqrt(1 + (excess + sqrt(excess**2 + 4 * (square - beta**2))) / 2)


def _residual_moved(name, z, t, b):
    c = residual(name)
    return norm2(c(z, b) - c(t, b))


@claim("K8-P", paper="2305.00660", kind="equality", provenance="derived", expect="holds", title="norm of P = I - b 1^T")
def projector_norm_formula(
    n: Size(1, 6), b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|P\|^2 = 1 + (t + \sqrt{t^2 + 4 (n \|b\|_2^2 - \langle b, 1 \rangle^2)}) / 2,  t = n \|b\|_2^2 - 2 \langle b, 1 \rangle; |1 - b| for n = 1"""
    return spectral(eye(n) - outer(b, ones(n))), projector_norm(b)


@claim(
    "K8-P-simplex",
    paper="2305.00660",
    kind="equality",
    provenance="derived",
    expect="holds",
    title="norm of P in the simplex",
)
def projector_norm_simplex(
    n: Size(2, 64), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\|P\| = \sqrt n \|b\|_2 for \langle b, 1 \rangle = 1 and n \ge 2; squares of both sides"""
    return projector_norm(b) ** 2, n * dot(b, b)


@claim("K8-P-bound", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="norm of P, bound")
def projector_norm_bound(
    n: Size(1, 64), b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|P\| \le 1 + \sqrt n \|b\|_2"""
    return projector_norm(b), 1 + constant("K8-P-bound", n=n) * norm2(b)


projector_norm_bound_sharp = sharpened(projector_norm_bound)


@claim(
    "K8-exp",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="norm of the rescaled residual",
)
def rescaled_exp_residual(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|c\|_2 \le \|P\| U_2,  c = u - \alpha b,  u = \exp(Ax),  U_2 of K1-exp"""
    return norm2(residual("rescaled-exp")(A @ x, b)), constant("K8-exp", P=projector_norm(b), n=n, R=R)


rescaled_exp_residual_sharp = sharpened(rescaled_exp_residual)


@claim(
    "K8-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="norm of the rescaled residual",
)
def rescaled_cosh_residual(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|c\|_2 \le \|P\| U_2,  c = u - \alpha b,  u = \cosh(Ax),  U_2 of K1-cosh"""
    return norm2(residual("rescaled-cosh")(A @ x, b)), constant("K8-cosh", P=projector_norm(b), n=n, R=R)


rescaled_cosh_residual_sharp = sharpened(rescaled_cosh_residual)


@claim(
    "K8-sinh",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="norm of the rescaled residual",
)
def rescaled_sinh_residual(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|c\|_2 \le \|P\| U_2,  c = u - \alpha b,  u = \sinh(Ax),  U_2 of K1-sinh"""
    return norm2(residual("rescaled-sinh")(A @ x, b)), constant("K8-sinh", P=projector_norm(b), R=R)


rescaled_sinh_residual_sharp = sharpened(rescaled_sinh_residual)


@claim(
    "K9-exp",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="rescaled residual is Lipschitz",
)
def rescaled_exp_residual_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|c(x) - c(y)\|_2 \le \|P\| R e^{R^2} \|x - y\|_2,  c = u - \alpha b,  u = \exp(Ax)"""
    moved = _residual_moved("rescaled-exp", A @ x, A @ y, b)
    return moved, constant("K9-exp", P=projector_norm(b), R=R) * norm2(x - y)


rescaled_exp_residual_lipschitz_sharp = sharpened(rescaled_exp_residual_lipschitz)


@claim(
    "K9-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="rescaled residual is Lipschitz",
)
def rescaled_cosh_residual_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|c(x) - c(y)\|_2 \le \|P\| R \sinh R^2 \|x - y\|_2,  c = u - \alpha b,  u = \cosh(Ax)"""
    moved = _residual_moved("rescaled-cosh", A @ x, A @ y, b)
    return moved, constant("K9-cosh", P=projector_norm(b), R=R) * norm2(x - y)


rescaled_cosh_residual_lipschitz_sharp = sharpened(rescaled_cosh_residual_lipschitz)


@claim(
    "K9-sinh",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="rescaled residual is Lipschitz",
)
def rescaled_sinh_residual_lipschitz(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|c(x) - c(y)\|_2 \le \|P\| R \cosh R^2 \|x - y\|_2,  c = u - \alpha b,  u = \sinh(Ax)"""
    moved = _residual_moved("rescaled-sinh", A @ x, A @ y, b)
    return moved, constant("K9-sinh", P=projector_norm(b), R=R) * norm2(x - y)


rescaled_sinh_residual_lipschitz_sharp = sharpened(rescaled_sinh_residual_lipschitz)


@claim(
    "K10",
    paper="2304.13276",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="gradient of softmax regression",
)
def normalized_gradient(
    n: Size(1, 64), z: Vector("n"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\|p\|_2 \le 1/\sqrt 2 for normalized exp and b in the simplex, p the gradient in z"""
    return norm2(gradient("normalized-exp")(z, b)), constant("K10")


normalized_gradient_sharp = sharpened(normalized_gradient)


@claim(
    "K10-best",
    paper="2304.13276",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="gradient, best constant seen",
)
def normalized_gradient_best(
    n: Size(1, 16), z: Vector("n"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\|p\|_2 \le 0.41904 for normalized exp and b in the simplex (observed, not proved)"""
    return norm2(gradient("normalized-exp")(z, b)), constant("K10-best")


normalized_gradient_best_sharp = sharpened(normalized_gradient_best)


@claim("K10-gradient", paper="2304.13276", kind="upper", provenance="derived", expect="holds", title="gradient in x")
def normalized_gradient_in_x(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\|\nabla L\|_2 \le R / \sqrt 2 for normalized exp and b in the simplex"""
    return norm2(A.T @ gradient("normalized-exp")(A @ x, b)), constant("K10-gradient", R=R)


normalized_gradient_in_x_sharp = sharpened(normalized_gradient_in_x)


@claim(
    "K11-exp",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="gradient of rescaled regression",
)
def rescaled_exp_gradient(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|p\|_2 \le e^{R^2} \|P\|^2 U_2 for rescaled exp, p the gradient in z,  U_2 of K1-exp"""
    p = gradient("rescaled-exp")(A @ x, b)
    return norm2(p), constant("K11-exp", P=projector_norm(b), n=n, R=R)


rescaled_exp_gradient_sharp = sharpened(rescaled_exp_gradient)


@claim(
    "K11-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="gradient of rescaled regression",
)
def rescaled_cosh_gradient(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|p\|_2 \le \sinh R^2 \|P\|^2 U_2 for rescaled cosh, p the gradient in z,  U_2 of K1-cosh"""
    p = gradient("rescaled-cosh")(A @ x, b)
    return norm2(p), constant("K11-cosh", P=projector_norm(b), n=n, R=R)


rescaled_cosh_gradient_sharp = sharpened(rescaled_cosh_gradient)


@claim(
    "K11-sinh",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="gradient of rescaled regression",
)
def rescaled_sinh_gradient(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|p\|_2 \le \cosh R^2 \|P\|^2 U_2 for rescaled sinh, p the gradient in z,  U_2 of K1-sinh"""
    p = gradient("rescaled-sinh")(A @ x, b)
    return norm2(p), constant("K11-sinh", P=projector_norm(b), R=R)


rescaled_sinh_gradient_sharp = sharpened(rescaled_sinh_gradient)
