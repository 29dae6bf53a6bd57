"""The body of a claim as a tape: the float64 screen at the cost of its arithmetic.

Instances that leave the comfortable range of float64 are screened with scales, as `screen` does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..arithmetic import Array
from ..arrays.backends import Instance, float_arguments
from ..arrays.exact import Count
from ..arrays.screen import Block, Screen, aligned_sides
from ..claims import Claim, evaluate
from .recorder import Recorder, Register
from .tape import Tape
from .usage import used, used_by_blocks, with_hypothesis

KEPT = 64
"""Recordings that are kept: later steps look at instances of the sizes that a survey has drawn."""


@dataclass(frozen=True, eq=False)
class Recording:
    """A claim at fixed sizes, ready for batches.

    Attributes:
        claim: the claim.
        sizes: its sizes.
        names: its other arguments.
        tape: gives left and right, then both sides of each further hypothesis, then the other arguments.
        relations: of the further hypotheses.
    """

    claim: Claim
    sizes: dict[str, Count]
    names: tuple[str, ...]
    tape: Tape
    relations: tuple[str, ...]

    def usage(self, inputs: Sequence[np.ndarray], penalized: bool = False, stride: int = 1) -> np.ndarray:
        """How much of the bound each instance uses, natural log: above 0 beyond it, NaN unknown, -inf inadmissible.

        Args:
            inputs: of the tape, each (batch, *shape); of `record`, the arguments in the order of `names`.
            penalized: see `usage.with_hypothesis`.
            stride: see `tape.Tape.replay`.
        """
        outputs, doubtful = self.tape.replay(inputs, stride)
        found = self._used(outputs, penalized)
        found = found if len(found) == len(inputs[0]) else np.repeat(found, len(inputs[0]))
        unknown = np.isnan(found)
        if doubtful is None and not unknown.any():
            return found
        rows = np.flatnonzero(unknown if doubtful is None else doubtful | unknown)
        if rows.size:
            values = zip(self.names, outputs[-len(self.names) :], strict=True)
            found[rows] = self._scaled({name: value[rows] for name, value in values}, len(rows), penalized)
        return found

    def _used(self, outputs: list[np.ndarray], penalized: bool) -> np.ndarray:
        found = used(self.claim.kind, *_one_rank(*outputs[:2]))
        for number, op in enumerate(self.relations, 1):
            found = with_hypothesis(found, op, *_one_rank(*outputs[2 * number : 2 * number + 2]), penalized)
        return found

    def _scaled(self, values: dict[str, np.ndarray], count: int, penalized: bool) -> np.ndarray:
        return scaled_usage(self.claim, float_arguments({**self.sizes, **values}, count), count, penalized)


def record(claim: Claim, instance: Instance) -> Recording:
    """Note the operations of a claim at the sizes of an instance; the inputs are its other arguments.

    Args:
        claim: the claim, with at least one argument that is no size.
        instance: values of the right shapes; only sizes are read.
    """
    shapes = tuple((name, np.shape(v)) for name, v in instance.items() if not isinstance(v, int))
    return _recorded(claim, tuple(sizes_of(instance).items()), shapes)


def forget() -> None:
    """Drop the recordings that are kept: what a body reads beside its arguments may change between examinations."""
    _recorded.cache_clear()


@lru_cache(maxsize=KEPT)
def _recorded(
    claim: Claim, sizes: tuple[tuple[str, Count], ...], shapes: tuple[tuple[str, tuple[int, ...]], ...]
) -> Recording:
    recorder = Recorder()
    inputs = {name: recorder.input(shape) for name, shape in shapes}
    return recorded_from(claim, dict(sizes), recorder, list(inputs.values()), inputs)


def sizes_of(instance: Instance) -> dict[str, Count]:
    """The arguments that are whole numbers."""
    return {name: Count(value) for name, value in instance.items() if isinstance(value, int)}


def recorded_from(
    claim: Claim, sizes: dict[str, Count], recorder: Recorder, inputs: list[Register], values: dict[str, Register]
) -> Recording:
    """Note the operations of a claim whose arguments are registers.

    Args:
        claim: the claim.
        sizes: its sizes.
        recorder: to which the registers belong.
        inputs: of the tape.
        values: the arguments that are no sizes.
    """
    arrays = {name: Array(register, recorder) for name, register in values.items()}
    sides = evaluate(claim, {name: sizes.get(name, arrays.get(name)) for name in claim.domains}, recorder)
    outputs = [sides.left, sides.right, *(side for h in sides.hypotheses for side in (h.left, h.right))]
    tape = recorder.tape(inputs, [*(side.data for side in outputs), *values.values()])
    return Recording(claim, sizes, tuple(values), tape, tuple(h.op for h in sides.hypotheses))


def _one_rank(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rank = max(a.ndim, b.ndim)
    return a.reshape(a.shape + (1,) * (rank - a.ndim)), b.reshape(b.shape + (1,) * (rank - b.ndim))


def scaled_usage(claim: Claim, arguments: dict[str, Any], count: int, penalized: bool = False) -> np.ndarray:
    """`Recording.usage` in blocks with scales, for any size of number.

    Args:
        claim: the claim.
        arguments: of its body, on a screen of ``count`` instances.
        count: number of instances.
        penalized: see `usage.with_hypothesis`.
    """
    sides = evaluate(claim, arguments, Screen(count))
    found = used_by_blocks(claim.kind, sides.left.data, sides.right.data)
    for hypothesis in sides.hypotheses:
        left, right = _over_one_scale(hypothesis.left.data, hypothesis.right.data)
        found = with_hypothesis(found, hypothesis.op, left, right, penalized)
    return found


def _over_one_scale(left: Block, right: Block) -> tuple[np.ndarray, np.ndarray]:
    return aligned_sides(left, right)[:2]
