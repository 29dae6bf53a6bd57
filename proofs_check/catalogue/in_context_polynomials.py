"""Polynomials in random letters with exact expectations: the moments behind the claims about 2306.09927.

A polynomial has coefficients of a claim's arithmetic and letters that are independent standard normals, unit
exponentials, or the sign of the first coordinate of a normal vector. Its expectation is a finite sum of products of
their moments (Isserlis' theorem), so a risk is computed without the theorem that is to be checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import factorial, prod
from typing import Any

import numpy as np

from proofs_check.arithmetic import Array, matrix, vector

Letter = tuple[Any, ...]
"""("normal", name, coordinate), ("exponential", name) or ("sign", name), the sign of ("normal", name, 0)."""
Monomial = tuple[tuple[Letter, int], ...]


@dataclass(frozen=True)
class Polynomial:
    """A polynomial in random letters.

    Attributes:
        terms: monomial, as sorted pairs of letter and power, -> coefficient (a number of the claim or an exact one).
    """

    terms: dict[Monomial, Any]

    def __add__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented  # NumPy adds to each entry
        merged = dict(self.terms)
        for key, value in lift(other).terms.items():
            merged[key] = merged[key] + value if key in merged else value
        return Polynomial(merged)

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        out: dict[Monomial, Any] = {}
        for a, x in self.terms.items():
            for b, y in lift(other).terms.items():
                key, value = _merged(a, b), _times(x, y)
                out[key] = out[key] + value if key in out else value
        return Polynomial(out)

    def __sub__(self, other: Any) -> Any:
        return self + lift(other) * -1

    __radd__ = __add__
    __rmul__ = __mul__

    def mean(self, other: Polynomial | None = None, sign: Any = None) -> Any:
        """E[self], or E[self other] without the product being built.

        Args:
            other: the second factor.
            sign: E|g| of a standard normal g, which letters of signs need.
        """
        total: Any = 0
        first = list(self.terms.items())
        second = [((), 1)] if other is None else list(other.terms.items())
        for place, (a, x) in enumerate(first):
            # Of a square, a product of two different terms counts twice.
            for b, y in first[place:] if other is self else second:
                factor, signs = _moment(a, b)
                if factor:
                    moment = factor * (2 if other is self and b is not a else 1)
                    total = total + _times(_times(x, y), moment * sign**signs if signs else moment)
        return total


def lift(value: Any) -> Any:
    """A constant as a polynomial; an array of the claim as an object array of constants."""
    if isinstance(value, (Polynomial, np.ndarray)):
        return value
    if isinstance(value, Array) and len(value.shape) == 1:
        return _column([lift(entry) for entry in value])
    if isinstance(value, Array) and len(value.shape) == 2:
        return np.array([lift(row) for row in value], dtype=object)
    return Polynomial({(): value})


def nothing(size: int) -> np.ndarray:
    """A vector of zero polynomials, which cost nothing."""
    return _column([Polynomial({}) for _ in range(size)])


def normal(name: str, size: int) -> np.ndarray:
    """A vector of independent standard normals."""
    return _column([Polynomial({((("normal", name, i), 1),): 1}) for i in range(size)])


def sign_of(name: str) -> Polynomial:
    """The sign of the first coordinate of ``normal(name, size)``."""
    return Polynomial({((("sign", name), 1),): 1})


def exponential(name: str) -> Polynomial:
    """An exponential variable of mean 1."""
    return Polynomial({((("exponential", name), 1),): 1})


def gaussian(root: Array, name: str) -> np.ndarray:
    """x = root g with g standard normal: a vector with covariance root root^T."""
    return lift(root) @ normal(name, root.shape[1])


def means(values: np.ndarray, other: Polynomial | None = None, sign: Any = None) -> Array:
    """E of each entry (times ``other``), as a vector or matrix of the claim."""
    rows = [[p.mean(other, sign) for p in row] for row in np.atleast_2d(values)]
    return matrix(rows) if values.ndim == 2 else vector(rows[0])


def _column(entries: Iterable[Polynomial]) -> np.ndarray:
    listed = list(entries)
    out = np.empty(len(listed), dtype=object)
    out[:] = listed
    return out


def _times(x: Any, y: Any) -> Any:
    """The product, without work where a factor is the plain number 1."""
    if isinstance(x, int) and x == 1:
        return y
    return x if isinstance(y, int) and y == 1 else x * y


@lru_cache(maxsize=1 << 16)
def _merged(a: Monomial, b: Monomial) -> Monomial:
    powers = dict(a)
    for letter, power in b:
        powers[letter] = powers.get(letter, 0) + power
    return tuple(sorted(powers.items()))


@lru_cache(maxsize=1 << 16)
def _moment(a: Monomial, b: Monomial) -> tuple[int, int]:
    """(k, m) with E[a b] = k E|g|^m for a standard normal g."""
    monomial = _merged(a, b)
    powers = dict(monomial)
    factor, signs = 1, 0
    for letter, power in monomial:
        if letter[0] == "exponential":
            factor *= factorial(power)
        elif letter[0] == "sign" and power % 2:
            # E[sign(g) g^k] = E|g|^k = (k - 1)!! E|g| for odd k, by parts; 0 for even k.
            beside = powers.get(("normal", letter[1], 0), 0)
            factor, signs = factor * (_double_factorial(beside - 1) if beside % 2 else 0), signs + 1
        elif letter[0] == "normal" and not (letter[2] == 0 and powers.get(("sign", letter[1]), 0) % 2):
            factor *= 0 if power % 2 else _double_factorial(power - 1)
        if not factor:
            return 0, 0
    return factor, signs


def _double_factorial(k: int) -> int:
    return prod(range(k, 0, -2))
