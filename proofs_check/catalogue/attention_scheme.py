r"""Attention regression by the tensor trick: arXiv 2307.02419 (Gao, Song, Xie); equivalences and derivatives.

Z = A_1 X A_2^\top, x = vec(X) row by row, and block j of A_1 \otimes A_2 is \mathsf A_{[j]} = (A_1)_{j,*} \otimes A_2, so
that \mathsf A_{[j]} x is row j of Z. Derivatives of a block are stated along a fixed vector v.
"""

from proofs_check import Matrix, Size, Vector, claim, gradient, prediction, residual, value
from proofs_check.arithmetic import dot, exp, frobenius, kron, matrix, norm2, ones, total, vec, vector

PAPER = "2307.02419"


def _derivative(name, z, v):
    r"""J^\top v for the Jacobian J of a prediction: the gradient of \|prediction - b\|^2 / 2 where the residual is v."""
    return gradient(name)(z, prediction(name)(z) - v)


def _block(A1, A2, j):
    """Row block j of kron(A1, A2), n x d^2."""
    return kron(matrix([A1[j]]), A2)


@claim("P1-1", paper=PAPER, kind="equality", provenance="text-relative", expect="proved", title="vec, row-major")
def row_major_vec(
    n: Size(1, 8), m: Size(1, 8), d: Size(1, 4), A1: Matrix("n", "d"), A2: Matrix("m", "d"), X: Matrix("d", "d")
):
    r"""vec(A_1 X A_2^\top) = (A_1 \otimes A_2) vec(X), vec row by row"""
    return vec(A1 @ X @ A2.T), kron(A1, A2) @ vec(X)


@claim("P1-1-exp", paper=PAPER, kind="equality", provenance="text-relative", expect="proved", title="vec of exp")
def row_major_exp(n: Size(1, 4), d: Size(1, 2), A1: Matrix("n", "d"), A2: Matrix("n", "d"), X: Matrix("d", "d")):
    r"""vec(\exp(A_1 X A_2^\top)) = \exp((A_1 \otimes A_2) x)"""
    return vec(exp(A1 @ X @ A2.T)), exp(kron(A1, A2) @ vec(X))


@claim("P1-1-row", paper=PAPER, kind="equality", provenance="text-relative", expect="proved", title="a row is a block")
def rows_are_blocks(n: Size(1, 6), d: Size(1, 3), A1: Matrix("n", "d"), A2: Matrix("n", "d"), X: Matrix("d", "d")):
    r"""(A_1 X A_2^\top)_{j,*}^\top = \mathsf A_{[j]} x for every j"""
    return A1 @ X @ A2.T, matrix([_block(A1, A2, j) @ vec(X) for j in range(n)])


@claim("F13", paper=PAPER, kind="equality", provenance="reconstructed-L", expect="refuted", title="vec, column-major")
def column_major_vec(n: Size(1, 8), d: Size(1, 4), A1: Matrix("n", "d"), A2: Matrix("n", "d"), X: Matrix("d", "d")):
    r"""vec(A_1 X A_2^\top) = (A_1 \otimes A_2) vec(X), vec column by column (false)"""
    return vec((A1 @ X @ A2.T).T), kron(A1, A2) @ vec(X.T)


@claim("F13-swapped", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="vec, column-major")
def column_major_vec_swapped(
    n: Size(1, 8), d: Size(1, 4), A1: Matrix("n", "d"), A2: Matrix("n", "d"), X: Matrix("d", "d")
):
    r"""vec(A_1 X A_2^\top) = (A_2 \otimes A_1) vec(X), vec column by column"""
    return vec((A1 @ X @ A2.T).T), kron(A2, A1) @ vec(X.T)


@claim("P1-2", paper=PAPER, kind="equality", provenance="text", expect="proved", title="tensor trick, normalized")
def tensor_trick(
    n: Size(2, 8), d: Size(1, 4),
    A1: Matrix("n", "d"), A2: Matrix("n", "d"), X: Matrix("d", "d"), B: Matrix("n", "n"),
):  # fmt: skip
    r"""\|D^{-1} \exp(A_1 X A_2^\top) - B\|_F^2 = \sum_j \|f(x)_j - b_j\|_2^2,  x = vec(X)"""
    U = exp(A1 @ X @ A2.T)
    whole = matrix([U[j] / total(U[j]) - B[j] for j in range(n)])
    z = kron(A1, A2) @ vec(X)
    f = prediction("normalized-exp")
    return frobenius(whole) ** 2, sum(norm2(f(z[j * n : (j + 1) * n]) - B[j]) ** 2 for j in range(n))


