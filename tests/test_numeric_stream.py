"""An A that is read in row blocks: the same numbers as in memory, by the promised reads, in the promised memory."""

import io
import math
import re
import subprocess
import sys
import tracemalloc
from functools import cache
from typing import Any

import mpmath
import numeric_oracle as oracle
import numpy as np
import pytest
import scipy.sparse

import numeric.forms.stream_hessian
import numeric.rows
import numeric.whitening_stream
from numeric import InputError, OutsideDomain, VectorRegression, solve
from numeric.forms.stream import StreamForm
from numeric.forms.sums import Sum
from numeric.progress import ProgressLine
from numeric.rows import row_source
from numeric.solvers.state import State
from numeric.solvers.verdict import _decided
from numeric.triangle import triangle
from numeric.whitening import unchanged, whiten

RELATIVE = 1e-12
"""The accuracy that the project promises, on instances without severe cancellation."""
SAME = 1e-13
"""Streams and arrays differ in the order of summation only."""
SAME_SOLUTION = 1e-8
"""Two runs to a gradient of rounding size, condition numbers below 1e4."""
SINGLE = 2e-6
"""Some tens of roundings of float32."""


class Sliced:
    """What is left of an HDF5 data set: shape, dtype and slices of rows."""

    def __init__(self, array: Any) -> None:
        self._array, self.shape, self.dtype = array, array.shape, array.dtype

    def __getitem__(self, index: Any) -> Any:
        return self._array[index].copy()


class Reiterable:
    def __init__(self, A: Any) -> None:
        self._A = A

    def __iter__(self) -> Any:
        return (self._A[start : start + 3] for start in range(0, len(self._A), 3))


def mapped(array: Any, folder: Any, order: str = "C", name: str = "A.dat") -> Any:
    file = np.memmap(folder / name, dtype=array.dtype, mode="w+", shape=array.shape, order=order)
    file[:] = array
    file.flush()
    return np.memmap(folder / name, dtype=array.dtype, mode="r", shape=array.shape, order=order)


def refilled(A: Any) -> Any:
    """A function whose blocks share one array, which each block overwrites."""

    def blocks() -> Any:
        buffer = np.empty((2, A.shape[1]))
        for start in range(0, len(A), 2):
            rows = A[start : start + 2]
            buffer[: len(rows)] = rows
            yield buffer[: len(rows)]

    return blocks


def with_duplicates(A: Any) -> Any:
    """A CSR matrix that stores each entry as two halves."""
    row, column = np.indices(A.shape).reshape(2, -1)
    order = np.argsort(np.tile(row, 2), kind="stable")
    indptr = np.arange(len(A) + 1) * 2 * A.shape[1]
    return scipy.sparse.csr_array((np.tile(A.ravel() / 2, 2)[order], np.tile(column, 2)[order], indptr), shape=A.shape)


SOURCES = {
    "memory map": mapped,
    "view of a memory map": lambda A, folder: np.asarray(mapped(np.repeat(A, 2, axis=0), folder)[::2]),
    "memory map by columns": lambda A, folder: mapped(A, folder, order="F"),
    "sliced": lambda A, folder: Sliced(A),
    "CSR": lambda A, folder: scipy.sparse.csr_array(A),
    "CSR matrix": lambda A, folder: scipy.sparse.csr_matrix(A),
    "COO": lambda A, folder: scipy.sparse.coo_array(A),
    "CSR with duplicates": lambda A, folder: with_duplicates(A),
    "list of blocks": lambda A, folder: [A[:1], scipy.sparse.csc_array(A[1:3]), A[3:3], A[3:]],
    "function": lambda A, folder: lambda: iter([A[:2], A[2:]]),
    "iterable": lambda A, folder: Reiterable(A),
    "one buffer": lambda A, folder: refilled(A),
}


@pytest.fixture
def tiny_blocks(monkeypatch):
    """Two rows a block, so that small problems have several."""
    monkeypatch.setattr(numeric.rows, "BLOCK_ENTRIES", 2 * numeric.rows.NARROW)


def instance(n: int = 7, d: int = 2, k: int = 2) -> tuple[Any, ...]:
    rng = np.random.default_rng(n)
    A = rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.7)
    return A, rng.dirichlet(np.ones(n), size=k), rng.uniform(0.2, 2.0, n), rng.normal(size=(k, d))


@cache
def reference(loss: str) -> tuple[Any, ...]:
    """Value, gradient, Hessian and J^T J of `instance()`, weights included, from 110-digit differences."""
    A, b, w, x = (oracle.exact(array) for array in instance())

    def residual(x: Any) -> list[Any]:
        return oracle.residual(loss, x.reshape(-1, 2) @ A.T, b, [w, w])

    def value(x: Any) -> Any:
        return oracle.half_square(residual(x))

    with mpmath.workdps(oracle.DIGITS):
        J = oracle.jacobian(residual, x)
        return value(x), oracle.gradient(value, x), oracle.hessian(value, x), J.T @ J


