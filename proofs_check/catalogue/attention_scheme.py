"""Attention regression by the tensor trick: arXiv 2307.02419 (Gao, Song, Xie)."""

from proofs_check import Matrix, Size, claim, prediction
from proofs_check.arithmetic import exp, frobenius, kron, matrix, norm2, total, vec

PAPER = "2307.02419"


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


@claim("P1-1", paper=PAPER, kind="equality", provenance="text-relative", expect="proved", title="vec, row-major")
def row_major_vec(
    n: Size(1, 8), m: Size(1, 8), d: Size(1, 4), A1: Matrix("n", "d"), A2: Matrix("m", "d"), X: Matrix("d", "d")
):
    r"""vec(A_1 X A_2^\top) = (A_1 \otimes A_2) vec(X), vec row by row"""
    return vec(A1 @ X @ A2.T), kron(A1, A2) @ vec(X)


@claim("F13", paper=PAPER, kind="equality", provenance="reconstructed-L", expect="refuted", title="vec, column-major")
def column_major_vec(n: Size(1, 8), d: Size(1, 4), A1: Matrix("n", "d"), A2: Matrix("n", "d"), X: Matrix("d", "d")):
    r"""vec(A_1 X A_2^\top) = (A_1 \otimes A_2) vec(X), vec column by column"""
    return vec((A1 @ X @ A2.T).T), kron(A1, A2) @ vec(X.T)
