"""What a check says about a claim: an outcome with a sentence, and the numbers beside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NoReturn

PROVED, HOLDS, REFUTED, VACUOUS, UNDECIDED, ERROR = "proved", "holds", "refuted", "vacuous", "undecided", "error"


@dataclass(frozen=True)
class Verdict:
    """The outcome of one claim.

    Attributes:
        claim: the claim's id.
        paper: arXiv number.
        outcome: proved, holds, refuted, vacuous, undecided or error.
        instances: admissible instances screened in float64.
        certified_instances: admissible instances decided by balls or exactly.
        worst_log10_ratio: log10 of the largest certified share of the bound that is used, or None.
        tight: the bound is attained, or approached to a relative gap of 1e-6; None where not known.
        attained: equality occurs (with sides that are not zero); None where not known.
        looseness_log10: minus the worst log10 ratio seen: the observed factor by which the constant is too large.
        certified_looseness_log10: the same from a proved smaller constant, or None.
        bits: largest precision that a decision took.
        scope: what a proof covers, or what was searched.
        witness: path of the witness file, or None.
        provenance: where the statement comes from.
        seconds: wall-clock time.
        expected: whether the outcome is the expected one (proved also where holds is); None without an expectation.
        message: a sentence.
        growth: growth profiles (`growth.Growth`) as plain data, where the search was deep; else None.
    """

    claim: str
    paper: str
    outcome: str
    message: str
    provenance: str = ""
    instances: int = 0
    certified_instances: int = 0
    worst_log10_ratio: float | None = None
    tight: bool | None = None
    attained: bool | None = None
    looseness_log10: float | None = None
    certified_looseness_log10: float | None = None
    bits: int | None = None
    scope: str | None = None
    witness: str | None = None
    seconds: float = 0.0
    expected: bool | None = None
    growth: list[dict[str, Any]] | None = None

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict has no yes or no; look at .outcome and .expected")

    @property
    def unexpected(self) -> bool:
        """Differs from the expectation; without one, refuted and error are unexpected."""
        if self.expected is None:
            return self.outcome in (REFUTED, ERROR)
        return not self.expected

    def to_json(self) -> dict[str, Any]:
        """The fields of the verdict as plain data; the growth profiles only where there are any."""
        return {key: value for key, value in asdict(self).items() if key != "growth" or value is not None}
