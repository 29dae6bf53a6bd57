r"""Attention regression by the tensor trick: arXiv 2307.02419 (Gao, Song, Xie); bounds and the in-context theorems.

A block is a vector problem with A = \mathsf A_{[j]} of n rows and d^2 columns; nothing about a block uses its tensor
structure, so the bounds of one block are stated for any A with \|A\| \le R. u = \exp(Ax), h = \alpha b, q = u - h.
"""

from proofs_check import Matrix, Param, Size, Vector, claim, constant, gradient, prediction, residual
from proofs_check.arithmetic import (
    absolute,
    exp,
    eye,
    frobenius,
    kron,
    matrix,
    maximum,
    norm2,
    ones,
    outer,
    softmax,
    spectral,
    total,
)
from proofs_check.catalogue.sharpening import sharpened

PAPER = "2307.02419"


def _alpha(z):
    return total(prediction("plain-exp")(z))


def _h(z, b):
    return _alpha(z) * b


def _q(z, b):
    return residual("rescaled-exp")(z, b)


def _projector(b):
    """P = I - b 1^T."""
    return eye(len(b)) - outer(b, ones(len(b)))


@claim("P1-9-h", paper=PAPER, kind="upper", provenance="reconstructed-L", expect="holds", title="norm of h")
def norm_of_h(
    n: Size(1, 16), d: Size(1, 2), R: Param("1/20", 8),
    A: Matrix("n", "d**2", spectral="R"), x: Vector("d**2", norm2="R"), b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\alpha_j b_j\|_2 \le n e^{R^2} \|b_j\|_2"""
    return norm2(_h(A @ x, b)), constant("P1-9-h", n=n, d=d, R=R) * norm2(b)


norm_of_h_sharp = sharpened(norm_of_h)


@claim("P1-9-q", paper=PAPER, kind="upper", provenance="reconstructed-L", expect="holds", title="norm of q")
def norm_of_q(
    n: Size(1, 16), d: Size(1, 2), R: Param("1/20", 8),
    A: Matrix("n", "d**2", spectral="R"), x: Vector("d**2", norm2="R"), b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|u_j - \alpha_j b_j\|_2 \le n e^{R^2} (1 + \|b_j\|_2)"""
    return norm2(_q(A @ x, b)), constant("P1-9-q", n=n, d=d, R=R) * (1 + norm2(b))


norm_of_q_sharp = sharpened(norm_of_q)


@claim("P1-10-alpha", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="alpha is Lipschitz")
def alpha_is_lipschitz(
    n: Size(1, 16), d: Size(1, 2), R: Param("1/20", 8),
    A: Matrix("n", "d**2", spectral="R"), x: Vector("d**2", norm2="R"), y: Vector("d**2", norm2="R"),
):  # fmt: skip
    r"""|\alpha(x) - \alpha(y)| \le \sqrt n\, R e^{R^2} \|x - y\|_2"""
    return absolute(_alpha(A @ x) - _alpha(A @ y)), constant("P1-10-alpha", n=n, d=d, R=R) * norm2(x - y)


alpha_is_lipschitz_sharp = sharpened(alpha_is_lipschitz)


@claim(
    "P1-10-alpha-inverse", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="1/alpha is Lipschitz"
)
def inverse_alpha_is_lipschitz(
    n: Size(1, 16), d: Size(1, 2), R: Param("1/20", 8),
    A: Matrix("n", "d**2", spectral="R"), x: Vector("d**2", norm2="R"), y: Vector("d**2", norm2="R"),
):  # fmt: skip
    r"""|\alpha(x)^{-1} - \alpha(y)^{-1}| \le \beta^{-2} \sqrt n\, R e^{R^2} \|x - y\|_2, \beta = e^{-R^2}"""
    bound = constant("P1-10-alpha-inverse", n=n, d=d, R=R) * norm2(x - y)
    return absolute(1 / _alpha(A @ x) - 1 / _alpha(A @ y)), bound


inverse_alpha_is_lipschitz_sharp = sharpened(inverse_alpha_is_lipschitz)


@claim("P1-10-h", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="h is Lipschitz")
def h_is_lipschitz(
    n: Size(1, 16), d: Size(1, 2), R: Param("1/20", 8),
    A: Matrix("n", "d**2", spectral="R"), x: Vector("d**2", norm2="R"), y: Vector("d**2", norm2="R"), b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|h(x) - h(y)\|_2 \le \|b\|_2 \sqrt n\, R e^{R^2} \|x - y\|_2"""
    return norm2(_h(A @ x, b) - _h(A @ y, b)), constant("P1-10-h", n=n, d=d, R=R) * norm2(b) * norm2(x - y)


h_is_lipschitz_sharp = sharpened(h_is_lipschitz)


@claim("P1-10-q", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="q is Lipschitz")
def q_is_lipschitz(
    n: Size(1, 4), d: Size(1, 2), R: Param("1/20", 8),
    A: Matrix("n", "d**2", spectral="R"), x: Vector("d**2", norm2="R"), y: Vector("d**2", norm2="R"), b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|q(x) - q(y)\|_2 \le \|I - b 1_n^\top\| R e^{R^2} \|x - y\|_2"""
    bound = spectral(_projector(b)) * constant("P1-10-q", n=n, d=d, R=R) * norm2(x - y)
    return norm2(_q(A @ x, b) - _q(A @ y, b)), bound


q_is_lipschitz_sharp = sharpened(q_is_lipschitz)


@claim("P1-11-u", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="u is Lipschitz in A")
def u_is_lipschitz_in_the_block(
    n: Size(1, 16), d: Size(1, 2), R: Param("1/20", 8),
    A: Matrix("n", "d**2", spectral="R"), C: Matrix("n", "d**2", spectral="R"), x: Vector("d**2", norm2="R"),
):  # fmt: skip
    r"""\|u(A) - u(A')\|_2 \le e^{R^2} \|x\|_2 \|A - A'\|"""
    bound = constant("P1-11-u", n=n, d=d, R=R) * norm2(x) * spectral(A - C)
    return norm2(prediction("plain-exp")(A @ x) - prediction("plain-exp")(C @ x)), bound


u_is_lipschitz_in_the_block_sharp = sharpened(u_is_lipschitz_in_the_block)


@claim("P1-11-alpha", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="alpha is Lipschitz in A")
def alpha_is_lipschitz_in_the_block(
    n: Size(1, 16), d: Size(1, 2), R: Param("1/20", 8),
    A: Matrix("n", "d**2", spectral="R"), C: Matrix("n", "d**2", spectral="R"), x: Vector("d**2", norm2="R"),
):  # fmt: skip
    r"""|\alpha(A) - \alpha(A')| \le \sqrt n\, e^{R^2} \|x\|_2 \|A - A'\|"""
    return absolute(_alpha(A @ x) - _alpha(C @ x)), constant("P1-11-alpha", n=n, d=d, R=R) * norm2(x) * spectral(A - C)


alpha_is_lipschitz_in_the_block_sharp = sharpened(alpha_is_lipschitz_in_the_block)


@claim("P1-11-alpha-inverse", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="1/alpha in A")
def inverse_alpha_is_lipschitz_in_the_block(
    n: Size(1, 16), d: Size(1, 2), R: Param("1/20", 8),
    A: Matrix("n", "d**2", spectral="R"), C: Matrix("n", "d**2", spectral="R"), x: Vector("d**2", norm2="R"),
):  # fmt: skip
    r"""|\alpha(A)^{-1} - \alpha(A')^{-1}| \le \beta^{-2} \sqrt n\, e^{R^2} \|x\|_2 \|A - A'\|"""
    bound = constant("P1-11-alpha-inverse", n=n, d=d, R=R) * norm2(x) * spectral(A - C)
    return absolute(1 / _alpha(A @ x) - 1 / _alpha(C @ x)), bound


inverse_alpha_is_lipschitz_in_the_block_sharp = sharpened(inverse_alpha_is_lipschitz_in_the_block)


@claim("P1-11-h", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="h is Lipschitz in A")
def h_is_lipschitz_in_the_block(
    n: Size(1, 16), d: Size(1, 2), R: Param("1/20", 8),
    A: Matrix("n", "d**2", spectral="R"), C: Matrix("n", "d**2", spectral="R"), x: Vector("d**2", norm2="R"), b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|h(A) - h(A')\|_2 \le \|b\|_2 \sqrt n\, e^{R^2} \|x\|_2 \|A - A'\|"""
    bound = constant("P1-11-h", n=n, d=d, R=R) * norm2(b) * norm2(x) * spectral(A - C)
    return norm2(_h(A @ x, b) - _h(C @ x, b)), bound


h_is_lipschitz_in_the_block_sharp = sharpened(h_is_lipschitz_in_the_block)


@claim("P1-11-q", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="q is Lipschitz in A")
def q_is_lipschitz_in_the_block(
    n: Size(1, 4), d: Size(1, 2), R: Param("1/20", 8),
    A: Matrix("n", "d**2", spectral="R"), C: Matrix("n", "d**2", spectral="R"), x: Vector("d**2", norm2="R"), b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|q(A) - q(A')\|_2 \le \|I - b 1_n^\top\| e^{R^2} \|x\|_2 \|A - A'\|"""
    bound = spectral(_projector(b)) * constant("P1-11-q", n=n, d=d, R=R) * norm2(x) * spectral(A - C)
    return norm2(_q(A @ x, b) - _q(C @ x, b)), bound


q_is_lipschitz_in_the_block_sharp = sharpened(q_is_lipschitz_in_the_block)


@claim("P1-11-kron", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="change of A1 (x) A2")
def kronecker_difference(
    n: Size(1, 3), d: Size(1, 2),
    A1: Matrix("n", "d"), A2: Matrix("n", "d"), C1: Matrix("n", "d"), C2: Matrix("n", "d"),
):  # fmt: skip
    r"""\|A_1 \otimes A_2 - A_1' \otimes A_2'\| \le \|A_1 - A_1'\| \|A_2\| + \|A_1'\| \|A_2 - A_2'\|"""
    return spectral(kron(A1, A2) - kron(C1, C2)), spectral(A1 - C1) * spectral(A2) + spectral(C1) * spectral(A2 - C2)


kronecker_difference_sharp = sharpened(kronecker_difference)


def _rows(model, Z):
    """A matrix whose rows are the model of the rows of Z."""
    return matrix([model(Z[j]) for j in range(len(Z))])


@claim("P1-12", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="gradient is Lipschitz")
def gradient_is_lipschitz(
    n: Size(2, 5), d: Size(1, 2), R: Param("1/20", 4), A1: Matrix("n", "d", spectral=1), A2: Matrix("n", "d", spectral="R"),
    G: Matrix("n", "n", low=-20, high=20), X: Matrix("d", "d", frobenius=2), Y: Matrix("d", "d", frobenius=2),
):  # fmt: skip
    r"""\|\nabla_X L(X) - \nabla_X L(Y)\|_F \le (5/4) a^2 \|X - Y\|_F, a = \|A_1\| \|A_2\| (here at most R), for the
    normalized loss and rows of B inside the simplex, B = softmax(G) row by row"""
    B = [softmax(G[j]) for j in range(n)]
    p = lambda Z: matrix([gradient("normalized-exp")(Z[j], B[j]) for j in range(n)])  # noqa: E731 - the paper's letter
    change = A1.T @ (p(A1 @ X @ A2.T) - p(A1 @ Y @ A2.T)) @ A2
    return frobenius(change), constant("P1-12", n=n, d=d, R=R) * R**2 * frobenius(X - Y)


gradient_is_lipschitz_sharp = sharpened(gradient_is_lipschitz)


@claim("P1-13", paper=PAPER, kind="upper", provenance="reconstructed-L", expect="holds", title="in-context, normalized")
def in_context_normalized(
    n: Size(2, 6), d: Size(1, 3), R: Param("1/20", 8),
    A1: Matrix("n", "d", spectral=1), A2: Matrix("n", "d", spectral="R"),
    X: Matrix("d", "d", frobenius="R"), Y: Matrix("d", "d", frobenius="R"),
):  # fmt: skip
    r"""\|\tilde B - B\|_F \le n^{3/2} e^{10 R^2} \|X_{t+1} - X_t\|_F with \tilde B = B - (F_{t+1} - F_t),
    \|A_1\| \|A_2\| \le R (A_1 scaled to \|A_1\| \le 1)"""
    f = prediction("normalized-exp")
    shift = _rows(f, A1 @ X @ A2.T) - _rows(f, A1 @ Y @ A2.T)
    return frobenius(shift), constant("P1-13", n=n, d=d, R=R) * frobenius(X - Y)


in_context_normalized_sharp = sharpened(in_context_normalized)


@claim("P1-13-best", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="best constant, normalized")
def in_context_normalized_best(
    n: Size(2, 6), d: Size(1, 3), R: Param("1/20", 8),
    A1: Matrix("n", "d", spectral=1), A2: Matrix("n", "d", spectral="R"), X: Matrix("d", "d"), Y: Matrix("d", "d"),
):  # fmt: skip
    r"""\|\tilde B - B\|_F \le (a / 2) \|X_{t+1} - X_t\|_F, a = \|A_1\| \|A_2\| (here at most R), without a factor \sqrt n"""
    f = prediction("normalized-exp")
    shift = _rows(f, A1 @ X @ A2.T) - _rows(f, A1 @ Y @ A2.T)
    return frobenius(shift), constant("P1-13-best", n=n, d=d, R=R) * R * frobenius(X - Y)


in_context_normalized_best_sharp = sharpened(in_context_normalized_best)


def _blocks(A, x, n):
    """The matrix Z whose rows are the n blocks of A times x."""
    z = A @ x
    return matrix([z[j * n : (j + 1) * n] for j in range(n)])


@claim(
    "P1-13-data",
    paper=PAPER,
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="in-context, normalized, in A",
)
def in_context_normalized_data(
    n: Size(2, 3), d: Size(1, 2), R: Param("1/20", 8),
    A: Matrix("n**2", "d**2", spectral="R"), C: Matrix("n**2", "d**2", spectral="R"), x: Vector("d**2", norm2="R"),
):  # fmt: skip
    r"""\|\tilde B - B\|_F \le n^{3/2} e^{10 R^2} \|A_{t+1} - A_t\| with \tilde B = B - (F_{t+1} - F_t)"""
    f = prediction("normalized-exp")
    shift = _rows(f, _blocks(A, x, n)) - _rows(f, _blocks(C, x, n))
    return frobenius(shift), constant("P1-13-data", n=n, d=d, R=R) * spectral(A - C)


in_context_normalized_data_sharp = sharpened(in_context_normalized_data)


@claim("F8-matrix", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="shifts are at most sqrt 2n")
def matrix_shifts_are_bounded(n: Size(2, 8), Z: Matrix("n", "n"), T: Matrix("n", "n")):
    r"""\|\tilde B - B\|_F \le \sqrt{2n} for all data: P1-13 says nothing about steps of \sqrt{2n} / M or more"""
    f = prediction("normalized-exp")
    return frobenius(_rows(f, Z) - _rows(f, T)), constant("F8-matrix", n=n)


matrix_shifts_are_bounded_sharp = sharpened(matrix_shifts_are_bounded)


def _rescaled_shift(z, t, b):
    r"""\tilde b - b = -\alpha(z)^{-1} (I - b 1_n^\top) (u(t) - u(z))."""
    u = prediction("plain-exp")
    step = u(t) - u(z)
    return (total(step) * b - step) / total(u(z))


@claim(
    "P1-14-identity",
    paper=PAPER,
    kind="equality",
    provenance="derived",
    expect="proved",
    title="a move is a shift of b",
)
def rescaled_move_is_a_shift(n: Size(1, 16), z: Vector("n"), t: Vector("n"), b: Vector("n")):
    r"""u_{t+1} - \alpha_{t+1} b = u_t - \alpha_t \tilde b for \tilde b = b - \alpha_t^{-1} (I - b 1_n^\top)(u_{t+1} - u_t),
    block by block"""
    return _q(t, b), _q(z, b + _rescaled_shift(z, t, b))


def _shortened(B):
    """The rows of B, divided by their norms where these exceed 1."""
    return matrix([B[j] / maximum(norm2(B[j]), 1) for j in range(len(B))])


def _rescaled_shifts(Z, T, B):
    return frobenius(matrix([_rescaled_shift(Z[j], T[j], B[j]) for j in range(len(Z))]))


@claim("P1-14", paper=PAPER, kind="upper", provenance="reconstructed-L", expect="holds", title="in-context, rescaled")
def in_context_rescaled(
    n: Size(1, 5), d: Size(1, 2), R: Param("1/20", 8),
    A1: Matrix("n", "d", spectral=1), A2: Matrix("n", "d", spectral="R"),
    X: Matrix("d", "d", frobenius="R"), Y: Matrix("d", "d", frobenius="R"), B: Matrix("n", "n"),
):  # fmt: skip
    r"""\|\tilde B - B\|_F \le n^{3/2} e^{10 R^2} \|X_{t+1} - X_t\|_F with the \tilde b_j of P1-14-identity,
    \|A_1\| \|A_2\| \le R (A_1 scaled to \|A_1\| \le 1), and rows \|b_j\|_2 \le 1"""
    bound = constant("P1-14", n=n, d=d, R=R) * frobenius(X - Y)
    return _rescaled_shifts(A1 @ X @ A2.T, A1 @ Y @ A2.T, _shortened(B)), bound


in_context_rescaled_sharp = sharpened(in_context_rescaled)


@claim(
    "P1-14-data",
    paper=PAPER,
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="in-context, rescaled, in A",
)
def in_context_rescaled_data(
    n: Size(1, 3), d: Size(1, 2), R: Param("1/20", 8),
    A: Matrix("n**2", "d**2", spectral="R"), C: Matrix("n**2", "d**2", spectral="R"), x: Vector("d**2", norm2="R"),
    B: Matrix("n", "n"),
):  # fmt: skip
    r"""\|\tilde B - B\|_F \le n^{3/2} e^{10 R^2} \|A_{t+1} - A_t\| with the \tilde b_j of P1-14-identity,
    \|b_j\|_2 \le 1"""
    bound = constant("P1-14-data", n=n, R=R) * spectral(A - C)
    return _rescaled_shifts(_blocks(A, x, n), _blocks(C, x, n), _shortened(B)), bound


in_context_rescaled_data_sharp = sharpened(in_context_rescaled_data)


@claim("P1-14-best", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="best form, rescaled")
def in_context_rescaled_best(
    n: Size(1, 3), d: Size(1, 2), R: Param("1/20", 2),
    A1: Matrix("n", "d", spectral=1), A2: Matrix("n", "d", spectral="R"),
    X: Matrix("d", "d", frobenius="R"), Y: Matrix("d", "d", frobenius="R"), B: Matrix("n", "n"),
):  # fmt: skip
    r"""\|\tilde B - B\|_F \le \max_j(\|P_j\| / \alpha_j) e^\rho a \|X_{t+1} - X_t\|_F, \rho = \max |Z_{ij}| over both
    points, a = \|A_1\| \|A_2\| (here at most R), P_j = I - b_j 1_n^\top"""
    Z, T = A1 @ X @ A2.T, A1 @ Y @ A2.T
    rho = maximum(maximum(absolute(Z)), maximum(absolute(T)))
    worst = maximum(*(spectral(_projector(B[j])) / _alpha(Z[j]) for j in range(n)), 0)
    return _rescaled_shifts(Z, T, B), worst * exp(rho) * R * frobenius(X - Y)


in_context_rescaled_best_sharp = sharpened(in_context_rescaled_best)
