"""What a worker process does: claims arrive by name, results leave as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..arrays.exact import InputError
from ..claims import Claim, Malformed
from ..instances.survey import Survey, survey_block
from ..loading import find_claim
from ..verdict import Verdict
from .examine import examine

Item = Claim | Malformed


@dataclass(frozen=True)
class Settings:
    """How thoroughly a claim is examined.

    Attributes:
        samples: instances screened in float64.
        seed: of all chance; the same verdicts for any number of workers.
        witness_dir: where witness files go, or None.
        deep: sizes up to 64 and a longer search.
    """

    samples: int = 1000
    seed: int = 0
    witness_dir: str | None = None
    deep: bool = False


def malformed(item: Claim, reason: str) -> Malformed:
    """A claim that cannot be checked after all."""
    return Malformed(item.id, reason, item.path, item.line, item.paper, item.provenance, item.expect)


def _found(identifier: str, origin: str, digest: str) -> Item:
    """The claim of that name in this process, if it is still the same."""
    try:
        item = find_claim(identifier, origin)
    except InputError as cause:  # a machine without the file, or a file that was changed meanwhile
        return Malformed(identifier, str(cause), origin, 0)
    if isinstance(item, Claim) and item.digest != digest:
        return malformed(item, f"the file {origin} changed while it was being checked; check it again")
    return item


def screen_block(identifier: str, origin: str, digest: str, settings: Settings, block: int) -> dict[str, Any]:
    """One screened block; nothing where the claim fails, which its examination will tell."""
    item = _found(identifier, origin, digest)
    try:
        if isinstance(item, Claim):
            return survey_block(item, settings.seed, settings.samples, settings.deep, block).to_json()
    except (Exception, SystemExit):
        pass
    return {}


def examine_claim(
    identifier: str, origin: str, digest: str, settings: Settings, stored: list[dict[str, Any]]
) -> Verdict:
    """The verdict of a claim, from the blocks of its survey where there are several."""
    item = _found(identifier, origin, digest)
    screened = Survey.merged([Survey.from_json(part) for part in stored]) if stored and all(stored) else None
    return examine(item, settings.samples, settings.seed, settings.witness_dir, settings.deep, screened)
