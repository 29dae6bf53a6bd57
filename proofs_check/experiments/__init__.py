"""Experiments: studies whose tables the documentation shows, each produced again by `lemmascope experiment NAME`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from numeric import InputError

Report = Callable[[str], None]
EXPERIMENTS: Mapping[str, str] = {
    "recovery": "query-key matrices recovered from real attention maps, exact, rounded, sharpened and misspecified",
    "sketching": "the cost of a sketched Newton step against the stored entries of A, and against the exact Hessian",
    "contraction": "the rate of sketched Newton in the Euclidean norm, as claimed, and in the norm of the Hessian",
    "linear-attention": "linear self-attention in context: convergence, risks, shifts, random covariances, comparisons",
    "in-context-speed": "seconds of a gradient flow at d = 20, and of a million prompts with d = 20, M = 40",
    "tightness": "claimed, derived and observed constants: how they grow, and between which factors the best ones lie",
}
"""Each experiment, a module of this package with `run(files, quick, report)`, and what it shows."""


@dataclass(frozen=True)
class Study:
    """What an experiment found.

    Attributes:
        name: of the experiment.
        title: a sentence above the table.
        columns: headings by key of the rows, in order.
        rows: one mapping per line, plain data.
        notes: sentences below the table.
        curves: points behind the picture, plain data.
        picture: makes a matplotlib figure.
        parts: studies of which this one consists.
    """

    name: str
    title: str
    columns: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]]
    notes: Sequence[str] = ()
    curves: Sequence[Mapping[str, Any]] = ()
    picture: Callable[[], Any] | None = None
    parts: Sequence["Study"] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data; curves and parts where there are any."""
        data = {"experiment": self.name, "title": self.title, "rows": list(self.rows), "notes": list(self.notes)}
        more = {"curves": list(self.curves), "parts": [part.to_json() for part in self.parts]}
        return data | {key: value for key, value in more.items() if value}


def run(name: str, files: Sequence[Path], quick: bool, report: Report) -> Study:
    """Run an experiment.

    Args:
        name: a key of `EXPERIMENTS`.
        files: problem files to use in place of the shipped ones, where the experiment is about data.
        quick: a smaller version.
        report: called with a line for each part.

    Raises:
        InputError: there is no such experiment, or a file cannot be used.
    """
    if name not in EXPERIMENTS:
        raise InputError(f"experiment {name}: there is none of that name; choose one of {', '.join(EXPERIMENTS)}")
    return import_module(f"proofs_check.experiments.{name.replace('-', '_')}").run(files, quick, report)
