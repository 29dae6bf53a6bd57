"""Rescaled exp, cosh and sinh regression: arXiv 2305.00660 (Gao, Song, Yin); derivatives."""

from proofs_check import Matrix, Size, Vector, claim, gradient, hessian, prediction, residual
from proofs_check.arithmetic import diagonal, dot, outer, total, vector

PAPER = "2305.00660"


def _derivative(name, z, v):
    """J^T v of a prediction: the gradient of ||prediction - b||_2^2 / 2 is J^T (prediction - b)."""
    return gradient(name)(z, 0 * v) - gradient(name)(z, v)


def _second_derivative(name, z, v):
    """sum_k v_k times the second derivative of entry k of a prediction, in z."""
    return hessian(name)(z, 0 * v) - hessian(name)(z, v)


def _pieces(u, v, b, sign):
    """The six pieces of B, with the sign of the last one."""
    c = u - total(u) * b
    rank = outer(v * b, v) + outer(v, v * b)
    return diagonal(v * v) - rank + dot(b, b) * outer(v, v) + diagonal(u * c) + sign * dot(b, c) * diagonal(u)


@claim(
    "P3-1-exp",
    paper="2305.00660",
    kind="equality",
    provenance="reconstructed-M",
    expect="proved",
    title="derivative of u",
)
def derivative_of_exp(
    n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), s: Vector("n"),
):  # fmt: skip
    r"""\partial u / \partial x_i = v \circ A_{*,i},  u = \exp(Ax), v = \exp(Ax), tested with any s; s = 1_n gives \partial \alpha / \partial x_i"""
    v = prediction("plain-exp")(A @ x)
    return A.T @ _derivative("plain-exp", A @ x, s), vector([dot(s, v * column) for column in A.T])


@claim(
    "P3-1-cosh",
    paper="2305.00660",
    kind="equality",
    provenance="reconstructed-M",
    expect="proved",
    title="derivative of u",
)
def derivative_of_cosh(
    n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), s: Vector("n"),
):  # fmt: skip
    r"""\partial u / \partial x_i = v \circ A_{*,i},  u = \cosh(Ax), v = \sinh(Ax), tested with any s; s = 1_n gives \partial \alpha / \partial x_i"""
    v = prediction("plain-sinh")(A @ x)
    return A.T @ _derivative("plain-cosh", A @ x, s), vector([dot(s, v * column) for column in A.T])


@claim(
    "P3-1-sinh",
    paper="2305.00660",
    kind="equality",
    provenance="reconstructed-M",
    expect="proved",
    title="derivative of u",
)
def derivative_of_sinh(
    n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), s: Vector("n"),
):  # fmt: skip
    r"""\partial u / \partial x_i = v \circ A_{*,i},  u = \sinh(Ax), v = \cosh(Ax), tested with any s; s = 1_n gives \partial \alpha / \partial x_i"""
    v = prediction("plain-cosh")(A @ x)
    return A.T @ _derivative("plain-sinh", A @ x, s), vector([dot(s, v * column) for column in A.T])


@claim(
    "P3-1-c-exp",
    paper="2305.00660",
    kind="equality",
    provenance="reconstructed-M",
    expect="proved",
    title="derivative of c",
)
def derivative_of_exp_residual(
    n: Size(1, 16), z: Vector("n"), b: Vector("n"),
):  # fmt: skip
    r"""\partial c / \partial z = \mathrm{diag}(v) - b v^\top: \nabla_z L = (\partial c / \partial z)^\top c,  u = \exp(z), v = \exp(z)"""
    v, c = prediction("plain-exp")(z), residual("rescaled-exp")(z, b)
    return gradient("rescaled-exp")(z, b), (diagonal(v) - outer(b, v)).T @ c


