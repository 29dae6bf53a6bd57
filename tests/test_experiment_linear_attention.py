"""The study of linear self-attention: exact values from the page, estimates within normal bounds, files, user laws."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

from numeric import InputError
from numeric.in_context import (
    CovarianceMixture,
    DiagonalCovariance,
    PromptLaw,
    fixed_covariance,
    least_norm_risk,
    least_squares,
    linear_labels,
    load_covariance,
    zero,
)
from proofs_check.cli import main
from proofs_check.experiments import Study, run
from proofs_check.experiments.linear_attention import PARTS, law_scene, paper_scene, study_of
from proofs_check.experiments.linear_attention.convergence import convergence_study
from proofs_check.experiments.linear_attention.measuring import Mean, exact_least_squares, excess_errors, score_limit
from proofs_check.experiments.output import write_study
from tests.in_context_oracle import covariance

# Numbers of the page are printed with this many digits.
PRINTED = 2e-3


def silent(line):
    pass


@pytest.fixture(scope="module")
def study():
    return run("linear-attention", [], quick=True, report=silent)


def part(study, name):
    return next(found for found in study.parts if found.name == f"linear-attention-{name}")


def test_every_part_agrees_with_the_theory(study):
    assert [row["part"] for row in study.rows] == [found.name for found in study.parts]
    assert len(study.parts) == len(PARTS)
    for row in study.rows:
        assert row["failed"] == 0
        # By chance one part in a thousand is beyond its limit; the draws are seeded.
        assert row["scores"] == 0 or row["largest"] < row["limit"]
    assert sum(row["scores"] for row in study.rows) > 100
    assert any("GPT-2" in note and "out of scope" in note for note in study.notes)


def test_the_flow_has_the_numbers_of_the_page(study):
    rows = {row["quantity"]: row for row in part(study, "convergence").rows if "diag(1.5, 1, 0.5)" in row["case"]}
    assert rows["u at the end, (5.9)"]["found"] == pytest.approx(1.340116, abs=1e-6)
    assert rows["loss L at the end"]["found"] == pytest.approx(0.245974, abs=1e-6)
    assert rows["least u, (A.14) or (C.12)"]["theory"] == pytest.approx(0.200978, abs=1e-6)
    assert rows["least ||grad l||^2/gap, mu"]["theory"] == pytest.approx(0.00526736, abs=1e-8)
    random = {row["quantity"]: row for row in part(study, "convergence").rows if "Exp(1)" in row["case"]}
    assert random["u at the end, (5.9)"]["found"] == pytest.approx(1.110717, abs=1e-6)


def test_minibatches_keep_the_product_and_lose_the_split(study):
    for row in part(study, "minibatches").rows:
        assert row["product_error"] < 0.1
        assert row["balance"] < -0.1
        assert row["u"] < 0.97 * row["u_limit"]


def test_generic_starts_find_named_spurious_minima(study):
    rows = part(study, "landscapes").rows
    assert rows[0]["kind"] == "global minimum"
    assert rows[0]["start"] == "paper's"
    assert {row["kind"] for row in rows[1:]} == {"global minimum", "rank-one minimum"}
    # Lambda = diag(2, 1/2), N = 4: M serves one direction, the loss of the other is 1/2 lambda^2/gamma.
    spurious = next(row for row in rows if row["kind"] == "rank-one minimum")
    assert spurious["gap"] == pytest.approx(0.5 * 0.25 / (1.25 * 0.5 + 2.5 / 4), rel=1e-6)


def test_random_covariances_have_the_limits_of_the_page(study):
    notes = "\n".join(part(study, "random-covariances").notes)
    for words in ("fixedcov 0, randomcov 0.4444", "randomcov 0.3333", "randomcov 25.33", "randomcov 387"):
        assert words in notes
    rows = part(study, "random-covariances").rows
    c_one = {row["curve"]: row["exact"] for row in rows if row["panel"] == "random, c = 1"}
    # Section 4 of the page: a^2 c^3 [6 (1 + 1/M) + (6 + 2 (d - 1))/M] - 4 a c^2 + c with a = xi/eta.
    for N, a in ((40, 0.275862), (70, 0.297872), (100, 0.307692)):
        assert c_one[f"randomcov_N{N}"] == pytest.approx(a**2 * (6.06 + 0.44) - 4 * a + 1, abs=1e-5)


def test_comparison_has_the_numbers_of_the_page(study):
    exact = {(row["model"], row["M"]): row["exact"] for row in part(study, "comparison").rows}
    page = {
        "LSA": (2.578, 1.191, 0.497, 0.359),
        "least squares": (0.625, 0.0893, 0.0169, 0.00644),
        "one gradient step": (3.906, 1.5625, 0.3906, 0.15625),
    }
    for model, values in page.items():
        for M, value in zip((8, 20, 80, 200), values, strict=True):
            assert exact[model, M] == pytest.approx(value, rel=PRINTED)
    bayes = [row["estimate"] for row in part(study, "comparison").rows if row["model"] == "ridge (Bayes)"]
    np.testing.assert_allclose(bayes, (0.424, 0.0874, 0.0168, 0.0064), rtol=0.15)  # 4000 prompts: 4 % each
    notes = " ".join(part(study, "comparison").notes)
    assert "LSA for M = 4 to 6; least squares for M = 7 to 200" in notes
    # 5 [36 + 6 N^2/M + N^2/4M]/26^2 = 31.25/M at N = 20 gives M = 47.9.
    assert "better than LSA from M = 48 on" in notes


def test_shifts_of_task_and_query_are_harmless(study):
    rows = [row for row in part(study, "shifts").rows if row["c"] == 2.0]
    errors = {row["shift"]: row["exact"] for row in rows}
    assert max(errors["task"], errors["query"]) < 0.2 < 7 < errors["covariate"]
    slopes = {row["shift"]: row["slope"] for row in rows}
    plain = next(r["slope"] for r in part(study, "shifts").rows if r["shift"] == "covariate" and r["c"] == 1.0)
    assert slopes["covariate"] == pytest.approx(4 * plain, rel=1e-12)
    assert abs(slopes["task"] - plain) < 0.03
    flat, other = (row for row in part(study, "shifts").rows if row["shift"].startswith("orthogonal"))
    assert flat["estimate"] < 1e-25 < 1e-3 < other["estimate"]


def test_results_are_the_same_to_the_bit(study):
    """Three parts again, one of each kind of draw."""
    for make in (PARTS[3], PARTS[4], PARTS[5]):
        again = make(paper_scene(), True)
        first = part(study, again.name)
        assert json.dumps(again.rows) == json.dumps(first.rows)
        assert json.dumps(again.curves) == json.dumps(first.curves)


def test_files_are_written(study, tmp_path):
    few = replace(study, parts=[part(study, "risks"), part(study, "comparison")])
    written = {path.name for path in write_study(few, tmp_path / "new" / "folder")}
    assert written == {
        "linear-attention.json",
        "linear-attention.csv",
        "linear-attention-risks.csv",
        "linear-attention-risks-curves.csv",
        "linear-attention-risks.png",
        "linear-attention-comparison.csv",
        "linear-attention-comparison.png",
    }
    folder = tmp_path / "new" / "folder"
    assert (folder / "linear-attention-risks.png").read_bytes().startswith(b"\x89PNG")
    with (folder / "linear-attention-risks.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert float(rows[0]["exact"]) == few.parts[0].rows[0]["exact"]
    whole = json.loads((folder / "linear-attention.json").read_text())
    assert [found["experiment"] for found in whole["parts"]] == [found.name for found in few.parts]
    assert len(whole["parts"][0]["curves"]) == len(few.parts[0].curves)


def test_a_file_in_the_way_is_named_before_the_work(tmp_path):
    (tmp_path / "taken").write_text("")
    result = CliRunner().invoke(main, ["experiment", "linear-attention", "--quick", "--out", str(tmp_path / "taken")])
    assert result.exit_code == 2
    assert "taken is a file; name a folder" in result.stderr
    assert "convergence" not in result.stderr


RNG = np.random.default_rng(8)
WISHART = [A @ A.T / 12 for A in RNG.normal(size=(5, 3, 12))]
FILES = {
    "matrices": dict(Lambda=WISHART, weights=[0.1, 0.2, 0.3, 0.2, 0.2]),
    "eigenvalues": dict(eigenvalues=np.exp(0.4 * RNG.normal(size=(300, 1)) + 0.2 * RNG.normal(size=(300, 4)))),
    "single": dict(Lambda=covariance(2, 3, condition=5.0)),
}


@pytest.mark.parametrize("name", FILES)
def test_laws_of_the_user_are_taken(name, tmp_path):
    """Wishart mixtures, dependent log-normal eigenvalues and one matrix: every part agrees with its exact values."""
    np.savez(tmp_path / f"{name}.npz", **FILES[name])
    found = run("linear-attention", [tmp_path / f"{name}.npz"], quick=True, report=silent)
    parts = ["convergence", "risks", "shifts", "random-covariances", "comparison"]
    parts[1:1] = ["landscapes"] if name == "single" else []
    assert [row["part"] for row in found.rows] == [f"{name}-{word}" for word in parts]
    for row in found.rows:
        assert row["failed"] == 0
        assert row["scores"] == 0 or row["largest"] < row["limit"]
    json.dumps(found.to_json(), allow_nan=False)


def test_any_law_in_python_is_taken():
    law = DiagonalCovariance([stats.gamma(2, scale=0.5)] * 2)
    scene = law_scene("gamma", law)
    found = study_of([replace(scene, landscapes=())], quick=True, report=silent)
    assert all(row["failed"] == 0 for row in found.rows)
    rates = [row for row in found.parts[0].rows if "mu" in row["quantity"]]
    assert len(rates) == 2, "a diagonal law has the constants of Theorem 4.5"


def test_pictures_are_drawn_for_laws_without_constants():
    law = CovarianceMixture(np.stack(WISHART))
    for make in PARTS:
        found = make(law_scene("mixture", law), True)
        if found.rows:
            assert found.picture().axes


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (dict(A=np.eye(2)), "needs the keys Lambda .* the file has neither of them"),
        (dict(Lambda=np.eye(2), eigenvalues=np.ones((3, 2))), "the file has Lambda and eigenvalues"),
        (
            dict(Lambda=[[1.0, 2.0], [2.0, 1.0]]),
            r"mine\.npz: matrices\[0\]: got asymmetry 0 and smallest eigenvalue -1",
        ),
        (dict(eigenvalues=[1.0, 2.0]), r"mine\.npz: eigenvalues: got shape \(2,\), which has 1 axes"),
        (dict(eigenvalues=[[1.0, -2.0]]), r"mine\.npz: eigenvalues\[0, 1\]: got -2"),
        (dict(eigenvalues=[[1.0, 2.0]], weights=[0.5]), r"mine\.npz: weights: got 1 weights with sum 0\.5"),
    ],
)
def test_files_that_hold_no_law_are_refused(arrays, message, tmp_path):
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(InputError, match=message):
        load_covariance(tmp_path / "mine.npz")
    result = CliRunner().invoke(main, ["experiment", "linear-attention", str(tmp_path / "mine.npz"), "--quick"])
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("diagonal", "message"),
    [
        ([1e3, 0.5], "mine: E Lambda has the condition number 2e\\+03, and the flows do not arrive beyond 1000: drop"),
        ([1e4, 1e4], "mine: the eigenvalues of E Lambda lie between 1e\\+04 and 1e\\+04, .* divide Lambda"),
        ([1.0, 1e-4], "mine: the eigenvalues of E Lambda lie between 0\\.0001 and 1, .* drop degenerate directions"),
    ],
)
def test_laws_that_no_flow_can_follow_are_refused(diagonal, message):
    with pytest.raises(InputError, match=message):
        law_scene("mine", fixed_covariance(np.diag(diagonal)))


def test_laws_of_one_name_are_refused(tmp_path):
    """Their tables would overwrite each other."""
    with pytest.raises(InputError, match=r"law: got two files of this name, .* rename one"):
        run("linear-attention", [tmp_path / "a" / "law.npz", tmp_path / "b" / "law.npz"], quick=True, report=silent)


def test_an_end_that_was_not_reached_is_not_held_against_the_theory(monkeypatch):
    monkeypatch.setattr("numeric.in_context.following.MOST_STEPS", 5)
    study = convergence_study(law_scene("mine", fixed_covariance(np.diag([2.0, 0.5]))), quick=True)
    ends = [row for row in study.rows if "at the end" in row["quantity"]]
    assert [row["kept"] for row in ends] == [None] * 3
    assert all(row["kept"] for row in study.rows if row not in ends)
    assert "mine: After" in study.notes[-1]


def test_missing_and_damaged_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_covariance(tmp_path / "none.npz")
    np.save(tmp_path / "single.npy", np.eye(2))
    with pytest.raises(InputError, match=r"holds a single array; use numpy\.savez and the keys Lambda"):
        load_covariance(tmp_path / "single.npy")


def test_scores_are_freed_of_skewness():
    """Means of 30 exponentials: |t| has heavier tails than a normal, the score has its quantiles again."""
    samples = np.random.default_rng(1).exponential(size=(20_000, 30))
    mean, error = samples.mean(axis=1), samples.std(axis=1) / np.sqrt(30)
    skewness = stats.skew(samples, axis=1) / np.sqrt(30)
    plain = (mean - 1) / error
    scores = [Mean(*entry).score(1.0) for entry in zip(mean, error, skewness, strict=True)]
    tail = float(stats.norm.cdf(-3))
    assert np.mean(plain < -3) > 8 * tail
    assert np.mean(np.array(scores) < -3) < np.mean(plain < -3) / 3
    assert Mean(1.0, 0.0, 0.0).score(1.0) is None
    assert Mean(1.5, 0.25, 0.0).score(1.0) == 2.0
    assert 2 * stats.norm.sf(score_limit(10)) == pytest.approx(1e-4)


def test_least_squares_of_few_examples():
    """d = 9, M = 3, covariance 2 I: the part off the span and the noise within it, against Monte Carlo."""
    law = PromptLaw(fixed_covariance(2 * np.eye(9)), 3, labels=linear_labels(0.5))
    exact = exact_least_squares(law)
    found, nothing = excess_errors(law, {"squares": least_squares, "zero": zero}, 60_000, seed=1)
    assert abs(found.score(exact)) < 4
    assert abs(nothing.score(18.0)) < 4
    assert exact == pytest.approx(2 * (6 + 0.125 * 3 / 5), rel=1e-12)
    assert exact_least_squares(law.with_length(9)) is None
    assert exact_least_squares(replace(law, covariance=fixed_covariance(np.diag(np.arange(1.0, 10.0))))) is None
    with pytest.raises(InputError, match="M: got 8 examples in dimension 9; this formula is for at most d - 2"):
        least_norm_risk(9, 8, 0.5)


def test_speed_is_measured_and_reproducible(monkeypatch):
    monkeypatch.setattr("proofs_check.experiments.in_context_speed.QUICK_PROMPTS", 4_000)
    found = run("in-context-speed", [], quick=True, report=silent)
    assert isinstance(found, Study)
    for flow, one, two in (found.rows[:3], found.rows[3:]):
        assert flow["result"] < 1.001e-10  # the event is located to the rounding of its time
        assert one["result"] == two["result"]
        assert one["deviation"] < 4
    with pytest.raises(InputError, match="experiment in-context-speed: got 1 files"):
        run("in-context-speed", ["mine.npz"], quick=True, report=silent)
