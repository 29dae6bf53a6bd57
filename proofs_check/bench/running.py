"""A whole run: the measuring processes one after the other, what they found, and what could not be measured."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proofs_check.arrays.exact import InputError
from proofs_check.bench.cases import LOSS, Case, plan
from proofs_check.bench.machine import available_cores, environment
from proofs_check.bench.rivals import RIVALS, missing
from proofs_check.bench.streams import check_folder, measure_streams, stream_plan
from proofs_check.bench.streams.cases import QUICK_ROWS, ROWS
from proofs_check.bench.targets import judge, losing

Progress = Callable[[str], None]
SCHEMA = 2


@dataclass(frozen=True)
class Settings:
    """What a run measures.

    Attributes:
        loss: the loss of all cases; all_losses adds value and gradient of the others.
        quick: one size of each operation, and accuracy without the million rows.
        cores: the numbers of cores, one pass for each.
        rivals: names of `RIVALS`; those that are not installed are reported as missing.
        budget: seconds for each contestant in each case.
        memory: what becomes of memory that is freed, a name of `MEMORY`.
        stream_rows: rows of the streamed cases, 0 for none, None for the size that goes with `quick`.
        stream_dir: folder of the streamed rows' file, None for the system's temporary folder.
        cases: what to measure in memory instead of the plan.
    """

    loss: str = LOSS
    all_losses: bool = False
    quick: bool = False
    seed: int = 0
    cores: tuple[int, ...] = (1,)
    rivals: tuple[str, ...] = RIVALS
    budget: float = 0.6
    memory: str = "kept"
    stream_rows: int | None = None
    stream_dir: Path | None = None
    cases: tuple[Case, ...] = field(default=())

    @classmethod
    def from_words(cls, cores: str, rivals: str, **options: Any) -> "Settings":
        """Settings from the words of the command line.

        Raises:
            InputError: an unknown rival, loss or number of cores.
        """
        from numeric import loss_names

        if (loss := options.get("loss", LOSS)) not in loss_names():
            raise InputError(f"--loss {loss}: there is no such loss; choose one of {', '.join(loss_names())}")
        named = () if rivals == "none" else tuple(dict.fromkeys(rivals.split(",")))
        if unknown := [rival for rival in named if rival not in RIVALS]:
            raise InputError(
                f"--rivals {rivals}: unknown rival {unknown[0]!r}; choose from {', '.join(RIVALS)}, or none"
            )
        most = min(2, available_cores())
        return cls(cores=tuple(range(1, most + 1)) if cores == "both" else (int(cores),), rivals=named, **options)

    @property
    def streamed_rows(self) -> int:
        """Rows of the streamed cases."""
        return (QUICK_ROWS if self.quick else ROWS) if self.stream_rows is None else self.stream_rows

    def to_json(self) -> dict[str, Any]:
        """What decides the numbers, as plain data."""
        names = ("loss", "all_losses", "seed", "cores", "quick", "budget", "memory")
        return {**{name: getattr(self, name) for name in names}, "stream_rows": self.streamed_rows}


def run(settings: Settings, progress: Progress = lambda line: None) -> dict[str, Any]:
    """Measure times, derivations and accuracy; the result is plain data, ready for JSON."""
    from proofs_check.bench.accuracy import measure_accuracy  # SymPy and balls: measuring processes start without

    absent = missing(settings.rivals)
    present = [rival for rival in settings.rivals if rival not in absent]
    cases = settings.cases or plan(settings.loss, settings.all_losses, settings.quick, settings.seed)
    streams = stream_plan(settings.streamed_rows, settings.seed) if settings.streamed_rows else []
    if streams:
        check_folder(streams[0], settings.stream_dir)
    rows: list[dict[str, Any]] = []
    for cores in settings.cores:
        progress(f"{cores} core{'s' if cores > 1 else ''}: {len(cases)} cases")
        rows += measure_in_process(cases, cores, present, settings.budget, settings.memory, progress)
    streamed = measure_streams(streams, settings.cores, settings.budget, settings.memory, settings.stream_dir, progress)
    progress("derivations")
    derivations = _derivations()
    progress("accuracy against balls")
    accuracy = measure_accuracy(settings.seed, large=not settings.quick, progress=progress)
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "settings": settings.to_json(),
        "missing_rivals": absent,
        "rows": rows,
        "streams": streamed,
        "derivations": derivations,
        "accuracy": accuracy,
        "targets": judge(rows, derivations, streamed),
        "losing": losing(rows),
    }


def measure_in_process(
    cases: Sequence[Case],
    cores: int,
    rivals: Sequence[str],
    budget: float,
    memory: str = "kept",
    progress: Progress = lambda line: None,
) -> list[dict[str, Any]]:
    """The rows of the cases, measured in a worker; a worker that dies costs its case alone."""
    rows: list[dict[str, Any]] = []
    while len(rows) < len(cases):
        left = cases[len(rows) :]
        request = {"cores": cores, "rivals": list(rivals), "budget": budget, "done": len(rows), "of": len(cases)}
        code = _work_through({**request, "cases": [case.to_json() for case in left]}, memory, rows)
        if code != 0 and len(rows) < len(cases):
            failed = cases[len(rows)]
            progress(f"{failed}: the worker ended with status {code}")
            rows.append({**failed.to_json(), "cores": cores, "failed": f"the worker ended with status {code}"})
    return rows


def _work_through(request: dict[str, Any], memory: str, rows: list[dict[str, Any]]) -> int:
    """Start a worker on the request's cases, append its rows, and return its exit status."""
    command = [sys.executable, "-m", "proofs_check.bench.worker"]
    variables = {**os.environ, **environment(request["cores"], memory)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        json.dump(request, process.stdin)
        process.stdin.close()
        rows.extend(json.loads(line) for line in process.stdout)
    return process.returncode


def _derivations() -> dict[str, Any]:
    """Derivations in a fresh process."""
    command = [sys.executable, "-m", "proofs_check.bench.derivations"]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if found.returncode:
        return {"failed": f"the process ended with status {found.returncode}"}
    result: dict[str, Any] = json.loads(found.stdout)
    return result


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    import numpy
    import scipy

    return {
        "processor": platform.processor() or platform.machine(),
        "cores": available_cores(),
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
    }
