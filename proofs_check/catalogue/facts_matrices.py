"""Facts about matrices that 2304.13276, 2307.02419 and 2305.00660 share.

An order X <= Y of symmetric matrices is stated by its quadratic forms: v^T X v <= v^T Y v for every v, where
v^T x y^T v = <v, x> <v, y> and v^T diag(x) v = <v, x o v> (C2).
"""

from proofs_check import Matrix, Scalar, Size, Vector, claim
from proofs_check.arithmetic import absolute, diagonal, dot, eye, lambda_min, norm2, norm_inf, outer, spectral
from proofs_check.catalogue.sharpening import sharpened

PAPER = "2304.13276"


@claim(
    "C5", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="holds", title="norm of a diagonal matrix"
)
def norm_of_a_diagonal_matrix(n: Size(1, 16), x: Vector("n")):
    r"""\|\mathrm{diag}(x)\| = \|x\|_\infty"""
    return spectral(diagonal(x)), norm_inf(x)


@claim("C15-outer", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="holds", title="rank one")
def norm_of_rank_one(n: Size(1, 16), m: Size(1, 16), x: Vector("n"), y: Vector("m")):
    r"""\|x y^\top\| = \|x\|_2 \|y\|_2"""
    return spectral(outer(x, y)), norm2(x) * norm2(y)


@claim("C15-transpose", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="holds", title="transpose")
def norm_of_the_transpose(n: Size(1, 8), d: Size(1, 8), A: Matrix("n", "d")):
    r"""\|A^\top\| = \|A\|"""
    return spectral(A.T), spectral(A)


@claim("C15-vector", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="operator norm")
def norm_of_a_product_with_a_vector(n: Size(1, 16), d: Size(1, 8), A: Matrix("n", "d"), x: Vector("d")):
    r"""\|A x\|_2 \le \|A\| \|x\|_2"""
    return norm2(A @ x), spectral(A) * norm2(x)


norm_of_a_product_with_a_vector_sharp = sharpened(norm_of_a_product_with_a_vector)


@claim("C15-scaling", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="holds", title="scaling")
def norm_of_a_multiple(n: Size(1, 8), d: Size(1, 8), c: Scalar(-4, 4), A: Matrix("n", "d")):
    r"""\|c A\| = |c| \|A\|"""
    return spectral(c * A), absolute(c) * spectral(A)


@claim("C15-triangle", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="triangle")
def triangle(n: Size(1, 8), d: Size(1, 8), A: Matrix("n", "d"), B: Matrix("n", "d")):
    r"""\|A + B\| \le \|A\| + \|B\|"""
    return spectral(A + B), spectral(A) + spectral(B)


triangle_sharp = sharpened(triangle)


@claim("C15-product", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="product")
def product(n: Size(1, 8), d: Size(1, 8), A: Matrix("n", "d"), B: Matrix("d", "n")):
    r"""\|A B\| \le \|A\| \|B\|"""
    return spectral(A @ B), spectral(A) * spectral(B)


product_sharp = sharpened(product)


@claim("C16-upper", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="mixed rank one")
def mixed_rank_one(n: Size(1, 64), x: Vector("n"), y: Vector("n"), v: Vector("n")):
    r"""x y^\top + y x^\top \preceq x x^\top + y y^\top"""
    return 2 * dot(v, x) * dot(v, y), dot(v, x) ** 2 + dot(v, y) ** 2


mixed_rank_one_sharp = sharpened(mixed_rank_one)


@claim("C16-lower", paper=PAPER, kind="lower", provenance="reconstructed-H", expect="holds", title="mixed rank one")
def mixed_rank_one_from_below(n: Size(1, 64), x: Vector("n"), y: Vector("n"), v: Vector("n")):
    r"""x y^\top + y x^\top \succeq -(x x^\top + y y^\top)"""
    return 2 * dot(v, x) * dot(v, y), -(dot(v, x) ** 2) - dot(v, y) ** 2


mixed_rank_one_from_below_sharp = sharpened(mixed_rank_one_from_below)


@claim("C17-rank-one", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="rank one")
def rank_one_below_identity(n: Size(1, 64), x: Vector("n"), v: Vector("n")):
    r"""x x^\top \preceq \|x\|_2^2 I"""
    return dot(v, x) ** 2, dot(x, x) * dot(v, v)


rank_one_below_identity_sharp = sharpened(rank_one_below_identity)


@claim("C17-diagonal", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="diagonal")
def diagonal_below_identity(n: Size(1, 64), x: Vector("n"), v: Vector("n")):
    r"""\mathrm{diag}(x) \preceq \|x\|_\infty I"""
    return dot(v, x * v), norm_inf(x) * dot(v, v)


diagonal_below_identity_sharp = sharpened(diagonal_below_identity)


@claim("C17-simplex", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="simplex")
def rank_one_below_diagonal(n: Size(1, 64), f: Vector("n", simplex=True), v: Vector("n")):
    r"""f f^\top \preceq \mathrm{diag}(f) for f in the simplex"""
    return dot(v, f) ** 2, dot(v, f * v)


rank_one_below_diagonal_sharp = sharpened(rank_one_below_diagonal)


@claim("C17-simplex-eye", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="simplex")
def simplex_diagonal_below_identity(n: Size(1, 64), f: Vector("n", simplex=True), v: Vector("n")):
    r"""\mathrm{diag}(f) \preceq I for f in the simplex"""
    return dot(v, f * v), dot(v, v)


simplex_diagonal_below_identity_sharp = sharpened(simplex_diagonal_below_identity)


def _congruence(A, S, c, v):
    """v^T A^T D A v with D = S + c I, and c sigma_min(A)^2 v^T v; d <= n, so that sigma_min^2 is an eigenvalue of A^T A."""
    D = S + c * eye(len(S))
    return dot(A @ v, D @ (A @ v)), c * lambda_min(A.T @ A) * dot(v, v)


@claim("C18", paper=PAPER, kind="lower", provenance="reconstructed-H", expect="holds", title="congruence")
def congruence(
    n: Size(1, 8), d: Size(1, 4), c: Scalar(0, 4), A: Matrix("n", "d"), S: Matrix("n", "n", psd=True), v: Vector("d")
):
    r"""D \succeq c I, c \ge 0 \Rightarrow A^\top D A \succeq c\, \sigma_{\min}(A)^2 I"""
    return _congruence(A, S, c, v)


congruence_sharp = sharpened(congruence)


@claim(
    "C18-negative", paper=PAPER, kind="lower", provenance="reconstructed-H", expect="refuted", title="congruence, c < 0"
)
def congruence_of_any_sign(
    n: Size(1, 8), d: Size(1, 4), c: Scalar(-4, 4), A: Matrix("n", "d"), S: Matrix("n", "n", psd=True), v: Vector("d")
):
    r"""D \succeq c I \Rightarrow A^\top D A \succeq c\, \sigma_{\min}(A)^2 I (false for c < 0: D = -I, A = \mathrm{diag}(1, 2))"""
    return _congruence(A, S, c, v)
