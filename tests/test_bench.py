"""The benchmark measures what it says: floors do their work, wrong rivals are caught, errors are seen."""

import io
import json
import math
import re

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from proofs_check.arrays.exact import InputError
from proofs_check.bench import Settings, accuracy, derivations, run, running, worker
from proofs_check.bench.cases import LOSS, OPERATIONS, VARIANTS, Case, instance, plan
from proofs_check.bench.floors import floors, one_read
from proofs_check.bench.language import formula_of, loss_entries
from proofs_check.bench.measure import FEWEST, measure
from proofs_check.bench.plot import COLORS, curves, save_plot, slope
from proofs_check.bench.rivals import RIVALS, Skipped, prepare, to_numpy, with_jax, with_numpy
from proofs_check.bench.rivals.skipped import MEMORY_LIMIT, check_memory
from proofs_check.bench.streams import StreamCase
from proofs_check.bench.table import print_report
from proofs_check.bench.targets import judge, losing
from proofs_check.cli import main

# Both sides add a few hundred terms in different orders.
ROUNDING = 1e-12
SMALL = {"vector": (40, 3), "matrix": (20, 3)}


def small(operation="gradient", form="matrix", loss=LOSS, variant="dense"):
    return instance(Case(operation, form, *SMALL[form], loss, variant))


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=ROUNDING, atol=ROUNDING * np.abs(expected).max())


def entries(data, x):
    """z, written out with the Kronecker product."""
    M = data.maps[0] if len(data.maps) == 1 else np.kron(*data.maps)
    return M, M @ x.ravel()


@pytest.mark.parametrize("form", SMALL)
@pytest.mark.parametrize("operation", ["gradient", "product", "product-cached"])
def test_a_floor_does_the_products_that_it_names(form, operation):
    data = small(operation, form)
    M, z = entries(data, data.x)
    tangent = M @ data.v.ravel()
    kept = tangent * data.target.ravel()
    through = {"gradient": np.exp(z), "product": tangent, "product-cached": kept}[operation]
    if form == "matrix" and operation == "gradient":
        through = through - data.target.ravel()
    works = floors(data)
    assert len(works) > (form == "vector")
    for work in works.values():
        for _ in range(2):  # the second call finds the arrays of the first one
            close(np.ravel(work()), M.T @ through)


@pytest.mark.parametrize("operation", ["gradient", "hessian", "product-cached"])
def test_floors_go_through_all_blocks(operation, monkeypatch):
    monkeypatch.setattr("proofs_check.bench.floors.ROW_BLOCKS", (7, 20))
    data = small(operation)
    first, second = (work() for name, work in floors(data).items() if name.startswith("block"))
    close(first, second)


def test_a_loss_that_needs_one_read_has_it_as_a_floor():
    assert "one_read" not in floors(small(form="vector", loss="plain-exp"))
    assert set(floors(small(form="vector"))) == {"products", "block", "one_read"}


def test_the_floors_of_hessians_hold_every_pair_of_columns(monkeypatch):
    monkeypatch.setattr("proofs_check.bench.floors.GRAM_BLOCKS", (7, 40))
    data = small("hessian", "vector")
    works = floors(data)
    assert set(works) == {"dsyrk", "dsyrk, block 7"}
    for work in works.values():
        close(np.triu(work()), np.triu(data.maps[0].T @ data.maps[0]))
    data = small("hessian", "matrix")
    (A1, A2), D = data.maps, np.exp(entries(data, data.x)[1]).reshape(20, 20) - data.target
    full = np.einsum("jp,jr,ji,iq,is->qspr", A1, A1, D, A2, A2, optimize=True)
    first, second = np.triu_indices(3)
    works = floors(data)
    assert "kept_tables" in works
    for work in works.values():
        for _ in range(2):
            close(work(), full[first, second][:, first, second])


def test_one_read_goes_through_all_blocks(monkeypatch):
    monkeypatch.setattr("proofs_check.bench.floors.VECTOR_BLOCK", 7)
    A, x = np.random.default_rng(0).standard_normal((40, 3)), np.ones(3)
    close(one_read(A, x, np.empty(40)), np.exp(A @ x) @ A)
    close(one_read(A, x, np.empty(40), np.arange(40.0)), (np.arange(40) * (A @ x)) @ A)


@pytest.mark.parametrize("form", SMALL)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_textbook_numpy_and_the_problem_agree(form, operation):
    for loss in ("normalized-sinh", "rescaled-exp", "plain-cosh"):
        data = small(operation, form, loss)
        ours, theirs = (to_numpy(work(), operation) for work in (data.work(), prepare("numpy", data)))
        assert worker.difference(theirs, ours) < 1e-9, loss


