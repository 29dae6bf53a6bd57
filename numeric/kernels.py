"""The generated kernels, found by the name of their loss."""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""A real NumPy array; the docstrings name its shape."""

REGULARIZER = "regularizer"


class Kernel(Protocol):
    """A module of `numeric._generated`: one formula, its derivatives, nothing else.

    Groups of totals run along the last axis of `z` (shape `(..., n)`), and every result is to be multiplied
    by `exp(log_scale)`, which has the shape `z.shape[:-1]`. A boolean `mask` of z's shape drops entries.
    """

    NAME: str
    DATA: tuple[str, ...]
    DOMAIN: str
    NONZERO: tuple[str, ...]
    SHIFT_INVARIANT: bool

    def value(self, z: Array, data: Array, mask: Array | None = None) -> tuple[Array, Array]: ...

    def value_and_gradient(self, z: Array, data: Array, mask: Array | None = None) -> tuple[Array, Array, Array]: ...

    def hessian(self, z: Array, data: Array, mask: Array | None = None) -> tuple[Array, Array, Array, Array]: ...

    def gauss_newton(self, z: Array, data: Array, mask: Array | None = None) -> tuple[Array, Array, Array, Array]: ...

    def prediction(self, z: Array, mask: Array | None = None) -> Array: ...

    def domain_totals(self, z: Array, mask: Array | None = None) -> Mapping[str, Array]: ...


def loss_names() -> tuple[str, ...]:
    """The names of the losses that have a kernel, sorted.

    >>> "normalized-exp" in loss_names()
    True
    """
    package = importlib.import_module("numeric._generated")
    names = sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(package.__path__))
    return tuple(name for name in names if _load(name).DATA == ("b",))


def kernel(name: str) -> Kernel:
    """The kernel of one loss, or of the "regularizer".

    Args:
        name: a name of `loss_names()`, or "regularizer".

    Raises:
        ValueError: there is no kernel of that name.
    """
    if name != REGULARIZER and name not in loss_names():
        raise ValueError(f"no kernel for the loss {name!r}: choose one of {', '.join(loss_names())}")
    return _load(name)


def _load(name: str) -> Kernel:
    return cast(Kernel, importlib.import_module("numeric._generated." + name.replace("-", "_")))


def unscale(scaled: Array, log_scale: float) -> Array:
    """exp(log_scale) * scaled, infinite only where the product itself is too large for the dtype.

    `exp(log_scale)` alone may overflow where the product does not, so it is applied as four equal factors; a
    log scale is a small multiple of an entry of z, and its quarter is exact.
    """
    if log_scale == 0.0:
        return scaled
    factor = np.exp(np.minimum(log_scale / 4, 700.0))
    with np.errstate(over="ignore", under="ignore"):
        product = np.asarray(scaled, dtype=float)
        for _ in range(4):
            product = product * factor
        return product.astype(np.asarray(scaled).dtype)
