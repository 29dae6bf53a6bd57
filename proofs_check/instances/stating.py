"""The limits that an annotation states, at the sizes and numbers of instances."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..arrays.backends import Instance
from ..arrays.exact import InputError
from .ends import Ends
from .grids import Grid
from .limits import Limit
from .proposals import Norms
from .settling import Bounds

_SHAPE = {"dim", "rows", "columns", "rank"}
_EUCLIDEAN = {"norm2", "frobenius"}
FEW = 8
"""Up to so many rationals are squared and summed as they are; more of them over a common denominator."""
_NORMS = {"norm1", "norm2", "norm_inf", "spectral", "frobenius"}


@lru_cache(maxsize=1024)
def given(domain: Any, names: tuple[str, ...]) -> dict[str, Limit]:
    where = type(domain).__name__
    stated = {name: getattr(domain, name) for name in names if getattr(domain, name) is not None}
    limits = {name: Limit.of(value, f"{where} {name}") for name, value in stated.items()}
    for name in _NORMS & limits.keys():
        if not limits[name].names and limits[name].upper({}) < 0:
            raise InputError(f"{where} needs {name} >= 0, got {stated[name]!r}: no norm is negative")
    return limits


def norms_of(limits: dict[str, Limit], known: Instance) -> Norms:
    return {name: limit.lower(known) for name, limit in limits.items() if name in _NORMS}


def within(value: np.ndarray, limits: dict[str, Limit], known: Instance) -> bool:
    """Whether entries and norms are within their limits, exactly."""
    if ("low" in limits or "high" in limits) and not Ends.of(limits, known).admits(value):
        return False
    norms = norms_of(limits, known)
    if not norms:
        return True
    if len(norms) == 1 and value.size <= FEW and not norms.keys().isdisjoint(_EUCLIDEAN):
        (limit,) = norms.values()
        return bool(limit >= 0 and sum(cell * cell for cell in value.ravel().tolist()) <= limit * limit)
    grid = Grid.of(value)
    return all(grid.within(name, limit) for name, limit in norms.items())


def of_several_shapes(limits: dict[str, Limit], knowns: Sequence[Instance]) -> bool:
    """Whether a shape may read a number that is no size, so that it may differ from one instance to the next."""
    read = (name for key in _SHAPE & limits.keys() for name in limits[key].names)
    return len(knowns) > 1 and not all(isinstance(knowns[0][name], int) for name in read)


def bounds_of(limits: dict[str, Limit], knowns: Sequence[Instance]) -> Bounds:
    """Limits on norms and entries for each of several sets of earlier arguments that share their sizes."""
    inner = {name: limit for name, limit in limits.items() if name not in _SHAPE}
    all_of = {name: limit.bounds_of_all(knowns) for name, limit in inner.items()}
    norms = {name: [low for low, _ in pairs] for name, pairs in all_of.items() if name in _NORMS}
    low = [above for _, above in all_of["low"]] if "low" in all_of else None
    high = [below for below, _ in all_of["high"]] if "high" in all_of else None
    same = all(isinstance(knowns[0][name], int) for limit in inner.values() for name in limit.names)
    return Bounds(len(knowns), norms, low, high, same)


def clipped(values: np.ndarray, limits: dict[str, Limit], known: dict[str, Any]) -> np.ndarray:
    shape = (len(values),) + (1,) * (values.ndim - 1)
    ends = (limits[end].floats(known, len(values)).reshape(shape) if end in limits else None for end in ("low", "high"))
    low, high = ends
    return values if low is None and high is None else np.clip(values, low, high)


def shortened(values: np.ndarray, size: np.ndarray, limit: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        factor = np.where(size > limit, limit / size, 1.0)
    return values * factor.reshape((-1,) + (1,) * (values.ndim - 1))
