"""One instance, one decision: exact hypotheses, balls at 128, 256, ... bits, an exact tie-break, else undecided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import sympy

from ..arithmetic import Array
from ..arrays import balls
from ..arrays.backends import BALLS, Instance, joined
from ..arrays.balls import Truth
from ..claims import Claim, Hypothesis, Sides, evaluate
from . import algebraic
from .exact_cells import REFUSED, Cell, exact_cells
from .zero import is_zero

FIRST_BITS, CEILING = 128, 4096
TIE_BITS = 256
"""Sides that still overlap at this precision are compared as exact normal forms."""
SYMBOL_BITS = 512
"""Sides that still overlap at this precision are offered to SymPy, too; by then few are left."""
TIE_CELLS = 24
"""Most numbers in an instance that the exact tie-break is tried on."""


@dataclass(frozen=True)
class Decision:
    """What is certain about one instance.

    Attributes:
        admissible: whether every hypothesis holds.
        truth: whether the claim holds on it (YES, NO, or UNKNOWN at the ceiling).
        bits: precision at which this was certain, or the ceiling.
        equal: YES where both sides are equal and not zero, NO where they differ, entry by entry somewhere.
        trivial: one side is exactly zero at every entry, so that equality would say nothing.
        defined: every entry of both sides is a real number.
        ratio: log10 of how much of the bound is used (0 at equality, above 0 beyond it); for reports.
        sides: left and right at the entry that decides; None where no side was looked at.
        note: what is left open, before the difference of the sides.
    """

    admissible: Truth
    truth: Truth
    bits: int
    equal: Truth = Truth.UNKNOWN
    trivial: bool = False
    defined: bool = False
    ratio: float = float("-inf")
    sides: tuple[Any, Any] | None = field(default=None, repr=False)
    note: str = ""

    @property
    def left(self) -> str:
        """The left side at the entry that decides, as text with error bounds."""
        return self._described(lambda left, _: balls.describe(left))

    @property
    def right(self) -> str:
        """The right side there."""
        return self._described(lambda _, right: balls.describe(right))

    @property
    def gap(self) -> str:
        """What is left open: left - right there, as text."""
        return self.note + self._described(_gap)

    def _described(self, text: Callable[[Any, Any], str]) -> str:
        if self.sides is None:
            return ""
        with balls.precision(self.bits):
            return text(*self.sides)


INADMISSIBLE = Decision(Truth.NO, Truth.UNKNOWN, 0, note="a hypothesis is not met")


def decide(claim: Claim, instance: Instance, ceiling: int = CEILING, tie_break: bool = True) -> Decision:
    """Decide a claim on one exact instance.

    Args:
        claim: the claim.
        instance: exact values of its arguments.
        ceiling: largest precision in bits.
        tie_break: whether sides that overlap are compared exactly.
    """
    if not claim.admits(instance):
        return INADMISSIBLE
    bits, asked = FIRST_BITS, (TIE_BITS, SYMBOL_BITS) if cells(instance) <= TIE_CELLS else ()
    while True:
        decision = _at(claim, instance, bits)
        if decision.admissible is Truth.NO or Truth.UNKNOWN not in (decision.admissible, decision.truth):
            return decision
        if tie_break and bits in asked:
            decided = _tie_broken(claim, instance, decision, by_symbols=bits == SYMBOL_BITS)
            if decided is not None:
                return decided
        if bits >= ceiling:
            return replace(decision, note=f"at the ceiling of {bits} bits left - right = ")
        bits *= 2


def cells(instance: Instance) -> int:
    """How many numbers an instance holds."""
    return sum(value.size if isinstance(value, np.ndarray) else 1 for value in instance.values())


def _at(claim: Claim, instance: Instance, bits: int) -> Decision:
    with balls.precision(bits):
        sides = evaluate(claim, {name: joined(value, BALLS) for name, value in instance.items()}, BALLS)
        admissible = _all(hypotheses_hold(h) for h in sides.hypotheses)
        return _compared(claim, sides, admissible, bits)


def hypotheses_hold(hypothesis: Hypothesis) -> Truth:
    """Whether ``left op right`` is certain for every entry, or certainly fails for one."""
    return _all(balls.compare(a, hypothesis.op, b) for a, b in _pairs(hypothesis.left, hypothesis.right))


def _all(truths: Any) -> Truth:
    result = Truth.YES
    for truth in truths:
        result = result & truth
    return result


def _pairs(left: Array, right: Array) -> list[tuple[Any, Any]]:
    if not left.shape and not right.shape:
        return [(left.data[()], right.data[()])]
    a, b = np.broadcast_arrays(left.data, right.data)
    return list(zip(a.reshape(-1), b.reshape(-1), strict=True))


def _compared(claim: Claim, sides: Sides, admissible: Truth, bits: int) -> Decision:
    pairs = _pairs(sides.left, sides.right)
    truths = [balls.compare(a, claim.relation, b) for a, b in pairs]
    signs = [(balls.sign(a), balls.sign(b)) for a, b in pairs]
    usages = [_usage(claim.kind, *pair, *known) for pair, known in zip(pairs, signs, strict=True)]
    worst = 0 if len(pairs) == 1 else max(range(len(pairs)), key=lambda i: (_RANK[truths[i]], usages[i]))
    return Decision(
        admissible=admissible,
        truth=_all(truths),
        bits=bits,
        equal=_any(balls.compare(a, "==", b) for (a, b), known in zip(pairs, signs, strict=True) if known != (0, 0)),
        trivial=all(0 in known for known in signs),
        defined=all(_defined(a, b) for a, b in pairs),
        ratio=max(usages),
        sides=pairs[worst],
    )


_RANK = {Truth.YES: 0, Truth.UNKNOWN: 1, Truth.NO: 2}
"""Which entry decides: one that breaks the claim before one that is open."""


def _gap(left: Any, right: Any) -> str:
    if not _defined(left, right):
        return "nan: a side is undefined"
    return balls.describe(left - right)


def _any(truths: Any) -> Truth:
    found = list(truths)
    if Truth.YES in found:
        return Truth.YES
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.NO


def _both_zero(left: Any, right: Any) -> bool:
    return balls.sign(left) == 0 and balls.sign(right) == 0


def _usage(kind: str, left: Any, right: Any, of_left: int | None, of_right: int | None) -> float:
    """log10 of the share of the bound that is used: log10(small / big) for small <= big of one sign; for reports."""
    small, big = (left, right) if kind != "lower" else (right, left)
    signs = (of_left, of_right) if kind != "lower" else (of_right, of_left)
    if signs == (1, 1):
        return balls.log10_quotient(small, big)
    if signs == (-1, -1):
        return balls.log10_quotient(big, small)
    if None in signs or signs == (0, 0):
        return float("-inf")
    return float("inf") if balls.compare(small, ">", big) is Truth.YES else float("-inf")


def _tie_broken(claim: Claim, instance: Instance, decision: Decision, by_symbols: bool) -> Decision | None:
    """Decide exactly, where the open entries and hypotheses are equalities that are proved; else None.

    Args:
        claim: the claim.
        instance: exact values of its arguments.
        decision: what balls leave open.
        by_symbols: whether SymPy is asked about what has no normal form.
    """
    cells = exact_cells()
    with balls.precision(decision.bits):
        try:
            sides = evaluate(claim, {name: joined(value, cells) for name, value in instance.items()}, cells)
        except REFUSED:
            return None
        admissible = _all(_settled(h.op, h.left, h.right, by_symbols) for h in sides.hypotheses)
        if admissible is Truth.NO:
            return INADMISSIBLE
        truth = _settled(claim.relation, sides.left, sides.right, by_symbols)
        if Truth.UNKNOWN in (admissible, truth):
            return None
        equal = _settled_equal(sides, by_symbols)
    ratio = 0.0 if equal is Truth.YES else decision.ratio
    return replace(decision, admissible=admissible, truth=truth, equal=equal, ratio=ratio)


def _settled(op: str, left: Array, right: Array, by_symbols: bool) -> Truth:
    return _all(_settled_pair(op, p, q, by_symbols) for p, q in _pairs(left, right))


def _settled_pair(op: str, p: Cell, q: Cell, by_symbols: bool) -> Truth:
    truth = balls.compare(p.ball, op, q.ball)
    if truth is Truth.UNKNOWN and _defined(p.ball, q.ball):
        certain = _exact_sign(p, q, by_symbols)
        truth = truth if certain is None else Truth.YES if certain in _SIGNS[op] else Truth.NO
    return truth


_SIGNS = {"<=": (-1, 0), "<": (-1,), ">=": (1, 0), ">": (1,), "==": (0,)}
"""The signs of left - right for which a relation holds."""


def _exact_sign(p: Cell, q: Cell, by_symbols: bool) -> int | None:
    """The certain sign of p - q for exact numbers; None where it is open.

    Squares take the roots out of products; numbers of one sign, certainly, are equal where their squares are.
    """
    one_sign = _one_sign(p.ball, q.ball)
    form = (p - q).form
    if form is not None and (form.is_zero or form.is_nonzero):
        return 0 if form.is_zero else None
    if one_sign and _vanishes(p * p - q * q):
        return 0
    return _symbolic_sign(p.symbol, q.symbol, one_sign) if by_symbols else None


def _vanishes(cell: Cell) -> bool:
    return cell.form is not None and cell.form.is_zero


def _symbolic_sign(p: sympy.Expr | None, q: sympy.Expr | None, one_sign: bool) -> int | None:
    if p is None or q is None:
        return None
    certain = algebraic.sign(p - q)
    if certain is not None:
        return certain
    products = one_sign and not (p.is_Add and q.is_Add)  # a square of two sums only grows
    return 0 if is_zero(p - q) or (products and is_zero(p**2 - q**2)) else None


def _one_sign(a: Any, b: Any) -> bool:
    return balls.sign(a) is not None and balls.sign(a) == balls.sign(b)


def _defined(*cells: Any) -> bool:
    """An undefined side equals nothing, whatever SymPy makes of it over the complex numbers."""
    return all(balls.is_finite(cell) for cell in cells)


def _settled_equal(sides: Sides, by_symbols: bool) -> Truth:
    truths = []
    for p, q in _pairs(sides.left, sides.right):
        truth = _settled_pair("==", p, q, by_symbols)
        both_zero = _both_zero(p.ball, q.ball) or (truth is Truth.YES and not (_nonzero(p) or _nonzero(q)))
        truths += [] if both_zero else [truth]
    return _any(truths)


def _nonzero(p: Cell) -> bool:
    """Whether a number is certainly not zero; equal ones that are not may well be zero, and say nothing."""
    return balls.sign(p.ball) in (-1, 1) or (_defined(p.ball) and p.form is not None and p.form.is_nonzero)
