"""Generic arithmetic: each side of a claim is written once and runs on every back end.

A back end is an object with the primitives that `Array` and the functions below call. There are four: float64
batches (`screen`), balls (`balls`), exact symbols and high-precision digits (`fields`). Plain exact numbers mix in
everywhere; a Python float is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from .arrays.array import (
    Array,
    absolute,
    binary,
    cosh,
    exp,
    is_number,
    lifted,
    log,
    same_backend,
    sinh,
    sqrt,
    tanh,
    working_in,
    wrap,
)
from .probability import binomial_tail, gaussian_moment

__all__ = [
    "Array", "absolute", "binomial_tail", "cosh", "det", "diagonal", "dot", "exp", "eye", "frobenius",
    "gaussian_moment", "is_number", "kron", "lambda_max", "lambda_min", "lifted", "log", "matrix", "maximum", "minimum",
    "norm1", "norm2", "norm_inf", "ones", "outer", "pi", "sinh", "softmax", "solve", "spectral", "sqrt", "tanh",
    "total", "trace", "vec", "vector", "working_in",
]  # fmt: skip

pi = sympy.pi
"""The circle constant, an exact number like any other: ``2 * pi * x``, ``sqrt(pi)``."""


def total(x: Array) -> Array:
    """Sum of all entries."""
    return _reduce("total", x)


def maximum(x: Any, *others: Any) -> Any:
    """Largest entry of one array; of several arguments, the largest entry by entry."""
    return _extreme("maximum", x, others)


def minimum(x: Any, *others: Any) -> Any:
    """Smallest entry of one array; of several arguments, the smallest entry by entry."""
    return _extreme("minimum", x, others)


def _extreme(name: str, x: Any, others: Sequence[Any]) -> Any:
    if not others:
        return _reduce(name, x)
    x = lifted(name, x)
    for other in others:
        x = binary(name, x, other)
    return x


def _reduce(name: str, x: Any) -> Array:
    x = _operand(name, x)
    return wrap(x, x.backend.reduce(name, x.data)) if x.shape else x


def _operand(name: str, x: Any, ndim: int | None = None) -> Array:
    """The argument of ``name`` as an Array, with its number of dimensions checked."""
    if not isinstance(x, Array):
        raise TypeError(f"{name} needs an array of the claim, got {x!r} of type {type(x).__name__}")
    if ndim is not None and len(x.shape) != ndim:
        raise ValueError(f"{name} needs a {('number', 'vector', 'matrix')[ndim]}, got an array of shape {x.shape}")
    return x


def _square(name: str, x: Any) -> Array:
    x = _operand(name, x, 2)
    if x.shape[0] != x.shape[1]:
        raise ValueError(f"{name} needs a square matrix, got shape {x.shape}")
    return x


def norm1(x: Array) -> Array:
    """Sum of the absolute entries of a vector."""
    return total(absolute(_operand("norm1", x, 1)))


def norm2(x: Array) -> Array:
    """Euclidean norm of a vector."""
    x = _operand("norm2", x, 1)
    return wrap(x, x.backend.euclidean(x.data))


def norm_inf(x: Array) -> Array:
    """Largest absolute entry of a vector."""
    return maximum(absolute(_operand("norm_inf", x, 1)))


def frobenius(x: Array) -> Array:
    """Euclidean norm of the entries of a matrix."""
    x = _operand("frobenius", x, 2)
    return wrap(x, x.backend.euclidean(x.data))


def spectral(x: Array) -> Array:
    """Largest singular value of a matrix."""
    x = _operand("spectral", x, 2)
    return wrap(x, x.backend.spectral(x.data))


def lambda_max(x: Array) -> Array:
    """Largest eigenvalue of a symmetric matrix."""
    x = _square("lambda_max", x)
    return wrap(x, x.backend.eigenvalue(x.data, largest=True))


def lambda_min(x: Array) -> Array:
    """Smallest eigenvalue of a symmetric matrix."""
    x = _square("lambda_min", x)
    return wrap(x, x.backend.eigenvalue(x.data, largest=False))


def trace(x: Array) -> Array:
    """Sum of the diagonal."""
    return total(diagonal(_square("trace", x)))


def det(x: Array) -> Array:
    """Determinant."""
    x = _square("det", x)
    return wrap(x, x.backend.det(x.data))


def solve(a: Array, b: Array) -> Array:
    """The x with a @ x = b, for a square a and a vector or matrix b."""
    a, b = _square("solve", a), _operand("solve", b)
    if not b.shape or b.shape[0] != a.shape[0]:
        raise ValueError(f"solve needs as many rows in both, got shapes {a.shape} and {b.shape}")
    return wrap(a, a.backend.solve(a.data, same_backend(b, a).data))


def diagonal(x: Array) -> Array:
    """The diagonal of a square matrix as a vector, or the diagonal matrix of a vector."""
    x = _operand("diagonal", x)
    if len(x.shape) == 1:
        n = x.shape[0]
        return matrix([[x[i] if i == j else 0 for j in range(n)] for i in range(n)])
    x = _square("diagonal", x)
    return vector([x[i, i] for i in range(x.shape[0])])


def outer(x: Array, y: Array) -> Array:
    """x y^T for vectors x and y."""
    x, y = _operand("outer", x, 1), _operand("outer", y, 1)
    return column(x) @ column(y).T


def column(x: Array) -> Array:
    """A vector as a matrix of one column."""
    return wrap(x, x.backend.reshape(x.data, (x.shape[0], 1)))


def kron(x: Array, y: Array) -> Array:
    """Kronecker product; block (i, j) is x[i, j] * y."""
    x, y = _operand("kron", x, 2), _operand("kron", y, 2)
    (m, n), (p, q) = x.shape, y.shape
    return matrix([[x[i, j] * y[k, l] for j in range(n) for l in range(q)] for i in range(m) for k in range(p)])


def dot(x: Array, y: Array) -> Array:
    """Inner product of two vectors of equal length."""
    return total(_operand("dot", x, 1) * _operand("dot", y, 1))


def softmax(x: Array) -> Array:
    """exp(x) / total(exp(x)) of a vector, by the derived formula's own code."""
    from .formulas import prediction

    return prediction("normalized-exp")(_operand("softmax", x, 1))


