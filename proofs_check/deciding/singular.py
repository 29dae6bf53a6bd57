"""Symmetric matrices whose extreme eigenvalue is exactly zero: singular, and certainly definite otherwise."""

from __future__ import annotations

import numpy as np
import sympy
from flint import arb, arb_mat
from sympy.matrices import dotprodsimp

from ..arrays import balls
from ..arrays.exact import InputError, each
from ..constants import evaluate_expression
from .zero import is_zero

BITS = 512


def ends_at_zero(matrix: np.ndarray, largest: bool) -> bool:
    """Whether the smallest (``largest``: the largest) eigenvalue of a symmetric matrix of numbers is provably zero.

    It is where the determinant is zero exactly, and the sums of the k x k principal minors are positive for all smaller
    k: then the characteristic polynomial, whose roots are real, has the simple root 0 and no negative ones, by
    Descartes' rule of signs.

    Args:
        matrix: SymPy numbers, n x n.
        largest: look at the largest eigenvalue, that is at minus the matrix.
    """
    if not all(cell.is_number for cell in matrix.reshape(-1)) or not _symmetric(matrix) or not _singular(matrix):
        return False
    with balls.precision(BITS):
        return definite_beside_zero(each(_ball, matrix), largest)


def definite_beside_zero(cells: np.ndarray, largest: bool) -> bool:
    """Whether a singular symmetric matrix certainly has rank n - 1 and no negative (``largest``: positive) eigenvalue.

    Args:
        cells: balls that contain its entries, n x n.
        largest: which sign of eigenvalues there shall not be.
    """
    n = len(cells)
    entries = [arb(-cell if largest else cell) for cell in cells.reshape(-1)]
    coefficients = arb_mat(n, n, entries).charpoly().coeffs()
    # det(t - M) = t^n - e_1 t^(n-1) + e_2 t^(n-2) - ...
    return all(balls.sign(c) == (-1) ** (n - power) for power, c in enumerate(coefficients) if power)


def _symmetric(matrix: np.ndarray) -> bool:
    """Balls take the mean of two entries that differ by less than they can see; here they must be equal."""
    pairs = zip(matrix.reshape(-1), matrix.T.reshape(-1), strict=True)
    return all(a == b or is_zero(a - b) for a, b in pairs)


def _singular(matrix: np.ndarray) -> bool:
    """Rows that add up to zero are the usual case (what keeps sums), and quick to see."""
    if all(is_zero(sympy.Add(*row)) for row in matrix):
        return True
    with dotprodsimp(False):  # which factors polynomials of the degrees that exponents have
        determinant = sympy.Matrix(matrix.tolist()).det(method="berkowitz")
    return is_zero(determinant)


def _ball(cell: sympy.Expr) -> arb:
    from ..arrays.backends import BALLS

    try:
        return arb(evaluate_expression(cell, BALLS)[()])
    except (InputError, TypeError, ValueError, ArithmeticError):
        return arb.nan()
