"""Two further scalar fields: SymPy expressions for proofs, and mpmath digits for the second opinion of a replay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy
from flint import fmpq
from sympy.matrices import dotprodsimp

from ..constants import evaluate_expression
from ..deciding import algebraic
from ..deciding.exponentials import exponential
from ..deciding.singular import ends_at_zero
from . import balls, spectra
from .exact import InputError, each, rational

SIGN_BITS = 512
ROOT_BITS = 512
"""Longest rational that SymPy is asked for the root of: it looks for prime factors, for seconds at 2048 bits."""


class Unsupported(Exception):
    """The operation has no exact symbolic form here; the caller goes on without a proof."""


@dataclass(frozen=True)
class Symbols:
    """SymPy expressions; exact, for identities at small sizes and exact ties.

    SymPy computes over the complex numbers and cancels without asking what is zero, so an operation that is not
    provably defined over the reals is refused.

    Attributes:
        assume_defined: take every operation for defined; right only where an undefined one is excluded anyway.
    """

    assume_defined: bool = False
    name = "symbols"

    def number(self, value: fmpq) -> sympy.Expr:
        return sympy.Rational(int(value.p), int(value.q))

    def pi(self) -> sympy.Expr:
        return sympy.pi

    def multiply(self, a: Any, b: Any) -> Any:
        return a * b

    def divide(self, a: Any, b: Any) -> Any:
        if b == 0 or not (self.assume_defined or _nonzero(b)):
            raise Unsupported(f"a division by {b}, which is not provably different from 0")
        return a / b

    def unary(self, name: str, x: Any) -> Any:
        if name == "negative":
            return -x
        x = sympy.sympify(x)
        outside = (name == "sqrt" and not _nonnegative(x)) or (name == "log" and not (_nonnegative(x) and _nonzero(x)))
        if outside and not self.assume_defined:
            raise Unsupported(f"{name} of {x}, which is not provably inside its domain")
        if name == "sqrt" and x.is_Rational:
            return _root_of_rational(x)
        if x.is_number and x != 0 and not (x.is_Rational and name == "absolute"):
            return _of_number(name, x)
        return sympy.Abs(x) if name == "absolute" else getattr(sympy, name)(x)

    def root(self, x: Any) -> Any:
        x = sympy.sympify(x)
        if x.is_Rational:
            return _root_of_rational(x)
        return _of_number("sqrt", x) if x.is_number else sympy.sqrt(x)

    def extreme(self, name: str, a: Any, b: Any) -> Any:
        a, b = sympy.sympify(a), sympy.sympify(b)
        if not (a.is_number and b.is_number):
            return (sympy.Max if name == "maximum" else sympy.Min)(a, b)
        first_is_larger = _known_sign(a - b) == 1
        return a if first_is_larger is (name == "maximum") else b

    def eigenvalue(self, matrix: np.ndarray, largest: bool) -> Any:
        """Closed form at sizes 1 and 2; beyond them zero, and a rational eigenvalue of a rational matrix."""
        if len(matrix) == 1:
            return matrix[0, 0]
        if all(getattr(cell, "is_Rational", False) for cell in matrix.reshape(-1)):
            recognised = spectra.eigenvalue(each(rational, matrix), largest)
            if isinstance(recognised, fmpq):
                return self.number(recognised)
        elif ends_at_zero(each(sympy.sympify, matrix), largest):
            return sympy.Integer(0)
        if len(matrix) > 2:
            raise Unsupported("an extreme eigenvalue of a symbolic matrix larger than 2 x 2")
        (a, b), (below, c) = matrix
        if b != below:
            raise Unsupported("an extreme eigenvalue of a matrix that is not symmetric to the letter")
        spread = self.root((a - c) ** 2 + 4 * b**2)
        return (a + c + spread) / 2 if largest else (a + c - spread) / 2

    def det(self, matrix: np.ndarray) -> Any:
        with dotprodsimp(False):  # which factors polynomials of the degrees that exponents have
            return sympy.Matrix(matrix.tolist()).det(method="berkowitz")

    def solve(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        with dotprodsimp(False):
            return self._solved(a, b)

    def _solved(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        left = sympy.Matrix(a.tolist())
        determinant = left.det(method="berkowitz")
        singular = determinant == 0 if determinant.is_number else determinant.is_zero
        if singular or not (self.assume_defined or _nonzero(determinant)):
            raise Unsupported("a system that is not provably regular")
        solution = left.adjugate() * sympy.Matrix(b.tolist()) / determinant
        return _objects(solution.tolist(), b.shape)


def _nonzero(x: sympy.Expr) -> bool:
    return bool(x.is_zero is False) if not x.is_number else _sign(x) in (-1, 1)


def _nonnegative(x: sympy.Expr) -> bool:
    return bool(x.is_nonnegative) if not x.is_number else x == 0 or _sign(x) in (0, 1)


def _root_of_rational(x: sympy.Rational) -> sympy.Expr:
    if rational(x).height_bits() > ROOT_BITS:
        raise Unsupported(f"the root of a number of {rational(x).height_bits()} bits")
    return sympy.sqrt(x)


# SymPy asks numbers for their signs as it builds expressions, by minimal polynomials that can take hours for nested
# roots. So the functions of numbers are built from signs that are certain, and left as they are otherwise.
def _of_number(name: str, x: sympy.Expr) -> sympy.Expr:
    if name == "absolute":
        return x * _known_sign(x)
    if name == "sqrt":
        return sympy.Pow(x, sympy.Rational(1, 2), evaluate=False)
    if name == "log":
        return x.args[0] if isinstance(x, sympy.exp) else sympy.log(x, evaluate=x.is_Rational)
    if name == "exp":
        return exponential(x)
    up, down = exponential(x), exponential(-x)
    return {"cosh": (up + down) / 2, "sinh": (up - down) / 2, "tanh": (up - down) / (up + down)}[name]


def _known_sign(x: sympy.Expr) -> int:
    certain = _sign(x)
    if certain is None:
        raise Unsupported(f"the sign of {x}")
    return certain


def _sign(x: sympy.Expr) -> int | None:
    """The sign of a number where balls or a separation bound certify it; SymPy's own digits may be noise."""
    from .backends import BALLS

    try:
        with balls.precision(SIGN_BITS):
            certain = balls.sign(evaluate_expression(x, BALLS)[()])
    except (InputError, TypeError, ValueError, ArithmeticError):
        return None
    return algebraic.sign(x) if certain is None else certain


