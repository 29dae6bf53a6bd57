"""A path of training: points (U11, u), and what theory says about each of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from numeric.in_context.reduced import ReducedLoss
from numeric.kernels import Array

RESOLVED = 1e-24
"""Gaps below this part of |min l| are rounding errors of u U11, and no ratio is formed with them."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Points along a training run, the first one the start, with the diagnostics of the theory.

    Attributes:
        times: of the flow, or the numbers of steps; T of them.
        U11: T x d x d.
        u: T.
        loss: reduced loss l; the population loss is L = l + tr(E Lambda)/2.
        gap: l - min l.
        gradient_norm: (||dl/dU11||_F^2 + (dl/du)^2)^(1/2).
        balance: u^2 - tr(U11 U11^T), constant along the flow (Lemma A.3).
        distance: ||u U11 - M_*||_F / ||M_*||_F.
        status: "converged", "out of time", "out of steps" or "diverged".
        message: what happened and what to do.
    """

    times: Array
    U11: Array
    u: Array
    loss: Array
    gap: Array
    gradient_norm: Array
    balance: Array
    distance: Array
    status: str
    message: str

    @property
    def pl_ratio(self) -> Array:
        """||grad l||^2 / (l - min l), which the PL inequality (5.7) bounds from below; NaN where the gap is noise."""
        floor = RESOLVED * np.abs(self.loss - self.gap)
        ratio = np.full(len(self.gap), np.nan)
        np.divide(self.gradient_norm**2, self.gap, out=ratio, where=self.gap > floor)
        return ratio

    def __len__(self) -> int:
        return len(self.times)


def observed(
    loss: ReducedLoss, times: Sequence[float], U11: Sequence[Array], u: Sequence[float], status: str, message: str
) -> Trajectory:
    """The trajectory through given points, with its diagnostics."""
    points = list(zip(U11, u, strict=True))
    slopes = [loss.gradient(U, s) for U, s in points]
    size = float(np.linalg.norm(loss.minimizer))
    return Trajectory(
        times=np.array(times, dtype=float),
        U11=np.array(U11),
        u=np.array(u, dtype=float),
        loss=np.array([loss.value(U, s) for U, s in points]),
        gap=np.array([loss.gap(U, s) for U, s in points]),
        gradient_norm=np.array([np.hypot(np.linalg.norm(G), g) for G, g in slopes]),
        balance=np.array([s * s - float(np.vdot(U, U)) for U, s in points]),
        distance=np.array([float(np.linalg.norm(s * U - loss.minimizer)) / size for U, s in points]),
        status=status,
        message=message,
    )
