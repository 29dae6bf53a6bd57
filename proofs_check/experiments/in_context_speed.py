"""Seconds of in-context regression: gradient flows at d = 20, and a million prompts with d = 20 and M = 40."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from numeric import InputError
from numeric.in_context import (
    CovarianceLaw,
    DiagonalCovariance,
    PromptLaw,
    estimate,
    fixed_covariance,
    gradient_flow,
    initial_blocks,
    limit,
    reduced_loss,
    risk,
)
from proofs_check.experiments import Report, Study

DIMENSION, LENGTH, SIGMA = 20, 40, 0.1
TOLERANCE = 1e-10
"""Relative distance of u U11 from its limit at which a flow ends."""
PROMPTS, QUICK_PROMPTS = 1_000_000, 50_000
WORKERS = (1, 2)
COLUMNS = {
    "work": "work",
    "law": "covariance",
    "workers": "threads",
    "wall": "wall, s",
    "cpu": "CPU, s",
    "result": "result",
    "deviation": "off by",
}


def run(files: Sequence[Path], quick: bool, report: Report) -> Study:
    """The table.

    Args:
        files: none are taken.
        quick: fewer prompts.
        report: called with a line for each row.

    Raises:
        InputError: files are given.
    """
    if files:
        raise InputError(f"experiment in-context-speed: got {len(files)} files; it draws its own data, leave them out")
    count = QUICK_PROMPTS if quick else PROMPTS
    rows = []
    for name, law in _laws().items():
        report(f"  {name}")
        rows.append({"work": f"flow to {TOLERANCE:g}", "law": name, "workers": 1, **_flow(law)})
        for workers in WORKERS:
            work = f"{count} prompts of {LENGTH}"
            rows.append({"work": work, "law": name, "workers": workers, **_prompts(law, count, workers)})
    notes = (
        f"d = {DIMENSION}. Result of a flow: its relative distance from the limit; of prompts: the mean squared "
        "error of the trained model, the same to the bit for any number of threads, off by so many standard errors.",
        f"Covariates are drawn in pieces of 2 MB, of {count * (LENGTH + 1) * DIMENSION * 8 / 1e9:.3g} GB in all. Most "
        "of the time is that of normal numbers, so threads help as far as cores are free.",
    )
    return Study("in-context-speed", "Speed of in-context regression", COLUMNS, rows, notes)


def _laws() -> dict[str, CovarianceLaw]:
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(DIMENSION, DIMENSION)))
    rotated = (rotation * np.geomspace(2.0, 0.1, DIMENSION)) @ rotation.T
    return {
        "fixed, rotated": fixed_covariance((rotated + rotated.T) / 2),
        "diagonal, Exp(1)": DiagonalCovariance([stats.expon()] * DIMENSION),
    }


def _timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def _flow(law: CovarianceLaw) -> dict[str, Any]:
    start = initial_blocks(SIGMA, np.eye(DIMENSION))
    path, seconds = _timed(lambda: gradient_flow(reduced_loss(law, LENGTH), *start, tolerance=TOLERANCE))
    return {**seconds, "result": float(path.distance[-1]), "deviation": None}


def _prompts(law: CovarianceLaw, count: int, workers: int) -> dict[str, Any]:
    end, test = limit(law, LENGTH), PromptLaw(law, LENGTH)
    found, seconds = _timed(lambda: estimate(test, end.model.squared_error, count, workers=workers))
    exact = risk(end.predictor, test).total
    return {**seconds, "result": float(found.mean), "deviation": float(found.deviation(exact))}
