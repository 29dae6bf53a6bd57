"""What the commands ask of the catalogue: which claims, which verdicts, which exit status."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from proofs_check.arrays.exact import InputError
from proofs_check.campaigns.campaign import Progress, check
from proofs_check.campaigns.executors import LOCAL
from proofs_check.campaigns.journal import NAME as JOURNAL
from proofs_check.claims import PROVENANCES, Claim, Malformed
from proofs_check.loading import catalogue_claims, find_claim, load_claims
from proofs_check.verdict import ERROR, Verdict

VERSION = 1
"""Version of the JSON objects that the commands write."""


def select(targets: Sequence[str], paper: str | None = None) -> list[Claim | Malformed]:
    """The claims that targets name: catalogue ids (or the stem of several) and files; all when there is none.

    Raises:
        InputError: an unknown id, an unusable file, or no claim of that paper.
    """
    found: list[Claim | Malformed] = [] if targets else list(catalogue_claims())
    for target in targets:
        found += load_claims(target) if target.endswith(".py") else _by_id(target)
    chosen = [claim for claim in found if paper in (None, claim.paper)]
    if not chosen:
        papers = ", ".join(sorted({claim.paper for claim in found}))
        raise InputError(f"No claim of paper {paper!r}; the papers are {papers}")
    return chosen


def _by_id(target: str) -> list[Claim | Malformed]:
    """The claim of that id, or its variants: P3-11 stands for P3-11-exp, P3-11-cosh and P3-11-sinh."""
    variants = [claim for claim in catalogue_claims() if claim.id.startswith(f"{target}-")]
    exact = any(claim.id == target for claim in catalogue_claims())
    return variants if variants and not exact else [find_claim(target)]


def check_targets(
    targets: Sequence[str],
    paper: str | None,
    samples: int,
    seed: int,
    jobs: int | None,
    deep: bool,
    witnesses: str,
    progress: Progress,
    executor: str = LOCAL,
    resume: str | None = None,
    begins: Callable[[Path], None] = lambda path: None,
) -> list[Verdict]:
    """Select claims and examine them; every result is kept in the campaign's file as soon as it is known.

    Args:
        targets, paper: see `select`.
        samples, seed, jobs, deep, progress, executor: see `campaign.check`.
        witnesses: folder for witness files, and for the campaign's file unless ``resume`` names one.
        resume: "" goes on from the file in the folder of witnesses, a path from that one; None starts afresh.
        begins: called with the campaign's file where there is none to go on from.

    Raises:
        InputError: as `select` and `campaign.check`, or ``resume`` is no results file, or in no folder.
    """
    if resume and not resume.endswith(".jsonl"):
        raise InputError(f"--resume takes a results file ending in .jsonl, got {resume!r}; name claims before --resume")
    journal = Path(resume or Path(witnesses) / JOURNAL)
    if resume and not journal.parent.is_dir():
        raise InputError(f"--resume {resume}: there is no folder {journal.parent}; make it, or name another file")
    claims = select(targets, paper)
    if resume is not None and not journal.exists():
        begins(journal)
    return check(claims, samples, seed, jobs, progress, witnesses, deep, executor, journal, resume is not None)


def summary(verdicts: Sequence[Verdict], seed: int) -> dict[str, Any]:
    """The JSON object of a campaign."""
    return {"version": VERSION, "seed": seed, "verdicts": [verdict.to_json() for verdict in verdicts]}


def exit_status(verdicts: Sequence[Verdict]) -> int:
    """0 all as expected, 1 a verdict differs from its expectation, 2 a claim is malformed or could not be checked."""
    if any(verdict.outcome == ERROR and verdict.expected is not True for verdict in verdicts):
        return 2
    return int(any(verdict.unexpected for verdict in verdicts))


def catalogue_rows(paper: str | None = None) -> list[dict[str, Any]]:
    """The catalogue as plain data, one entry per claim."""
    return [
        {
            "claim": claim.id,
            "paper": claim.paper,
            "kind": claim.kind,
            "provenance": claim.provenance,
            "provenance_means": PROVENANCES[claim.provenance],
            "expect": claim.expect,
            "statement": claim.statement,
        }
        for claim in select((), paper)
        if isinstance(claim, Claim)
    ]
