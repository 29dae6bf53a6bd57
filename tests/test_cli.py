"""The command: exit status 0, 1 or 2, one sentence for each mistake, JSON as promised, nothing half written."""

import json
import pickle
import re

import numpy as np
import pytest
from click.testing import CliRunner

from numeric import shipped
from proofs_check.bench.cases import Case
from proofs_check.cli import main

SOLVE_FIELDS = {
    "status", "message", "method", "steps", "value", "gradient_norm", "seconds", "relative_error", "unique",
}  # fmt: skip
VERDICT_FIELDS = {
    "claim", "paper", "outcome", "instances", "certified_instances", "worst_log10_ratio", "tight", "attained",
    "looseness_log10", "certified_looseness_log10", "bits", "scope", "witness", "provenance", "seconds", "expected",
    "message",
}  # fmt: skip

TRUE_AND_FALSE = '''
from proofs_check import Scalar, Size, Vector, claim
from proofs_check.arithmetic import norm1, norm2

@claim("mine-true", paper="none", kind="upper", provenance="own")
def norms(n: Size(1, 6), x: Vector("n", low=-2, high=2)):
    r"""\\|x\\|_2 \\le \\|x\\|_1"""
    return norm2(x), norm1(x)
'''
FALSE_CLAIM = '''
@claim("mine-false", paper="none", kind="upper", provenance="own")
def reversed_norms(n: Size(2, 6), x: Vector("n", low=-2, high=2)):
    r"""\\|x\\|_1 \\le \\|x\\|_2"""
    return norm1(x), norm2(x)
'''


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments):
        return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)

    return invoke


def one_sentence(result):
    """A mistake is told on standard error in one or two sentences, without a traceback."""
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    message = result.stderr.strip()
    assert message.startswith(("lemmascope: ", "Usage:"))
    assert len(message) < 600
    return message


def write_npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def bad_files(folder):
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(4, 2)), np.full((4, 4), 0.25)
    whole = write_npz(folder / "whole.npz", A1=A, A2=A, B=B).read_bytes()
    (folder / "truncated.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "text.npz").write_text("not an archive")
    (folder / "pickled.npz").write_bytes(pickle.dumps({"A1": A}))
    write_npz(folder / "object.npz", A1=np.array([{"a": 1}], dtype=object), A2=A, B=B)
    write_npz(folder / "keys.npz", Q=A, K=A)
    write_npz(folder / "nan.npz", A1=np.where(A > 1, np.nan, A) * np.nan, A2=A, B=B)
    write_npz(folder / "shapes.npz", A1=A, A2=A, B=B[:, :3])
    stacked = dict(A1=A, A2=A, row_off=np.array([0, 2, 4]), B_0=B[:2, :2], B_1=B[2:, 2:])
    write_npz(folder / "weights.npz", **stacked, w_0=np.ones((2, 2)))
    write_npz(folder / "empty.npz", A1=A[:0], A2=A, B=B[:0])


BAD_FILES = ["missing", "truncated", "text", "pickled", "object", "keys", "nan", "shapes", "empty", "weights"]


@pytest.mark.parametrize("name", BAD_FILES)
def test_solve_refuses_a_bad_file_in_one_sentence(name, run, tmp_path):
    bad_files(tmp_path)
    message = one_sentence(run("solve", f"{name}.npz", "--out", "solution.npz", "--json", "summary.json"))
    assert f"{name}.npz" in message
    assert not (tmp_path / "solution.npz").exists()
    assert not (tmp_path / "summary.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--loss", "softmax"], "normalized-exp"),
        (["--method", "sgd"], "gauss-newton"),
        (["--rtol", "-1"], "rtol"),
        (["--max-steps", "0"], "max_steps"),
        (["--x0", "nothing.npz"], "nothing.npz"),
        (["--out", "no/such/folder/S.npz"], "create it first"),
        (["--out", "."], "name a file"),
        (["--json", "no/such/folder/S.json"], "create it first"),
        (["--out", shipped("attention_f2_L3H3")], "choose another name"),
        (["--seed", "-1"], "seed"),
        (["--starts", "0"], "at least one start"),
    ],
)
def test_solve_refuses_bad_options(options, message, run):
    assert message in one_sentence(run("solve", shipped("attention_f2_L3H3"), *options))


