"""left <= right, made provable: common factors out, monotone functions off, squares for roots, logarithms for products.

Each step replaces the question by one or more that imply it; what is left goes to branch and bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from flint import fmpq

from ..arrays import exact
from ..arrays.fields import Unsupported
from . import sums
from .branching import Prover
from .replacing import expanded
from .sums import Letter, Monomial, Sum

DEEPEST = 8


@dataclass(frozen=True)
class Goal:
    """left <= right on the box of a prover."""

    left: Sum
    right: Sum


def at_most(left: Sum, right: Sum, prover: Prover, depth: int = 0) -> bool:
    """Whether ``left <= right`` is proved.

    Raises:
        Exhausted: the budget is spent.
    """
    difference = expanded(right) - expanded(left)
    if sums.nonnegative(difference) or is_square_form(difference):
        return True
    if depth < DEEPEST:
        left, right = _scaled(left, right)
        for goals in _rewritten(left, right, prover):
            with prover.budget.half():
                if all(at_most(goal.left, goal.right, prover, depth + 1) for goal in goals):
                    return True
    left, right = _scaled(expanded(left), expanded(right))
    return prover.holds(right - left)


def _rewritten(left: Sum, right: Sum, prover: Prover) -> Iterator[list[Goal]]:
    candidates = (
        _increasing, _extremes, _squared, _logarithmic, _signs, lambda a, b: _with_constraints(a, b, prover),
    )  # fmt: skip
    yield from (goals for rewrite in candidates if (goals := rewrite(left, right)) is not None)


def _scaled(left: Sum, right: Sum) -> tuple[Sum, Sum]:
    """Both sides divided by what all their terms have in common and is never negative, then by an exponential."""
    shared = sums.content(right, left)
    kept = {letter: k for letter, k in shared.powers if k % 2 == 0 or sums.nonnegative(sums.single(letter))}
    exponent = right.terms[0][0].exponent if right.terms else None
    factor = sums.monomial(kept, exponent)
    return sums.without(left, factor), sums.without(right, factor)


def _lone(x: Sum) -> tuple[fmpq, Letter] | None:
    """A positive number times one letter."""
    if len(x.terms) != 1 or x.terms[0][1] <= 0:
        return None
    m, c = x.terms[0]
    return (c, m.powers[0][0]) if len(m.powers) == 1 and m.powers[0][1] == 1 and m.exponent is None else None


def _increasing(left: Sum, right: Sum) -> list[Goal] | None:
    """The arguments of cosh or sinh, where both sides are one such function."""
    a, b = _lone(left), _lone(right)
    if a is None or b is None or a[1].kind != b[1].kind or a[0] != b[0] or a[1].kind not in ("cosh", "sinh"):
        return None
    shape = sums.absolute if a[1].kind == "cosh" else lambda x: x
    return [Goal(shape(a[1].args[0]), shape(b[1].args[0]))]


def _extremes(left: Sum, right: Sum) -> list[Goal] | None:
    """Every entry of a largest one on the left, of a smallest one on the right."""
    if (found := _factor_of(left, "max")) is not None:
        return [Goal(arg * found[0], right) for arg in found[1].args]
    if (found := _factor_of(right, "min")) is not None:
        return [Goal(left, arg * found[0]) for arg in found[1].args]
    return None


def _signs(left: Sum, right: Sum) -> list[Goal] | None:
    """Both signs of an absolute value."""
    if (found := _factor_of(left, "abs")) is not None:
        whole = found[1].args[0] * found[0]
        return [Goal(whole, right), Goal(whole.times(fmpq(-1)), right)]
    return None


def _factor_of(x: Sum, kind: str) -> tuple[Sum, Letter] | None:
    """A product as a factor that is never negative times one letter of a kind."""
    if len(x.terms) != 1:
        return None
    m, _ = x.terms[0]
    letter = next((letter for letter, k in m.powers if letter.kind == kind and k == 1), None)
    rest = None if letter is None else sums.without(x, Monomial(((letter, 1),)))
    return (rest, letter) if letter is not None and rest is not None and sums.nonnegative(rest) else None


def _squared(left: Sum, right: Sum) -> list[Goal] | None:
    """left^2 <= right^2 is enough where right >= 0; it takes roots away where each side is one term."""
    rooted = [x for x in (left, right) if _has_root(x)]
    if not rooted or any(len(x.terms) != 1 for x in rooted) or not sums.nonnegative(right):
        return None
    try:
        return [Goal(left * left, right * right)]
    except Unsupported:
        return None


def _has_root(x: Sum) -> bool:
    return any(letter.kind == "sqrt" and k % 2 for m, _ in x.terms for letter, k in m.powers)


def _logarithmic(left: Sum, right: Sum) -> list[Goal] | None:
    """log left <= log right for two products; a left side that is 0 somewhere has the logarithm minus infinity."""
    sides = (left, right)
    if any(len(x.terms) != 1 or not sums.nonnegative(x) for x in sides):
        return None
    if all(x.terms[0][0].exponent is None for x in sides) and not any(_has_quotient(x) for x in sides):
        return None
    if any(letter.kind == "log" for x in sides for letter, _ in x.terms[0][0].powers):
        return None
    return [Goal(sums.logarithm(left), sums.logarithm(right))]


def _has_quotient(x: Sum) -> bool:
    return any(letter.kind == "shc" for letter, _ in x.terms[0][0].powers)


def _with_constraints(left: Sum, right: Sum, prover: Prover) -> list[Goal] | None:
    """With 1 - v^2 - w^2 >= 0 and a term c >= 0 of the right side: c (v^2 + w^2) <= c, then v^2 and w^2 one by one."""
    for constraint in prover.constraints:
        squares = [m for m, c in constraint.terms if m.powers]
        if len(squares) + 1 != len(constraint.terms) or any(c != -1 for m, c in constraint.terms if m.powers):
            continue
        free = [(m, c) for m, c in right.terms if c > 0 and not any(_holds_letter(m, square) for square in squares)]
        if len(free) != len(right.terms) or len(free) != 1 or not sums.nonnegative(right):
            continue
        goals = [Goal(_share(left, square), right) for square in squares]
        # Every term of the left side must be counted in one share.
        whole = sums.collected(term for g, s in zip(goals, squares, strict=True) for term in (g.left * _sum(s)).terms)
        if (whole - left).terms == ():
            return goals
    return None


def _sum(m: Monomial) -> Sum:
    return Sum(((m, fmpq(1)),))


def _holds_letter(m: Monomial, square: Monomial) -> bool:
    names = {letter for letter, _ in square.powers}
    return bool(names & sums.variables(_sum(m)))


def _share(x: Sum, square: Monomial) -> Sum:
    """The terms that contain a square, without it."""
    powers = dict(square.powers)
    kept = [(m, c) for m, c in x.terms if all(dict(m.powers).get(letter, 0) >= k for letter, k in powers.items())]
    return sums.without(sums.collected(kept), square)


def is_square_form(x: Sum) -> bool:
    """Whether the sum is a positive semidefinite quadratic form of products, plus terms that are never negative."""
    squares = {m for m, c in x.terms if c > 0 and all(k % 2 == 0 for _, k in m.powers)}
    halves = [_half(m) for m, _ in x.terms if m in squares]
    places = {_sum(m): i for i, m in enumerate(halves)}
    gram = exact.zeros(len(halves), len(halves))
    pairs = {(_sum(m) * _sum(n)): (i, j) for m, i in zip(halves, range(len(halves)), strict=True)
             for j, n in enumerate(halves) if i < j}  # fmt: skip
    for m, c in x.terms:
        if m in squares:
            place = places[_sum(_half(m))]
            gram[place, place] += c
        elif _sum(m) in pairs:
            i, j = pairs[_sum(m)]
            gram[i, j] = gram[j, i] = gram[i, j] + c / 2
        elif not sums.nonnegative(Sum(((m, c),))):
            return False
    return bool(len(halves)) and exact.is_psd(np.array(gram, dtype=object))


def _half(m: Monomial) -> Monomial:
    exponent = m.exponent.times(fmpq(1, 2)) if m.exponent is not None else None
    return sums.monomial({letter: k // 2 for letter, k in m.powers}, exponent)
