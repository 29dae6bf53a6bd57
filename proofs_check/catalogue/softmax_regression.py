r"""Softmax regression, weight shift and data shift: arXiv 2304.13276 (Li, Song, Xia, Yu, Zhou); derivatives.

Derivatives are stated along a fixed vector v: \langle v, d f / d x_i \rangle for all i.
"""

from proofs_check import Matrix, Size, Vector, claim, constant, gradient, hessian, prediction
from proofs_check.arithmetic import diagonal, dot, lambda_max, lambda_min, matrix, ones, outer, total, vector
from proofs_check.catalogue.sharpening import sharpened

PAPER = "2304.13276"


def _derivative(name, z, v):
    r"""J^\top v for the Jacobian J of a prediction: the gradient of \|prediction - b\|^2 / 2 where the residual is v."""
    return gradient(name)(z, prediction(name)(z) - v)


@claim("P0-1.1", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="proved", title="derivative of u")
def derivative_of_exp(n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), v: Vector("n")):
    r"""\partial \exp(Ax) / \partial x_i = \exp(Ax) \circ A_{*,i}"""
    u = prediction("plain-exp")(A @ x)
    return A.T @ _derivative("plain-exp", A @ x, v), vector([dot(v, u * column) for column in A.T])


@claim(
    "P0-1.2", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="proved", title="derivative of alpha"
)
def derivative_of_alpha(n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d")):
    r"""\partial \alpha / \partial x_i = \langle \exp(Ax), A_{*,i} \rangle"""
    u = prediction("plain-exp")(A @ x)
    return A.T @ _derivative("plain-exp", A @ x, ones(n)), vector([dot(u, column) for column in A.T])


def _inverse_alpha(A, x, v, power):
    r"""Both sides of the product rule for f = \alpha^{-1} u, with d \alpha^{-1} = -\alpha^{-power} \langle f, A_{*,i} \rangle."""
    u, f = prediction("plain-exp")(A @ x), prediction("normalized-exp")(A @ x)
    alpha = total(u)
    left = _derivative("normalized-exp", A @ x, v) - _derivative("plain-exp", A @ x, v) / alpha
    return A.T @ left, vector([-dot(f, column) / alpha**power * dot(v, u) for column in A.T])


@claim(
    "P0-1.3", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="proved", title="derivative of 1/alpha"
)
def derivative_of_inverse_alpha(n: Size(1, 16), d: Size(1, 2), A: Matrix("n", "d"), x: Vector("d"), v: Vector("n")):
    r"""\partial \alpha^{-1} / \partial x_i = -\alpha^{-1} \langle f, A_{*,i} \rangle"""
    return _inverse_alpha(A, x, v, 1)


@claim(
    "P0-1.3-squared", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="1/alpha, wrong power"
)
def derivative_of_inverse_alpha_squared(
    n: Size(1, 16), d: Size(1, 2), A: Matrix("n", "d"), x: Vector("d"), v: Vector("n")
):
    r"""\partial \alpha^{-1} / \partial x_i = -\alpha^{-2} \langle f, A_{*,i} \rangle (false)"""
    return _inverse_alpha(A, x, v, 2)


@claim("P0-1.4", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="proved", title="derivative of f")
def derivative_of_softmax(n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), v: Vector("n")):
    r"""\partial f / \partial x_i = \partial c / \partial x_i = -\langle f, A_{*,i} \rangle f + f \circ A_{*,i}"""
    f = prediction("normalized-exp")(A @ x)
    right = [dot(v, f * column - dot(f, column) * f) for column in A.T]
    return A.T @ _derivative("normalized-exp", A @ x, v), vector(right)


@claim("P0-1.5", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="proved", title="second derivative")
def derivative_of_mean(n: Size(1, 16), d: Size(1, 2), A: Matrix("n", "d"), x: Vector("d")):
    r"""\partial \langle f, A_{*,i} \rangle / \partial x_j
    = -\langle f, A_{*,i} \rangle \langle f, A_{*,j} \rangle + \langle f, A_{*,i} \circ A_{*,j} \rangle"""
    f = prediction("normalized-exp")(A @ x)
    left = matrix([A.T @ _derivative("normalized-exp", A @ x, column) for column in A.T])
    return left, matrix([[dot(f, a * b) - dot(f, a) * dot(f, b) for b in A.T] for a in A.T])


