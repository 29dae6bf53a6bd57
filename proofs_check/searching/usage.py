"""How much of a bound an instance uses, in float64: log of small / big for small <= big, and what it misses.

Arrays have the batch axis first; both sides have one rank. A number beyond 0 says that the claim seems broken there.
"""

from __future__ import annotations

import numpy as np

from ..arrays.screen import Block, aligned_sides

FAR = 1000.0
"""Usage of sides of opposite signs: nothing of the bound (less by the share of the smaller side, for a slope towards
the region where logs exist), or beyond it."""
ROUNDING = 1e-9
"""Relative disagreement of the sides of an equality that float64 does not explain."""
PENALTY, MARGIN = 30.0, 1e-7
"""An ascent pays so much for each unit by which it misses a hypothesis, and stays so far inside: where it ends must
still be admissible after rounding to rationals."""


ABOVE = 1.0
"""Most usage that counts where a hypothesis is missed; with none, a climb would not see on which side to come back."""


def used_by_blocks(kind: str, left: Block, right: Block) -> np.ndarray:
    """Usage of each instance from scaled sides, shape (batch,); NaN where float64 has no answer.

    Args:
        kind: of the claim.
        left, right: its sides.
    """
    if kind == "equality":
        a, b, _ = aligned_sides(left, right)
        return _disagreement(a, b)
    small, big = (left, right) if kind == "upper" else (right, left)
    (s, log_s), (b, log_b) = signed_logs(small, big)
    with np.errstate(all="ignore"):
        return _worst_entry(s, b, log_s - log_b)


def used(kind: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """`used_by_blocks` of plain sides."""
    if kind == "equality":
        return _disagreement(left, right)
    small, big = (left, right) if kind == "upper" else (right, left)
    with np.errstate(all="ignore"):
        return _worst_entry(small, big, np.log(np.abs(small / big)))


def _worst_entry(small: np.ndarray, big: np.ndarray, log_quotient: np.ndarray) -> np.ndarray:
    """Largest over the entries: the log of the quotient where both are positive, minus it where both are negative.

    Args:
        small, big: the sides, or their signs.
        log_quotient: of their absolute values.
    """
    found = log_quotient
    if not (small.min() > 0 and big.min() > 0):  # NaN is neither
        size = np.abs(small) + np.abs(big)
        found = np.where((small <= 0) & (big >= 0), small / np.where(size > 0, size, 1.0) - FAR, FAR)
        found = np.where((small > 0) & (big > 0), log_quotient, found)
        found = np.where((small < 0) & (big < 0), -log_quotient, found)
        found = np.where(np.isnan(small) | np.isnan(big), np.nan, found)
    return found.reshape(len(found), -1).max(axis=1)


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


def _disagreement(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        size = np.maximum(_largest(np.abs(a)), _largest(np.abs(b)))
        found = np.log(_largest(np.abs(a - b)) / (ROUNDING * np.where(size == 0, 1.0, size)))
        return np.maximum(found, -FAR)  # keeps NaN


def _largest(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1).max(axis=1)


def with_hypothesis(
    found: np.ndarray, op: str, left: np.ndarray, right: np.ndarray, penalized: bool = False
) -> np.ndarray:
    """The usage where a further hypothesis holds: -inf where it clearly fails, NaN where float64 cannot tell.

    Args:
        found: usage so far.
        op: relation of the hypothesis.
        left, right: its sides.
        penalized: an inequality costs what it is missed by instead, so that an ascent finds back.
    """
    with np.errstate(all="ignore"):
        if penalized and op != "==":
            missed = _missed_by(op, left, right)
            # Beyond the bound usage has no limit, and no penalty would outweigh it: outside, little of that counts.
            return np.where(missed > MARGIN, np.minimum(found, ABOVE), found) - PENALTY * missed
        undefined = np.isnan(left - right).reshape(len(left), -1).any(axis=1)
        return np.where(_fails(op, left, right), -np.inf, np.where(undefined, np.nan, found))


def _missed_by(op: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """How far each instance misses an inequality, relative to its sides, with a margin; 0 where it is met."""
    excess = (left - right) if op.startswith("<") else (right - left)
    size = np.abs(left) + np.abs(right)
    missed = np.maximum(excess / np.where(size > 0, size, 1.0) + MARGIN, 0.0)
    return _largest(missed)


def _fails(op: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Clear failures only: an equality, or a tie, is left to exact arithmetic."""
    slack = 1e-9 * (np.abs(left) + np.abs(right))
    excess = {"<": left - right, ">": right - left, "=": np.abs(left - right)}[op[0]]
    wrong = excess > (1e3 * slack if op == "==" else slack)
    return wrong.reshape(len(wrong), -1).any(axis=1)
