"""The free floats of a claim's arguments at fixed sizes, and how much of the bound they use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from flint import fmpq

from .backends import Instance
from .claims import Claim
from .domains import FINE, Size
from .exact import from_float
from .recorded import Recording, record
from .sampling import twins
from .stacked import spectral_norms
from .tensors import Matrix

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
        recording = record(claim, instance)
        twin = {
            name: first
            for name in recording.names
            for first in twins(claim, name)[:1]
            if np.shape(instance[name]) == np.shape(instance[first])
        }
        sizes = dict(recording.sizes)
        return Chart(recording, twin, {name: claim.domains[name].width(sizes) for name in recording.names})

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
        batch[:, 1:] += step[:, None, None] * np.eye(width)
        used = self.usage(batch.reshape(-1, width), np.repeat(contractions, 1 + width), 1 + width)
        used = np.nan_to_num(used, nan=LOST, neginf=LOST, posinf=-LOST).reshape(count, 1 + width)
        slopes = (used[:, 1:] - used[:, :1]) / step[:, None]
        return -used[:, 0], -np.clip(slopes, -STEEPEST, STEEPEST)

    def usage(self, free: np.ndarray, contractions: np.ndarray, stride: int = 1) -> np.ndarray:
        """`Recording.usage` at a batch of free floats (batch, width)."""
        known: dict[str, Any] = dict(self.recording.sizes)
        place = 0
        for name, width in self.widths.items():
            value = self._projections[name](free[:, place : place + width], known, stride)
            known[name] = self._drawn(name, value, known, contractions)
            place += width
        return self.recording.usage(known, penalized=True, stride=stride)

    @cached_property
    def _projections(self) -> dict[str, Callable[..., np.ndarray]]:
        domains = self.recording.claim.domains
        return {name: _projection(domains[name]) for name in self.widths}

    def _drawn(self, name: str, value: np.ndarray, known: dict[str, Any], contractions: np.ndarray) -> np.ndarray:
        if name not in self.twin or (contractions == 1.0).all():
            return value
        other, factor = known[self.twin[name]], contractions.reshape(-1, *[1] * (value.ndim - 1))
        return np.where(factor == 1.0, value, other + factor * (value - other))

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


def _projection(domain: Any) -> Callable[..., np.ndarray]:
    """Free floats, what is known and the stride of `stacked` -> nearly admissible floats."""
    if isinstance(domain, Matrix) and domain == Matrix(domain.rows, domain.columns, spectral=domain.spectral):
        rows, columns, *spectral = domain.limits()
        if spectral:
            return lambda free, known, stride: _shortened(
                free.reshape(-1, rows.whole(known), columns.whole(known)), spectral[0].floats(known, len(free)), stride
            )
    return lambda free, known, stride: domain.project(free, known)


def _shortened(matrices: np.ndarray, limit: np.ndarray, stride: int) -> np.ndarray:
    """Matrices over their spectral limits brought to them."""
    size = spectral_norms(matrices, stride)
    with np.errstate(all="ignore"):
        factor = np.where(size > limit, limit / size, 1.0)
    return matrices * factor[:, None, None]
