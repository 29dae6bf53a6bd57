"""Task, query and covariate shift: exact errors and slopes of finite N and M beside Monte Carlo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from numeric.in_context import (
    CovarianceLaw,
    GaussianQuery,
    Limit,
    LinearSelfAttention,
    OrthogonalQuery,
    PromptLaw,
    Prompts,
    Tasks,
    fixed_covariance,
    limit,
    risk,
    standard_tasks,
)
from proofs_check.experiments import Study
from proofs_check.experiments.linear_attention.measuring import NORMAL_95, Mean, compared, means
from proofs_check.experiments.linear_attention.scenes import Scene, lengths, training_lengths

STRENGTHS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
QUICK_STRENGTHS = (0.5, 1.0, 2.0)
CURVE_STRENGTH = 2.0
"""c of the curves over M."""
LINE_POINTS = 31
"""Points of the lines of exact values."""
PROMPTS, QUICK_PROMPTS = 20_000, 2_000
TASK, QUERY, COVARIATE = "task", "query", "covariate"
COLUMNS = {
    "shift": "shift",
    "c": "c",
    "M": "M",
    "exact": "relative error",
    "estimate": "estimate",
    "standard_error": "s.e.",
    "z": "z",
    "slope": "slope",
    "slope_estimate": "estimate",
    "slope_error": "s.e.",
    "slope_z": "z",
}


@dataclass(frozen=True, eq=False)
class _Trained:
    """A model at the end of its training, and the law it was trained on."""

    law: CovarianceLaw
    end: Limit
    N: int


def shift_study(scene: Scene, quick: bool) -> Study:
    """Errors against the strength c of each shift, and against M at c = 2.

    Args:
        scene: the laws.
        quick: fewer prompts, strengths and M.
    """
    d = scene.tests.dimension
    N = training_lengths(d)[2]
    trained = _Trained(scene.tests, limit(scene.tests, N), N)
    count = QUICK_PROMPTS if quick else PROMPTS
    strengths, grid = (QUICK_STRENGTHS, lengths(d)[::4]) if quick else (STRENGTHS, lengths(d))
    runs = [(shift, c, N) for shift in (TASK, QUERY, COVARIATE) for c in strengths]
    rows = [_row(trained, *run, count, seed) for seed, run in enumerate(runs)]
    over = [(shift, CURVE_STRENGTH, M) for shift in (TASK, QUERY, COVARIATE) for M in grid]
    curve = [_row(trained, *run, count, len(runs) + seed) for seed, run in enumerate(over)]
    orthogonal = _orthogonal_rows(trained, count) if d > 1 else []
    title = "Task and query shift are harmless, covariate shift is not"
    points = [*rows, *curve, *orthogonal]
    return Study(
        "shifts",
        title,
        COLUMNS,
        [*rows, *orthogonal],
        _notes(d, N, count),
        points,
        lambda: _picture(trained, rows, curve),
    )


def _notes(d: int, N: int, count: int) -> tuple[str, ...]:
    return (
        f"d = {d}, N = {N}, noiseless, {count} prompts a row; relative error E(prediction - t)^2/E t^2 for t = <w, x>, "
        f"slope E[prediction t]/E t^2, 1 for least squares, whose error is 0 from M = d on.",
        "task, query: the first half of the coordinates of w, of the query is scaled by c. covariate: the examples "
        "are scaled by c and the query is not; the slope tends to c^2.",
        "orthogonal: the query is projected off the span of M < d examples; then the prediction is 0 if Gamma^{-1} is "
        "a multiple of I, and is not otherwise.",
    )


def _shifted(trained: _Trained, shift: str, c: float, M: int) -> PromptLaw:
    d = trained.law.dimension
    half = np.where(np.arange(d) < (d + 1) // 2, c, 1.0)
    query = trained.law.mean
    law = PromptLaw(trained.law, M, query=GaussianQuery(query))
    if shift == TASK:
        return replace(law, tasks=Tasks(np.zeros(d), np.diag(half**2)))
    if shift == QUERY:
        return replace(law, query=GaussianQuery(half[:, None] * query * half))
    return replace(law, covariance=trained.law.scaled(c**2))


def _row(trained: _Trained, shift: str, c: float, M: int, count: int, seed: int) -> dict[str, Any]:
    law = _shifted(trained, shift, c, M)
    size, relative_error, slope = _exact(trained, law)
    found = _measured(law, trained, slope, count, seed)
    error, along = (mean.over(size) for mean in found)
    return {
        "shift": shift,
        "c": c,
        "M": M,
        **compared(relative_error, error),
        "slope": slope,
        "slope_estimate": slope + along.value,
        "slope_error": along.error,
        "slope_z": along.score(0.0),
    }


def _exact(trained: _Trained, law: PromptLaw) -> tuple[float, float, float]:
    """E t^2, the relative error and the slope."""
    P = trained.end.predictor
    assert isinstance(law.query, GaussianQuery)
    W, Lambda_q = law.task_law.second_moment, law.query.covariance
    size = float(np.sum(W * Lambda_q))
    # E[prediction | query, w] = query^T P E[Lambda] w, whatever M is.
    slope = float(np.sum((Lambda_q @ P @ law.covariance.mean) * W)) / size
    return size, risk(P, law).excess / size, slope


def _measured(law: PromptLaw, trained: _Trained, slope: float, count: int, seed: int) -> list[Mean]:
    """Means of (prediction - t)^2 and of (prediction - slope t) t, which is 0 at the right slope."""

    def statistic(prompts: Prompts) -> np.ndarray:
        predictions, t = trained.end.model.predict(prompts), prompts.target
        return np.stack([(predictions - t) ** 2, (predictions - slope * t) * t], axis=1)

    return means(law, statistic, count, seed)


def _orthogonal_rows(trained: _Trained, count: int) -> list[dict[str, Any]]:
    """E prediction^2 relative to E t^2 of unprojected queries."""
    d = trained.law.dimension
    cases = (("orthogonal, Lambda = I", fixed_covariance(np.eye(d)), 0.0), ("orthogonal", trained.law, None))
    rows = []
    for seed, (name, covariance, exact) in enumerate(cases):
        law = PromptLaw(covariance, max(1, d // 2), standard_tasks(d), query=OrthogonalQuery())
        model = limit(covariance, trained.N).model
        (found,) = means(law, partial(_squared_predictions, model), count, seed)
        row = compared(exact, found.over(float(np.trace(covariance.mean))))
        rows.append({"shift": name, "c": None, "M": law.length, **row})
    return rows


def _squared_predictions(model: LinearSelfAttention, prompts: Prompts) -> np.ndarray:
    return model.predict(prompts)[:, None] ** 2


def _picture(trained: _Trained, rows: Sequence[Mapping[str, Any]], curve: Sequence[Mapping[str, Any]]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4), layout="constrained")
    errors, slopes, over = figure.subplots(1, 3)
    M, strengths = rows[0]["M"], np.linspace(rows[0]["c"], max(row["c"] for row in rows), LINE_POINTS)
    for index, shift in enumerate((TASK, QUERY, COVARIATE)):
        mine = [row for row in rows if row["shift"] == shift]
        along = [row for row in curve if row["shift"] == shift]
        exact = np.array([_exact(trained, _shifted(trained, shift, c, M)) for c in strengths])
        errors.plot(strengths, exact[:, 1], f"C{index}", lw=1)
        slopes.plot(strengths, exact[:, 2], f"C{index}", lw=1)
        over.plot([row["M"] for row in along], [row["exact"] for row in along], f"C{index}", lw=1)
        _dots(errors, mine, "c", ("estimate", "standard_error"), f"C{index}", shift)
        _dots(slopes, mine, "c", ("slope_estimate", "slope_error"), f"C{index}", shift)
        _dots(over, along, "M", ("estimate", "standard_error"), f"C{index}", shift)
    slopes.plot(strengths, strengths**2, "k:", label="c²")
    errors.axhline(1.0, color="gray", ls="--", lw=1, label="zero estimator")
    errors.set(yscale="log", xlabel="strength c of the shift", ylabel="relative error", title=f"M = {M}")
    slopes.set(xlabel="strength c of the shift", ylabel="slope", title="prediction against <w, x>")
    over.set(yscale="log", xlabel="examples M", ylabel="relative error", title=f"c = {CURVE_STRENGTH:g}")
    for axes in (errors, slopes):
        axes.legend(fontsize=8)
    return figure


def _dots(axes: Any, rows: Sequence[Mapping[str, Any]], x: str, keys: tuple[str, str], color: str, label: str) -> None:
    found, error = ([row[key] for row in rows] for key in keys)
    bars = [NORMAL_95 * e for e in error]
    at = [row[x] for row in rows]
    axes.errorbar(at, found, yerr=bars, fmt="o", ms=3, capsize=2, color=color, label=f"{label} shift")
