"""One measuring process: `python -m proofs_check.bench.solvers.worker` reads a case and writes its row as JSON."""

import json
import sys
from typing import Any

from proofs_check.bench.solvers.accuracy import judge_of
from proofs_check.bench.solvers.cases import SolverCase, solver_instance
from proofs_check.bench.solvers.contestants import DESCRIPTIONS, JAX, measure_contestants
from proofs_check.bench.worker import pinned


def main() -> None:
    """Read the request from standard input: the case, the cap in seconds, and whether JAX competes."""
    request = json.load(sys.stdin)
    case = SolverCase(**request["case"])
    with pinned(1):
        json.dump(measure_solvers(case, request["cap"], request["jax"]), sys.stdout, allow_nan=False)


def measure_solvers(case: SolverCase, cap: float, jax: bool = True) -> dict[str, Any]:
    """The row of a case: what each contestant reached and when."""
    data = solver_instance(case)
    judge, origin = judge_of(data)
    contestants = measure_contestants([name for name in DESCRIPTIONS if jax or name not in JAX], data, judge, cap)
    return {**case.to_json(), "case": str(case), "measure": case.measure, "origin": origin, "contestants": contestants}


if __name__ == "__main__":
    main()
