"""A loss and its derivatives from the formula's own definition: for symbols, and for a replay's second opinion.

Nothing here comes from the generator: SymPy differentiates the written-out loss, mpmath integrates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import sympy

from ..arrays.array import Array, working_in
from ..constants import walk
from .reduced import formula_of

POINTS = 64
"""The least of a component over a flow in digits is looked for at so many times."""
SPARE_DIGITS = 8


@dataclass(frozen=True)
class Written:
    """A loss written out for a number of rows.

    Attributes:
        state: symbols of the rows z and of the scalar variables.
        given: symbols of the data, row by row of each letter, and of the other parameters.
        loss: the loss.
        slopes: its derivatives in the state.
    """

    state: tuple[sympy.Symbol, ...]
    given: tuple[sympy.Symbol, ...]
    loss: sympy.Expr
    slopes: tuple[sympy.Expr, ...]


@lru_cache(maxsize=32)
def written(name: str, rows: int) -> Written:
    """The loss of that name for so many rows."""
    from derive.expansion import expand_loss

    formula = formula_of(name)
    letters = {str(s): [sympy.Symbol(f"{s}[{i}]", real=True) for i in range(rows)] for s in (formula.z, *formula.data)}
    loss = expand_loss(formula, letters)
    state = (*letters[str(formula.z)], *formula.scalars)
    data = [symbol for s in formula.data for symbol in letters[str(s)]]
    fixed = [s for s in formula.parameters if s not in formula.scalars]
    return Written(state, (*data, *fixed), loss, tuple(sympy.diff(loss, s) for s in state))


@dataclass(frozen=True)
class DefinedLoss:
    """A loss by its definition on any back end of cells, see `reduced.Loss`."""

    name: str
    data: Sequence[Sequence[Any]]
    parameters: Sequence[Any]
    backend: Any

    @property
    def _written(self) -> Written:
        return written(self.name, len(self.data[0]))

    def _walked(self, trees: Sequence[sympy.Expr], state: Sequence[Any]) -> list[Any]:
        cells = [*state, *(cell for row in self.data for cell in row), *self.parameters]
        symbols = (*self._written.state, *self._written.given)
        numbers = {
            s.name: Array(self.backend.array_of(cell), self.backend) for s, cell in zip(symbols, cells, strict=True)
        }
        memo: dict[Any, Array] = {}
        with working_in(self.backend):
            return [walk(tree, numbers, memo).data[()] for tree in trees]

    def value(self, state: Sequence[Any]) -> Any:
        """The loss at a state."""
        return self._walked([self._written.loss], state)[0]

    def gradient(self, state: Sequence[Any]) -> list[Any]:
        """Its derivatives in the rows, then in the scalar variables."""
        return self._walked(self._written.slopes, state)

    def follow(self, start: Sequence[Any], time: Any) -> tuple[list[Any], list[Any]]:
        """State after a time and least components on the way, in mpmath; no error bounds.

        Half of the working digits, and a few: a replay compares no more of them.
        """
        if time == 0:
            return list(start), list(start)
        terms = [self._terms(slope) for slope in self._written.slopes]
        with mpmath.workdps(mpmath.mp.dps // 2 + SPARE_DIGITS):
            solution = mpmath.odefun(lambda _, x: [-_polynomial(t, x) for t in terms], 0, list(start))
            passed = [solution(time * k / POINTS) for k in range(1, POINTS + 1)]
        return list(passed[-1]), [min(column) for column in zip(start, *passed, strict=True)]

    def _terms(self, slope: sympy.Expr) -> list[tuple[Any, list[tuple[int, int]]]]:
        """A derivative as coefficients with the powers of the state's components."""
        found = sympy.Poly(slope, *self._written.state).terms()
        values = self._walked([coefficient for _, coefficient in found], [mpmath.mpf(0)] * len(self._written.state))
        powers = [[(i, power) for i, power in enumerate(monomial) if power] for monomial, _ in found]
        return list(zip(values, powers, strict=True))


def _polynomial(terms: Sequence[tuple[Any, list[tuple[int, int]]]], x: Sequence[Any]) -> Any:
    return mpmath.fsum(mpmath.fprod([c, *(x[i] ** power for i, power in powers)]) for c, powers in terms)
