"""Campaigns: many claims, each through screen, search, balls, shrinking and proof, on processes.

The unit of work is a claim, or a block of the instances of one; the verdict of a claim depends on the claim and the
seed alone, so any number of workers, in any order, gives the same verdicts.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..arrays.exact import InputError
from ..claims import Claim, Malformed
from ..instances.survey import blocks
from ..verdict import Verdict
from .examine import examine
from .executors import LOCAL, local, opened
from .journal import Journal
from .tasks import Item, Settings, examine_claim, malformed, screen_block

Progress = Callable[[int, int, Verdict], None]


def check(
    claims: Iterable[Claim | Malformed],
    samples: int = 1000,
    seed: int = 0,
    jobs: int | None = 1,
    progress: Progress | None = None,
    witness_dir: str | Path | None = None,
    deep: bool = False,
    executor: str | Executor = LOCAL,
    journal: str | Path | None = None,
    resume: bool = False,
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
        executor: "processes", "dask:ADDRESS", "module:callable", or a process-based `concurrent.futures` executor.
        journal: append-only file that takes each result as soon as it is known.
        resume: take over what the journal holds of the same campaign.

    Raises:
        InputError: samples or jobs below 1, a negative seed, an executor of threads, an unusable journal.
    """
    jobs = os.cpu_count() or 1 if jobs is None else jobs
    for name, value, least in (("samples", samples, 1), ("jobs", jobs, 1), ("seed", seed, 0)):
        if value < least:
            raise InputError(f"{name} must be at least {least}, got {value}")
    if resume and journal is None:
        raise InputError("resume=True needs the journal of the campaign that was interrupted; name it with journal=...")
    settings = Settings(samples, seed, None if witness_dir is None else str(witness_dir), deep)
    kept = None if journal is None else Journal.opened(journal, asdict(settings), resume)
    campaign = _Campaign(list(claims), settings, kept, progress)
    campaign.take_over()
    remote = [place for place in campaign.open() if getattr(campaign.items[place], "origin", "")]
    if remote and (jobs > 1 or executor != LOCAL):
        with opened(executor, min(jobs, _units(campaign, remote))) as pool:
            lost = _dispatched(campaign, remote, pool)
        _one_by_one(campaign, lost, executor)
    for place in campaign.open():
        item = campaign.items[place]
        campaign.done(place, examine(item, samples, seed, settings.witness_dir, deep))
    return [campaign.verdicts[place] for place in range(len(campaign.items))]


@dataclass
class _Campaign:
    """Claims and what is known about them so far, by place in the list."""

    items: list[Item]
    settings: Settings
    journal: Journal | None
    progress: Progress | None
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    surveys: dict[int, dict[int, dict[str, Any]]] = field(default_factory=dict)

    def open(self) -> list[int]:
        """Places without a verdict."""
        return [place for place in range(len(self.items)) if place not in self.verdicts]

    def take_over(self) -> None:
        """Verdicts and blocks from the journal."""
        for place, item in enumerate(self.items):
            if self.journal is None or not isinstance(item, Claim):
                continue
            known = self.journal.known(item)
            if known is not None:
                self._enter(place, known)
            stored = self.journal.surveys.items()
            self.surveys[place] = {block: survey for (digest, block), survey in stored if digest == item.digest}

    def done(self, place: int, verdict: Verdict) -> None:
        """Enter a verdict, and write it down."""
        item = self.items[place]
        if self.journal is not None and isinstance(item, Claim):
            self.journal.write_verdict(item, verdict)
        self._enter(place, verdict)

    def _enter(self, place: int, verdict: Verdict) -> None:
        self.verdicts[place] = verdict
        if self.progress is not None:
            self.progress(len(self.verdicts), len(self.items), verdict)

    def screened(self, place: int, block: int, survey: dict[str, Any]) -> None:
        """Enter a block of a claim, and write it down."""
        item = self.items[place]
        if self.journal is not None and isinstance(item, Claim):
            self.journal.write_survey(item, block, survey)
        self.surveys.setdefault(place, {})[block] = survey

    def parts(self, place: int) -> int:
        """In how many blocks a claim is screened."""
        item = self.items[place]
        return blocks(item, self.settings.samples) if isinstance(item, Claim) else 1

    def missing(self, place: int) -> list[int]:
        """Blocks that are to be screened before a claim is examined; none where one screen does it all."""
        count = self.parts(place)
        return [] if count == 1 else [b for b in range(count) if b not in self.surveys.get(place, {})]


Task = tuple[int, int | None]
"""A claim's place, and the block to screen, or None for the claim's examination."""


def _units(campaign: _Campaign, places: Sequence[int]) -> int:
    return sum(max(1, campaign.parts(place)) for place in places)


def _dispatched(campaign: _Campaign, places: Sequence[int], pool: Executor) -> list[int]:
    """Examine claims on an executor; returns the places that are left because it broke."""
    waiting: dict[Future[Any], Task] = {}
    try:
        for place in places:
            for block in campaign.missing(place) or (None,):
                waiting[_submitted(campaign, pool, place, block)] = (place, block)
        while waiting:
            finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=lambda f: waiting[f][0]):
                place, block = waiting.pop(future)
                result = _result(future, campaign.items[place])
                if place in campaign.verdicts:
                    continue
                if block is None or isinstance(result, Verdict):
                    campaign.done(place, result)
                    continue
                campaign.screened(place, block, result)
                if not campaign.missing(place):
                    waiting[_submitted(campaign, pool, place, None)] = (place, None)
    except BrokenExecutor:
        return [place for place in places if place not in campaign.verdicts]
    except BaseException:
        for future in waiting:
            future.cancel()
        raise
    return []


def _result(future: Future[Any], item: Item) -> Any:
    """What a task returned; tasks raise nothing, so an exception is the executor's and becomes the claim's error."""
    try:
        return future.result()
    except BrokenExecutor:
        raise
    except Exception as cause:
        assert isinstance(item, Claim)
        return examine(malformed(item, f"the executor lost it: {type(cause).__name__}: {cause}"), 1, 0)


def _submitted(campaign: _Campaign, pool: Executor, place: int, block: int | None) -> Future[Any]:
    """Claims travel by name, results as plain data: flint's numbers do not travel."""
    item = campaign.items[place]
    assert isinstance(item, Claim)
    named = (item.id, item.origin, item.digest, campaign.settings)
    if block is not None:
        return pool.submit(screen_block, *named, block)
    stored = campaign.surveys.get(place, {}) if campaign.parts(place) > 1 else {}
    return pool.submit(examine_claim, *named, [stored[b] for b in sorted(stored)])


def _counted(places: Sequence[int]) -> str:
    return "1 claim is" if len(places) == 1 else f"{len(places)} claims are"


def _one_by_one(campaign: _Campaign, places: Sequence[int], executor: str | Executor) -> None:
    """After a worker died: each claim in a process of its own, so that the one that kills it is known."""
    if places and executor != LOCAL:
        raise InputError(f"the executor {executor} broke, {_counted(places)} left; check again with --resume")
    for place in places:
        with local(1) as pool:
            if _dispatched(campaign, [place], pool):
                item = campaign.items[place]
                assert isinstance(item, Claim)
                reason = "the process that examined it died (killed, out of memory, or ended by the claim itself)"
                campaign.done(place, examine(malformed(item, reason), 1, 0))