def test_solve_writes_solution_and_json(run, tmp_path):
    rng = np.random.default_rng(1)
    A1, A2, X = rng.normal(size=(12, 2)), rng.normal(size=(12, 3)), rng.normal(size=(2, 3))
    weights = np.exp(A1 @ X @ A2.T)
    B = weights / weights.sum(axis=1, keepdims=True)
    data = write_npz(tmp_path / "data.npz", A1=A1, A2=A2, B=B, X_true=X)
    result = run("solve", data, "--out", "S.npz", "--json")
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert set(summary) == SOLVE_FIELDS
    assert summary["status"] == "converged"
    assert summary["relative_error"] < 1e-10
    with np.load(tmp_path / "S.npz") as solution:
        assert np.abs(solution["X"] - X).max() < 1e-9
    again = run("solve", data, "--x0", "S.npz", "--json", "again.json")
    assert again.exit_code == 0
    assert json.loads((tmp_path / "again.json").read_text())["steps"] <= 2
    stopped = run("solve", data, "--max-steps", "1", "--method", "newton")
    assert stopped.exit_code == 1
    assert stopped.stdout.startswith("max_steps: ")


def test_solve_tries_several_starts(run):
    result = run("solve", shipped("attention_f3tiny_L3H3"), "--starts", "3", "--json")
    summary = json.loads(result.stdout)
    assert set(summary) == SOLVE_FIELDS | {"starts"}
    assert [start["kind"] for start in summary["starts"]] == ["zero", "logit", "random"]
    assert "to 1 different value from" in summary["message"]
    assert summary["value"] == min(start["value"] for start in summary["starts"])


def test_solve_takes_an_intercept_and_a_causal_mask(run, tmp_path):
    rng = np.random.default_rng(2)
    A1, A2, X = rng.normal(size=(9, 2)), rng.normal(size=(9, 2)), rng.normal(size=(3, 3))
    weights = np.tril(np.exp(np.column_stack([A1, np.ones(9)]) @ X @ np.column_stack([A2, np.ones(9)]).T))
    data = write_npz(tmp_path / "data.npz", A1=A1, A2=A2, B=weights / weights.sum(axis=1, keepdims=True))
    options = ("solve", data, "--intercept", "--causal", "--out", "S.npz", "--json")
    summary = json.loads(run(*options).stdout)
    assert summary["status"] == "converged"
    assert summary["value"] < 1e-20
    assert summary["unique"] is False  # a constant on top of a row changes nothing
    with np.load(tmp_path / "S.npz") as solution:
        assert solution["X"].shape == (3, 3)
    assert json.loads(run(*options[:3], *options[4:]).stdout)["value"] > 1e-3
    vector = write_npz(tmp_path / "vector.npz", A=A1, b=np.full(9, 1 / 9))
    assert "they are for A1, A2 and B" in one_sentence(run("solve", vector, "--causal"))


def test_check_gives_verdicts_and_witnesses_that_replay(run, tmp_path):
    (tmp_path / "mine.py").write_text(TRUE_AND_FALSE + FALSE_CLAIM)
    result = run("check", "mine.py", "--samples", "40", "--jobs", "1", "--json")
    assert result.exit_code == 1, "a refuted claim without an expectation is unexpected"
    summary = json.loads(result.stdout)
    assert summary["version"] == 1
    assert summary["seed"] == 0
    assert all(set(verdict) == VERDICT_FIELDS for verdict in summary["verdicts"])
    outcomes = {v["claim"]: v["outcome"] for v in summary["verdicts"]}
    assert outcomes == {"mine-true": "proved", "mine-false": "refuted"}
    witness = next(v["witness"] for v in summary["verdicts"] if v["claim"] == "mine-false")
    replayed = run("replay", witness)
    assert replayed.exit_code == 0
    assert replayed.stdout.startswith("mine-false: ")


