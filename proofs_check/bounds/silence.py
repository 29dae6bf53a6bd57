"""Where a loose bound says nothing: steps so long that the bound exceeds every left side there is."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from flint import fmpq

from ..arrays.backends import Instance, batched, floats
from ..arrays.screen import Screen
from ..claims import Claim, evaluate
from ..instances.domains import Size
from ..instances.sampling import drawn_together, twins
from ..instances.survey import Survey
from ..searching.usage import signed_logs

LOOSE = 1.0
"""A bound that is loose by less than this (log10) everywhere is not called silent."""
INSTANCES = 400
LINEAR = 1e-6
"""Relative deviation from half the bound at half the step that rounding explains."""


def silence(claim: Claim, found: Survey) -> str:
    """For a bound proportional to the distance of two arguments: the steps beyond which it says nothing, in words.

    At a step of length h the bound is C h. It says nothing where that exceeds the largest left side seen at these
    sizes, which is so for all h > (largest left side) / C.
    """
    steps = _silent_steps(claim, found)
    if steps is None or steps[0] > -LOOSE:
        return ""
    low, high = steps
    shown = f"10^{low:.3g}" if high - low < 1 else f"10^{high:.3g} (10^{low:.3g} at the largest constant tried)"
    return f"; it says nothing about steps longer than {shown}: the bound exceeds every left side seen there"


def _silent_steps(claim: Claim, found: Survey) -> tuple[float, float] | None:
    """log10 of the smallest and the largest such step over the instances tried; None for other kinds of bounds."""
    names = [(twins(claim, name)[0], name) for name in claim.domains
             if not isinstance(claim.domains[name], Size) and twins(claim, name)]  # fmt: skip
    if len(names) != 1 or claim.kind != "upper":
        return None
    drawn = [found.drawn[i] for i in found.admissible[:INSTANCES]]
    logs: list[float] = []
    for _, group in groupby(sorted(drawn, key=_sizes), key=_sizes):
        same = list(group)
        left, right = _log10_sides(claim, same)
        steps = np.array([_distance(instance, *names[0]) for instance in same])
        usable = np.isfinite(right) & (steps > 0) & np.isfinite(left)
        if usable.any():
            if not logs and not _proportional(claim, same[int(np.argmax(usable))]):
                return None
            logs += list(left[usable].max() - (right[usable] - np.log10(steps[usable])))
    return (min(logs), max(logs)) if logs else None


def _sizes(instance: Instance) -> tuple[int, ...]:
    return tuple(int(value) for value in instance.values() if isinstance(value, int))


def _log10_sides(claim: Claim, instances: list[Instance]) -> tuple[np.ndarray, np.ndarray]:
    sides = evaluate(claim, batched(instances), Screen(len(instances)))
    (_, left), (_, right) = signed_logs(sides.left.data, sides.right.data)
    flat = [logs.reshape(len(instances), -1).max(axis=1) / np.log(10) for logs in (left, right)]
    return flat[0], flat[1]


def _distance(instance: Instance, first: str, second: str) -> float:
    return float(np.linalg.norm(np.atleast_1d(floats(np.asarray(instance[second] - instance[first], dtype=object)))))


def _proportional(claim: Claim, instance: Instance) -> bool:
    """Whether half the step halves the bound."""
    closer = drawn_together(claim, instance, fmpq(1, 2))
    if closer is None:
        return False
    _, right = _log10_sides(claim, [instance, closer])
    return bool(abs(10.0 ** (right[1] - right[0]) - 0.5) < LINEAR)
