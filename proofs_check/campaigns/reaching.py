"""Instances in thin sets of hypotheses: where no drawn one meets an inequality, a search against its negation does.

That an inequality fails on all instances is a claim like any other; what breaks it meets the inequality.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..arrays.backends import BALLS, Instance, joined
from ..arrays.balls import Truth, precision
from ..claims import Claim, Hypothesis, assume, evaluate
from ..deciding.decide import hypotheses_hold
from ..deciding.ledger import Ledger
from ..instances.survey import Survey, survey
from ..searching.ascent import ascend

BITS = 128
LOOKED_AT = 60
"""Drawn instances on which the hypotheses are looked at."""
RUNS = 4
"""Searches for each inequality that one succeeds against: what is thin may lie in several places."""
SAMPLES = 200
"""Instances that a negation is screened on."""


def reached(claim: Claim, found: Survey, rng: np.random.Generator, seed: int) -> list[Instance]:
    """Instances that meet an inequality of the body which no drawn instance meets.

    Args:
        claim: a claim with further hypotheses.
        found: instances that meet the annotations.
        rng: of the search.
        seed: of all chance.
    """
    met: list[Instance] = []
    for negation in [_negation(claim, *part) for part in _unmet(claim, found.drawn[:LOOKED_AT])]:
        for _ in range(RUNS):
            instance = _broken(negation, rng, seed)
            if instance is None:
                break
            met.append(instance)
    return met


def _unmet(claim: Claim, drawn: Sequence[Instance]) -> Iterator[tuple[int, list[int]]]:
    """Places of the inequalities that no instance meets, each with the hypotheses that some instance does meet."""
    if not drawn or all(isinstance(value, int) for value in drawn[0].values()):
        return
    truths = [[hypotheses_hold(h) for h in _hypotheses(claim, instance)] for instance in drawn]
    met = [Truth.YES in column for column in zip(*truths, strict=True)]
    for place, hypothesis in enumerate(_hypotheses(claim, drawn[0])):
        if not met[place] and hypothesis.op != "==":
            yield place, [other for other, seen in enumerate(met) if seen]


def _hypotheses(claim: Claim, instance: Instance) -> tuple[Hypothesis, ...]:
    with precision(BITS):
        return evaluate(claim, {name: joined(value, BALLS) for name, value in instance.items()}, BALLS).hypotheses


def _negation(claim: Claim, place: int, kept: list[int]) -> Claim:
    """That a hypothesis is nowhere met strictly, where those that are kept are met."""

    def body(**arguments: Any) -> tuple[Any, Any]:
        backend = next(value.backend for value in arguments.values() if not isinstance(value, int))
        hypotheses = evaluate(claim, arguments, backend).hypotheses
        for other in kept:
            assume(hypotheses[other].left, hypotheses[other].op, hypotheses[other].right)
        negated = hypotheses[place]
        sides = negated.left, negated.right
        return sides if negated.op.startswith(">") else sides[::-1]

    return replace(claim, id=f"{claim.id}: hypothesis {place + 1} fails", kind="upper", body=body, origin="")


def _broken(negation: Claim, rng: np.random.Generator, seed: int) -> Instance | None:
    ledger, drawn = Ledger(negation), survey(negation, rng, seed, SAMPLES, deep=False)
    for instance in drawn.for_balls(rng):
        ledger.take(instance, tie_break=False)
        if ledger.broken:
            break
    else:
        ascend(ledger, drawn, rng, deep=False)
    return ledger.broken[0] if ledger.broken else None
