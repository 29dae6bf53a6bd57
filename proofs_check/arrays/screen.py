"""The float64 screen: many instances at once, each array with its own logarithmic scale.

The batch axis comes first and is hidden from the body of a claim. The true array of instance i is
``exp(scale[i]) * mantissa[i]``, so exp(20 R^2) at R = 8 is a number like any other. A screen decides nothing: where
float64 has no answer the result is NaN, which means "ask the balls".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from ..constants import evaluate_expression
from .exact import rational, to_float
from .stacked import determinants, eigenvalues, solutions, spectral_norms

COMFORT = 300.0
"""Mantissas whose largest logarithm leaves [-COMFORT, COMFORT] are rescaled."""


@dataclass(frozen=True)
class Block:
    """Floats with one logarithmic scale per instance.

    Attributes:
        mantissa: shape (batch, *logical shape).
        scale: shape (batch,).
    """

    mantissa: np.ndarray
    scale: np.ndarray


def block(mantissa: np.ndarray, scale: np.ndarray | float = 0.0) -> Block:
    """A block whose mantissas are kept within comfortable range."""
    mantissa = np.asarray(mantissa, dtype=float)
    scale = np.broadcast_to(np.asarray(scale, dtype=float), mantissa.shape[:1])
    peak = np.abs(mantissa).reshape(len(mantissa), -1).max(axis=1)
    with np.errstate(all="ignore"):
        shift = np.where((peak > 0) & np.isfinite(peak), np.log(peak), 0.0)
        if not np.any(np.abs(shift) > COMFORT):
            return Block(mantissa, scale)
        shift = np.where(np.abs(shift) > COMFORT, shift, 0.0)
        return Block(_scaled(mantissa, -shift), scale + shift)


def _along(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    return values.reshape(-1, *[1] * (like.ndim - 1))


def _scaled(mantissa: np.ndarray, log_factor: np.ndarray) -> np.ndarray:
    half = np.exp(_along(log_factor, mantissa) / 2)  # twice, so that the factor itself may leave float64's range
    return mantissa * half * half


def _aligned(a: Block, b: Block) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both mantissas over the larger of the two scales (zeros have none)."""
    scale_a, scale_b = (np.where(_is_zero(x), -np.inf, x.scale) for x in (a, b))
    top = np.maximum(scale_a, scale_b)
    top = np.where(np.isfinite(top), top, 0.0)
    left, right = (_scaled(x.mantissa, np.where(_is_zero(x), 0.0, x.scale - top)) for x in (a, b))
    return (*_same_rank(left, right), top)


def _is_zero(x: Block) -> np.ndarray:
    return np.logical_not(np.any(x.mantissa.reshape(len(x.mantissa), -1), axis=1))


