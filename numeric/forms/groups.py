"""One block of groups: the loss and the regularizer together, on one log scale per group.

The regularizer 1/2 sum (w z)^2 enters through the squares w^2, formed once per form: one product, one dot and
one addition per entry, where a kernel of its own would need its own z and another pass.
"""

from typing import Any

import numpy as np

from numeric.kernels import Array, Dropped, Kernel
from numeric.validation import OutsideDomain


def value_and_gradient(
    loss: Kernel, z: Array, b: Array, squares: Array | None, dropped: Dropped, small: bool, work: list[Array]
) -> tuple[Array, Array, Array]:
    """(value, gradient in z, log scale) of each group.

    Args:
        loss: the kernel.
        z: entries, overwritten.
        b: target.
        squares: w^2, zero at dropped entries, or None without regularizer.
        dropped: see `Kernel`.
        small: see `Kernel`.
        work: arrays like z, as many as the kernel wants, and one more where there are squares.
    """
    if squares is None:
        return loss.value_and_gradient(z, b, dropped=dropped, small=small, work=work, overwrite=True)
    penalty = np.multiply(squares, z, out=work[-1])
    extra = np.vecdot(penalty, z) / 2
    value, g, log_scale = loss.value_and_gradient(z, b, dropped=dropped, small=small, work=work[:-1], overwrite=True)
    if not loss.DEGREE:
        g += penalty
        return value + extra, g, log_scale
    common, old, new = _joint_scale(log_scale)
    g *= old[..., None]
    penalty *= new[..., None]
    g += penalty
    return value * old + extra * new, g, common


def second_derivative(
    loss: Kernel,
    kind: str,
    z: Array,
    b: Array,
    squares: Array | None,
    dropped: Dropped,
    small: bool,
    work: list[Array],
) -> tuple[Array, tuple[Array, ...], Array, Array]:
    """(D, U, C, log scale) of each group's diag(D) + sum of C_ij U_i U_j^T; arguments as `value_and_gradient`."""
    D, U, C, log_scale = getattr(loss, kind)(z, b, dropped=dropped, small=small, work=work, overwrite=True)
    if squares is None:
        return D, U, C, log_scale
    if not loss.DEGREE:
        D += squares
        return D, U, C, log_scale
    common, old, new = _joint_scale(log_scale)
    D *= old[..., None]
    D += squares * new[..., None]
    return D, U, C * old[..., None, None], common


def _joint_scale(log_scale: Array) -> tuple[Array, Array, Array]:
    """The scale of loss plus regularizer, whose own is 0, and the factors of both."""
    common = np.maximum(log_scale, 0)
    return common, np.exp(log_scale - common), np.exp(-common)


def work_arrays(loss: Kernel, function: str, regularized: bool) -> int:
    """How many work arrays like z the functions of this module want for a kernel function."""
    return loss.WORK[function] + (regularized and function == "value_and_gradient")


def largest_finite(scales: Array) -> float:
    """The largest log scale, to which a sum is brought; 0 where none is finite."""
    largest = float(np.max(scales))
    return largest if np.isfinite(largest) else 0.0


def is_small(bound: Any, dtype: np.dtype[Any]) -> Any:
    """Whether entries up to a bound need no shift: products of four atoms stay finite."""
    return bound <= np.log(np.finfo(dtype).max) / 8


def check_domain(loss: Kernel, totals: dict[str, Array], first_row: int, number: int) -> None:
    """Look for vanished totals.

    Args:
        loss: the kernel.
        totals: of `Kernel.domain_totals`, for groups from `first_row` on.
        first_row: the number of the first group.
        number: of the prompt, for the message.

    Raises:
        OutsideDomain: a total has vanished.
    """
    for name, total in totals.items():
        shares = np.atleast_1d(total)
        vanished = np.flatnonzero(np.abs(shares) <= loss.VANISHED * np.finfo(shares.dtype).eps)
        if vanished.size:
            row = int(vanished[0])
            raise OutsideDomain(
                f"{loss.NAME} is undefined here ({loss.DOMAIN}): {name} of row {first_row + row} of prompt "
                f"{number} is {shares[row]:.3g} times the sum of its absolute terms; "
                "move x, or choose a rescaled loss"
            )
