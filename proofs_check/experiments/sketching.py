"""The cost of sketched Newton: a step against nnz(A) over three decades, a Hessian in both forms, and whole solves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numeric import InputError
from proofs_check.bench.sketched_hessians import (
    FEWER,
    MATRIX_COLUMNS,
    MATRIX_ROWS,
    VECTOR_COLUMNS,
    VECTOR_ROWS,
    HessianTimes,
    attention_problem,
    crossing,
    far_problem,
    hessian_times,
    solve_times,
)
from proofs_check.bench.sketching import ROWS, StepTimes, cost_slope, regularized_problem, slope_interval, step_times
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
HESSIAN_COLUMNS = {
    "form": "form",
    "rows": "n",
    "unknowns": "unknowns",
    "exact": "exact, s",
    "theorem": "theorem, s",
    "sampled": "share of rows",
    "eps0": "eps0",
    "fewer": "fewer, s",
    "certificate": "certificate, s",
    "eps0_fewer": "eps0, fewer",
}
SOLVE_COLUMNS = {"problem": "problem", "method": "method", "steps": "steps", "seconds": "s", "error": "from Newton's x"}
QUICK_SIZES = {"vector": (2_000, 20_000), "matrix": (200, 800)}


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
    slopes = ", ".join(_slope(times, field) for field in ("fresh", "reused", "exact"))
    rows = [step.to_json() for step in times]
    if not quick:
        d, row_entries, n = FULLER
        report(f"  {n} rows with {row_entries} of {d} entries")
        rows.append(step_times(n, d, row_entries, draws=None).to_json())
    notes = (
        f"Seconds grow as nnz(A)^p, fitted with 32 columns: {slopes} (p = 1 is linear; 95% intervals in brackets).",
        "CPU seconds of one step on regularized normalized-exp; eps0 is measured, 2000 rows are drawn (last line of "
        "the full run: as many as the sampling theorem asks for). Exact Newton works on the same A here, in columns of "
        "unit length; `solve` whitens A first, after which a step with nearly full rows costs less.",
    )
    parts = (_hessians(quick, report), _solves(quick, report))
    return Study("sketching", "One step of sketched Newton", COLUMNS, rows, notes, parts=parts)


def _slope(times: Sequence[StepTimes], field: str) -> str:
    low, high = slope_interval(times, field)
    return f"{field} {cost_slope(times, field):.2f} [{low:.2f}, {high:.2f}]"


def _hessians(quick: bool, report: Report) -> Study:
    """The Hessian alone, at growing sizes of both forms."""
    times: list[HessianTimes] = []
    notes = []
    for form, columns, sizes in (("vector", VECTOR_COLUMNS, VECTOR_ROWS), ("matrix", MATRIX_COLUMNS, MATRIX_ROWS)):
        report(f"  Hessians in {form} form")
        found = [hessian_times(form, n, columns) for n in (QUICK_SIZES[form] if quick else sizes)]
        notes.append(f"{form} form, {columns} columns: {_crossings(found)}.")
        times += found
    notes.append(
        f"Theorem: a sample of the theorem's size, or all rows where they are too few; fewer: {FEWER} rows drawn for "
        "each unknown. Certificate: the products by which eps0 is measured for it. In matrix form A1 and A2 have n "
        "rows each, and the low-rank part, which is kept exactly, and D are in all columns."
    )
    rows = [each.to_json() for each in times]
    return Study("sketching-hessians", "A sampled Hessian beside the exact one", HESSIAN_COLUMNS, rows, notes)


def _crossings(times: Sequence[HessianTimes]) -> str:
    names = {"theorem": "of the theorem's size", "fewer": "of fewer rows", "step": "of fewer rows, certified,"}
    return "; ".join(f"a sample {words} {_from(crossing(times, field), times)}" for field, words in names.items())


def _from(rows: float | None, times: Sequence[HessianTimes]) -> str:
    if rows is None:
        return f"costs more than the exact Hessian up to n = {times[-1].rows}"
    return f"costs less from n = {rows:.0f} on" + (" or before" if rows == times[0].rows else "")


def _solves(quick: bool, report: Report) -> Study:
    """Whole solves by several methods."""
    scale, rows = (20 if quick else 1), []
    far, x0 = far_problem(150_000 // scale, 128)
    cases = (
        ("vector, near", regularized_problem(400_000 // scale, 64, 16), None),
        ("vector, far", far, x0),
        ("matrix", attention_problem(2000 // scale, 16), None),
    )
    for name, problem, start in cases:
        report(f"  solves: {name}")
        rows += [{"problem": name, **row} for row in solve_times(problem, start)]
    return Study("sketching-solves", "Whole solves", SOLVE_COLUMNS, rows, (_summary(rows),))


def _summary(rows: Sequence[Mapping[str, Any]]) -> str:
    """Where sketched Newton was faster, in a sentence."""
    seconds = {(row["problem"], row["method"]): row["seconds"] for row in rows}
    ratios = [
        f"{problem} {seconds[problem, 'sketched-newton'] / seconds[problem, 'newton']:.1f}"
        for problem in dict.fromkeys(row["problem"] for row in rows)
    ]
    return (
        f"Seconds of sketched Newton over those of Newton: {', '.join(ratios)} (above 1 it loses). Its rate is linear, "
        "so near the minimum it takes more steps; scores and certificates are products with A as well."
    )
