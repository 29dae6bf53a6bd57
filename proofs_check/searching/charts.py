"""The free floats of a claim's arguments at fixed sizes, and how much of the bound they use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq

from ..arrays.backends import Instance
from ..arrays.exact import from_float
from ..claims import Claim
from ..instances.domains import FINE, Size
from ..instances.sampling import twins
from .projections import projected
from .recorded import Recording, recorded_from, sizes_of
from .recorder import Recorder, Register

STEP = 1e-6
"""Forward-difference step, relative to the size of the free numbers."""
LOST = -1e4
"""Value of a point where float64 has no answer, or a hypothesis fails."""
STEEPEST = 1e6
"""Slopes are cut here."""


@dataclass(frozen=True, eq=False)
class Chart:
    """The free floats of a claim's arguments at fixed sizes.

    Attributes:
        recording: the claim at these sizes.
        twin: argument name -> an earlier argument of the same annotation and shape.
        widths: argument name -> number of its free floats, for each argument that is no size.
    """

    recording: Recording
    twin: dict[str, str]
    widths: dict[str, int]

    @staticmethod
    def at(claim: Claim, instance: Instance) -> Chart:
        """The chart for the sizes of an instance."""
        sizes = sizes_of(instance)
        names = [name for name in instance if name not in sizes]
        twin = {
            name: first
            for name in names
            for first in twins(claim, name)[:1]
            if np.shape(instance[name]) == np.shape(instance[first])
        }
        widths = {name: claim.domains[name].width(sizes) for name in names}
        recorder = Recorder()
        free, contraction = recorder.input((sum(widths.values()),)), recorder.input(())
        values: dict[str, Register] = {}
        for name, width in widths.items():
            place = sum(widths[earlier] for earlier in values)
            raw = recorder.index(free, (slice(place, place + width),))
            value = projected(recorder, claim.domains[name], raw, np.shape(instance[name]), {**sizes, **values})
            if name in twin:
                value = recorder.note(("drawn",), _drawn, [value, values[twin[name]], contraction], value.shape)
            values[name] = value
        return Chart(recorded_from(claim, sizes, recorder, [free, contraction], values), twin, widths)

    @property
    def width(self) -> int:
        """Number of free floats."""
        return sum(self.widths.values())

    def start(self, instance: Instance) -> np.ndarray:
        """Free floats that describe an instance."""
        domains = self.recording.claim.domains
        return np.concatenate([np.zeros(0), *(domains[name].raw(instance[name]) for name in self.widths)])

    def climbed(self, points: np.ndarray, contractions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Minus the usage of each point and its forward-difference gradient, all in one batch.

        Args:
            points: shape (points, width).
            contractions: of the distance between twins, one a point (1: none).

        Returns:
            Values (points,) and gradients (points, width).
        """
        count, width = points.shape
        step = STEP * np.maximum(1.0, np.abs(points).max(axis=1))
        batch = np.repeat(points[:, None, :], 1 + width, axis=1)
        batch.reshape(count, -1)[:, width :: width + 1] += step[:, None]  # entry j - 1 of each perturbation j
        used = self.usage(batch.reshape(-1, width), np.repeat(contractions, 1 + width), 1 + width)
        used = np.fmin(np.fmax(used, LOST), -LOST).reshape(count, 1 + width)  # fmax prefers the number to NaN
        slopes = (used[:, 1:] - used[:, :1]) / step[:, None]
        return -used[:, 0], np.maximum(np.minimum(-slopes, STEEPEST), -STEEPEST)

    def usage(self, free: np.ndarray, contractions: np.ndarray, stride: int = 1) -> np.ndarray:
        """`Recording.usage` at a batch of free floats (batch, width), each with its contraction (batch,)."""
        return self.recording.usage([free, contractions], penalized=True, stride=stride)

    def exactly(self, free: np.ndarray, contraction: float = 1.0) -> Instance | None:
        """The admissible exact instance next to free floats (width,), or None."""
        known: Instance = dict(self.recording.sizes)
        place = 0
        for name, domain in self.recording.claim.domains.items():
            if isinstance(domain, Size):
                continue
            value = domain.exactly(free[place : place + self.widths[name]], known, FINE)
            place += self.widths[name]
            if value is None:
                return None
            value = self._drawn_exactly(name, value, known, from_float(contraction))
            if not domain.admits(value, known):
                return None
            known[name] = value
        return {name: known[name] for name in self.recording.claim.domains}

    def _drawn_exactly(self, name: str, value: Any, known: Instance, contraction: fmpq) -> Any:
        if contraction == 1 or name not in self.twin:
            return value
        other = known[self.twin[name]]
        return other + (value - other) * contraction


def _drawn(value: np.ndarray, other: np.ndarray, contraction: np.ndarray) -> np.ndarray:
    if (contraction == 1.0).all():
        return value
    factor = contraction.reshape(-1, *[1] * (value.ndim - 1))
    return np.where(factor == 1.0, value, other + factor * (value - other))
