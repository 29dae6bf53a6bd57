"""The boundary of numeric/: each mistake is one clear error that says what was got and what to do."""

from typing import Any

import numpy as np
import pytest
import scipy.sparse

from numeric import AttentionRegression, InputError, VectorRegression
from numeric.forms.vector import VectorForm

A, b = np.eye(3, 2), np.full(3, 1 / 3)
A1, A2, B = np.eye(3, 2), np.eye(4, 2), np.full((3, 4), 0.25)
NAN = np.array([[1.0, 2.0], [np.nan, np.inf], [0.0, 1.0]])

VECTOR = {
    "complex": ((A * 1j, b), r"A: got dtype complex128; the computation is real.*A\.astype\(float\)"),
    "boolean": ((A > 0, b), r"A: got dtype bool"),
    "object": ((A.astype(object), b), r"A: got dtype object"),
    "text": (([["1", "2"]], b), r"A: got dtype <U1"),
    "structured": ((np.zeros((3, 2), "f8,f8"), b), r"A: got dtype .*in float32 or float64"),
    "ragged": (([[1.0, 2.0], [3.0]], b), r"A: the rows differ in length"),
    "one axis": (([1.0, 2.0, 3.0], b), r"A: got shape \(3,\), which has 1 axes instead of 2; reshape it"),
    "empty": ((np.zeros((0, 2)), []), r"A: got shape \(0, 2\), which is empty; at least one row"),
    "no column": ((np.zeros((3, 0)), b), r"A: got shape \(3, 0\), which is empty"),
    "NaN": ((NAN, b), r"A: 2 of 6 entries are NaN or infinite, the first is A\[1, 0\] = nan; drop or impute"),
    "infinite b": ((A, [0.0, np.inf, 1.0]), r"b: 1 of 3 entries are NaN or infinite, the first is b\[1\] = inf"),
    "short b": ((A, [0.5, 0.5]), r"b: got shape \(2,\), but A \(n rows\) asks for \(3,\)"),
    "transposed b": ((A, np.ones((3, 6))), r"b: got shape \(3, 6\), but A \(n rows\) asks for \(3, 3\)"),
    "b of three axes": ((A, np.ones((1, 1, 3))), r"b: got shape \(1, 1, 3\), which has 3 axes instead of 1 or 2"),
    "w of another length": ((A, b, [1.0, 2.0]), r"w: got shape \(2,\), but A \(n rows\) asks for \(3,\)"),
    "matrix w": ((A, b, np.ones((3, 1))), r"w: got shape \(3, 1\), which has 2 axes instead of 1"),
    "huge w": ((A, b, [1.0, 1e200, 1.0]), r"w: the largest weight is 1e\+200 and its square overflows float64"),
}


@pytest.mark.parametrize("mistake", VECTOR)
def test_vector_form(mistake):
    arguments, match = VECTOR[mistake]
    with pytest.raises(InputError, match=match):
        VectorRegression("normalized-exp", *arguments)


def shrinking() -> Any:
    """A reader that gives one row less each time."""
    heights = iter((3, 2, 4))
    return lambda: iter([np.ones((next(heights), 2))])


def blocks_of(*shapes: tuple[int, ...]) -> Any:
    return lambda: iter([np.ones(shape) for shape in shapes])


class Mapped:
    """Sliced like an array, and no array in memory."""

    def __init__(self, array: Any) -> None:
        self._array, self.shape, self.dtype = array, array.shape, array.dtype

    def __getitem__(self, index: Any) -> Any:
        return self._array[index]


STREAMS = {
    "generator": (
        (block for block in [A]),
        b,
        r"A: got a generator, which can be read only once.*pass a function that",
    ),
    "complex CSR": (scipy.sparse.csr_array(A * 1j), b, r"A: got dtype complex128; the computation is real"),
    "boolean blocks": ([A > 0], b, r"A, block 0: got dtype bool"),
    "sparse vector": (scipy.sparse.coo_array(b), b, r"A: got shape \(3,\), which has 1 axes instead of 2"),
    "empty data set": (Mapped(np.zeros((0, 2))), b, r"A: got shape \(0, 2\), which is empty"),
    "NaN in a data set": (Mapped(NAN), b, r"A: 2 of 6 entries in rows 0 to 2 are NaN.*A\[1, 0\] = nan; drop or impute"),
    "NaN in CSR": (scipy.sparse.csr_array(NAN), b, r"A: 2 of 6 entries in rows 0 to 2 are NaN.*A\[1, 0\] = nan"),
    "NaN in the second block": ([A[:1], NAN[1:]], b, r"A: 2 of 4 entries in rows 1 to 2 are NaN.*A\[1, 0\] = nan"),
    "row as a block": (blocks_of((3,)), b, r"A, block 0: got shape \(3,\), but a block has shape \(rows, columns\)"),
    "other columns": (
        blocks_of((2, 2), (1, 3)),
        b,
        r"A, block 1: got shape \(1, 3\), but .* shape \(rows, 2\)",
    ),
    "no block": (blocks_of(), b, r"A: the reader gave no row; at least one block with a row is needed"),
    "no iterator": (lambda: A, b, r"A: the function gave a ndarray; return an iterator of 2-D blocks"),
    "short b": ([A[:2], A[2:]], b[:2], r"b: got shape \(2,\), but A \(n rows\) asks for \(3,\)"),
    "NaN in a mapped b": ([A], Mapped(NAN[:, 0]), r"b: 1 of 3 entries in rows 0 to 2 are NaN.*b\[1\] = nan"),
    "mapped b of another shape": ([A], Mapped(np.ones(4)), r"b: got shape \(4,\), but A \(n rows\) asks for \(3,\)"),
    "complex mapped b": ([A], Mapped(b * 1j), r"b: got dtype complex128"),
}


