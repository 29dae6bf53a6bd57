"""The picture of a family: claimed, derived and observed constants against each parameter, a row for each statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PANEL = (3.6, 2.6)
"""Inches of one panel."""


def growth_picture(rows: Sequence[Mapping[str, Any]]) -> Any:
    """A figure with one panel for each row of a growth table."""
    from matplotlib.figure import Figure

    claims = list(dict.fromkeys(row["claim"] for row in rows))
    wide = max(sum(row["claim"] == claim for row in rows) for claim in claims)
    figure = Figure(figsize=(PANEL[0] * wide, PANEL[1] * len(claims)), layout="constrained")
    panels = figure.subplots(len(claims), wide, squeeze=False)
    for line, claim in zip(panels, claims, strict=True):
        mine = [row for row in rows if row["claim"] == claim]
        for axes, row in zip(line, mine, strict=False):
            _draw(axes, row)
        for axes in line[len(mine) :]:
            axes.set_axis_off()
    return figure


def _draw(axes: Any, row: Mapping[str, Any]) -> None:
    profile = row["profile"]
    axes.plot(profile["values"], profile["claimed_log10"], marker="s", label=f"{row['claim']} claimed")
    if row["derived_log10"] is not None:
        axes.plot(
            profile["values"], row["derived_log10"], marker="^", linestyle="--", label=f"{row['derived_id']} derived"
        )
    axes.plot(profile["values"], profile["observed_log10"], marker="o", linestyle=":", label="observed")
    axes.set_xscale("log")
    axes.set_xticks(profile["values"], [f"{value:.2g}" for value in profile["values"]])
    axes.minorticks_off()
    axes.set(xlabel=row["in"], ylabel="log10 of the constant", title=row["where"])
    axes.legend(fontsize="x-small")