@pytest.mark.parametrize("source", ["memory map", "CSR", "function"])
@pytest.mark.parametrize("loss", oracle.LOSSES)
def test_all_agree_with_fifty_digits(loss, source, tmp_path, tiny_blocks):
    A, b, w, x = instance()
    problem = VectorRegression(loss, SOURCES[source](A, tmp_path), b, w=w)
    assert isinstance(problem.forms[0], StreamForm)
    value, gradient, hessian, gauss_newton = reference(loss)
    got, slope = problem.value_and_gradient(x)
    assert oracle.relative_error([got], [value]) <= RELATIVE
    assert oracle.relative_error(slope, gradient) <= RELATIVE
    for operator, exact in ((problem.hessian(x), hessian), (problem.gauss_newton(x), gauss_newton)):
        v = np.arange(1.0, 5.0).reshape(2, 2)
        assert oracle.relative_error(operator.to_dense(), exact) <= RELATIVE
        assert oracle.relative_error(operator.diagonal(), np.diag(exact)) <= RELATIVE
        with mpmath.workdps(oracle.DIGITS):
            product = exact @ oracle.exact(v).ravel()
        # The first product also finds V, the second uses it.
        for _ in range(2):
            assert oracle.relative_error(operator.dot(v).ravel(), product) <= RELATIVE
        low, high = operator.eigenvalue_bounds()
        eigenvalues = np.linalg.eigvalsh(exact.astype(float))
        slack = SAME * abs(eigenvalues).max()
        assert low <= eigenvalues[0] + slack
        assert high >= eigenvalues[-1] - slack


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("loss", ["normalized-exp", "rescaled-sinh", "plain-cosh"])
def test_every_source_gives_what_the_array_gives(loss, source, tmp_path, tiny_blocks):
    A, b, w, x = instance(9, 3, 1)
    dense = VectorRegression(loss, A, b[0], w=w)
    stream = VectorRegression(loss, SOURCES[source](A, tmp_path), b[0], w=w)
    assert repr(stream) == repr(dense)
    np.testing.assert_allclose(stream.value(x[0]), dense.value(x[0]), rtol=SAME)
    np.testing.assert_allclose(stream.gradient(x[0]), dense.gradient(x[0]), rtol=SAME)
    np.testing.assert_allclose(stream.predict(x[0]), dense.predict(x[0]), rtol=SAME)
    H, G = dense.hessian(x[0]), stream.hessian(x[0])
    np.testing.assert_allclose(G.to_dense(), H.to_dense(), rtol=SAME, atol=SAME * np.abs(H.to_dense()).max())
    np.testing.assert_allclose(G.diagonal(), H.diagonal(), rtol=SAME, atol=SAME * np.abs(H.diagonal()).max())
    np.testing.assert_allclose(G.eigenvalue_bounds(), H.eigenvalue_bounds(), rtol=1e-10)
    size = G.forms[0].terms() * np.exp(G.forms[0].log_scale)
    assert size == pytest.approx(H.forms[0].terms() * np.exp(H.forms[0].log_scale), rel=SAME)
    assert stream.forms[0].largest_entry(x[0]) == pytest.approx(np.abs(A @ x[0]).max(), rel=SAME)
    y = whiten(dense).from_original(x[0])
    np.testing.assert_allclose(whiten(stream).from_original(x[0]), y, atol=1e-12 * np.abs(y).max())


@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "u8", "f2", "f4", ">f8", ">i4"])
def test_every_real_type_of_a_memory_map_is_the_array_in_float64(dtype, order, tmp_path, tiny_blocks):
    A, b, _, x = instance(9, 3, 1)
    stored = np.rint(20 * np.abs(A)).astype(dtype)
    stream = VectorRegression("rescaled-cosh", mapped(stored, tmp_path, order=order), b[0])
    dense = VectorRegression("rescaled-cosh", stored.astype(float), b[0])
    assert stream.dtype == np.float64
    point = 0.1 * x[0]
    np.testing.assert_allclose(stream.gradient(point), dense.gradient(point), rtol=SAME)
    exact = dense.hessian(point).to_dense()
    np.testing.assert_allclose(stream.hessian(point).to_dense(), exact, atol=SAME * np.abs(exact).max())


