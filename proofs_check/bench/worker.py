"""One measuring process: `python -m proofs_check.bench.worker` reads a request and writes one JSON line for each case.

A process of its own, because the thread pools of BLAS, JAX and PyTorch take their size when they start: cores and
environment are settled before anything is imported that computes. It also keeps a rival that dies from ending the run.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from proofs_check.bench.cases import Case, Instance, Work, instance
from proofs_check.bench.floors import BESIDE, floors
from proofs_check.bench.measure import Timing, measure
from proofs_check.bench.rivals import Skipped, missing, prepare, to_numpy
from proofs_check.files import json_number

AGREEMENT = 1e-8
"""Largest difference of a rival's result from ours, relative to the largest entry, at which it is timed."""
OURS = "ours"


def main() -> None:
    """Read the request from standard input: cores, rivals, budget, cases, and how many of all were done before."""
    request = json.load(sys.stdin)
    cases = [Case(**fields) for fields in request["cases"]]
    with pinned(request["cores"]):
        for number, case in enumerate(cases, start=request["done"] + 1):
            print(f"  [{number}/{request['of']}] {case}", file=sys.stderr, flush=True)
            record = measure_case(case, tuple(request["rivals"]), request["budget"])
            print(json.dumps({**record, "cores": request["cores"]}), flush=True)


def pinned(cores: int) -> ExitStack:
    """Hold this process to so many cores and its libraries to so many threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])
    held = ExitStack()
    if find_spec("threadpoolctl") is not None:
        held.enter_context(import_module("threadpoolctl").threadpool_limits(cores))
    return held


def measure_case(case: Case, rivals: tuple[str, ...], budget: float) -> dict[str, Any]:
    """One row: our time, the floor's, each rival's with its speedup, or why it has none."""
    data = instance(case)
    works: dict[str, Work] = {OURS: data.work()}
    ours = to_numpy(works[OURS](), case.operation)
    works |= {f"floor:{name}": work for name, work in floors(data).items()}
    works |= {f"beside:{name}": work for name, work in _beside(data).items()}
    for work in works.values():
        work()
    notes = {}
    for rival in rivals if case.variant == "dense" else ():
        notes[rival], theirs = _prepared(rival, data, ours)
        if theirs is not None:
            works[rival] = theirs
    return _record(data, measure(works, budget), notes)


def _beside(data: Instance) -> dict[str, Work]:
    """What an operation is compared with beside its floor: a product with a gradient, a variant with the dense case."""
    problem, x = data.problem, data.x
    if data.case.operation == "product-cached":
        return {"gradient": lambda: problem.value_and_gradient(x)}
    if data.case.variant == "dense":
        return {}
    dense = instance(Case(**{**data.case.to_json(), "variant": "dense"})).problem
    return {"dense": lambda: dense.value_and_gradient(x)}


def _prepared(rival: str, data: Instance, ours: tuple[np.ndarray, ...]) -> tuple[dict[str, Any], Work | None]:
    """A rival's work, compiled and found to agree with ours; or the reason why it is not timed."""
    if missing((rival,)):
        return {"skipped": "not installed"}, None
    clock = time.perf_counter()
    try:
        if rival == "torch":
            import_module("torch").set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        work = prepare(rival, data)
        theirs = to_numpy(work(), data.case.operation)
    except Skipped as reason:
        return {"skipped": str(reason)}, None
    except (MemoryError, RuntimeError) as error:
        return {"skipped": f"failed: {str(error).splitlines()[0] if str(error) else type(error).__name__}"}, None
    note = {"prepare_seconds": time.perf_counter() - clock, "difference": difference(theirs, ours)}
    if not note["difference"] <= AGREEMENT:
        shown = json_number(note["difference"])
        return {**note, "difference": shown, "skipped": "disagrees with ours, not timed"}, None
    return note, work


def difference(found: tuple[np.ndarray, ...], expected: tuple[np.ndarray, ...]) -> float:
    """Largest difference of any part relative to the part's largest entry; NaN and other shapes differ infinitely."""
    if [part.shape for part in found] != [part.shape for part in expected]:
        return np.inf
    return max((_relative(a, b) for a, b in zip(found, expected, strict=True)), default=0.0)


def _relative(found: np.ndarray, expected: np.ndarray) -> float:
    size, distance = float(np.abs(expected).max()), float(np.abs(found - expected).max())
    return np.inf if np.isnan(distance) else distance / size if size else distance


def _record(data: Instance, timings: Mapping[str, Timing], notes: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    ours = timings[OURS]
    record = {**data.case.to_json(), **ours.to_json(), "entries": data.entries, **dict(_floor_fields(timings))}
    if "beside:gradient" in timings:
        record["gradients"] = ours.seconds / timings["beside:gradient"].seconds
    if "beside:dense" in timings:
        record["dense_seconds"] = timings["beside:dense"].seconds
        per_entry = ours.seconds / record["entries"]
        record["per_entry"] = per_entry / (timings["beside:dense"].seconds / data.target.size)
    for rival, note in notes.items():
        if rival in timings:
            note |= {**timings[rival].to_json(), "speedup": timings[rival].seconds / ours.seconds}
    return {**record, "rivals": dict(notes)}


def _floor_fields(timings: Mapping[str, Timing]) -> Iterator[tuple[str, Any]]:
    found = {name.removeprefix("floor:"): t.seconds for name, t in timings.items() if name.startswith("floor:")}
    for name in BESIDE:
        if name in found:
            yield f"{name}_seconds", found.pop(name)
    if found:
        fastest = min(found, key=lambda name: found[name])
        yield "floor", fastest
        yield "floor_seconds", found[fastest]
        yield "share_of_floor", found[fastest] / timings[OURS].seconds


if __name__ == "__main__":
    main()
