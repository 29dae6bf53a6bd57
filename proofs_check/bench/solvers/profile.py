"""The performance profile of a run (Dolan and More, Math. Programming 91, 2002) as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from proofs_check.bench.solvers.contestants import JAX, OURS, SCIPY
from proofs_check.bench.solvers.targets import LEVEL, fastest, seconds_to
from proofs_check.bench.solvers.trajectory import LEVELS

Row = Mapping[str, Any]
COLORS = {name: f"C{number}" for number, name in enumerate((*OURS, *SCIPY, *JAX))}


def ratios(rows: Sequence[Row], level: str = LEVEL) -> dict[str, np.ndarray]:
    """Each contestant's seconds over those of the fastest, on every problem that somebody solved to the level.

    Infinite where it did not get there.
    """
    names = [name for name in (*OURS, *SCIPY, *JAX) if any(name in row["contestants"] for row in rows)]
    solved = [(row, best[1]) for row in rows if (best := fastest(row, names, level))]
    return {
        name: np.array([np.inf if (t := seconds_to(row, name, level)) is None else t / best for row, best in solved])
        for name in names
    }


def share(found: np.ndarray, tau: float) -> float:
    """The share of the problems that were solved within `tau` times the seconds of the fastest."""
    return float(np.mean(found <= tau)) if found.size else 0.0


def save_profile(result: Mapping[str, Any], path: Path) -> None:
    """One panel for each accuracy: the share of the problems solved, against how much slower than the fastest."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.0, 9.0), layout="constrained")
    for index, level in enumerate(LEVELS):
        axes = figure.add_subplot(2, 2, index + 1)
        found = ratios(result["rows"], f"{level:.0e}")
        count = len(next(iter(found.values()), ()))
        largest = max((float(r[np.isfinite(r)].max(initial=1.0)) for r in found.values()), default=1.0)
        taus = np.geomspace(1.0, 1.2 * max(largest, 2.0), 400)
        for name, values in found.items():
            style = "-" if name in OURS else "--" if name.endswith("-w") else ":" if name in SCIPY else "-."
            width = 2.2 if name in OURS else 1.2
            shares = [share(values, tau) for tau in taus]
            axes.step(taus, shares, style, where="post", color=_color(name), linewidth=width, label=name)
        title = f"relative accuracy {level:.0e}, {count} of {len(result['rows'])} problems were solved by somebody"
        axes.set(xscale="log", ylim=(-0.02, 1.02), xlabel="times slower than the fastest", ylabel="share solved")
        axes.set_title(title, fontsize=9)
        if index == 0:
            axes.legend(fontsize=7, ncols=2, loc="lower right")
    figure.savefig(path, dpi=130)


def _color(name: str) -> str:
    """A method has one colour, in stored and in whitened variables."""
    return COLORS[name.removesuffix("-w")]
