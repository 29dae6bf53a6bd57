"""Flows over all parameters from generic starts: where they end, by name (spurious minima for d >= 2)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from numeric.in_context import Arrival, follow, initial_blocks, landscape
from proofs_check.experiments import Study
from proofs_check.experiments.linear_attention.scenes import Case, Scene

STARTS, QUICK_STARTS = 24, 4
SPREAD = 0.5
"""Standard deviation of the entries of a generic start."""
KINDS = ("global minimum", "rank-one minimum", "mixed minimum", "saddle", "not stationary")
COLUMNS = {
    "case": "case",
    "start": "start",
    "kind": "ends at",
    "count": "times",
    "gap": "L - min L",
    "kept": "as the theory says",
}
NOTES = (
    f"Generic starts have all parameters normal with deviation {SPREAD}: the theorem does not speak of them. The "
    "paper's start has u12 = u21 = 0, and leads to the global minimum.",
    "rank-one minimum: u = 0, U11 = 0 and u U11 + u12 u21^T of rank one; mixed minimum: other spurious ones.",
)


def landscape_study(scene: Scene, quick: bool) -> Study:
    """Counts of the ends.

    Args:
        scene: the laws.
        quick: one law and few starts.
    """
    cases = scene.landscapes[1:2] or scene.landscapes if quick else scene.landscapes
    found = [(case, _arrivals(case, QUICK_STARTS if quick else STARTS)) for case in cases]
    rows = [row for case, arrivals in found for row in (_own_start(case), *_rows(case, arrivals))]
    curves = [{"case": _name(case), "kind": a.kind, "gap": a.gap} for case, arrivals in found for a in arrivals]
    title = "Generic starts over all parameters"
    return Study("landscapes", title, COLUMNS, rows, NOTES, curves, lambda: _picture(found))


def _name(case: Case) -> str:
    return f"{case.name}, N = {case.N}"


def _arrivals(case: Case, starts: int) -> list[Arrival]:
    scene, rng = landscape(case.law, case.N), np.random.default_rng(3)
    size = (scene.dimension + 1) ** 2
    return [follow(scene, SPREAD * rng.standard_normal(size)) for _ in range(starts)]


def _own_start(case: Case) -> dict[str, Any]:
    d = case.law.dimension
    U11, u = initial_blocks(0.3, np.eye(d))
    arrival = follow(landscape(case.law, case.N), np.concatenate([U11.ravel(), [u], np.zeros(2 * d)]))
    # A flow that has not arrived says nothing about where it leads.
    kept = None if arrival.kind == KINDS[-1] else arrival.kind == KINDS[0]
    return {"case": _name(case), "start": "paper's", "kind": arrival.kind, "count": 1, "gap": arrival.gap, "kept": kept}


def _rows(case: Case, arrivals: Sequence[Arrival]) -> list[dict[str, Any]]:
    return [
        {
            "case": _name(case),
            "start": "generic",
            "kind": kind,
            "count": len(gaps),
            "gap": max(float(np.mean(gaps)), 0.0),
            "kept": None,
        }
        for kind in KINDS
        if (gaps := [arrival.gap for arrival in arrivals if arrival.kind == kind])
    ]


def _picture(found: Sequence[tuple[Case, Sequence[Arrival]]]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(found), 3.4), layout="constrained")
    for index, (case, arrivals) in enumerate(found):
        axes = figure.add_subplot(1, len(found), index + 1)
        for kind in KINDS:
            ends = [(i, max(a.gap, 0.0)) for i, a in enumerate(arrivals) if a.kind == kind]
            if ends:
                axes.plot(*zip(*ends, strict=True), "o", ms=4, label=f"{kind}: {len(ends)}")
        axes.set(title=_name(case), xlabel="start", ylabel="L - min L at the end")
        axes.legend(fontsize=8)
    return figure
