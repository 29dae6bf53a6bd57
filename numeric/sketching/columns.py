"""The change of variables for sampling, which keeps A's zeros: columns of unit length, or coordinates of A's rows."""

from dataclasses import replace
from typing import Any

import numpy as np

from numeric.forms.matrix import MatrixForm
from numeric.forms.stream import StreamForm
from numeric.forms.vector import VectorForm
from numeric.problems import Regression
from numeric.rows import RowSource, SlicedRows
from numeric.sketching.leverage import DISTORTION, sketched_basis
from numeric.sketching.sketches import sparse_sign
from numeric.validation import InputError
from numeric.whitening import Factor, WhitenedRegression, whiten
from numeric.whitening_stream import ChangedRows, scaled_columns

FAILURE = 1e-3
"""Probability, as of `sparse_sign`, that the rank is not seen; then x is right, but not the shortest."""


def sampling_variables(problem: Regression) -> WhitenedRegression:
    """The variables of sketched Newton: whitened in matrix form, where A1 and A2 are small, else `scale_columns`.

    Args:
        problem: in vector or in matrix form.
    """
    return whiten(problem) if isinstance(problem.forms[0], MatrixForm) else scale_columns(problem)


def scale_columns(problem: Regression) -> WhitenedRegression:
    """The same problem in other variables, in float64, with A as it is stored and read block by block.

    The columns are scaled to unit length. Where they are dependent the variables are coordinates of A's row space, so
    that the x that comes back is the one of minimum norm, as after `numeric.whitening.whiten`.

    Args:
        problem: in vector form.

    Raises:
        InputError: a problem in matrix form.
    """
    form = problem.forms[0]
    if not isinstance(form, (VectorForm, StreamForm)):
        raise InputError(
            f"problem: columns are scaled where there is one A, but this is {problem!r}; use sampling_variables"
        )
    stream = _stream(form) if isinstance(form, VectorForm) else replace(form, dtype=np.dtype(float))
    rows, to_original, to_scaled = _changed(stream.source)
    new = replace(stream, source=rows)
    right = Factor(to_original, to_scaled)
    return WhitenedRegression(problem.loss, (new,), new.x_shape, np.dtype(float), problem, None, right)


def _changed(source: RowSource) -> tuple[ChangedRows, Any, Any]:
    """Unit columns; where a sketch shows a smaller rank, coordinates of A's row space, nearly orthonormal."""
    n, d = source.shape
    basis = sketched_basis(source, np.ones(n), np.random.default_rng(0), sparse_sign(d, DISTORTION, FAILURE))
    rank = basis.shape[1]
    if rank == d:
        return scaled_columns(source)
    if rank == 0:
        basis = np.zeros((d, 1))
        return ChangedRows(source, basis, None, 0.0), basis, basis.T
    # The columns are v_j/s_j, so that the way back, with rows s_j v_j, needs no factorization.
    return ChangedRows(source, basis, None, float(rank)), basis, basis.T / np.vecdot(basis.T, basis.T)[:, None]


def _stream(form: VectorForm) -> StreamForm:
    largest = max(float(np.abs(data).max()) for data in (form.target, form.weights) if data is not None)
    rows = SlicedRows(form.A, float(np.linalg.norm(form.A.astype(float, copy=False)) ** 2))
    return StreamForm(rows, form.target, form.weights, largest, np.dtype(float))
