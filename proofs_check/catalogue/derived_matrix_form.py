"""Sharp constants of the matrix form, derived beside 2307.02419; n up to 4, d up to 2."""

from proofs_check import Matrix, Size, claim, constant, gradient, hessian, prediction, residual
from proofs_check.arithmetic import absolute, frobenius, kron, lambda_min, matrix, maximum, spectral, vec
from proofs_check.catalogue.derived_losses import projector_norm
from proofs_check.catalogue.sharpening import sharpened


def _rows(model, Z, *B):
    """A quantity of the vector form, row by row."""
    return matrix([model(Z[j], *(data[j] for data in B)) for j in range(Z.shape[0])])


def _reach(Z, T):
    return maximum(maximum(absolute(vec(Z))), maximum(absolute(vec(T))))


def _hessian_moved(name, A1, A2, X, Y, B):
    """Spectral norm of the change of the Hessian in vec(X)."""
    H, Z, T = hessian(name), A1 @ X @ A2.T, A1 @ Y @ A2.T
    blocks = (kron(matrix([A1[j]]), A2) for j in range(Z.shape[0]))
    return spectral(sum(K.T @ (H(Z[j], B[j]) - H(T[j], B[j])) @ K for j, K in enumerate(blocks)))


def _largest_projector(B):
    return maximum(*(projector_norm(B[j]) for j in range(B.shape[0]))) if B.shape[0] > 1 else projector_norm(B[0])


@claim("K18-U", paper="2307.02419", kind="upper", provenance="derived", expect="holds", title="U in X")
def matrix_exp_lipschitz(
    n: Size(1, 4), d: Size(1, 2), A1: Matrix("n", "d", spectral=2), A2: Matrix("n", "d", spectral=2),
    X: Matrix("d", "d", frobenius=2), Y: Matrix("d", "d", frobenius=2),
):  # fmt: skip
    r"""\|\exp(Z) - \exp(T)\|_F \le e^\rho a \|X - Y\|_F,  Z = A_1 X A_2^\top, T = A_1 Y A_2^\top, a = \|A_1\| \|A_2\|, \rho = \max(|Z_{ij}|, |T_{ij}|)"""
    Z, T, u = A1 @ X @ A2.T, A1 @ Y @ A2.T, prediction("plain-exp")
    bound = constant("K18-U", rho=_reach(Z, T), a=spectral(A1) * spectral(A2))
    return frobenius(_rows(u, Z) - _rows(u, T)), bound * frobenius(X - Y)


matrix_exp_lipschitz_sharp = sharpened(matrix_exp_lipschitz)


@claim("K18-F", paper="2307.02419", kind="upper", provenance="derived", expect="holds", title="F in X")
def matrix_softmax_lipschitz(
    n: Size(2, 4), d: Size(1, 2), A1: Matrix("n", "d", spectral=2), A2: Matrix("n", "d", spectral=2),
    X: Matrix("d", "d", frobenius=2), Y: Matrix("d", "d", frobenius=2),
):  # fmt: skip
    r"""\|F(X) - F(Y)\|_F \le (a/2) \|X - Y\|_F,  a = \|A_1\| \|A_2\|; no factor \sqrt n"""
    f = prediction("normalized-exp")
    moved = frobenius(_rows(f, A1 @ X @ A2.T) - _rows(f, A1 @ Y @ A2.T))
    return moved, constant("K18-F", a=spectral(A1) * spectral(A2)) * frobenius(X - Y)


matrix_softmax_lipschitz_sharp = sharpened(matrix_softmax_lipschitz)


@claim("K18-C", paper="2307.02419", kind="upper", provenance="derived", expect="holds", title="rescaled residual in X")
def matrix_residual_lipschitz(
    n: Size(1, 4), d: Size(1, 2), A1: Matrix("n", "d", spectral=2), A2: Matrix("n", "d", spectral=2),
    X: Matrix("d", "d", frobenius=2), Y: Matrix("d", "d", frobenius=2), B: Matrix("n", "n", low=-1, high=1),
):  # fmt: skip
    r"""\|C(X) - C(Y)\|_F \le \max_j \|P_j\| e^\rho a \|X - Y\|_F for the rescaled residual"""
    Z, T, c = A1 @ X @ A2.T, A1 @ Y @ A2.T, residual("rescaled-exp")
    bound = constant("K18-C", P=_largest_projector(B), rho=_reach(Z, T), a=spectral(A1) * spectral(A2))
    return frobenius(_rows(c, Z, B) - _rows(c, T, B)), bound * frobenius(X - Y)


