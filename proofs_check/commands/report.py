"""The report page: what was checked, what was found, and how to replay it."""

import base64
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from numeric import Solution
from proofs_check.arrays.exact import InputError
from proofs_check.claims import PROVENANCES, Claim
from proofs_check.files import write_text
from proofs_check.loading import catalogue_claims


def read_results(path: Path) -> dict[str, Any]:
    """The JSON object of ``verify`` or ``check --json``.

    Raises:
        InputError: the file is missing or holds no verdicts.
    """
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}); lemmascope verify writes such a file") from error
    if not isinstance(results, dict) or not isinstance(results.get("verdicts"), list):
        raise InputError(f"{path} holds no verdicts; lemmascope verify, or check --json FILE, writes such a file")
    return results


def write_report(results: Mapping[str, Any], path: Path, solution: Solution | None = None) -> None:
    """Write one self-contained page; the picture is there when the solution is.

    Raises:
        InputError: a verdict lacks a field.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("proofs_check"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    statements = {claim.id: claim.statement for claim in catalogue_claims() if isinstance(claim, Claim)}
    try:
        page = environment.get_template("report.html.j2").render(
            results=results,
            statements=statements,
            provenances=PROVENANCES,
            picture=None if solution is None else _picture(solution),
            growths={v["claim"]: _growth_picture(v) for v in results["verdicts"] if v.get("growth")},
        )
    except jinja2.UndefinedError as error:
        raise InputError(f"The results are incomplete: {error}; write them again with lemmascope verify") from error
    write_text(path, page)


def _growth_picture(verdict: Mapping[str, Any]) -> str:
    """The growth profiles of one verdict, as a PNG in base64."""
    from proofs_check.bounds.growth import draw

    buffer = io.BytesIO()
    draw(verdict["growth"], buffer, verdict["claim"])
    return base64.b64encode(buffer.getvalue()).decode()


def _picture(solution: Solution) -> str:
    """The way of the solver, as a PNG in base64."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    steps = [row.step for row in solution.history]
    for values, label in (
        ([row.value for row in solution.history], "loss"),
        ([row.gradient_norm for row in solution.history], "gradient norm"),
    ):
        axes.semilogy(steps, values, marker="o", markersize=3, label=label)
    axes.set(xlabel="step", title="Recovery of the attention head")
    axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return base64.b64encode(buffer.getvalue()).decode()
