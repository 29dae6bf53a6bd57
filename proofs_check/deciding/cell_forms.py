"""Normal forms of exact cells: what each operation makes of the forms of its arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import fmpq

from ..arrays import balls
from ..arrays.exact import shaped
from ..arrays.fields import Unsupported
from . import forms
from .forms import Form, Forms, Terms
from .singular import definite_beside_zero

if TYPE_CHECKING:
    from .exact_cells import Cell

LARGEST = 4
"""Largest matrix whose determinant is formed."""


class CellForms:
    """The normal forms of one evaluation.

    Args:
        sign: the certain sign of a sum, or None.
    """

    def __init__(self, sign: Callable[[Terms], int | None]) -> None:
        self._forms = Forms(sign)

    def of(self, cell: Cell, known: list[Form]) -> Form:
        """The normal form of a cell with a finite ball, from those of its arguments.

        Raises:
            Unsupported: it has none.
        """
        f = self._forms
        match cell.name:
            case "number":
                return forms.number(cell.ball)
            case "add":
                return f.add(*known)
            case "subtract":
                return f.add(known[0], f.negative(known[1]))
            case "multiply":
                return f.multiply(*known)
            case "divide":
                return f.multiply(known[0], f.inverse(known[1]))
            case "negative":
                return f.negative(known[0])
            case "sqrt" | "root":
                return f.root(known[0])
            case "exp":
                return f.exponential(known[0])
            case "log":
                return f.logarithm(known[0])
            case "sinh" | "cosh" | "tanh":
                return self._hyperbolic(cell.name, known[0])
            case "absolute":
                return known[0] if self._nonnegative(cell.arguments[0]) else f.negative(known[0])
            case "maximum" | "minimum":
                return self._one_of_equals(*known)
            case "eigenvalue":
                return self._extreme_eigenvalue(cell, known)
        raise Unsupported(f"a normal form of {cell.name}")

    def _hyperbolic(self, name: str, x: Form) -> Form:
        f = self._forms
        up, down = f.exponential(x), f.exponential(f.negative(x))
        both, difference, half = f.add(up, down), f.add(up, f.negative(down)), forms.number(fmpq(1, 2))
        if name == "tanh":
            return f.multiply(difference, f.inverse(both))
        return f.multiply(both if name == "cosh" else difference, half)

    def _one_of_equals(self, x: Form, y: Form) -> Form:
        """An extreme of two numbers that balls do not tell apart."""
        if not self._forms.add(x, self._forms.negative(y)).is_zero:
            raise Unsupported("the larger of two numbers")
        return x

    def _nonnegative(self, x: Cell) -> bool:
        certain = balls.sign(x.ball)
        if certain is None:
            if x.form is None or not x.form.is_zero:
                raise Unsupported("a sign")
            return True
        return certain != -1

    def _extreme_eigenvalue(self, cell: Cell, known: list[Form]) -> Form:
        """Zero, or the closed form of a 2 x 2 matrix."""
        f, matrix = self._forms, square(known)
        if not all(
            f.add(x, f.negative(y)).is_zero for x, y in zip(matrix.reshape(-1), matrix.T.reshape(-1), strict=True)
        ):
            raise Unsupported("a matrix that is not provably symmetric")
        if len(matrix) == 2:
            return self._of_two(matrix, cell.detail)
        if self._singular(matrix) and _definite(cell):
            return forms.number(fmpq(0))
        raise Unsupported("an eigenvalue")

    def _of_two(self, matrix: np.ndarray, largest: bool) -> Form:
        f = self._forms
        (a, b), (_, c) = matrix
        gap = f.add(a, f.negative(c))
        spread = f.root(f.add(f.multiply(gap, gap), f.multiply(forms.number(fmpq(4)), f.multiply(b, b))))
        both = f.add(f.add(a, c), spread if largest else f.negative(spread))
        return f.multiply(forms.number(fmpq(1, 2)), both)

    def _singular(self, matrix: np.ndarray) -> bool:
        """Rows that add up to zero are the usual case (what keeps sums), and quick to see."""
        if all(self._total(list(row)).is_zero for row in matrix):
            return True
        return len(matrix) <= LARGEST and self._determinant(matrix).is_zero

    def _total(self, terms: list[Form]) -> Form:
        whole = forms.number(fmpq(0))
        for term in terms:
            whole = self._forms.add(whole, term)
        return whole

    def _determinant(self, matrix: np.ndarray) -> Form:
        if len(matrix) == 1:
            return matrix[0, 0]
        f, parts = self._forms, []
        for j in range(len(matrix)):
            minor = np.delete(matrix[1:], j, axis=1)
            part = f.multiply(matrix[0, j], self._determinant(minor))
            parts.append(f.negative(part) if j % 2 else part)
        return self._total(parts)


def square(entries: list[Any]) -> np.ndarray:
    """The entries of a square matrix, row by row, as that matrix."""
    n = round(len(entries) ** 0.5)
    return shaped(entries, (n, n))


def _definite(cell: Cell) -> bool:
    return definite_beside_zero(square([argument.ball for argument in cell.arguments]), cell.detail)