@claim("P1-3", paper=PAPER, kind="equality", provenance="text", expect="proved", title="tensor trick, rescaled")
def tensor_trick_rescaled(
    n: Size(2, 8), d: Size(1, 4),
    A1: Matrix("n", "d"), A2: Matrix("n", "d"), X: Matrix("d", "d"), B: Matrix("n", "n"),
):  # fmt: skip
    r"""\|\exp(A_1 X A_2^\top) - D B\|_F^2 = \sum_j \|u(x)_j - \alpha(x)_j b_j\|_2^2,  x = vec(X)"""
    U = exp(A1 @ X @ A2.T)
    whole = matrix([U[j] - total(U[j]) * B[j] for j in range(n)])
    z = kron(A1, A2) @ vec(X)
    return frobenius(whole) ** 2, sum(2 * value("rescaled-exp")(z[j * n : (j + 1) * n], B[j]) for j in range(n))


@claim("P1-4", paper=PAPER, kind="equality", provenance="text-relative", expect="proved", title="derivative of u")
def derivative_of_block_exp(
    n: Size(1, 8), d: Size(1, 2), a: Vector("d"), A2: Matrix("n", "d"), x: Vector("d**2"), v: Vector("n")
):
    r"""\partial u_j / \partial x_i = \mathsf A_{[j],i} \circ u_j, with a = (A_1)_{j,*}"""
    A = kron(matrix([a]), A2)
    u = prediction("plain-exp")(A @ x)
    return A.T @ _derivative("plain-exp", A @ x, v), vector([dot(v, column * u) for column in A.T])


@claim("P1-4-alpha", paper=PAPER, kind="equality", provenance="text-relative", expect="proved", title="of alpha")
def derivative_of_block_alpha(n: Size(1, 8), d: Size(1, 2), a: Vector("d"), A2: Matrix("n", "d"), x: Vector("d**2")):
    r"""\partial \alpha_j / \partial x_i = \langle \mathsf A_{[j],i}, u_j \rangle, with a = (A_1)_{j,*}"""
    A = kron(matrix([a]), A2)
    u = prediction("plain-exp")(A @ x)
    return A.T @ _derivative("plain-exp", A @ x, ones(n)), vector([dot(column, u) for column in A.T])


@claim("P1-4-f", paper=PAPER, kind="equality", provenance="text-relative", expect="proved", title="derivative of f")
def derivative_of_block_softmax(
    n: Size(1, 8), d: Size(1, 2), a: Vector("d"), A2: Matrix("n", "d"), x: Vector("d**2"), v: Vector("n")
):
    r"""\partial f_j / \partial x_i = \mathsf A_{[j],i} \circ f_j - \langle \mathsf A_{[j],i}, f_j \rangle f_j"""
    A = kron(matrix([a]), A2)
    f = prediction("normalized-exp")(A @ x)
    right = [dot(v, column * f - dot(column, f) * f) for column in A.T]
    return A.T @ _derivative("normalized-exp", A @ x, v), vector(right)


@claim("P1-6", paper=PAPER, kind="equality", provenance="reconstructed-L", expect="proved", title="derivatives of h")
def derivative_of_h(
    n: Size(1, 8),
    d: Size(1, 2),
    a: Vector("d"),
    A2: Matrix("n", "d"),
    x: Vector("d**2"),
    b: Vector("n"),
    v: Vector("n"),
):
    r"""\partial (\alpha_j b_j) / \partial x_i = \langle u_j, \mathsf A_{[j],i} \rangle b_j"""
    A = kron(matrix([a]), A2)
    u = prediction("plain-exp")(A @ x)
    left = A.T @ _derivative("plain-exp", A @ x, dot(v, b) * ones(n))
    return left, vector([dot(u, column) * dot(v, b) for column in A.T])


@claim("P1-6-c", paper=PAPER, kind="equality", provenance="reconstructed-L", expect="proved", title="derivative of c")
def derivative_of_rescaled_residual(
    n: Size(1, 8),
    d: Size(1, 2),
    a: Vector("d"),
    A2: Matrix("n", "d"),
    x: Vector("d**2"),
    b: Vector("n"),
    v: Vector("n"),
):
    r"""\partial c^{resc}_j / \partial x_i = u_j \circ \mathsf A_{[j],i} - \langle u_j, \mathsf A_{[j],i} \rangle b_j;
    the derived side by c^{resc} = (I - b 1_n^\top) u"""
    A = kron(matrix([a]), A2)
    u = prediction("plain-exp")(A @ x)
    left = A.T @ _derivative("plain-exp", A @ x, v - dot(v, b) * ones(n))
    return left, vector([dot(v, u * column - dot(u, column) * b) for column in A.T])


