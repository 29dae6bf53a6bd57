"""Numbers, vectors and matrices of any back end, with their operators and entrywise functions.

Plain exact numbers mix in everywhere; a Python float is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import sympy
from flint import fmpq

from .exact import Count, rational

HALF = fmpq(1, 2)
_BACKEND: ContextVar[Any] = ContextVar("backend")


@contextmanager
def working_in(backend: Any) -> Iterator[None]:
    """Numbers and arrays that are built from plain exact numbers inside belong to ``backend``."""
    token = _BACKEND.set(backend)
    try:
        yield
    finally:
        _BACKEND.reset(token)


@dataclass(frozen=True, eq=False, init=False)
class Array:
    """A number, vector or matrix of one back end.

    Attributes:
        data: what the back end holds.
        backend: the back end.
    """

    data: Any
    backend: Any
    __array_ufunc__ = None  # NumPy leaves mixed operations to this class
    _op_priority = 100.0  # and so does SymPy

    def __init__(self, data: Any, backend: Any) -> None:
        # A claim makes one of these an operation; the initializer of a frozen dataclass takes three times as long.
        own = self.__dict__
        own["data"], own["backend"] = data, backend

    @property
    def shape(self) -> tuple[int, ...]:
        """() for a number, (n,) for a vector, (rows, columns) for a matrix."""
        return self.backend.shape(self.data)

    @property
    def T(self) -> Array:
        """The transpose; a vector is its own."""
        return wrap(self, self.backend.transpose(self.data)) if len(self.shape) == 2 else self

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a number has no length; len() needs a vector or a matrix")
        return Count(self.shape[0])

    def __getitem__(self, key: Any) -> Array:
        return wrap(self, self.backend.index(self.data, _checked_key(key, self.shape)))

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __add__(self, other: Any) -> Array:
        return binary("add", self, other)

    def __radd__(self, other: Any) -> Array:
        return binary("add", other, self)

    def __sub__(self, other: Any) -> Array:
        return binary("subtract", self, other)

    def __rsub__(self, other: Any) -> Array:
        return binary("subtract", other, self)

    def __mul__(self, other: Any) -> Array:
        return binary("multiply", self, other)

    def __rmul__(self, other: Any) -> Array:
        return binary("multiply", other, self)

    def __truediv__(self, other: Any) -> Array:
        return binary("divide", self, other)

    def __rtruediv__(self, other: Any) -> Array:
        return binary("divide", other, self)

    def __neg__(self) -> Array:
        return wrap(self, self.backend.unary("negative", self.data))

    def __pos__(self) -> Array:
        return self

    def __abs__(self) -> Array:
        return absolute(self)

    def __pow__(self, exponent: Any) -> Array:
        return _power(self, exponent)

    def __rpow__(self, base: Any) -> Array:
        return exp(self * log(same_backend(base, self)))

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


def wrap(like: Array, data: Any) -> Array:
    """Data of the back end of ``like`` as an Array."""
    return Array(data, like.backend)


def is_number(value: Any) -> bool:
    """Whether ``value`` is a plain exact number (a float is refused here, with the remedy)."""
    if isinstance(value, (int, fmpq)):
        return True
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
    if value.is_Rational:
        return True
    if value.has(sympy.Float):
        raise TypeError(f"a claim holds exact numbers, got the SymPy expression {value} with a Float; use Rational")
    return value.is_number


def same_backend(value: Any, like: Array) -> Array:
    """``value`` as an Array of the back end of ``like``."""
    if isinstance(value, Array):
        if value.backend is not like.backend and value.backend != like.backend:
            raise TypeError(f"arrays of two back ends do not mix: {value.backend.name} and {like.backend.name}")
        return value
    if is_number(value):
        return Array(like.backend.number(value), like.backend)
    return _array_operand(value, like)


def _array_operand(value: Any, like: Array) -> Array:
    if isinstance(value, Array):
        return same_backend(value, like)
    if is_number(value):
        raise TypeError(f"@ needs vectors or matrices on both sides, got the number {value}; write * instead")
    kind = type(value).__name__
    raise TypeError(
        f"an operand must be an array of the claim or an exact number, got {value!r} of type {kind}; "
        "build vectors and matrices with vector(...) and matrix(...)"
    )


def binary(name: str, left: Any, right: Any) -> Array:
    """An entrywise operation of two arrays of one shape, or of an array and a number."""
    like = left if isinstance(left, Array) else right
    left, right = same_backend(left, like), same_backend(right, like)
    ours, theirs = left.shape, right.shape
    if ours and theirs and ours != theirs:
        raise ValueError(f"{name} needs equal shapes or a number, got {ours} and {theirs}")
    return Array(like.backend.binary(name, left.data, right.data), like.backend)


def _matmul(left: Array, right: Array) -> Array:
    if not left.shape or not right.shape:
        raise ValueError(f"@ needs vectors or matrices, got shapes {left.shape} and {right.shape}; write * instead")
    if left.shape[-1] != right.shape[0]:
        raise ValueError(f"@ needs the inner sizes to agree, got shapes {left.shape} and {right.shape}")
    return wrap(left, left.backend.matmul(left.data, right.data))


def _power(base: Array, exponent: Any) -> Array:
    if isinstance(exponent, Array):
        return exp(exponent * log(base))
    if isinstance(exponent, sympy.Expr) and not exponent.is_Rational:
        return exp(log(base) * exponent)
    q = rational(exponent)
    whole, rest = int(q.p) // int(q.q), q - int(q.p) // int(q.q)
    if rest == 0:
        return _whole_power(base, whole)
    if rest == HALF:
        return sqrt(base) if whole == 0 else sqrt(base) * _whole_power(base, whole)
    return exp(log(base) * q)


def _whole_power(base: Array, exponent: int) -> Array:
    if exponent < 0:
        return 1 / _whole_power(base, -exponent)
    if exponent == 0:
        return Array(base.backend.number(1), base.backend) + 0 * base
    result, square = None, base
    while exponent:
        if exponent % 2:
            result = square if result is None else result * square
        exponent //= 2
        square = square * square if exponent else square
    assert result is not None
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
        return wrap(x, x.backend.unary(name, x.data))

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


exp = _unary("exp")
log = _unary("log")
sqrt = _unary("sqrt")
sinh = _unary("sinh")
cosh = _unary("cosh")
tanh = _unary("tanh")
absolute = _unary("absolute")
