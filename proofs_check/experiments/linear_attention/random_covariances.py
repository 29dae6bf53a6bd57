"""Random covariances at scales c = 1, 4, 9: Figure 1 of the paper as far as linear self-attention is concerned.

Models are trained on the mean covariance ("fixedcov") and on the random one ("randomcov"), for three N each. As in the
paper 64 covariances with 64 prompts each are drawn, errors are divided by d, and intervals are 90 % bootstrap ones. Here
whole covariances are drawn again, because prompts of one covariance are no independent samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from numeric.in_context import (
    CovarianceLaw,
    Limit,
    PromptLaw,
    Prompts,
    RepeatedCovariance,
    fixed_covariance,
    least_squares,
    limit,
    risk,
)
from proofs_check.experiments import Study
from proofs_check.experiments.linear_attention.measuring import compared, exact_least_squares
from proofs_check.experiments.linear_attention.scenes import Scene, lengths, training_lengths

SCALES = (1.0, 4.0, 9.0)
COVARIANCES, QUICK_COVARIANCES = 64, 16
"""Drawn covariances, and prompts for each of them."""
BOOTSTRAP, QUANTILES = 1000, (0.05, 0.95)
LEAST_SQUARES = "least squares"
AXES = (1.0, 1.0, 4.0, 8.0)
"""Tops of the paper's four vertical axes."""
COLUMNS = {
    "panel": "tested on",
    "curve": "curve",
    "M": "M",
    "exact": "exact",
    "estimate": "estimate",
    "low": "90 % from",
    "high": "to",
    "z": "z",
}


@dataclass(frozen=True, eq=False)
class _Panel:
    """A test law with the levels of its horizontal lines."""

    name: str
    law: CovarianceLaw
    zero: float
    limits: Mapping[str, float]


def random_study(scene: Scene, quick: bool) -> Study:
    """Curves over M in four panels; the table shows the last M.

    Args:
        scene: the laws.
        quick: 16 x 16 prompts, every other M.
    """
    d, side = scene.random.dimension, QUICK_COVARIANCES if quick else COVARIANCES
    fixed, grid = fixed_covariance(scene.random.mean), lengths(d)[::2] if quick else lengths(d)
    ends = {
        f"{kind}_N{N}": limit(law, N)
        for kind, law in (("fixedcov", fixed), ("randomcov", scene.random))
        for N in training_lengths(d)
    }
    infinite = {kind: limit(law, np.inf) for kind, law in (("fixedcov", fixed), ("randomcov", scene.random))}
    laws = [("fixed, E Lambda", fixed), *((f"random, c = {c:g}", scene.random.scaled(c)) for c in SCALES)]
    panels = [_panel(name, law, infinite) for name, law in laws]
    points = [point for seed, panel in enumerate(panels) for point in _points(panel, ends, grid, side, seed)]
    rows = [point for point in points if point["M"] == grid[-1]]
    title = "Random covariances: errors against M, as in Figure 1"
    notes = (*_notes(d, side), *_trends(points, panels, grid))
    return Study("random-covariances", title, COLUMNS, rows, notes, points, lambda: _picture(points, panels))


def _panel(name: str, law: CovarianceLaw, infinite: Mapping[str, Limit]) -> _Panel:
    d = law.dimension
    # At M = infinity the variance is gone; the bias at N = infinity is the limit (4.13).
    limits = {kind: risk(end.predictor, PromptLaw(law, 1)).bias / d for kind, end in infinite.items()}
    return _Panel(name, law, float(np.trace(law.mean)) / d, limits)


def _notes(d: int, side: int) -> tuple[str, ...]:
    return (
        f"d = {d}, noiseless, {side} covariances with {side} prompts each, errors divided by d; intervals: {BOOTSTRAP} "
        "bootstrap draws of whole covariances. Exact values: moments of Lambda up to the third.",
        "The softmax GPT-2 curves of the figure are out of scope. Which of the two LSA limits (M = N = infinity, trained "
        "on the fixed or on the random covariance) the paper's dashed line shows is not known; both are given.",
    )


