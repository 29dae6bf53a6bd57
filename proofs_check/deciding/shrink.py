"""Counterexamples made small: fewer rows and columns first, then simpler rationals; certified again at each step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flint import fmpq

from ..arrays.backends import Instance
from ..arrays.balls import Truth
from ..arrays.exact import Count, from_float, simplest_between, to_float
from ..claims import Claim
from ..instances.domains import Size
from ..instances.limits import Limit
from .decide import FIRST_BITS, INADMISSIBLE, Decision, decide

CEILING = 512
"""Precision that a shrunk instance may need: a counterexample that needs more is not simpler."""
ATTEMPTS = 400
ZEROS = 2
"""At so few bits, each number is also offered to be 0 or whole."""
TIES = 24
"""Most attempts that exact arithmetic is asked about where balls leave them open."""


@dataclass
class _Best:
    """The smallest violation so far and what is left of the budget."""

    claim: Claim
    instance: Instance
    decision: Decision
    left: int = ATTEMPTS
    ties: int = TIES
    refused: set[str] = field(default_factory=set)

    def accepts(self, candidate: Instance) -> bool:
        """Take a candidate over if balls certify that it still breaks the claim."""
        key = _text(candidate)
        if key in self.refused or self.left <= 0:
            return False
        self.left -= 1
        try:
            decision = self._decided(candidate)
        except (ValueError, IndexError, ZeroDivisionError):
            decision = INADMISSIBLE
        if decision.admissible is Truth.YES and decision.truth is Truth.NO:
            self.instance, self.decision = candidate, decision
            return True
        self.refused.add(key)
        return False

    def _decided(self, candidate: Instance) -> Decision:
        """Mostly at the first precision; what is still open there is, as a rule, a tie."""
        decision = decide(self.claim, candidate, FIRST_BITS, tie_break=False)
        if decision.admissible is Truth.NO or Truth.UNKNOWN not in (decision.admissible, decision.truth):
            return decision
        self.ties -= 1
        return decide(self.claim, candidate, CEILING, tie_break=self.ties >= 0)


def shrink(claim: Claim, instance: Instance, decision: Decision) -> tuple[Instance, Decision]:
    """A smaller instance that certainly breaks the claim, with its decision.

    Args:
        claim: the claim.
        instance: an instance that breaks it.
        decision: the decision that says so.
    """
    best = _Best(claim, instance, decision)
    while any(best.accepts(candidate) for candidate in _smaller(claim, best.instance)):
        continue
    for bits in (ZEROS, 5, 10, 20):
        for name in claim.domains:
            _simplify(best, name, bits)
    return best.instance, best.decision


def _text(instance: Instance) -> str:
    parts = (value.reshape(-1).tolist() if isinstance(value, np.ndarray) else value for value in instance.values())
    return str([str(part) for part in parts])


def _smaller(claim: Claim, instance: Instance) -> Iterator[Instance]:
    for name, domain in claim.domains.items():
        if isinstance(domain, Size) and instance[name] > domain.low:
            for smaller in sorted({domain.low, instance[name] // 2, instance[name] - 1}):
                if domain.low <= smaller < instance[name]:
                    for from_end in (False, True):
                        candidate = _cut(claim, instance, name, smaller, from_end)
                        if candidate is not None:
                            yield candidate


def _cut(claim: Claim, instance: Instance, size: str, value: int, from_end: bool) -> Instance | None:
    """The instance with one size lowered: arrays keep their first (last) entries, if that stays admissible."""
    cut: Instance = {**instance, size: Count(value)}
    for name, domain in claim.domains.items():
        if isinstance(cut[name], np.ndarray):
            shape = [_length(d, cut) for d in _dimensions(domain)]
            if any(new > old for new, old in zip(shape, cut[name].shape, strict=True)):
                return None
            keys = tuple(slice(old - new, None) if from_end else slice(new)
                         for new, old in zip(shape, cut[name].shape, strict=True))  # fmt: skip
            cut[name] = _kept(domain, cut[name][keys])
    return cut


def _kept(domain: Any, value: np.ndarray) -> np.ndarray:
    whole = value.sum()
    return value / whole if getattr(domain, "simplex", False) and whole > 0 else value


def _dimensions(domain: Any) -> list[Any]:
    return [domain.dim] if hasattr(domain, "dim") else [domain.rows, domain.columns]


def _length(dimension: Any, known: Instance) -> int:
    return Limit.of(dimension, "dimension").whole(known)


def _simplify(best: _Best, name: str, bits: int) -> None:
    value = best.instance[name]
    if isinstance(value, int):
        return
    if not isinstance(value, np.ndarray):
        for simple in _simpler(value, bits):
            if best.accepts({**best.instance, name: simple}):
                return
        return
    rounded = _rounded_all(value, bits)
    if (bool((rounded == value).all()) or best.accepts({**best.instance, name: rounded})) and bits != ZEROS:
        return
    for place in np.ndindex(value.shape):
        for simple in _simpler(best.instance[name][place], bits):
            moved = best.instance[name].copy()
            moved[place] = simple
            if best.accepts({**best.instance, name: moved}):
                break


def _rounded_all(value: np.ndarray, bits: int) -> np.ndarray:
    out = value.copy()
    for place in np.ndindex(value.shape):
        cell: Any = value[place]
        out[place] = _near(cell, bits)
    return out


def _near(value: fmpq, bits: int) -> fmpq:
    """The simplest rational within a relative 2^-bits."""
    reach = abs(value) * fmpq(1, 1 << bits)
    return simplest_between(value - reach, value + reach)


def _simpler(value: fmpq, bits: int) -> list[fmpq]:
    """Simpler numbers to try: 0, the nearest whole number, the simplest nearby."""
    if value.height_bits() <= 2:
        return [fmpq(0)] if value != 0 and bits == ZEROS else []
    tried = [fmpq(0), from_float(round(to_float(value)))] if bits == ZEROS else []
    return [simple for simple in [*tried, _near(value, bits)] if simple.height_bits() < value.height_bits()]
