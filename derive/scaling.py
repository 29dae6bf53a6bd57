"""How a loss is evaluated without overflow, derived from the formula instead of made by hand.

With m = max z (exp) or m = max |z| (cosh, sinh) over the rows of a group, every atom is evaluated times e^{-m}. That
is right up to a factor e^{k m} when the loss is homogeneous of degree k in the atoms and totals jointly, which is
Euler's identity E F = k F for the operator

    E = sum over atoms u du + sum over totals k_T T dT     (+ d/dz where every atom is an exponential: then scaling
                                                            the atoms *is* a shift of z)

Normalized losses have degree 0, rescaled losses degree 2, plain losses none.
"""

from dataclasses import dataclass

import sympy as sp

from derive.program import Program

_SCALABLE = (sp.exp, sp.cosh, sp.sinh)


@dataclass(frozen=True)
class Scaling:
    """The derived way to evaluate a loss.

    Attributes:
        degree: k with loss = e^{k m} * loss(scaled atoms); None when the loss has no degree, and then atoms are
            evaluated as they stand and overflow is reported.
        shift: every atom is an exponential, so that m = max z and z itself is replaced by z - m; else m = max |z|.
    """

    degree: int | None
    shift: bool

    @property
    def shift_invariant(self) -> bool:
        """Whether adding a constant to all z of a group leaves the loss unchanged."""
        return self.shift and self.degree == 0


def derive_scaling(p: Program) -> Scaling:
    """Find the degree of the loss, or that it has none.

    >>> from derive import formulas
    >>> from derive.program import program
    >>> [derive_scaling(program(formulas()[f"{f}-cosh"])).degree for f in ("plain", "rescaled", "normalized")]
    [None, 2, 0]
    """
    used = [p.atoms[s] for s in p.atoms if any(s in e.free_symbols for e in (*p.totals.values(), p.loss))]
    if not used or not all(isinstance(node, _SCALABLE) and node.args == (p.formula.z,) for node in used):
        return Scaling(None, False)
    shift = all(isinstance(node, sp.exp) for node in used)
    weights: dict[sp.Symbol, sp.Expr] = {s: s for s in p.atoms}
    if shift:
        weights[p.formula.z] = sp.Integer(1)
    elif any(p.formula.z in summand.free_symbols for summand in p.totals.values()):
        return Scaling(None, False)
    for symbol, summand in p.totals.items():
        degree = degree_of(summand, weights)
        if degree is None:
            return Scaling(None, False)
        weights[symbol] = degree * symbol
    degree = degree_of(p.loss, weights)
    return Scaling(None, False) if degree is None else Scaling(degree, shift)


def degree_of(expression: sp.Expr, weights: dict[sp.Symbol, sp.Expr]) -> int | None:
    """k with E F = k F for E = sum of weight * d/ds, an integer k; None where Euler's identity fails."""
    moved = sp.Add(*(weight * sp.diff(expression, s) for s, weight in weights.items()))
    if moved == 0:
        return 0
    ratio = sp.cancel(sp.together(moved / expression))
    return int(ratio) if ratio.is_Integer else None