def _points(
    panel: _Panel, ends: Mapping[str, Limit], grid: Sequence[int], side: int, seed: int
) -> list[dict[str, Any]]:
    rng, d = np.random.default_rng(seed), panel.law.dimension
    law = PromptLaw(RepeatedCovariance(panel.law, side), grid[-1])
    prompts = law.draw(rng, side * side)
    draws = rng.integers(side, size=(BOOTSTRAP, side))
    points = []
    for M in grid:
        first = Prompts(prompts.x[:, :M], prompts.y[:, :M], prompts.query, prompts.target, prompts.tasks)
        predictions = {name: end.model.predict(first) for name, end in ends.items()}
        predictions[LEAST_SQUARES] = least_squares(first)
        for name, predicted in predictions.items():
            clusters = ((predicted - first.target) ** 2).reshape(side, side).mean(axis=1) / d
            points.append(
                {"panel": panel.name, "curve": name, "M": M, **_summary(clusters, draws, panel, ends, name, M)}
            )
    return points


def _summary(
    clusters: np.ndarray, draws: np.ndarray, panel: _Panel, ends: Mapping[str, Limit], name: str, M: int
) -> dict[str, Any]:
    d = panel.law.dimension
    exact = (
        exact_least_squares(d, M, 0.0)
        if name == LEAST_SQUARES
        else risk(ends[name].predictor, PromptLaw(panel.law, M)).total / d
    )
    low, high = np.quantile(clusters[draws].mean(axis=1), QUANTILES)
    row = compared(exact, clusters.mean(), clusters.std(ddof=1) / np.sqrt(len(clusters)))
    return {**row, "low": float(low), "high": float(high)}


def _trends(points: Sequence[Mapping[str, Any]], panels: Sequence[_Panel], grid: Sequence[int]) -> list[str]:
    """What the paper says about the figure, decided for linear self-attention by its exact errors at the last M."""
    notes = []
    for panel in panels:
        exact = {
            (point["curve"], point["M"]): point["exact"]
            for point in points
            if point["panel"] == panel.name and point["curve"] != LEAST_SQUARES
        }
        names = list(dict.fromkeys(curve for curve, _ in exact))
        best = min(names, key=lambda name: exact[name, grid[-1]])
        falls = all(exact[name, a] >= exact[name, b] for name in names for a, b in zip(grid, grid[1:], strict=False))
        limits = ", ".join(f"{kind} {value:.4g}" for kind, value in panel.limits.items())
        notes.append(
            f"{panel.name}: 0 predicts {panel.zero:.4g}, LSA limits {limits}; at M = {grid[-1]} {best} is best with "
            f"{exact[best, grid[-1]]:.4g}; errors {'fall' if falls else 'do not fall'} with M throughout, also beyond N."
        )
    return notes


def _picture(points: Sequence[Mapping[str, Any]], panels: Sequence[_Panel]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 4), layout="constrained")
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), index + 1)
        mine = [point for point in points if point["panel"] == panel.name]
        for color, name in enumerate(dict.fromkeys(point["curve"] for point in mine)):
            _draw(axes, [point for point in mine if point["curve"] == name], name, f"C{color}")
        axes.axhline(panel.zero, color="gray", ls="--", lw=1, label="zero estimator")
        for kind, style in (("randomcov", "--"), ("fixedcov", ":")):
            axes.axhline(panel.limits[kind], color="k", ls=style, lw=1, label=f"LSA limit, {kind}")
        axes.axhline(AXES[index], color="0.8", lw=0.7, label="top of the paper's axis")
        axes.set(title=f"test: {panel.name}", xlabel="in-context examples", ylabel="" if index else "squared error")
        axes.set(yscale="log", ylim=(1e-2, None))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return figure


def _draw(axes: Any, points: Sequence[Mapping[str, Any]], name: str, color: str) -> None:
    M = [point["M"] for point in points]
    axes.fill_between(M, [p["low"] for p in points], [p["high"] for p in points], color=color, alpha=0.15, lw=0)
    axes.plot(M, [p["estimate"] for p in points], "o", ms=2.5, color=color)
    known = [(p["M"], p["exact"]) for p in points if p["exact"]]
    axes.plot(*(zip(*known, strict=True) if known else ((), ())), color=color, lw=1, label=name)
