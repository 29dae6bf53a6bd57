"""Witness files: one exact instance and what was certain about it, as JSON."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .arrays.backends import Instance
from .arrays.exact import Count, InputError, rational, text
from .files import write_text

SCHEMA = 1
_FIELDS = {"schema", "claim", "digest", "path", "kind", "outcome", "instance", "left", "right", "bits"}


@dataclass(frozen=True)
class Witness:
    """A stored instance.

    Attributes:
        claim: the claim's id.
        digest: the claim's digest when it was stored.
        path: the claim's file as it was given, or "" for the catalogue.
        kind: the claim's kind.
        outcome: "refuted" (the instance breaks the claim) or "holds" (the worst instance found).
        instance: exact values of the arguments.
        left, right: the sides as they were observed.
        bits: precision at which it was decided.
    """

    claim: str
    digest: str
    path: str
    kind: str
    outcome: str
    instance: Instance
    left: str
    right: str
    bits: int

    def _file_stem(self) -> str:
        """The id; with a mark of its own where the id is no file name, or where the claim comes from a file."""
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", self.claim)
        if plain == self.claim and not self.path:
            return plain
        return f"{plain}-{hashlib.sha256(f'{self.path}/{self.claim}'.encode()).hexdigest()[:8]}"

    def save(self, folder: Path) -> Path:
        """Write the witness into a folder and return its path."""
        target = folder / f"{self._file_stem()}.json"
        stored = {name: stored_value(value) for name, value in self.instance.items()}
        content = {
            "schema": SCHEMA,
            **{name: getattr(self, name) for name in self.__dataclass_fields__},
            "instance": stored,
        }
        write_text(target, json.dumps(content, indent=1) + "\n")
        return target


def stored_value(value: Any) -> Any:
    """An exact value as JSON: sizes as numbers, rationals as "p/q", arrays as nested lists of those."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, np.ndarray):
        return [stored_value(part) for part in value]
    return text(value)


def read_value(stored: Any) -> Any:
    """The exact value that `stored_value` wrote.

    Raises:
        TypeError, ValueError: it is none.
    """
    if isinstance(stored, (bool, float)):
        raise TypeError(f"an exact value is a whole number, a text 'p/q' or a list, got {stored!r}")
    if isinstance(stored, int):
        return Count(stored)
    if isinstance(stored, str):
        return rational(stored)
    values = np.array(stored, dtype=object)
    if values.ndim not in (1, 2) or not all(isinstance(cell, str) for cell in values.reshape(-1)):
        raise TypeError("an array is a list, or a list of rows of one length, of texts 'p/q'")
    out = np.empty(values.shape, dtype=object)
    out.reshape(-1)[:] = [rational(cell) for cell in values.reshape(-1)]
    return out


def load(path: str | Path) -> Witness:
    """Read a witness file.

    Raises:
        InputError: the file is missing, no JSON, truncated, of another schema or lacks fields.
    """
    content = _content(Path(path))
    if content.get("schema") != SCHEMA:
        raise InputError(f"{path}: witness schema {SCHEMA} is needed, got {content.get('schema')!r}; write it again")
    missing = sorted(_FIELDS - content.keys())
    if missing or not isinstance(content["instance"], dict):
        raise InputError(f"{path}: not a whole witness file, missing {', '.join(missing) or 'an instance'}")
    for name, kind in [(n, str) for n in ("claim", "digest", "path", "kind", "outcome", "left", "right")] + [
        ("bits", int)
    ]:
        if not isinstance(content[name], kind):
            raise InputError(f"{path}: the field {name!r} must be {kind.__name__}, got {content[name]!r}")
    try:
        instance = {str(name): read_value(value) for name, value in content["instance"].items()}
    except (TypeError, ValueError) as cause:
        raise InputError(f"{path}: the instance is not exact: {cause}") from cause
    return Witness(**{name: content[name] for name in _FIELDS - {"schema", "instance"}}, instance=instance)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as cause:
        raise InputError(f"{path}: a witness file is needed, {cause.strerror or cause}") from cause
    except (ValueError, RecursionError) as cause:
        raise InputError(
            f"{path}: a witness file holds JSON, this one is damaged or something else ({cause})"
        ) from cause
    if not isinstance(content, dict):
        raise InputError(f"{path}: a witness file holds one JSON object, got a {type(content).__name__}")
    return content