def _gradients(A, x, b, first, second):
    """The derived gradient, and first * f <c, f> + second * diag(f) c, both in x."""
    f = prediction("normalized-exp")(A @ x)
    c = f - b
    return A.T @ gradient("normalized-exp")(A @ x, b), A.T @ (second * (f * c) + first * dot(c, f) * f)


@claim("P0-1.6", paper=PAPER, kind="equality", provenance="reconstructed-M", expect="proved", title="gradient")
def gradient_formula(n: Size(1, 16), d: Size(1, 2), A: Matrix("n", "d"), x: Vector("d"), b: Vector("n")):
    r"""\nabla L = A^\top(-f \langle c, f \rangle + \mathrm{diag}(f) c)"""
    return _gradients(A, x, b, -1, 1)


@claim(
    "F12", paper=PAPER, kind="equality", provenance="reconstructed-L", expect="refuted", title="gradient, wrong sign"
)
def gradient_formula_with_plus(n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d"), x: Vector("d"), b: Vector("n")):
    r"""\nabla L = A^\top(f \langle c, f \rangle + \mathrm{diag}(f) c) (false)"""
    return _gradients(A, x, b, 1, 1)


@claim(
    "F12-minus", paper=PAPER, kind="equality", provenance="reconstructed-L", expect="refuted", title="gradient, minus"
)
def gradient_formula_with_minus(n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d"), x: Vector("d"), b: Vector("n")):
    r"""\nabla L = -A^\top(f \langle c, f \rangle + \mathrm{diag}(f) c) (false)"""
    return _gradients(A, x, b, -1, -1)


@claim("F12-f", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="derivative of f, plus")
def derivative_of_softmax_with_plus(n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), v: Vector("n")):
    r"""\partial f / \partial x_i = \langle f, A_{*,i} \rangle f + f \circ A_{*,i} (false)"""
    f = prediction("normalized-exp")(A @ x)
    right = [dot(v, f * column + dot(f, column) * f) for column in A.T]
    return A.T @ _derivative("normalized-exp", A @ x, v), vector(right)


def _pieces(z, b, sign):
    r"""B_{rank} + B_{diag} with the given sign of the last piece of B_{diag}."""
    f = prediction("normalized-exp")(z)
    g = (2 * f - b) * f
    rank = dot(3 * f - 2 * b, f) * outer(f, f) - outer(g, f) - outer(f, g)
    return rank + diagonal(g) + sign * dot(f - b, f) * diagonal(f)


@claim("P0-1.7", paper=PAPER, kind="equality", provenance="reconstructed-M", expect="proved", title="Hessian")
def hessian_formula(n: Size(1, 16), z: Vector("n"), b: Vector("n")):
    r"""\nabla^2 L = A^\top (B_{rank} + B_{diag}) A,
    B_{rank} = \langle 3f - 2b, f \rangle f f^\top - ((2f - b) \circ f) f^\top - f ((2f - b) \circ f)^\top,
    B_{diag} = \mathrm{diag}((2f - b) \circ f) - \langle f - b, f \rangle \mathrm{diag}(f), at z = Ax"""
    return hessian("normalized-exp")(z, b), _pieces(z, b, -1)


@claim(
    "F12-hessian",
    paper=PAPER,
    kind="equality",
    provenance="reconstructed-L",
    expect="refuted",
    title="B_diag, wrong sign",
)
def diagonal_piece_with_plus(n: Size(1, 16), z: Vector("n"), b: Vector("n")):
    r"""B_{diag} = \mathrm{diag}((2f - b) \circ f) + \langle f - b, f \rangle \mathrm{diag}(f) (false)"""
    return hessian("normalized-exp")(z, b), _pieces(z, b, 1)


@claim("P0-1.7-lower", paper=PAPER, kind="lower", provenance="reconstructed-M", expect="holds", title="B from below")
def hessian_from_below(n: Size(2, 8), z: Vector("n"), b: Vector("n", simplex=True)):
    r"""B \succeq -4 I for b in the simplex"""
    return lambda_min(hessian("normalized-exp")(z, b)), constant("P0-1.7-lower", n=n)


hessian_from_below_sharp = sharpened(hessian_from_below)


@claim("P0-1.7-upper", paper=PAPER, kind="upper", provenance="reconstructed-M", expect="holds", title="B from above")
def hessian_from_above(n: Size(2, 8), z: Vector("n"), b: Vector("n", simplex=True)):
    r"""B \preceq 8 I for b in the simplex"""
    return lambda_max(hessian("normalized-exp")(z, b)), constant("P0-1.7-upper", n=n)


hessian_from_above_sharp = sharpened(hessian_from_above)
