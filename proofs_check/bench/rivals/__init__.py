"""The rivals: what else a user could compute the same numbers with, each prepared as well as its library allows.

A rival module has `prepare(data) -> Work`; it raises `Skipped` with the reason where it cannot do a case. What a work
returns is converted by `to_numpy` outside the timing.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from proofs_check.bench.cases import Instance, Work
from proofs_check.bench.rivals.skipped import Skipped

RIVALS = ("jax", "torch", "casadi", "numpy")
DESCRIPTIONS = {
    "jax": "jax.jit of value_and_grad, of jax.hessian, and of jvp of grad; at a cached point jax.linearize; float64",
    "torch": "torch.func grad_and_value, hessian, jvp of grad; at a cached point the kept vjp of grad; float64",
    "casadi": "CasADi MX functions: gradient, hessian, jtimes (always from x)",
    "numpy": "textbook NumPy: whole arrays, D, U and C kept at a cached point; A1 (x) A2 formed for the matrix Hessian",
}

__all__ = ["DESCRIPTIONS", "RIVALS", "Skipped", "missing", "prepare", "to_numpy"]


def missing(rivals: tuple[str, ...]) -> list[str]:
    """The rivals whose library is not installed."""
    return [rival for rival in rivals if find_spec(rival) is None]


def prepare(rival: str, data: Instance) -> Work:
    """The operation of a dense case in a rival's library, compiled where it compiles.

    Raises:
        Skipped: the rival cannot do this case; the message says why.
    """
    work: Work = import_module(f"proofs_check.bench.rivals.with_{rival}").prepare(data)
    return work


def to_numpy(result: Any, operation: str) -> tuple[np.ndarray, ...]:
    """A result of this program or of a rival as flat arrays; a Hessian is a square one."""
    parts = result if isinstance(result, tuple) else (result,)
    arrays = [np.asarray(part, dtype=float) for part in parts]
    if operation == "hessian":
        size = round(arrays[0].size ** 0.5)
        return (arrays[0].reshape(size, size),)
    return tuple(array.ravel() for array in arrays)