@claim(
    "P3-1-c-cosh",
    paper="2305.00660",
    kind="equality",
    provenance="reconstructed-M",
    expect="proved",
    title="derivative of c",
)
def derivative_of_cosh_residual(
    n: Size(1, 16), z: Vector("n"), b: Vector("n"),
):  # fmt: skip
    r"""\partial c / \partial z = \mathrm{diag}(v) - b v^\top: \nabla_z L = (\partial c / \partial z)^\top c,  u = \cosh(z), v = \sinh(z)"""
    v, c = prediction("plain-sinh")(z), residual("rescaled-cosh")(z, b)
    return gradient("rescaled-cosh")(z, b), (diagonal(v) - outer(b, v)).T @ c


@claim(
    "P3-1-c-sinh",
    paper="2305.00660",
    kind="equality",
    provenance="reconstructed-M",
    expect="proved",
    title="derivative of c",
)
def derivative_of_sinh_residual(
    n: Size(1, 16), z: Vector("n"), b: Vector("n"),
):  # fmt: skip
    r"""\partial c / \partial z = \mathrm{diag}(v) - b v^\top: \nabla_z L = (\partial c / \partial z)^\top c,  u = \sinh(z), v = \cosh(z)"""
    v, c = prediction("plain-cosh")(z), residual("rescaled-sinh")(z, b)
    return gradient("rescaled-sinh")(z, b), (diagonal(v) - outer(b, v)).T @ c


@claim("P3-2-exp", paper="2305.00660", kind="equality", provenance="reconstructed-M", expect="proved", title="gradient")
def gradient_of_exp(
    n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), b: Vector("n"),
):  # fmt: skip
    r"""\partial L_u / \partial x_i = \langle c, v \circ A_{*,i} \rangle - \langle c, b \rangle \langle v, A_{*,i} \rangle,  u = \exp(Ax), v = \exp(Ax)"""
    u, v = prediction("plain-exp")(A @ x), prediction("plain-exp")(A @ x)
    c = u - total(u) * b
    right = [dot(c, v * column) - dot(c, b) * dot(v, column) for column in A.T]
    return A.T @ gradient("rescaled-exp")(A @ x, b), vector(right)


@claim(
    "P3-2-plus-exp",
    paper="2305.00660",
    kind="equality",
    provenance="derived",
    expect="refuted",
    title="gradient, wrong sign",
)
def gradient_of_exp_with_plus(
    n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), b: Vector("n"),
):  # fmt: skip
    r"""\partial L_u / \partial x_i = \langle c, v \circ A_{*,i} \rangle + \langle c, b \rangle \langle v, A_{*,i} \rangle (false)"""
    u, v = prediction("plain-exp")(A @ x), prediction("plain-exp")(A @ x)
    c = u - total(u) * b
    right = [dot(c, v * column) + dot(c, b) * dot(v, column) for column in A.T]
    return A.T @ gradient("rescaled-exp")(A @ x, b), vector(right)


@claim(
    "P3-2-cosh", paper="2305.00660", kind="equality", provenance="reconstructed-M", expect="proved", title="gradient"
)
def gradient_of_cosh(
    n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), b: Vector("n"),
):  # fmt: skip
    r"""\partial L_u / \partial x_i = \langle c, v \circ A_{*,i} \rangle - \langle c, b \rangle \langle v, A_{*,i} \rangle,  u = \cosh(Ax), v = \sinh(Ax)"""
    u, v = prediction("plain-cosh")(A @ x), prediction("plain-sinh")(A @ x)
    c = u - total(u) * b
    right = [dot(c, v * column) - dot(c, b) * dot(v, column) for column in A.T]
    return A.T @ gradient("rescaled-cosh")(A @ x, b), vector(right)


@claim(
    "P3-2-plus-cosh",
    paper="2305.00660",
    kind="equality",
    provenance="derived",
    expect="refuted",
    title="gradient, wrong sign",
)
def gradient_of_cosh_with_plus(
    n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), b: Vector("n"),
):  # fmt: skip
    r"""\partial L_u / \partial x_i = \langle c, v \circ A_{*,i} \rangle + \langle c, b \rangle \langle v, A_{*,i} \rangle (false)"""
    u, v = prediction("plain-cosh")(A @ x), prediction("plain-sinh")(A @ x)
    c = u - total(u) * b
    right = [dot(c, v * column) + dot(c, b) * dot(v, column) for column in A.T]
    return A.T @ gradient("rescaled-cosh")(A @ x, b), vector(right)


