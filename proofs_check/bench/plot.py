"""A run as a picture: time against n, with the floor, the rivals, and the slope of each line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Row = Mapping[str, Any]
COLORS = {"lemmascope": "C0", "floor": "black", "jax": "C1", "torch": "C2", "casadi": "C3", "numpy": "C4"}


def save_plot(result: Mapping[str, Any], path: Path) -> None:
    """One panel for each operation and form that was measured at two sizes or more, on the fewest cores."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    panels = _panels(result["rows"])
    columns = min(3, len(panels)) or 1
    lines = -(-len(panels) // columns) or 1
    figure = Figure(figsize=(4.6 * columns, 3.6 * lines), layout="constrained")
    for index, (title, rows) in enumerate(panels.items()):
        axes = figure.add_subplot(lines, columns, index + 1)
        for name, points in curves(rows).items():
            n, seconds = np.array(points).T
            line = axes.loglog(n, seconds, "o-", label=f"{name} ~ n^{slope(n, seconds):.2f}", markersize=3)[0]
            line.set(color=COLORS[name], linestyle="--" if name == "floor" else "-")
        axes.set(title=title, xlabel="n", ylabel="s")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.legend(fontsize=7)
    figure.savefig(path, dpi=130)


def _panels(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows of one operation, form and number of columns, where there are at least two."""
    measured = [row for row in rows if row["variant"] == "dense" and "seconds" in row]
    least = min((row["cores"] for row in measured), default=1)
    main_loss = measured[0]["loss"] if measured else ""
    found: dict[str, list[Row]] = {}
    for row in measured:
        if row["cores"] == least and row["loss"] == main_loss:
            found.setdefault(f"{row['operation']}, {row['form']}, d={row['d']}", []).append(row)
    return {title: group for title, group in found.items() if len(group) > 1}


def curves(rows: Sequence[Row]) -> dict[str, list[tuple[int, float]]]:
    """Ours, the floor, and each rival that was timed at two sizes or more: points (n, seconds)."""
    found: dict[str, list[tuple[int, float]]] = {}
    for row in sorted(rows, key=lambda row: row["n"]):
        found.setdefault("lemmascope", []).append((row["n"], row["seconds"]))
        if "floor_seconds" in row:
            found.setdefault("floor", []).append((row["n"], row["floor_seconds"]))
        for rival, note in row["rivals"].items():
            if "seconds" in note:
                found.setdefault(rival, []).append((row["n"], note["seconds"]))
    return {name: points for name, points in found.items() if len(points) > 1}


def slope(n: np.ndarray, seconds: np.ndarray) -> float:
    """The exponent p of the least-squares fit seconds ~ n^p."""
    return float(np.polyfit(np.log(n), np.log(seconds), 1)[0])
