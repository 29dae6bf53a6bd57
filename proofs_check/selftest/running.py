"""The parts of the self-test, cut into units that run on any number of processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from importlib import import_module

from ..arrays.exact import InputError
from ..campaigns.executors import local

SCALAR_TRIALS, DEEP_SCALAR_TRIALS = 10**5, 10**7
MATRICES, COMPARISONS, FORMULAS = 100, 10, 50
"""For one matrix (comparison, evaluation of a formula) so many scalar trials."""


@dataclass(frozen=True)
class Part:
    """One way to attack the checker.

    Attributes:
        name: module of this package with ``trials(count, seed, unit)``.
        what: what is tried, in words.
        share: one trial for so many scalar trials; 0 for parts with units of their own.
        batch: trials of a unit.
        units: the units of a part that has its own: deep -> numbers.
    """

    name: str
    what: str
    share: int = 0
    batch: int = 1
    units: Callable[[bool], list[int]] | None = None

    def work(self, scalar_trials: int, deep: bool) -> list[tuple[int, int]]:
        """Number of trials and number of each unit."""
        if self.units is not None:
            return [(1, unit) for unit in self.units(deep)]
        count = max(1, scalar_trials // self.share)
        return [(min(self.batch, count - unit * self.batch), unit) for unit in range(-(-count // self.batch))]


def _statements(deep: bool) -> list[int]:
    from .statements import STATEMENTS

    return list(range(len(STATEMENTS)))


def _variants(deep: bool) -> list[int]:
    from .variants import UNITS

    return list(range(len(UNITS)))


def _constants(deep: bool) -> list[int]:
    from .constants import ONE_A_FAMILY, bounds

    return [place for place, name in enumerate(bounds()) if deep or name in ONE_A_FAMILY]


PARTS = (
    Part("comparisons", "undefined, unbounded, overlapping balls decide nothing", COMPARISONS, 5_000),
    Part("scalars", "containment: scalar operations", 1, 10_000),
    Part("matrices", "containment: matrix operations", MATRICES, 250),
    Part("generated", "containment: generated ball code", FORMULAS, 1_000),
    Part("statements", "statements made to mislead", units=_statements),
    Part("variants", "claims in other words", units=_variants),
    Part("constants", "catalogue constants divided until refuted", units=_constants),
)


def named(names: Sequence[str]) -> tuple[Part, ...]:
    """The parts of these names, all where there are none.

    Raises:
        InputError: there is no part of that name.
    """
    known = {part.name: part for part in PARTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(f"the parts of the self-test are {', '.join(known)}, got {', '.join(unknown)}")
    return tuple(known[name] for name in names) or PARTS


@dataclass(frozen=True)
class Found:
    """What one unit found: its trials, how many of them said something, and what is wrong, or None."""

    part: str
    tried: int
    telling: int
    seconds: float
    wrong: str | None


@dataclass(frozen=True)
class Row:
    """What a part found in all.

    Attributes:
        part: its name.
        what: what was tried, in words.
        tried: number of trials.
        telling: trials with a result that says something; the rest prove nothing.
        seconds: CPU time.
        wrong: the first wrong certified answer, in words, or None.
    """

    part: str
    what: str
    tried: int = 0
    telling: int = 0
    seconds: float = 0.0
    wrong: str | None = None

    def plus(self, found: Found) -> Row:
        """With another unit."""
        return Row(
            self.part, self.what, self.tried + found.tried, self.telling + found.telling,
            self.seconds + found.seconds, self.wrong or found.wrong,
        )  # fmt: skip


def run(
    trials: int = SCALAR_TRIALS,
    seed: int = 0,
    jobs: int = 1,
    deep: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
    parts: tuple[Part, ...] = PARTS,
) -> list[Row]:
    """Attack the checker, part by part; ends at the first wrong certified answer.

    Args:
        trials: scalar trials; the other containment tests follow in proportion.
        seed: of all chance.
        jobs: processes.
        deep: all catalogue constants instead of one a family.
        progress: called as progress(done, total, part) after each unit.
        parts: which parts.

    Raises:
        InputError: trials or jobs below 1, or a negative seed.
    """
    for name, value, least in (("trials", trials, 1), ("jobs", jobs, 1), ("seed", seed, 0)):
        if value < least:
            raise InputError(f"{name} must be at least {least}, got {value}")
    work = [(part.name, count, seed, unit) for part in parts for count, unit in part.work(trials, deep)]
    rows = {part.name: Row(part.name, part.what) for part in parts}
    for done, found in enumerate(_results(work, jobs), start=1):
        rows[found.part] = rows[found.part].plus(found)
        if progress is not None:
            progress(done, len(work), found.part)
        if found.wrong is not None:
            break
    return list(rows.values())


def _results(work: list[tuple[str, int, int, int]], jobs: int) -> Iterator[Found]:
    if jobs == 1:
        yield from (_unit(*task) for task in work)
        return
    with local(min(jobs, len(work))) as pool:
        futures = [pool.submit(_unit, *task) for task in work]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _unit(part: str, count: int, seed: int, unit: int) -> Found:
    begun = time.process_time()
    try:
        telling, wrong = import_module(f".{part}", __package__).trials(count, seed, unit)
    except Exception as cause:  # an operation that raises is no better than one that is wrong
        telling, wrong = 0, f"{part}, unit {unit}: {type(cause).__name__}: {cause}"
    return Found(part, count, telling, time.process_time() - begun, wrong)