@claim(
    "P3-2-sinh", paper="2305.00660", kind="equality", provenance="reconstructed-M", expect="proved", title="gradient"
)
def gradient_of_sinh(
    n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), b: Vector("n"),
):  # fmt: skip
    r"""\partial L_u / \partial x_i = \langle c, v \circ A_{*,i} \rangle - \langle c, b \rangle \langle v, A_{*,i} \rangle,  u = \sinh(Ax), v = \cosh(Ax)"""
    u, v = prediction("plain-sinh")(A @ x), prediction("plain-cosh")(A @ x)
    c = u - total(u) * b
    right = [dot(c, v * column) - dot(c, b) * dot(v, column) for column in A.T]
    return A.T @ gradient("rescaled-sinh")(A @ x, b), vector(right)


@claim(
    "P3-2-plus-sinh",
    paper="2305.00660",
    kind="equality",
    provenance="derived",
    expect="refuted",
    title="gradient, wrong sign",
)
def gradient_of_sinh_with_plus(
    n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), b: Vector("n"),
):  # fmt: skip
    r"""\partial L_u / \partial x_i = \langle c, v \circ A_{*,i} \rangle + \langle c, b \rangle \langle v, A_{*,i} \rangle (false)"""
    u, v = prediction("plain-sinh")(A @ x), prediction("plain-cosh")(A @ x)
    c = u - total(u) * b
    right = [dot(c, v * column) + dot(c, b) * dot(v, column) for column in A.T]
    return A.T @ gradient("rescaled-sinh")(A @ x, b), vector(right)


@claim(
    "P3-3-exp", paper="2305.00660", kind="equality", provenance="derived", expect="proved", title="second derivative"
)
def second_derivative_of_exp(
    n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), s: Vector("n"),
):  # fmt: skip
    r"""\partial^2 u / \partial x_i \partial x_j = u \circ A_{*,i} \circ A_{*,j},  u = \exp(Ax), tested with any s; s = 1_n gives \partial^2 \alpha, s = v - \langle b, v \rangle 1_n gives \partial^2 c"""
    u = prediction("plain-exp")(A @ x)
    return A.T @ _second_derivative("plain-exp", A @ x, s) @ A, A.T @ diagonal(s * u) @ A


@claim(
    "P3-3-cosh", paper="2305.00660", kind="equality", provenance="derived", expect="proved", title="second derivative"
)
def second_derivative_of_cosh(
    n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), s: Vector("n"),
):  # fmt: skip
    r"""\partial^2 u / \partial x_i \partial x_j = u \circ A_{*,i} \circ A_{*,j},  u = \cosh(Ax), tested with any s; s = 1_n gives \partial^2 \alpha, s = v - \langle b, v \rangle 1_n gives \partial^2 c"""
    u = prediction("plain-cosh")(A @ x)
    return A.T @ _second_derivative("plain-cosh", A @ x, s) @ A, A.T @ diagonal(s * u) @ A


@claim(
    "P3-3-sinh", paper="2305.00660", kind="equality", provenance="derived", expect="proved", title="second derivative"
)
def second_derivative_of_sinh(
    n: Size(1, 16), d: Size(1, 3), A: Matrix("n", "d"), x: Vector("d"), s: Vector("n"),
):  # fmt: skip
    r"""\partial^2 u / \partial x_i \partial x_j = u \circ A_{*,i} \circ A_{*,j},  u = \sinh(Ax), tested with any s; s = 1_n gives \partial^2 \alpha, s = v - \langle b, v \rangle 1_n gives \partial^2 c"""
    u = prediction("plain-sinh")(A @ x)
    return A.T @ _second_derivative("plain-sinh", A @ x, s) @ A, A.T @ diagonal(s * u) @ A


