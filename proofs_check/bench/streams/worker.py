"""One process: `python -m proofs_check.bench.streams.worker` measures the time or the memory of streamed cases.

It reads a request (what, cores, budget, the descriptor of the rows' file, cases) and writes a JSON line for each case.
"""

import json
import sys
from dataclasses import replace
from typing import Any

from numeric.rows import BLOCK_ENTRIES, NARROW
from proofs_check.bench.cases import Work
from proofs_check.bench.measure import measure
from proofs_check.bench.streams.cases import StreamCase, StreamInstance, memory_bound, stream_instance
from proofs_check.bench.streams.data import mapped_rows
from proofs_check.bench.streams.floors import stream_floors
from proofs_check.bench.streams.memory import array_peak, resident_peak
from proofs_check.bench.worker import difference, pinned

QUARTER = 4
"""Memory is measured on all rows and on a quarter of them, which should take as much."""


def main() -> None:
    """Read the request from standard input."""
    request = json.load(sys.stdin)
    with pinned(request["cores"]):
        for fields in request["cases"]:
            case = StreamCase(**fields)
            print(f"  {request['what']}: {case}", file=sys.stderr, flush=True)
            if request["what"] == "memory":
                record = measure_memory(case, request["descriptor"])
            else:
                record = measure_time(case, request["descriptor"], request["budget"])
            print(json.dumps(record), flush=True)


def measure_memory(case: StreamCase, descriptor: int) -> dict[str, Any]:
    """Peaks beyond A, b, x and what was loaded before, in bytes; `growth` of the arrays' peak from a quarter of the
    rows to all of them, None where a quarter is less than two blocks.

    The quarter comes first: it loads code that is imported on first use.
    """
    quarter = replace(case, n=max(1, case.n // QUARTER))
    _, part = _evaluation(quarter, descriptor)
    part()
    few = array_peak(part)
    data, work = _evaluation(case, descriptor)
    peak, arrays = resident_peak(work), array_peak(work)
    return {
        "peak_bytes": peak,
        "array_bytes": arrays,
        "growth": arrays / few if quarter.n >= 2 * BLOCK_ENTRIES // max(NARROW, case.d) else None,
        "bound_bytes": memory_bound(case),
        "stored_bytes": data.stored_bytes,
    }


def _evaluation(case: StreamCase, descriptor: int) -> tuple[StreamInstance, Work]:
    data = stream_instance(case, mapped_rows(descriptor, case.n, case.d))
    problem = data.problem()
    return data, lambda: data.evaluate(problem)


def measure_time(case: StreamCase, descriptor: int, budget: float) -> dict[str, Any]:
    """Our time, reads of A, the floor, and how far the result is from that of the same rows in memory."""
    data = stream_instance(case, mapped_rows(descriptor, case.n, case.d))
    problem = data.problem()
    works: dict[str, Work] = {"ours": lambda: data.evaluate(problem)}
    works |= stream_floors(data, descriptor)
    for work in works.values():
        work()
    timings = measure(works, budget)
    ours, reads = timings.pop("ours"), data.reads(problem)
    fastest = min(timings, key=lambda name: timings[name].seconds)
    return {
        **ours.to_json(),
        "reads": reads,
        "stored_bytes": data.stored_bytes,
        "gigabytes_per_second": reads * data.stored_bytes / ours.seconds / 1e9,
        "floor": fastest,
        "floor_seconds": timings[fastest].seconds,
        "share_of_floor": timings[fastest].seconds / ours.seconds,
        "difference": difference(data.evaluate(problem), data.in_memory()),
    }


if __name__ == "__main__":
    main()
