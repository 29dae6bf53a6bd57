"""Certified eigenvalue bounds of symmetric matrices of balls.

A floating-point eigenbasis Q, taken as an exact matrix, only proposes. Two facts decide, and neither needs simple
eigenvalues or an orthogonal Q:

* Q^{-1} S Q has the eigenvalues of S, so they lie in its Gershgorin discs: lambda_max <= max_i (b_ii + r_i);
* a Rayleigh quotient never exceeds the largest eigenvalue: lambda_max >= max_i q_i^T S q_i / q_i^T q_i.

Where S is exact and one rational eigenvalue alone lies in the enclosure, that rational is the answer, exactly.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import mpmath
import numpy as np
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat, fmpz, fmpz_mat

FLOAT_BITS = 128
"""Up to this precision a float64 eigenbasis proposes; beyond it, one refined from it, or computed by mpmath."""
FIRST_KNOWN, SLACK, MORE_STEPS = 40, 24, 3
"""Bits that a float64 eigenbasis has right, bits that a refined one may lack, steps beyond those that double them."""

COMFORT = (1e-150, 1e150)
"""Where the largest entry is in between, no power of two is taken out of a matrix of floats."""
DEFINITE_BITS = 128

EXACT_SIZE = 12
"""Characteristic polynomials of exact matrices are used up to this size."""


def eigenvalue(matrix: np.ndarray, largest: bool) -> Any:
    """A cell that contains the largest (smallest) eigenvalue.

    Args:
        matrix: symmetric n x n cells, fmpq or arb.
        largest: which end of the spectrum.

    Returns:
        The eigenvalue itself (fmpq) where it is recognised, else a ball; [nan] where nothing is certified.
    """
    if len(matrix) == 1:
        return matrix[0, 0]
    if not largest:
        return -eigenvalue(-matrix, True)
    balls = arb_mat(len(matrix), len(matrix), [arb(cell) for cell in matrix.reshape(-1)])
    enclosure = _largest(balls)
    if len(matrix) <= EXACT_SIZE and all(isinstance(cell, fmpq) for cell in matrix.reshape(-1)):
        return _recognised(matrix, enclosure)
    return enclosure


def _largest(s: arb_mat) -> arb:
    n = s.nrows()
    if any(cell.is_nan() or not cell.is_finite() for cell in s.entries()):
        return arb.nan()
    basis = _basis(s.mid())
    moved = s * basis
    try:
        similar = basis.solve(moved)
    except ZeroDivisionError:
        return arb.nan()
    turned = basis.transpose()
    image, lengths = turned * moved, turned * basis
    high = _largest_of([_disc_end(row, i) for i, row in enumerate(similar.tolist())])
    low = _largest_of([image[i, i] / lengths[i, i] for i in range(n)])  # Rayleigh quotients
    return low.union(high)


def _largest_of(cells: list[arb]) -> arb:
    return reduce(arb.max, cells)


def _disc_end(row: list[arb], i: int) -> arb:
    return sum((abs(cell) for j, cell in enumerate(row) if j != i), row[i])


def _basis(mid: arb_mat) -> arb_mat:
    """An approximate eigenbasis, as exact numbers."""
    n = mid.nrows()
    shift = _largest_exponent(mid)
    plain = [float(cell) for cell in mid.entries()]
    if not COMFORT[0] < max(map(abs, plain)) < COMFORT[1]:
        plain = [_float_of(cell, shift) for cell in mid.entries()]
    vectors = np.linalg.eigh(np.array(plain).reshape(n, n))[1]
    # A float is a ball without radius, and exactly what it is; what it should have been does not matter here.
    basis = arb_mat(n, n, [arb(v) for v in vectors.ravel().tolist()])
    if ctx.prec <= FLOAT_BITS or not any(plain):
        return basis
    refined = _refined(mid, basis, shift)
    return _by_mpmath(mid, shift) if refined is None else refined


def _refined(mid: arb_mat, basis: arb_mat, shift: int) -> arb_mat | None:
    """A basis with twice as many right bits after each step (Ogita, Aishima 2018); None where that does not come about.

    X (1 + E) with E_ij = (s_ij + l_j r_ij) / (l_j - l_i), r = 1 - X^T X, s = X^T M X and l its diagonal; where l_i and
    l_j are one as far as is known, E only makes their vectors orthogonal.
    """
    n, known = mid.nrows(), FIRST_KNOWN
    unit = arb_mat(n, n, [arb(int(i == j)) for i, j in np.ndindex(n, n)])
    for _ in range((ctx.prec // FIRST_KNOWN).bit_length() + MORE_STEPS):
        turned = basis.transpose()
        r, s = (unit - turned * basis).mid(), (turned * (mid * basis)).mid()
        if _off_diagonal(r, s, shift) < SLACK - ctx.prec:
            return basis
        values = [(s[i, i] / (1 - r[i, i])).mid() for i in range(n)]
        steps = [r[i, j] / 2 for i, j in np.ndindex(n, n)]
        for i, j in np.ndindex(n, n):
            gap = values[j] - values[i]
            if i != j and _exponent(gap.mid()) > shift - known // 2:
                steps[i * n + j] = (s[i, j] + values[j] * r[i, j]) / gap
        basis, known = (basis + basis * arb_mat(n, n, steps)).mid(), 2 * known
    return None


def _off_diagonal(r: arb_mat, s: arb_mat, shift: int) -> int:
    """log2 of what a basis is from being one: of r, and of s beside its diagonal, over the size of the matrix."""
    n = r.nrows()
    others = [_exponent(s[i, j]) - shift for i, j in np.ndindex(n, n) if i != j]
    return max([_exponent(cell) for cell in r.entries()] + others)


def _by_mpmath(mid: arb_mat, shift: int) -> arb_mat:
    n = mid.nrows()
    with mpmath.workprec(ctx.prec):
        entries = [mpmath.ldexp(mpmath.mpf(_man_exp(cell)), -shift) for cell in mid.entries()]
        vectors = mpmath.eigsy(mpmath.matrix(n, n) + _mp_matrix(entries, n))[1]
        return arb_mat(n, n, [_exact_mpf(vectors[i, j]) for i in range(n) for j in range(n)])


def _largest_exponent(mid: arb_mat) -> int:
    return max((_exponent(cell) for cell in mid.entries()), default=0)


def _mp_matrix(entries: list[Any], n: int) -> mpmath.matrix:
    return mpmath.matrix([entries[i * n : (i + 1) * n] for i in range(n)])


def _man_exp(cell: arb) -> tuple[int, int]:
    mantissa, exponent = cell.man_exp()
    return int(mantissa), int(exponent)


def _exponent(cell: arb) -> int:
    mantissa, exponent = _man_exp(cell)
    return exponent + mantissa.bit_length() if mantissa else -(1 << 62)


def _float_of(cell: arb, shift: int) -> float:
    """The exact midpoint times 2^-shift as a float: a proposal for the eigenbasis, never a decision."""
    mantissa, exponent = _man_exp(cell)
    excess = max(mantissa.bit_length() - 60, 0)
    return float(np.ldexp(float(mantissa >> excess), max(exponent + excess - shift, -2000))) if mantissa else 0.0


def _exact_mpf(value: Any) -> arb:
    sign, mantissa, exponent, _ = value._mpf_
    signed = -int(mantissa) if sign else int(mantissa)
    power = fmpq(fmpz(2) ** abs(int(exponent)))
    return arb(fmpq(signed) * power if exponent >= 0 else fmpq(signed) / power)


def _recognised(matrix: np.ndarray, enclosure: arb) -> Any:
    """The rational eigenvalue in the enclosure, if it is the only eigenvalue there; else the enclosure.

    The enclosure holds an eigenvalue of S, a root of the characteristic polynomial. If q is a root and the polynomial
    with all its factors (t - q) taken out has no root in the enclosure, that eigenvalue is q.
    """
    n = len(matrix)
    if not enclosure.is_finite():
        return enclosure
    polynomial = fmpq_mat(n, n, list(matrix.reshape(-1))).charpoly()
    _, factors = polynomial.factor()
    for factor, _ in factors:
        if factor.degree() == 1:
            root = -factor[0] / factor[1]
            if enclosure.contains(arb(root)) and _no_other_root(factors, factor, enclosure):
                return root
    return enclosure


def _no_other_root(factors: list[Any], own: Any, enclosure: arb) -> bool:
    for factor, _ in factors:
        if factor == own:
            continue
        value = arb(0)
        for k in range(factor.degree(), -1, -1):
            value = value * enclosure + arb(factor[k])
        if not bool(value > 0) and not bool(value < 0):
            return False
    return True


def definite(whole: fmpz_mat) -> bool | None:
    """Whether a symmetric matrix of whole numbers is positive definite (True) or has a negative eigenvalue (False).

    By LDL^T in balls, None where a pivot straddles 0. Exact pivots of a large matrix have hundreds of digits; balls
    decide nearly all matrices at a fraction of the cost.
    """
    with ctx.workprec(DEFINITE_BITS):
        n = whole.nrows()
        work = np.empty((n, n), dtype=object)
        work.reshape(-1)[:] = [arb(cell) for cell in whole.entries()]
        for k in range(n):
            pivot = work[k, k]
            if bool(pivot < 0):
                return False
            if not bool(pivot > 0):
                return None
            column = work[k + 1 :, k] / pivot
            work[k + 1 :, k + 1 :] = work[k + 1 :, k + 1 :] - np.multiply.outer(column, work[k, k + 1 :])
    return True
