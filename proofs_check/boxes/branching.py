"""Branch and bound: a sum is at least 0 on a box of variables, by enclosures of it and of its slopes on pieces.

Where a slope has one sign on a piece, the sum is least on a face of the piece, and only the face is looked at; a face
of the whole box is substituted symbolically, so that a bound that is attained there cancels to exactly 0.
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
from .slopes import derivative
from .sums import Letter, Sum, nonnegative, number, positive, substituted, variables

BITS = 64
NARROWEST = fmpq(1, 1 << 50)
"""Pieces narrower than this, relative to the whole box, are given up."""
SUBSTITUTION = 100
"""A symbolic substitution costs about as much as so many terms."""


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
    _faces: dict[tuple[Letter, fmpq], tuple[dict[Sum, Sum], dict[Letter, Sum]]] = field(
        default_factory=dict, repr=False
    )

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
        on = Enclosures(piece.box, self.budget)
        if piece.whole and self._excluded(on):
            return True
        value = on.of(x)
        if _certain(value, strict):
            return True
        restricted = piece.whole and bool(self.constraints or self.hypotheses)
        if value[1] < 0 and not restricted:
            return False
        steep = {
            name: on.of(s) for name, s in slopes.items() if s is not None and piece.box[name][0] != piece.box[name][1]
        }
        moved = {name: end for name, s in steep.items() if (end := _lower_end(s, piece.box[name])) is not None}
        if moved:
            on_face = self._on_face(x, piece, moved, strict)
            return True if on_face else None if restricted else False
        if None not in slopes.values() and _certain(self._from_middle(x, steep, piece.box), strict):
            return True
        return None

    def _excluded(self, on: Enclosures) -> bool:
        if any(on.of(c)[1] < 0 for c in self.constraints):
            return True
        return any(_fails(op, on.of(x)) for op, x in self.hypotheses)

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
        faces, letters = self._faces.setdefault((name, end), ({}, {}))
        if x not in faces:
            self.budget.spend(SUBSTITUTION)
            faces[x] = substituted(x, {name: number(end)}, letters)
        return faces[x]

    def _from_middle(self, x: Sum, steep: dict[Letter, Interval], box: Box) -> Interval:
        """The value in the middle plus slopes times distances: narrower than the enclosure of a small piece."""
        middle = {name: ((low + high) / 2,) * 2 for name, (low, high) in box.items()}
        total = Enclosures(middle, self.budget).of(x)
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
