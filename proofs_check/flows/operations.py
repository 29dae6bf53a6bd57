"""Losses with variables beside their rows, and their gradient flows, as operations of claims on every back end.

On balls a flow is certified (see `integration`); on the float64 screen SciPy proposes; in digits mpmath gives a second
opinion; in symbols a flow has no form, but the loss and its gradient do, from the formula's definition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq

from ..arrays.array import Array, lifted
from ..arrays.balls import Balls
from ..arrays.exact import InputError
from ..arrays.fields import Digits, Unsupported
from ..arrays.screen import Block, Screen, block
from ..searching.recorder import Recorder, on_even_batches
from .definition import DefinedLoss
from .integration import integrate
from .reduced import Loss, formula_of
from .screening import BatchedLoss, follow


@dataclass(frozen=True)
class Flow:
    """A gradient flow after a time.

    Attributes:
        z: rows, a vector.
        scalars: the variables beside the rows, a vector.
        lowest: the least value of each of these over the whole of [0, time], a vector.
    """

    z: Array
    scalars: Array
    lowest: Array


@dataclass(frozen=True)
class Landscape:
    """A derived loss with its data, from `landscape`.

    Attributes:
        name: of the formula.
        data: vectors of one length, in the formula's order.
        parameters: numbers: those of the formula that are no variables, in its order.
    """

    name: str
    data: tuple[Array, ...]
    parameters: tuple[Array, ...]

    def value(self, z: Array, scalars: Array) -> Array:
        """The loss."""
        self._components(z, scalars)
        if isinstance(z.backend, (Screen, Recorder)):
            return self._proposed("value", BatchedLoss.value, (), z, scalars)
        return Array(z.backend.array_of(self._loss(z).value([*z.data, *scalars.data])), z.backend)

    def gradient(self, z: Array, scalars: Array) -> Array:
        """Its derivatives in the rows, then in the scalar variables, as one vector."""
        count = self._components(z, scalars)
        if isinstance(z.backend, (Screen, Recorder)):
            return self._proposed("gradient", BatchedLoss.gradient, (count,), z, scalars)
        return _vector(self._loss(z).gradient([*z.data, *scalars.data]), z.backend)

    def flow(self, z: Array, scalars: Array, time: Any) -> Flow:
        """Follow minus the gradient from a state.

        Args:
            z, scalars: where it starts.
            time: exact number, at least 0.

        Raises:
            InputError: a negative time, or one that is no rational number.
            Unsupported: the back end has no flows.
        """
        backend, rows, count = z.backend, len(z), self._components(z, scalars)
        time = lifted("flow", time)
        if isinstance(backend, (Screen, Recorder)):
            both = self._proposed("flow", _followed, (2 * count,), z, scalars, time)
            end, lowest = both[:count], both[count:]
        else:
            passed = _passed(self._loss(z), [*z.data, *scalars.data], time.data[()], backend)
            end, lowest = (_vector(x, backend) for x in passed)
        return Flow(end[:rows], end[rows:], lowest[rows:])

    def _proposed(self, what: str, function: Callable[..., np.ndarray], shape: tuple[int, ...], *given: Array) -> Array:
        """A function of the loss and a state on batches of floats, at once or as a step of a tape."""
        operands, count = [*given, *self.data, *self.parameters], len(given)

        def run(*floats: np.ndarray) -> np.ndarray:
            even = on_even_batches(*floats)
            data, parameters = even[count : count + len(self.data)], even[count + len(self.data) :]
            loss = BatchedLoss(self.name, data, parameters)
            return function(loss, np.column_stack(even[:2]), *even[2:count])

        backend = given[0].backend
        if isinstance(backend, Recorder):
            return Array(backend.note((self.name, what), run, [x.data for x in operands], shape), backend)
        return Array(block(run(*map(_plain, operands))), backend)

    def _loss(self, z: Array) -> Any:
        backend = z.backend
        cells = [list(row.data) for row in self.data], [number.data[()] for number in self.parameters]
        if not isinstance(backend.field, Balls):
            return DefinedLoss(self.name, *cells, backend)
        entry = backend.field.entry
        return Loss(self.name, [[entry(cell) for cell in row] for row in cells[0]], [entry(cell) for cell in cells[1]])

    def _components(self, z: Array, scalars: Array) -> int:
        """Number of the variables."""
        if len(z) != len(self.data[0]) or len(scalars) != len(formula_of(self.name).scalars):
            raise ValueError(f"{self.name} has {len(self.data[0])} rows, got {len(z)} and {len(scalars)} scalars")
        return len(z) + len(scalars)


def landscape(name: str, data: Sequence[Array], parameters: Sequence[Any]) -> Landscape:
    """A derived loss with its data.

    Args:
        name: of a formula with scalar variables, such as "linear-self-attention-fixed".
        data: vectors of one length, in the formula's order.
        parameters: those of the formula that are no variables, in its order.

    Raises:
        InputError: no such formula, or another number of data or parameters than it has.
    """
    formula = formula_of(name)
    fixed = [str(s) for s in formula.parameters if s not in formula.scalars]
    if len(data) != len(formula.data) or len(parameters) != len(fixed):
        raise InputError(
            f"{name} takes the data {', '.join(map(str, formula.data))} and the parameters {', '.join(fixed)}, "
            f"got {len(data)} and {len(parameters)}"
        )
    return Landscape(name, tuple(data), tuple(lifted("landscape", value) for value in parameters))


def _passed(loss: Any, state: list[Any], time: Any, backend: Any) -> tuple[list[Any], list[Any]]:
    if getattr(time, "ball", time) == 0:  # of a cell that knows how it was made, or the number itself
        return state, state
    if isinstance(backend.field, Balls):
        if not isinstance(time, fmpq) or time < 0:
            raise InputError(f"a flow needs a rational time of at least 0, got {time}")
        found = integrate(loss, state, time)
        return found.state, found.lowest
    if isinstance(backend.field, Digits):
        return loss.follow(state, time)
    raise Unsupported("a flow has no symbolic form")


def _followed(loss: BatchedLoss, state: np.ndarray, times: np.ndarray) -> np.ndarray:
    """States after the times, then the least of each component on the way, (batch, 2 components)."""
    if (times < 0).any():
        raise InputError(f"a flow needs a time of at least 0, got {times.min()}")
    return np.concatenate(follow(loss, state, times), axis=1)


def _plain(x: Array) -> np.ndarray:
    data: Block = x.data
    with np.errstate(all="ignore"):
        return data.mantissa * np.exp(data.scale).reshape(-1, *[1] * (data.mantissa.ndim - 1))


def _vector(values: Any, backend: Any) -> Array:
    return Array(backend.array_of(list(values)), backend)
