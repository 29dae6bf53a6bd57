"""What has been decided about a claim so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..arrays.backends import Instance
from ..arrays.balls import Truth
from ..claims import Claim
from .decide import CEILING, Decision, decide

PATIENCE, LOWER_CEILING = 3, 512
"""After this many instances without a decision at the ceiling, further ones stop at the lower one."""

Decided = tuple[Instance, Decision]


@dataclass
class Ledger:
    """Decisions on single instances, by what they say.

    Attributes:
        claim: the claim.
        decided: instances on which the claim certainly holds.
        broken: an instance that meets every hypothesis and breaks the claim, or None.
        unknown: instances on which no precision decided the claim.
        unclear: instances of which no precision decided whether they meet the hypotheses.
    """

    claim: Claim
    decided: list[Decided] = field(default_factory=list)
    broken: Decided | None = None
    unknown: list[Decided] = field(default_factory=list)
    unclear: list[Decided] = field(default_factory=list)

    def take(self, instance: Instance, tie_break: bool = True, patient: bool | None = None) -> None:
        """Decide one instance and enter it; instances that certainly miss a hypothesis decide nothing.

        Args:
            instance: meets the annotations.
            tie_break: whether overlapping sides are offered to the exact tie-break.
            patient: whether to go up to the ceiling; None for the first few open instances of an inequality.
        """
        if patient is None:
            patient = self.claim.kind != "equality" and len(self.unknown) + len(self.unclear) < PATIENCE
        decision = decide(self.claim, instance, CEILING if patient else LOWER_CEILING, tie_break)
        if decision.admissible is Truth.NO:
            return
        entry = (instance, decision)
        if decision.admissible is Truth.UNKNOWN:
            self.unclear.append(entry)
        elif decision.truth is Truth.UNKNOWN:
            self.unknown.append(entry)
        elif decision.truth is Truth.NO:
            self.broken = self.broken or entry
        else:
            self.decided.append(entry)

    def break_ties(self, count: int) -> None:
        """Offer the first open instances to the exact tie-break, a few of them up to the ceiling."""
        for name in ("unclear", "unknown"):
            waiting = getattr(self, name)
            setattr(self, name, waiting[count:])
            for place, (instance, _) in enumerate(waiting[:count]):
                self.take(instance, patient=place < PATIENCE)

    @property
    def empty(self) -> bool:
        """Whether no instance certainly meets the hypotheses."""
        return not (self.decided or self.broken or self.unknown)

    @property
    def telling(self) -> list[Decided]:
        """Certified instances with sides that are not zero."""
        return [entry for entry in self.decided if not entry[1].trivial]

    @property
    def worst(self) -> Decided | None:
        """The certified instance that uses most of the bound."""
        return max(self.telling, key=lambda entry: entry[1].ratio, default=None)

    @property
    def bits(self) -> int | None:
        """Largest precision that a decision took."""
        used = [decision.bits for _, decision in self.decided] + ([self.broken[1].bits] if self.broken else [])
        return max(used, default=None)
