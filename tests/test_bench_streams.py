"""Streamed rows in the benchmark: the file vanishes, reads are counted, memory beyond A is seen."""

import io
import shutil
from collections import namedtuple
from contextlib import contextmanager

import numpy as np
import pytest
from rich.console import Console

from numeric import VectorRegression
from proofs_check.arrays.exact import InputError
from proofs_check.bench.streams import StreamCase, memory, running, stream_plan, worker
from proofs_check.bench.streams.cases import LOSSES, OPERATIONS, SOURCES, StreamInstance, memory_bound, stream_instance
from proofs_check.bench.streams.data import check_folder, mapped_rows, row_file
from proofs_check.bench.streams.floors import stream_floors
from proofs_check.bench.streams.memory import array_peak, resident_peak
from proofs_check.bench.streams.table import stream_table
from proofs_check.bench.targets import judge

# Sums of a few hundred terms in another order.
ROUNDING = 1e-12
MEGABYTE = 1 << 20


@contextmanager
def streamed(source="memmap", loss="normalized-exp", operation="gradient", n=300, d=5):
    case = StreamCase(source, loss, operation, n, d, density=0.4)
    with row_file(case) as file:
        yield stream_instance(case, mapped_rows(file.fileno(), n, d)), file.fileno()


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 64 rows of up to 16 columns."""
    for module in ("numeric.rows", "proofs_check.bench.streams.worker", "proofs_check.bench.streams.cases"):
        monkeypatch.setattr(f"{module}.BLOCK_ENTRIES", 1024)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=ROUNDING, atol=ROUNDING * np.abs(expected).max())


def test_the_file_has_no_name_and_holds_the_rows_of_both_sources(tmp_path, monkeypatch):
    monkeypatch.setattr("proofs_check.bench.streams.data.CHUNK_ROWS", 128)
    case = StreamCase("csr", "plain-exp", "gradient", 4000, 5, density=0.4)
    with row_file(case, tmp_path) as file:
        assert list(tmp_path.iterdir()) == [], "nothing to remove, however the run ends"
        rows = mapped_rows(file.fileno(), 4000, 5)
        sparse = stream_instance(case, rows).A
        # 20000 draws of probability 0.4: six standard deviations are 0.021.
        assert sparse.nnz / rows.size == pytest.approx(0.4, abs=0.021)
        np.testing.assert_array_equal(sparse.toarray(), rows)
        assert len(np.unique(rows[:, 0])) > 1500, "chunks differ"


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_floor_of_a_stream_does_its_products(source, operation, monkeypatch):
    monkeypatch.setattr("proofs_check.bench.streams.floors.HEIGHTS", (7, 1000))
    with streamed(source, operation=operation) as (data, descriptor):
        A = data.A.toarray() if source == "csr" else np.array(data.A)
        expected = {"gradient": A.T @ np.exp(A @ data.x), "product": A.T @ (A @ data.v), "hessian": np.triu(A.T @ A)}
        works = stream_floors(data, descriptor)
        assert len(works) == {"memmap": 4, "csr": 3}[source]
        for work in works.values():
            for _ in range(2):
                total = work()
                close(np.triu(total) if operation == "hessian" else total, expected[operation])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("source", SOURCES)
def test_reads_are_those_that_the_problem_promises(loss, source, small_blocks):
    """One (plain) or two reads for value and gradient, and as many for a Hessian or a product with it."""
    for operation in OPERATIONS:
        with streamed(source, loss, operation) as (data, _):
            assert data.reads(data.problem()) == {"plain-exp": 1, "normalized-exp": 2}[loss]


@pytest.mark.parametrize("source", SOURCES)
def test_times_are_of_results_that_agree_with_rows_in_memory(source, small_blocks, monkeypatch):
    with streamed(source, operation="hessian") as (data, descriptor):
        found = worker.measure_time(data.case, descriptor, 0.01)
        assert found["difference"] < ROUNDING
        assert found["share_of_floor"] == pytest.approx(found["floor_seconds"] / found["seconds"])
        assert found["gigabytes_per_second"] == pytest.approx(2 * data.stored_bytes / found["seconds"] / 1e9)
        right = StreamInstance.in_memory
        monkeypatch.setattr(StreamInstance, "in_memory", lambda self: (right(self)[0] * (1 + 1e-6),))
        found = worker.measure_time(data.case, descriptor, 0.01)
        assert found["difference"] == pytest.approx(1e-6, rel=1e-2)
    row = running._row(data.case, {}, found, 1)
    assert "differs from the same rows in memory by 1e-06" in row["failed"]
    assert "seconds" not in row


def test_peaks_are_seen_after_larger_ones():
    np.ones(8 * MEGABYTE).sum()  # 64 MB: a mark that is not set back would hide what follows
    # Beyond 32 MB the allocator returns memory at once; the rest of the interpreter moves by far less than 4 MB.
    for peak in (resident_peak, array_peak):
        assert peak(lambda: np.ones(5 * MEGABYTE).sum()) == pytest.approx(40 * MEGABYTE, abs=4 * MEGABYTE), peak


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_without_proc_the_largest_peak_so_far_counts(platform, unit, monkeypatch, tmp_path):
    usage, peaks = namedtuple("usage", "ru_maxrss"), iter([100, 130])
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")
    monkeypatch.setattr(memory, "RESET", tmp_path / "none" / "clear_refs")
    monkeypatch.setattr(memory.sys, "platform", platform)
    monkeypatch.setattr(memory.resource, "getrusage", lambda who: usage(next(peaks)))
    assert resident_peak(lambda: None) == 30 * unit


def test_memory_beyond_mapped_rows_does_not_grow_with_them(small_blocks):
    for loss in LOSSES:
        with streamed(loss=loss, operation="product", n=64 * 400, d=16) as (data, descriptor):
            found = worker.measure_memory(data.case, descriptor)
        # Python objects and d^2 are a part of it, which is the same for both sizes.
        assert found["growth"] == pytest.approx(1.0, abs=0.1)
        assert found["array_bytes"] < data.stored_bytes / 10


def test_a_copy_of_the_rows_is_seen(small_blocks, monkeypatch):
    monkeypatch.setattr(StreamInstance, "problem", lambda self: self)
    monkeypatch.setattr(StreamInstance, "evaluate", lambda self, problem: np.array(self.A).sum())
    with streamed(n=64 * 400, d=16) as (data, descriptor):
        found = worker.measure_memory(data.case, descriptor)
    assert found["array_bytes"] >= data.stored_bytes
    assert found["growth"] == pytest.approx(4, abs=0.1)
    row = {**found, "source": "memmap"}
    judged = {t["target"]: t for t in judge([], {}, [row])}
    missed = judged["streamed memmap, arrays for 4 times as many rows, times as large"]
    assert missed["met"] is False
    assert missed["reached"] == pytest.approx(1.25 / 4, rel=0.05)


def test_the_memory_bound_is_judged_at_the_worst_case():
    rows = [{"source": "csr", "peak_bytes": peak, "growth": None} for peak in (1e6, 40e6, 2e6)]
    judged = {t["target"]: t for t in judge([], {}, rows)}
    (csr,) = (t for name, t in judged.items() if name.startswith("streamed csr, peak"))
    assert (csr["measured"], csr["met"]) == (40.0, False)
    assert csr["bound"] == pytest.approx(memory_bound(StreamCase("csr", "plain-exp", "hessian", 10**9)) / 1e6)
    (memmap,) = (t for name, t in judged.items() if name.startswith("streamed memmap, peak"))
    assert memmap["met"] is None


def test_a_folder_must_exist_and_have_the_space(tmp_path, monkeypatch):
    case = StreamCase("memmap", "plain-exp", "gradient", 10_000_000)
    with pytest.raises(InputError, match="there is no such folder; name one that exists"):
        check_folder(case, tmp_path / "none")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(0, 0, 1280 * 10**6 + 1000))
    with pytest.raises(
        InputError, match=r"1280 MB of rows are to be written and 1280 MB are free; .*fewer --stream-rows"
    ):
        check_folder(case, tmp_path)
    assert check_folder(StreamCase("memmap", "plain-exp", "gradient", 1000), tmp_path) == tmp_path


def test_a_process_that_dies_costs_its_cases_alone(monkeypatch):
    monkeypatch.setattr(running.sys, "executable", shutil.which("false"))
    rows = running.measure_streams(stream_plan(50)[:2], (1, 2), 0.01)
    assert [row["cores"] for row in rows] == [1, 1, 2, 2]
    for row in rows:
        assert row["failed"] == row["memory_failed"] == "the process ended with status 1"
    assert running.measure_streams([], (1,), 0.01) == []


def test_the_table_of_streams_has_every_source_loss_and_core_in_eighty_columns():
    times = {"seconds": 0.0123, "reads": 2.0, "gigabytes_per_second": 5.43, "share_of_floor": 0.5}
    peaks = {"peak_bytes": 8.6e6, "array_bytes": 4.2e6, "growth": 1.01}
    rows = [{**case.to_json(), **times, **peaks, "cores": cores} for cores in (1, 2) for case in stream_plan(10**6)]
    rows[-1] = {**stream_plan(10**6)[-1].to_json(), "cores": 2, "failed": "it died", "memory_failed": "it died"}
    console = Console(width=80, file=io.StringIO())
    console.print(stream_table(rows))
    lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines()]
    assert sum(line.endswith("memmap 1 12.3 2 5.43 0.50 8.6 4.2 1.01") for line in lines) == 6
    assert sum("csr 2" in line for line in lines) == 6
    assert sum(line.endswith("csr 2 failed") for line in lines) == 1


def test_problems_of_a_stream_are_streams():
    """A file that were read into memory as a whole would make every number here another one's."""
    with streamed() as (data, _):
        (form,) = data.problem().forms
        assert hasattr(form, "source")
        close(np.concatenate([np.ravel(p) for p in data.evaluate(data.problem())]), reference(data))


def reference(data):
    value, gradient = VectorRegression(data.case.loss, np.array(data.A), data.b).value_and_gradient(data.x)
    return np.concatenate([[value], gradient])
