"""Minibatch descent: the product u U11 comes near the limit of the flow, its split into u and U11 does not."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from numeric.in_context import Limit, PromptLaw, StochasticRun, attention, initial_blocks, limit, stochastic_descent
from proofs_check.experiments import Study
from proofs_check.experiments.linear_attention.scenes import Case, Scene

SETTINGS = ((0.05, 256, 3000), (0.05, 1024, 3000), (0.01, 256, 9000))
"""Step size, prompts in a batch, steps."""
QUICK = ((0.05, 128, 500), (0.02, 128, 1000))
PRODUCT_ERROR = 0.1
"""Of the product at the end, relative: steps of these sizes leave a few percent of noise."""
COLUMNS = {
    "case": "case",
    "step_size": "step size",
    "batch": "batch",
    "steps": "steps",
    "product_error": "error of u U11",
    "u": "u",
    "u_limit": "u of the flow",
    "balance": "u^2 - tr(U11 U11^T)",
    "kept": "product kept",
}
NOTES = (
    "Noise of finite steps breaks u^2 = tr(U11 U11^T), so test the limits (5.9) with the flow or full descent, and "
    "minibatch runs by their product alone.",
)


@dataclass(frozen=True, eq=False)
class _Run:
    case: Case
    step_size: float
    batch: int
    steps: int
    end: Limit
    found: StochasticRun

    @property
    def label(self) -> str:
        return f"step {self.step_size:g}, batch {self.batch}"


def minibatch_study(scene: Scene, quick: bool) -> Study:
    """Runs from the paper's start.

    Args:
        scene: the laws.
        quick: two short runs.
    """
    runs = [
        _run(case, *setting, seed)
        for case in scene.minibatches
        for seed, setting in enumerate(QUICK if quick else SETTINGS)
    ]
    rows = [_row(run) for run in runs]
    curves = [point for run in runs for point in _points(run)]
    title = "Minibatch descent: the product against the split"
    return Study("minibatches", title, COLUMNS, rows, NOTES, curves, lambda: _picture(runs))


def _run(case: Case, step_size: float, batch: int, steps: int, seed: int) -> _Run:
    start = attention(*initial_blocks(case.sigma or 0.3, np.eye(case.law.dimension)))
    law = PromptLaw(case.law, case.N)
    found = stochastic_descent(law, start, steps=steps, step_size=step_size, batch=batch, seed=seed)
    return _Run(case, step_size, batch, steps, limit(case.law, case.N), found)


def _row(run: _Run) -> dict[str, Any]:
    path = run.found.trajectory
    return {
        "case": f"{run.case.name}, N = {run.case.N}",
        "step_size": run.step_size,
        "batch": run.batch,
        "steps": run.steps,
        "product_error": float(path.distance[-1]),
        "u": float(path.u[-1]),
        "u_limit": run.end.u,
        "balance": float(path.balance[-1]),
        "kept": bool(path.distance[-1] < PRODUCT_ERROR),
    }


def _points(run: _Run) -> list[dict[str, Any]]:
    path = run.found.trajectory
    columns = zip(path.times, path.distance, path.u, path.balance, strict=True)
    names = ("step", "product_error", "u", "balance")
    return [{"run": run.label, **dict(zip(names, map(float, point), strict=True))} for point in columns]


def _picture(runs: list[_Run]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    product, split = figure.subplots(1, 2)
    for run in runs:
        path = run.found.trajectory
        product.semilogy(path.times * run.step_size, path.distance, label=run.label)
        split.plot(path.times * run.step_size, path.u, label=run.label)
    split.axhline(runs[0].end.u, color="k", ls=":", label="limit of the flow")
    product.set(title="the product u U11", xlabel="time (steps x step size)", ylabel="relative distance from its limit")
    split.set(title="its split: u", xlabel="time (steps x step size)", ylabel="u")
    split.legend(fontsize=8)
    return figure
