"""A derivation: all derived quantities of a formula, written with the paper's letters and a few named sums."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import sympy as sp

from derive.border import Border, border
from derive.calculus import StructuredHessian, adjoints, gauss_newton, gradient, hessian, square_root, tangents
from derive.formula import Formula
from derive.letters import Letters
from derive.products import Product, product
from derive.program import Program, program
from derive.scaling import Scaling, derive_scaling

__all__ = ["Definition", "Derivation", "StructuredHessian", "differentiate"]


@dataclass(frozen=True)
class Definition:
    """One named quantity.

    Attributes:
        symbol: its letter.
        role: ``"atom"`` (a function of z), ``"row"`` (one entry per row) or ``"total"`` (a scalar).
        expression: the function of z, the row expression, or the *summand* of the total.
    """

    symbol: sp.Symbol
    role: str
    expression: sp.Expr


@dataclass(frozen=True)
class Derivation:
    """Everything that follows from a formula, as SymPy scalars over its definitions.

    Attributes:
        definitions: named quantities; each uses earlier ones only.
        value: the loss; gradient: g, one entry per row; hessian: diag(D) + U C U^T in z.
        border: derivatives that involve the scalar variables.
        residual: r with loss = total(r^2)/2, and gauss_newton: J^T J of it; None where the loss is no sum of squares.
        prediction: the model of the (single) datum, the zero of the residual; None where there is none.
        scaling: how the loss is evaluated without overflow.
    """

    formula: Formula
    definitions: tuple[Definition, ...]
    value: sp.Expr
    gradient: sp.Expr
    hessian: StructuredHessian
    border: Border
    residual: sp.Expr | None
    gauss_newton: StructuredHessian | None
    prediction: sp.Expr | None
    scaling: Scaling

    @cached_property
    def hessian_product(self) -> Product:
        """The Hessian in z times a change of z."""
        return product(self.hessian, self._totals)

    @cached_property
    def gauss_newton_product(self) -> Product | None:
        """The Gauss-Newton matrix in z times a change of z."""
        return None if self.gauss_newton is None else product(self.gauss_newton, self._totals)

    @property
    def _totals(self) -> tuple[sp.Symbol, ...]:
        return tuple(d.symbol for d in self.definitions if d.role == "total")

    def needed(self, expressions: Iterable[sp.Expr]) -> tuple[Definition, ...]:
        """The definitions that the expressions use, directly or not, in order."""
        wanted: set[sp.Symbol] = set().union(*(e.free_symbols for e in expressions), set())
        for definition in reversed(self.definitions):
            if definition.symbol in wanted and definition.role != "atom":
                wanted |= definition.expression.free_symbols
        return tuple(d for d in self.definitions if d.symbol in wanted)

    def _repr_latex_(self) -> str:
        from derive.printers.latex import derivation_latex

        return f"$$\n{derivation_latex(self)}\n$$"


@lru_cache(maxsize=256)
def differentiate(formula: Formula) -> Derivation:
    """Derive gradient, structured Hessian, residual and Gauss-Newton matrix of a formula.

    >>> from derive import formulas
    >>> d = differentiate(formulas()["normalized-exp"])
    >>> d.gradient, d.hessian.rank
    (f*(c - sum_cf), 2)
    """
    p = program(formula)
    letters = Letters(p)
    lam = adjoints(p, letters.total)
    r = _residual(p)
    curvature = letters.balance(hessian(p, lam, letters.total))
    beside = border(p, lam, tangents(p, letters.total), letters.total)
    squares = None if r is None else letters.balance(gauss_newton(p, r, letters.total))
    predicted = None if r is None else _prediction(formula, r)
    value, slope = letters.scalar(p.loss), letters.row(gradient(p, lam))
    return Derivation(
        formula=formula,
        definitions=tuple(Definition(*entry) for entry in letters.definitions()),
        value=value,
        gradient=slope,
        hessian=curvature,
        border=beside.map(letters.row, letters.scalar),
        residual=None if r is None else letters.row(r),
        gauss_newton=squares,
        prediction=None if predicted is None else letters.row(predicted),
        scaling=derive_scaling(p),
    )


def _residual(p: Program) -> sp.Expr | None:
    """r with loss = total(r^2)/2, for a loss that is a multiple of one total of a square."""
    coefficient, factors = p.loss.as_independent(*p.totals, as_Add=False)
    if factors not in p.totals:
        return None
    root = square_root(p.totals[factors])
    return None if root is None or not coefficient.is_positive else sp.sqrt(2 * coefficient) * root


def _prediction(formula: Formula, residual: sp.Expr) -> sp.Expr | None:
    """The datum b at which a residual linear in b vanishes: the model of b."""
    if len(formula.data) != 1:
        return None
    (b,) = formula.data
    weight = sp.diff(residual, b)
    if weight == 0 or weight.has(b):
        return None
    zero = sp.expand(residual - weight * b)
    return -zero / weight if zero != 0 else None
