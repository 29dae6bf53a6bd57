"""Directed search: quasi-Newton ascents drive float64 instances towards the bound; exact rationals near them come back.

Float64 proposes. What comes back is admissible exactly, and says nothing until balls have decided it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from flint import fmpq

from ..arrays.backends import Instance, batched, floats
from ..claims import Claim
from ..instances.sampling import drawn_together
from .charts import Chart
from .climbs import Group, Start, in_lockstep
from .recorded import record, scaled_usage

NEAR, NEARER = 2.0**-10, 2.0**-16
"""Contractions of a pair of twins: Lipschitz quotients peak in the limit."""
CLOSER = tuple(fmpq(1, 1 << k) for k in (8, 16, 26))


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
    starts: Sequence[Start],
    rng: np.random.Generator,
    rounds: int,
    thorough: bool = True,
) -> list[Instance]:
    """Maximise the use of the bound from several instances of equal sizes.

    Args:
        chart: of the claim at their sizes.
        starts: where to begin.
        rng: for the jolts.
        rounds: number of ascents.
        thorough: see `climbs.Climb.rounds`.

    Returns:
        The exact instances next to the best point of each start that has one.
    """
    ends: list[Instance] = []
    for climb in in_lockstep([Group.of(chart, starts, rounds)]):
        for _ in climb.rounds(rng, thorough):
            pass
        ends += climb.ends()
    return ends


def contracted(claim: Claim, instance: Instance) -> list[Instance]:
    """The instance with its twins drawn ever closer together, and drawn towards 0, where that stays admissible."""
    shorter = ({n: v if isinstance(v, int) else v * factor for n, v in instance.items()} for factor in CLOSER)
    closer = (drawn_together(claim, instance, factor) for factor in CLOSER)
    return [moved for moved in (*shorter, *closer) if moved is not None and claim.admits(moved)]
