"""The exact zero test on which proofs stand."""

import sympy as sp


def is_zero(expression: sp.Expr) -> bool:
    """Whether a rational function is zero: its numerator expands to the zero polynomial.

    Anything that is not a symbol (an undefined function, an indexed entry) counts as an independent variable, so True
    is always right; False may also mean an identity between those variables that is not rational.

    >>> x = sp.Symbol("x")
    >>> is_zero(1 / (1 + x) + x / (1 + x) - 1), is_zero(x)
    (True, False)
    """
    numerator, _ = sp.fraction(sp.together(expression))
    return bool(sp.expand(numerator) == 0)
