"""Climbs towards a bound from instances of several sizes, in lockstep.

The points of all sizes go through one descent, padded with zeros to the largest width: its bookkeeping is paid once a
step, and climbs that fall behind the best of all sizes can be told. Climbs end as `descent` says; one that may still
get beyond the bound at its pace always goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice, pairwise

import numpy as np

from ..arrays.backends import Instance
from ..instances.proposals import LARGEST
from .charts import Chart
from .descent import descend

JOLTS = ((1.0, 1e-3), (1.0, 0.3), (2.0, 0.03))
"""How each ascent of a climb starts from the best point so far: stretched (a bound that is approached only far out
gives no slope to follow; limits of the annotations stop the stretch) and moved at random by a share of its size."""
HORIZON = 1000.0
"""For how many evaluations at its pace an ascent must hope to become the highest, or to break the bound: generous, as a
claim may fail at one size alone, far from the height that others reach."""
TOGETHER = 1 << 18
"""Most floats in the inverse Hessians of climbs in lockstep, unless one climb alone has more."""
Start = tuple[Instance, float]
"""An instance, and what is left of the distance between its twins (1: all of it)."""


@dataclass(frozen=True, eq=False)
class Group:
    """Where climbs start at equal sizes.

    Attributes:
        chart: of the claim at these sizes.
        starts: instances whose free floats a search can handle.
        rounds: number of ascents of each climb; after the first, two at a time.
    """

    chart: Chart
    starts: tuple[Start, ...]
    rounds: int

    @staticmethod
    def of(chart: Chart, starts: Sequence[Start], rounds: int) -> Group:
        """The starts that have free floats, all of them within the range of a search."""
        points = ((start, chart.start(start[0])) for start in starts)
        usable = tuple(start for start, point in points if point.size and np.abs(point).max() <= LARGEST)
        return Group(chart, usable, rounds)


@dataclass(eq=False)
class Climb:
    """Climbs under way.

    Attributes:
        groups: their starts.
        firsts: number of the first point of each group, and the number of points.
        contractions: of the distance between twins, shape (points,).
        free: 1 where a point has a free float, 0 in the padding, shape (points, largest width).
        best: highest points so far, of this shape.
        depth: minus the usage there.
    """

    groups: Sequence[Group]
    firsts: np.ndarray
    contractions: np.ndarray
    free: np.ndarray
    best: np.ndarray
    depth: np.ndarray

    @staticmethod
    def of(groups: Sequence[Group]) -> Climb:
        """Climbs before their first round."""
        starts = [(group.chart, *start) for group in groups for start in group.starts]
        best = np.zeros((len(starts), max(group.chart.width for group in groups)))
        free = np.zeros(best.shape)
        for row, mask, (chart, instance, _) in zip(best, free, starts, strict=True):
            row[: chart.width], mask[: chart.width] = chart.start(instance), 1.0
        firsts = np.cumsum([0, *(len(group.starts) for group in groups)])
        contractions = np.array([contraction for *_, contraction in starts])
        return Climb(groups, firsts, contractions, free, best, np.full(len(starts), np.inf))

    def rounds(self, rng: np.random.Generator, thorough: bool) -> Iterator[None]:
        """One ascent of each climb, then more from the best points jolted, two at a time.

        Args:
            rng: for the jolts.
            thorough: whether ascents go on that hardly matter.
        """
        rounds = np.repeat([group.rounds for group in self.groups], np.diff(self.firsts))
        jolts = list(islice(cycle(JOLTS), int(rounds.max())))
        for number, batch in [(0, jolts[:1]), *((i, jolts[i : i + 2]) for i in range(1, len(jolts), 2))]:
            self._ascend(np.flatnonzero(rounds > number), np.array(batch), rng, np.inf if thorough else HORIZON)
            yield

    def _ascend(self, at: np.ndarray, jolts: np.ndarray, rng: np.random.Generator, horizon: float) -> None:
        best, (stretch, share) = self.best[at, None], jolts.T[:, :, None]
        size = np.maximum(np.abs(best).max(axis=2, keepdims=True), 0.1)
        noise = rng.standard_normal((len(at), *jolts.shape[:1], best.shape[2])) * self.free[at, None]
        starts = (stretch * best + share * size * noise).reshape(-1, best.shape[2])
        function = partial(self._climbed, np.repeat(at, len(jolts)))
        points, values = descend(function, starts, horizon, self.depth[self.depth >= 0].min(initial=np.inf))
        lowest = values.reshape(len(at), -1).argmin(axis=1) + np.arange(0, len(values), len(jolts))
        deeper = values[lowest] < self.depth[at]
        self.best[at[deeper]], self.depth[at[deeper]] = points[lowest[deeper]], values[lowest[deeper]]

    def _climbed(self, rows: np.ndarray, points: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`Chart.climbed` of points of several groups; ``rows[which]`` are their climbs, in ascending order."""
        climbs = rows[which]
        contractions, cuts = self.contractions[climbs], np.searchsorted(climbs, self.firsts)
        values, slopes = np.empty(len(points)), np.zeros(points.shape)
        for group, (first, end) in zip(self.groups, pairwise(cuts), strict=True):
            if first < end:
                here, width = slice(first, end), group.chart.width
                values[here], slopes[here, :width] = group.chart.climbed(points[here, :width], contractions[here])
        return values, slopes

    @property
    def hedged(self) -> bool:
        """Whether the claim has further hypotheses."""
        return any(group.chart.recording.relations for group in self.groups)

    def ends(self, beyond: float = -np.inf) -> Iterator[Instance]:
        """The exact instances next to where the climbs end, those with a usage (natural log) above so much.

        Where rounding left the admissible set there is none.
        """
        return (end for place in np.flatnonzero(-self.depth > beyond) if (end := self._end(int(place))) is not None)

    def leaders(self) -> Iterator[Instance]:
        """Of each group the end that uses most of the bound among those that have an exact instance next to them."""
        for first, end in pairwise(self.firsts):
            order = first + np.argsort(self.depth[first:end], kind="stable")
            yield from islice((one for place in order if (one := self._end(int(place))) is not None), 1)

    def _end(self, place: int) -> Instance | None:
        chart = self.groups[int(np.searchsorted(self.firsts, place, side="right")) - 1].chart
        return chart.exactly(self.best[place, : chart.width], float(self.contractions[place]))


def in_lockstep(groups: Sequence[Group]) -> Iterator[Climb]:
    """The climbs of all groups, those of like widths together, as many at a time as memory allows."""
    waiting: list[Group] = []
    for part in sorted(_in_parts(groups), key=lambda group: group.chart.width):
        if waiting and (sum(len(group.starts) for group in waiting) + len(part.starts)) * _floats(part) > TOGETHER:
            yield Climb.of(waiting)
            waiting = []
        waiting.append(part)
    if waiting:
        yield Climb.of(waiting)


def _in_parts(groups: Sequence[Group]) -> Iterator[Group]:
    """Groups that are too large for one climb in parts; groups without starts left out."""
    for group in groups:
        share = max(1, TOGETHER // _floats(group))
        for first in range(0, len(group.starts), share):
            yield Group(group.chart, group.starts[first : first + share], group.rounds)


def _floats(group: Group) -> int:
    return (group.chart.width + 1) ** 2