def test_check_passes_when_all_is_as_expected(run, tmp_path):
    (tmp_path / "mine.py").write_text(TRUE_AND_FALSE)
    result = run("check", "mine.py", "--samples", "40", "--jobs", "1")
    assert result.exit_code == 0
    assert "1 proved; none differ from expectation" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "no-such-claim"), "no-such-claim"),
        (("check", "absent.py"), "absent.py"),
        (("check", "--paper", "1234.5678"), "1234.5678"),
        (("check", "D1", "--samples", "0"), "samples"),
        (("check", "D1", "--jobs", "0"), "jobs"),
        (("replay", "absent.json"), "absent.json"),
        (("report", "absent.json"), "absent.json"),
        (("derive", "absent.py", "--out", "generated"), "absent.py"),
        (("derive", "--out", "generated"), "go together"),
        (("list", "--paper", "1234.5678"), "1234.5678"),
    ],
)
def test_mistakes_are_told_in_one_sentence(arguments, message, run):
    assert message in one_sentence(run(*arguments))


def test_derive_a_formula_of_ones_own(run, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from sympy import exp, log\nfrom derive import Formula, data, row, total\n"
        "z, b = row('z'), data('b')\nalpha = total(exp(z))\n"
        "FORMULA = Formula('cross-entropy', loss=total(b * (log(alpha) - z)), z=z, data=[b], names={'alpha': alpha})\n"
    )
    assert run("derive", "mine.py", "--out", "generated", "--check").exit_code == 1
    result = run("derive", "mine.py", "--out", "generated")
    assert result.exit_code == 0
    assert re.search(
        r"cross_entropy.py: not generated yet; largest errors against 50 digits: value \de-1\d", result.stdout
    )
    assert (tmp_path / "generated/kernels/cross_entropy.py").is_file()
    assert (tmp_path / "generated/balls/cross_entropy.py").is_file()
    assert run("derive", "mine.py", "--out", "generated", "--check").exit_code == 0


def test_derive_check_on_the_checkout(run):
    result = run("derive", "--check")
    assert result.exit_code == 0
    assert result.stdout == "All current.\n"


def test_list_shows_provenance(run):
    rows = json.loads(run("list", "--json").stdout)["claims"]
    by_id = {row["claim"]: row for row in rows}
    assert by_id["P0-3.4"]["provenance"] == "reconstructed-H"
    assert "not compared with the printed text" in by_id["P0-3.4"]["provenance_means"]
    assert len(by_id) == len(rows) >= 12


def test_report_from_json(run, tmp_path):
    (tmp_path / "mine.py").write_text(TRUE_AND_FALSE + FALSE_CLAIM)
    run("check", "mine.py", "--samples", "20", "--jobs", "1", "--json", "verdicts.json")
    assert run("report", "verdicts.json", "--out", "page.html").exit_code == 0
    page = (tmp_path / "page.html").read_text()
    assert "mine-false" in page
    assert "lemmascope replay" in page
    (tmp_path / "verdicts.json").write_text('{"seed": 0, "verdicts": [{}]}')
    assert "incomplete" in one_sentence(run("report", "verdicts.json"))
    assert not (tmp_path / "report.html").exists()


def test_bench_writes_what_it_found(run, monkeypatch, tmp_path):
    cases = (Case("gradient", "vector", 50, 3), Case("gradient", "vector", 100, 3))
    monkeypatch.setattr("proofs_check.bench.running.plan", lambda *options: cases)
    monkeypatch.setattr("proofs_check.bench.accuracy.measure_accuracy", lambda *options, **more: [])
    monkeypatch.setattr("proofs_check.bench.running._derivations", lambda: {"failed": "left out"})
    ended = run("bench", "--cores", "1", "--rivals", "none", "--stream-rows", "0", "--out", "found")
    assert ended.exit_code == 0
    assert "Times (ms" in ended.stdout
    rows = json.loads((tmp_path / "found" / "bench.json").read_text())["rows"]
    assert [(row["form"], row["operation"], row["n"]) for row in rows] == [
        ("vector", "gradient", 50),
        ("vector", "gradient", 100),
    ]
    assert all(0 < row["lower_quartile"] <= row["seconds"] <= row["upper_quartile"] for row in rows)
    assert (tmp_path / "found" / "bench.png").exists()


def test_the_stem_of_several_ids_names_them_all():
    from proofs_check.campaigns.checking import select

    assert [claim.id for claim in select(["P3-11"])] == [
        f"P3-11-{kind}{twin}" for kind in ("exp", "cosh", "sinh") for twin in ("", "-sharp")
    ]
    assert [claim.id for claim in select(["K4"])] == ["K4"]
