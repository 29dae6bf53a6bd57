"""The sides of a claim as sums: the body runs once on cells that record what is done to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flint import arb, fmpq

from ..arrays.cells import Cells
from ..arrays.exact import each, rational
from ..arrays.fields import Unsupported
from . import sums
from .replacing import expanded, substituted
from .slopes import slope
from .sums import Letter, Sum


@dataclass(frozen=True)
class Twin:
    """A variable that may be drawn to another argument.

    Attributes:
        name: the variable.
        at: its value where the two arguments coincide.
    """

    name: Letter
    at: Sum


@dataclass
class Trace:
    """What is recorded while a body runs.

    Attributes:
        twin: see `Twin`; None where no two arguments can be drawn together.
        needs: sums that must be different from 0 ("nonzero"), positive or "nonnegative" for all to be defined.
    """

    twin: Twin | None = None
    needs: list[tuple[str, Sum]] = field(default_factory=list)

    def factored(self, x: Sum) -> Sum:
        """The sum with ``name - at`` as one letter, where it vanishes as the twins are drawn together."""
        if self.twin is None or len(x.terms) < 2 or self.twin.name not in sums.variables(x):
            return x
        try:
            if expanded(substituted(x, {self.twin.name: self.twin.at})).terms:
                return x
            difference = sums.leading_positive(sums.single(self.twin.name) - self.twin.at)
            same = difference.text == (sums.single(self.twin.name) - self.twin.at).text
            quotient = slope(x, self.twin.name, self.twin.at).times(fmpq(1 if same else -1))
        except Unsupported:
            return x
        return sums.single(Letter("gap", (difference,))) * quotient


@dataclass(frozen=True, eq=False)
class Cell:
    """One number of a traced claim."""

    sum: Sum
    trace: Trace
    base: Sum | None = None
    """What this is the square of, if it was made so."""

    def lifted(self, other: Any) -> Cell | None:
        """A cell or an exact number as a cell; None for anything else."""
        if isinstance(other, Cell):
            return other
        if isinstance(other, arb):
            if not other.is_exact() or not other.is_finite():
                raise Unsupported("a ball among traced numbers")
            other = other.fmpq()
        return Cell(sums.number(rational(other)), self.trace) if isinstance(other, (int, fmpq)) else None

    def _with(self, value: Sum) -> Cell:
        return Cell(value, self.trace)

    def __add__(self, other: Any) -> Any:
        right = self.lifted(other)
        return NotImplemented if right is None else self._with(self.sum + right.sum)

    __radd__ = __add__

    def __neg__(self) -> Cell:
        return self._with(self.sum.times(fmpq(-1)))

    def __sub__(self, other: Any) -> Any:
        right = self.lifted(other)
        return NotImplemented if right is None else self._with(self.sum - right.sum)

    def __rsub__(self, other: Any) -> Any:
        return -(self - other)

    def __mul__(self, other: Any) -> Any:
        right = self.lifted(other)
        if right is None:
            return NotImplemented
        left = self.trace.factored(self.sum)
        base = left if self.sum == right.sum else None
        return Cell(left * (left if base else self.trace.factored(right.sum)), self.trace, base)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        right = self.lifted(other)
        return NotImplemented if right is None else self * self._with(self._inverse(right.sum))

    def __rtruediv__(self, other: Any) -> Any:
        left = self.lifted(other)
        return NotImplemented if left is None else left / self

    def __pow__(self, exponent: int) -> Cell:
        if exponent < 0:
            return self._with(self._inverse(self.sum)) ** -exponent
        return self._with(sums.power(self.trace.factored(self.sum), exponent))

    def _inverse(self, x: Sum) -> Sum:
        self.trace.needs.append(("nonzero", x))
        return sums.inverse(x)

    def exp(self) -> Cell:
        """exp of the cell; the functions below likewise, under the names that generated ball code calls."""
        return self._with(sums.exponential(self.sum))

    def cosh(self) -> Cell:
        return self._with(sums.function("cosh", self.sum))

    def sinh(self) -> Cell:
        return self._with(sums.function("sinh", self.sum))

    def tanh(self) -> Cell:
        return self._with(sums.hyperbolic("tanh", self.sum))

    def log(self) -> Cell:
        self.trace.needs.append(("positive", self.sum))
        return self._with(sums.logarithm(self.sum))

    def sqrt(self) -> Cell:
        self.trace.needs.append(("nonnegative", self.sum))
        return self._with(sums.root(self.sum))


@dataclass(frozen=True)
class Traced:
    """Scalar operations on cells; used by `cells.Cells`."""

    trace: Trace
    name = "traced"

    def entry(self, cell: Cell) -> Cell:
        """What generated ball code takes."""
        return cell

    def number(self, value: fmpq) -> Cell:
        return Cell(sums.number(value), self.trace)

    def pi(self) -> Cell:
        raise Unsupported("pi among traced numbers")

    def multiply(self, a: Cell, b: Cell) -> Cell:
        return a * b

    def divide(self, a: Cell, b: Cell) -> Cell:
        return a / b

    def unary(self, name: str, x: Cell) -> Cell:
        if name == "negative":
            return -x
        if name == "absolute":
            return Cell(sums.absolute(self.trace.factored(x.sum)), self.trace)
        return getattr(x, name)()

    def root(self, x: Cell) -> Cell:
        """Square root of a quantity known to be >= 0; of a square the absolute value."""
        return Cell(sums.root(x.sum) if x.base is None else sums.absolute(x.base), self.trace)

    def extreme(self, name: str, a: Cell, b: Cell) -> Cell:
        return Cell(sums.extreme(name[:3], a.sum, b.sum), self.trace)

    def eigenvalue(self, matrix: np.ndarray, largest: bool) -> Cell:
        """Closed form at sizes 1 and 2."""
        if len(matrix) == 1:
            return matrix[0, 0]
        if len(matrix) > 2 or (matrix[0, 1].sum - matrix[1, 0].sum).terms:
            raise Unsupported("an extreme eigenvalue beyond symmetric 2 x 2 matrices")
        (a, b), (_, c) = matrix
        half = fmpq(1, 2)
        middle, side = (a + c) * half, (a - c) * half
        spread = self.root(side * side + b * b)
        return middle + spread if largest else middle - spread

    def det(self, matrix: np.ndarray) -> Cell:
        if len(matrix) == 1:
            return matrix[0, 0]
        rest = [np.delete(matrix[1:], j, axis=1) for j in range(len(matrix))]
        if len(matrix) > 3:
            raise Unsupported("a determinant beyond 3 x 3")
        return sum((matrix[0, j] * self.det(rest[j]) * (-1) ** j for j in range(len(matrix))), self.number(fmpq(0)))

    def solve(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Cramer's rule at sizes 1 and 2."""
        if len(a) > 2:
            raise Unsupported("a system beyond 2 x 2")
        determinant = self.det(a)
        if len(a) == 1:
            return each(lambda cell: cell / determinant, b)
        (p, q), (r, s) = a
        rows = [[s * b[0, j] - q * b[1, j] for j in range(b.shape[1])]]
        rows += [[p * b[1, j] - r * b[0, j] for j in range(b.shape[1])]]
        out = np.empty(b.shape, dtype=object)
        for place in np.ndindex(b.shape):
            out[place] = rows[place[0]][place[1]] / determinant
        return out


def backend(trace: Trace) -> Cells:
    """A back end whose cells report to one trace."""
    return Cells(Traced(trace))
