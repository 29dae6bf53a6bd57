"""Branch and bound: a sum is at least 0 on a box of variables, by enclosures of it and of its slopes on pieces.

Where a slope has one sign on a piece, the sum is least on a face of the piece, and only the face is looked at; a face
of the whole box is substituted symbolically, so that a bound that is attained there cancels to exactly 0.

Nearly all questions that can be answered are answered on the whole box or after a few cuts; a question about a sum
that is 0, or nearly so, in the middle of the box is never answered. So of two halves the one that looks harder comes
first: the descent runs into such a place at once. It ends at `DEEPEST` cuts, or where the budget would not last: a
question that used a share of its budget and settled less than the square of that share of its piece is given up.

A slope of one sign says where a sum is least only if no pole lies on the way: 1/(x - 1/2) falls on both sides of 1/2.
Where constraints or hypotheses keep the poles away, pieces may still reach across one. Unless the caller has shown that
everything is defined on the whole box, a slope must be bounded then: the slope of what has a pole on a piece is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from flint import fmpq

from ..arrays.balls import precision
from ..arrays.fields import Unsupported
from . import intervals
from .enclosing import Budget, Enclosures, Exhausted
from .intervals import Interval
from .regions import Box
from .replacing import substituted
from .slopes import derivative
from .sums import Letter, Sum, nonnegative, number, positive, variables

BITS = 64
DEEPEST = 120
"""Cuts after which a piece that is not settled ends its question."""
FROM, TO = 0.125, 0.5
"""Shares of its budget between which a question must show progress: earlier it may be unlucky, later it is near."""
SUBSTITUTION = 100
"""A symbolic substitution costs about as much as so many terms."""


@dataclass(frozen=True)
class _Piece:
    """A part of the box.

    Attributes:
        box: its ranges.
        whole: no variable has been moved to a face, so that constraints may rule it out.
        depth: how often it was cut.
    """

    box: Box
    whole: bool = True
    depth: int = 0


@dataclass(frozen=True)
class _Question:
    """Whether a sum is >= 0, or > 0 if ``strict``; with its derivatives, None for those without a form here."""

    sum: Sum
    strict: bool
    slopes: dict[Letter, Sum | None]

    def certain(self, value: Interval) -> bool:
        """Whether an enclosure answers with yes."""
        return intervals.is_positive(value) if self.strict else intervals.is_nonnegative(value)


class _No(Exception):
    """A question is given up."""


@dataclass(frozen=True)
class Prover:
    """Proves that sums are at least 0, or positive, on one box.

    Attributes:
        box: the whole box.
        constraints: sums that are >= 0 on the instances that matter: pieces where one is negative are left out.
        hypotheses: pairs (op, left - right) that such instances meet as well.
        budget: of the work.
        everywhere: what the sums consist of is defined on the whole box, not only where constraints and hypotheses are
            met; without these that is what a caller must ask of a prover first.
        resisting: pieces on which a question was given up or answered with no, in the order of giving up.
    """

    box: Box
    constraints: tuple[Sum, ...]
    hypotheses: tuple[tuple[str, Sum], ...]
    budget: Budget
    everywhere: bool = False
    resisting: list[Box] = field(default_factory=list, repr=False)
    _faces: dict[tuple[Letter, fmpq], tuple[dict[Sum, Sum], dict[Letter, Sum]]] = field(
        default_factory=dict, repr=False
    )

    def holds(self, x: Sum, strict: bool = False) -> bool:
        """Whether the sum is certainly >= 0 (> 0 if ``strict``) on the box wherever the constraints are met.

        Raises:
            Exhausted: the budget is spent.
        """
        return self._holds_on(_Piece(self.box), x, strict)

    def _holds_on(self, piece: _Piece, x: Sum, strict: bool) -> bool:
        if (positive if strict else nonnegative)(x):
            return True
        free = sorted(variables(x), key=lambda letter: letter.text)
        question = _Question(x, strict, {name: _slope(x, name) for name in free})
        budget, settled = self.budget.terms, 0.0
        try:
            waiting = self._open(question, [piece])
            while waiting:
                halves = self._halves(question, waiting.pop())
                left = self._open(question, halves)
                settled += (len(halves) - len(left)) / 2.0 ** (halves[0].depth - piece.depth)
                if left and _is_slow(question, piece, 1 - self.budget.terms / budget, settled):
                    self.resisting.append(left[-1].box)
                    return False
                waiting += left
        except _No:
            return False
        return True

    def _open(self, question: _Question, pieces: list[_Piece]) -> list[_Piece]:
        """The pieces on which a question is not settled, the one that looks hardest last.

        Raises:
            _No: it fails on one of them.
        """
        found: list[tuple[_Piece, Interval]] = []
        for piece in pieces:
            try:
                with precision(BITS):
                    value = self._looked_at(question, piece)
            except (Exhausted, _No):
                self.resisting.append(piece.box)
                raise
            found += [(piece, value)] if value is not None else []
        if len(found) == 2 and _is_harder(found[0][1], found[1][1]):
            found.reverse()
        return [piece for piece, _ in found]

    def _looked_at(self, question: _Question, piece: _Piece) -> Interval | None:
        """None: the question is settled on a piece, or nothing admissible is in it. Else an enclosure of the sum.

        Raises:
            _No: it certainly fails, or cannot be settled.
        """
        on = Enclosures(piece.box, self.budget)
        if piece.whole and self._excluded(on):
            return None
        value = on.of(question.sum)
        if question.certain(value):
            return None
        restricted = piece.whole and bool(self.constraints or self.hypotheses)
        if not restricted and intervals.is_negative(value):
            raise _No
        wide = {name: s for name, s in question.slopes.items() if piece.box[name][0] != piece.box[name][1]}
        steep = {name: on.of(s) for name, s in wide.items() if s is not None}
        ways = steep if self._has_no_poles else {name: s for name, s in steep.items() if intervals.is_bounded(s)}
        moved = {name: end for name, s in ways.items() if (end := _lower_end(s, piece.box[name])) is not None}
        if moved:
            if self._on_face(question, piece, moved):
                return None
            if not restricted:
                raise _No
        elif None not in question.slopes.values():
            middle, whole = self._from_middle(question.sum, steep, piece.box)
            if question.certain(whole):
                return None
            if not restricted and intervals.is_negative(middle):
                raise _No
        return value

    @property
    def _has_no_poles(self) -> bool:
        return self.everywhere or not (self.constraints or self.hypotheses)

    def _excluded(self, on: Enclosures) -> bool:
        if any(intervals.is_negative(on.of(c)) for c in self.constraints):
            return True
        return any(_fails(op, on.of(x)) for op, x in self.hypotheses)

    def _on_face(self, question: _Question, piece: _Piece, moved: dict[Letter, fmpq]) -> bool:
        """The same question where some variables sit at an end of their range; the face need not be admissible."""
        x, box = question.sum, {**piece.box, **{name: (end, end) for name, end in moved.items()}}
        for name, end in moved.items():
            if end in self.box[name]:
                try:
                    x = self._substituted(x, name, end)
                except Unsupported:  # not defined on that face
                    return False
        return self._holds_on(_Piece(box, whole=False, depth=piece.depth), x, question.strict)

    def _substituted(self, x: Sum, name: Letter, end: fmpq) -> Sum:
        faces, letters = self._faces.setdefault((name, end), ({}, {}))
        if x not in faces:
            self.budget.spend(SUBSTITUTION)
            faces[x] = substituted(x, {name: number(end)}, letters)
        return faces[x]

    def _from_middle(self, x: Sum, steep: dict[Letter, Interval], box: Box) -> tuple[Interval, Interval]:
        """The value in the middle, and that plus slopes times distances: on a small piece narrower than its value."""
        middle = {name: ((low + high) / 2,) * 2 for name, (low, high) in box.items()}
        total = value = Enclosures(middle, self.budget).of(x)
        for name, s in steep.items():
            half = (box[name][1] - box[name][0]) / 2
            total = intervals.add(total, intervals.multiply(s, intervals.around(-half, half)))
        return value, total

    def _halves(self, question: _Question, piece: _Piece) -> list[_Piece]:
        """The piece cut across the variable whose range is widest, relative to the whole box.

        Raises:
            _No: it was cut too often, or there is nothing to cut.
        """
        self.budget.spend(1)
        names = piece.box if piece.whole and (self.constraints or self.hypotheses) else question.slopes
        widths = {name: self._width(piece.box, name) for name in sorted(names, key=lambda n: n.text)}
        widest = max(widths, key=lambda n: widths[n], default=None)
        if widest is None or widths[widest] == 0 or piece.depth == DEEPEST:
            self.resisting.append(piece.box)
            raise _No
        low, high = piece.box[widest]
        middle = (low + high) / 2
        parts = ((low, middle), (middle, high))
        return [_Piece({**piece.box, widest: part}, piece.whole, piece.depth + 1) for part in parts]

    def _width(self, box: Box, name: Letter) -> fmpq:
        whole = self.box[name][1] - self.box[name][0]
        return (box[name][1] - box[name][0]) / whole if whole else fmpq(0)


def _is_slow(question: _Question, piece: _Piece, spent: float, settled: float) -> bool:
    """Whether a question makes too little progress, as shares of its budget and of its piece.

    Questions in one variable, and those on the faces of small pieces, end soon enough; the former may settle nothing
    until they are very near to an end of the range, where the sum vanishes.
    """
    several = sum(piece.box[name][0] != piece.box[name][1] for name in question.slopes) > 1
    return several and piece.depth == 0 and FROM < spent < TO and settled < spent**2


def _slope(x: Sum, name: Letter) -> Sum | None:
    try:
        return derivative(x, name)
    except Unsupported:
        return None


def _is_harder(a: Interval, b: Interval) -> bool:
    """Whether the first enclosure reaches further below 0 than the second, as a share of its upper end."""
    return intervals.is_nonpositive(a) or bool(a[0] * b[1] < b[0] * a[1])


def _lower_end(slope: Interval, ends: tuple[fmpq, fmpq]) -> fmpq | None:
    """The end of a range where a function of such a slope is least; None where the slope has both signs."""
    if intervals.is_nonnegative(slope):
        return ends[0]
    return ends[1] if intervals.is_nonpositive(slope) else None


def _fails(op: str, difference: Interval) -> bool:
    """Whether ``difference op 0`` fails everywhere."""
    match op:
        case "==":
            return intervals.is_positive(difference) or intervals.is_negative(difference)
        case "<=":
            return intervals.is_positive(difference)
        case "<":
            return intervals.is_nonnegative(difference)
        case ">=":
            return intervals.is_negative(difference)
    return intervals.is_nonpositive(difference)
