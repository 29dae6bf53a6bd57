"""Free floats to nearly admissible floats, noted on a tape: `Domain.project` for searches."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arithmetic import Array, working_in
from ..constants import walk
from ..instances.domains import Scalar
from ..instances.limits import Limit
from ..instances.tensors import Matrix, Vector
from .recorder import Recorder, Register

_LIMITS = {
    Scalar: ("low", "high"),
    Vector: ("dim", "norm1", "norm2", "norm_inf", "low", "high"),
    Matrix: ("rows", "columns", "spectral", "frobenius", "low", "high", "rank"),
}


def projected(
    recorder: Recorder, domain: Any, free: Register, shape: tuple[int, ...], known: dict[str, Any]
) -> Register:
    """The argument that free floats stand for.

    Args:
        recorder: where the operations are noted.
        domain: of the argument.
        free: its free floats, shape (width,).
        shape: of the argument.
        known: sizes, and the registers of earlier arguments.
    """
    if _structured(domain):
        return _by_the_domain(recorder, domain, free, shape, known)
    names = [name for name in _LIMITS[type(domain)] if getattr(domain, name) is not None]
    limits = dict(zip(names, domain.limits(), strict=True))
    value = _assembled(recorder, domain, free, shape)
    for end, operation in (("low", "maximum"), ("high", "minimum")):
        if end in limits:
            value = recorder.binary(operation, value, _limit(recorder, limits[end], known))
    for name in ("norm1", "norm2", "norm_inf", "spectral", "frobenius"):
        if name in limits:
            operands = [value, _norm(recorder, name, value), _limit(recorder, limits[name], known)]
            value = recorder.note(("shortened",), _shortened, operands, shape)
    return value


def _structured(domain: Any) -> bool:
    if isinstance(domain, Matrix):
        return domain.psd or domain.orthogonal or domain.rank is not None
    return isinstance(domain, Vector) and domain.simplex


def _by_the_domain(
    recorder: Recorder, domain: Any, free: Register, shape: tuple[int, ...], known: dict[str, Any]
) -> Register:
    sizes = {name: value for name, value in known.items() if not isinstance(value, Register)}
    names = sorted({name for limit in domain.limits() for name in limit.names} - sizes.keys())

    def function(raw: np.ndarray, *numbers: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return domain.project(raw, {**sizes, **dict(zip(names, numbers, strict=True))})

    return recorder.note(("projected", domain), function, [free, *(known[name] for name in names)], shape)


def _assembled(recorder: Recorder, domain: Any, free: Register, shape: tuple[int, ...]) -> Register:
    if isinstance(domain, Scalar):
        return recorder.index(free, (0,))
    full = recorder.reshape(free, shape)
    if isinstance(domain, Matrix) and domain.symmetric:
        return recorder.note(("symmetric",), lambda x: (x + x.swapaxes(1, 2)) * 0.5, [full], shape)
    return full


def _limit(recorder: Recorder, limit: Limit, known: dict[str, Any]) -> Register:
    values = {name: Array(v, recorder) if isinstance(v, Register) else v for name, v in known.items()}
    with working_in(recorder):
        return walk(limit.tree, values, {}).data


def _norm(recorder: Recorder, name: str, value: Register) -> Register:
    if name == "spectral":
        return recorder.spectral(value)
    if name in ("norm2", "frobenius"):
        return recorder.euclidean(value)
    return recorder.reduce("total" if name == "norm1" else "maximum", recorder.unary("absolute", value))


def _shortened(value: np.ndarray, size: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Arrays over their limits brought to them."""
    over = size > limit
    if not over.any():
        return value
    factor = np.divide(limit, size, out=np.ones(size.shape), where=over)
    return value * factor.reshape(-1, *[1] * (value.ndim - 1))