@pytest.mark.parametrize("empty", ["some rows", "all rows"])
@pytest.mark.parametrize("source", ["CSR", "list of blocks", "memory map"])
def test_rows_of_zeros_are_rows(source, empty, tmp_path, tiny_blocks):
    # Rows without an entry come first, last and as whole blocks; all at once leaves z = 0 and nothing to solve.
    rng = np.random.default_rng(9)
    A, b = np.zeros((12, 2)), rng.dirichlet(np.ones(12))
    if empty == "some rows":
        A[[3, 4, 10]] = rng.normal(size=(3, 2))
    dense = VectorRegression("normalized-exp", A, b)
    stream = VectorRegression("normalized-exp", SOURCES[source](A, tmp_path), b)
    x = np.array([1.0, -2.0])
    np.testing.assert_allclose(stream.gradient(x), dense.gradient(x), rtol=SAME, atol=SAME)
    for part in ("to_dense", "diagonal", "eigenvalue_bounds"):
        expected = getattr(dense.hessian(x), part)()
        np.testing.assert_allclose(getattr(stream.hessian(x), part)(), expected, rtol=1e-12, atol=SAME)
    solution, expected = solve(stream), solve(dense)
    assert (solution.status, solution.unique) == (expected.status, expected.unique)
    np.testing.assert_allclose(solution.x, expected.x, atol=SAME_SOLUTION)


@pytest.mark.parametrize("loss", ["normalized-exp", "rescaled-sinh", "plain-cosh", "normalized-cosh"])
@pytest.mark.parametrize("size", [1e2, 1e4, 1e8])
def test_far_points_are_as_in_memory(loss, size, tiny_blocks):
    A, b, w, _ = instance(9, 2, 1)
    x = np.array([size, -size])
    dense, stream = (VectorRegression(loss, given, b[0], w=w) for given in (A, Reiterable(A)))
    (value, gradient, log_scale), found = (p.value_and_gradient(x, scaled=True) for p in (dense, stream))
    assert found[0] == pytest.approx(value, rel=SAME)
    assert found[2] == pytest.approx(log_scale, rel=SAME)
    # A row with all weight leaves a gradient of rounding errors: of the residuals, which are below 1 in these units.
    np.testing.assert_allclose(found[1], gradient, rtol=1e-12, atol=SAME * min(value, 1e300))
    if np.isfinite(value):
        H, G = (problem.hessian(x, scaled=True).to_dense() for problem in (dense, stream))
        np.testing.assert_allclose(G, H, rtol=1e-12, atol=SAME * np.abs(H).max() + SAME)


def shuffled(block: Any) -> Any:
    return block[np.random.default_rng(0).permutation(block.shape[0])]


def nudged(block: Any) -> Any:
    changed = block.copy()
    entries = changed.data if scipy.sparse.issparse(changed) else changed.reshape(-1)
    entries[-1] = np.nextafter(entries[-1], np.inf)
    return changed


@pytest.mark.parametrize("change", [shuffled, nudged, lambda block: block * np.nan, lambda block: block.astype("f4")])
@pytest.mark.parametrize("store", [np.array, np.asfortranarray, scipy.sparse.csr_array, scipy.sparse.csc_array])
def test_a_reader_that_gives_other_entries_later_is_an_error(store, change):
    blocks = [store(np.random.default_rng(seed).normal(size=(20, 3))) for seed in (1, 2)]
    reads = iter([blocks, blocks, [blocks[0], change(blocks[1])], blocks[::-1], blocks])
    problem = VectorRegression("plain-exp", lambda: iter(next(reads)), np.ones(40))
    value = problem.value(np.zeros(3))
    for _ in range(2):
        with pytest.raises(InputError, match=r"A: a later read gave other entries or blocks .*seed what it draws"):
            problem.value(np.zeros(3))
    assert problem.value(np.zeros(3)) == value


@pytest.mark.parametrize("last", [np.ones((3, 3)), scipy.sparse.csr_array((3, 1)), np.ones(2)])
def test_blocks_of_other_widths_are_an_error(last):
    message = r"A, block 1: got shape .*, but a block has shape \(rows, 2\); reshape it"
    with pytest.raises(InputError, match=message):
        VectorRegression("plain-exp", lambda: iter([np.ones((4, 2)), last]), np.ones(7))


def test_a_sparse_b_is_an_error():
    with pytest.raises(InputError, match=r"b: got a sparse matrix of shape \(1, 3\); pass b\.toarray\(\)"):
        VectorRegression("plain-exp", scipy.sparse.eye_array(3), scipy.sparse.csr_array(np.ones((1, 3))))


