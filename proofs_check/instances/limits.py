"""Dimensions and limits of a claim's arguments: exact numbers, or exact expressions of earlier arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from ..arithmetic import working_in
from ..arrays.backends import BALLS, Instance, float_arguments, joined, plain_floats
from ..arrays.balls import ball, precision
from ..arrays.exact import Count, InputError, rational, text, to_float
from ..arrays.screen import Screen
from ..constants import evaluated, parsed

LIMIT_BITS = 256
MOST_BITS = 1 << 20
"""Limits that are not rational are kept to so many bits before and after the point."""
KEPT = 4096
"""Values of limits that are kept: the numbers of an instance are looked at several times, and sizes in every one."""


@lru_cache(maxsize=KEPT)
def _bounds(tree: sympy.Expr, arguments: tuple[tuple[str, Any], ...]) -> tuple[fmpq, fmpq]:
    """Rationals around an expression of exact numbers; equal where it is rational."""
    values = {name: joined(value, BALLS) for name, value in arguments}
    with precision(LIMIT_BITS), working_in(BALLS):
        cell = evaluated(tree, values).data[()]
        if isinstance(cell, fmpq):
            return cell, cell
        enclosure = ball(cell)
        if not enclosure.is_finite():
            raise InputError(f"the limit {tree} is not a finite number")
        ends = enclosure.lower(), enclosure.upper()
        if any(abs(end.man_exp()[1]) > MOST_BITS for end in ends):  # as a fraction it would not fit into memory
            raise InputError(f"the limit {tree} must lie between 2^-{MOST_BITS} and 2^{MOST_BITS}, got {enclosure}")
        return ends[0].fmpq(), ends[1].fmpq()


@dataclass(frozen=True)
class Limit:
    """An exact expression of earlier arguments.

    Attributes:
        tree: the expression.
    """

    tree: sympy.Expr

    @staticmethod
    def of(value: Any, where: str) -> Limit:
        """From an exact number or a text such as "R**2"; a float is refused."""
        if isinstance(value, str):
            try:
                return Limit(parsed(where, text(rational(value))))
            except TypeError:  # not a plain number such as "0.15" or "3/20"
                return Limit(parsed(where, value))
        if isinstance(value, sympy.Expr):
            return Limit(parsed(where, str(value)))
        return Limit(parsed(where, text(rational(value))))

    @cached_property
    def names(self) -> frozenset[str]:
        """The arguments that the expression reads."""
        return frozenset(symbol.name for symbol in self.tree.free_symbols)

    @cached_property
    def _order(self) -> tuple[str, ...]:
        return tuple(sorted(self.names))

    @cached_property
    def _number(self) -> fmpq | None:
        """The limit itself where it is a plain rational."""
        return rational(self.tree) if self.tree.is_Rational else None

    @cached_property
    def _argument(self) -> str | None:
        """The argument that the limit is, where it is one."""
        return self.tree.name if self.tree.is_Symbol else None

    def bounds(self, known: Instance) -> tuple[fmpq, fmpq]:
        """Rationals around the limit; equal where it is rational."""
        if self._number is not None:
            return self._number, self._number
        if self._argument is not None:
            number = rational(known[self._argument])
            return number, number
        return _bounds(self.tree, tuple((name, known[name]) for name in self._order))

    def bounds_of_all(self, knowns: Sequence[Instance]) -> list[tuple[fmpq, fmpq]]:
        """The bounds for each of several sets of arguments that share their sizes."""
        if all(isinstance(knowns[0][name], int) for name in self._order):
            return [self.bounds(knowns[0])] * len(knowns)
        return [self.bounds(known) for known in knowns]

    def lower(self, known: Instance) -> fmpq:
        """A rational that is certainly not above the limit."""
        return self._number if self._number is not None else self.bounds(known)[0]

    def upper(self, known: Instance) -> fmpq:
        """A rational that is certainly not below the limit."""
        return self.bounds(known)[1]

    def whole(self, known: Instance) -> Count:
        """The limit as a size.

        Raises:
            InputError: it is not a positive whole number.
        """
        argument = None if self._argument is None else known[self._argument]
        if isinstance(argument, Count) and argument >= 1:
            return argument
        low, high = self.bounds(known)
        if low != high or low.q != 1 or low < 1:
            raise InputError(f"a dimension is a positive whole number, got {self.tree} = {low}")
        return Count(int(low.p))

    def floats(self, known: dict[str, Any], count: int) -> np.ndarray:
        """The limit for each instance of a float batch."""
        if self._argument is not None and not isinstance(known[self._argument], int):
            return np.asarray(known[self._argument])
        if self._number is not None:
            return np.full(count, to_float(self._number))
        values = float_arguments({name: known[name] for name in self.names}, count)
        with working_in(Screen(count)):
            return plain_floats(evaluated(self.tree, values).data)
