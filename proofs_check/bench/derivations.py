"""Time of the derivations themselves: `python -m proofs_check.bench.derivations` writes one JSON object.

A process of its own, because SymPy caches what it has seen: a user who edits a formula starts cold.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from derive import differentiate, formulas, generate, prove

Result = TypeVar("Result")
CHECK = "from proofs_check.cli import main; main(['derive', '--check'])"


def measure_derivations() -> dict[str, Any]:
    """Seconds for each shipped formula: deriving, proving, printing; and of the command that finds nothing to do."""
    start = time.perf_counter()
    rows: list[dict[str, Any]] = []
    for name, formula in formulas().items():
        print(f"  derive {name}", file=sys.stderr, flush=True)
        _, derived = _timed(partial(differentiate, formula))
        proof, proved = _timed(partial(prove, formula))
        _, printed = _timed(partial(generate, formula, proof))
        rows.append({"formula": name, "derive_seconds": derived, "prove_seconds": proved, "print_seconds": printed})
    without = sum(row["derive_seconds"] + row["print_seconds"] for row in rows)
    everything = time.perf_counter() - start
    checked, seconds = _timed(
        lambda: subprocess.run([sys.executable, "-c", CHECK], stdout=subprocess.DEVNULL, check=False)
    )
    return {
        "formulas": rows,
        "without_proofs_seconds": without,
        "with_proofs_seconds": everything,
        "check_seconds": seconds,
        "current": checked.returncode == 0,
    }


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    clock = time.perf_counter()
    result = work()
    return result, time.perf_counter() - clock


if __name__ == "__main__":
    print(json.dumps(measure_derivations()))
