"""Flows on the float64 screen: a batch of them at once, by SciPy's explicit integrator on the NumPy kernels."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from .reduced import formula_of

RELATIVE_ERROR = 1e-9
"""Of the integrator: the screen proposes, and a claim about a flow says more than that."""
STEPS = 20_000


@dataclass(frozen=True)
class BatchedLoss:
    """A derived loss on batches: data (batch, rows), parameters (batch,), states (batch, rows + scalars)."""

    name: str
    data: list[np.ndarray]
    parameters: list[np.ndarray]

    def _call(self, what: str, state: np.ndarray) -> Any:
        formula, rows = formula_of(self.name), self.data[0].shape[-1]
        given, scalars = iter(self.parameters), iter(state[:, rows:].T)
        values = [next(scalars if letter in formula.scalars else given) for letter in formula.parameters]
        kernel = importlib.import_module(f"numeric._generated.{self.name.replace('-', '_')}")
        return getattr(kernel, what)(state[:, :rows], *self.data, *(v[:, None] for v in values))

    def value(self, state: np.ndarray) -> np.ndarray:
        """The loss, (batch,)."""
        return self._call("value", state)[0]

    def gradient(self, state: np.ndarray) -> np.ndarray:
        """Its derivatives in the rows and the scalar variables, shaped like the state."""
        slopes, _ = self._call("scalar_gradient", state)
        return np.column_stack([self._call("value_and_gradient", state)[1], *slopes])


def follow(loss: BatchedLoss, start: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """States after the times, and the least of each component at the integrator's steps; NaN where it gives up.

    Args:
        loss: the loss.
        start: (batch, components).
        times: (batch,), at least 0.
    """
    from scipy.integrate import DOP853

    usable = np.isfinite(start).all(axis=1) & np.isfinite(times)
    begin = np.where(usable[:, None], start, 0.0)
    spans = np.where(usable, times, 0.0)

    def velocity(_time: float, flat: np.ndarray) -> np.ndarray:
        return (-spans[:, None] * loss.gradient(flat.reshape(start.shape))).ravel()

    lowest = begin.copy()
    with np.errstate(all="ignore"):
        size = np.abs(begin).max(axis=1, keepdims=True) + 1e-3
        absolute = np.broadcast_to(RELATIVE_ERROR * size, start.shape).ravel()
        solver = DOP853(velocity, 0.0, begin.ravel(), 1.0, rtol=RELATIVE_ERROR, atol=absolute)
        for _ in range(STEPS):
            if solver.status != "running":
                break
            solver.step()
            lowest = np.minimum(lowest, solver.y.reshape(start.shape))
    done = usable if solver.status == "finished" else np.zeros_like(usable)
    return tuple(np.where(done[:, None], x, np.nan) for x in (solver.y.reshape(start.shape), lowest))  # type: ignore[return-value]