@claim(
    "P3-4-exp",
    paper="2305.00660",
    kind="equality",
    provenance="reconstructed-L",
    expect="proved",
    title="Hessian, six pieces",
)
def hessian_of_exp(
    n: Size(1, 8), z: Vector("n"), b: Vector("n"),
):  # fmt: skip
    r"""B = \mathrm{diag}(v \circ v) - (v \circ b) v^\top - v (v \circ b)^\top + \|b\|_2^2 v v^\top + \mathrm{diag}(u \circ c) - \langle b, c \rangle \mathrm{diag}(u),  u = \exp(z), v = \exp(z)"""
    u, v = prediction("plain-exp")(z), prediction("plain-exp")(z)
    return hessian("rescaled-exp")(z, b), _pieces(u, v, b, -1)


@claim(
    "P3-4-plus-exp",
    paper="2305.00660",
    kind="equality",
    provenance="derived",
    expect="refuted",
    title="Hessian, wrong sign",
)
def hessian_of_exp_with_plus(
    n: Size(1, 8), z: Vector("n"), b: Vector("n"),
):  # fmt: skip
    r"""The six pieces of P3-4 with + \langle b, c \rangle \mathrm{diag}(u) (false)"""
    u, v = prediction("plain-exp")(z), prediction("plain-exp")(z)
    return hessian("rescaled-exp")(z, b), _pieces(u, v, b, 1)


@claim(
    "P3-4-cosh",
    paper="2305.00660",
    kind="equality",
    provenance="reconstructed-L",
    expect="proved",
    title="Hessian, six pieces",
)
def hessian_of_cosh(
    n: Size(1, 8), z: Vector("n"), b: Vector("n"),
):  # fmt: skip
    r"""B = \mathrm{diag}(v \circ v) - (v \circ b) v^\top - v (v \circ b)^\top + \|b\|_2^2 v v^\top + \mathrm{diag}(u \circ c) - \langle b, c \rangle \mathrm{diag}(u),  u = \cosh(z), v = \sinh(z)"""
    u, v = prediction("plain-cosh")(z), prediction("plain-sinh")(z)
    return hessian("rescaled-cosh")(z, b), _pieces(u, v, b, -1)


@claim(
    "P3-4-plus-cosh",
    paper="2305.00660",
    kind="equality",
    provenance="derived",
    expect="refuted",
    title="Hessian, wrong sign",
)
def hessian_of_cosh_with_plus(
    n: Size(1, 8), z: Vector("n"), b: Vector("n"),
):  # fmt: skip
    r"""The six pieces of P3-4 with + \langle b, c \rangle \mathrm{diag}(u) (false)"""
    u, v = prediction("plain-cosh")(z), prediction("plain-sinh")(z)
    return hessian("rescaled-cosh")(z, b), _pieces(u, v, b, 1)


@claim(
    "P3-4-sinh",
    paper="2305.00660",
    kind="equality",
    provenance="reconstructed-L",
    expect="proved",
    title="Hessian, six pieces",
)
def hessian_of_sinh(
    n: Size(1, 8), z: Vector("n"), b: Vector("n"),
):  # fmt: skip
    r"""B = \mathrm{diag}(v \circ v) - (v \circ b) v^\top - v (v \circ b)^\top + \|b\|_2^2 v v^\top + \mathrm{diag}(u \circ c) - \langle b, c \rangle \mathrm{diag}(u),  u = \sinh(z), v = \cosh(z)"""
    u, v = prediction("plain-sinh")(z), prediction("plain-cosh")(z)
    return hessian("rescaled-sinh")(z, b), _pieces(u, v, b, -1)


@claim(
    "P3-4-plus-sinh",
    paper="2305.00660",
    kind="equality",
    provenance="derived",
    expect="refuted",
    title="Hessian, wrong sign",
)
def hessian_of_sinh_with_plus(
    n: Size(1, 8), z: Vector("n"), b: Vector("n"),
):  # fmt: skip
    r"""The six pieces of P3-4 with + \langle b, c \rangle \mathrm{diag}(u) (false)"""
    u, v = prediction("plain-sinh")(z), prediction("plain-cosh")(z)
    return hessian("rescaled-sinh")(z, b), _pieces(u, v, b, 1)