class Digits:
    """mpmath floating point at the working precision of mpmath: no error bounds, an independent evaluation."""

    name = "digits"

    def number(self, value: fmpq) -> Any:
        return mpmath.mpf(int(value.p)) / int(value.q)

    def pi(self) -> Any:
        return +mpmath.pi

    def multiply(self, a: Any, b: Any) -> Any:
        return a * b

    def divide(self, a: Any, b: Any) -> Any:
        return a / b if b != 0 else mpmath.nan

    def unary(self, name: str, x: Any) -> Any:
        if name == "negative":
            return -x
        if name == "absolute":
            return abs(x)
        if name in ("log", "sqrt") and (x < 0 or (name == "log" and x == 0)):
            return mpmath.nan
        return getattr(mpmath, name)(x)

    def root(self, x: Any) -> Any:
        return mpmath.sqrt(x) if x > 0 else x * 0

    def extreme(self, name: str, a: Any, b: Any) -> Any:
        return max(a, b) if name == "maximum" else min(a, b)

    def eigenvalue(self, matrix: np.ndarray, largest: bool) -> Any:
        symmetric = (matrix + matrix.T) / 2
        values = mpmath.eigsy(mpmath.matrix(symmetric.tolist()), eigvals_only=True)
        return max(values) if largest else min(values)

    def det(self, matrix: np.ndarray) -> Any:
        return mpmath.det(mpmath.matrix(matrix.tolist()))

    def solve(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        left = mpmath.matrix(a.tolist())
        columns = [mpmath.lu_solve(left, mpmath.matrix(b[:, j].tolist())) for j in range(b.shape[1])]
        return _objects([[columns[j][i] for j in range(b.shape[1])] for i in range(b.shape[0])], b.shape)


def _objects(rows: list[list[Any]], shape: tuple[int, ...]) -> np.ndarray:
    out = np.empty(shape, dtype=object)
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            out[i, j] = value
    return each(lambda x: x, out)
