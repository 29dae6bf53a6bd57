"""A formula: one loss, declared once, with everything that a derivation needs and refused where it does not fit."""

import builtins
import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sympy as sp

from derive.language import total

_NOT_SMOOTH = (sp.Abs, sp.sign, sp.Max, sp.Min, sp.Heaviside, sp.Piecewise, sp.floor, sp.ceiling)

# Letters that printed code uses for itself.
_RESERVED = frozenset(
    ("n", "m", "D", "U", "C", "g", "t", "dz", "Hdz", "np", "arb", "fmpq", "value", "residual", "predicted", "log_scale")
) | {"dropped", "small", "work", "overwrite"}
_NUMBERED = re.compile(r"(t|row|U|p|k)\d+|(_|sum_|atom_|size_|no_).*|.*_z")


def _is_free(name: str) -> bool:
    """Whether generated code may use a name for a quantity of the formula: it numbers sums and atoms by itself."""
    fits = name.isidentifier() and not keyword.iskeyword(name) and not hasattr(builtins, name)
    return fits and name not in _RESERVED and not _NUMBERED.fullmatch(name)


class FormulaError(ValueError):
    """A formula does not fit the class of losses that this package derives; the message says why and what to do."""


@dataclass(frozen=True)
class Formula:
    """A loss over rows z, stated exactly.

    The class: scalar totals over one row index, in any acyclic order. For every loss in it the Hessian with respect to
    z is diag(D) + U C U^T with rank at most twice the number of totals.

    Attributes:
        name: identifier with dashes, such as ``"normalized-exp"``; the generated files carry it.
        loss: SymPy expression in totals and parameters.
        z: the row variable.
        data: row data, in the order in which kernels take them.
        parameters: scalar parameters, in the order in which kernels take them after the data.
        scalars: those of the parameters that are variables of the loss too; they border gradient and Hessian.
        domain: totals that must not vanish (those with positive terms need no mention).
        names: the paper's letters for subexpressions, such as ``{"u": exp(z), "alpha": total(exp(z))}``; generated
            code, LaTeX and proofs use them.
        reference: where the loss is published.

    Raises:
        FormulaError: the loss lies outside the class or is not stated completely.

    >>> from sympy import exp
    >>> from derive import data, row
    >>> z, b = row("z"), data("b")
    >>> Formula("plain-example", loss=total((exp(z) - b)**2) / 2, z=z, data=[b]).name
    'plain-example'
    """

    name: str
    loss: sp.Expr
    z: sp.Symbol
    data: Sequence[sp.Symbol] = ()
    parameters: Sequence[sp.Symbol] = ()
    scalars: Sequence[sp.Symbol] = ()
    domain: Sequence[sp.Expr] = ()
    names: Mapping[str, sp.Expr] = field(default_factory=dict)
    reference: str = ""

    def __post_init__(self) -> None:
        _check_kinds(self)
        for attribute in ("data", "parameters", "scalars", "domain"):
            object.__setattr__(self, attribute, tuple(getattr(self, attribute)))
        object.__setattr__(self, "names", dict(self.names))
        for check in (
            _check_name,
            _check_exact,
            _check_smooth,
            _check_symbols,
            _check_scalars,
            _check_rows,
            _check_domain,
            _check_names,
        ):
            check(self)

    def __hash__(self) -> int:
        return hash((self.name, self.loss))

    @property
    def rows(self) -> tuple[sp.Symbol, ...]:
        """The symbols with one entry per row: z and the data."""
        return (self.z, *self.data)

    @property
    def module_name(self) -> str:
        """Name of the generated modules."""
        return self.name.replace("-", "_")

    def depends_on_rows(self, expression: sp.Expr) -> bool:
        """Whether the expression still varies from row to row (totals inside it do not)."""
        outside = expression.xreplace({t: sp.Dummy() for t in expression.atoms(total)})
        return bool(outside.free_symbols & set(self.rows))


def _check_kinds(formula: Formula) -> None:
    if not isinstance(formula.z, sp.Symbol):
        raise FormulaError(f"z is one symbol made by row(...); got {formula.z!r} of type {type(formula.z).__name__}.")
    for attribute in ("data", "parameters", "scalars", "domain"):
        value = getattr(formula, attribute)
        if isinstance(value, sp.Basic) or not isinstance(value, Sequence):
            raise FormulaError(f"{attribute} is a list, such as {attribute}=[{value}]; got {value!r}.")
    if not isinstance(formula.names, Mapping) or not all(isinstance(name, str) for name in formula.names):
        raise FormulaError(f"names is a dictionary from letters to expressions; got {formula.names!r}.")


def _check_name(formula: Formula) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", formula.name) or keyword.iskeyword(formula.name):
        raise FormulaError(
            f"A formula is named in lower case with dashes, such as 'normalized-exp'; got {formula.name!r}."
        )


