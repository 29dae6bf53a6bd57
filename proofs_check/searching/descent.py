"""Minimization of many functions of one width in lockstep: BFGS with a weak Wolfe line search.

The bracketing line search of Lewis and Overton (2013, Nonsmooth optimization via quasi-Newton methods) needs no
smoothness: norms and maxima have kinks where bounds are attained. Each point has its own state, so that none waits for
another, and a step of all of them costs one evaluation of a batch.
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
SLOW, PATIENCE = 1e-4, 3
"""Unless it is thorough, a descent ends after so many steps in a row that gain less than this share of the value: logs
of the use of a bound matter by how far they are from 0."""
DECREASE, CURVATURE = 1e-4, 0.9
"""Constants of the Wolfe conditions."""
Function = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(eq=False)
class _Front:
    """The points still under way; the first axis of each array counts them.

    Attributes:
        number: which start each came from.
        x, f, g: point, value and gradient after the last accepted step.
        d: direction of search.
        inverse: approximation of the inverse Hessian.
        t, low, high: trial step and its bracket.
        steps, tries: accepted steps, and trials since the last one.
        slow: slow steps in a row.
    """

    number: np.ndarray
    x: np.ndarray
    f: np.ndarray
    g: np.ndarray
    d: np.ndarray
    inverse: np.ndarray
    t: np.ndarray
    low: np.ndarray
    high: np.ndarray
    steps: np.ndarray
    tries: np.ndarray
    slow: np.ndarray

    def kept(self, mask: np.ndarray) -> _Front:
        if mask.all():
            return self
        return _Front(**{part.name: getattr(self, part.name)[mask] for part in fields(self)})


def descend(function: Function, starts: np.ndarray, thorough: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """The lowest points seen from each start.

    Args:
        function: points (k, width) and the numbers of their starts (k,) -> values (k,) and gradients (k, width).
        starts: shape (starts, width).
        thorough: whether slow descents go on.

    Returns:
        Points (starts, width) and values (starts,).
    """
    count, width = starts.shape
    points = starts.copy()
    f, g = function(starts, np.arange(count))
    values = f.copy()
    front = _Front(
        np.arange(count), starts, f, g, -g, np.repeat(np.eye(width)[None], count, axis=0), _first_step(g),
        np.zeros(count), np.full(count, np.inf), *np.zeros((3, count), dtype=int),
    ).kept(np.abs(g).max(axis=1) > LEAST_SLOPE)  # fmt: skip
    for _ in range(EVALUATIONS - 1):
        if not front.number.size:
            break
        x = front.x + front.t[:, None] * front.d
        f, g = function(x, front.number)
        better = f < values[front.number]
        points[front.number[better]], values[front.number[better]] = x[better], f[better]
        front = front.kept(_stepped(front, x, f, g) & (thorough | (front.slow < PATIENCE)))
    return points, values


def _first_step(g: np.ndarray) -> np.ndarray:
    return 1.0 / np.maximum(np.sqrt(np.vecdot(g, g)), 1.0)


def _stepped(front: _Front, x: np.ndarray, f: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Take in one trial of every point; which of them go on."""
    slope = np.vecdot(front.g, front.d)
    high = ~(f <= front.f + DECREASE * front.t * slope)
    flat = ~high & (np.vecdot(g, front.d) < CURVATURE * slope)
    front.tries += 1
    front.high = np.where(high, front.t, front.high)
    front.low = np.where(flat, front.t, front.low)
    taken = ~high & (~flat | (front.tries >= TRIES))
    front.t = np.where(np.isinf(front.high), 2 * front.t, _inside(front, f, slope, high))
    going = taken | (front.tries < TRIES)
    if taken.any():
        gain = front.f - f
        small = gain <= LEAST_GAIN * np.maximum(np.maximum(np.abs(front.f), np.abs(f)), 1.0)
        front.slow = np.where(taken, np.where(gain <= SLOW * np.abs(f), front.slow + 1, 0), front.slow)
        going &= ~taken | ~(small | (np.abs(g).max(axis=1) <= LEAST_SLOPE) | (front.steps >= STEPS - 1))
        _advance(front, np.flatnonzero(taken), x, f, g)
    return going


def _inside(front: _Front, f: np.ndarray, slope: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The next trial in a bracket: the minimum of a parabola where the trial was too long, else the middle."""
    middle = (front.low + np.where(np.isinf(front.high), 0.0, front.high)) / 2
    with np.errstate(all="ignore"):
        parabola = -slope * front.t**2 / (2 * (f - front.f - slope * front.t))
    usable = high & (front.low == 0) & (parabola > 0.1 * front.t) & (parabola < middle)
    return np.where(usable, parabola, middle)


def _advance(front: _Front, at: np.ndarray, x: np.ndarray, f: np.ndarray, g: np.ndarray) -> None:
    """Accept the trials of some points and turn them into their next directions."""
    s, y = x[at] - front.x[at], g[at] - front.g[at]
    inverse = _updated(front.inverse[at], s, y, front.steps[at] == 0)
    direction = -(inverse @ g[at][:, :, None])[:, :, 0]
    upwards = ~(np.vecdot(direction, g[at]) < 0)
    if upwards.any():
        inverse[upwards], direction[upwards] = np.eye(x.shape[1]), -g[at][upwards]
    new: dict[str, Any] = {"x": x[at], "f": f[at], "g": g[at], "d": direction, "inverse": inverse}
    new |= {"t": np.where(upwards, _first_step(g[at]), 1.0), "low": 0.0, "high": np.inf, "tries": 0}
    for name, value in new.items():
        old = getattr(front, name)
        if len(at) == len(old) and np.ndim(value):
            setattr(front, name, value)
        else:
            old[at] = value
    front.steps[at] += 1


def _updated(inverse: np.ndarray, s: np.ndarray, y: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The BFGS update of inverse Hessians; the first one scales the identity, one without curvature is left out."""
    sy, yy = np.vecdot(s, y), np.vecdot(y, y)
    curved = sy > 1e-12 * np.sqrt(np.vecdot(s, s) * yy)
    sy, yy = np.where(curved, sy, 1.0), np.where(curved, yy, 1.0)
    if first.any():
        inverse = np.where((first & curved)[:, None, None], (sy / yy)[:, None, None] * inverse, inverse)
    hy = (inverse @ y[:, :, None])[:, :, 0]
    half = (1 + np.vecdot(y, hy) / sy)[:, None] * s / 2 - hy
    rank_two = s[:, :, None] * (half / sy[:, None])[:, None, :]
    change = rank_two + rank_two.swapaxes(1, 2)
    return inverse + (change if curved.all() else np.where(curved[:, None, None], change, 0.0))
