"""The exact back ends of the generic arithmetic, one object each, and instances as their arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import fmpq

from ..arithmetic import Array
from .balls import Balls
from .cells import Cells
from .exact import Count, to_float
from .fields import Digits, Symbols
from .screen import Block, Screen, block

BALLS = Cells(Balls())
SYMBOLS = Cells(Symbols())
DEFINED_SYMBOLS = Cells(Symbols(assume_defined=True))
DIGITS = Cells(Digits())

Instance = dict[str, Any]
"""Argument name -> Count for a size, fmpq for a number, object array of fmpq for a vector or matrix."""


def joined(value: Any, backend: Cells) -> Any:
    """One exact value as an argument for the body of a claim."""
    if isinstance(value, int):
        return Count(value)
    if isinstance(value, np.ndarray):
        return Array(backend.array(value), backend)
    return Array(backend.number(value), backend)


def batched(instances: Sequence[Instance]) -> dict[str, Any]:
    """Instances of equal sizes as the float64 arguments of one screen."""
    screen = Screen(len(instances))
    return {name: _stacked([one[name] for one in instances], screen) for name in instances[0]}


def _stacked(values: list[Any], screen: Screen) -> Any:
    if isinstance(values[0], int):
        return Count(values[0])
    return Array(block(np.array([floats(value) for value in values])), screen)


def floats(value: Any) -> Any:
    """The nearest float64 numbers."""
    if isinstance(value, fmpq):
        return to_float(value)
    try:
        return value.astype(float)
    except OverflowError:
        return np.array([to_float(cell) for cell in value.reshape(-1)]).reshape(value.shape)


def float_arguments(values: dict[str, Any], count: int) -> dict[str, Any]:
    """Float arrays with a leading batch axis (sizes stay whole numbers) as the arguments of one screen."""
    screen = Screen(count)
    return {
        name: Count(value) if isinstance(value, int) else Array(block(value), screen) for name, value in values.items()
    }


def plain_floats(data: Block) -> np.ndarray:
    """A block as plain floats, infinite where they overflow."""
    with np.errstate(all="ignore"):
        return data.mantissa * np.exp(data.scale).reshape(-1, *[1] * (data.mantissa.ndim - 1))