@pytest.mark.parametrize("mistake", STREAMS)
def test_streams(mistake):
    streamed, target, match = STREAMS[mistake]
    with pytest.raises(InputError, match=match):
        VectorRegression("normalized-exp", streamed, target)


def test_huge_weights_of_a_stream():
    with pytest.raises(InputError, match=r"w: the largest weight is 1e\+200 and its square overflows float64"):
        VectorRegression("normalized-exp", [A], b, w=Mapped(np.full(3, 1e200)))


def test_a_reader_that_gives_other_rows_later():
    problem = VectorRegression("plain-exp", shrinking(), b)
    with pytest.raises(InputError, match=r"A: a later read gave only 2 rows, but the first gave 3; the reader must"):
        problem.value(np.zeros(2))
    with pytest.raises(InputError, match=r"A: a later read gave more rows, but the first gave 3"):
        problem.value(np.zeros(2))


def test_nested_lists_of_numbers_are_an_array():
    assert isinstance(VectorRegression("plain-exp", A.tolist(), b).forms[0], VectorForm)


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="long double is double here")
def test_long_doubles_are_refused_instead_of_rounded():
    with pytest.raises(InputError, match=r"A: got dtype .*; the computation is real, in float32 or float64"):
        VectorRegression("normalized-exp", A.astype(np.longdouble), b)


NO_ENTRY = np.array([[True] * 4, [False] * 4, [True] * 4])

MATRIX = {
    "transposed B": (
        (A1, A2, B.T),
        {},
        r"B: got shape \(4, 3\), but \(rows of A1, rows of A2\) asks for \(3, 4\); pass B\.T",
    ),
    "vector B": ((A1, A2, b), {}, r"B: got shape \(3,\), which has 1 axes instead of 2"),
    "lists of two lengths": (([A1, A1], [A2, A2], [B]), {}, r"differ in length: \{'A1': 2, 'A2': 2, 'B': 1\}"),
    "empty list": (([], [], []), {}, r"A1: got an empty list; pass one array per prompt"),
    "second prompt's B": (([A1, A1], [A2, A2], [B, B[:2]]), {}, r"B\[1\]: got shape \(2, 4\)"),
    "second prompt's NaN": (([A1, NAN], [A2, A2], [B, B]), {}, r"A1\[1\]: 2 of 6 entries are NaN"),
    "prompts of other d": (
        ([A1, np.eye(3)], [A2, A2], [B, B]),
        {},
        r"the prompts share X, but their columns ask for \[\(2, 2\), \(3, 2\)\]",
    ),
    "w of another shape": ((A1, A2, B), {"w": np.ones((4, 3))}, r"w: got shape \(4, 3\).*asks for \(3, 4\); pass w\.T"),
    "huge w": ((A1, A2, B), {"w": np.full((3, 4), 1e160)}, r"w: the largest weight is 1e\+160"),
    "integer mask": ((A1, A2, B), {"mask": np.ones((3, 4), np.int64)}, r"mask: got dtype int64; a mask is boolean"),
    "mask of another shape": ((A1, A2, B), {"mask": np.ones((3, 3), bool)}, r"mask: got shape \(3, 3\)"),
    "row without entry": (
        (A1, A2, B),
        {"mask": NO_ENTRY},
        r"mask: 1 of 3 rows keep no entry, the first is row 1; drop",
    ),
}


@pytest.mark.parametrize("mistake", MATRIX)
def test_matrix_form(mistake):
    arguments, options, match = MATRIX[mistake]
    with pytest.raises(InputError, match=match):
        AttentionRegression("normalized-exp", *arguments, **options)


def test_an_unknown_loss_is_refused():
    with pytest.raises(ValueError, match=r"no kernel for the loss 'normalized-tanh': choose one of .*normalized-exp"):
        VectorRegression("normalized-tanh", A, b)


def test_nested_lists_of_numbers_are_one_prompt_or_several():
    one = AttentionRegression("normalized-exp", A1.tolist(), A2.tolist(), B.tolist())
    two = AttentionRegression("normalized-exp", [A1.tolist()] * 2, [A2, A2], (B, B))
    X = np.ones((2, 2))
    assert len(one.forms) == 1
    assert two.value(X) == 2 * one.value(X)


def test_inputs_are_not_copied_where_they_need_not_be():
    A = np.random.default_rng(0).normal(size=(3, 2))
    assert VectorRegression("plain-exp", A, b).forms[0].factors[0] is A
