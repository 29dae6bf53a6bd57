"""The gradient flow of a generated loss as a vector field on balls; the derived code is the only right-hand side."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from flint import arb, fmpq

from ..arrays.balls import Truth, compare
from ..arrays.exact import InputError, from_float
from ..arrays.fields import Unsupported

SHIFTS = 6
"""Proposals for the largest growth that are tried before the Frobenius norm of the Hessian serves."""


@lru_cache(maxsize=1)
def formulas_with_scalars() -> dict[str, Any]:
    """The derived losses with variables beside their rows, by name."""
    from derive import formulas

    return {name: formula for name, formula in formulas().items() if formula.scalars}


def formula_of(name: str) -> Any:
    """The formula of that name.

    Raises:
        InputError: there is none with scalar variables.
    """
    known = formulas_with_scalars()
    if name not in known:
        raise InputError(f"a flow needs a loss with rows and scalar variables, got {name!r}; there are {sorted(known)}")
    return known[name]


@dataclass(frozen=True)
class Loss:
    """A derived loss with its data; a state is the rows z followed by the scalar variables.

    Attributes:
        name: of the formula.
        data: rows of numbers, as balls or in any arithmetic that the generated code runs in.
        parameters: those of the formula that are no variables, in its order.
    """

    name: str
    data: Sequence[Sequence[Any]]
    parameters: Sequence[Any]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.data[0])

    def _arguments(self, state: Sequence[Any]) -> list[Any]:
        formula, rows = formula_of(self.name), self.rows
        given, scalars = iter(self.parameters), iter(state[rows:])
        values = [next(scalars if letter in formula.scalars else given) for letter in formula.parameters]
        return [list(state[:rows]), *self.data, *values]

    @property
    def _code(self) -> Any:
        return importlib.import_module(f"proofs_check._generated.{self.name.replace('-', '_')}")

    def value(self, state: Sequence[Any]) -> Any:
        """The loss at a state."""
        return self._code.value(*self._arguments(state))

    def gradient(self, state: Sequence[Any]) -> list[Any]:
        """Its derivatives in the rows, then in the scalar variables."""
        arguments = self._arguments(state)
        return [*self._code.gradient(*arguments), *self._code.border(*arguments)[0]]

    def velocity(self, x: list[Any]) -> list[Any]:
        """Minus the gradient."""
        return [-slope for slope in self.gradient(x)]

    def growth(self, box: list[arb]) -> arb:
        """An upper bound of the largest eigenvalue of minus the Hessian, a diagonal bordered by the scalar variable."""
        arguments = self._arguments(box)
        diagonal, low_rank, _ = self._code.hessian(*arguments)
        _, border, corner = self._code.border(*arguments)
        if low_rank or len(border) != 1:
            raise Unsupported(f"the flow of {self.name}: its Hessian is no diagonal with one border")
        return _largest_growth([arb(d) for d in diagonal], [arb(b) for b in border[0]], arb(corner[0][0]))


def _largest_growth(diagonal: Sequence[arb], border: Sequence[arb], corner: arb) -> arb:
    """Near the smallest s with H + s I certainly positive definite; H = [[diag, border], [border^T, corner]]."""
    cells = (*diagonal, *border, *border, corner)
    crude = sum((cell.abs_upper() ** 2 for cell in cells), arb(0)).sqrt().upper()
    if crude.is_finite():
        width = max(float(cell.rad()) for cell in cells)
        shift = max(0.0, -_least_eigenvalue(diagonal, border, corner)) + width + float(crude) * 2.0**-40
        for _ in range(SHIFTS):
            s = arb(from_float(shift)) if np.isfinite(shift) else crude
            if _certainly_definite([d + s for d in diagonal], border, corner + s):
                return s.min(crude)
            shift *= 3
    return crude


def _least_eigenvalue(diagonal: Sequence[arb], border: Sequence[arb], corner: arb) -> float:
    """By float64, a proposal."""
    n = len(diagonal)
    matrix = np.zeros((n + 1, n + 1))
    np.fill_diagonal(matrix, [float(cell.mid()) for cell in (*diagonal, corner)])
    matrix[n, :n] = [float(cell.mid()) for cell in border]
    return float(np.linalg.eigvalsh(matrix, UPLO="L")[0]) if np.isfinite(matrix).all() else 0.0


def _certainly_definite(diagonal: Sequence[arb], border: Sequence[arb], corner: arb) -> bool:
    """Whether every symmetric matrix in the balls is positive definite: all pivots of its LDL^T are positive.

    A power of a ball around exactly 0 is [nan] to flint; the largest square is all that counts here.
    """
    pivots = [*diagonal, corner - sum((b.abs_upper() ** 2 / d for b, d in zip(border, diagonal, strict=True)), arb(0))]
    return all(compare(pivot, ">", fmpq(0)) is Truth.YES for pivot in pivots)