def test_the_loss_in_the_words_of_a_library_is_the_definition():
    z, b = np.random.default_rng(1).standard_normal((2, 4, 5))
    u = np.sinh(z)
    expected = ((u - u.sum(axis=1, keepdims=True) * b) ** 2).sum() / 2
    close(loss_entries(formula_of("rescaled-sinh"), with_numpy.WORDS, z, b).sum(), expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")  # PyTorch's own, on import of its transforms
@pytest.mark.parametrize("rival", ["jax", pytest.param("torch", marks=pytest.mark.slow), "casadi"])
def test_an_installed_rival_agrees(rival):
    pytest.importorskip(rival)
    for operation in ("hessian", "product-cached"):
        data = small(operation, "matrix")
        work = prepare(rival, data)
        for _ in range(2):  # a kept graph must serve more than one call
            assert worker.difference(to_numpy(work(), operation), to_numpy(data.work()(), operation)) < 1e-10


QUICKLY_COMPILED = ("gradient", "product-cached")


@pytest.mark.parametrize(
    "operation", [pytest.param(o, marks=[pytest.mark.slow] * (o not in QUICKLY_COMPILED)) for o in OPERATIONS]
)
def test_jax_folds_no_data_into_its_code(operation):
    """Constants of the compiled code are a few numbers; data, points and what is kept of a point are arguments."""
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    data = small(operation)
    compiled, _ = with_jax.compile_case(jax, data)
    sizes = re.findall(r"= f64\[([\d,]*)\]\S* constant\(", compiled.as_text())
    fewest = min(array.size for array in (*data.maps, data.x, data.v))
    assert all(math.prod(map(int, filter(None, size.split(",")))) < fewest for size in sizes), sizes


def test_a_cached_point_of_jax_depends_on_v_alone():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    data = small("product-cached")
    compiled, (linear, v) = with_jax.compile_case(jax, data)
    close(np.asarray(compiled(linear, 2 * v)), 2 * np.asarray(prepare("numpy", data)()))
    assert " exponential(" not in compiled.as_text(), "the point is not evaluated again"


def test_a_wrong_rival_is_not_timed(monkeypatch):
    right = with_numpy.prepare

    def wrong(data):
        work = right(data)
        return lambda: (work()[0], work()[1] * (1 + 1e-6))

    monkeypatch.setattr(with_numpy, "prepare", wrong)
    note = worker.measure_case(small().case, ("numpy",), 0.01)["rivals"]["numpy"]
    assert "disagrees" in note["skipped"]
    assert note["difference"] == pytest.approx(1e-6, rel=1e-2)
    assert "seconds" not in note


def test_nan_and_other_shapes_disagree():
    ones = (np.ones(2),)
    assert worker.difference((np.array([1.0, np.nan]),), ones) == np.inf
    assert worker.difference((np.ones(3),), ones) == np.inf
    assert worker.difference(ones, ones) == 0


def test_a_rival_that_needs_too_much_memory_says_how_much():
    with pytest.raises(Skipped, match=r"jax.hessian would need 16.0 GB"):
        check_memory("jax.hessian", 2 * MEMORY_LIMIT)


def test_works_take_turns():
    calls = []
    timings = measure({name: lambda name=name: calls.append(name) or sum(range(200_000)) for name in "ab"}, 0.01)
    assert all(t.samples >= FEWEST and 0 < t.lower_quartile <= t.seconds <= t.upper_quartile for t in timings.values())
    assert calls.index("b") < len(calls) - 1 - calls[::-1].index("a"), "a is measured before and after b"


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_counts_its_kept_entries(variant):
    data = small(variant=variant)
    kept = {"causal": 210, "padding": 280, "cross": 200, "ragged": 4 + 25 + 100 + 400, "weighted": 400}[variant]
    assert data.entries == kept
    record = worker.measure_case(data.case, ("numpy",), 0.01)
    assert record["per_entry"] == pytest.approx(record["seconds"] / kept / (record["dense_seconds"] / 400))
    assert record["rivals"] == {}


@pytest.fixture(scope="module")
def result():
    """A whole run at tiny sizes, on one core, in its processes."""
    lines = []
    cases = [Case(operation, "matrix", n, 3) for operation in ("gradient", "product-cached") for n in (20, 40)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(running, "missing", lambda rivals: [rival for rival in rivals if rival == "jax"])
        patched.setattr(running, "_derivations", lambda: {"formulas": [], "check_seconds": 0.5})
        patched.setattr(running, "stream_plan", lambda n, seed: [StreamCase("memmap", "plain-exp", "hessian", n)])
        return run(
            Settings(quick=True, rivals=("jax", "numpy"), budget=0.01, cases=tuple(cases), stream_rows=1000),
            lines.append,
        )


def test_a_run_is_plain_data_with_every_case(result):
    assert json.loads(json.dumps(result, allow_nan=False))["schema"] == running.SCHEMA
    assert [(row["operation"], row["n"]) for row in result["rows"]] == [
        ("gradient", 20), ("gradient", 40), ("product-cached", 20), ("product-cached", 40),
    ]  # fmt: skip
    for row in result["rows"]:
        assert row["cores"] == 1
        assert row["share_of_floor"] == pytest.approx(row["floor_seconds"] / row["seconds"])
        note = row["rivals"]["numpy"]
        assert note["speedup"] == pytest.approx(note["seconds"] / row["seconds"])
        assert ("gradients" in row) == (row["operation"] == "product-cached")
    (streamed,) = result["streams"]
    assert (streamed["reads"], streamed["n"], streamed["cores"]) == (1.0, 1000, 1)
    assert 0 < streamed["array_bytes"] < streamed["bound_bytes"]
    assert result["settings"]["stream_rows"] == 1000


def test_derivations_are_timed_by_their_parts(monkeypatch):
    monkeypatch.setattr(derivations, "formulas", lambda: {"plain-exp": formula_of("plain-exp")})
    found = derivations.measure_derivations()
    (line,) = found["formulas"]
    assert min(line["derive_seconds"], line["prove_seconds"], line["print_seconds"]) > 0
    parts = sum(line[f"{part}_seconds"] for part in ("derive", "prove", "print"))
    assert parts <= found["with_proofs_seconds"] < parts + 1
    assert found["without_proofs_seconds"] == pytest.approx(parts - line["prove_seconds"])
    assert found["check_seconds"] > 0


def test_the_report_fits_eighty_columns_and_names_what_is_missing(result, capsys):
    print_report(result, Console(width=80, highlight=False))
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert "Not installed: jax; for all rivals: pip install 'lemmascope[bench]'" in text
    for part in ("Times", "Streamed rows", "Accuracy against balls", "Targets", "Losing cases", "normalized-sinh"):
        assert part in text


def test_accuracy_is_at_the_rounding_errors_and_without_nan(result):
    # Eight units in the last place of the largest terms; a total that nearly vanishes amplifies them by 1e5.
    for row in result["accuracy"]:
        allowed = 1e-10 if row["instance"] == "tiny total" else 2e-15
        assert row["nan"] == 0, row
        assert row["to_terms"] <= allowed, row
        assert row["instance"] != "moderate" or row["relative"] < 2e-14, row


def test_accuracy_sees_a_perturbed_kernel(monkeypatch):
    extreme = next(accuracy.extremes(LOSS, np.random.default_rng(0)))
    right = accuracy.float_results

    def perturbed(extreme):
        found = right(extreme)
        H, log_scale = found["hessian"]
        return {**found, "hessian": (H * (1 + 1e-9), log_scale), "product": (H[:3] * np.nan, log_scale)}

    monkeypatch.setattr(accuracy, "float_results", perturbed)
    records = {record["kernel"]: record for record in accuracy.compare(extreme)}
    assert records["hessian"]["relative"] == pytest.approx(1e-9, rel=1e-3)
    assert records["gradient"]["relative"] < 1e-14
    assert records["product"]["nan"] == 3
    assert records["product"]["relative"] is None
    assert {row["kernel"]: row["nan"] for row in accuracy.worst(list(records.values()))}["product"] == 3


def test_many_rows_are_compared():
    for record in accuracy.compare_large("rescaled-cosh", 0, rows=2000):
        assert record["relative"] < 1e-13
        assert record["nan"] == 0


def row(operation="gradient", n=2048, jax=4.0, share=0.7, cores=1):
    return {
        "operation": operation, "form": "matrix", "n": n, "d": 32, "loss": LOSS, "variant": "dense", "cores": cores,
        "share_of_floor": share, "seconds": 2.0, "lower_quartile": 1.9, "upper_quartile": 2.1, "cpu_seconds": 3.0,
        "rivals": {"jax": {"speedup": jax, "seconds": 5.0, "cpu_seconds": 6.0}, "torch": {"skipped": "no"}},
    }  # fmt: skip


def test_targets_are_met_missed_or_not_measured():
    judged = {t["target"]: t for t in judge([row(cores=2, jax=1.0), row()], {"check_seconds": 0.5})}
    assert judged["gradient matrix 2048x32, times faster than JAX"]["met"] is True
    missed = judged["gradient matrix 2048x32, of the floor"]
    assert missed["met"] is False
    assert missed["reached"] == pytest.approx(0.7 / 0.8)
    assert judged["gradient matrix 256x32, times faster than JAX"]["met"] is None
    assert judged["check that finds nothing to do, s"]["reached"] == pytest.approx(2)


def test_losing_cases_are_listed_worst_first():
    lost = losing([row(), row(jax=0.9), row(n=64, jax=0.2)])
    assert [(case["n"], case["rival"], case["speedup"]) for case in lost] == [(64, "jax", 0.2), (2048, "jax", 0.9)]


def printed(rows, targets=()):
    """The report of rows that were not measured, its lines with single spaces."""
    empty = {"streams": [], "missing_rivals": [], "accuracy": [], "derivations": {"failed": "not run"}}
    result = {**empty, "rows": rows, "losing": losing(rows), "targets": targets, "settings": {"memory": "kept"}}
    console = Console(width=80, highlight=False, record=True, file=io.StringIO())
    print_report(result, console)
    return [" ".join(line.split()) for line in console.export_text().splitlines()]


def test_all_cores_of_a_case_stand_together_in_one_table():
    rows = [row(n=n, cores=cores, jax=cores * n / 100) for cores in (1, 2) for n in (64, 256)]
    lines = printed(rows)
    start = next(i for i, line in enumerate(lines) if line.startswith("operation n x d cores ms"))
    assert [line.removeprefix("gradient ").removeprefix("matrix ") for line in lines[start + 1 : start + 5]] == [
        "64x32 1 2000 5% 0.70 0.64 -", "2 2000 5% 0.70 1.28 -", "256x32 1 2000 5% 0.70 2.56 -", "2 2000 5% 0.70 5.12 -",
    ]  # fmt: skip
    usage = lines.index("cores ours jax torch")
    assert lines[usage + 1 : usage + 3] == ["1 1.50, 1.50 1.20, 1.20 -", "2 1.50, 1.50 1.20, 1.20 -"]


def test_what_is_lost_is_printed_with_its_factor():
    rows = [row(jax=0.5), row(n=256, jax=1.5, share=0.4)]
    lines = printed(rows, judge(rows, {}))
    assert "gradient matrix normalized-exp 2048x32 1 jax 2.00" in lines
    assert any("256x32, of the floor >= 0.8 0.4 missed by 2.00x" in line for line in lines), lines
    assert "Losing cases: none." in printed([row()])


def test_a_busy_machine_is_named():
    text = " ".join(printed([row() | {"cpu_seconds": 1.0}]))
    assert "The machine was busy: one core was ours for 50% of the time." in text
    assert "busy" not in " ".join(printed([row() | {"cpu_seconds": 1.9}]))


def test_what_stands_beside_a_floor_is_printed():
    assert "one_read, gradient matrix 64x32, cores: 1: 0.25" in printed([row(n=64) | {"one_read_seconds": 0.5}])


def test_the_plot_shows_ours_the_floor_and_the_rivals(result, tmp_path):
    rows = [row for row in result["rows"] if row["operation"] == "gradient"]
    assert set(curves(rows)) == {"lemmascope", "floor", "numpy"}
    assert set(COLORS) == {"lemmascope", "floor", *RIVALS}
    n = np.array([10.0, 100.0, 1000.0])
    assert slope(n, 3 * n**1.5) == pytest.approx(1.5)
    save_plot(result, tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_a_worker_that_dies_costs_its_case_alone(monkeypatch):
    cases = [Case("value", "vector", n, 2) for n in (5, 6, 7)]

    def dies_at_six(request, memory, rows):
        assert request["done"] == len(rows)
        for case in request["cases"]:
            if case["n"] == 6:
                return -9
            rows.append({"n": case["n"]})
        return -6  # a library that fails while the process ends has cost nothing

    monkeypatch.setattr(running, "_work_through", dies_at_six)
    rows = running.measure_in_process(cases, 1, (), 0.01)
    assert [row["n"] for row in rows] == [5, 6, 7]
    assert "status -9" in rows[1]["failed"]


def test_the_plan_covers_every_operation_and_loss():
    full = plan(all_losses=True)
    assert {case.operation for case in full} == set(OPERATIONS)
    assert {case.variant for case in full} == {"dense", *VARIANTS}
    assert len({case.loss for case in full}) == 9
    assert len(plan(quick=True)) < len(plan()) < len(full)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--rivals", "jax,matlab"], "unknown rival 'matlab'"),
        (["--loss", "normalised-exp"], "no such loss"),
        (["--stream-dir", "no/such/folder"], "no/such/folder: there is no such folder; name one that exists"),
    ],
)
def test_mistakes_are_one_sentence(words, sentence):
    ended = CliRunner().invoke(main, ["bench", *words])
    assert ended.exit_code == 2
    assert sentence in ended.output
    assert len(ended.output.strip().splitlines()) == 1


def test_words_become_settings():
    assert Settings.from_words("1", "none").rivals == ()
    assert Settings.from_words("both", "numpy,numpy").rivals == ("numpy",)
    assert Settings.from_words("1", ",".join(RIVALS)).rivals == RIVALS
    with pytest.raises(InputError, match="choose from jax"):
        Settings.from_words("1", "all")
