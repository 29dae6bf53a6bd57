"""Sums enclosed on a box: every letter, exponential and product once, within a budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from flint import fmpq

from . import intervals
from .intervals import Interval
from .sums import UNIT, Letter, Monomial, Sum

HALF, NEGATIVE = fmpq(1, 2), fmpq(-1)


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


class Enclosures:
    """Enclosures on one box.

    Args:
        box: variable -> the rationals between which it lies.
        budget: what the work is taken from.
    """

    def __init__(self, box: Mapping[Letter, tuple[fmpq, fmpq]], budget: Budget) -> None:
        self._budget = budget
        self._letters = {letter.text: intervals.around(*ends) for letter, ends in box.items()}
        self._exponentials: dict[str, Interval] = {}
        self._products: dict[str, Interval] = {}

    def of(self, x: Sum) -> Interval:
        """An interval that holds every value of the sum.

        Raises:
            Exhausted: the budget is spent.
        """
        self._budget.spend(len(x.multiples))
        total: Interval | None = None
        for m, multiple in x.multiples:
            found = self._products.get(m.text)
            total = intervals.added(total, self._product(m) if found is None else found, multiple)
        if total is None:
            return intervals.ZERO, intervals.ZERO
        shared = x.factors[0]  # y - y^2 as y (1 - y) keeps its sign on [0, 1]
        total = total if shared is UNIT else intervals.multiply(total, self._product(shared))
        return intervals.WHOLE if total[0].is_nan() or total[1].is_nan() else total

    def _product(self, m: Monomial) -> Interval:
        out = None if m.exponent is None else self._exponential(m.exponent)
        for letter, k in m.powers:
            found = self._letters.get(letter.text) or self._letter(letter)
            found = found if k == 1 else intervals.power(found, k)
            out = found if out is None else intervals.multiply(out, found)
        self._products[m.text] = out = (intervals.ONE, intervals.ONE) if out is None else out
        return out

    def _exponential(self, exponent: Sum) -> Interval:
        found = self._exponentials.get(exponent.text)
        if found is None:
            found = self._exponentials[exponent.text] = intervals.exp(self.of(exponent))
        return found

    def _letter(self, letter: Letter) -> Interval:
        inner = [self.of(arg) for arg in letter.args]
        if letter.kind == "gap":
            found = inner[0]
        elif letter.kind in intervals.BINARY:
            found = intervals.BINARY[letter.kind](*inner)
        elif letter.kind in ("cosh", "sinh"):
            up, down = intervals.exp(inner[0]), intervals.exp(intervals.scale(inner[0], NEGATIVE))
            other = down if letter.kind == "cosh" else intervals.scale(down, NEGATIVE)
            found = intervals.scale(intervals.add(up, other), HALF)
        else:
            found = intervals.UNARY[letter.kind](inner[0])
        self._letters[letter.text] = found
        return found