def test_b_and_w_are_mapped_too_and_integers_become_float64(tmp_path, tiny_blocks):
    A, b, w, x = instance()
    whole = np.rint(4 * A).astype(np.int32)
    arrays = [mapped(array, tmp_path, name=f"{i}.dat") for i, array in enumerate((whole, b, w))]
    stream = VectorRegression("rescaled-exp", *arrays)
    assert stream.dtype == np.float64
    assert stream.forms[0].source.array is arrays[0]
    assert stream.forms[0].target is arrays[1]
    dense = VectorRegression("rescaled-exp", whole, b, w)
    assert stream.value(x) == pytest.approx(dense.value(x), rel=SAME)


@pytest.mark.parametrize("loss", ["normalized-exp", "normalized-cosh", "rescaled-exp", "rescaled-sinh"])
def test_the_shift_rises_from_block_to_block(loss, tiny_blocks):
    # Blocks with entries up to -650, -300, ..., 700: each rescales what the earlier ones summed up.
    z = np.array([-650.0, -660.0, -300.0, 2.0, 350.0, 349.5, 700.0, 699.0])
    A, b = z[:, None], np.linspace(0.05, 0.2, 8)
    value, gradient, log_scale = VectorRegression(loss, lambda: iter(A[:, None]), b).value_and_gradient([1.0], True)
    mA, mb, x = oracle.exact(A), oracle.exact(b), oracle.exact([1.0])

    def exact(x: Any) -> Any:
        return oracle.half_square(oracle.residual(loss, [mA @ x], [mb]))

    with mpmath.workdps(3 * oracle.DIGITS):
        scale = mpmath.exp(mpmath.mpf(log_scale))
        assert oracle.relative_error([value], [exact(x) / scale]) <= RELATIVE
        # Differences of values near 1 as of values near e^1400 need the digits of both.
        slope = (exact(x + oracle.H) - exact(x - oracle.H)) / (2 * oracle.H) / scale
    assert abs(float(gradient[0]) - float(slope)) <= RELATIVE * max(abs(float(slope)), 1400 * float(value))


@pytest.mark.parametrize("loss", ["normalized-exp", "plain-sinh"])
def test_float32_stays_float32_and_its_sums_do_not_grow_worse(loss, tmp_path, monkeypatch):
    monkeypatch.setattr(numeric.rows, "BLOCK_ENTRIES", 1 << 10)
    rng = np.random.default_rng(0)
    arrays = rng.normal(size=(30_000, 2)), rng.random(30_000), rng.random(30_000), np.array([0.3, -0.2])
    A, b, w, x = (array.astype(np.float32) for array in arrays)
    stream = VectorRegression(loss, mapped(A, tmp_path), b, w=w)
    exact = VectorRegression(loss, *(array.astype(float) for array in (A, b, w)))
    value, gradient = stream.value_and_gradient(x)
    dense = stream.hessian(x).to_dense()
    assert gradient.dtype == dense.dtype == stream.hessian(x).dot(x).dtype == stream.predict(x).dtype == np.float32
    assert {total.dtype for totals in stream.at(x).evaluations[0].totals for total in totals.earlier.values()} == {
        A.dtype
    }
    assert value == pytest.approx(exact.value(x), rel=SINGLE)
    np.testing.assert_allclose(gradient, exact.gradient(x), rtol=SINGLE)
    reference = exact.hessian(x).to_dense()
    np.testing.assert_allclose(dense, reference, atol=SINGLE * np.abs(reference).max())


class Counted:
    """A reader that counts its reads."""

    def __init__(self, blocks: list[Any]) -> None:
        self.blocks, self.reads = blocks, 0

    def __call__(self) -> Any:
        self.reads += 1
        return iter(self.blocks)


@pytest.mark.parametrize(("loss", "passes"), [("plain-exp", 1), ("normalized-exp", 2), ("rescaled-cosh", 2)])
def test_reads_are_as_few_as_promised(loss, passes):
    A, b, w, x = instance(9, 3, 1)
    reader = Counted([A[:4], A[4:]])
    problem, expected = VectorRegression(loss, reader, b[0], w=w), 1
    assert reader.reads == expected, "the constructor reads once"
    point = problem.at(x[0])
    _ = point.first_order
    expected += passes
    assert reader.reads == expected
    operator = problem.operator(point, "hessian", scaled=True)
    assert reader.reads == expected, "the totals are kept"
    for request in (lambda: operator.dot(x[0]), lambda: operator.dot(x[0]), operator.blocks, operator.diagonal):
        request()
        expected += 1
        assert reader.reads == expected


