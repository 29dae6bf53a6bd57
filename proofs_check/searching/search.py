"""Directed search: quasi-Newton ascents drive float64 instances towards the bound; exact rationals near them come back.

Float64 proposes. What comes back is admissible exactly, and says nothing until balls have decided it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import cycle, islice

import numpy as np
from flint import fmpq

from ..arrays.backends import Instance, batched, floats
from ..claims import Claim
from ..instances.domains import LARGEST
from ..instances.sampling import drawn_together
from .charts import Chart
from .descent import descend
from .recorded import record, scaled_usage

NEAR, NEARER = 2.0**-10, 2.0**-16
"""Contractions of a pair of twins: Lipschitz quotients peak in the limit."""
CLOSER = tuple(fmpq(1, 1 << k) for k in (8, 16, 26))
JOLTS = ((1.0, 1e-3), (1.0, 0.3), (2.0, 0.03))
"""How each ascent of a climb starts from the best point so far: stretched (a bound that is approached only far out
gives no slope to follow; limits of the annotations stop the stretch) and moved at random by a share of its size."""
TOGETHER = 1 << 21
"""Most floats in the points of one batch of climbs, unless one climb alone has more."""


def screen(claim: Claim, instances: list[Instance]) -> np.ndarray:
    """How much of the bound each instance uses, natural log: above 0 beyond it, NaN unknown, -inf inadmissible.

    Args:
        claim: the claim.
        instances: exact instances of equal sizes.
    """
    if all(isinstance(value, int) for value in instances[0].values()):
        return scaled_usage(claim, batched(instances), len(instances))
    recording = record(claim, instances[0])
    return recording.usage([np.array([floats(one[name]) for one in instances]) for name in recording.names])


def climb_together(
    chart: Chart,
    starts: Sequence[tuple[Instance, float]],
    rng: np.random.Generator,
    rounds: int,
    thorough: bool = True,
) -> list[Instance | None]:
    """Maximise the use of the bound from several instances of equal sizes: an ascent, then more from jolted maxima.

    Args:
        chart: of the claim at their sizes.
        starts: where to begin, each with the contraction of the distance between its twins (1: none).
        rng: for the jolts.
        rounds: number of ascents; after the first, two at a time.
        thorough: see `descent.descend`.

    Returns:
        The exact instance next to the best point of each start, or None where rounding left the admissible set.
    """
    points = [chart.start(instance) for instance, _ in starts]
    usable = [i for i, point in enumerate(points) if point.size and np.abs(point).max() <= LARGEST]
    found: list[Instance | None] = [None] * len(starts)
    share = max(1, TOGETHER // (chart.width + 1) ** 2)
    for chunk in (usable[i : i + share] for i in range(0, len(usable), share)):
        contractions = np.array([starts[i][1] for i in chunk])
        best = _highest(chart, np.array([points[i] for i in chunk]), contractions, rng, rounds, thorough)
        for i, point in zip(chunk, best, strict=True):
            found[i] = chart.exactly(point, starts[i][1])
    return found


def _highest(
    chart: Chart, best: np.ndarray, contractions: np.ndarray, rng: np.random.Generator, rounds: int, thorough: bool
) -> np.ndarray:
    """The highest points found from several points."""
    depth, jolts = np.full(len(best), np.inf), list(islice(cycle(JOLTS), rounds))
    for batch in (jolts[:1], *(jolts[i : i + 2] for i in range(1, rounds, 2))):
        size = np.maximum(np.abs(best).max(axis=1, keepdims=True), 0.1)
        starts = [stretch * best + share * size * rng.standard_normal(best.shape) for stretch, share in batch]
        several = np.tile(contractions, len(batch))
        points, values = descend(partial(_climbed, chart, several), np.concatenate(starts), thorough)
        for some, depths in zip(np.split(points, len(batch)), np.split(values, len(batch)), strict=True):
            deeper = depths < depth
            best, depth = np.where(deeper[:, None], some, best), np.where(deeper, depths, depth)
    return best


def _climbed(
    chart: Chart, contractions: np.ndarray, points: np.ndarray, which: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    return chart.climbed(points, contractions[which])


def contracted(claim: Claim, instance: Instance) -> list[Instance]:
    """The instance with its twins drawn ever closer together, and drawn towards 0, where that stays admissible."""
    shorter = ({n: v if isinstance(v, int) else v * factor for n, v in instance.items()} for factor in CLOSER)
    closer = (drawn_together(claim, instance, factor) for factor in CLOSER)
    return [moved for moved in (*shorter, *closer) if moved is not None and claim.admits(moved)]
