"""Linear self-attention on in-context linear regression (arXiv 2306.09927): tables and pictures, exact beside measured.

Every part takes its laws from a `Scene`: those of the paper, or one that the user brings.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numeric import InputError
from numeric.in_context import load_covariance
from proofs_check.experiments import Report, Study
from proofs_check.experiments.linear_attention.comparison import comparison_study
from proofs_check.experiments.linear_attention.convergence import convergence_study
from proofs_check.experiments.linear_attention.landscapes import landscape_study
from proofs_check.experiments.linear_attention.measuring import score_limit, scores
from proofs_check.experiments.linear_attention.minibatches import minibatch_study
from proofs_check.experiments.linear_attention.random_covariances import random_study
from proofs_check.experiments.linear_attention.risks import risk_study
from proofs_check.experiments.linear_attention.scenes import Scene, law_scene, paper_scene
from proofs_check.experiments.linear_attention.shifts import shift_study

__all__ = ["law_scene", "paper_scene", "run", "study_of"]

PARTS: Sequence[Callable[[Scene, bool], Study]] = (
    convergence_study,
    minibatch_study,
    landscape_study,
    risk_study,
    shift_study,
    random_study,
    comparison_study,
)
COLUMNS = {
    "part": "part",
    "checks": "checks",
    "failed": "failed",
    "scores": "z-scores",
    "largest": "largest |z|",
    "limit": "0.1 % limit",
}
NOTES = (
    "Checks: what the theory says about a flow, kept or failed. z-scores: (Monte Carlo - exact)/(standard error); by "
    "chance the largest |z| of a part exceeds its limit once in a thousand parts.",
    "The softmax GPT-2 experiment of the paper's Figure 1 is out of scope: the paper has no figure of linear "
    "self-attention itself, and prints no numbers to compare with.",
)


def run(files: Sequence[Path], quick: bool, report: Report) -> Study:
    """All parts.

    Args:
        files: npz files with a covariance law each (see `numeric.in_context.load_covariance`), which take the place of
            the paper's laws.
        quick: fewer prompts, starts and steps.
        report: called with a line for each part.

    Raises:
        InputError: a file holds no covariance law, or two have the same name.
    """
    names = [path.stem for path in files]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{twice}: got two files of this name, which names the tables of a law; rename one")
    scenes = [law_scene(path.stem, load_covariance(path)) for path in files] or [paper_scene()]
    return study_of(scenes, quick, report)


def study_of(scenes: Sequence[Scene], quick: bool, report: Report) -> Study:
    """The study of given laws, for instance ``[law_scene("mine", DiagonalCovariance([stats.gamma(2)] * 5))]``."""
    parts = []
    for scene in scenes:
        for make in PARTS:
            report(f"  {scene.prefix}, {make.__name__.removesuffix('_study').replace('_', ' ')}")
            part = make(scene, quick)
            if part.rows:
                parts.append(replace(part, name=f"{scene.prefix}-{part.name}"))
    title = "Linear self-attention on in-context linear regression"
    return Study("linear-attention", title, COLUMNS, [_summary(part) for part in parts], NOTES, parts=parts)


def _summary(part: Study) -> dict[str, Any]:
    kept = [row["kept"] for row in part.rows if row.get("kept") is not None]
    found = scores(part.curves or part.rows)
    return {
        "part": part.name,
        "checks": len(kept),
        "failed": kept.count(False),
        "scores": len(found),
        "largest": max(found, default=None),
        "limit": score_limit(len(found)) if found else None,
    }
