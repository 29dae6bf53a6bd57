"""The generated kernels, found by the name of their loss."""

import importlib
import math
import pkgutil
from collections.abc import Mapping
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas

Array = NDArray[Any]
"""A real NumPy array; the docstrings name its shape."""

REGULARIZER = "regularizer"
quiet = np.errstate(over="ignore", invalid="ignore", under="ignore")
"""Decorates functions whose results may overflow: they are looked at afterwards. A `with` takes twice as long."""

Dropped = tuple[slice, Array] | None
"""Columns of z, and in them an array of integers as wide as z's floats: 0 at entries which belong to no total, -1 (all
bits) at the others; None drops nothing."""


class Kernel(Protocol):
    """A module of `numeric._generated`: one formula, its derivatives, nothing else.

    Groups of totals run along the last axis of `z` (shape `(..., n)`), and every result is to be multiplied
    by `exp(log_scale)`, which has the shape `z.shape[:-1]`. Every function takes the keyword arguments `dropped`
    (see `Dropped`; results are 0 there, whatever z is, for finite data), `small` (the caller knows that |z| is so
    small, at dropped entries too, that nothing needs a shift), `work` (at least `WORK[function]` arrays like z,
    used as scratch) and `overwrite` (z may be overwritten); results then live in the memory of z and of the work
    arrays.

    Attributes:
        DEGREE: 0 or None where log scales are always 0; else k where they are k times the largest entry.
        NONZERO: totals that must not vanish; where one does, the value is NaN.
        VANISHED: a total has vanished below this many machine epsilons of the sum of its absolute terms.
        WORK: the number of work arrays by function name.
        TOTALS: for one group in row blocks: the names of the totals that pass 1, 2, ... over the rows sums.
        DEGREES: k for the totals of pass 1 that are e^(-k m) times the true ones, m being the block's own `shift`.
        GRADIENT_PASS: the pass in which the rows of the gradient can be formed.
        SECOND_ORDER: by kind ("hessian", "gauss_newton"), the pass in which the rows of D and U can be formed.
        PASSES: reads of the data for value and gradient.
    """

    NAME: str
    DATA: tuple[str, ...]
    DEGREE: int | None
    DOMAIN: str
    NONZERO: tuple[str, ...]
    SHIFT_INVARIANT: bool
    VANISHED: float
    WORK: Mapping[str, int]
    TOTALS: tuple[tuple[str, ...], ...]
    DEGREES: Mapping[str, int]
    GRADIENT_PASS: int
    SECOND_ORDER: Mapping[str, int]
    PASSES: int

    def value(self, z: Array, data: Array, **options: Any) -> tuple[Array, Array]: ...

    def value_and_gradient(self, z: Array, data: Array, **options: Any) -> tuple[Array, Array, Array]: ...

    def hessian(self, z: Array, data: Array, **options: Any) -> tuple[Array, tuple[Array, ...], Array, Array]: ...

    def gauss_newton(self, z: Array, data: Array, **options: Any) -> tuple[Array, tuple[Array, ...], Array, Array]: ...

    def prediction(self, z: Array, **options: Any) -> Array: ...

    def domain_totals(self, z: Array, **options: Any) -> dict[str, Array]: ...

    # One group that comes in row blocks: m and each total in t have the shape (..., 1).

    def shift(self, z: Array) -> Array: ...

    def block_totals(
        self, number: int, z: Array, data: Array, m: Array, t: Mapping[str, Array]
    ) -> dict[str, Array]: ...

    def gradient_rows(self, z: Array, data: Array, m: Array, t: Mapping[str, Array]) -> tuple[Array, ...]: ...

    def gradient_weights(self, m: Array, t: Mapping[str, Array]) -> tuple[Any, ...]: ...

    def value_of(self, m: Array, t: Mapping[str, Array]) -> tuple[Array, Array]: ...

    def prediction_rows(self, z: Array, m: Array, t: Mapping[str, Array]) -> Array: ...


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


def all_finite(array: Array) -> bool:
    """Whether an array holds neither infinities nor NaN: its squares tell, unless they overflow."""
    return math.isfinite(np.vdot(array, array)) or bool(np.isfinite(array).all())


def largest_size(array: Array) -> float:
    """max |entry| of an array that has one."""
    flat = array.reshape(-1)
    # BLAS looks at each entry once, and makes no copy.
    return abs(float(flat[blas.idamax(flat)])) if flat.dtype == np.float64 else float(np.abs(flat).max())


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
