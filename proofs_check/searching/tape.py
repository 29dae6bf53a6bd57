"""A claim's arithmetic as a flat list of NumPy operations, replayed on any batch of instances.

A replay has no scales: it says which instances left the comfortable range of float64, and those are the business of
`screen`. Tapes come from `recorder`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

SMALLEST, LARGEST = 1e-140, 1e140
"""Numbers other than 0 beyond these may have lost digits, or lose them in the next product."""
COMFORT = 300.0
"""Arguments of exponential functions beyond this leave that range, or come near."""
Function = Callable[..., np.ndarray]


class Step(NamedTuple):
    """One operation: its function, where its operands lie, where its result goes.

    Attributes:
        function: of the operands' batches; of the stride too where ``grouped``.
        inputs, output: places.
        grouped: whether the function takes the stride of `stacked`.
        exponential: whether its operand must stay within `COMFORT`.
    """

    function: Function
    inputs: tuple[int, ...]
    output: int
    grouped: bool = False
    exponential: bool = False


@dataclass(frozen=True)
class Tape:
    """The steps that a recorder noted, as far as the outputs need them.

    Attributes:
        registers: one entry a place, constants filled in.
        steps: in order.
        inputs, outputs: places.
    """

    registers: list[Any]
    steps: list[Step]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def replay(self, arguments: Sequence[np.ndarray], stride: int = 1) -> tuple[list[np.ndarray], np.ndarray | None]:
        """The outputs for a batch.

        Args:
            arguments: one array (batch, *shape) an input.
            stride: instances come in groups of a first one and its perturbations (see `stacked`).

        Returns:
            The outputs, each (batch or 1, *shape), and a mask of instances that left the comfortable range, or None.
        """
        raised: list[str] = []
        with np.errstate(all="call", call=lambda kind, _: raised.append(kind)):
            registers = self._filled(arguments)
            for function, inputs, output, grouped, exponential in self.steps:
                if exponential and not np.abs(registers[inputs[0]]).max() <= COMFORT:
                    raised.append("exponent")
                if grouped:
                    registers[output] = function(*[registers[place] for place in inputs], stride)
                elif len(inputs) == 1:  # the usual cases apart: a step costs little more than its Python
                    registers[output] = function(registers[inputs[0]])
                elif len(inputs) == 2:
                    registers[output] = function(registers[inputs[0]], registers[inputs[1]])
                else:
                    registers[output] = function(*[registers[place] for place in inputs])
        outputs = [registers[place] for place in self.outputs]
        doubtful = self._doubtful(registers, len(arguments[0])) if raised else None
        return outputs, doubtful

    def _filled(self, arguments: Sequence[np.ndarray]) -> list[Any]:
        registers = self.registers.copy()
        for place, argument in zip(self.inputs, arguments, strict=True):
            registers[place] = argument
        return registers

    def _doubtful(self, registers: list[Any], batch: int) -> np.ndarray:
        """Instances with a number beyond the comfortable range in any register."""
        found = np.zeros(batch, dtype=bool)
        with np.errstate(all="ignore"):
            for place in (*self.inputs, *(step.output for step in self.steps)):
                size = np.abs(registers[place]).reshape(len(registers[place]), -1)
                found |= ~((size <= LARGEST) & ((size >= SMALLEST) | (size == 0))).all(axis=1)
            for step in self.steps:
                if step.exponential:
                    operand = registers[step.inputs[0]]
                    found |= ~(np.abs(operand).reshape(len(operand), -1) <= COMFORT).all(axis=1)
        return found
