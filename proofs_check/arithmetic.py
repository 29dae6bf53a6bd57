"""Generic arithmetic: each side of a claim is written once and runs on every back end.

A back end is an object with the primitives that `Array` and the functions below call. There are four: float64
batches (`screen`), balls (`balls`), exact symbols and high-precision digits (`fields`). Plain exact numbers mix in
everywhere; a Python float is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import sympy

from .exact import Count, rational

_BACKEND: ContextVar[Any] = ContextVar("backend")


@contextmanager
def working_in(backend: Any) -> Iterator[None]:
    """Numbers and arrays that are built from plain exact numbers inside belong to ``backend``."""
    token = _BACKEND.set(backend)
    try:
        yield
    finally:
        _BACKEND.reset(token)


@dataclass(frozen=True, eq=False)
class Array:
    """A number, vector or matrix of one back end.

    Attributes:
        data: what the back end holds.
        backend: the back end.
    """

    data: Any
    backend: Any
    __array_ufunc__ = None  # NumPy leaves mixed operations to this class

    @property
    def shape(self) -> tuple[int, ...]:
        """() for a number, (n,) for a vector, (rows, columns) for a matrix."""
        return self.backend.shape(self.data)

    @property
    def T(self) -> Array:
        """The transpose; a vector is its own."""
        return _wrap(self, self.backend.transpose(self.data)) if len(self.shape) == 2 else self

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a number has no length; len() needs a vector or a matrix")
        return Count(self.shape[0])

    def __getitem__(self, key: Any) -> Array:
        return _wrap(self, self.backend.index(self.data, _checked_key(key, self.shape)))

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __add__(self, other: Any) -> Array:
        return _binary("add", self, other)

    def __radd__(self, other: Any) -> Array:
        return _binary("add", other, self)

    def __sub__(self, other: Any) -> Array:
        return _binary("subtract", self, other)

    def __rsub__(self, other: Any) -> Array:
        return _binary("subtract", other, self)

    def __mul__(self, other: Any) -> Array:
        return _binary("multiply", self, other)

    def __rmul__(self, other: Any) -> Array:
        return _binary("multiply", other, self)

    def __truediv__(self, other: Any) -> Array:
        return _binary("divide", self, other)

    def __rtruediv__(self, other: Any) -> Array:
        return _binary("divide", other, self)

    def __neg__(self) -> Array:
        return _wrap(self, self.backend.unary("negative", self.data))

    def __pos__(self) -> Array:
        return self

    def __abs__(self) -> Array:
        return absolute(self)

    def __pow__(self, exponent: Any) -> Array:
        return _power(self, exponent)

    def __rpow__(self, base: Any) -> Array:
        return exp(self * log(_same_backend(base, self)))

    def __matmul__(self, other: Any) -> Array:
        return _matmul(self, _array_operand(other, self))

    def __rmatmul__(self, other: Any) -> Array:
        return _matmul(_array_operand(other, self), self)

    def _compared(self, other: Any) -> NoReturn:
        raise TypeError("a comparison in a claim has no yes or no; state a hypothesis with assume(left, '<=', right)")

    __lt__ = __le__ = __gt__ = __ge__ = _compared
    __eq__ = __ne__ = _compared
    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        raise TypeError("an Array in a claim has no truth value; state a hypothesis with assume(left, '<=', right)")

    def __float__(self) -> float:
        raise TypeError("a claim stays exact: float() of an Array is refused; use it as it is")


def _wrap(like: Array, data: Any) -> Array:
    return Array(data, like.backend)


def is_number(value: Any) -> bool:
    """Whether ``value`` is a plain exact number (a float is refused here, with the remedy)."""
    if isinstance(value, Array) or value is None:
        return False
    if isinstance(value, sympy.Expr):
        return _exact_constant(value)
    try:
        rational(value)
    except TypeError:
        if isinstance(value, (float, np.floating)):
            raise
        return False
    return not isinstance(value, str)


def _exact_constant(value: sympy.Expr) -> bool:
    if value.has(sympy.Float):
        raise TypeError(f"a claim holds exact numbers, got the SymPy expression {value} with a Float; use Rational")
    return value.is_number


def _same_backend(value: Any, like: Array) -> Array:
    if isinstance(value, Array):
        if value.backend != like.backend:
            raise TypeError(f"arrays of two back ends do not mix: {value.backend.name} and {like.backend.name}")
        return value
    if is_number(value):
        return Array(like.backend.number(value), like.backend)
    return _array_operand(value, like)


def _array_operand(value: Any, like: Array) -> Array:
    if isinstance(value, Array):
        return _same_backend(value, like)
    if is_number(value):
        raise TypeError(f"@ needs vectors or matrices on both sides, got the number {value}; write * instead")
    kind = type(value).__name__
    raise TypeError(
        f"an operand must be an array of the claim or an exact number, got {value!r} of type {kind}; "
        "build vectors and matrices with vector(...) and matrix(...)"
    )


def _binary(name: str, left: Any, right: Any) -> Array:
    like = left if isinstance(left, Array) else right
    left, right = _same_backend(left, like), _same_backend(right, like)
    if left.shape != right.shape and left.shape and right.shape:
        raise ValueError(f"{name} needs equal shapes or a number, got {left.shape} and {right.shape}")
    return _wrap(like, like.backend.binary(name, left.data, right.data))


def _matmul(left: Array, right: Array) -> Array:
    if not left.shape or not right.shape:
        raise ValueError(f"@ needs vectors or matrices, got shapes {left.shape} and {right.shape}; write * instead")
    if left.shape[-1] != right.shape[0]:
        raise ValueError(f"@ needs the inner sizes to agree, got shapes {left.shape} and {right.shape}")
    return _wrap(left, left.backend.matmul(left.data, right.data))


def _power(base: Array, exponent: Any) -> Array:
    if isinstance(exponent, Array):
        return exp(exponent * log(base))
    if isinstance(exponent, sympy.Expr) and not exponent.is_Rational:
        return exp(log(base) * exponent)
    q = rational(exponent)
    whole, rest = int(q.p) // int(q.q), q - int(q.p) // int(q.q)
    if rest == 0:
        return _whole_power(base, whole)
    if rest == rational("1/2"):
        return sqrt(base) if whole == 0 else sqrt(base) * _whole_power(base, whole)
    return exp(log(base) * q)


def _whole_power(base: Array, exponent: int) -> Array:
    if exponent < 0:
        return 1 / _whole_power(base, -exponent)
    result, square = Array(base.backend.number(1), base.backend) + 0 * base, base
    while exponent:
        if exponent % 2:
            result = result * square
        exponent //= 2
        square = square * square if exponent else square
    return result


def _checked_key(key: Any, shape: tuple[int, ...]) -> tuple[Any, ...]:
    keys = key if isinstance(key, tuple) else (key,)
    if len(keys) > len(shape):
        raise IndexError(f"an array of shape {shape} takes at most {len(shape)} indices, got {keys}")
    for k, size in zip(keys, shape, strict=False):
        if isinstance(k, slice):
            continue
        if not isinstance(k, int) or isinstance(k, bool):
            raise TypeError(f"an index is a whole number or a slice, got {k!r}")
        if not -size <= k < size:
            raise IndexError(f"index {k} is outside an array of shape {shape}")
    return tuple(int(k) if isinstance(k, int) else k for k in keys)


def _unary(name: str) -> Callable[[Any], Any]:
    def apply(x: Any) -> Any:
        x = lifted(name, x)
        return _wrap(x, x.backend.unary(name, x.data))

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"{name}, entry by entry."
    return apply


def lifted(name: str, x: Any) -> Array:
    """``x`` as an Array; a plain exact number joins the back end at work."""
    if isinstance(x, Array):
        return x
    if not is_number(x):
        raise TypeError(f"{name} needs an array of the claim or an exact number, got {x!r} of type {type(x).__name__}")
    backend = _BACKEND.get(None)
    if backend is None:
        raise TypeError(f"{name} of the plain number {x} works in the body of a claim only")
    return Array(backend.number(x), backend)


def plain(value: Any) -> sympy.Expr:
    """A plain exact number as a SymPy constant."""
    if isinstance(value, sympy.Expr):
        return value
    q = rational(value)
    return sympy.Rational(int(q.p), int(q.q))


exp = _unary("exp")
log = _unary("log")
sqrt = _unary("sqrt")
sinh = _unary("sinh")
cosh = _unary("cosh")
tanh = _unary("tanh")
absolute = _unary("absolute")


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
        x = _binary(name, x, other)
    return x


def _reduce(name: str, x: Any) -> Array:
    x = _operand(name, x)
    return _wrap(x, x.backend.reduce(name, x.data)) if x.shape else x


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
    return _wrap(x, x.backend.euclidean(x.data))


def norm_inf(x: Array) -> Array:
    """Largest absolute entry of a vector."""
    return maximum(absolute(_operand("norm_inf", x, 1)))


def frobenius(x: Array) -> Array:
    """Euclidean norm of the entries of a matrix."""
    x = _operand("frobenius", x, 2)
    return _wrap(x, x.backend.euclidean(x.data))


def spectral(x: Array) -> Array:
    """Largest singular value of a matrix."""
    x = _operand("spectral", x, 2)
    return _wrap(x, x.backend.spectral(x.data))


def lambda_max(x: Array) -> Array:
    """Largest eigenvalue of a symmetric matrix."""
    x = _square("lambda_max", x)
    return _wrap(x, x.backend.eigenvalue(x.data, largest=True))


def lambda_min(x: Array) -> Array:
    """Smallest eigenvalue of a symmetric matrix."""
    x = _square("lambda_min", x)
    return _wrap(x, x.backend.eigenvalue(x.data, largest=False))


def trace(x: Array) -> Array:
    """Sum of the diagonal."""
    return total(diagonal(_square("trace", x)))


def det(x: Array) -> Array:
    """Determinant."""
    x = _square("det", x)
    return _wrap(x, x.backend.det(x.data))


def solve(a: Array, b: Array) -> Array:
    """The x with a @ x = b, for a square a and a vector or matrix b."""
    a, b = _square("solve", a), _operand("solve", b)
    if not b.shape or b.shape[0] != a.shape[0]:
        raise ValueError(f"solve needs as many rows in both, got shapes {a.shape} and {b.shape}")
    return _wrap(a, a.backend.solve(a.data, _same_backend(b, a).data))


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
    return _wrap(x, x.backend.reshape(x.data, (x.shape[0], 1)))


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
    return _wrap(x, x.backend.reshape(x.data, (rows * columns,)))


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


def matrix(rows: Sequence[Sequence[Any]]) -> Array:
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
