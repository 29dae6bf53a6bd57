"""Experiments: their tables hold what a solve finds, and user files are taken."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from numeric import AttentionRegression, InputError
from proofs_check.cli import main
from proofs_check.experiments import EXPERIMENTS, run


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_shipped_head_is_recovered_from_exact_and_rounded_maps(tmp_path):
    result = invoke("experiment", "recovery", "--quick", "--json", tmp_path / "recovery.json")
    assert result.exit_code == 0
    rows = {row["target"]: row for row in json.loads((tmp_path / "recovery.json").read_text())["rows"]}
    assert set(rows) == {"exact, x0 = 0", "exact", "B_f32", "float32", "float16"}
    assert all(row["status"] == "converged" for row in rows.values())
    # Rounding of B, times the square root of the Hessian's condition, is what an error of X is made of.
    for target, bound in (("exact, x0 = 0", 1e-12), ("exact", 1e-12), ("float32", 1e-5), ("float16", 1e-1)):
        assert rows[target]["x_error"] < bound
        assert rows[target]["prediction_error"] < rows[target]["x_error"]
    assert rows["float16"]["x_error"] > 1e3 * rows["float32"]["x_error"]
    assert 1e6 < rows["exact"]["condition"] < 1e8
    assert "attention_f2_L3H3" in result.stdout


def test_heads_from_files_are_taken(tmp_path):
    rng = np.random.default_rng(5)
    A1, A2, X = rng.normal(size=(14, 3)), rng.normal(size=(14, 2)), rng.normal(size=(3, 2))
    B = AttentionRegression("normalized-exp", A1, A2, np.zeros((14, 14))).predict(X)
    np.savez(tmp_path / "mine.npz", A1=A1, A2=A2, B=B, X_true=X)
    np.savez(tmp_path / "untrue.npz", A1=A1, A2=A2, B=B)
    study = run("recovery", [tmp_path / "mine.npz", tmp_path / "untrue.npz"], quick=False, report=lambda line: None)
    assert [row["problem"] for row in study.rows] == ["mine"] * 4 + ["untrue"] * 4
    exact, blind = study.rows[0], study.rows[4]
    assert exact["x_error"] < 1e-10
    assert blind["x_error"] is None
    assert blind["prediction_error"] < 1e-10


def test_sketched_newton_contracts_in_the_norm_of_the_hessian_alone():
    study = run("contraction", [], quick=True, report=lambda line: None)
    for row in study.rows:
        assert row["condition"] == pytest.approx(1.1e3, rel=0.05)
        assert row["h_norm"] < row["eps0"] / (1 - row["eps0"]) * 1.05  # N3', eps0 being estimated from below
        assert row["euclidean"] > row["h_norm"]
        assert row["error"] < 1e-9
    assert sum(row["violations"] for row in study.rows) > 0  # of N3


def test_the_cost_of_a_step_is_measured_at_growing_sizes():
    study = run("sketching", [], quick=True, report=lambda line: None)
    assert [row["entries"] for row in study.rows] == [32_000, 96_000, 320_000]
    # Which of three short times is longest depends on what else the machine does; the full run fits their slope.
    assert all(row[field] > 0 for row in study.rows for field in ("fresh", "reused", "exact"))
    assert all(0.0 < row["eps0"] < 0.5 for row in study.rows)
    assert "nnz(A)^p" in study.notes[0]
    hessians, solves = study.parts
    assert {row["form"] for row in hessians.rows} == {"vector", "matrix"}
    assert all("costs" in note for note in hessians.notes[:2])
    assert all(row["error"] < 1e-6 for row in solves.rows if row["problem"] != "vector, far")
    assert "Seconds of sketched Newton over those of Newton" in solves.notes[0]


@pytest.mark.parametrize("name", ["sketching", "contraction"])
def test_studies_of_drawn_data_take_no_files(name, tmp_path):
    with pytest.raises(InputError, match=f"experiment {name}: got 1 files; it draws its own data"):
        run(name, [tmp_path / "mine.npz"], quick=True, report=lambda line: None)


def test_names_are_listed_and_others_refused(tmp_path):
    assert "recovery: query-key matrices" in invoke("experiment", "list").stdout
    assert json.loads(invoke("experiment", "list", "--json").stdout)["experiments"].keys() == EXPERIMENTS.keys()
    with pytest.raises(InputError, match="experiment alchemy: there is none of that name; choose one of recovery"):
        run("alchemy", [], quick=True, report=lambda line: None)
    np.savez(tmp_path / "vector.npz", A=np.eye(3), b=np.ones(3))
    with pytest.raises(InputError, match="vector: has A and b; this experiment needs A1, A2 and B"):
        run("recovery", [tmp_path / "vector.npz"], quick=True, report=lambda line: None)
    assert all(name.replace("-", "_").isidentifier() for name in EXPERIMENTS)