REQUESTS = {
    "product": lambda operator: operator.dot(np.arange(1.0, 1.0 + operator.shape[0])),
    "dense": lambda operator: operator.to_dense(),
    "diagonal": lambda operator: operator.diagonal(),
}


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("loss", oracle.LOSSES)
def test_the_first_result_takes_no_read_of_its_own(loss, kind, request_, weighted, k):
    A, b, w, x = instance(9, 3, k)
    reader = Counted([A[:4], scipy.sparse.csr_array(A[4:])])
    problem = VectorRegression(loss, reader, b, w=w if weighted else None)
    passes, before = problem.loss.PASSES, reader.reads
    dense = VectorRegression(loss, A, b, w=w if weighted else None)
    operator = getattr(problem, kind)(x)
    first = REQUESTS[request_](operator)
    assert reader.reads == before + passes
    expected = REQUESTS[request_](getattr(dense, kind)(x))
    np.testing.assert_allclose(first, expected, atol=RELATIVE * np.abs(expected).max())
    second = REQUESTS[request_](operator)
    assert reader.reads == before + passes + 1
    np.testing.assert_allclose(second, expected, atol=RELATIVE * np.abs(expected).max())
    value, gradient = dense.value_and_gradient(x)
    found = problem.at(x)
    _ = REQUESTS[request_](problem.operator(found, kind, scaled=False))
    before = reader.reads
    scale = np.exp(found.value.log_scale)
    assert found.value.value * scale == pytest.approx(value, rel=RELATIVE)
    np.testing.assert_allclose(found.first_order.gradient * scale, gradient, atol=RELATIVE * np.abs(gradient).max())
    assert reader.reads == before + 1, "the same reads gave the value; the gradient was not asked for"


def test_a_wide_gram_matrix_is_not_summed_for_each_piece(monkeypatch):
    monkeypatch.setattr(numeric.forms.stream_hessian, "NARROW", 2)
    A, b, _, x = instance(9, 3, 1)
    reader = Counted([A[:4], A[4:]])
    problem = VectorRegression("normalized-exp", reader, b[0])
    expected = VectorRegression("normalized-exp", A, b[0]).hessian(x[0]).to_dense()
    found = problem.hessian(x[0]).to_dense()
    assert reader.reads == 1 + 3
    np.testing.assert_allclose(found, expected, atol=SAME * np.abs(expected).max())


@pytest.mark.parametrize("broken", [1, 2])
def test_a_read_that_breaks_off_leaves_no_trace(broken):
    A, b, _, x = instance(9, 3, 1)
    reads = 0

    def blocks() -> Any:
        nonlocal reads
        reads += 1
        yield A[:4]
        if reads == 1 + broken:
            raise OSError("the disk is gone")
        yield A[4:]

    point = VectorRegression("normalized-exp", blocks, b[0]).at(x[0])
    with pytest.raises(OSError, match="the disk is gone"):
        _ = point.first_order
    value, gradient = VectorRegression("normalized-exp", A, b[0]).value_and_gradient(x[0])
    assert point.first_order.value == pytest.approx(value, rel=SAME)
    np.testing.assert_allclose(point.first_order.gradient, gradient, rtol=1e-12)


