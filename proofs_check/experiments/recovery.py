"""Recovery of query-key matrices: how far X, or the predictions, come back from attention maps of finite precision."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from numeric import AttentionRegression, InputError, ProblemData, Regression, Solution, load, shipped, solve
from proofs_check.experiments import Report, Study

LOSS = "normalized-exp"
SHIPPED = ("attention_f2_L3H3", "attention_f2multi_L3H3")
SHARPENED = (2.0, 4.0)
"""Factors on X_true: softmax with a lower temperature, near one-hot rows, badly conditioned Hessians."""
MISSPECIFIED = ("attention_f3_L3H3", "attention_f3tiny_L3H3")
STARTS = 24
UNIDENTIFIED = "attention_f1_L3H3"
LARGEST_DENSE = 1100
"""Unknowns up to which the condition of the Hessian is computed."""
MOST_STEPS = 100
COLUMNS = {
    "problem": "problem",
    "target": "target",
    "method": "method",
    "steps": "steps",
    "seconds": "s",
    "status": "status",
    "twice_value": "2 L",
    "condition": "cond H",
    "x_error": "error of X",
    "prediction_error": "of predictions",
}
NOTES = (
    "An exact map is solved by its logits, in closed form; from x0 = 0 the solver has to find X without them.",
    "Relative errors in the Frobenius norm: of X against X_true, of the predictions against the exact map (the "
    "stored one where there is no X_true).",
    "float32 and float16: the exact map rounded to that format; B_f32: the map of a float32 forward pass.",
    "Sharpened heads (x 2, x 4) have rows near one-hot: their rounded maps hold zeros, and do not determine X.",
    "Misspecified heads have no X_true; X_best is the best one that was known before, from many runs.",
)


@dataclass(frozen=True, eq=False)
class _Head:
    """One head: its linear maps, exact target or targets, and X_true where it is known."""

    name: str
    inputs: tuple[Any, ...]
    exact: Any
    x_true: np.ndarray | None
    measured: np.ndarray | None = None


def run(files: Sequence[Path], quick: bool, report: Report) -> Study:
    """The table.

    Args:
        files: npz files in matrix form, with X_true or without; none for the shipped heads.
        quick: one head, without the misspecified ones.
        report: called with a line for each row.
    """
    rows: list[dict[str, Any]] = []
    for head in _heads(files, quick):
        report(f"  {head.name}, exact, from 0")
        rows.append(_row(head, "exact, x0 = 0", head.exact, x0=np.zeros(_problem(head, head.exact).x_shape)))
        for target, B in _targets(head):
            report(f"  {head.name}, {target}")
            rows.append(_row(head, target, B))
    if not (files or quick):
        for name in MISSPECIFIED:
            report(f"  {name}, {STARTS} starts")
            rows.append(_misspecified(name))
    notes = (*NOTES, *(row.pop("note") for row in rows if "note" in row))
    return Study("recovery", "Recovery of query-key matrices from attention maps", COLUMNS, rows, notes)


def _heads(files: Sequence[Path], quick: bool) -> Iterator[_Head]:
    for path in files:
        yield _head(path.stem, load(path))
    if files:
        return
    first = _head(SHIPPED[0], load(shipped(SHIPPED[0])), _measured(shipped(SHIPPED[0])))
    yield first
    if quick:
        return
    for factor in SHARPENED:
        yield _sharpened(first, factor)
    for name in (*SHIPPED[1:], UNIDENTIFIED):
        yield _head(name, load(shipped(name)))


def _problem(head: _Head, B: Any) -> AttentionRegression:
    A1, A2 = head.inputs
    return AttentionRegression(LOSS, A1, A2, B)


def _head(name: str, stored: ProblemData, measured: np.ndarray | None = None) -> _Head:
    if len(stored.inputs) != 2:
        raise InputError(f"{name}: has A and b; this experiment needs A1, A2 and B")
    return _Head(name, stored.inputs, stored.target, stored.x_true, measured)


def _measured(path: Path) -> np.ndarray | None:
    with np.load(path, allow_pickle=False) as archive:
        return np.asarray(archive["B_f32"], dtype=float) if "B_f32" in archive.files else None


def _sharpened(head: _Head, factor: float) -> _Head:
    assert head.x_true is not None
    X = factor * head.x_true
    exact = _problem(head, head.exact).predict(X)
    return _Head(f"{head.name} x {factor:g}", head.inputs, exact, X)


def _targets(head: _Head) -> Iterator[tuple[str, Any]]:
    yield "exact", head.exact
    if head.measured is not None:
        yield "B_f32", head.measured
    for dtype in (np.float32, np.float16):
        yield np.dtype(dtype).name, _each(head.exact, lambda B, dtype=dtype: B.astype(dtype).astype(float))


def _each(target: Any, change: Any) -> Any:
    return [change(np.asarray(B)) for B in target] if isinstance(target, list) else change(np.asarray(target))


def _row(head: _Head, target: str, B: Any, x0: np.ndarray | None = None) -> dict[str, Any]:
    problem = _problem(head, B)
    solution = solve(problem, x0=x0, max_steps=MOST_STEPS)
    truth = head.x_true if head.x_true is not None and solution.unique is not False else None
    exact = np.concatenate([np.ravel(part) for part in _parts(head.exact)])
    model = np.concatenate([np.ravel(part) for part in _parts(problem.predict(solution.x))])
    return {
        **_fields(head.name, target, solution, problem),
        "x_error": None if truth is None else _relative(solution.x, truth),
        "prediction_error": _relative(model, exact),
    }


def _parts(target: Any) -> list[Any]:
    return target if isinstance(target, list) else [target]


def _relative(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def _fields(name: str, target: str, solution: Solution, problem: Regression) -> dict[str, Any]:
    return {
        "problem": name,
        "target": target,
        "method": solution.method,
        "steps": solution.steps,
        "seconds": solution.seconds,
        "status": solution.status,
        "twice_value": 2 * solution.value,
        "condition": _condition(problem, solution),
    }


def _condition(problem: Regression, solution: Solution) -> float | None:
    """Of the Hessian at the solution, in the stored variables; None where it is too large or not positive definite."""
    if solution.x.size > LARGEST_DENSE:
        return None
    eigenvalues = np.linalg.eigvalsh(problem.hessian(solution.x).to_dense())
    return float(eigenvalues[-1] / eigenvalues[0]) if eigenvalues[0] > 0 else None


def _misspecified(name: str) -> dict[str, Any]:
    path = shipped(name)
    problem = load(path).problem(LOSS)
    with np.load(path, allow_pickle=False) as archive:
        known = 2 * problem.value(archive["X_best"])
    solution = solve(problem, starts=STARTS)
    values = [2 * start.value for start in solution.starts if start.status == "converged"]
    return {
        **_fields(name, f"{STARTS} starts", solution, problem),
        "note": f"{name}: X_best has 2 L = {known:.7g}; {len(values)} converged starts span "
        f"{min(values):.7g} to {max(values):.7g}",
        "x_error": None,
        "prediction_error": None,
    }
