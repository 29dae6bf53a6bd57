"""The journal of a campaign: an append-only file of results, from which a killed campaign goes on.

One JSON object a line, written and synchronized as soon as it is known. A line counts only together with the key of
its campaign (seed, samples, depth, witness folder, and the checker's own sources) and the digest of its claim, so what
is taken over is what would be computed again. A torn last line, left by a kill, is passed over.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..arrays.exact import InputError
from ..claims import Claim
from ..verdict import Verdict

VERSION = 1
KIND = "lemmascope campaign"
NAME = "campaign.jsonl"
WITHOUT_VERDICTS = ("bench", "commands", "experiments", "selftest")
"""Packages whose sources no verdict depends on."""


@dataclass
class Journal:
    """Results of one campaign, kept in a file.

    Attributes:
        path: the file.
        key: digest of all settings that results depend on.
        verdicts: claim digest -> verdict taken over from the file.
        surveys: (claim digest, block) -> screened block taken over from the file.
    """

    path: Path
    key: str
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    surveys: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)

    @staticmethod
    def opened(path: str | Path, settings: dict[str, Any], resume: bool) -> Journal:
        """Open a journal for one campaign.

        Args:
            path: the file; made if need be, with its folder.
            settings: what results depend on beside the claims.
            resume: whether to take over what the file holds of the same campaign.

        Raises:
            InputError: the file is something else, of another version, or cannot be written.
        """
        file = Path(path)
        journal = Journal(file, _digest(json.dumps(settings, sort_keys=True) + _checker()))
        try:
            content = file.read_bytes() if file.exists() else b""
        except OSError as cause:
            raise InputError(f"{path}: a results file is needed, {cause.strerror or cause}") from cause
        if content:
            journal._refuse_other_files(content)
        if resume:
            journal._take_over(content)
        if content and not content.endswith(b"\n"):
            journal._append("\n")
        journal.write({"file": KIND, "version": VERSION, **settings})
        return journal

    def _refuse_other_files(self, content: bytes) -> None:
        first = _read(content.split(b"\n", 1)[0])
        if first is None or first.get("file") != KIND:
            raise InputError(f"{self.path}: not a results file of lemmascope check; name another file")
        if first.get("version") != VERSION:
            raise InputError(
                f"{self.path}: results of version {VERSION} are needed, got {first.get('version')!r}; name another file"
            )

    def _take_over(self, content: bytes) -> None:
        for line in content.split(b"\n"):
            entry = _read(line)
            if entry is None or entry.get("key") != self.key:
                continue
            if "verdict" in entry:
                self.verdicts[entry["digest"]] = Verdict(**entry["verdict"])
            elif "survey" in entry:
                self.surveys[entry["digest"], entry["block"]] = entry["survey"]

    def known(self, claim: Claim) -> Verdict | None:
        """The verdict taken over for a claim, if its witness file is still there."""
        found = self.verdicts.get(claim.digest)
        if found is None or found.claim != claim.id or (found.witness and not Path(found.witness).exists()):
            return None
        return found

    def write_verdict(self, claim: Claim, verdict: Verdict) -> None:
        """Append a verdict."""
        self.write({"claim": claim.id, "digest": claim.digest, "verdict": verdict.to_json()})

    def write_survey(self, claim: Claim, block: int, survey: dict[str, Any]) -> None:
        """Append a screened block of a claim."""
        self.write({"claim": claim.id, "digest": claim.digest, "block": block, "survey": survey})

    def write(self, entry: dict[str, Any]) -> None:
        """Append one line; it is on the disk when this returns."""
        self._append(json.dumps({"key": self.key, **entry}) + "\n")

    def _append(self, text: str) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as stream:
                stream.write(text.encode())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as cause:
            raise InputError(f"{self.path}: cannot write results: {cause.strerror or cause}") from cause


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=1)
def _checker() -> str:
    """Digest of the sources that verdicts come from: results of another checker are not taken over."""
    root = Path(__file__).parent.parent
    files = [file for file in root.rglob("*.py") if file.relative_to(root).parts[0] not in WITHOUT_VERDICTS]
    files += root.parent.glob("numeric/_generated/*.py")
    return _digest("".join(_digest(file.read_text(encoding="utf-8")) for file in sorted(files)))