def test_memory_does_not_grow_with_the_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(numeric.rows, "BLOCK_ENTRIES", 1 << 15)
    n, d = 800_000, 4
    A = np.random.default_rng(0).normal(size=(2000, d))
    b = mapped(np.full(n, 1 / n), tmp_path)
    problem = VectorRegression("normalized-exp", lambda: (A for _ in range(n // 2000)), b, w=b)
    x = np.ones(d)
    tracemalloc.start()
    try:
        problem.value_and_gradient(x)
        operator = problem.hessian(x)
        operator.dot(x)
        operator.to_dense()
        operator.eigenvalue_bounds()
        whiten(problem).hessian(x).to_dense()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.5 * 8 * n, f"{peak} bytes: half an array of length n must be more"


def test_a_csr_block_costs_no_pass_over_all_rows():
    n = 1 << 20
    A = scipy.sparse.csr_array((np.ones(3), ([5, 5, n - 1], [0, 1, 1])), shape=(n, 2))
    A.indptr, A.indices = A.indptr.astype(np.int32), A.indices.astype(np.int32)
    source = row_source("A", A)
    tracemalloc.start()
    try:
        heights = [block.rows.stop - block.rows.start for block in source.blocks(np.dtype(float), 1)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(heights) == n
    assert peak < 4 * n, f"{peak} bytes: a row of length n in the narrowest type must be more"


def test_a_csr_row_with_more_entries_than_a_block_is_a_block(tiny_blocks):
    A = np.random.default_rng(11).normal(size=(3, 3 * numeric.rows.BLOCK_ENTRIES))
    A[1] = 0.0
    blocks = list(row_source("A", scipy.sparse.csr_array(A)).blocks(np.dtype(float), 1))
    assert [block.rows for block in blocks] == [slice(0, 1), slice(1, 2), slice(2, 3)]
    np.testing.assert_array_equal(np.concatenate([block.toarray() for block in blocks]), A)


RESIDENT = """
import resource, sys
import numpy as np
from numeric import VectorRegression, solve
n, d = {n}, 16
A, b = (np.memmap(name, dtype=float, mode="r", shape=shape) for name, shape in (("{A}", (n, d)), ("{b}", (n,))))
VectorRegression("normalized-exp", np.asarray(A[:9]).copy(), np.asarray(b[:9]).copy()).hessian(np.ones(d)).to_dense()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
problem = VectorRegression("normalized-exp", A, b)
problem.value_and_gradient(np.ones(d))
operator = problem.hessian(np.ones(d))
operator.dot(np.ones(d)), operator.to_dense()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="resident pages are counted in KiB on Linux")
def test_pages_of_a_memory_map_do_not_stay(tmp_path):
    n = 1_500_000  # 192 MB of zeros, which no disk has to hold
    for name, shape in (("A", (n, 16)), ("b", (n,))):
        np.memmap(tmp_path / name, dtype=float, mode="w+", shape=shape).flush()
    script = RESIDENT.format(n=n, A=tmp_path / "A", b=tmp_path / "b")
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert int(run.stdout) < 64 * 1024, f"{run.stdout} KiB beyond what was resident before"


def test_changes_in_a_copy_on_write_map_are_not_lost(tmp_path, tiny_blocks):
    A, b, _, x = instance()
    mapped(A, tmp_path)
    changed = np.memmap(tmp_path / "A.dat", dtype=float, mode="c", shape=A.shape)
    changed[3] = 5.0
    expected = VectorRegression("normalized-exp", np.array(changed), b).value(x)
    problem = VectorRegression("normalized-exp", changed, b)
    for _ in range(2):
        assert problem.value(x) == pytest.approx(expected, rel=SAME)


def test_a_vanished_total_is_outside_the_domain(tiny_blocks):
    A = np.array([[1.0], [2.0], [-2.0], [-1.0], [0.0]])
    problem = VectorRegression("normalized-sinh", scipy.sparse.csr_array(A), np.full(5, 0.2))
    for evaluate in (problem.value, problem.hessian, problem.predict):
        with pytest.raises(OutsideDomain, match=r"alpha of row 0 is .* times the sum of its absolute terms"):
            evaluate([0.7])
    assert solve(problem, x0=[0.7]).status == "outside_domain"


def test_what_overflows_is_infinite_or_an_error(tiny_blocks):
    A, b, w, _ = instance(9, 3, 1)
    problem = VectorRegression("plain-exp", Sliced(A), b[0], w=w)
    value, gradient = problem.value_and_gradient(np.full(3, 1e4))
    assert value == np.inf
    assert not np.isnan(gradient).any()
    # At a point that was not evaluated before, the first result tells.
    operator, point = problem.hessian(np.full(3, 1e4)), problem.at(np.full(3, 1e4))
    for result in (operator.to_dense, operator.diagonal, lambda: operator.dot(np.ones(3))):
        with pytest.raises(OverflowError, match="the Hessian overflows float64"):
            result()
    assert point.first_order.value == np.inf
    with pytest.raises(OverflowError, match="the Hessian overflows float64"):
        problem.operator(point, "hessian", scaled=False)
    with pytest.raises(OverflowError, match=r"log scale .*scaled=True"):
        VectorRegression("rescaled-exp", Sliced(A), b[0]).hessian(np.full(3, 1e4))


@pytest.mark.parametrize("source", ["memory map", "CSR", "function"])
@pytest.mark.parametrize("method", ["newton", "gauss-newton", "lbfgs"])
@pytest.mark.parametrize("loss", ["normalized-exp", "rescaled-exp", "plain-sinh", "normalized-cosh"])
def test_solve_finds_what_it_finds_in_memory(loss, method, source, tmp_path, monkeypatch):
    monkeypatch.setattr(numeric.rows, "BLOCK_ENTRIES", 10 * numeric.rows.NARROW)
    rng = np.random.default_rng(3)
    A, x_true = rng.normal(size=(60, 3)) @ np.diag([1.0, 0.3, 0.1]), rng.normal(size=3)
    model = VectorRegression(loss, A, np.zeros(60)).predict(x_true)
    b = model if loss.startswith("rescaled") else model * rng.uniform(0.95, 1.05, 60)
    dense = solve(VectorRegression(loss, A, b), method=method)
    stream = solve(VectorRegression(loss, SOURCES[source](A, tmp_path), b), method=method)
    assert stream.status == dense.status
    assert stream.unique == dense.unique
    np.testing.assert_allclose(stream.x, dense.x, rtol=SAME_SOLUTION, atol=SAME_SOLUTION * np.abs(dense.x).max())


def test_a_large_mean_and_dependent_columns_are_whitened_away(tiny_blocks):
    rng = np.random.default_rng(4)
    A = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 5)) + 1e4
    b = VectorRegression("normalized-exp", A - 1e4, np.zeros(40)).predict(0.1 * rng.normal(size=5))
    dense = solve(VectorRegression("normalized-exp", A, b))
    stream = solve(VectorRegression("normalized-exp", [A[:17], A[17:]], b))
    assert stream.status == dense.status == "converged"
    assert stream.unique is dense.unique is False
    np.testing.assert_allclose(stream.x, dense.x, atol=SAME_SOLUTION * np.abs(dense.x).max())


@pytest.mark.parametrize(("loss", "seed"), [("plain-cosh", 0), ("normalized-cosh", 2)])
@pytest.mark.parametrize("source", ["list of blocks", "CSR"])
def test_an_ill_conditioned_stream_converges_as_the_array_does(source, loss, seed, tmp_path, tiny_blocks):
    # Condition number 1e4 that centring must not remove: through A (P y), both runs stall some 1e-8 apart.
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(80, 4)) + 1e4
    _, S, Vt = np.linalg.svd(A)
    x_true = 4.0 * Vt.T @ (rng.normal(size=4) / S)
    b = VectorRegression(loss, A, np.zeros(80)).predict(x_true) * (1.0 + 0.05 * rng.normal(size=80))
    dense = solve(VectorRegression(loss, A, b))
    stream = solve(VectorRegression(loss, SOURCES[source](A, tmp_path), b))
    assert stream.status == dense.status == "converged"
    np.testing.assert_allclose(stream.x, dense.x, atol=SAME_SOLUTION * np.abs(dense.x).max())


def test_the_whitened_stream_is_the_whitened_array(tiny_blocks):
    A, b, _, _ = instance(30, 4, 2)
    dense = whiten(VectorRegression("normalized-exp", A + 3.0, b))
    for source in (Sliced(A + 3.0), scipy.sparse.csr_array(A + 3.0)):
        stream = whiten(VectorRegression("normalized-exp", source, b))
        y = np.random.default_rng(5).normal(size=stream.x_shape)
        np.testing.assert_allclose(stream.to_original(y), dense.to_original(y), rtol=1e-11)
        np.testing.assert_allclose(stream.gradient(y), dense.gradient(y), rtol=1e-10, atol=1e-14)
        H, G = dense.hessian(y), stream.hessian(y)
        np.testing.assert_allclose(G.to_dense(), H.to_dense(), atol=1e-12 * np.abs(H.to_dense()).max())
        np.testing.assert_allclose(G.dot(y), H.dot(y), atol=1e-12 * np.abs(H.dot(y)).max())
        np.testing.assert_allclose(G.diagonal(), H.diagonal(), atol=1e-12 * np.abs(H.diagonal()).max())


def test_blocks_of_a_whitened_sparse_matrix_are_formed_within_the_limit(monkeypatch):
    monkeypatch.setattr(numeric.rows, "BLOCK_ENTRIES", 1 << 12)
    rng = np.random.default_rng(10)
    A = scipy.sparse.random_array((600, 64), density=0.1, rng=rng, format="csr")
    rows = whiten(VectorRegression("plain-exp", A, np.ones(600))).forms[0].source
    heights = {block.rows.stop - block.rows.start for block in rows.blocks(np.dtype(float), 1, formed=True)}
    assert max(heights) * rows.shape[1] <= 1 << 12
    assert max(block.rows.stop - block.rows.start for block in rows.blocks(np.dtype(float), 1)) > max(heights)


@pytest.mark.parametrize("source", ["CSR", "sliced"])
def test_beyond_the_largest_factor_columns_are_only_scaled(source, tmp_path, monkeypatch, tiny_blocks):
    rng = np.random.default_rng(6)
    A = np.column_stack([rng.normal(size=(40, 3)) * [1.0, 20.0, 0.1], np.zeros(40)])
    b = VectorRegression("plain-exp", A, np.zeros(40)).predict(np.array([0.3, 0.01, 2.0, 1.0]))
    dense = solve(VectorRegression("plain-exp", A, b))
    monkeypatch.setattr(numeric.whitening_stream, "LARGEST_TRIANGLE", 3)
    problem = VectorRegression("plain-exp", SOURCES[source](A, tmp_path), b)
    for method in ("lbfgs", "gauss-newton", "gauss-newton-cg"):
        solution = solve(problem, method=method)
        assert solution.status == "converged"
        np.testing.assert_allclose(solution.x, dense.x, rtol=1e-6, atol=1e-9)
    operator = whiten(problem).hessian(np.ones(4))
    np.testing.assert_allclose(operator.diagonal(), np.diag(operator.to_dense()), rtol=SAME)


def test_duplicates_are_summed_in_a_copy(tmp_path, tiny_blocks):
    A, b, _, x = instance()
    matrix = with_duplicates(A)
    for source in (matrix, [matrix[:4], matrix[4:]]):
        problem = VectorRegression("plain-exp", source, b)
        assert problem.forms[0].source.squares == pytest.approx((A**2).sum(), rel=SAME)
        problem.hessian(x).diagonal()
    assert matrix.nnz == 2 * A.size


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("heights", [[100], [1] * 100, [3, 60, 0, 37], [2, 98]])
def test_the_triangular_factor_has_the_singular_values_of_a(heights, centred):
    A = np.random.default_rng(7).normal(size=(100, 4)) @ np.diag([1.0, 1e-3, 1e3, 1.0]) + [0.0, 5.0, -1e4, 1e3]
    blocks = np.split(A, np.cumsum(heights)[:-1])
    source = row_source("A", blocks)
    factor = triangle(source.blocks(np.dtype(float), 4), 4, centred)
    expected = np.linalg.svd(A - A.mean(axis=0) if centred else A, compute_uv=False)
    # Relative to the largest singular value of A with its mean, of which the mean's roundings are a part.
    np.testing.assert_allclose(
        np.linalg.svd(factor.R, compute_uv=False), expected, atol=1e-14 * np.linalg.norm(A, ord=2), rtol=1e-12
    )
    assert factor.norm == pytest.approx(np.linalg.norm(A, ord=2), rel=1e-13)
    assert factor.count == 100


def test_wide_a_has_no_smallest_singular_value(tiny_blocks):
    A = np.random.default_rng(8).normal(size=(2, 3))
    low, high = VectorRegression("plain-exp", [A[:1], A[1:]], np.zeros(2)).forms[0].squared_singular_bounds
    assert low == 0.0
    assert high == pytest.approx(np.linalg.norm(A, ord=2) ** 2, rel=1e-13)


@pytest.mark.parametrize("method", ["newton", "gradient-descent", "sketched-newton"])
def test_the_progress_line_tells_how_far_a_read_is(method, tiny_blocks):
    A, b, _, _ = instance(6, 2, 1)
    problem, written, seconds = VectorRegression("normalized-exp", scipy.sparse.csr_array(A), b[0]), io.StringIO(), []

    def clock() -> float:
        seconds.append(0.0)
        return float(len(seconds))

    line = ProgressLine(quiet_seconds=0.0, interval=1.0, stream=written, clock=clock)
    solution = solve(problem, method=method, max_steps=3, progress=line)
    np.testing.assert_array_equal(solution.x, solve(problem, method=method, max_steps=3).x)
    # Six rows in blocks of two: three reports a read. The seconds of steps are real ones, so that some writes fall out.
    shown = re.findall(r"read (\d+), (\d+)%", written.getvalue())
    assert shown[:4] == [("1", "33"), ("1", "67"), ("1", "100"), ("2", "33")]
    assert re.search(r"step 0  value \S+  gradient \S+  read \d+, 33%  \d+\.0 s", written.getvalue())


def test_sums_are_as_good_as_exact_ones():
    terms = [1e16, 1.0, -1e16, 3.0, 1e-9] * 50
    total = Sum()
    for term in terms:
        total.add(np.array([term]))
    assert total.value[0] == pytest.approx(math.fsum(terms), rel=1e-15)
    for term in (np.inf, 1.0):
        total.add(np.array([term]))
    assert total.value[0] == np.inf


def test_a_total_that_nearly_vanishes_is_seen_as_in_memory():
    # The first column's sinh nearly add up to zero at x = (0.4, 0).
    A = np.array([[0.9, 0.1], [0.3, -0.7], [-1.0, 0.2], [-0.2, 1.0]])
    A[2, 0] = -np.arcsinh(np.sinh(0.4 * A[[0, 1, 3], 0]).sum()) / 0.4 * (1.0 + 1e-10)
    b, x = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.4, 0.0])
    kinds = []
    for maps in (A, [A[:1], A[1:]]):
        problem = unchanged(VectorRegression("normalized-sinh", maps, b, w=np.full(4, 1e-3)))
        point = problem.at(x)
        (evaluation,) = point.evaluations
        z = A @ x
        share = abs(math.fsum(np.sinh(z))) / math.fsum(np.abs(np.sinh(z)))
        # A share s is computed to a few roundings over s.
        assert evaluation.smallest_total == pytest.approx(share, rel=1e-4)
        kinds.append(_decided(problem, State(point, 1.0, -np.inf, ()), isolated=True).kind)
    assert kinds == ["uncertain", "uncertain"]
