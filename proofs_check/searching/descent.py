"""Minimization of many functions in lockstep: BFGS with a weak Wolfe line search.

The bracketing line search of Lewis and Overton (2013, Nonsmooth optimization via quasi-Newton methods) needs no
smoothness: norms and maxima have kinks where bounds are attained. Each point has its own state, so that none waits for
another, and a step of all of them costs one evaluation of a batch.

A descent ends at `STEPS` steps, where a step gains next to nothing, where the slope vanishes, or where the line search
finds no step. With a finite horizon it also ends

- after fewer trials of one line search (`HASTY_TRIES`) that has an upper end, and
- when, from step `WARM_UP` on, it would get neither below 0 nor clearly (`SLOW`, `MATTERS`) below the lowest value of
  all descents by going on at its pace for so many evaluations. The pace is the best of its last gains, an older one
  counting less with each further evaluation (`FADING`). So a descent that gains fast goes on wherever it is, and none
  is given up that may still become the lowest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

EVALUATIONS, STEPS, TRIES = 90, 60, 20
"""Most evaluations, accepted steps, and trials of one line search."""
LEAST_GAIN, LEAST_SLOPE = 1e-12, 1e-9
"""A step that gains less, relative to the value, or a point with no larger slope, ends the descent."""
HASTY_TRIES, WARM_UP, FADING, SLOW, MATTERS = 6, 3, 0.6, 2e-3, 1e-9
"""See above; logs of the use of a bound matter by how far they are from 0, so `SLOW` is a share of the value."""
DECREASE, CURVATURE = 1e-4, 0.9
"""Constants of the Wolfe conditions."""
Function = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(eq=False)
class _Front:
    """The points still under way; the first axis of each array counts them.

    Attributes:
        number: which start each came from.
        x, f, g: point, value and gradient after the last accepted step.
        d, slope: direction of search, and the slope along it.
        inverse: approximation of the inverse Hessian.
        t, low, high: trial step and its bracket.
        steps, tries: accepted steps, and trials since the last one.
        pace: the best of the last gains, see above.
    """

    number: np.ndarray
    x: np.ndarray
    f: np.ndarray
    g: np.ndarray
    d: np.ndarray
    slope: np.ndarray
    inverse: np.ndarray
    t: np.ndarray
    low: np.ndarray
    high: np.ndarray
    steps: np.ndarray
    tries: np.ndarray
    pace: np.ndarray

    @staticmethod
    def at(x: np.ndarray, f: np.ndarray, g: np.ndarray) -> _Front:
        """All points before their first step, which leads down the gradient."""
        count, width = x.shape
        return _Front(
            np.arange(count), x.copy(), f, g, -g, -np.vecdot(g, g), np.repeat(np.eye(width)[None], count, axis=0),
            _first_step(g), np.zeros(count), np.full(count, np.inf),
            np.zeros(count, dtype=int), np.zeros(count, dtype=int), np.zeros(count),
        )  # fmt: skip

    def kept(self, mask: np.ndarray) -> _Front:
        if mask.all():
            return self
        return _Front(**{part.name: getattr(self, part.name)[mask] for part in fields(self)})


def descend(
    function: Function, starts: np.ndarray, horizon: float = np.inf, lowest: float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """The lowest points seen from each start.

    Args:
        function: points (k, width) and the ascending numbers of their starts (k,) -> values (k,) and gradients
            (k, width).
        starts: shape (starts, width).
        horizon: for how many evaluations of no use a descent is given credit, see above.
        lowest: value that was reached before.

    Returns:
        Points (starts, width) and values (starts,).
    """
    points = starts.copy()
    f, g = function(starts, np.arange(len(starts)))
    values = f.copy()
    front = _Front.at(starts, f, g).kept(np.abs(g).max(axis=1) > LEAST_SLOPE)
    for _ in range(EVALUATIONS - 1):
        if not front.number.size:
            break
        x = front.x + front.t[:, None] * front.d
        f, g = function(x, front.number)
        lower = f < values[front.number]
        reached = front.number[lower]
        points[reached], values[reached] = x[lower], f[lower]
        going = _stepped(front, x, f, g)
        if horizon < np.inf:
            # Values below 0 are broken bounds, or instances that miss a hypothesis: nothing to measure others by.
            going &= _hopeful(front, horizon, min(lowest, values[values >= -MATTERS].min(initial=np.inf)))
        front = front.kept(going)
    return points, values


def _hopeful(front: _Front, horizon: float, lowest: float) -> np.ndarray:
    """Descents that may still matter, see above."""
    front.pace *= FADING
    goal = (1 - SLOW) * max(lowest, 0.0) - MATTERS
    keeping_up = front.f - horizon * front.pace <= goal
    return (keeping_up | (front.steps < WARM_UP)) & ((front.tries < HASTY_TRIES) | np.isinf(front.high))


def _first_step(g: np.ndarray) -> np.ndarray:
    return 1.0 / np.maximum(np.sqrt(np.vecdot(g, g)), 1.0)


def _stepped(front: _Front, x: np.ndarray, f: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Take in one trial of every point; which of them go on."""
    high = ~(f <= front.f + DECREASE * front.t * front.slope)
    flat = ~high & (np.vecdot(g, front.d) < CURVATURE * front.slope)
    front.tries += 1
    missed = high | flat
    if not missed.any():
        return _advanced(front, slice(None), x, f, g)
    going = front.tries < TRIES
    at = np.flatnonzero(~missed | (flat & ~going))
    front.high = np.where(high, front.t, front.high)
    front.low = np.where(flat, front.t, front.low)
    front.t = np.where(np.isinf(front.high), 2 * front.t, _inside(front, f, high))
    if at.size:
        going[at] = _advanced(front, at, x[at], f[at], g[at])
    return going


