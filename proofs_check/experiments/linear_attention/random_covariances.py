"""Random covariances at scales c = 1, 4, 9: Figure 1 of the paper as far as linear self-attention is concerned.

Models are trained on the mean covariance ("fixedcov") and on the random one ("randomcov"), for three N each. As in the
paper 64 covariances with 64 prompts each are drawn, errors are divided by d, and intervals are 90 % bootstrap ones,
here of whole covariances, because prompts of one covariance are no independent samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
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
    squared_errors,
)
from proofs_check.experiments import Study
from proofs_check.experiments.linear_attention.measuring import Predictor, compared, exact_least_squares, excess_errors
from proofs_check.experiments.linear_attention.scenes import Scene, lengths, training_lengths

SCALES = (1.0, 4.0, 9.0)
COVARIANCES, QUICK_COVARIANCES = 64, 16
"""Drawn covariances, and prompts for each of them."""
PROMPTS, QUICK_PROMPTS = 40_000, 4_000
"""Independent prompts behind a z-score."""
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
    count = QUICK_PROMPTS if quick else PROMPTS
    fixed, grid = fixed_covariance(scene.random.mean), lengths(d)[::2] if quick else lengths(d)
    ends = {
        f"{kind}_N{N}": limit(law, N)
        for kind, law in (("fixedcov", fixed), ("randomcov", scene.random))
        for N in training_lengths(d)
    }
    infinite = {kind: limit(law, np.inf) for kind, law in (("fixedcov", fixed), ("randomcov", scene.random))}
    laws = [("fixed, E Lambda", fixed), *((f"random, c = {c:g}", scene.random.scaled(c)) for c in SCALES)]
    panels = [_panel(name, law, infinite) for name, law in laws]
    points: list[dict[str, Any]] = []
    for seed, panel in enumerate(panels):
        scores = _scores(panel, ends, grid[-1], count, seed)
        for point in _points(panel, ends, grid, side, seed):
            points.append({**point, "z": scores.get(point["curve"]) if point["M"] == grid[-1] else None})
    rows = [p for p in points if p["M"] == grid[-1]]
    title = "Random covariances: errors against M, as in Figure 1"
    notes = (*_notes(d, side, count), *_trends(points, panels, grid[-1]))
    return Study("random-covariances", title, COLUMNS, rows, notes, points, lambda: _picture(points, panels))


def _panel(name: str, law: CovarianceLaw, infinite: Mapping[str, Limit]) -> _Panel:
    d = law.dimension
    # At M = infinity the variance is gone; the bias at N = infinity is the limit (4.13).
    limits = {kind: risk(end.predictor, PromptLaw(law, 1)).bias / d for kind, end in infinite.items()}
    return _Panel(name, law, float(np.trace(law.mean)) / d, limits)


def _notes(d: int, side: int, count: int) -> tuple[str, ...]:
    return (
        f"d = {d}, noiseless, {side} covariances with {side} prompts each, errors divided by d; intervals: {BOOTSTRAP} "
        f"bootstrap draws of whole covariances; z: of {count} other prompts with a covariance each. Exact values: "
        "moments of Lambda up to the third.",
        "The softmax GPT-2 curves of the figure are out of scope. Which of the two LSA limits (M = N = infinity, "
        "trained on the fixed or on the random covariance) the paper's dashed line shows is not known; both are given.",
    )


def _points(
    panel: _Panel, ends: Mapping[str, Limit], grid: Sequence[int], side: int, seed: int
) -> list[dict[str, Any]]:
    """Estimates from the same prompts for all M, of which the first M examples are shown."""
    rng = np.random.default_rng(seed)
    prompts = PromptLaw(RepeatedCovariance(panel.law, side), grid[-1]).draw(rng, side * side)
    draws = rng.integers(side, size=(BOOTSTRAP, side))
    points = []
    for M in grid:
        first = Prompts(prompts.x[:, :M], prompts.y[:, :M], prompts.query, prompts.target, prompts.tasks)
        predictors: dict[str, Predictor] = {name: end.model.predict for name, end in ends.items()}
        for name, predict in (predictors | {LEAST_SQUARES: least_squares}).items():
            clusters = squared_errors(first, predict(first)).reshape(side, side).mean(axis=1) / panel.law.dimension
            low, high = np.quantile(clusters[draws].mean(axis=1), QUANTILES)
            exact = _exact(panel, ends, name, M)
            within = None if exact is None or name == LEAST_SQUARES else bool(low <= exact <= high)
            found = {"exact": exact, "estimate": float(clusters.mean()), "low": float(low), "high": float(high)}
            points.append({"panel": panel.name, "curve": name, "M": M, **found, "within": within})
    return points


def _exact(panel: _Panel, ends: Mapping[str, Limit], name: str, M: int) -> float | None:
    law, d = PromptLaw(panel.law, M), panel.law.dimension
    value = exact_least_squares(law) if name == LEAST_SQUARES else risk(ends[name].predictor, law).total
    return None if value is None else value / d


def _scores(panel: _Panel, ends: Mapping[str, Limit], M: int, count: int, seed: int) -> dict[str, float | None]:
    """z of independent prompts with a covariance each: the mean of 64 covariances is too skew for a score."""
    law, d = PromptLaw(panel.law, M), panel.law.dimension
    found = excess_errors(law, {name: end.model.predict for name, end in ends.items()}, count, seed)
    scored = zip(ends, found, strict=True)
    return {name: compared(_exact(panel, ends, name, M), mean.over(d))["z"] for name, mean in scored}


def _trends(points: Sequence[Mapping[str, Any]], panels: Sequence[_Panel], last: int) -> list[str]:
    """What the paper says about the figure, for the exact errors of linear self-attention."""
    notes = []
    for panel in panels:
        mine = [p for p in points if p["panel"] == panel.name and p["curve"] != LEAST_SQUARES]
        exact = {
            name: [p["exact"] for p in mine if p["curve"] == name] for name in dict.fromkeys(p["curve"] for p in mine)
        }
        best = min(exact, key=lambda name: exact[name][-1])
        falls = all(a >= b for line in exact.values() for a, b in pairwise(line))
        random = [line[-1] for name, line in exact.items() if name.startswith("randomcov")]
        order = "smaller" if random == sorted(random, reverse=True) else "not smaller"
        limits = ", ".join(f"{kind} {value:.4g}" for kind, value in panel.limits.items())
        within = [p["within"] for p in mine]
        notes.append(
            f"{panel.name}: 0 predicts {panel.zero:.4g}; LSA limits: {limits}. At M = {last} {best} is best, with "
            f"{exact[best][-1]:.4g}; randomcov errors are {order} with larger N. With M errors "
            f"{'fall, also beyond N' if falls else 'rise somewhere'}. {sum(within)} of {len(within)} intervals, of "
            "curves on the same prompts, hold the exact value."
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
        axes.set(yscale="log", xlim=(0, None), ylim=(1e-2, 2 * max(p["high"] for p in mine)))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return figure


def _draw(axes: Any, points: Sequence[Mapping[str, Any]], name: str, color: str) -> None:
    M = [point["M"] for point in points]
    axes.fill_between(M, [p["low"] for p in points], [p["high"] for p in points], color=color, alpha=0.15, lw=0)
    axes.plot(M, [p["estimate"] for p in points], "o", ms=2.5, color=color)
    known = [(p["M"], p["exact"]) for p in points if p["exact"]]
    axes.plot(*(zip(*known, strict=True) if known else ((), ())), color=color, lw=1, label=name)
