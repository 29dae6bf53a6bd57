"""Campaigns: many claims, each through screen, search, balls, shrinking and proof, on processes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .claims import Claim, Malformed
from .exact import InputError
from .examine import examine
from .loading import find_claim
from .verdict import Verdict

BLAS_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

Progress = Callable[[int, int, Verdict], None]


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


def check(
    claims: Iterable[Claim | Malformed],
    samples: int = 1000,
    seed: int = 0,
    jobs: int | None = 1,
    progress: Progress | None = None,
    witness_dir: str | Path | None = None,
    deep: bool = False,
) -> list[Verdict]:
    """Examine claims and return their verdicts in order.

    Args:
        claims: from `catalogue_claims`, `load_claims`, or declared in the running session.
        samples: instances that each claim is screened on, at least 1.
        seed: the source of all chance; verdicts do not depend on the number of workers.
        jobs: worker processes; None takes one per core. Claims of the running session are examined in this process.
        progress: called as progress(done, total, verdict) in the calling process.
        witness_dir: folder for witness files.
        deep: larger sizes and a longer search.

    Raises:
        InputError: samples or jobs below 1, or a negative seed.
    """
    items = list(claims)
    jobs = os.cpu_count() or 1 if jobs is None else jobs
    for name, value, least in (("samples", samples, 1), ("jobs", jobs, 1), ("seed", seed, 0)):
        if value < least:
            raise InputError(f"{name} must be at least {least}, got {value}")
    settings = Settings(samples, seed, None if witness_dir is None else str(witness_dir), deep)
    verdicts: dict[int, Verdict] = {}

    def done(place: int, verdict: Verdict) -> None:
        verdicts[place] = verdict
        if progress is not None:
            progress(len(verdicts), len(items), verdict)

    remote = [i for i, item in enumerate(items) if isinstance(item, Claim) and item.origin] if jobs > 1 else []
    if remote:
        _on_processes(items, remote, settings, min(jobs, len(remote)), done)
    for place, item in enumerate(items):
        if place not in verdicts:
            done(place, examine(item, settings.samples, settings.seed, settings.witness_dir, settings.deep))
    return [verdicts[place] for place in range(len(items))]


def _on_processes(
    items: Sequence[Claim | Malformed],
    places: list[int],
    settings: Settings,
    jobs: int,
    done: Callable[[int, Verdict], None],
) -> None:
    """Fresh processes (spawned: precision is global to a process); claims travel by name, results as plain data."""
    context = multiprocessing.get_context("spawn")
    with _one_blas_thread(), ProcessPoolExecutor(jobs, mp_context=context) as pool:
        futures = {}
        for place in places:
            item = items[place]
            assert isinstance(item, Claim)
            futures[place] = pool.submit(_worker, item.id, item.origin, item.digest, settings)
        for place in places:
            done(place, futures[place].result())


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Processes started inside use one BLAS thread each: as many workers as cores, on tiny matrices, need no more."""
    before = {name: os.environ.get(name) for name in BLAS_THREADS}
    os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _worker(identifier: str, origin: str, digest: str, settings: Settings) -> Verdict:
    item = find_claim(identifier, origin)
    if isinstance(item, Claim) and item.digest != digest:
        reason = f"the file {origin} changed while it was being checked; check it again"
        item = Malformed(item.id, reason, item.path, item.line, item.paper, item.provenance, item.expect)
    return examine(item, settings.samples, settings.seed, settings.witness_dir, settings.deep)