def _inside(front: _Front, f: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The next trial in a bracket: the minimum of a parabola where the trial was too long, else the middle."""
    middle = (front.low + np.where(np.isinf(front.high), 0.0, front.high)) / 2
    with np.errstate(all="ignore"):
        parabola = -front.slope * front.t**2 / (2 * (f - front.f - front.slope * front.t))
    usable = high & (front.low == 0) & (parabola > 0.1 * front.t) & (parabola < middle)
    return np.where(usable, parabola, middle)


def _advanced(front: _Front, at: Any, x: np.ndarray, f: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Accept the trials of the points ``at`` some places and turn them into their next directions; which go on."""
    old, steps = front.f[at], front.steps[at]
    gain, size = old - f, np.abs(f)
    inverse = _updated(front.inverse[at], x - front.x[at], g - front.g[at], steps == 0)
    direction = -(inverse @ g[:, :, None])[:, :, 0]
    slope = np.vecdot(direction, g)
    t = np.ones(len(x))
    upwards = ~(slope < 0)
    if upwards.any():
        inverse[upwards], direction[upwards] = np.eye(x.shape[1]), -g[upwards]
        slope[upwards], t[upwards] = -np.vecdot(g, g)[upwards], _first_step(g[upwards])
    front.x[at], front.f[at], front.g[at], front.d[at], front.slope[at] = x, f, g, direction, slope
    front.inverse[at], front.t[at], front.low[at], front.high[at] = inverse, t, 0.0, np.inf
    front.steps[at], front.tries[at], front.pace[at] = steps + 1, 0, np.maximum(gain, front.pace[at])
    small = gain <= LEAST_GAIN * np.maximum(np.maximum(np.abs(old), size), 1.0)
    return ~(small | (np.abs(g).max(axis=1) <= LEAST_SLOPE) | (steps >= STEPS - 1))


def _updated(inverse: np.ndarray, s: np.ndarray, y: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The BFGS update of inverse Hessians; the first one scales the identity, one without curvature is left out."""
    sy, yy = np.vecdot(s, y), np.vecdot(y, y)
    curved = sy > 1e-12 * np.sqrt(np.vecdot(s, s) * yy)
    sy, yy = np.where(curved, sy, 1.0), np.where(curved, yy, 1.0)
    if first.any():
        inverse = np.where((first & curved)[:, None, None], (sy / yy)[:, None, None] * inverse, inverse)
    hy = (inverse @ y[:, :, None])[:, :, 0]
    half = (1 + np.vecdot(y, hy) / sy)[:, None] * s / 2 - hy
    rank_two = s[:, :, None] * (np.where(curved, 1 / sy, 0.0)[:, None] * half)[:, None, :]
    return inverse + rank_two + rank_two.swapaxes(1, 2)
