"""The body of a claim as a tape: the float64 screen at the cost of its arithmetic.

Instances that leave the comfortable range of float64 are screened with scales, as `screen` does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .arithmetic import Array
from .backends import Instance, float_arguments
from .claims import Claim, Sides, evaluate
from .exact import Count
from .screen import Block, Screen, aligned_sides
from .tape import Recorder, Tape
from .usage import used, used_by_blocks, with_hypothesis


@dataclass(frozen=True, eq=False)
class Recording:
    """A claim at fixed sizes, ready for batches.

    Attributes:
        claim: the claim.
        sizes: its sizes.
        names: its other arguments, in the order of the tape's inputs.
        tape: gives left and right, then both sides of each further hypothesis.
        relations: of the further hypotheses.
    """

    claim: Claim
    sizes: dict[str, Count]
    names: tuple[str, ...]
    tape: Tape
    relations: tuple[str, ...]

    def usage(self, values: dict[str, np.ndarray], penalized: bool = False, stride: int = 1) -> np.ndarray:
        """How much of the bound each instance uses, natural log: above 0 beyond it, NaN unknown, -inf inadmissible.

        Args:
            values: argument name -> floats (batch, *shape).
            penalized: see `usage.with_hypothesis`.
            stride: see `tape.Tape.replay`.
        """
        arguments = [values[name] for name in self.names]
        outputs, doubtful = self.tape.replay(arguments, stride)
        found = self._used(outputs, penalized)
        found = found if len(found) == len(arguments[0]) else np.repeat(found, len(arguments[0]))
        unknown = np.isnan(found)
        if doubtful is None and not unknown.any():
            return found
        rows = np.flatnonzero(unknown if doubtful is None else doubtful | unknown)
        if rows.size:
            found[rows] = self._scaled({name: values[name][rows] for name in self.names}, len(rows), penalized)
        return found

    def _used(self, outputs: list[np.ndarray], penalized: bool) -> np.ndarray:
        pairs = [_one_rank(*outputs[i : i + 2]) for i in range(0, len(outputs), 2)]
        found = used(self.claim.kind, *pairs[0])
        for op, (left, right) in zip(self.relations, pairs[1:], strict=True):
            found = with_hypothesis(found, op, left, right, penalized)
        return found

    def _scaled(self, values: dict[str, np.ndarray], count: int, penalized: bool) -> np.ndarray:
        return scaled_usage(self.claim, float_arguments({**self.sizes, **values}, count), count, penalized)


def record(claim: Claim, instance: Instance) -> Recording:
    """Note the operations of a claim at the sizes of an instance.

    Args:
        claim: the claim, with at least one argument that is no size.
        instance: values of the right shapes; only sizes are read.
    """
    recorder = Recorder()
    sizes = {name: Count(value) for name, value in instance.items() if isinstance(value, int)}
    inputs = {name: recorder.input(np.shape(value)) for name, value in instance.items() if name not in sizes}
    arrays = {name: Array(register, recorder) for name, register in inputs.items()}
    arguments: dict[str, Any] = {name: sizes.get(name, arrays.get(name)) for name in instance}
    sides = evaluate(claim, arguments, recorder)
    tape = recorder.tape(list(inputs.values()), [side.data for side in _all_sides(sides)])
    return Recording(claim, sizes, tuple(inputs), tape, tuple(h.op for h in sides.hypotheses))


def _all_sides(sides: Sides) -> list[Array]:
    return [sides.left, sides.right, *(side for h in sides.hypotheses for side in (h.left, h.right))]


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
