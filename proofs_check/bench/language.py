"""A formula in the words of another array library, so that rivals compute what the formula says and nothing typed."""

import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import sympy as sp

from derive import Derivation, Formula, differentiate, formulas, total

Words = Mapping[str, Callable[[Any], Any]]
"""`exp`, `sinh`, `cosh` ... by entry, and `total`: the sum along the rows of a group, shaped so that it broadcasts."""


def formula_of(loss: str) -> Formula:
    """The shipped formula of that name."""
    return formulas()[loss]


def loss_entries(formula: Formula, words: Words, z: Any, b: Any) -> Any:
    """The loss of each group as the formula declares it."""
    return evaluate(formula.loss, words, _columns(formula, z, b))


def residual_entries(formula: Formula, words: Words, z: Any, b: Any) -> Any:
    """The entries c of a loss that is declared as total(c^2)/2."""
    (summed,) = [factor for factor in formula.loss.args if isinstance(factor, total)]
    return evaluate(summed.args[0].base, words, _columns(formula, z, b))


class Textbook:
    """A derivation evaluated plainly: every named quantity once, whole arrays, nothing in place."""

    def __init__(self, formula: Formula, words: Words, z: Any, b: Any) -> None:
        self.derivation: Derivation = differentiate(formula)
        self._words, self._known = words, _columns(formula, z, b)
        for definition in self.derivation.definitions:
            entries = self(definition.expression)
            self._known[definition.symbol] = words["total"](entries) if definition.role == "total" else entries

    def __call__(self, expression: sp.Expr) -> Any:
        """An expression over the formula's letters."""
        return evaluate(expression, self._words, self._known)


def evaluate(expression: sp.Expr, words: Words, known: Mapping[sp.Expr, Any]) -> Any:
    """An expression with each repeated part computed once."""
    seen = dict(known)

    def at(e: sp.Expr) -> Any:
        if e not in seen:
            seen[e] = float(e) if e.is_number else _applied(e, at, words)
        return seen[e]

    return at(expression)


def _applied(e: sp.Expr, at: Callable[[sp.Expr], Any], words: Words) -> Any:
    if e.is_Add:
        return reduce(operator.add, map(at, e.args))
    if e.is_Mul:
        above, below = e.as_numer_denom()
        if below != 1 and above != e:
            return at(above) / at(below)
        return reduce(operator.mul, map(at, e.args))
    if e.is_Pow:
        base, exponent = at(e.base), e.exp
        return base * base if exponent == 2 else 1.0 / base if exponent == -1 else base ** int(exponent)
    return words[type(e).__name__](at(e.args[0]))


def _columns(formula: Formula, z: Any, b: Any) -> dict[sp.Expr, Any]:
    return {formula.z: z, formula.data[0]: b}
