"""Tightness profiles: how claimed, derived and observed constants grow, and between which factors the best one lies.

Observed constants come from certified extremal instances and bound the best constant from below; a factor is refuted by
such an instance, or proved over boxes for the scope beside it. A derived bound that holds is not proved.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from proofs_check.campaigns.checking import select
from proofs_check.campaigns.executors import LOCAL, opened
from proofs_check.experiments import Report, Study
from proofs_check.experiments.tightness.families import FAMILIES, QUICK, Statement
from proofs_check.experiments.tightness.measuring import Measured, measure, usable
from proofs_check.experiments.tightness.pictures import growth_picture
from proofs_check.loading import CATALOGUE

__all__ = ["run"]

SEED = 0
TITLE = "The best constants, as factors of the claimed ones; below, how they grow"
GROWTH = {
    "claim": "claim",
    "provenance": "provenance",
    "in": "in",
    "where": "with",
    "claimed": "claimed",
    "derived_id": "derived",
    "derived": "grows as",
    "derived_here": "here as",
    "observed": "observed",
    "errors": "+-",
    "settled": "settled",
    "largest": "log10 ratio",
}
CONSTANTS = {
    "claim": "claim",
    "provenance": "provenance",
    "constant": "constant",
    "scope": "scope",
    "seen_log10": "log10 seen",
    "refuted": "refuted",
    "proved": "proved",
    "derived": "derived",
}
GROWTH_NOTES = (
    "Claimed and derived exponents are read from the constants, as the parameter grows; where the claimed one is of "
    "another form they are fitted. Here as: the derived constant fitted at the same values as the observed one.",
    "Observed: fitted to the best constant that certified instances show, which bounds the best constant from below; "
    "+-: standard errors. Not settled: the larger half of the values alone gives the exponents named.",
    "log10 ratio: the largest share of the claimed bound that a certified instance of the profile uses.",
)
CONSTANTS_NOTES = (
    "The best constant as a factor of the claimed one (for positive bounds from below, the claimed one as a factor of "
    "the best): a certified instance refutes the factor under refuted, and all smaller ones; the factor under proved "
    "is proved by balls over boxes for that scope (-: no proof was found).",
    "Constants of claims whose provenance is reconstructed were not compared with the printed text.",
    "Derived: the best constant derived for the same quantity, with its verdict; holds says that no violation was "
    "found, and proves nothing.",
)


def run(files: Sequence[Path], quick: bool, report: Report) -> Study:
    """The tables and pictures, one part a family and one for the constants.

    Args:
        files: ids of claims, or files of claims, in place of the families.
        quick: few statements, few values.
        report: called with a line for each statement.

    Raises:
        InputError: no such claim, or one that is no bound.
    """
    families = _families([str(path) for path in files], quick)
    work = [(family, statement) for family, statements in families.items() for statement in statements]
    found: list[Measured] = []
    for (_, statement), measured in zip(work, _measured(work, quick), strict=True):
        report(f"  {statement.claim}")
        found.append(measured)
    constants = [row for measured in found for row in measured.constants]
    parts = [
        _growth(family, [row for one in found for row in one.growth if row["family"] == family]) for family in families
    ]
    notes = (*CONSTANTS_NOTES, *GROWTH_NOTES)
    return Study("tightness", TITLE, CONSTANTS, constants, notes, parts=[part for part in parts if part.rows])


def _families(targets: Sequence[str], quick: bool) -> Mapping[str, Sequence[Statement]]:
    if not targets:
        return QUICK if quick else FAMILIES
    known = {statement.claim: statement for statements in FAMILIES.values() for statement in statements}
    chosen = [usable(item) for item in select(targets)]
    catalogued = {claim.id for claim in chosen if claim.origin == CATALOGUE} & known.keys()
    return {"chosen": [known[c.id] if c.id in catalogued else Statement(c.id, None, c.origin) for c in chosen]}


def _measured(work: Sequence[tuple[str, Statement]], quick: bool) -> Iterator[Measured]:
    """In order; on processes where there is more than a quick look to be taken."""
    jobs = min(os.cpu_count() or 1, len(work))
    task: Callable[..., Measured] = partial(measure, seed=SEED, quick=quick)
    if quick or jobs == 1:
        yield from (task(statement, family) for family, statement in work)
        return
    with opened(LOCAL, jobs) as pool:
        yield from pool.map(task, [statement for _, statement in work], [family for family, _ in work])


def _growth(family: str, rows: Sequence[dict[str, Any]]) -> Study:
    title = f"Growth of {'the chosen claims' if family == 'chosen' else family.replace('-', ' ')}"
    picture = partial(growth_picture, rows)
    return Study(f"tightness-{family}", title, GROWTH, rows, picture=picture)
