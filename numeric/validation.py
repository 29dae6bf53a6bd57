"""The boundary: whatever a user passes becomes finite real arrays of the right shape, or one clear error."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from numeric.kernels import Array


class InputError(ValueError):
    """The user's mistake: what was asked, what was got, what to do."""


class OutsideDomain(ValueError):
    """The loss is not defined at the point: a total that must not vanish does."""


def real_array(name: str, value: Any, ndim: int | tuple[int, ...]) -> Array:
    """A finite real array with as many axes as asked, not empty, without a copy where possible.

    Args:
        name: what the array is called in errors.
        value: anything that NumPy turns into an array.
        ndim: the number of axes, or the admitted numbers.

    Raises:
        InputError: it is sparse, ragged, of no real dtype, empty, has other axes, or holds NaN or infinity.
    """
    if hasattr(value, "toarray"):
        raise InputError(f"{name}: got a sparse matrix of shape {value.shape}; pass {name}.toarray()")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{name}: the rows differ in length ({error}); pass a rectangular array") from None
    check_dtype(name, array)
    check_axes(name, array, (ndim,) if isinstance(ndim, int) else ndim)
    check_finite(name, array)
    return array


def check_dtype(name: str, array: Any) -> None:
    """Only real numbers of at most 64 bits are computed with.

    Args:
        name: what the array is called in errors.
        array: anything with a `dtype`.

    Raises:
        InputError: another dtype.
    """
    if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8:
        raise InputError(
            f"{name}: got dtype {array.dtype}; the computation is real, in float32 or float64: "
            f"pass {name}.astype(float) if that is what you mean"
        )


def check_axes(name: str, array: Any, admitted: tuple[int, ...]) -> None:
    """The number of axes, and that there are entries.

    Args:
        name: what the array is called in errors.
        array: anything with a `shape`.
        admitted: numbers of axes.

    Raises:
        InputError: it has other axes or is empty.
    """
    shape = tuple(array.shape)
    if len(shape) not in admitted:
        wanted = " or ".join(str(axes) for axes in admitted)
        raise InputError(f"{name}: got shape {shape}, which has {len(shape)} axes instead of {wanted}; reshape it")
    if 0 in shape:
        raise InputError(f"{name}: got shape {shape}, which is empty; at least one row and column is needed")


def check_finite(name: str, array: Array, offset: int | None = None, axis: int = 0) -> None:
    """No entry is NaN or infinite.

    Args:
        name: what the array is called in errors.
        array: the whole array, or a piece of it along one axis.
        offset: where the piece begins, None for a whole array.
        axis: the axis along which it is a piece.

    Raises:
        InputError: with the number of bad entries and the first of them.
    """
    bad = ~np.isfinite(array)
    if bad.any():
        first = np.argwhere(bad)[0]
        value = array[tuple(first)]
        first[axis] += offset or 0
        index = ", ".join(str(i) for i in first)
        piece = "" if offset is None else f" in rows {offset} to {offset + array.shape[axis] - 1}"
        raise InputError(
            f"{name}: {int(bad.sum())} of {array.size} entries{piece} are NaN or infinite, the first is "
            f"{name}[{index}] = {value}; drop or impute them"
        )


def boolean_array(name: str, value: Any, shape: tuple[int, ...], row_weights: Array | None = None) -> Array:
    """A boolean mask of the given shape with a True in each row, or in each that has a weight other than 0.

    Raises:
        InputError: another dtype or shape, or a row without any True (its totals would be empty).
    """
    mask = np.asarray(value)
    if mask.dtype != bool:
        raise InputError(f"{name}: got dtype {mask.dtype}; a mask is boolean: pass {name}.astype(bool)")
    check_shape(name, mask, shape, "the shape of B")
    counted = True if row_weights is None else row_weights != 0
    empty = np.flatnonzero(~mask.any(axis=-1) & counted)
    if empty.size:
        raise InputError(
            f"{name}: {empty.size} of {shape[0]} rows keep no entry, the first is row {empty[0]}; "
            f"drop these rows of A1, B and {name}, or give them row_weights of 0"
        )
    return mask


def check_shape(name: str, array: Any, expected: tuple[int, ...], meaning: str) -> None:
    """Compare a shape with the one that the other inputs imply.

    Raises:
        InputError: they differ.
    """
    shape = tuple(array.shape)
    if shape != expected:
        hint = f"; pass {name}.T" if shape == expected[::-1] and len(shape) == 2 else ""
        raise InputError(f"{name}: got shape {shape}, but {meaning} asks for {expected}{hint}")


def check_weights(name: str, count: int, largest: float, dtype: np.dtype[Any]) -> None:
    """Weights enter the regularizer as squares, whose sum must be finite.

    Args:
        name: what the weights are called in errors.
        count: how many they are.
        largest: the largest absolute value.
        dtype: of the computation.

    Raises:
        InputError: a weight is too large to be squared in the dtype of the computation.
    """
    limit = float(np.sqrt(np.finfo(dtype).max)) / count
    if largest > limit:
        raise InputError(
            f"{name}: the largest weight is {largest:.3g} and its square overflows {dtype}; "
            f"scale the weights below {limit:.3g}"
        )


def common_dtype(arrays: Sequence[Any]) -> np.dtype[Any]:
    """The dtype of the computation: NumPy's common type of the inputs, at least float32, integers as float64.

    >>> common_dtype([np.zeros(2, np.float16), np.zeros(2, np.float16)])
    dtype('float32')
    """
    return np.result_type(np.float32, *(a.dtype if a.dtype.kind == "f" else np.float64 for a in arrays))


def as_list(name: str, value: Any) -> list[Any]:
    """One prompt as a list of one; a list or tuple of 2-D arrays as it is.

    A nested list of numbers is one prompt: only a list of two-dimensional things is several.

    Raises:
        InputError: an empty list.
    """
    if not isinstance(value, (list, tuple)):
        return [value]
    if len(value) == 0:
        raise InputError(f"{name}: got an empty list; pass one array per prompt")
    first = value[0]
    nested = isinstance(first, (list, tuple)) and len(first) > 0 and isinstance(first[0], (list, tuple))
    return list(value) if nested or getattr(first, "ndim", 0) == 2 else [value]
