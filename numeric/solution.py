"""What a solve returns: the point, and what happened as data with a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from numeric.kernels import Array
from numeric.solvers.state import Row

STATUS: Mapping[str, str] = MappingProxyType(
    {
        "converged": "The gradient is zero to the tolerance asked for, or to the precision of the numbers.",
        "stalled": "No further decrease is possible, yet the point is not a minimum to the tolerance.",
        "max_steps": "The steps ran out before the gradient was small enough.",
        "unbounded": "The loss keeps decreasing along a ray to infinity: its infimum is not attained.",
        "overflow": "The loss is too large for a float.",
        "outside_domain": "The loss is not defined at the start.",
        "bad_start": "The start is a critical point that is not a minimum, and the method cannot leave it.",
    }
)
"""Each status and what it means in general; a solution's message says what happened and what to do."""


@dataclass(frozen=True)
class StartResult:
    """How one of several starts ended: where it came from, a key of `STATUS`, and numbers as in `Solution`."""

    kind: str
    status: str
    value: float
    gradient_norm: float
    steps: int


@dataclass(frozen=True, eq=False, repr=False)
class Solution:
    """The outcome of `solve`.

    Attributes:
        x: the last point, in the stored variables, float64.
        value: L(x), with the factor 1/2 and the regularizer.
        gradient_norm: Frobenius norm of the gradient at x, in the stored variables.
        status: a key of `STATUS`.
        message: a full sentence: what happened and what to do.
        method: the methods that made steps.
        steps: how many steps were taken.
        seconds: wall-clock time.
        unique: False where other x are known to do as well (x is then the one of minimum norm among those
            that make the same predictions, or one of a symmetric pair), True where x is an isolated minimum
            (full ranks, positive definite Hessian; other minima may exist elsewhere), None where neither is
            known.
        history: one row per step, the start included.
        starts: of several starts, how each ended, in the order tried; empty for one.
    """

    x: Array
    value: float
    gradient_norm: float
    status: str
    message: str
    method: str
    steps: int
    seconds: float
    unique: bool | None
    history: tuple[Row, ...] = field(default=())
    starts: tuple[StartResult, ...] = field(default=())

    @property
    def success(self) -> bool:
        """Whether the status is "converged"."""
        return self.status == "converged"

    @property
    def effort(self) -> str:
        """The method, steps and seconds, in words."""
        return f"{self.method}, {self.steps} step{'s' * (self.steps != 1)}, {self.seconds:.2f} s"

    def __repr__(self) -> str:
        shape = " x ".join(str(length) for length in np.shape(self.x))
        unique = {True: "isolated minimum", False: "not unique", None: "uniqueness not known"}[self.unique]
        return "\n".join(
            [
                f"Solution: {self.status} ({self.effort})",
                f"  {self.message}",
                f"  value {self.value:.6g}, gradient norm {self.gradient_norm:.3g}, x {shape}, {unique}",
            ]
        )
