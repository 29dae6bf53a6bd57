"""The self-test on the terminal: a bar with the time left, a table of what was tried, and the same as plain data."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from .running import DEEP_SCALAR_TRIALS, SCALAR_TRIALS, Row, named, run
from .speed import TARGET, measure

VERSION = 1


def attack(
    trials: int, deep: bool, seed: int, jobs: int | None, names: Sequence[str] = (), to_stderr: bool = False
) -> tuple[dict[str, Any], bool]:
    """Run the self-test with a bar, and print its table.

    Args:
        trials: scalar trials; the usual number stands for a hundred times as many where ``deep`` is set.
        deep, seed: see `run`.
        jobs: processes, None for one per core.
        names: of the parts to run, all where there are none.
        to_stderr: print to standard error, where standard output holds JSON.

    Returns:
        The result as plain data, and whether no certified answer was wrong.

    Raises:
        InputError: there is no part of that name.
    """
    chosen = named(names)
    count = DEEP_SCALAR_TRIALS if deep and trials == SCALAR_TRIALS else trials
    jobs = os.cpu_count() or 1 if jobs is None else jobs
    begun = time.perf_counter()
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("selftest", total=None)
        rows = run(
            count, seed, jobs, deep, lambda d, n, part: bar.update(task, completed=d, total=n, description=part), chosen
        )
    seconds = time.perf_counter() - begun
    wrong = next((row.wrong for row in rows if row.wrong), None)
    _print(rows, wrong, seconds, to_stderr)
    plain = [dict(row.__dict__) for row in rows]
    return {"version": VERSION, "seed": seed, "seconds": seconds, "wrong": wrong, "parts": plain}, wrong is None


def _print(rows: Sequence[Row], wrong: str | None, seconds: float, to_stderr: bool) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "what was tried", "trials", "telling", "CPU s", "wrong"):
        table.add_column(heading, justify="left" if heading in ("part", "what was tried", "wrong") else "right")
    for row in rows:
        told = "NOT RUN" if not row.tried else "WRONG" if row.wrong else "none"
        table.add_row(row.part, row.what, f"{row.tried}", f"{row.telling}", f"{row.seconds:.1f}", told)
    console = Console(stderr=to_stderr, highlight=False)
    console.print(table)
    end = f"WRONG: {wrong}" if wrong else "No certified answer was wrong."
    console.print(f"{end} ({seconds:.0f} s)", markup=False)


def show_speed(to_stderr: bool = False) -> tuple[dict[str, Any], bool]:
    """Measure and print what a certified decision costs; missing the target is told, and no failure."""
    found = measure()
    console = Console(stderr=to_stderr, highlight=False)
    for speed in found:
        verdict = "" if speed.ratio >= TARGET else f", below the target of {TARGET:.0f}"
        console.print(
            f"{speed.claim}: certified in {speed.certified * 1e3:.2f} ms CPU, in mpmath at 50 digits "
            f"{speed.spelled * 1e3:.2f} ms: {speed.ratio:.1f} times as fast{verdict}; "
            f"one screened instance {speed.screened * 1e6:.1f} us"
        )
    plain = [{**speed.__dict__, "ratio": speed.ratio} for speed in found]
    return {"version": VERSION, "target": TARGET, "speed": plain}, True