def _check_exact(formula: Formula) -> None:
    for label, expression in _expressions(formula):
        if not isinstance(expression, sp.Basic):
            raise FormulaError(
                f"{label} of formula {formula.name!r} must be a SymPy expression; got {expression!r} "
                f"of type {type(expression).__name__}."
            )
        if expression.has(sp.I, sp.zoo, sp.oo, sp.nan):
            raise FormulaError(f"{label} of formula {formula.name!r} is not a real expression: {expression}.")
        floats = sorted(expression.atoms(sp.Float), key=str)
        if floats:
            exact = sp.nsimplify(floats[0], rational=True)
            raise FormulaError(
                f"{label} of formula {formula.name!r} contains the float {floats[0]}; constants are exact here: "
                f"write Rational({exact.p}, {exact.q})."
            )


def _check_smooth(formula: Formula) -> None:
    kinks = sorted(formula.loss.atoms(*_NOT_SMOOTH), key=str)
    if kinks:
        raise FormulaError(
            f"The loss of formula {formula.name!r} contains {kinks[0]}, which is not twice differentiable; a Hessian "
            f"needs a smooth loss: use for instance sqrt(x**2 + epsilon**2) in place of the absolute value of x."
        )


def _check_symbols(formula: Formula) -> None:
    declared = [formula.z, *formula.data, *formula.parameters]
    names = [str(s) for s in declared]
    reserved = sorted(name for name in names if not _is_free(name))
    if reserved:
        raise FormulaError(
            f"Formula {formula.name!r} declares {', '.join(reserved)}; generated code uses that name itself, or "
            f"Python does: choose another."
        )
    repeated = sorted({n for n in names if names.count(n) > 1})
    if repeated:
        raise FormulaError(f"Formula {formula.name!r} declares {', '.join(repeated)} more than once.")
    for label, expression in _expressions(formula):
        unknown = sorted(map(str, expression.free_symbols - set(declared)))
        if unknown:
            raise FormulaError(
                f"{label} of formula {formula.name!r} uses {', '.join(unknown)}, which is neither z, data nor a "
                f"parameter; declare it with data=[...] or parameters=[...] (made by data(...) or parameter(...))."
            )


def _check_scalars(formula: Formula) -> None:
    undeclared = [str(s) for s in formula.scalars if s not in formula.parameters]
    if undeclared or len(set(formula.scalars)) < len(formula.scalars):
        raise FormulaError(
            f"scalars of formula {formula.name!r} are {list(formula.scalars)}; each is one of the parameters "
            f"{list(formula.parameters)}, named once: declare it with parameters=[...] as well."
        )
    for node in sorted(formula.loss.atoms(sp.Function), key=str):
        inside = node.free_symbols & set(formula.scalars)
        if not node.has(total) and formula.z in node.free_symbols and inside:
            raise FormulaError(
                f"The loss of formula {formula.name!r} has the scalar variable {min(map(str, inside))} inside {node}, "
                f"a function of z; scalar variables are differentiated outside such functions only: make it a plain "
                f"parameter, or a row of its own."
            )


def _check_rows(formula: Formula) -> None:
    if not formula.loss.has(total):
        raise FormulaError(f"The loss of formula {formula.name!r} has no total(...): a loss is a sum over rows.")
    if formula.depends_on_rows(formula.loss):
        raise FormulaError(
            f"The loss of formula {formula.name!r} is not a scalar: a row quantity stands outside total(...) in "
            f"{formula.loss}. Put it inside a total."
        )


def _check_domain(formula: Formula) -> None:
    for expression in formula.domain:
        if not isinstance(expression, total):
            raise FormulaError(
                f"domain of formula {formula.name!r} lists totals that must not vanish; got {expression}, "
                f"which is not total(...)."
            )
    for power in formula.loss.atoms(sp.Pow):
        exponent_is_negative = power.exp.is_negative is not False and not power.exp.is_nonnegative
        for t in power.base.atoms(total) if exponent_is_negative else ():
            if not t.is_positive and t not in formula.domain:
                raise FormulaError(
                    f"Formula {formula.name!r} divides by {t}, which can vanish; state it with domain=[{t}]."
                )


def _check_names(formula: Formula) -> None:
    taken = {str(s) for s in (formula.z, *formula.data, *formula.parameters)} | _RESERVED
    for name in formula.names:
        if not _is_free(name) or name in taken:
            raise FormulaError(
                f"Formula {formula.name!r} gives the letter {name!r} to a subexpression; it must be a Python "
                f"identifier other than {', '.join(sorted(taken))}."
            )


def _expressions(formula: Formula) -> Iterator[tuple[str, sp.Expr]]:
    yield "The loss", formula.loss
    for expression in formula.domain:
        yield "The domain", expression
    for name, expression in formula.names.items():
        yield f"The expression named {name}", expression
