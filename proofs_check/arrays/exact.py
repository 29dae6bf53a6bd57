"""Exact numbers: the only numbers that claims, instances and witnesses are made of."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache, reduce
from numbers import Rational
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat, fmpz, fmpz_mat

from . import spectra

BALL_SIZE = 14
"""From this size on, definiteness is decided in balls where they can."""
ONE = fmpq(1)


class InputError(ValueError):
    """The caller's mistake: the message says what was asked, what was got and what to do."""


class Unfit(InputError):
    """The sizes drawn do not fit each other; other sizes may."""


class Count(int):
    """A whole number whose quotients stay exact: ``1 / n`` is a Fraction, never a float.

    >>> 1 / Count(3), Count(3) / 2, Count(2) ** -2
    (Fraction(1, 3), Fraction(3, 2), Fraction(1, 4))
    """

    def __add__(self, other: Any) -> Any:
        return _counted(int.__add__(self, other))

    def __sub__(self, other: Any) -> Any:
        return _counted(int.__sub__(self, other))

    def __rsub__(self, other: Any) -> Any:
        return _counted(int.__rsub__(self, other))

    def __mul__(self, other: Any) -> Any:
        return _counted(int.__mul__(self, other))

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Any:
        return Count(-int(self))

    def __truediv__(self, other: Any) -> Any:
        return Fraction(int(self), int(other)) if isinstance(other, int) else NotImplemented

    def __rtruediv__(self, other: Any) -> Any:
        return Fraction(int(other), int(self)) if isinstance(other, int) else NotImplemented

    def __pow__(self, exponent: Any, modulus: Any = None) -> Any:
        if isinstance(exponent, (float, Fraction)):
            raise TypeError(f"n ** {exponent!r}: a size takes whole powers only; write sqrt(n), or exp(q * log(n))")
        if not isinstance(exponent, int):
            return NotImplemented
        power = Fraction(int(self)) ** int(exponent)
        return Count(power.numerator) if power.denominator == 1 else power


def _counted(value: Any) -> Any:
    return value if value is NotImplemented else Count(value)


def rational(value: Any) -> fmpq:
    """The exact rational that ``value`` states; a float is refused with the remedy.

    Args:
        value: int, Fraction, fmpq, SymPy Rational, or text such as "3/20" and "0.15".

    Raises:
        TypeError: for a float, or for something that states no rational number.

    >>> rational("0.15"), rational(Fraction(1, 3))
    (3/20, 1/3)
    """
    if isinstance(value, fmpq):
        return value
    if isinstance(value, (float, np.floating)):
        raise TypeError(
            f"a claim holds exact numbers, got the float {value!r}; write Fraction({str(value)!r}) or '1/10'"
        )
    if isinstance(value, (int, fmpz, np.integer)):
        return fmpq(int(value))
    if isinstance(value, Rational):
        return fmpq(int(value.numerator), int(value.denominator))
    if isinstance(value, str):
        return _from_text(value)
    if getattr(value, "is_Rational", False):
        return fmpq(int(value.p), int(value.q))
    raise TypeError(f"an exact number is needed, got {value!r} of type {type(value).__name__}")


def _from_text(text: str) -> fmpq:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError) as cause:
        raise TypeError(f"an exact number is needed, such as '3/20' or '0.15', got {text!r}") from cause
    return fmpq(value.numerator, value.denominator)


def from_float(value: float) -> fmpq:
    """The rational that a finite float is, bit by bit."""
    return fmpq(*float(value).as_integer_ratio())


def to_float(value: fmpq) -> float:
    """The nearest float, for screens and messages; infinite beyond the range of floats."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else -float("inf")


def text(value: fmpq) -> str:
    """``p/q``, the form of rationals in witness files."""
    return f"{int(value.p)}/{int(value.q)}"


def array(values: Any) -> np.ndarray:
    """An object array of rationals from nested sequences of exact numbers."""
    source = np.array(values, dtype=object)
    return each(rational, source)


def each(function: Any, values: np.ndarray) -> np.ndarray:
    """``function`` of every cell, as an object array of the same shape."""
    out = np.empty(values.shape, dtype=object)
    flat = out.reshape(-1)
    for i, value in enumerate(values.reshape(-1)):
        flat[i] = function(value)
    return out


def shaped(cells: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Cells, row by row, as an object array."""
    out = np.empty(len(cells), dtype=object)
    out[:] = cells
    return out.reshape(shape)


def rationals(whole: np.ndarray) -> np.ndarray:
    """An array of NumPy's whole numbers as rationals."""
    return shaped([fmpq(cell) for cell in whole.ravel().tolist()], whole.shape)


def zeros(*shape: int) -> np.ndarray:
    """Exact zeros."""
    return np.full(shape, fmpq(0), dtype=object)


def is_psd(matrix: np.ndarray) -> bool:
    """Whether an exact symmetric matrix is positive semidefinite."""
    n = len(matrix)
    return is_semidefinite(fmpq_mat(n, n, matrix.ravel().tolist()).numer_denom()[0])


def is_semidefinite(whole: fmpz_mat) -> bool:
    """Whether a symmetric matrix of whole numbers is positive semidefinite.

    All roots of its characteristic polynomial p are real. Where the signs of the coefficients alternate, (-1)^n p(-s)
    is a sum of s^n and of terms that are not negative, so p has no root -s < 0. Where no root is negative, the
    coefficients are elementary symmetric functions of the roots, with alternating signs. Balls decide large matrices
    at less cost.
    """
    n = whole.nrows()
    if any(whole[i, i] < 0 for i in range(n)):
        return False
    certain = spectra.definite(whole) if n >= BALL_SIZE else None
    if certain is not None:
        return certain
    return all(c >= 0 if (n - k) % 2 == 0 else c <= 0 for k, c in enumerate(whole.charpoly().coeffs()))


def rank(matrix: np.ndarray) -> int:
    """Exact rank."""
    rows, columns = matrix.shape
    return int(fmpq_mat(rows, columns, list(matrix.reshape(-1))).rank())


def simplest_between(low: fmpq, high: fmpq) -> fmpq:
    """The rational of smallest denominator in [low, high] (Stern-Brocot).

    >>> simplest_between(fmpq(3, 10), fmpq(2, 5))
    1/3
    """
    if low > high:
        raise InputError(f"an interval needs low <= high, got [{low}, {high}]")
    if low <= 0 <= high:
        return fmpq(0)
    if high < 0:
        return -simplest_between(-high, -low)
    return reduce(lambda tail, whole: whole + 1 / tail if tail is not None else whole, _quotients(low, high))


def _quotients(low: fmpq, high: fmpq) -> Iterator[Any]:
    """Continued fraction of the simplest rational in [low, high], last quotient first, after a None."""
    digits: list[fmpq] = []
    while True:
        whole = fmpq(low.ceil())
        if whole <= high:
            digits.append(whole)
            break
        digits.append(fmpq(low.floor()))
        low, high = 1 / (high - digits[-1]), 1 / (low - digits[-1])
    yield None
    yield from reversed(digits)


def identity(n: int) -> np.ndarray:
    """Exact identity matrix."""
    out = zeros(n, n)
    for i in range(n):
        out[i, i] = fmpq(1)
    return out


@lru_cache(maxsize=128)
def whole_identity(n: int) -> fmpz_mat:
    """Identity matrix of whole numbers."""
    return fmpz_mat(n, n, [int(i == j) for i in range(n) for j in range(n)])
