"""The words in which a loss is written: row quantities, data, parameters and totals.

A *row quantity* has one entry per row of the data matrix (``z = A x``, ``u = exp(z)``, the data ``b``); it is written
as a scalar SymPy expression, because every row obeys the same expression. A *total* is the sum of a row quantity over
all rows and is a scalar that row quantities may use again (``f = u / total(u)``). The linear map ``A`` stays outside.
"""

import sympy as sp


class total(sp.Function):
    """Sum of a row quantity over the rows; stays unevaluated until a derivation or an expansion gives it a meaning.

    >>> from derive import row
    >>> from sympy import exp
    >>> total(exp(row("z")))
    total(exp(z))
    """

    nargs = 1

    def _eval_is_real(self) -> bool | None:
        return self.args[0].is_real

    def _eval_is_positive(self) -> bool | None:
        # A sum of positive terms is positive; nothing is concluded in any other case.
        return True if self.args[0].is_positive else None


def row(name: str) -> sp.Symbol:
    """The row variable, one real entry per row: z = A x in vector form, a row of A1 X A2^T in matrix form."""
    return sp.Symbol(name, real=True)


def data(name: str) -> sp.Symbol:
    """Given data with one real entry per row, such as the target b or the weights w."""
    return sp.Symbol(name, real=True)


def parameter(name: str) -> sp.Symbol:
    """A real scalar that is the same for all rows, such as a temperature."""
    return sp.Symbol(name, real=True)
