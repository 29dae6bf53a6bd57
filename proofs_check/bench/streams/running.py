"""The streamed part of a run: the file of rows, and the processes that measure on it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from proofs_check.bench.machine import environment
from proofs_check.bench.streams.cases import StreamCase
from proofs_check.bench.streams.data import row_file
from proofs_check.bench.streams.memory import MEASURING

Progress = Callable[[str], None]
AGREEMENT = 1e-8
"""Largest relative difference from the same rows in memory at which a time is reported."""


def measure_streams(
    cases: Sequence[StreamCase],
    cores: Sequence[int],
    budget: float,
    memory: str = "kept",
    folder: Path | None = None,
    progress: Progress = lambda line: None,
) -> list[dict[str, Any]]:
    """One row for each case and number of cores, with the time, and the memory as measured on the fewest cores.

    Args:
        cases: all of one size and seed; they share one file.
        cores: numbers of cores.
        budget: seconds for each contestant in each case.
        memory: see `environment`.
        folder: of the file; None for the system's temporary folder.
        progress: is told what begins.

    Raises:
        InputError: the file does not fit into the folder.
    """
    if not cases:
        return []
    progress(f"streamed rows: writing {8e-6 * cases[0].n * cases[0].d:.0f} MB")
    with row_file(cases[0], folder) as file:
        request = {"descriptor": file.fileno(), "budget": budget}
        small = {**environment(min(cores), "fresh"), **MEASURING}
        # A process for each case: what one evaluation leaves behind could hide the next one's peak.
        peaks = [_ask("memory", [case], min(cores), request, small)[0] for case in cases]
        rows = []
        for count in cores:
            progress(f"streamed rows, {count} core{'s' if count > 1 else ''}: {len(cases)} cases")
            times = _ask("time", cases, count, request, environment(count, memory))
            rows += [_row(case, peak, time, count) for case, peak, time in zip(cases, peaks, times, strict=True)]
    return rows


def _row(case: StreamCase, peak: dict[str, Any], time: dict[str, Any], cores: int) -> dict[str, Any]:
    """What two processes found; a time counts where the result is that of the same rows in memory."""
    if "failed" in peak:
        peak = {"memory_failed": peak["failed"]}
    if not time.get("difference", 0.0) <= AGREEMENT:
        time = {"failed": f"differs from the same rows in memory by {time['difference']:.0e}, not timed"}
    return {**peak, **time, **case.to_json(), "cores": cores}


def _ask(
    what: str, cases: Sequence[StreamCase], cores: int, request: dict[str, Any], variables: dict[str, str]
) -> list[dict[str, Any]]:
    """The answers of one process; those that it did not come to say why."""
    text = json.dumps({**request, "what": what, "cores": cores, "cases": [case.to_json() for case in cases]})
    done = subprocess.run(
        [sys.executable, "-m", "proofs_check.bench.streams.worker"],
        input=text,
        stdout=subprocess.PIPE,
        env={**os.environ, **variables},
        pass_fds=[request["descriptor"]],
        text=True,
        check=False,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    failed = {"failed": f"the process ended with status {done.returncode}"}
    return found + [failed] * (len(cases) - len(found))
