"""Cells that are enclosed by balls at once and know how they were made, for exact answers about the few that need one.

A body runs on them as on balls. Where balls leave it open whether two numbers are equal, both are brought into the
normal form of `forms`, or built as SymPy expressions; everything else stays at the cost of ball arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from flint import arb, fmpq

from ..arrays import balls
from ..arrays.backends import DEFINED_SYMBOLS
from ..arrays.cells import Cells
from ..arrays.exact import each, shaped
from ..arrays.fields import Unsupported
from .cell_forms import CellForms, square
from .forms import Form, Root, Terms

ENCLOSURES = balls.Balls()
CLOSED = 4
"""Most entries of a matrix whose eigenvalues have a closed form."""
REFUSED = (Unsupported, TypeError, ValueError, NotImplementedError, ArithmeticError, RecursionError)
"""Among them OverflowError: SymPy takes logarithms of the whole numbers of a root as floats."""
_OPEN = object()


class Cell:
    """A number of one evaluation.

    Attributes:
        ball: encloses it, or is it (fmpq).
        name, arguments: the operation that made it, and of which cells.
        detail: what the operation needs beside cells.
        evaluation: that it belongs to.
    """

    __slots__ = ("_form", "_symbol", "arguments", "ball", "detail", "evaluation", "name")

    def __init__(
        self, ball: Any, name: str, arguments: tuple[Cell, ...], evaluation: Evaluation, detail: Any = None
    ) -> None:
        self.ball, self.name, self.arguments, self.evaluation, self.detail = ball, name, arguments, evaluation, detail
        self._form: Any = _OPEN
        self._symbol: Any = _OPEN

    @property
    def form(self) -> Form | None:
        """The normal form; None where there is none. Asked of cells with a finite ball only."""
        return _built(self, "_form", self.evaluation.form)

    @property
    def symbol(self) -> sympy.Expr | None:
        """The cell as a SymPy expression; None where there is none. Asked of cells with a finite ball only."""
        return _built(self, "_symbol", _symbol)

    def __add__(self, other: Any) -> Any:
        return self.evaluation.combined("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.evaluation.combined("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self.evaluation.combined("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.evaluation.combined("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.evaluation.combined("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.evaluation.combined("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.evaluation.combined("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.evaluation.combined("divide", other, self)

    def __neg__(self) -> Cell:
        return self.evaluation.unary("negative", self)

    def __getattr__(self, name: str) -> Callable[[], Cell]:
        """``cell.exp()`` and the like, which generated ball code calls."""
        if name not in ("exp", "log", "sqrt", "sinh", "cosh", "tanh"):
            raise AttributeError(name)
        return lambda: self.evaluation.unary(name, self)


def _built(cell: Cell, slot: str, make: Callable[[Cell, list[Any]], Any]) -> Any:
    """What ``make`` gives for a cell, its arguments first; without recursion, as sums are deep."""
    waiting = [cell]
    while waiting:
        top = waiting[-1]
        missing = [argument for argument in top.arguments if getattr(argument, slot) is _OPEN]
        if missing and getattr(top, slot) is _OPEN:
            waiting += missing
            continue
        waiting.pop()
        if getattr(top, slot) is _OPEN:
            known = [getattr(argument, slot) for argument in top.arguments]
            setattr(top, slot, None if any(value is None for value in known) else _tried(make, top, known))
    return getattr(cell, slot)


def _tried(make: Callable[[Cell, list[Any]], Any], cell: Cell, known: list[Any]) -> Any:
    try:
        return make(cell, known)
    except REFUSED:
        return None


def _symbol(cell: Cell, known: list[Any]) -> sympy.Expr:
    """Every operation is defined where the ball of its result is finite."""
    field = DEFINED_SYMBOLS.field
    match cell.name:
        case "number":
            return field.number(cell.ball)
        case "pi":
            return field.pi()
        case "add":
            return known[0] + known[1]
        case "subtract":
            return known[0] - known[1]
        case "multiply" | "divide":
            return getattr(field, cell.name)(*known)
        case "maximum" | "minimum":
            return field.extreme(cell.name, *known)
        case "root":
            return field.root(known[0])
        case "eigenvalue":
            if len(known) > CLOSED and all(argument.name == "number" for argument in cell.arguments):
                raise Unsupported("an eigenvalue that balls would have recognised")
            return field.eigenvalue(square(known), cell.detail)
        case "det":
            return field.det(square(known))
        case "solve":
            size, place = cell.detail
            matrix, right = square(known[: size * size]), shaped(known[size * size :], (size, 1))
            return field.solve(matrix, right)[place, 0]
    return field.unary(cell.name, known[0])


class Evaluation:
    """The scalar operations of one evaluation of a body; used by `arrays.cells.Cells`."""

    name = "exact cells"

    def __init__(self) -> None:
        self.form = CellForms(_sign_of).of

    def number(self, value: fmpq) -> Cell:
        return Cell(value, "number", (), self)

    def pi(self) -> Cell:
        return Cell(ENCLOSURES.pi(), "pi", (), self)

    def entry(self, cell: Cell) -> Cell:
        """What generated ball code takes."""
        return cell

    def _lifted(self, value: Any) -> Cell | None:
        if isinstance(value, Cell):
            return value
        if isinstance(value, arb) and value.is_exact() and value.is_finite():
            value = value.fmpq()
        return self.number(fmpq(value)) if isinstance(value, (int, fmpq)) else None

    def _made(self, ball: Any, name: str, arguments: tuple[Cell, ...], detail: Any = None) -> Cell:
        return self.number(ball) if isinstance(ball, fmpq) else Cell(ball, name, arguments, self, detail)

    def combined(self, name: str, left: Any, right: Any) -> Any:
        """An operation of two cells, or of a cell and an exact number."""
        first, second = self._lifted(left), self._lifted(right)
        if first is None or second is None:
            return NotImplemented
        if name == "add" and first.ball == 0 and first.name == "number":
            return second
        a, b = first.ball, second.ball
        match name:
            case "add":
                ball = a + b
            case "subtract":
                ball = a - b
            case _:
                ball = getattr(ENCLOSURES, name)(a, b)
        return self._made(ball, name, (first, second))

    def multiply(self, a: Cell, b: Cell) -> Cell:
        return self.combined("multiply", a, b)

    def divide(self, a: Cell, b: Cell) -> Cell:
        return self.combined("divide", a, b)

    def unary(self, name: str, x: Cell) -> Cell:
        return self._made(ENCLOSURES.unary(name, x.ball), name, (x,))

    def root(self, x: Cell) -> Cell:
        return self._made(ENCLOSURES.root(x.ball), "root", (x,))

    def extreme(self, name: str, a: Cell, b: Cell) -> Cell:
        """The larger or smaller one itself, where balls tell."""
        first_is_larger = balls.compare(a.ball, ">=", b.ball)
        if balls.is_finite(a.ball) and balls.is_finite(b.ball) and first_is_larger is not balls.Truth.UNKNOWN:
            return a if (first_is_larger is balls.Truth.YES) is (name == "maximum") else b
        return self._made(ENCLOSURES.extreme(name, a.ball, b.ball), name, (a, b))

    def eigenvalue(self, matrix: np.ndarray, largest: bool) -> Cell:
        if len(matrix) == 1:
            return matrix[0, 0]
        ball = ENCLOSURES.eigenvalue(each(_ball, matrix), largest)
        return self._made(ball, "eigenvalue", tuple(matrix.reshape(-1)), largest)

    def det(self, matrix: np.ndarray) -> Cell:
        return self._made(ENCLOSURES.det(each(_ball, matrix)), "det", tuple(matrix.reshape(-1)))

    def solve(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        found = ENCLOSURES.solve(each(_ball, a), each(_ball, b))
        out = np.empty(b.shape, dtype=object)
        for i, j in np.ndindex(b.shape):
            out[i, j] = self._made(found[i, j], "solve", (*a.reshape(-1), *b[:, j]), (len(a), i))
        return out


def _ball(cell: Cell) -> Any:
    return cell.ball


def _sign_of(terms: Terms) -> int | None:
    return balls.sign(_enclosed(terms))


def _enclosed(terms: Terms) -> arb:
    whole = arb(0)
    for ((p, q), roots), c in terms.items():
        part = arb(c) * arb(fmpq(p, q)).exp()
        for root in roots:
            part = part * _root_enclosed(root)
        whole = whole + part
    return whole


def _root_enclosed(root: Root) -> arb:
    return _enclosed(root.terms).nonnegative_part().sqrt()


def exact_cells() -> Cells:
    """A back end for one evaluation."""
    return Cells(Evaluation())
