"""Task, query and covariate shift: exact errors and slopes of finite N and M beside Monte Carlo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from numeric.in_context import (
    CovarianceLaw,
    Estimate,
    GaussianQuery,
    Limit,
    OrthogonalQuery,
    PromptLaw,
    Prompts,
    Tasks,
    estimate,
    fixed_covariance,
    limit,
    risk,
    standard_tasks,
)
from proofs_check.experiments import Study
from proofs_check.experiments.linear_attention.measuring import NORMAL_95, compared
from proofs_check.experiments.linear_attention.scenes import Scene, lengths, training_lengths

STRENGTHS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
QUICK_STRENGTHS = (0.5, 1.0, 2.0)
CURVE_STRENGTH = 2.0
"""c of the curves over M."""
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
        "shifts", title, COLUMNS, [*rows, *orthogonal], _notes(d, N, count), points, lambda: _picture(rows, curve)
    )


def _notes(d: int, N: int, count: int) -> tuple[str, ...]:
    return (
        f"d = {d}, N = {N}, noiseless, {count} prompts a row; relative error E(prediction - t)^2/E t^2 for t = <w, x>, "
        f"slope E[prediction t]/E t^2, 1 for least squares, whose error is 0 from M = d on.",
        "task, query: the first half of the coordinates of w, of the query is scaled by c. covariate: the examples are "
        "scaled by c and the query is not; the slope tends to c^2.",
        "orthogonal: the query is projected off the span of M < d examples; then the prediction is 0 if Gamma^{-1} is a "
        "multiple of I, and is not otherwise.",
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
    P = trained.end.predictor
    assert isinstance(law.query, GaussianQuery)
    W, Lambda_q = law.task_law.second_moment, law.query.covariance
    size = float(np.sum(W * Lambda_q))
    # E[prediction | query, w] = query^T P E[Lambda] w, whatever M is.
    slope = float(np.sum((Lambda_q @ P @ law.covariance.mean) * W)) / size
    found = _measured(law, trained, slope, count, seed)
    mean, error = found.mean / size, found.standard_error / size
    exact = compared(risk(P, law).excess / size, mean[0], error[0])
    z = float(mean[1] / error[1])
    return {
        "shift": shift,
        "c": c,
        "M": M,
        **exact,
        "slope": slope,
        "slope_estimate": slope + float(mean[1]),
        "slope_error": float(error[1]),
        "slope_z": z,
    }


def _measured(law: PromptLaw, trained: _Trained, slope: float, count: int, seed: int) -> Estimate:
    """Means of (prediction - t)^2 and of (prediction - slope t) t, which is 0 at the right slope."""

    def statistic(prompts: Prompts) -> np.ndarray:
        predictions, t = trained.end.model.predict(prompts), prompts.target
        return np.stack([(predictions - t) ** 2, (predictions - slope * t) * t], axis=1)

    return estimate(law, statistic, count, seed=seed)


def _orthogonal_rows(trained: _Trained, count: int) -> list[dict[str, Any]]:
    """E prediction^2 relative to E t^2 of unprojected queries."""
    d = trained.law.dimension
    cases = (("orthogonal, Lambda = I", fixed_covariance(np.eye(d)), 0.0), ("orthogonal", trained.law, None))
    rows = []
    for seed, (name, covariance, exact) in enumerate(cases):
        law = PromptLaw(covariance, max(1, d // 2), standard_tasks(d), query=OrthogonalQuery())
        model = limit(covariance, trained.N).model
        found = estimate(law, lambda prompts, model=model: model.predict(prompts) ** 2, count, seed=seed)
        size = float(np.trace(covariance.mean))
        row = compared(exact, float(found.mean) / size, float(found.standard_error) / size)
        rows.append({"shift": name, "c": None, "M": law.length, **row})
    return rows


def _picture(rows: Sequence[Mapping[str, Any]], curve: Sequence[Mapping[str, Any]]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4), layout="constrained")
    errors, slopes, over = figure.subplots(1, 3)
    for index, shift in enumerate((TASK, QUERY, COVARIATE)):
        mine = [row for row in rows if row["shift"] == shift]
        along = [row for row in curve if row["shift"] == shift]
        _draw(errors, mine, "c", ("exact", "estimate", "standard_error"), f"C{index}", shift)
        _draw(slopes, mine, "c", ("slope", "slope_estimate", "slope_error"), f"C{index}", shift)
        _draw(over, along, "M", ("exact", "estimate", "standard_error"), f"C{index}", shift)
    c = np.linspace(rows[0]["c"], max(row["c"] for row in rows), 60)
    slopes.plot(c, c**2, "k:", label="c²")
    errors.axhline(1.0, color="gray", ls="--", lw=1, label="zero estimator")
    errors.set(yscale="log", xlabel="strength c of the shift", ylabel="relative error", title=f"M = {rows[0]['M']}")
    slopes.set(xlabel="strength c of the shift", ylabel="slope", title="prediction against <w, x>")
    over.set(yscale="log", xlabel="examples M", ylabel="relative error", title=f"c = {CURVE_STRENGTH:g}")
    for axes in (errors, slopes):
        axes.legend(fontsize=8)
    return figure


def _draw(
    axes: Any, rows: Sequence[Mapping[str, Any]], x: str, keys: tuple[str, str, str], color: str, label: str
) -> None:
    exact, found, error = ([row[key] for row in rows] for key in keys)
    at = [row[x] for row in rows]
    axes.plot(at, exact, color=color, lw=1)
    bars = [NORMAL_95 * e for e in error]
    axes.errorbar(at, found, yerr=bars, fmt="o", ms=3, capsize=2, color=color, label=f"{label} shift")
