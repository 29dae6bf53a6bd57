"""Directed search: L-BFGS-B drives float64 instances towards the bound; exact rationals near them are handed back.

Float64 proposes. What comes back is admissible exactly, and says nothing until balls have decided it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import fmpq
from scipy.optimize import minimize

from .backends import Instance, batched, float_arguments
from .claims import Claim, Hypothesis, evaluate
from .domains import FINE, LARGEST, Size
from .sampling import drawn_together, twins
from .screen import Block, Screen, aligned_sides

STEP = 1e-6
"""Forward-difference step, relative to the size of the free numbers."""
LOST = -1e4
"""Value of a point where float64 has no answer, or a hypothesis fails."""
FAR = 1000.0
"""Usage of sides of opposite signs: nothing of the bound, or beyond it."""
ROUNDING = 1e-9
"""Relative disagreement of the sides of an equality that float64 does not explain."""
NEAR, NEARER = 2.0**-10, 2.0**-16
"""Contractions of a pair of twins: Lipschitz quotients peak in the limit."""
CLOSER = tuple(fmpq(1, 1 << k) for k in (8, 16, 26))
PENALTY, MARGIN = 30.0, 1e-7
"""An ascent pays so much for each unit by which it misses a hypothesis, and stays so far inside: where it ends must
still be admissible after rounding to rationals."""


def screen(claim: Claim, instances: list[Instance]) -> np.ndarray:
    """How much of the bound each instance uses, natural log: above 0 beyond it, NaN unknown, -inf inadmissible.

    Args:
        claim: the claim.
        instances: exact instances of equal sizes.
    """
    return _usage(claim, batched(instances), len(instances))


def _usage(claim: Claim, arguments: dict[str, Any], count: int, penalized: bool = False) -> np.ndarray:
    sides = evaluate(claim, arguments, Screen(count))
    used = _log_usage(claim.kind, sides.left.data, sides.right.data)
    for hypothesis in sides.hypotheses:
        if penalized and hypothesis.op != "==":
            used = used - PENALTY * _missed_by(hypothesis)
        else:
            used = np.where(_fails(hypothesis), -np.inf, np.where(_undefined(hypothesis), np.nan, used))
    return used


def _undefined(hypothesis: Hypothesis) -> np.ndarray:
    """Instances of which float64 cannot tell whether they meet a hypothesis."""
    left, right, _ = aligned_sides(hypothesis.left.data, hypothesis.right.data)
    with np.errstate(invalid="ignore"):
        return np.isnan(left - right).reshape(len(left), -1).any(axis=1)


def _missed_by(hypothesis: Hypothesis) -> np.ndarray:
    """How far each instance misses an inequality, relative to its sides, with a margin; 0 where it is met."""
    left, right, _ = aligned_sides(hypothesis.left.data, hypothesis.right.data)
    with np.errstate(all="ignore"):
        excess = (left - right) if hypothesis.op.startswith("<") else (right - left)
        size = np.abs(left) + np.abs(right)
        missed = np.maximum(excess / np.where(size > 0, size, 1.0) + MARGIN, 0.0)
    return missed.reshape(len(missed), -1).max(axis=1)


def _fails(hypothesis: Hypothesis) -> np.ndarray:
    """Clear failures only: an equality, or a tie, is left to exact arithmetic."""
    left, right, _ = aligned_sides(hypothesis.left.data, hypothesis.right.data)
    slack = 1e-9 * (np.abs(left) + np.abs(right))
    with np.errstate(all="ignore"):
        wrong = {
            "<=": left > right + slack,
            "<": left > right + slack,
            ">=": left < right - slack,
            ">": left < right - slack,
            "==": np.abs(left - right) > 1e3 * slack,
        }[hypothesis.op]
    return wrong.reshape(len(wrong), -1).any(axis=1)


def _log_usage(kind: str, left: Block, right: Block) -> np.ndarray:
    """Natural log of small / big for small <= big of one sign, the worst entry of each instance."""
    if kind == "equality":
        return _log_disagreement(left, right)
    small, big = (left, right) if kind == "upper" else (right, left)
    (s, log_s), (b, log_b) = signed_logs(small, big)
    with np.errstate(all="ignore"):
        used = np.where((s <= 0) & (b >= 0), -FAR, FAR)
        used = np.where((s > 0) & (b > 0), log_s - log_b, used)
        used = np.where((s < 0) & (b < 0), log_b - log_s, used)
        used = np.where(np.isnan(s) | np.isnan(b), np.nan, used)
    return used.reshape(len(used), -1).max(axis=1)


def signed_logs(*blocks: Block) -> list[tuple[np.ndarray, np.ndarray]]:
    """Sign and natural log of the absolute value, entry by entry, of one rank."""
    rank = max(x.mantissa.ndim for x in blocks)
    with np.errstate(all="ignore"):
        out = []
        for x in blocks:
            mantissa = x.mantissa.reshape(x.mantissa.shape + (1,) * (rank - x.mantissa.ndim))
            scale = x.scale.reshape(-1, *[1] * (rank - 1))
            out.append((np.sign(mantissa), np.log(np.abs(mantissa)) + scale))
    return out


def _log_disagreement(left: Block, right: Block) -> np.ndarray:
    a, b, _ = aligned_sides(left, right)
    a, b = (x.reshape(len(x), -1) for x in (a, b))
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(a).max(axis=1), np.abs(b).max(axis=1))
        used = np.log(np.abs(a - b).max(axis=1) / (ROUNDING * np.where(size == 0, 1.0, size)))
        return np.maximum(used, -FAR)  # keeps NaN


@dataclass(frozen=True)
class Chart:
    """The free floats of a claim's arguments at fixed sizes.

    Attributes:
        claim: the claim.
        sizes: argument name -> size.
        contraction: twins are drawn together by this factor (1: not at all).
    """

    claim: Claim
    sizes: Instance
    contraction: float = 1.0

    def names(self) -> list[str]:
        """Arguments with free floats."""
        return [name for name, domain in self.claim.domains.items() if not isinstance(domain, Size)]

    def start(self, instance: Instance) -> np.ndarray:
        """Free floats that describe an instance."""
        return np.concatenate([np.zeros(0), *(self.claim.domains[name].raw(instance[name]) for name in self.names())])

    def usage(self, free: np.ndarray) -> np.ndarray:
        """`screen` at a batch of free floats (batch, width)."""
        known: dict[str, Any] = dict(self.sizes)
        place = 0
        for name in self.names():
            domain = self.claim.domains[name]
            width = domain.width(known)
            value = domain.project(free[:, place : place + width], known)
            known[name] = self._drawn(name, value, known)
            place += width
        return _usage(self.claim, float_arguments(known, len(free)), len(free), penalized=True)

    def _drawn(self, name: str, value: Any, known: dict[str, Any]) -> Any:
        paired = twins(self.claim, name)
        if self.contraction == 1.0 or not paired or np.shape(known[paired[0]]) != np.shape(value):
            return value
        return known[paired[0]] + self.contraction * (value - known[paired[0]])

    def exactly(self, free: np.ndarray) -> Instance | None:
        """The admissible exact instance next to free floats, or None."""
        known: Instance = dict(self.sizes)
        place = 0
        for name, domain in self.claim.domains.items():
            if name in known:
                continue
            width = domain.width(known)
            value = domain.exactly(free[place : place + width], known, FINE)
            place += width
            if value is None:
                return None
            value = self._drawn_exactly(name, value, known)
            if not domain.admits(value, known):
                return None
            known[name] = value
        return {name: known[name] for name in self.claim.domains}

    def _drawn_exactly(self, name: str, value: Any, known: Instance) -> Any:
        paired = twins(self.claim, name)
        if self.contraction == 1.0 or not paired or np.shape(known[paired[0]]) != np.shape(value):
            return value
        return known[paired[0]] + (value - known[paired[0]]) * fmpq(*self.contraction.as_integer_ratio())


def climb(
    claim: Claim, start: Instance, rng: np.random.Generator, rounds: int, contraction: float = 1.0
) -> Instance | None:
    """Maximise the use of the bound from one instance: L-BFGS-B, then again from jolted maxima.

    Args:
        claim: the claim.
        start: where to begin; its sizes stay.
        rng: for the jolts.
        rounds: number of ascents.
        contraction: see `Chart`.

    Returns:
        The exact instance next to the best point, or None where rounding left the admissible set.
    """
    sizes = {name: start[name] for name, domain in claim.domains.items() if isinstance(domain, Size)}
    chart = Chart(claim, sizes, contraction)
    best, height = chart.start(start), -np.inf
    if not best.size or np.abs(best).max() > LARGEST:
        return None
    for number in range(rounds):
        stretch, share = JOLTS[number % len(JOLTS)]
        jolt = share * max(float(np.abs(best).max()), 0.1) * rng.standard_normal(best.size)
        found = minimize(_descent, stretch * best + jolt, (chart,), jac=True, method="L-BFGS-B", options=_OPTIONS)
        if -found.fun > height:
            best, height = found.x, -float(found.fun)
    return chart.exactly(best)


JOLTS = ((1.0, 1e-3), (1.0, 0.3), (2.0, 0.03))
"""How each ascent of a climb starts from the best point so far: stretched (a bound that is approached only far out
gives no slope to follow; limits of the annotations stop the stretch) and moved at random by a share of its size."""
_OPTIONS = {"maxiter": 60, "maxfun": 90, "ftol": 1e-12, "gtol": 1e-9}


def _descent(point: np.ndarray, chart: Chart) -> tuple[float, np.ndarray]:
    """Minus the usage and its forward-difference gradient, in one batch."""
    step = STEP * max(1.0, float(np.abs(point).max()))
    batch = np.vstack([point, point + step * np.eye(point.size)])
    used = np.nan_to_num(chart.usage(batch), nan=LOST, neginf=LOST, posinf=-LOST)
    return -float(used[0]), -np.clip((used[1:] - used[0]) / step, -1e6, 1e6)


def contracted(claim: Claim, instance: Instance) -> list[Instance]:
    """The instance with its twins drawn ever closer together, and drawn towards 0, where that stays admissible."""
    shorter = ({n: v if isinstance(v, int) else v * factor for n, v in instance.items()} for factor in CLOSER)
    closer = (drawn_together(claim, instance, factor) for factor in CLOSER)
    return [moved for moved in (*shorter, *closer) if moved is not None and claim.admits(moved)]
