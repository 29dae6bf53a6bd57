"""Balls: rigorous real arithmetic, and the one place where balls are compared.

A cell is either an exact rational (fmpq) or a ball (arb) that contains the true value. Sums, products and quotients of
rationals stay rational, so sides that are rational are compared exactly; everything else is enclosed at the current
precision. An undefined operation gives the ball [nan], which no comparison ever decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from itertools import combinations
from typing import Any, NoReturn

import numpy as np
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat

from . import spectra
from .exact import rational

LOG_10 = math.log(10)
HEIGHT_LIMIT = 1 << 14
"""Rationals with more bits than this become balls: exact, but no longer worth their cost."""


class Truth(Enum):
    """Three-valued truth; asking for a yes or no raises."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self} has no yes or no; compare with 'is Truth.YES' and 'is Truth.NO'")

    def __and__(self, other: Truth) -> Truth:
        """NO if either is, else UNKNOWN if either is, else YES."""
        if Truth.NO in (self, other):
            return Truth.NO
        return Truth.UNKNOWN if Truth.UNKNOWN in (self, other) else Truth.YES


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Ball arithmetic at ``bits`` bits inside; the former precision is restored on every exit."""
    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before


def compare(left: Any, op: str, right: Any) -> Truth:
    """Whether ``left op right`` holds for every pair of points of two cells (YES), for none (NO), or neither.

    The predicate and its inverse are tested, each by itself: neither is ever the negation of the other.

    >>> compare(fmpq(1), "<=", fmpq(1)), compare(arb(1, 1), "<", arb(1))
    (<Truth.YES: 'yes'>, <Truth.UNKNOWN: 'unknown'>)
    """
    holds, fails = _PREDICATES[op]
    if holds(left, right):
        return Truth.YES
    return Truth.NO if fails(left, right) else Truth.UNKNOWN


def _equal(left: Any, right: Any) -> bool:
    return bool(left == right)  # of balls: both exact and equal


def _apart(left: Any, right: Any) -> bool:
    return bool(left < right) or bool(left > right)


_PREDICATES: dict[str, tuple[Callable[[Any, Any], bool], Callable[[Any, Any], bool]]] = {
    "<=": (lambda a, b: bool(a <= b), lambda a, b: bool(a > b)),
    "<": (lambda a, b: bool(a < b), lambda a, b: bool(a >= b)),
    ">=": (lambda a, b: bool(a >= b), lambda a, b: bool(a < b)),
    ">": (lambda a, b: bool(a > b), lambda a, b: bool(a <= b)),
    "==": (_equal, _apart),
}
RELATIONS = tuple(_PREDICATES)


def sign(cell: Any) -> int | None:
    """-1, 0 or 1 where certified, None where the cell straddles 0 or is [nan]."""
    if bool(cell > 0):
        return 1
    if bool(cell < 0):
        return -1
    return 0 if isinstance(cell, fmpq) or bool(cell == 0) else None


def is_finite(cell: Any) -> bool:
    """Whether a cell holds a real number: an exact one, or a ball that is neither [nan] nor unbounded."""
    return isinstance(cell, fmpq) or bool(arb(cell).is_finite())


def ball(cell: Any) -> arb:
    """The cell as a ball at the current precision."""
    return arb(cell)


class Balls:
    """Scalar operations on cells; used by `cells.Cells`."""

    name = "balls"

    def entry(self, cell: Any) -> arb:
        """What generated ball code takes."""
        return arb(cell)

    def number(self, value: fmpq) -> Any:
        return value

    def pi(self) -> arb:
        return arb.pi()

    def array(self, values: np.ndarray) -> np.ndarray:
        """Rationals are cells as they are; nothing changes an array in place."""
        return values

    def multiply(self, a: Any, b: Any) -> Any:
        product = a * b
        if isinstance(product, fmpq) and product.height_bits() > HEIGHT_LIMIT:
            return arb(product)
        return product

    def divide(self, a: Any, b: Any) -> Any:
        return a / b if sign(b) in (-1, 1) else arb.nan()

    def unary(self, name: str, x: Any) -> Any:
        exact = _EXACT.get(name)
        if exact is not None and isinstance(x, fmpq):
            value = exact(x)
            if value is not None:
                return value
        return _BALL_UNARY[name](arb(x)) if name in _BALL_UNARY else getattr(arb(x), name)()

    def root(self, x: Any) -> Any:
        """Square root of a quantity known to be >= 0, whatever its enclosure says."""
        return self.unary("sqrt", x if isinstance(x, fmpq) else x.nonnegative_part())

    def extreme(self, name: str, a: Any, b: Any) -> Any:
        if isinstance(a, fmpq) and isinstance(b, fmpq):
            return max(a, b) if name == "maximum" else min(a, b)
        a, b = arb(a), arb(b)
        if a.is_nan() or b.is_nan():
            return arb.nan()
        return a.max(b) if name == "maximum" else a.min(b)

    def matmul(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Matrix product; exact where both factors are, as long as its entries are of moderate size."""
        left, right = a.ravel().tolist(), b.ravel().tolist()
        (m, k), n = (1, *a.shape)[-2:], (*b.shape, 1)[1]
        if set(map(type, left)) == set(map(type, right)) == {fmpq}:
            exact = (fmpq_mat(m, k, left) * fmpq_mat(k, n, right)).entries()
            entries: list[Any] = [cell if cell.height_bits() <= HEIGHT_LIMIT else arb(cell) for cell in exact]
        else:
            entries = (arb_mat(m, k, left) * arb_mat(k, n, right)).entries()
        out = np.empty(len(entries), dtype=object)
        out[:] = entries
        return out.reshape(a.shape[:-1] + b.shape[1:])

    def eigenvalue(self, matrix: np.ndarray, largest: bool) -> Any:
        for i, j in combinations(range(len(matrix)), 2):
            if compare(matrix[i, j], "==", matrix[j, i]) is Truth.NO:
                raise ValueError(
                    f"an eigenvalue bound needs a symmetric matrix; entries ({i}, {j}) and ({j}, {i}) differ"
                )
        return spectra.eigenvalue((matrix + matrix.T) * fmpq(1, 2), largest)

    def det(self, matrix: np.ndarray) -> Any:
        n = len(matrix)
        if _all_exact(matrix):
            return fmpq_mat(n, n, list(matrix.reshape(-1))).det()
        return arb_mat(n, n, [arb(cell) for cell in matrix.reshape(-1)]).det()

    def solve(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        exact = _all_exact(a) and _all_exact(b)
        mat: Any = fmpq_mat if exact else arb_mat
        lift: Any = rational if exact else arb
        n, columns = b.shape
        left = mat(n, n, [lift(cell) for cell in a.reshape(-1)])
        right = mat(n, columns, [lift(cell) for cell in b.reshape(-1)])
        try:
            entries = left.solve(right).entries()
        except ZeroDivisionError:  # singular, or not certified to be regular
            entries = [arb.nan()] * (n * columns)
        out = np.empty(n * columns, dtype=object)
        for i, entry in enumerate(entries):
            out[i] = entry
        return out.reshape(n, columns)


def _all_exact(cells: np.ndarray) -> bool:
    return all(isinstance(cell, fmpq) for cell in cells.reshape(-1))


def exact_root(x: fmpq) -> fmpq | None:
    """The square root where it is rational: where numerator and denominator, without common factors, are squares."""
    return x.sqrt() if x >= 0 and x.q.is_square() and x.p.is_square() else None


def _at(point: int, value: int) -> Callable[[fmpq], fmpq | None]:
    return lambda x: fmpq(value) if x == point else None


_EXACT: dict[str, Callable[[fmpq], fmpq | None]] = {
    "negative": lambda x: -x,
    "absolute": abs,
    "sqrt": exact_root,
    "exp": _at(0, 1),
    "cosh": _at(0, 1),
    "sinh": _at(0, 0),
    "tanh": _at(0, 0),
    "log": _at(1, 0),
}

_BALL_UNARY: dict[str, Callable[[arb], arb]] = {"negative": lambda x: -x, "absolute": abs}


def describe(cell: Any) -> str:
    """The cell as text: an exact rational, or a midpoint with its error bound."""
    if isinstance(cell, fmpq) and cell.height_bits() <= 96:
        return str(cell)
    return arb(cell).str(20)


def log10_quotient(small: Any, big: Any) -> float:
    """log10(small / big) of two positive (or two negative) cells; for reports and ranking, never for a decision."""
    return float((arb(small) / arb(big)).log().mid()) / LOG_10