def _block_gradients(name, a, A2, x, b, p):
    """The derived gradient of one block's loss in x, and the block's transpose times p(z)."""
    A = kron(matrix([a]), A2)
    return A.T @ gradient(name)(A @ x, b), A.T @ p(A @ x)


def _through_softmax(b, sign):
    f, c = prediction("normalized-exp"), residual("normalized-exp")
    return lambda z: f(z) * c(z, b) + sign * dot(f(z), c(z, b)) * f(z)


@claim("P1-7", paper=PAPER, kind="equality", provenance="text-relative", expect="proved", title="gradient, normalized")
def gradient_normalized(
    n: Size(1, 8), d: Size(1, 2), a: Vector("d"), A2: Matrix("n", "d"), x: Vector("d**2"), b: Vector("n")
):
    r"""Block j of dL_{norm} / dx: \mathsf A_{[j]}^\top (\mathrm{diag}(f_j) - f_j f_j^\top) c_j"""
    return _block_gradients("normalized-exp", a, A2, x, b, _through_softmax(b, -1))


@claim("P1-7-plus", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="gradient, wrong sign")
def gradient_normalized_with_plus(
    n: Size(1, 8), d: Size(1, 2), a: Vector("d"), A2: Matrix("n", "d"), x: Vector("d**2"), b: Vector("n")
):
    r"""Block j of dL_{norm} / dx: \mathsf A_{[j]}^\top (\mathrm{diag}(f_j) + f_j f_j^\top) c_j (false)"""
    return _block_gradients("normalized-exp", a, A2, x, b, _through_softmax(b, 1))


@claim(
    "P1-7-sum", paper=PAPER, kind="equality", provenance="text-relative", expect="proved", title="sum over the blocks"
)
def gradient_as_a_matrix(n: Size(1, 6), d: Size(1, 3), A1: Matrix("n", "d"), A2: Matrix("n", "d"), p: Matrix("n", "n")):
    r"""\sum_j \mathsf A_{[j]}^\top p_j = vec(A_1^\top p A_2), for the rows p_j of any p"""
    return sum(_block(A1, A2, j).T @ p[j] for j in range(n)), vec(A1.T @ p @ A2)


@claim(
    "P1-7-column", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="column-major gradient"
)
def gradient_as_a_matrix_by_columns(
    n: Size(1, 6), d: Size(1, 3), A1: Matrix("n", "d"), A2: Matrix("n", "d"), p: Matrix("n", "n")
):
    r"""\sum_j \mathsf A_{[j]}^\top p_j = vec(A_1^\top p A_2), vec column by column (false)"""
    return sum(_block(A1, A2, j).T @ p[j] for j in range(n)), vec((A1.T @ p @ A2).T)


@claim("P1-8", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="gradient, rescaled")
def gradient_rescaled(
    n: Size(1, 8), d: Size(1, 2), a: Vector("d"), A2: Matrix("n", "d"), x: Vector("d**2"), b: Vector("n")
):
    r"""Block j of dL_{resc} / dx: \mathsf A_{[j]}^\top \mathrm{diag}(u_j) (I - 1_n b_j^\top) c^{resc}_j"""
    u, c = prediction("plain-exp"), residual("rescaled-exp")
    return _block_gradients("rescaled-exp", a, A2, x, b, lambda z: u(z) * (c(z, b) - dot(b, c(z, b)) * ones(n)))


@claim("P1-8-transposed", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="P for P^T")
def gradient_rescaled_transposed(
    n: Size(1, 8), d: Size(1, 2), a: Vector("d"), A2: Matrix("n", "d"), x: Vector("d**2"), b: Vector("n")
):
    r"""Block j of dL_{resc} / dx: \mathsf A_{[j]}^\top \mathrm{diag}(u_j) (I - b_j 1_n^\top) c^{resc}_j (false)"""
    u, c = prediction("plain-exp"), residual("rescaled-exp")
    return _block_gradients("rescaled-exp", a, A2, x, b, lambda z: u(z) * (c(z, b) - total(c(z, b)) * b))
