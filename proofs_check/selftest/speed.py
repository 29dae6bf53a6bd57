"""What one certified decision costs, beside the same bound spelled in mpmath at 50 digits (which certifies nothing)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import mpmath
import numpy as np

from ..arrays.backends import Instance, batched
from ..arrays.exact import Count
from ..arrays.screen import Screen
from ..claims import Claim, evaluate
from ..deciding.decide import decide
from ..instances.sampling import Sampler
from ..loading import find_claim

DIGITS = 50
ROWS, COLUMNS = 8, 3
TARGET = 12.0
REPEATS = 5
BATCH = 200


@dataclass(frozen=True)
class Speed:
    """CPU time of one decision on one instance, the smallest of several.

    Attributes:
        claim: the claim's id.
        certified: seconds of hypotheses and sides, decided in rationals and balls.
        spelled: seconds of the sides in mpmath.
        screened: seconds of one instance of a float64 batch.
    """

    claim: str
    certified: float
    spelled: float
    screened: float

    @property
    def ratio(self) -> float:
        """How many times faster the certified decision is."""
        return self.spelled / self.certified


def measure(repeats: int = REPEATS) -> list[Speed]:
    """Time a Lipschitz bound of the softmax, and one of a Hessian, at n = 8, d = 3."""
    found = []
    for identifier, spelling in (("K7", softmax_gap), ("P3-11-exp", hessian_gap)):
        claim = find_claim(identifier)
        assert isinstance(claim, Claim)
        instance = _instance(claim)
        batch = batched([instance] * BATCH)
        certified = _seconds(partial(decide, claim, instance), repeats)
        spelled = _seconds(partial(spelling, instance), repeats)
        screened = _seconds(partial(evaluate, claim, batch, Screen(BATCH)), repeats) / BATCH
        found.append(Speed(identifier, certified, spelled, screened))
    return found


def _instance(claim: Claim) -> Instance:
    """A random admissible instance of the size wanted, with entries of a dozen bits as the survey draws them."""
    sampler = Sampler(claim, np.random.default_rng(5), ROWS)
    sizes: Instance = {"n": Count(ROWS), "d": Count(COLUMNS)}
    return next(drawn for drawn in (sampler.draw(sizes, corner=False) for _ in range(99)) if drawn is not None)


def _seconds(action: Callable[[], Any], repeats: int) -> float:
    action()
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        for _ in range(10):
            action()
        times.append((time.process_time() - begun) / 10)
    return min(times)


def _spelled(instance: Instance) -> dict[str, Any]:
    def number(cell: Any) -> Any:
        return mpmath.mpf(int(cell.p)) / int(cell.q)

    arguments: dict[str, Any] = {"n": int(instance["n"]), "R": number(instance["R"])}
    arguments["A"] = mpmath.matrix([[number(cell) for cell in row] for row in instance["A"]])
    for name in {"x", "y", "b"} & instance.keys():
        arguments[name] = mpmath.matrix([number(cell) for cell in instance[name]])
    return arguments


def _meets(a: dict[str, Any]) -> bool:
    """The hypotheses |A| <= R, |x| <= R, |y| <= R."""
    largest = max(mpmath.svd_r(a["A"], compute_uv=False))
    return bool(max(largest, mpmath.norm(a["x"]), mpmath.norm(a["y"])) <= a["R"])


def softmax_gap(instance: Instance) -> bool:
    """|f(x) - f(y)| <= (R/2) |x - y| for the softmax f of A x, as one would type it in mpmath."""
    with mpmath.workdps(DIGITS):
        a = _spelled(instance)
        if not _meets(a):
            return False

        def f(x: Any) -> Any:
            u = (a["A"] * x).apply(mpmath.exp)
            return u / sum(u)

        return bool(mpmath.norm(f(a["x"]) - f(a["y"])) <= a["R"] / 2 * mpmath.norm(a["x"] - a["y"]))


def hessian_gap(instance: Instance) -> bool:
    """The change of the Hessian of |u - alpha b|^2 / 2, u = exp(A x), in the spectral norm, as typed in mpmath."""
    with mpmath.workdps(DIGITS):
        a = _spelled(instance)
        n, b = a["n"], a["b"]
        if not _meets(a) or mpmath.norm(b) > 1:
            return False

        def hessian(x: Any) -> Any:
            u = (a["A"] * x).apply(mpmath.exp)
            c = u - sum(u) * b
            jacobian = mpmath.diag(list(u)) - b * u.T
            second = mpmath.diag([u[i] * (c[i] - (c.T * b)[0]) for i in range(n)])
            return a["A"].T * (jacobian.T * jacobian + second) * a["A"]

        gap = hessian(a["x"]) - hessian(a["y"])
        norm = max(mpmath.svd_r(gap, compute_uv=False))
        bound = mpmath.mpf(n) ** 1.5 * mpmath.exp(20 * a["R"] ** 2) * mpmath.norm(a["x"] - a["y"])
        return bool(norm <= bound)
