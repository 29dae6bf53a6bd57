"""Risk against the test length M for several N beside Theorem 4.2, and what linear self-attention is compared with."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from numeric.in_context import (
    PromptLaw,
    gradient_step,
    least_squares,
    limit,
    linear_labels,
    ridge,
    risk,
    zero,
)
from proofs_check.experiments import Study
from proofs_check.experiments.linear_attention.measuring import (
    NORMAL_95,
    Predictor,
    compared,
    exact_least_squares,
    excess_errors,
    has_fourth_moment,
)
from proofs_check.experiments.linear_attention.scenes import Scene, lengths, training_lengths

NOISE = 0.5
"""Standard deviation of the labels' noise."""
PROMPTS, QUICK_PROMPTS = 20_000, 1_500
LEAST_SQUARES, RIDGE, STEP, ZERO = "least squares", "ridge (Bayes)", "one gradient step", "zero"
COLUMNS = {
    "model": "model",
    "M": "M",
    "exact": "exact",
    "variance": "of it variance, 1/M",
    "bias": "of it bias",
    "estimate": "estimate",
    "standard_error": "s.e.",
    "z": "z",
}


def risk_study(scene: Scene, quick: bool) -> Study:
    """Curves over M, all models on the same prompts; the table shows three M.

    Args:
        scene: the laws.
        quick: fewer prompts, every other M.
    """
    d = scene.tests.dimension
    law = PromptLaw(scene.tests, 1, labels=linear_labels(NOISE))
    models = _models(law)
    grid = lengths(d)[::2] if quick else lengths(d)
    count = QUICK_PROMPTS if quick else PROMPTS
    points = [point for seed, M in enumerate(grid) for point in _points(law.with_length(M), models, count, seed)]
    shown = {grid[0], grid[len(grid) // 2], grid[-1]}
    rows = [point for point in points if point["M"] in shown]
    notes = (
        f"d = {d}, labels with noise {NOISE}, w ~ N(0, I), {count} prompts for each M; E(prediction - <w, x>)^2/d, "
        f"0 predicts {np.trace(scene.tests.mean) / d:.4g}.",
        "Exact: Theorem 4.2 averaged over w (LSA, one step, zero), noise^2 d/(M - d - 1) (least squares). Least "
        "squares has z-scores where its squared error has four moments, M >= d + 8.",
    )
    title = "Risk against the length M of a test prompt"
    return Study("risks", title, COLUMNS, rows, notes, points, lambda: _picture(points, law))


def _models(law: PromptLaw) -> dict[str, tuple[np.ndarray | None, Predictor]]:
    """Name -> (P of a prediction x_query^T P (1/M) sum y x where it has one, predictor)."""
    d = law.covariance.dimension
    trained = {N: limit(law.covariance, N) for N in training_lengths(d)}
    return {
        **{f"LSA, N = {N}": (end.predictor, end.model.predict) for N, end in trained.items()},
        STEP: (np.eye(d), gradient_step),
        ZERO: (np.zeros((d, d)), zero),
        RIDGE: (None, partial(ridge, penalty=NOISE**2)),
        LEAST_SQUARES: (None, least_squares),
    }


def _points(
    law: PromptLaw, models: Mapping[str, tuple[np.ndarray | None, Predictor]], count: int, seed: int
) -> list[dict[str, Any]]:
    d, M = law.covariance.dimension, law.length
    found = excess_errors(law, {name: predict for name, (_, predict) in models.items()}, count, seed)
    points = []
    for (name, (P, _)), mean in zip(models.items(), found, strict=True):
        parts = None if P is None else risk(P, law)
        exact = exact_least_squares(law) if name == LEAST_SQUARES else None
        value = exact if parts is None else parts.excess
        scored = name != LEAST_SQUARES or has_fourth_moment(d, M)
        split = {} if parts is None else {"variance": parts.variance / d, "bias": parts.bias / d}
        row = compared(None if value is None else value / d, mean.over(d), scored)
        points.append({"model": name, "M": M, **split, **row})
    return points


def _picture(points: Sequence[Mapping[str, Any]], law: PromptLaw) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for index, name in enumerate(dict.fromkeys(point["model"] for point in points)):
        mine = [point for point in points if point["model"] == name]
        known = [(point["M"], point["exact"]) for point in mine if point["exact"] is not None]
        if known:
            axes.plot(*zip(*known, strict=True), color=f"C{index}", lw=1)
        axes.errorbar(
            [point["M"] for point in mine],
            [point["estimate"] for point in mine],
            yerr=[NORMAL_95 * point["standard_error"] for point in mine],
            fmt="o",
            ms=3,
            capsize=2,
            color=f"C{index}",
            label=name,
        )
    axes.set(yscale="log", xlabel="examples in the test prompt, M", ylabel="excess risk / d")
    axes.set_title(f"d = {law.covariance.dimension}, noise {NOISE}: exact (lines), Monte Carlo with 95 % intervals")
    axes.legend(fontsize=8)
    return figure
