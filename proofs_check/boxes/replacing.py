"""Sums with letters replaced: other values of variables, exponentials for cosh and sinh."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from flint import fmpq

from .sums import (
    PRODUCTS,
    UNCHANGED,
    UNIT,
    Letter,
    Monomial,
    Sum,
    absolute,
    collected,
    exponential,
    extreme,
    function,
    hyperbolic,
    inverse,
    logarithm,
    power,
    product,
    root,
    single,
)

MAKERS: dict[str, Callable[..., Sum]] = {
    "inv": inverse, "sqrt": root, "abs": absolute, "log": logarithm,
    "max": lambda x, y: extreme("max", x, y), "min": lambda x, y: extreme("min", x, y),
    **{kind: (lambda x, kind=kind: function(kind, x)) for kind in ("cosh", "sinh", "shc", "langevin", "sgn")},
    "gap": lambda x: single(Letter("gap", (x,))),
}  # fmt: skip


Leaf = Callable[[Letter], Sum | None]


def rebuilt(x: Sum, leaf: Leaf, touched: Callable[[Letter | Sum], bool], memo: dict[Letter, Sum]) -> Sum:
    """The sum with letters replaced: by ``leaf`` where it answers, else by the same function of rebuilt arguments.

    Args:
        x: the sum.
        leaf: what a letter becomes, or None.
        touched: whether something has a letter to replace in it; all else stays as it is.
        memo: letters that are rebuilt already.
    """
    terms: list[tuple[Monomial, fmpq]] = []
    for m, c in x.terms:
        moved = [(letter, k) for letter, k in m.powers if touched(letter)]
        exponent = m.exponent if m.exponent is not None and touched(m.exponent) else None
        if not moved and exponent is None:
            part = product(UNIT, m)
        else:
            fixed = tuple(pair for pair in m.powers if pair not in moved) if moved else m.powers
            part = product(UNIT, Monomial(fixed, None if exponent is not None else m.exponent))
            part = part if exponent is None else part * exponential(rebuilt(exponent, leaf, touched, memo))
            for letter, k in moved:
                part = part * power(_rebuilt_letter(letter, leaf, touched, memo), k)
        terms += part.terms if c == UNCHANGED else part.times(c).terms
    return collected(terms)


def _rebuilt_letter(
    letter: Letter, leaf: Leaf, touched: Callable[[Letter | Sum], bool], memo: dict[Letter, Sum]
) -> Sum:
    if letter not in memo:
        found = leaf(letter)
        memo[letter] = (
            MAKERS[letter.kind](*(rebuilt(arg, leaf, touched, memo) for arg in letter.args)) if found is None else found
        )
    return memo[letter]


def substituted(x: Sum, values: dict[Letter, Sum], memo: dict[Letter, Sum] | None = None) -> Sum:
    """The sum at other values of some variables.

    Args:
        x: the sum.
        values: variable -> what takes its place.
        memo: of letters, kept by a caller who substitutes the same values elsewhere.
    """
    names = values.keys()
    return rebuilt(x, values.get, lambda part: not part.names.isdisjoint(names), {} if memo is None else memo)


@lru_cache(maxsize=PRODUCTS)
def expanded(x: Sum) -> Sum:
    """cosh and sinh written by exponentials."""

    def leaf(letter: Letter) -> Sum | None:
        return hyperbolic(letter.kind, expanded(letter.args[0])) if letter.kind in ("cosh", "sinh") else None

    return rebuilt(x, leaf, lambda part: part.hyperbolic, {})
