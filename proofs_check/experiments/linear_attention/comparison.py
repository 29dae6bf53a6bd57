"""Linear self-attention, least squares, one gradient step and Bayes: who wins at which M."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from numeric.in_context import PromptLaw, gradient_step, least_squares, limit, linear_labels, ridge, risk
from proofs_check.experiments import Study
from proofs_check.experiments.linear_attention.measuring import (
    NORMAL_95,
    Predictor,
    compared,
    exact_least_squares,
    excess_errors,
    has_fourth_moment,
)
from proofs_check.experiments.linear_attention.scenes import Scene

NOISE = 0.5
PROMPTS, QUICK_PROMPTS = 40_000, 4_000
LSA, STEP, LEAST_SQUARES, BAYES, ZERO = "LSA", "one gradient step", "least squares", "ridge (Bayes)", "zero"
COLUMNS = {
    "M": "M",
    "model": "model",
    "exact": "exact excess",
    "estimate": "estimate",
    "standard_error": "s.e.",
    "z": "z",
    "best": "best exact one",
}


def comparison_study(scene: Scene, quick: bool) -> Study:
    """Excess risks at M = 8, 20, 80, 200 for d = 5, in proportion elsewhere.

    Args:
        scene: the laws.
        quick: fewer prompts.
    """
    d = scene.small.dimension
    law, N, count = PromptLaw(scene.small, 1, labels=linear_labels(NOISE)), 4 * d, QUICK_PROMPTS if quick else PROMPTS
    grid = [d + 3, 4 * d, 16 * d, 40 * d]
    P = {LSA: limit(scene.small, N).predictor, STEP: np.eye(d), ZERO: np.zeros((d, d))}
    rows = [row for seed, M in enumerate(grid) for row in _rows(law.with_length(M), N, P, count, seed)]
    every = range(1, grid[-1] + 1)
    exact = {M: _exact(law.with_length(M), P) for M in every}
    notes = (
        f"d = {d}, N = {N}, noise {NOISE}, w ~ N(0, I), {count} prompts for each M; E(prediction - <w, x>)^2, all "
        "coordinates. Bayes knows the laws of task and noise, and no predictor beats it.",
        f"Least exact risk, without Bayes: {_winners(exact)}. At M = d - 1, d, d + 1 that of least squares is infinite"
        + (
            "."
            if LEAST_SQUARES in exact[1] or d < 3
            else "; for fewer examples it has no formula here and is left out."
        ),
        _crossing(exact),
    )
    title = "Comparison with least squares"
    return Study("comparison", title, COLUMNS, rows, notes, picture=lambda: _picture(rows, exact))


def _exact(law: PromptLaw, P: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Exact excess risks, of those predictors that have one at this M."""
    known = {name: risk(matrix, law).excess for name, matrix in P.items()}
    squares = exact_least_squares(law)
    return known if squares is None else {**known, LEAST_SQUARES: squares}


def _rows(law: PromptLaw, N: int, P: Mapping[str, np.ndarray], count: int, seed: int) -> list[dict[str, Any]]:
    predictors: dict[str, Predictor] = {
        LSA: limit(law.covariance, N).model.predict,
        STEP: gradient_step,
        LEAST_SQUARES: least_squares,
        BAYES: partial(ridge, penalty=NOISE**2),
    }
    found, exact = excess_errors(law, predictors, count, seed), _exact(law, P)
    best = min(exact, key=exact.__getitem__)
    rows = []
    for name, mean in zip(predictors, found, strict=True):
        scored = name != LEAST_SQUARES or has_fourth_moment(law.covariance.dimension, law.length)
        row = compared(exact.get(name), mean, scored)
        rows.append({"M": law.length, "model": name, **row, "best": best if name == LSA else None})
    return rows


def _winners(exact: Mapping[int, Mapping[str, float]]) -> str:
    """Runs of M with one winner, as "LSA for M = 1 to 7"."""
    runs: list[tuple[str, int, int]] = []
    for M, values in exact.items():
        name = min(values, key=values.__getitem__)
        if runs and runs[-1][0] == name:
            runs[-1] = (name, runs[-1][1], M)
        else:
            runs.append((name, M, M))
    return "; ".join(f"{name} for M = {first} to {last}" for name, first, last in runs)


def _crossing(exact: Mapping[int, Mapping[str, float]]) -> str:
    """Training for prompts of length N costs a bias, which one plain gradient step has only where Lambda is not I."""
    better = [M for M, values in exact.items() if values[STEP] < values[LSA]]
    last = max(exact)
    if not better:
        return f"One gradient step is worse than LSA up to M = {last}."
    return f"One gradient step is better than LSA from M = {better[0]} on."


def _picture(rows: Sequence[Mapping[str, Any]], exact: Mapping[int, Mapping[str, float]]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for index, name in enumerate((LSA, STEP, LEAST_SQUARES, BAYES, ZERO)):
        line = [(M, values[name]) for M, values in exact.items() if name in values]
        if line:
            axes.plot(*zip(*line, strict=True), color=f"C{index}", lw=1, label=name)
        mine = [row for row in rows if row["model"] == name]
        bars = [NORMAL_95 * row["standard_error"] for row in mine]
        label = None if line else name
        M, estimates = [row["M"] for row in mine], [row["estimate"] for row in mine]
        axes.errorbar(M, estimates, yerr=bars, fmt="o", ms=3, capsize=2, color=f"C{index}", label=label)
    axes.set(xscale="log", yscale="log", xlabel="examples in the test prompt, M", ylabel="excess risk")
    axes.legend(fontsize=8)
    return figure
