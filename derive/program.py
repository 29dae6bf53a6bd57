"""A formula as a short program: atoms phi(z), totals in topological order, and the loss as a function of the totals.

Every function of z alone becomes a symbol with a derivative rule (u = cosh(z): u' = v, v' = u), every total becomes a
symbol with its summand. All later stages are then plain calculus over a handful of scalar symbols.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from derive.formula import Formula
from derive.language import total

COUNT = sp.Symbol("n", positive=True, integer=True)
"""The number of rows: what total(1) means."""


@dataclass(frozen=True)
class Program:
    """Atoms, totals and loss of a formula, in symbols.

    Attributes:
        atoms: symbol -> function of z (and data or parameters), with all first and second derivatives that the
            calculus can meet.
        slopes: symbol -> its derivative with respect to z of the same row (z itself: 1).
        totals: symbol -> summand, in an order in which each summand uses earlier totals only.
        loss: the loss in total symbols and parameters.
    """

    formula: Formula
    atoms: Mapping[sp.Symbol, sp.Expr]
    slopes: Mapping[sp.Symbol, sp.Expr]
    totals: Mapping[sp.Symbol, sp.Expr]
    loss: sp.Expr

    @property
    def row_symbols(self) -> frozenset[sp.Symbol]:
        """The symbols that vary from row to row."""
        return frozenset((*self.formula.rows, *self.atoms))

    def slope(self, expression: sp.Expr) -> sp.Expr:
        """Derivative of a row quantity with respect to z of the same row, totals held fixed."""
        symbols = sorted(expression.free_symbols & set(self.slopes), key=str)
        return sp.Add(*(sp.diff(expression, s) * self.slopes[s] for s in symbols))

    def symbolic(self, expression: sp.Expr) -> sp.Expr:
        """An expression of the formula, written in the program's symbols."""
        return _with_atoms(expression.xreplace(_total_symbols(self.formula)), self.formula.z, self.atoms)


def program(formula: Formula) -> Program:
    """Read a formula into a program.

    >>> from derive import formulas
    >>> program(formulas()["rescaled-exp"]).totals
    {alpha: u, T1: (-alpha*b + u)**2}
    """
    symbols = _total_symbols(formula)
    # xreplace works from the outside in: it replaces whole totals, and inside a summand the totals below it.
    summands = {symbol: node.args[0].xreplace(symbols) for node, symbol in symbols.items()}
    loss = formula.loss.xreplace(symbols)
    atoms, slopes = _atoms(formula, [loss, *summands.values()])
    totals = {symbol: _with_atoms(summand, formula.z, atoms) for symbol, summand in summands.items()}
    return Program(formula, atoms, slopes, totals, loss)


def arguments(p: Program, atom: sp.Symbol) -> tuple[sp.Symbol, ...]:
    """What an atom depends on: z first, then data and parameters."""
    formula = p.formula
    others = (*formula.data, *formula.parameters)
    return (formula.z, *(s for s in others if s in p.atoms[atom].free_symbols))


def _total_symbols(formula: Formula) -> dict[sp.Expr, sp.Symbol]:
    """Total nodes, innermost first, with the paper's letter or T1, T2, ... as their symbol."""
    letters = _letters(formula)
    found: dict[sp.Expr, sp.Symbol] = {}
    for node in sp.postorder_traversal(formula.loss):
        if isinstance(node, total) and node not in found:
            number = 1 + sum(1 for known in found if known not in letters)
            found[node] = sp.Symbol(letters.get(node, f"T{number}"), **_signs(node))
    return found


def _letters(formula: Formula) -> dict[sp.Expr, str]:
    """Expression -> the paper's letter; the first letter wins where two name the same expression."""
    return {expression: name for name, expression in reversed(list(formula.names.items()))}


def _atoms(formula: Formula, expressions: list[sp.Expr]) -> tuple[dict[sp.Symbol, sp.Expr], dict[sp.Symbol, sp.Expr]]:
    """Function symbols and their slopes, closed under two differentiations."""
    letters = _letters(formula)
    atoms: dict[sp.Symbol, sp.Expr] = {}
    slopes: dict[sp.Symbol, sp.Expr] = {formula.z: sp.Integer(1)}

    def collect(expression: sp.Expr) -> None:
        for node in _functions_of(expression, formula):
            if node not in atoms.values():
                atoms[sp.Symbol(letters.get(node, _letter(node, len(atoms))), **_signs(node))] = node

    for expression in expressions:
        collect(expression)
    for _ in range(2):
        for symbol, node in list(atoms.items()):
            collect(sp.diff(node, formula.z))
            slopes[symbol] = _with_atoms(sp.diff(node, formula.z), formula.z, atoms)
    return atoms, slopes


def _signs(node: sp.Expr) -> dict[str, bool | None]:
    return {"real": True, "positive": True if node.is_positive else None}


def _letter(node: sp.Expr, number: int) -> str:
    plain = isinstance(node, sp.Function) and len(node.args) == 1 and node.args[0].is_Symbol
    return f"{node.func.__name__.lower()}_{node.args[0]}" if plain else f"atom_{number + 1}"


def _functions_of(expression: sp.Expr, formula: Formula) -> list[sp.Expr]:
    """The outermost functions of z without totals, in a reproducible order; exp(2 z) counts as exp(z)."""
    known = {*formula.rows, *formula.parameters}
    found: set[sp.Expr] = set()

    def visit(node: sp.Basic) -> None:
        if _is_power_of_exponential(node, formula.z):
            found.add(sp.exp(formula.z))
        elif isinstance(node, sp.Function | sp.Derivative) and formula.z in node.free_symbols <= known:
            found.add(node)
        else:
            for argument in node.args:
                visit(argument)

    visit(expression)
    return sorted(found, key=lambda node: (isinstance(node, sp.Derivative), sp.default_sort_key(node)))


def _is_power_of_exponential(expression: sp.Basic, z: sp.Symbol) -> bool:
    return isinstance(expression, sp.exp) and bool((expression.args[0] / z).is_Integer)


def _with_atoms(expression: sp.Expr, z: sp.Symbol, atoms: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """Replace each F(z) by its symbol; exp(k z), into which SymPy joins powers of exp(z), becomes a power."""
    known = {node: symbol for symbol, node in atoms.items()}
    exponential = known.get(sp.exp(z))
    if exponential is not None:
        expression = expression.replace(
            lambda e: _is_power_of_exponential(e, z),
            lambda e: exponential ** (e.args[0] / z),
        )
    # Derivatives first: xreplace works from the outside in, so phi'(z) goes before the phi(z) inside it.
    return expression.xreplace(known)
