"""What a statement claims about its constant: the factor of sizes and numbers on its right side, read exactly.

A law is read from the source of a claim, never fitted. Its orders say how it grows as one letter does and the others
stay: expression ~ c e^(rate v^2) e^(linear v) v^power.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy

from ..arrays.exact import InputError
from ..claims import Claim
from ..constants import expression, parsed
from ..instances.domains import Scalar, Size

_FUNCTIONS = {"exp", "log", "sqrt", "sinh", "cosh", "tanh", "absolute", "maximum", "minimum"}
_NAMES = {"absolute": "Abs", "maximum": "Max", "minimum": "Min"}
_DIGITS = 20


@dataclass(frozen=True)
class Order:
    """Leading growth in one letter.

    Attributes:
        rate: of its square in the exponential.
        linear: of the letter itself in the exponential.
        power: exponent of the letter.
    """

    rate: sympy.Expr
    linear: sympy.Expr
    power: sympy.Expr

    def times(self, factor: sympy.Expr) -> Order:
        """The order of a power of the expression."""
        return Order(self.rate * factor, self.linear * factor, self.power * factor)

    def plus(self, other: Order) -> Order:
        """The order of a product."""
        return Order(self.rate + other.rate, self.linear + other.linear, self.power + other.power)


_STEADY = Order(sympy.Integer(0), sympy.Integer(0), sympy.Integer(0))


@dataclass(frozen=True)
class Law:
    """The claimed constant as an exact expression of the claim's sizes and numbers."""

    expression: sympy.Expr

    def log10(self, values: Mapping[str, Any]) -> float:
        """log10 of its absolute value where the letters have these exact values."""
        return float(sympy.N(sympy.log(sympy.Abs(self._at(values)), 10), _DIGITS))

    def negative(self, values: Mapping[str, Any]) -> bool:
        """Whether it is below 0 there."""
        return bool(sympy.N(self._at(values), _DIGITS) < 0)

    def order(self, name: str, held: Mapping[str, Any]) -> Order | None:
        """How it grows with one letter, the others held; None where this is no product of the kinds above."""
        others = {letter: value for letter, value in held.items() if letter != name}
        letter = sympy.Symbol(name, positive=True)
        found = _leading(self._at(others).subs(sympy.Symbol(name), letter), letter)
        return None if found is None else found[0]

    def _at(self, values: Mapping[str, Any]) -> sympy.Expr:
        exact = {sympy.Symbol(name): _exact(value) for name, value in values.items()}
        return self.expression.subs(exact)


def _exact(value: Any) -> sympy.Expr:
    return sympy.Integer(value) if isinstance(value, int) else sympy.Rational(int(value.p), int(value.q))


def law_of(claim: Claim) -> Law | None:
    """The law of a claim whose right side is a product of such a factor and of what speaks of no size or number.

    None for other forms: constants that depend on norms of the data, sums, bodies with branches.
    """
    try:
        right = _right_side(claim)
        letters = {name for name, domain in claim.domains.items() if isinstance(domain, (Size, Scalar))}
        return None if right is None else Law(sympy.Mul(*(_factor(part, letters) for part in _factors(right))))
    except (_NoLaw, InputError, OSError, TypeError, ValueError):
        return None


class _NoLaw(Exception):
    """The right side is of another form."""


def _right_side(claim: Claim) -> ast.expr | None:
    """The right side as returned, with plain local names replaced by what they stand for."""
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(claim.body))).body
    local: dict[str, ast.expr] = {}
    for statement in getattr(function, "body", []):
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            local[statement.targets[0].id] = _Inlined(local).visit(statement.value)
        elif isinstance(statement, ast.Return) and isinstance(statement.value, ast.Tuple):
            inlined: ast.expr = _Inlined(local).visit(statement.value.elts[1])
            return inlined
        elif not isinstance(statement, ast.Expr):
            return None
    return None


class _Inlined(ast.NodeTransformer):
    """Names replaced by expressions, and fractions by quotients."""

    def __init__(self, local: dict[str, ast.expr]) -> None:
        self.local = local

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.local.get(node.id, node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if getattr(node.func, "id", "") == "Fraction":
            value = Fraction(*map(ast.literal_eval, node.args))
            return ast.BinOp(ast.Constant(value.numerator), ast.Div(), ast.Constant(value.denominator))
        kept = self.generic_visit(node)
        assert isinstance(kept, ast.Call)
        return kept


def _factors(tree: ast.expr) -> list[tuple[ast.expr, int]]:
    """Factors with their sign in the exponent."""
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, (ast.Mult, ast.Div)):
        sign = 1 if isinstance(tree.op, ast.Mult) else -1
        return _factors(tree.left) + [(part, sign * k) for part, k in _factors(tree.right)]
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return [(ast.Constant(-1), 1), *_factors(tree.operand)]
    return [(tree, 1)]


