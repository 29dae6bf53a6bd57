"""Branch and bound: a sum is at least 0 on a box of variables, by enclosures of it and of its slopes on pieces.

Where a slope has one sign on a piece, the sum is least on a face of the piece, and only the face is looked at; a face
of the whole box is substituted symbolically, so that a bound that is attained there cancels to exactly 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flint import fmpq

from ..arrays.balls import precision
from ..arrays.fields import Unsupported
from . import intervals
from .intervals import Interval
from .regions import Box
from .slopes import derivative
from .sums import UNIT, Letter, Monomial, Sum, nonnegative, number, positive, substituted, variables

BITS = 64
NARROWEST = fmpq(1, 1 << 50)
"""Pieces narrower than this, relative to the whole box, are given up."""
SUBSTITUTION = 100
"""A symbolic substitution costs about as much as so many terms."""


class Exhausted(Exception):
    """The budget of a proof is spent."""


@dataclass
class Budget:
    """Terms that may still be enclosed: a measure of work that is the same on every machine."""

    terms: int

    def spend(self, count: int) -> None:
        """Take from the budget.

        Raises:
            Exhausted: nothing is left.
        """
        self.terms -= count
        if self.terms < 0:
            raise Exhausted

    @contextmanager
    def half(self) -> Iterator[None]:
        """One half of what is left for an attempt inside; when that is spent, the attempt ends and the rest remains."""
        kept = self.terms // 2
        self.terms -= kept
        try:
            yield
        except Exhausted:
            self.terms = 0
        finally:
            self.terms += kept


Memo = dict[Letter | Sum, Interval]
"""Enclosures on one piece: of letters, and of the exponentials of sums."""


def enclosed(x: Sum, values: dict[Letter, Interval], memo: Memo, budget: Budget) -> Interval:
    """An interval that holds every value of the sum."""
    shared, rest = x.factors  # y - y^2 as y (1 - y) keeps its sign on [0, 1]
    budget.spend(len(rest.terms))
    total: Interval | None = None
    for m, c in rest.terms:
        part = _enclosed_product(m, values, memo, budget)
        part = part if c == 1 else intervals.scale(part, c)
        total = part if total is None else intervals.add(total, part)
    if total is None:
        return intervals.ZERO, intervals.ZERO
    return total if shared is UNIT else intervals.multiply(total, _enclosed_product(shared, values, memo, budget))


def _enclosed_product(m: Monomial, values: dict[Letter, Interval], memo: Memo, budget: Budget) -> Interval:
    out: Interval | None = None
    if m.exponent is not None:
        out = _enclosed_exponential(m.exponent, values, memo, budget)
    for letter, k in m.powers:
        found = values[letter] if letter.kind == "var" else _enclosed_letter(letter, values, memo, budget)
        part = found if k == 1 else intervals.power(found, k)
        out = part if out is None else intervals.multiply(out, part)
    return (intervals.ONE, intervals.ONE) if out is None else out


def _enclosed_exponential(exponent: Sum, values: dict[Letter, Interval], memo: Memo, budget: Budget) -> Interval:
    """exp of a sum; a sum and its slopes have the same ones, which the budget counts in each."""
    if exponent in memo:
        budget.spend(len(exponent.factors[1].terms))
    else:
        memo[exponent] = intervals.exp(enclosed(exponent, values, memo, budget))
    return memo[exponent]


def _enclosed_letter(letter: Letter, values: dict[Letter, Interval], memo: Memo, budget: Budget) -> Interval:
    if letter not in memo:
        inner = [enclosed(arg, values, memo, budget) for arg in letter.args]
        if letter.kind == "gap":
            memo[letter] = inner[0]
        elif letter.kind in intervals.BINARY:
            memo[letter] = intervals.BINARY[letter.kind](*inner)
        elif letter.kind in ("cosh", "sinh"):
            up, down = intervals.exp(inner[0]), intervals.exp(intervals.scale(inner[0], fmpq(-1)))
            other = down if letter.kind == "cosh" else intervals.scale(down, fmpq(-1))
            memo[letter] = intervals.scale(intervals.add(up, other), fmpq(1, 2))
        else:
            memo[letter] = intervals.UNARY[letter.kind](inner[0])
    return memo[letter]


@dataclass(frozen=True)
class _Piece:
    """A part of the box; ``whole`` while no variable has been moved to a face, so that constraints may rule it out."""

    box: Box
    whole: bool = True


@dataclass(frozen=True)
class Prover:
    """Proves that sums are at least 0, or positive, on one box.

    Attributes:
        box: the whole box.
        constraints: sums that are >= 0 on the instances that matter: pieces where one is negative are left out.
        hypotheses: pairs (op, left - right) that such instances meet as well.
        budget: of the work.
        resisting: pieces on which a question was given up or answered with no, in the order of giving up.
    """

    box: Box
    constraints: tuple[Sum, ...]
    hypotheses: tuple[tuple[str, Sum], ...]
    budget: Budget
    resisting: list[Box] = field(default_factory=list, repr=False)
    _faces: dict[Any, Sum] = field(default_factory=dict, repr=False)

    def holds(self, x: Sum, strict: bool = False, box: Box | None = None, whole: bool = True) -> bool:
        """Whether the sum is certainly >= 0 (> 0 if ``strict``) on the box wherever the constraints are met.

        Raises:
            Exhausted: the budget is spent.
        """
        if (positive if strict else nonnegative)(x):
            return True
        free = sorted(variables(x), key=lambda letter: letter.text)
        slopes = {name: _slope(x, name) for name in free}
        waiting = [_Piece(self.box if box is None else box, whole)]
        while waiting:
            piece = waiting.pop()
            split = self._split(x, slopes, piece, strict)
            if split is None:
                return False
            waiting += split
        return True

    def _split(self, x: Sum, slopes: dict[Letter, Sum | None], piece: _Piece, strict: bool) -> list[_Piece] | None:
        """What is left to ask once a piece was looked at; None where that ends the question."""
        try:
            with precision(BITS):
                found = self._settled(x, slopes, piece, strict)
            split = [] if found else self._halves(piece, slopes) if found is None else None
        except Exhausted:
            self.resisting.append(piece.box)
            raise
        if split is None:
            self.resisting.append(piece.box)
        return split

    def _settled(self, x: Sum, slopes: dict[Letter, Sum | None], piece: _Piece, strict: bool) -> bool | None:
        """True: certain on the piece, or nothing admissible in it. False: certainly not. None: not yet."""
        values = {name: intervals.around(*ends) for name, ends in piece.box.items()}
        memo: Memo = {}
        if piece.whole and self._excluded(values, memo):
            return True
        value = enclosed(x, values, memo, self.budget)
        if _certain(value, strict):
            return True
        restricted = piece.whole and bool(self.constraints or self.hypotheses)
        if value[1] < 0 and not restricted:
            return False
        steep = {
            name: enclosed(s, values, memo, self.budget)
            for name, s in slopes.items()
            if s is not None and piece.box[name][0] != piece.box[name][1]
        }
        moved = {name: end for name, s in steep.items() if (end := _lower_end(s, piece.box[name])) is not None}
        if moved:
            on_face = self._on_face(x, piece, moved, strict)
            return True if on_face else None if restricted else False
        if None not in slopes.values() and _certain(self._from_middle(x, steep, piece.box), strict):
            return True
        return None

    def _excluded(self, values: dict[Letter, Interval], memo: Memo) -> bool:
        if any(enclosed(c, values, memo, self.budget)[1] < 0 for c in self.constraints):
            return True
        return any(_fails(op, enclosed(x, values, memo, self.budget)) for op, x in self.hypotheses)

    def _on_face(self, x: Sum, piece: _Piece, moved: dict[Letter, fmpq], strict: bool) -> bool:
        """The same question where some variables sit at an end of their range; the face need not be admissible."""
        box = {**piece.box, **{name: (end, end) for name, end in moved.items()}}
        for name, end in moved.items():
            if end in self.box[name]:
                try:
                    x = self._substituted(x, name, end)
                except Unsupported:  # not defined on that face
                    return False
        return self.holds(x, strict, box, whole=False)

    def _substituted(self, x: Sum, name: Letter, end: fmpq) -> Sum:
        key = (x.text, name, end)
        if key not in self._faces:
            self.budget.spend(SUBSTITUTION)
            self._faces[key] = substituted(x, {name: number(end)})
        return self._faces[key]

    def _from_middle(self, x: Sum, steep: dict[Letter, Interval], box: Box) -> Interval:
        """The value in the middle plus slopes times distances: narrower than the enclosure of a small piece."""
        middle = {name: ((low + high) / 2,) * 2 for name, (low, high) in box.items()}
        points = {name: intervals.around(*ends) for name, ends in middle.items()}
        total = enclosed(x, points, {}, self.budget)
        for name, s in steep.items():
            half = (box[name][1] - box[name][0]) / 2
            total = intervals.add(total, intervals.multiply(s, intervals.around(-half, half)))
        return total

    def _halves(self, piece: _Piece, slopes: dict[Letter, Sum | None]) -> list[_Piece] | None:
        """The piece cut across the variable whose range is widest, relative to the whole box."""
        self.budget.spend(1)
        names = piece.box if piece.whole and (self.constraints or self.hypotheses) else slopes
        widths = {name: self._width(piece.box, name) for name in names}
        widest = max(sorted(widths, key=lambda n: n.text), key=lambda n: widths[n], default=None)
        if widest is None or widths[widest] < NARROWEST:
            return None
        low, high = piece.box[widest]
        middle = (low + high) / 2
        parts = ((low, middle), (middle, high))
        return [_Piece({**piece.box, widest: part}, piece.whole) for part in parts]

    def _width(self, box: Box, name: Letter) -> fmpq:
        whole = self.box[name][1] - self.box[name][0]
        return (box[name][1] - box[name][0]) / whole if whole else fmpq(0)


def _slope(x: Sum, name: Letter) -> Sum | None:
    try:
        return derivative(x, name)
    except Unsupported:
        return None


def _certain(value: Interval, strict: bool) -> bool:
    return bool(value[0] > 0) if strict else bool(value[0] >= 0)


def _lower_end(slope: Interval, ends: tuple[fmpq, fmpq]) -> fmpq | None:
    """The end of a range where a function of such a slope is least; None where the slope has both signs."""
    if slope[0] >= 0:
        return ends[0]
    return ends[1] if slope[1] <= 0 else None


def _fails(op: str, difference: Interval) -> bool:
    """Whether ``difference op 0`` fails everywhere."""
    low, high = difference
    if op == "==":
        return bool(low > 0) or bool(high < 0)
    if op.startswith("<"):
        return bool(low > 0) or (op == "<" and bool(low >= 0))
    return bool(high < 0) or (op == ">" and bool(high <= 0))
