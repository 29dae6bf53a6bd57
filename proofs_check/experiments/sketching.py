"""The cost of a sketched Newton step against nnz(A), over three decades, beside a step on the exact Hessian."""

from collections.abc import Sequence
from pathlib import Path

from numeric import InputError
from proofs_check.bench.sketching import ROWS, StepTimes, cost_slope, step_times
from proofs_check.experiments import Report, Study

QUICK_ROWS = (4_000, 12_000, 40_000)
FULLER = (64, 48, 400_000)
"""d, nonzeros in a row and rows of a case in which the exact Gram matrix is dearer than a sample."""
COLUMNS = {
    "columns": "d",
    "entries": "nnz(A)",
    "fresh": "new scores, s",
    "reused": "old scores, s",
    "exact": "exact Newton, s",
    "eps0": "eps0",
    "sampled": "rows",
}


def run(files: Sequence[Path], quick: bool, report: Report) -> Study:
    """CPU seconds of one step at each size, and the fitted exponents of nnz(A).

    Args:
        files: none are taken.
        quick: one decade.
        report: called with a line for each size.

    Raises:
        InputError: files are given.
    """
    if files:
        raise InputError(f"experiment sketching: got {len(files)} files; it draws its own data, leave them out")
    times: list[StepTimes] = []
    for n in QUICK_ROWS if quick else ROWS:
        report(f"  {n} rows")
        times.append(step_times(n))
    slopes = ", ".join(f"{field} {cost_slope(times, field):.2f}" for field in ("fresh", "reused", "exact"))
    rows = [step.to_json() for step in times]
    if not quick:
        d, row_entries, n = FULLER
        report(f"  {n} rows with {row_entries} of {d} entries")
        rows.append(step_times(n, d, row_entries, draws=None).to_json())
    notes = (
        f"Seconds grow as nnz(A)^p, fitted with 32 columns: {slopes} (p = 1 is linear).",
        "CPU seconds of one step on regularized normalized-exp; eps0 is measured, 2000 rows are drawn (last line of "
        "the full run: as many as the sampling theorem asks for).",
        "Whole solves by sketched Newton were slower than exact Newton and L-BFGS at every size tried: its scores and "
        "its certificate are products with A as well.",
    )
    return Study("sketching", "One step of sketched Newton", COLUMNS, rows, notes)
