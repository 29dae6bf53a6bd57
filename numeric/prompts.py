"""The prompts of a problem in matrix form: checked arrays, and a form of what counts in each."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from numeric.forms.matrix import MatrixForm
from numeric.forms.padding import OtherRows
from numeric.kernels import Array
from numeric.validation import InputError, as_list, boolean_array, check_shape, check_weights, common_dtype, real_array


def prompt_forms(arrays: dict[str, Any], intercept: bool) -> tuple[tuple[MatrixForm, ...], np.dtype[Any]]:
    """One form for each prompt, and the dtype of the computation.

    Args:
        arrays: A1, A2, B, w, mask and row_weights as they were passed to the problem, in this order.
        intercept: append a column of ones, last, to A1 and A2.

    Raises:
        InputError: the lists differ in length, an array does not fit the others of its prompt, or the prompts ask for
            several shapes of X.
    """
    lists = _equal_lengths(arrays)
    count = len(lists["B"])
    tags = [f"[{i}]" if count > 1 else "" for i in range(count)]
    prompts = [_checked(tag, *values) for tag, *values in zip(tags, *lists.values(), strict=True)]
    dtype = common_dtype([array for prompt in prompts for array in prompt.computed])
    forms = tuple(prompt.form(number, dtype, intercept) for number, prompt in enumerate(prompts))
    shapes = [form.x_shape for form in forms]
    if len(set(shapes)) > 1:
        raise InputError(f"A1, A2: the prompts share X, but their columns ask for {shapes}; they must agree")
    return forms, dtype


def _equal_lengths(arrays: dict[str, Any]) -> dict[str, list[Any]]:
    missing = [name for name in ("A1", "A2", "B") if arrays[name] is None]
    if missing:
        raise InputError(f"{', '.join(missing)}: got None; an array of shape (rows, columns) is needed")
    lists = {
        name: _rows_as_list(value) if name == "row_weights" else as_list(name, value)
        for name, value in arrays.items()
        if value is not None
    }
    lengths = {name: len(value) for name, value in lists.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"the lists of prompts differ in length: {lengths}; pass one of each per prompt")
    return {name: lists.get(name, [None] * lengths["B"]) for name in arrays}


def _rows_as_list(value: Any) -> list[Any]:
    """The weights of one prompt, an array or a list of numbers, as a list of one; a list of such as it is."""
    nested = isinstance(value, (list, tuple)) and len(value) > 0 and np.ndim(value[0]) > 0
    return list(value) if nested else [value]


@dataclass(frozen=True, eq=False)
class Prompt:
    """The checked arrays of one prompt, as they were passed: shapes (n1, d1), (n2, d2), three (n1, n2), (n1,)."""

    tag: str
    A1: Array
    A2: Array
    B: Array
    w: Array | None
    mask: Array | None
    row_weights: Array | None

    @property
    def computed(self) -> list[Array]:
        """The arrays whose dtypes decide that of the computation; whole or boolean row weights do not."""
        r = self.row_weights if self.row_weights is not None and self.row_weights.dtype.kind == "f" else None
        return [array for array in (self.A1, self.A2, self.B, self.w, r) if array is not None]

    def form(self, number: int, dtype: np.dtype[Any], intercept: bool) -> MatrixForm:
        """What counts of the prompt, in the dtype of the computation."""
        A1, A2, B = (array.astype(dtype, copy=False) for array in (self.A1, self.A2, self.B))
        if intercept:
            A1, A2 = (np.column_stack([array, np.ones(len(array), dtype)]) for array in (A1, A2))
        w = None if self.w is None else self.w.astype(dtype, copy=False)
        r = None if self.row_weights is None else self.row_weights.astype(dtype, copy=False)
        form = MatrixForm(A1, A2, B, w, self.mask, number)
        form = _without_masked_columns(form if r is None else _weighted(form, r))
        if form.weights is not None:
            check_weights(f"w{self.tag}", form.weights.size, _heaviest(form.weights, form.row_weights), dtype)
        return form


def _heaviest(w: Array, row_weights: Array | None) -> float:
    """The largest |w|, or that of sqrt(r) |w| where rows are weighted by r > 1: w enters as r w^2."""
    largest = float(np.abs(w).max())
    return largest if row_weights is None else largest * max(1.0, float(np.sqrt(row_weights.max())))


def _weighted(form: MatrixForm, r: Array) -> MatrixForm:
    """The rows of positive weight, and the others beside them; weights that are all 1 are no weights."""
    rows = np.flatnonzero(r)
    weights = None if np.all(r[rows] == 1.0) else r[rows]
    if len(rows) == len(r):
        return replace(form, row_weights=weights)
    left_out = np.flatnonzero(r == 0 if form.mask is None else (r == 0) & form.mask.any(axis=1))
    hidden = replace(_rows_of(form, left_out), weights=None) if left_out.size else None
    others = OtherRows(len(r), left_out, hidden)
    return replace(_rows_of(form, rows), row_weights=weights, rows=rows, others=others)


def _rows_of(form: MatrixForm, rows: Array) -> MatrixForm:
    """The form of some rows; padding stands at the ends, and then nothing is copied."""
    contiguous = rows[-1] - rows[0] + 1 == len(rows)
    part: Any = slice(rows[0], rows[-1] + 1) if contiguous else rows
    weights, mask = (None if array is None else array[part] for array in (form.weights, form.mask))
    return replace(form, A1=form.A1[part], target=form.target[part], weights=weights, mask=mask)


def _without_masked_columns(form: MatrixForm) -> MatrixForm:
    """Rows of A2 that are masked everywhere become 0: their squares may overflow, and they are no data to whiten by."""
    if form.mask is None:
        return form
    seen = form.mask.any(axis=0)
    return form if np.all(seen) else replace(form, A2=np.where(np.expand_dims(seen, 1), form.A2, 0))


def _checked(tag: str, A1: Any, A2: Any, B: Any, w: Any, mask: Any, row_weights: Any) -> Prompt:
    A1, A2, B = (real_array(f"{name}{tag}", value, 2) for name, value in (("A1", A1), ("A2", A2), ("B", B)))
    shape = (len(A1), len(A2))
    check_shape(f"B{tag}", B, shape, f"(rows of A1{tag}, rows of A2{tag})")
    if w is not None:
        w = real_array(f"w{tag}", w, 2)
        check_shape(f"w{tag}", w, shape, f"the shape of B{tag}")
    if row_weights is not None:
        row_weights = _checked_rows(f"row_weights{tag}", row_weights, len(A1))
    if mask is not None:
        mask = boolean_array(f"mask{tag}", mask, shape, row_weights)
    return Prompt(tag, A1, A2, B, w, mask, row_weights)


def _checked_rows(name: str, value: Any, n1: int) -> Array:
    """Weights of rows: real or boolean, not negative, not all 0."""
    given = np.asarray(value)
    r = real_array(name, given.astype(np.int8) if given.dtype == bool else given, 1)
    check_shape(name, r, (n1,), "one weight for each row of B")
    negative = np.flatnonzero(r < 0)
    if negative.size:
        raise InputError(
            f"{name}: {negative.size} of {n1} weights are negative, the first is {name}[{negative[0]}] = "
            f"{r[negative[0]]}; a weight is 0 for a row that does not count, or positive"
        )
    if not r.any():
        raise InputError(f"{name}: all {n1} weights are 0; leave this prompt out, or give one of its rows a weight")
    return r
