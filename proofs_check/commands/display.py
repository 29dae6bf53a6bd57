"""What the commands show: progress on standard error, tables and JSON on standard output."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from numeric import Solution
from proofs_check.experiments import Study
from proofs_check.files import write_text
from proofs_check.verdict import Verdict

COLOURS = {
    "proved": "green",
    "holds": "green",
    "refuted": "red",
    "vacuous": "magenta",
    "undecided": "yellow",
    "error": "bold red",
}

PAGE_WIDTH = 160


class VerdictProgress:
    """A bar with the time left, on standard error; call it with each verdict."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description:<14}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task: TaskID | None = None

    def __enter__(self) -> "VerdictProgress":
        self._bar.start()
        self._task = self._bar.add_task("claims", total=None)
        return self

    def __exit__(self, *details: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int, verdict: Verdict) -> None:
        assert self._task is not None, "enter the progress bar first"
        self._bar.update(self._task, completed=done, total=total, description=verdict.claim)


def write_json(result: Mapping[str, Any], where: str) -> None:
    """One JSON object, to standard output for "-", else to a file in one step."""
    text = json.dumps(result, indent=2, allow_nan=False)
    if where == "-":
        click.echo(text)
    else:
        write_text(Path(where), text + "\n")


def verdict_table(verdicts: Sequence[Verdict], to_stderr: bool = False) -> None:
    """Verdicts as a table, then one line of counts."""
    table = Table(box=None, pad_edge=False)
    for heading in ("claim", "outcome", "checked", "certified", "worst log10", "tight", "seconds", "what was found"):
        table.add_column(heading, justify="left", no_wrap=heading in ("claim", "outcome"), overflow="fold")
    for v in verdicts:
        mark = " [bold red]unexpected[/]" if v.unexpected else ""
        outcome = f"[{COLOURS[v.outcome]}]{v.outcome}[/]{mark}"
        worst = "" if v.worst_log10_ratio is None else f"{v.worst_log10_ratio:.3g}"
        table.add_row(
            v.claim, outcome, str(v.instances), str(v.certified_instances), worst, _tightness(v), f"{v.seconds:.1f}",
            _plain(v.message),
        )  # fmt: skip
    console = _console(to_stderr)
    console.print(table)
    console.print(counts_line(verdicts))


def _tightness(verdict: Verdict) -> str:
    if verdict.tight:
        return "attained" if verdict.attained else "in the limit"
    return "" if verdict.tight is None else "no"


def _plain(message: str) -> str:
    """Text with square brackets that rich shall not take for markup."""
    return message.replace("[", r"\[")


def counts_line(verdicts: Sequence[Verdict]) -> str:
    """How many verdicts of each outcome, and how many differ from their expectation."""
    outcomes = [v.outcome for v in verdicts]
    counted = ", ".join(f"{outcomes.count(o)} {o}" for o in COLOURS if o in outcomes)
    unexpected = sum(v.unexpected for v in verdicts)
    differing = f"{unexpected or 'none'} differ{'s' if unexpected == 1 else ''} from expectation"
    return f"{len(verdicts)} claim{'' if len(verdicts) == 1 else 's'}: {counted}; {differing}."


def _console(stderr: bool = False) -> Console:
    """The terminal, or a page of readable width where the output goes into a file or a pipe."""
    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=PAGE_WIDTH)


def claim_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """The catalogue as a table."""
    table = Table(box=None, pad_edge=False)
    for heading in ("claim", "paper", "kind", "provenance", "expected", "statement"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "statement")
    for row in rows:
        keys = ("claim", "paper", "kind", "provenance", "expect")
        table.add_row(*(str(row[key] or "") for key in keys), _plain(str(row["statement"])))
    _console().print(table)


def study_table(study: Study) -> None:
    """An experiment's table, with its notes."""
    console = Console() if Console().is_terminal else Console(width=PAGE_WIDTH)
    table = Table(box=None, pad_edge=False)
    for heading in study.columns.values():
        table.add_column(heading, overflow="fold")
    for row in study.rows:
        table.add_row(*(_cell(row.get(key)) for key in study.columns))
    console.print(f"[bold]{study.title}[/]")
    console.print(table)
    for note in study.notes:
        console.print(note, highlight=False, markup=False)
    for part in study.parts:
        console.print()
        study_table(part)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def solution_lines(solution: Solution, summary: Mapping[str, Any]) -> str:
    """A solution in a few lines."""
    error = summary["relative_error"]
    compared = "" if error is None else f"\nrelative error against the stored truth: {error:.2e}"
    return (
        f"{solution.status}: {solution.message}\n"
        f"{solution.effort}: value {solution.value:.6e}, gradient norm {solution.gradient_norm:.2e}{compared}"
    )
