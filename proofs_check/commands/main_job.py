"""``lemmascope verify``: kernels current and right, a real head recovered, the catalogue checked, a report."""

import importlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from derive import formulas
from numeric import AttentionRegression, Solution, load, shipped, solve
from proofs_check.arrays.exact import InputError
from proofs_check.campaigns.campaign import check
from proofs_check.campaigns.checking import exit_status, select, summary
from proofs_check.campaigns.journal import NAME as JOURNAL
from proofs_check.catalogue import CORE
from proofs_check.commands.display import VerdictProgress, verdict_table, write_json
from proofs_check.commands.kernel_check import verify_generated
from proofs_check.commands.regeneration import Target, changes
from proofs_check.commands.report import write_report
from proofs_check.loading import catalogue_claims

PACKAGES = ("numeric", "proofs_check")
HEAD = "attention_f2_L3H3"
# X is determined to about 1e-13 by these data in float64; the bound leaves room for other BLAS libraries.
RECOVERY_TOLERANCE = 1e-10


def run(out: Path, samples: int, seed: int, jobs: int | None, resume: bool = False) -> int:
    """Do the main job and return its exit status.

    Args:
        out: folder for ``report.html``, ``verdicts.json`` and ``witnesses/``; made if need be.
        samples: instances screened for each claim.
        seed: of all chance.
        jobs: worker processes, None for one per core.
        resume: take over the verdicts that an interrupted run of the same settings left in ``out``.

    Raises:
        InputError: ``out`` cannot be a folder, or samples is not positive.
    """
    if samples < 1:
        raise InputError(f"samples must be at least 1, got {samples}")
    clock = time.perf_counter()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out} cannot be a folder: {error.strerror}") from error
    kernels = check_kernels()
    click.echo(f"Kernels    {kernels['sentence']}")
    head, solution = recover_head()
    click.echo(f"Head       {head['sentence']}")
    with VerdictProgress() as progress:
        verdicts = check(
            select(CORE), samples, seed, jobs, progress, out / "witnesses", journal=out / JOURNAL, resume=resume
        )
    click.echo(f"Catalogue  a core of {len(verdicts)} claims; lemmascope check decides all {len(catalogue_claims())}")
    verdict_table(verdicts)
    results = {**summary(verdicts, seed), "kernels": kernels, "head": head, "seconds": time.perf_counter() - clock}
    write_json(results, str(out / "verdicts.json"))
    write_report(results, out / "report.html", solution)
    written = ", ".join(str(out / name) for name in ("report.html", "verdicts.json", "witnesses"))
    click.echo(f"Wrote {written} after {results['seconds']:.0f} s.")
    return max(exit_status(verdicts), int(not kernels["current"]), int(not head["recovered"]))


def check_kernels() -> dict[str, Any]:
    """Whether every generated module belongs to its formula, and its errors against 50 digits."""
    stale = changes(formulas(), Target.checkout())
    errors = {}
    for name, formula in formulas().items() if not stale else ():
        kernel, balls = (importlib.import_module(f"{p}._generated.{formula.module_name}") for p in PACKAGES)
        report = verify_generated(formula, kernel, balls)
        errors[name] = {"value": report.value, "gradient": report.gradient, "hessian": report.hessian}
    if stale:
        sentence = f"{len(stale)} generated files are out of date ({_listed(stale)}); run lemmascope derive."
    else:
        worst = max(max(e.values()) for e in errors.values())
        sentence = f"{len(errors)} kernels are current; largest error against 50 digits {worst:.0e}."
    return {"current": not stale, "errors": errors, "sentence": sentence}


def _listed(stale: Sequence[Any]) -> str:
    return ", ".join(f"{change.file_name}: {change.reason}" for change in stale)


def recover_head() -> tuple[dict[str, Any], Solution]:
    """Recover the query-key matrix of a real attention head from its attention map.

    The map that is stored in float64 tests the solver to the last digit; the same map rounded to float32, as a model
    would hand it out, shows what can be expected in practice.
    """
    path = shipped(HEAD)
    stored = load(path)
    A1, A2 = stored.inputs
    solution = solve(AttentionRegression("normalized-exp", A1, A2, stored.target))
    with np.load(path, allow_pickle=False) as archive:
        rounded = solve(AttentionRegression("normalized-exp", A1, A2, archive["B_f32"].astype(float)))
    error, error_rounded = stored.relative_error(solution.x), stored.relative_error(rounded.x)
    assert error is not None
    assert error_rounded is not None
    sentence = (
        f"{HEAD}: X recovered to {error:.0e} relative in {solution.steps} steps ({solution.method}, "
        f"{solution.seconds:.1f} s), to {error_rounded:.0e} from the map rounded to float32."
    )
    details = {
        "data": HEAD,
        "status": solution.status,
        "relative_error": error,
        "relative_error_float32": error_rounded,
        "tolerance": RECOVERY_TOLERANCE,
        "recovered": bool(error <= RECOVERY_TOLERANCE),
        "steps": solution.steps,
        "method": solution.method,
        "seconds": solution.seconds,
        "sentence": sentence,
    }
    return details, solution
