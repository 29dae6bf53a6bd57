"""Arrays as object arrays of cells over a scalar field: balls, exact symbols, or high-precision digits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np
import sympy

from ..constants import evaluate_expression
from .exact import each, rational, shaped


@dataclass(frozen=True)
class Cells:
    """A back end of `arithmetic.Array` whose data are NumPy object arrays.

    Attributes:
        field: scalar operations: number, multiply, divide, unary, root, extreme, eigenvalue, det, solve.
    """

    field: Any

    @property
    def name(self) -> str:
        """The field's name, for messages."""
        return self.field.name

    def shape(self, data: np.ndarray) -> tuple[int, ...]:
        return data.shape

    def number(self, value: Any) -> np.ndarray:
        """A plain exact number: rational, or a SymPy constant that is evaluated in the field."""
        if isinstance(value, sympy.Expr) and not value.is_Rational:
            return evaluate_expression(value, self)
        return _cell(self.field.number(rational(value)))

    def pi(self) -> np.ndarray:
        return _cell(self.field.pi())

    def array(self, values: np.ndarray) -> np.ndarray:
        """Exact rationals as data."""
        own = getattr(self.field, "array", None)
        return each(self.field.number, values) if own is None else own(values)

    def array_of(self, cells: Any) -> np.ndarray:
        """Cells of the field as data: one cell, or a list of them."""
        return shaped(list(cells), (len(cells),)) if isinstance(cells, (list, tuple)) else _cell(cells)

    def matrix(self, rows: list[list[Any]]) -> np.ndarray:
        """Nested cells of the field as data."""
        return shaped([cell for row in rows for cell in row], (len(rows), -1))

    def stack(self, cells: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
        return shaped([cell[()] for cell in cells], shape)

    def reshape(self, data: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return data.reshape(shape)

    def transpose(self, data: np.ndarray) -> np.ndarray:
        return data.T

    def index(self, data: np.ndarray, key: tuple[Any, ...]) -> np.ndarray:
        return _as_array(data[key])

    def binary(self, name: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if name in ("add", "subtract"):
            return _as_array(a + b if name == "add" else a - b)
        extreme = name in ("maximum", "minimum")
        operation = partial(self.field.extreme, name) if extreme else getattr(self.field, name)
        if not a.shape and not b.shape:
            return _cell(operation(a[()], b[()]))
        return _as_array(np.frompyfunc(operation, 2, 1)(a, b))

    def matmul(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        own = getattr(self.field, "matmul", None)
        return _as_array(a @ b) if own is None else own(a, b)

    def unary(self, name: str, data: np.ndarray) -> np.ndarray:
        return each(lambda x: self.field.unary(name, x), data)

    def reduce(self, name: str, data: np.ndarray) -> np.ndarray:
        if name == "total":
            return _as_array(data.sum())
        return _cell(reduce(lambda x, y: self.field.extreme(name, x, y), data.reshape(-1)))

    def euclidean(self, data: np.ndarray) -> np.ndarray:
        return _cell(self.field.root((data * data).sum()))

    def spectral(self, data: np.ndarray) -> np.ndarray:
        """Largest singular value: the root of the largest eigenvalue of the smaller Gram matrix."""
        gram = self.matmul(data.T, data) if data.shape[1] <= data.shape[0] else self.matmul(data, data.T)
        return _cell(self.field.root(self.field.eigenvalue(gram, True)))

    def eigenvalue(self, data: np.ndarray, largest: bool) -> np.ndarray:
        return _cell(self.field.eigenvalue(data, largest))

    def det(self, data: np.ndarray) -> np.ndarray:
        return _cell(self.field.det(data))

    def solve(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        columns = b if b.ndim == 2 else b.reshape(-1, 1)
        return self.field.solve(a, columns).reshape(b.shape)


def _cell(value: Any) -> np.ndarray:
    out = np.empty((), dtype=object)
    out[()] = value
    return out


def _as_array(value: Any) -> np.ndarray:
    return value if isinstance(value, np.ndarray) else _cell(value)
