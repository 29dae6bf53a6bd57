"""A whole run: one measuring process for each problem, and what they found."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from proofs_check.bench.machine import environment
from proofs_check.bench.rivals import missing
from proofs_check.bench.running import machine
from proofs_check.bench.solvers.cases import SolverCase, solver_plan
from proofs_check.bench.solvers.targets import judge_solvers, losing_solvers

Progress = Callable[[str], None]
SCHEMA = 1
CAP, QUICK_CAP = 60.0, 5.0


@dataclass(frozen=True)
class SolverSettings:
    """What a run measures.

    Attributes:
        quick: eight problems, and a cap of `QUICK_CAP` seconds.
        seed: of the synthetic data.
        cap: seconds for one run of one contestant, None for what goes with `quick`.
        jax: whether JAX competes, where it is installed.
        cases: what to solve instead of the plan.
    """

    quick: bool = False
    seed: int = 0
    cap: float | None = None
    jax: bool = True
    cases: tuple[SolverCase, ...] = field(default=())

    @property
    def seconds(self) -> float:
        """The cap."""
        return (QUICK_CAP if self.quick else CAP) if self.cap is None else self.cap


def run_solvers(settings: SolverSettings, progress: Progress = lambda line: None) -> dict[str, Any]:
    """Measure all problems on one core; the result is plain data, ready for JSON."""
    absent = missing(("jax",)) if settings.jax else []
    cases, rows = settings.cases or tuple(solver_plan(settings.quick, settings.seed)), []
    for number, case in enumerate(cases, start=1):
        progress(f"  [{number}/{len(cases)}] {case}")
        rows.append(_measured(case, settings.seconds, settings.jax and not absent))
    return {
        "schema": SCHEMA,
        "machine": machine(),
        "settings": {"quick": settings.quick, "seed": settings.seed, "cap": settings.seconds},
        "missing_rivals": absent,
        "rows": rows,
        "targets": judge_solvers(rows),
        "losing": losing_solvers(rows),
    }


def _measured(case: SolverCase, cap: float, jax: bool) -> dict[str, Any]:
    """The row of one case; a process that dies costs its case alone."""
    done = subprocess.run(
        [sys.executable, "-m", "proofs_check.bench.solvers.worker"],
        input=json.dumps({"case": case.to_json(), "cap": cap, "jax": jax}),
        stdout=subprocess.PIPE,
        env={**os.environ, **environment(1)},
        text=True,
        check=False,
    )
    if done.returncode:
        failed = f"the process ended with status {done.returncode}"
        return {**case.to_json(), "case": str(case), "measure": case.measure, "failed": failed, "contestants": {}}
    row: dict[str, Any] = json.loads(done.stdout)
    return row
