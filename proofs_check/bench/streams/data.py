"""The file of rows: written once, without a name, so that nothing is left of it however the run ends."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from proofs_check.arrays.exact import InputError
from proofs_check.bench.streams.cases import StreamCase

CHUNK_ROWS = 1 << 16
SPARE = 64 << 20
"""Bytes that must stay free beside the file."""


@contextmanager
def row_file(case: StreamCase, folder: Path | None = None) -> Iterator[IO[bytes]]:
    """A temporary file with the rows of A as float64, standard normal where an entry is drawn, else 0.

    The system removes it when the last process that holds it ends; other processes get its descriptor.

    Args:
        case: whose n, d, density and seed count.
        folder: where the file goes; None for the system's temporary folder.

    Raises:
        InputError: there is no such folder, or too little space in it.
    """
    with tempfile.TemporaryFile(dir=check_folder(case, folder)) as file:
        rng = np.random.default_rng(case.seed)
        for start in range(0, case.n, CHUNK_ROWS):
            shape = min(CHUNK_ROWS, case.n - start), case.d
            drawn = rng.random(shape) < case.density
            file.write(np.where(drawn, rng.standard_normal(shape), 0.0).data)
        file.flush()
        yield file


def check_folder(case: StreamCase, folder: Path | None = None) -> Path:
    """The folder of the file; raises `InputError` as `row_file`, before anything is written."""
    needed, folder = 8 * case.n * case.d, Path(tempfile.gettempdir()) if folder is None else folder
    if not folder.is_dir():
        raise InputError(f"--stream-dir {folder}: there is no such folder; name one that exists")
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE:
        raise InputError(
            f"--stream-dir {folder}: {needed / 1e6:.0f} MB of rows are to be written and {free / 1e6:.0f} MB are free; "
            "name another folder or fewer --stream-rows (0 for none)"
        )
    return folder


def mapped_rows(descriptor: int, n: int, d: int) -> "np.memmap[Any, np.dtype[np.float64]]":
    """The rows of an open file."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return np.memmap(file, dtype=np.float64, mode="r", shape=(n, d))
