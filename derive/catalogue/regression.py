"""Plain, rescaled and normalized regression with exp, sinh and cosh: nine losses, each written once.

With u = phi(z), alpha = <u, 1>:

    plain       L = 1/2 ||u - b||^2             2303.15725
    rescaled    L = 1/2 ||u - alpha b||^2       2305.00660, section 1
    normalized  L = 1/2 ||u / alpha - b||^2     2304.13276, Definition 1.3 (phi = exp)

In matrix form (2307.02419) the same formula holds for every row of Z = A1 X A2^T with the same row of B.
"""

from collections.abc import Callable

import sympy as sp

from derive.formula import Formula
from derive.language import data, row, total

KINDS: dict[str, Callable[[sp.Expr], sp.Expr]] = {"exp": sp.exp, "sinh": sp.sinh, "cosh": sp.cosh}


def plain(kind: str) -> Formula:
    z, b = row("z"), data("b")
    u = KINDS[kind](z)
    c = u - b
    return Formula(
        f"plain-{kind}",
        loss=total(c**2) / 2,
        z=z,
        data=[b],
        names=dict(u=u, v=sp.diff(u, z), c=c),
        reference="arXiv 2303.15725",
    )


def rescaled(kind: str) -> Formula:
    z, b = row("z"), data("b")
    u = KINDS[kind](z)
    alpha = total(u)
    c = u - alpha * b
    return Formula(
        f"rescaled-{kind}",
        loss=total(c**2) / 2,
        z=z,
        data=[b],
        names=dict(u=u, v=sp.diff(u, z), alpha=alpha, c=c),
        reference="arXiv 2305.00660; matrix form arXiv 2307.02419",
    )


def normalized(kind: str) -> Formula:
    z, b = row("z"), data("b")
    u = KINDS[kind](z)
    alpha = total(u)
    f = u / alpha
    c = f - b
    return Formula(
        f"normalized-{kind}",
        loss=total(c**2) / 2,
        z=z,
        data=[b],
        domain=[alpha] if kind == "sinh" else [],
        names=dict(u=u, v=sp.diff(u, z), alpha=alpha, f=f, c=c),
        reference="arXiv 2304.13276, Definition 1.3 (exp); matrix form arXiv 2307.02419",
    )


FORMULAS = tuple(family(kind) for family in (plain, rescaled, normalized) for kind in KINDS)