def _same_rank(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rank = max(a.ndim, b.ndim)
    return a.reshape(a.shape + (1,) * (rank - a.ndim)), b.reshape(b.shape + (1,) * (rank - b.ndim))


@dataclass(frozen=True)
class Screen:
    """A back end of `arithmetic.Array` whose data are blocks.

    Attributes:
        batch: number of instances.
    """

    batch: int
    name = "float64 screen"

    def shape(self, data: Block) -> tuple[int, ...]:
        return data.mantissa.shape[1:]

    def number(self, value: Any) -> Block:
        if isinstance(value, sympy.Expr) and not value.is_Rational:
            return evaluate_expression(value, self)
        q = rational(value)
        return Block(np.full(self.batch, to_float(q)), np.zeros(self.batch))

    def pi(self) -> Block:
        return Block(np.full(self.batch, math.pi), np.zeros(self.batch))

    def stack(self, cells: list[Block], shape: tuple[int, ...]) -> Block:
        scales = np.stack([np.where(cell.mantissa == 0, -np.inf, cell.scale) for cell in cells], axis=1)
        top = scales.max(axis=1)
        top = np.where(np.isfinite(top), top, 0.0)
        mantissas = [_scaled(c.mantissa, np.where(c.mantissa == 0, 0.0, c.scale - top)) for c in cells]
        return Block(np.stack(mantissas, axis=1).reshape(self.batch, *shape), top)

    def reshape(self, data: Block, shape: tuple[int, ...]) -> Block:
        return Block(data.mantissa.reshape(self.batch, *shape), data.scale)

    def transpose(self, data: Block) -> Block:
        return Block(np.swapaxes(data.mantissa, 1, 2), data.scale)

    def index(self, data: Block, key: tuple[Any, ...]) -> Block:
        return Block(data.mantissa[(slice(None), *key)], data.scale)

    def binary(self, name: str, a: Block, b: Block) -> Block:
        with np.errstate(all="ignore"):
            if name in ("multiply", "divide"):
                left, right = _same_rank(a.mantissa, b.mantissa)
                if name == "multiply":
                    return block(left * right, a.scale + b.scale)
                return block(np.where(right == 0, np.nan, left / right), a.scale - b.scale)
            left, right, scale = _aligned(a, b)
            return block(_ENTRYWISE[name](left, right), scale)

    def matmul(self, a: Block, b: Block) -> Block:
        with np.errstate(all="ignore"):
            left = a.mantissa if a.mantissa.ndim == 3 else a.mantissa[:, None, :]
            right = b.mantissa if b.mantissa.ndim == 3 else b.mantissa[:, :, None]
            product = left @ right
            kept = product.shape[1:2] * (a.mantissa.ndim == 3) + product.shape[2:] * (b.mantissa.ndim == 3)
            return block(product.reshape(self.batch, *kept), a.scale + b.scale)

    def unary(self, name: str, data: Block) -> Block:
        with np.errstate(all="ignore"):
            if name in ("negative", "absolute"):
                return Block(getattr(np, name)(data.mantissa), data.scale)
            if name == "sqrt":
                return Block(np.sqrt(data.mantissa), data.scale / 2)
            if name == "log":
                return block(np.log(data.mantissa) + _along(data.scale, data.mantissa))
            plain = _scaled(data.mantissa, data.scale)
            return block(np.tanh(plain)) if name == "tanh" else _exponential(name, plain)

    def reduce(self, name: str, data: Block) -> Block:
        flat = data.mantissa.reshape(self.batch, -1)
        return block(_ENTRYWISE["add" if name == "total" else name].reduce(flat, axis=1), data.scale)

    def euclidean(self, data: Block) -> Block:
        return Block(np.sqrt(np.square(data.mantissa.reshape(self.batch, -1)).sum(axis=1)), data.scale)

    def spectral(self, data: Block) -> Block:
        return Block(spectral_norms(data.mantissa), data.scale)

    def eigenvalue(self, data: Block, largest: bool) -> Block:
        return Block(eigenvalues(data.mantissa, largest), data.scale)

    def det(self, data: Block) -> Block:
        return block(determinants(data.mantissa), data.scale * data.mantissa.shape[-1])

    def solve(self, a: Block, b: Block) -> Block:
        return block(solutions(a.mantissa, b.mantissa), b.scale - a.scale)


_ENTRYWISE = {"add": np.add, "subtract": np.subtract, "maximum": np.maximum, "minimum": np.minimum}


def _exponential(name: str, z: np.ndarray) -> Block:
    """exp, sinh or cosh over the largest exponent of each instance."""
    top = (z if name == "exp" else np.abs(z)).reshape(len(z), -1).max(axis=1)
    if name == "exp":
        return Block(np.exp(z - _along(top, z)), top)
    top = np.where(top > 1, top, 0.0)  # near 0 the plain function is the accurate one
    if not top.any():
        return Block(getattr(np, name)(z), top)
    up, down = np.exp(z - _along(top, z)), np.exp(-z - _along(top, z))
    large = (up + down if name == "cosh" else up - down) / 2
    return Block(np.where(_along(top, z) == 0, getattr(np, name)(np.clip(z, -1, 1)), large), top)


def aligned_sides(a: Block, b: Block) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two blocks as mantissas of one rank over one scale, and the scale."""
    with np.errstate(all="ignore"):
        return _aligned(a, b)