matrix_residual_lipschitz_sharp = sharpened(matrix_residual_lipschitz)


@claim("K18-gradient", paper="2307.02419", kind="upper", provenance="derived", expect="holds", title="gradient in X")
def matrix_gradient_norm(
    n: Size(1, 4), d: Size(1, 2), A1: Matrix("n", "d", spectral=4), A2: Matrix("n", "d", spectral=4),
    X: Matrix("d", "d", frobenius=4), S: Matrix("n", "n", low=-20, high=20),
):  # fmt: skip
    r"""\|\nabla_X L\|_F \le a \sqrt{n/2} for normalized exp; the rows of B are softmax(S_j), in the simplex"""
    B = _rows(prediction("normalized-exp"), S)
    Pi = _rows(gradient("normalized-exp"), A1 @ X @ A2.T, B)
    return frobenius(A1.T @ Pi @ A2), constant("K18-gradient", n=n, a=spectral(A1) * spectral(A2))


matrix_gradient_norm_sharp = sharpened(matrix_gradient_norm)


@claim("K18-H", paper="2307.02419", kind="lower", provenance="derived", expect="holds", title="Hessian from below")
def matrix_hessian_below(
    n: Size(2, 3), d: Size(1, 2), A1: Matrix("n", "d", spectral=4), A2: Matrix("n", "d", spectral=4),
    X: Matrix("d", "d", frobenius=4), S: Matrix("n", "n", low=-20, high=20),
):  # fmt: skip
    r"""\lambda_{\min}(\nabla^2 L) \ge -0.2405 a^2 for normalized exp; the rows of B are softmax(S_j)"""
    H, Z, B = hessian("normalized-exp"), A1 @ X @ A2.T, _rows(prediction("normalized-exp"), S)
    blocks = (kron(matrix([A1[j]]), A2) for j in range(n))
    whole = sum(K.T @ H(Z[j], B[j]) @ K for j, K in enumerate(blocks))
    return lambda_min(whole), constant("K18-H", a=spectral(A1) * spectral(A2))


matrix_hessian_below_sharp = sharpened(matrix_hessian_below)


@claim("K18-M", paper="2307.02419", kind="upper", provenance="derived", expect="holds", title="Hessian in X")
def matrix_hessian_lipschitz(
    n: Size(2, 3), d: Size(1, 2), A1: Matrix("n", "d", spectral=4), A2: Matrix("n", "d", spectral=4),
    X: Matrix("d", "d", frobenius=4), Y: Matrix("d", "d", frobenius=4), S: Matrix("n", "n", low=-20, high=20),
):  # fmt: skip
    r"""\|\nabla^2 L(X) - \nabla^2 L(Y)\| \le 4 a^3 \|X - Y\|_F for normalized exp; the rows of B are softmax(S_j)"""
    B = _rows(prediction("normalized-exp"), S)
    return _hessian_moved("normalized-exp", A1, A2, X, Y, B), constant(
        "K18-M", a=spectral(A1) * spectral(A2)
    ) * frobenius(X - Y)


matrix_hessian_lipschitz_sharp = sharpened(matrix_hessian_lipschitz)


@claim(
    "K18-M-rescaled",
    paper="2307.02419",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="rescaled Hessian in X",
)
def matrix_rescaled_hessian_lipschitz(
    n: Size(1, 3), d: Size(1, 2), A1: Matrix("n", "d", spectral=2), A2: Matrix("n", "d", spectral=2),
    X: Matrix("d", "d", frobenius=2), Y: Matrix("d", "d", frobenius=2), B: Matrix("n", "n", low=-1, high=1),
):  # fmt: skip
    r"""\|\nabla^2 L(X) - \nabla^2 L(Y)\| \le a^3 \max_j \|P_j\|^2 (\sqrt n + 3) e^{2\rho} \|X - Y\|_F for rescaled exp"""
    rho = _reach(A1 @ X @ A2.T, A1 @ Y @ A2.T)
    bound = constant("K18-M-rescaled", P=_largest_projector(B), n=n, rho=rho, a=spectral(A1) * spectral(A2))
    return _hessian_moved("rescaled-exp", A1, A2, X, Y, B), bound * frobenius(X - Y)


matrix_rescaled_hessian_lipschitz_sharp = sharpened(matrix_rescaled_hessian_lipschitz)
