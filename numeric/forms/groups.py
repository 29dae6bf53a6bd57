"""One block of groups: the loss and the regularizer together, on one log scale per group.

The regularizer 1/2 sum (w z)^2 enters through the squares w^2, formed once per form: one product, one dot and
one addition per entry, where a kernel of its own would need its own z and another pass.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from numeric.forms.layout import drop
from numeric.kernels import Array, Dropped, Kernel


class Entries(NamedTuple):
    """The entries of some groups and what belongs to them.

    Attributes:
        z: entries, overwritten.
        target: b, like z.
        squares: w^2, zero at dropped entries, or None without regularizer.
        dropped: see `Kernel`.
        small: see `Kernel`.
        work: arrays like z, `work_arrays` of them.
    """

    z: Array
    target: Array
    squares: Array | None
    dropped: Dropped
    small: bool
    work: list[Array]

    def call(self, loss: Kernel, function: str, *more: Array) -> Any:
        """A kernel function of these entries; its results lie in the memory of z and of the first work arrays."""
        return getattr(loss, function)(
            self.z, self.target, *more, dropped=self.dropped, small=self.small, work=self.work, overwrite=True
        )

    def penalty(self, squares: Array, rows: Array) -> Array:
        """w^2 times rows, in the last work array; dropped entries of the rows become 0."""
        drop(rows, self.dropped)
        return np.multiply(squares, rows, out=self.work[-1])


def value(loss: Kernel, entries: Entries) -> tuple[Array, Array]:
    """(value, log scale) of each group."""
    if entries.squares is None:
        return entries.call(loss, "value")
    extra = np.vecdot(entries.penalty(entries.squares, entries.z), entries.z) / 2
    value, log_scale = entries.call(loss, "value")
    if loss.DEGREE:
        log_scale, old, new = _joint_scale(log_scale)
        value, extra = value * old, extra * new
    return value + extra, log_scale


def value_and_gradient(loss: Kernel, entries: Entries) -> tuple[Array, Array, Array]:
    """(value, gradient in z, log scale) of each group."""
    if entries.squares is None:
        return entries.call(loss, "value_and_gradient")
    penalty = entries.penalty(entries.squares, entries.z)
    extra = np.vecdot(penalty, entries.z) / 2
    value, g, log_scale = entries.call(loss, "value_and_gradient")
    if loss.DEGREE:
        log_scale, old, new = _joint_scale(log_scale)
        value, extra = value * old, extra * new
        g *= old[..., None]
        penalty *= new[..., None]
    g += penalty
    return value + extra, g, log_scale


def second_derivative(loss: Kernel, kind: str, entries: Entries) -> tuple[Array, tuple[Array, ...], Array, Array]:
    """(D, U, C, log scale) of each group's diag(D) + sum of C_ij U_i U_j^T, the "hessian" or "gauss_newton"."""
    D, U, C, log_scale = entries.call(loss, kind)
    if entries.squares is None:
        return D, U, C, log_scale
    if not loss.DEGREE:
        D += entries.squares
        return D, U, C, log_scale
    common, old, new = _joint_scale(log_scale)
    D *= old[..., None]
    D += entries.squares * new[..., None]
    return D, U, C * old[..., None, None], common


def product(loss: Kernel, kind: str, entries: Entries, dz: Array) -> tuple[Array, Array]:
    """(what `second_derivative` makes of dz, log scale) of each group; dz is overwritten."""
    if entries.squares is None:
        return entries.call(loss, f"{kind}_product", dz)
    penalty = entries.penalty(entries.squares, dz)
    r, log_scale = entries.call(loss, f"{kind}_product", dz)
    if loss.DEGREE:
        log_scale, old, new = _joint_scale(log_scale)
        r *= old[..., None]
        penalty *= new[..., None]
    r += penalty
    return r, log_scale


def _joint_scale(log_scale: Array) -> tuple[Array, Array, Array]:
    """The scale of loss plus regularizer, whose own is 0, and the factors of both."""
    common = np.maximum(log_scale, 0)
    return common, np.exp(log_scale - common), np.exp(-common)


def work_arrays(loss: Kernel, function: str, regularized: bool) -> int:
    """How many work arrays like z the functions of this module want for a kernel function."""
    return loss.WORK[function] + (regularized and function not in ("hessian", "gauss_newton"))


def largest_finite(scales: Array) -> float:
    """The largest log scale, to which a sum is brought; 0 where none is finite."""
    largest = float(np.max(scales))
    return largest if np.isfinite(largest) else 0.0


@lru_cache(maxsize=2)
def small_entry(dtype: np.dtype[Any]) -> float:
    """Up to which size entries need no shift: products of four atoms stay finite."""
    return float(np.log(np.finfo(dtype).max)) / 8
