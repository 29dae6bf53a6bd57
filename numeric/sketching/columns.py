"""The change of variables for sampling: columns of A scaled to unit length, which keeps its zeros."""

from dataclasses import replace

import numpy as np

from numeric.forms.stream import StreamForm
from numeric.forms.vector import VectorForm
from numeric.problems import Regression
from numeric.rows import SlicedRows
from numeric.validation import InputError
from numeric.whitening import Factor, WhitenedRegression
from numeric.whitening_stream import scaled_columns


def scale_columns(problem: Regression) -> WhitenedRegression:
    """The same problem in x's multiples by the column lengths of A, in float64, with A read block by block.

    Args:
        problem: in vector form, with one target.

    Raises:
        InputError: a problem in matrix form, or with several targets.
    """
    form = problem.forms[0]
    if not isinstance(form, (VectorForm, StreamForm)):
        raise InputError(
            f'method: "sketched-newton" samples rows of one A, but this is {problem!r}; '
            'use method="newton", or "lbfgs" if there are many unknowns'
        )
    if len(problem.x_shape) > 1:
        raise InputError(
            f'method: "sketched-newton" samples for one target, but b has {problem.x_shape[0]}; '
            'solve them one by one, or use method="newton"'
        )
    stream = _stream(form) if isinstance(form, VectorForm) else replace(form, dtype=np.dtype(float))
    rows, to_original, to_scaled = scaled_columns(stream.source)
    new = replace(stream, source=rows)
    right = Factor(to_original, to_scaled)
    return WhitenedRegression(problem.loss, (new,), problem.x_shape, np.dtype(float), problem, None, right)


def _stream(form: VectorForm) -> StreamForm:
    largest = max(float(np.abs(data).max()) for data in (form.target, form.weights) if data is not None)
    rows = SlicedRows(form.A, float(np.linalg.norm(form.A.astype(float, copy=False)) ** 2))
    return StreamForm(rows, form.target, form.weights, largest, np.dtype(float))