def vec(x: Array) -> Array:
    """The entries of a matrix row by row: vec(A X B^T) = kron(A, B) @ vec(X)."""
    x = _operand("vec", x, 2)
    rows, columns = x.shape
    return wrap(x, x.backend.reshape(x.data, (rows * columns,)))


def eye(n: int) -> Array:
    """Identity matrix."""
    return matrix([[int(i == j) for j in range(n)] for i in range(n)])


def ones(*shape: int) -> Array:
    """A vector (one size) or matrix (two sizes) of ones."""
    return vector([1] * shape[0]) if len(shape) == 1 else matrix([[1] * shape[1]] * shape[0])


def vector(entries: Sequence[Any]) -> Array:
    """A vector from numbers of the claim and exact numbers."""
    cells = [_cell("vector", entry) for entry in entries]
    if not cells:
        raise ValueError("vector needs at least one entry, got none")
    backend = cells[0].backend
    return Array(backend.stack([cell.data for cell in cells], (len(cells),)), backend)


def matrix(rows: Sequence[Sequence[Any] | Array]) -> Array:
    """A matrix from nested rows of numbers of the claim and exact numbers; rows may be vectors."""
    cells = [[_cell("matrix", entry) for entry in row] for row in rows]
    lengths = [len(row) for row in cells]
    if not cells or not cells[0] or len(set(lengths)) != 1:
        raise ValueError(f"matrix needs rows of one positive length, got lengths {lengths}")
    backend = cells[0][0].backend
    data = [cell.data for row in cells for cell in row]
    return Array(backend.stack(data, (len(rows), lengths[0])), backend)


def _cell(name: str, entry: Any) -> Array:
    cell = lifted(name, entry)
    if cell.shape:
        raise ValueError(f"{name} takes numbers as entries, got an array of shape {cell.shape}")
    return cell
