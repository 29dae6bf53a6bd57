"""Replay of a witness: balls decide again, and an independent evaluation in mpmath at twice the digits must agree.

Nothing here comes from the search or from the generator: the body of the claim is evaluated on the stored rationals,
on balls, and in mpmath with every formula taken from its definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from .arrays.backends import DIGITS, Instance, joined
from .arrays.balls import Truth
from .arrays.exact import InputError
from .claims import KINDS, Claim, Hypothesis, Malformed, Sides, evaluate
from .deciding.decide import CEILING, Decision, decide
from .loading import find_claim
from .witness import Witness, load

DIGITS_PER_BIT = 0.30103
MOST_DIGITS = 2 * CEILING * DIGITS_PER_BIT


@dataclass(frozen=True)
class Replay:
    """What a replay found.

    Attributes:
        claim: the claim's id.
        outcome: the outcome stored in the witness.
        confirmed: whether balls and mpmath both confirm it.
        bits: precision of the balls.
        digits: digits of the mpmath evaluation.
        left, right: the sides, as balls.
        message: a sentence.
    """

    claim: str
    outcome: str
    confirmed: bool
    bits: int
    digits: int
    left: str
    right: str
    message: str

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data."""
        return dict(self.__dict__)


def replay(path: str | Path) -> Replay:
    """Evaluate a witness again.

    Args:
        path: a witness file.

    Raises:
        InputError: a damaged file, an unknown claim, or an instance that does not meet the hypotheses.
    """
    witness = load(path)
    claim = find_claim(witness.claim, witness.path)
    if isinstance(claim, Malformed):
        raise InputError(f"{path}: the claim {claim.id} cannot be checked: {claim.reason} ({claim.path}:{claim.line})")
    _fits(claim, witness, path)
    decision = decide(claim, witness.instance)
    if decision.admissible is not Truth.YES:
        how = "does not meet" if decision.admissible is Truth.NO else "does not certainly meet"
        raise InputError(f"{path}: the stored instance {how} the hypotheses of {claim.id}; it is no witness")
    digits = round(2 * max(decision.bits, balls_bits(witness)) * DIGITS_PER_BIT)
    wanted = witness.outcome == "holds"
    second = second_opinion(claim, witness.instance, digits)
    while second is not wanted and digits < MOST_DIGITS:  # a margin below the last digits needs more of them
        digits *= 4
        second = second_opinion(claim, witness.instance, digits)
    return _judged(claim, witness, decision, second, digits)


def balls_bits(witness: Witness) -> int:
    """The precision stored in a witness, at least that of doubles."""
    return max(53, min(witness.bits, CEILING))


def _fits(claim: Claim, witness: Witness, path: str | Path) -> None:
    if witness.digest != claim.digest:
        raise InputError(
            f"{path}: the claim {claim.id} has changed since the witness was stored "
            f"(digest {witness.digest[:12]}..., now {claim.digest[:12]}...); check the claim again"
        )
    if list(witness.instance) != list(claim.domains):
        raise InputError(f"{path}: {claim.id} has the arguments {list(claim.domains)}, got {list(witness.instance)}")
    if witness.outcome not in ("refuted", "holds"):
        raise InputError(f"{path}: a witness says 'refuted' or 'holds', got {witness.outcome!r}")
    for name, value in witness.instance.items():
        wanted = type(claim.domains[name]).__name__
        rank = {"Size": int, "Scalar": 0, "Vector": 1, "Matrix": 2}[wanted]
        fits = isinstance(value, int) if rank is int else not isinstance(value, int) and np.ndim(value) == rank
        if not fits:
            raise InputError(f"{path}: the argument {name!r} must be a {wanted}, got {value!r}")


def second_opinion(claim: Claim, instance: Instance, digits: int) -> bool | None:
    """Whether the relation of the claim holds in mpmath, to within the last digits; None where that says nothing.

    It says nothing where a side is undefined, or where a hypothesis of the body is not met.
    """
    with mpmath.workdps(digits):
        arguments = {name: joined(value, DIGITS) for name, value in instance.items()}
        sides = evaluate(claim, arguments, DIGITS)
        slack = mpmath.mpf(10) ** (-digits // 2)
        stated = [(h.op, a, b) for h in sides.hypotheses for a, b in _entries(h)]
        claimed = [(KINDS[claim.kind], a, b) for a, b in _entries(sides)]
        defined = all(mpmath.isfinite(a) and mpmath.isfinite(b) for _, a, b in (*stated, *claimed))
        if not defined or not all(_relation(*part, slack) for part in stated):
            return None
        return all(_relation(*part, slack) for part in claimed)


def _entries(sides: Sides | Hypothesis) -> list[tuple[Any, Any]]:
    left, right = np.broadcast_arrays(sides.left.data, sides.right.data)
    return list(zip(left.reshape(-1), right.reshape(-1), strict=True))


def _relation(relation: str, left: Any, right: Any, slack: Any) -> bool:
    # Beside an exact 0 nothing but the last digits tells how small a side is that cancels.
    reach = slack * (max(abs(left), abs(right)) if left and right else 1)
    if relation == "==":
        return bool(abs(left - right) <= reach)
    return bool(left <= right + reach) if relation.startswith("<") else bool(left >= right - reach)


def _judged(claim: Claim, witness: Witness, decision: Decision, second: bool | None, digits: int) -> Replay:
    wanted = Truth.NO if witness.outcome == "refuted" else Truth.YES
    by_balls = decision.truth is wanted
    by_digits = second is (wanted is Truth.YES)
    says = "breaks" if wanted is Truth.NO else "satisfies"
    if by_balls and by_digits:
        ways = f"balls at {decision.bits} bits, mpmath at {digits} digits"
        message = f"the instance meets every hypothesis and {says} {claim.id}: {ways}"
    elif by_balls:
        message = f"NOT confirmed: balls say that the instance {says} {claim.id}, mpmath at {digits} digits disagrees"
    else:
        message = f"NOT confirmed: balls at {decision.bits} bits do not show that the instance {says} {claim.id}"
    return Replay(claim.id, witness.outcome, by_balls and by_digits, decision.bits, digits,
                  decision.left, decision.right, message)  # fmt: skip
