"""Constants of claims: exact expressions, one entry a claim, kept apart from the code that uses them."""

from __future__ import annotations

import importlib
import operator
import pkgutil
import re
from collections.abc import Callable
from functools import lru_cache, partial, reduce
from typing import Any

import sympy

from .arithmetic import Array, absolute, cosh, exp, lifted, log, maximum, minimum, sinh, tanh, working_in
from .arrays.exact import InputError, rational

_FUNCTIONS: dict[Any, Callable[..., Array]] = {
    sympy.exp: exp,
    sympy.log: log,
    sympy.sinh: sinh,
    sympy.cosh: cosh,
    sympy.tanh: tanh,
    sympy.Abs: absolute,
    sympy.Max: maximum,
    sympy.Min: minimum,
}


@lru_cache(maxsize=1)
def tables() -> dict[str, str]:
    """All entries of the ``constants_*`` modules of the catalogue: claim id -> expression."""
    from . import catalogue

    merged: dict[str, str] = {}
    for module in pkgutil.iter_modules(catalogue.__path__):
        if module.name.startswith("constants_"):
            table = importlib.import_module(f"{catalogue.__name__}.{module.name}").CONSTANTS
            twice = merged.keys() & table.keys()
            if twice:
                raise InputError(f"constants are stated twice: {sorted(twice)}; keep one entry a claim")
            merged.update(table)
    return merged


def expression(identifier: str, text: str | None = None) -> sympy.Expr:
    """The exact expression of a constant.

    Args:
        identifier: claim id; looked up in the catalogue's tables unless ``text`` is given.
        text: the expression itself, for claims outside the catalogue.

    Raises:
        InputError: unknown id, or an expression that is not exact.
    """
    if text is None:
        if identifier not in tables():
            raise InputError(
                f"no constant {identifier!r} in the tables; add it, or write constant({identifier!r}, expression='...')"
            )
        text = tables()[identifier]
    return parsed(identifier, str(text))


@lru_cache(maxsize=512)
def parsed(identifier: str, text: str) -> sympy.Expr:
    """An exact expression from its text; ``identifier`` names it in errors."""
    try:
        value = sympy.sympify(text, locals=_letters(text))
    except (sympy.SympifyError, SyntaxError, TypeError) as cause:
        raise InputError(f"{identifier}: {text!r} is not an expression") from cause
    if not isinstance(value, sympy.Expr):
        raise InputError(f"{identifier}: {text!r} is not an expression")
    if value.has(sympy.Float):
        raise InputError(f"{identifier}: {text!r} holds a float; write a fraction such as 1/10")
    return value


def _letters(text: str) -> dict[str, sympy.Symbol]:
    """Letters that SymPy would read as its own objects (N, S, beta, ...) are plain symbols in a constant."""
    known = {"exp", "log", "sqrt", "sinh", "cosh", "tanh", "Abs", "Max", "Min", "E", "pi"}
    return {word: sympy.Symbol(word) for word in re.findall(r"[A-Za-z_]\w*", text) if word not in known}


def constant(identifier: str, expression: str | None = None, **values: Any) -> Any:
    """The constant of a claim, evaluated in the arithmetic of its arguments.

    Args:
        identifier: the id of the claim, or of the entry.
        expression: the exact expression, for a claim outside the catalogue.
        **values: a value for each symbol of the expression, sizes and parameters alike. Further ones are ignored, so
            that an entry of a table may lose a letter without a change of the claim.

    Returns:
        A number of the claim's arithmetic.
    """
    tree = _expression(identifier, expression)
    names = _symbol_names(tree)
    if "pi" in values and tree.has(sympy.pi):
        raise InputError(f"constant {identifier!r} = {tree} means the number pi, got a value for pi; rename the letter")
    if not names <= values.keys():
        raise InputError(f"constant {identifier!r} = {tree} needs values for {sorted(names)}, got {sorted(values)}")
    return evaluated(tree, values)


_expression = expression


@lru_cache(maxsize=512)
def _symbol_names(tree: sympy.Expr) -> frozenset[str]:
    return frozenset(symbol.name for symbol in tree.free_symbols)


def evaluated(tree: sympy.Expr, values: dict[str, Any]) -> Array:
    """The value of an exact expression in the arithmetic at work.

    Args:
        tree: the expression.
        values: of its symbols, by name.
    """
    parts: list[Array] = []
    for function, operands in _program(tree):
        if function is None:
            parts.append(lifted("constant", values[operands] if isinstance(operands, str) else operands))
        else:
            parts.append(function(*(parts[place] for place in operands)))
    return parts[-1]


@lru_cache(maxsize=512)
def _program(tree: sympy.Expr) -> list[tuple[Callable[..., Array] | None, Any]]:
    """The operations of an expression in order: the name of a symbol, a rational, or a function of earlier places."""
    steps: list[tuple[Callable[..., Array] | None, Any]] = []
    places: dict[sympy.Expr, int] = {}

    def place(part: sympy.Expr) -> int:
        if part not in places:
            function, parts = _operation(part)
            operands = part.name if part.is_Symbol else rational(part) if part.is_Rational else None
            steps.append((function, tuple(map(place, parts)) if operands is None else operands))
            places[part] = len(steps) - 1
        return places[part]

    place(tree)
    return steps


def evaluate_expression(tree: sympy.Expr, backend: Any) -> Any:
    """Data of ``backend`` for an exact SymPy constant."""
    with working_in(backend):
        return evaluated(tree, {}).data


def _pi() -> Array:
    backend = lifted("pi", 1).backend
    return Array(backend.pi(), backend)


def walk(tree: sympy.Expr, values: dict[str, Any], memo: dict[sympy.Expr, Array]) -> Array:
    """The value of an exact expression in the arithmetic at work; ``memo`` holds the parts already known."""
    if tree not in memo:
        memo[tree] = _evaluated(tree, values, memo)
    return memo[tree]


def _evaluated(tree: sympy.Expr, values: dict[str, Any], memo: dict[sympy.Expr, Array]) -> Array:
    function, parts = _operation(tree)
    if function is None:
        return lifted("constant", values[tree.name] if tree.is_Symbol else tree)
    return function(*(walk(part, values, memo) for part in parts))


def _operation(tree: sympy.Expr) -> tuple[Callable[..., Array] | None, tuple[sympy.Expr, ...]]:
    """The function at the root of an expression and its operands; None for a symbol or a rational."""
    if tree.is_Symbol or tree.is_Rational:
        return None, ()
    if tree is sympy.E:
        return partial(exp, 1), ()
    if tree is sympy.pi:
        return _pi, ()
    if tree.is_Pow and tree.exp.is_Rational:
        exponent = rational(tree.exp)
        return lambda base: base**exponent, (tree.base,)
    if tree.is_Add or tree.is_Mul:
        combined = operator.add if tree.is_Add else operator.mul
        return lambda *parts: reduce(combined, parts), tree.args
    if tree.is_Pow:
        return operator.pow, tree.args
    if tree.func in _FUNCTIONS:
        return _FUNCTIONS[tree.func], tree.args
    raise InputError(
        f"a constant is built from + - * / ** exp log sqrt sinh cosh tanh Abs Max Min, E and pi, got {tree}"
    )
