"""A study as files: tables and curves as CSV, pictures as PNG, the whole as JSON."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numeric import InputError
from proofs_check.experiments import Study
from proofs_check.files import replacing, write_text

RESOLUTION = 130
"""Dots per inch of a picture."""


def check_folder(folder: Path) -> None:
    """A folder that is to be written into later can be made, as far as that shows beforehand.

    Raises:
        InputError: a file is in the way.
    """
    taken = next((path for path in (folder, *folder.parents) if path.exists() and not path.is_dir()), None)
    if taken is not None:
        raise InputError(f"--out {folder}: {taken} is a file; name a folder, it is made if need be")


def write_study(study: Study, folder: Path) -> list[Path]:
    """Write NAME.json, and for the study and each of its parts NAME.csv, NAME-curves.csv and NAME.png if it has them.

    Raises:
        InputError: a file is in the way of the folder.
    """
    check_folder(folder)
    written = [folder / f"{study.name}.json"]
    write_text(written[0], json.dumps(study.to_json(), indent=2, allow_nan=False) + "\n")
    for part in (study, *study.parts):
        for name, rows in ((part.name, part.rows), (f"{part.name}-curves", part.curves)):
            if rows:
                written.append(folder / f"{name}.csv")
                write_text(written[-1], _table(rows))
        if part.picture is not None:
            written.append(folder / f"{part.name}.png")
            with replacing(written[-1]) as scratch:
                part.picture().savefig(scratch, format="png", dpi=RESOLUTION)
    return written


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """All keys of the rows as columns, empty where a row lacks one or its value is not known."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