def _factor(part: tuple[ast.expr, int], letters: set[str]) -> sympy.Expr:
    """A factor's share of the law: 1 where it speaks of no size or number."""
    tree, sign = part
    if isinstance(tree, ast.Call) and getattr(tree.func, "id", "") == "constant":
        return _stated(tree, letters) ** sign
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if used <= letters | _FUNCTIONS:
        return _plain(tree) ** sign
    if used & letters:
        raise _NoLaw
    return sympy.Integer(1)


def _plain(tree: ast.expr) -> sympy.Expr:
    renamed = _Inlined({name: ast.Name(other) for name, other in _NAMES.items()}).visit(tree)
    return parsed("a constant", ast.unparse(renamed))


def _stated(call: ast.Call, letters: set[str]) -> sympy.Expr:
    """The expression of a call of `constant`, each of its letters replaced by what the call says."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    text = given.pop("expression", None)
    identifier = ast.literal_eval(call.args[0])
    tree = expression(identifier, None if text is None else ast.literal_eval(text))
    passed = {symbol: given.get(symbol.name) for symbol in tree.free_symbols}
    if any(value is None or not _speaks_of(value, letters) for value in passed.values()):
        raise _NoLaw
    return tree.subs(
        {symbol: _plain(value) for symbol, value in passed.items() if value is not None}, simultaneous=True
    )


def _speaks_of(tree: ast.expr, letters: set[str]) -> bool:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} <= letters | _FUNCTIONS


Leading = tuple[Order, sympy.Expr]
"""Order and coefficient of the term that outgrows the others."""


def _leading(tree: sympy.Expr, v: sympy.Symbol) -> Leading | None:
    if not tree.has(v):
        return _STEADY, tree
    if tree == v:
        return Order(sympy.Integer(0), sympy.Integer(0), sympy.Integer(1)), sympy.Integer(1)
    if tree.func in (sympy.sinh, sympy.cosh, sympy.tanh):
        return _leading(sympy.expand(tree.rewrite(sympy.exp)), v)
    if tree.func is sympy.exp:
        return _exponential(tree.args[0], v)
    if tree.is_Pow and tree.exp.is_Rational:
        base = _leading(tree.base, v)
        return None if base is None else (base[0].times(tree.exp), base[1] ** tree.exp)
    if tree.is_Mul or tree.is_Add:
        parts = [_leading(part, v) for part in (tree if tree.is_Mul else sympy.expand(tree)).args]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        return _product(known) if tree.is_Mul else _largest(known)
    return None


def _product(parts: list[Leading]) -> Leading:
    return reduce(lambda a, b: (a[0].plus(b[0]), a[1] * b[1]), parts)


def _largest(parts: list[Leading]) -> Leading | None:
    """The terms of the largest order together; None where they cancel."""
    key = lambda part: tuple(float(sympy.N(x)) for x in (part[0].rate, part[0].linear, part[0].power))  # noqa: E731
    top = max(map(key, parts))
    leaders = [part for part in parts if key(part) == top]
    total = sympy.Add(*(coefficient for _, coefficient in leaders))
    return None if sympy.N(total) == 0 else (leaders[0][0], total)


def _exponential(argument: sympy.Expr, v: sympy.Symbol) -> Leading | None:
    """e to a sum of powers of v: those of v^2, v and 1 count, negative ones tend to nothing."""
    found: Leading = _STEADY, sympy.Integer(1)
    for term in sympy.Add.make_args(sympy.expand(argument)):
        coefficient, rest = term.as_independent(v)
        power = rest.as_base_exp()[1] if rest.has(v) else sympy.Integer(0)
        if rest.has(v) and rest.as_base_exp()[0] != v:
            return None
        if power == 2:
            found = found[0].plus(Order(coefficient, sympy.Integer(0), sympy.Integer(0))), found[1]
        elif power == 1:
            found = found[0].plus(Order(sympy.Integer(0), coefficient, sympy.Integer(0))), found[1]
        elif power == 0:
            found = found[0], found[1] * sympy.exp(coefficient)
        elif not power.is_negative:
            return None
    return found
