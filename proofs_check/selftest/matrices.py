"""Containment of the matrix operations: a rational matrix inside the arguments, its value inside the result."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
from flint import arb, fmpq

from .. import arithmetic as ar
from ..arithmetic import Array, working_in
from ..arrays import exact
from ..arrays.backends import BALLS
from ..arrays.balls import precision
from .points import contains, ends, to_mpmath

Rows = list[list[Fraction]]

EIGEN_BITS = 300
"""Precision of mpmath's eigenvalues."""
EIGEN_SLACK = Fraction(1, 1 << 240)
"""Their error relative to the norm, with 60 bits to spare."""
LARGEST_SIZE = 5
PRECISIONS = (128, 256)
"""A float64 eigenbasis proposes up to 128 bits, one of mpmath beyond."""


def _product(a: Rows, b: Rows) -> Rows:
    return [[sum((x * y for x, y in zip(row, column, strict=True)), Fraction(0)) for column in zip(*b, strict=True)]
            for row in a]  # fmt: skip


def _transposed(a: Rows) -> Rows:
    return [list(column) for column in zip(*a, strict=True)]


def _eliminated(a: Rows, b: Rows) -> tuple[Fraction, Rows | None]:
    """Determinant of a, and a^-1 b, by elimination in rationals; None where a is singular."""
    work, n, determinant = [[*row, *more] for row, more in zip(a, b, strict=True)], len(a), Fraction(1)
    for k in range(n):
        pivot = next((i for i in range(k, n) if work[i][k]), None)
        if pivot is None:
            return Fraction(0), None
        if pivot != k:
            work[k], work[pivot], determinant = work[pivot], work[k], -determinant
        determinant *= work[k][k]
        work[k] = [entry / work[k][k] for entry in work[k]]
        for i in range(n):
            if i != k and work[i][k]:
                work[i] = [x - work[i][k] * y for x, y in zip(work[i], work[k], strict=True)]
    return determinant, [row[n:] for row in work]


def _eigenvalues(a: Rows) -> list[Any]:
    return list(mpmath.eigsy(mpmath.matrix([[to_mpmath(x) for x in row] for row in a]), eigvals_only=True))


def _column(values: list[Fraction]) -> Rows:
    return [[value] for value in values]


def _solution(a: Rows, b: Rows) -> Rows | None:
    return _eliminated(a, b)[1]


def _kron(a: Rows, b: Rows) -> Rows:
    return [[x * y for x in row for y in other] for row in a for other in b]


def _spectral(a: Rows) -> Any:
    return mpmath.sqrt(max(0, *_eigenvalues(_product(_transposed(a), a))))


def _root_of_squares(a: Rows) -> Any:
    return mpmath.sqrt(to_mpmath(sum((x * x for row in a for x in row), Fraction(0))))


# name: (operation, oracle on rows of rationals, structure of each argument)
OPERATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[str, ...]]] = {
    "matmul": (lambda a, b: a @ b, _product, ("square", "square")),
    "det": (ar.det, lambda a: _eliminated(a, a)[0], ("square",)),
    "solve": (ar.solve, _solution, ("square", "square")),
    "kron": (ar.kron, _kron, ("square", "square")),
    "trace": (ar.trace, lambda a: sum((a[i][i] for i in range(len(a))), Fraction(0)), ("square",)),
    "frobenius": (ar.frobenius, _root_of_squares, ("square",)),
    "norm1": (lambda a: ar.norm1(ar.vec(a)), lambda a: sum(abs(x) for row in a for x in row), ("square",)),
    "norm_inf": (lambda a: ar.norm_inf(ar.vec(a)), lambda a: max(abs(x) for row in a for x in row), ("square",)),
    "outer": (lambda a: ar.outer(a[0], a[-1]), lambda a: _product(_column(a[0]), [a[-1]]), ("square",)),
    "spectral": (ar.spectral, _spectral, ("square",)),
    "lambda_max": (ar.lambda_max, lambda a: max(_eigenvalues(a)), ("symmetric",)),
    "lambda_min": (ar.lambda_min, lambda a: min(_eigenvalues(a)), ("symmetric",)),
}


def trials(count: int, seed: int, unit: int) -> tuple[int, str | None]:
    """So many trials over all operations in turn; as `scalars.trials`."""
    rng, names, telling = np.random.default_rng([seed, 1, unit]), [*OPERATIONS, "is_psd"], 0
    for trial in range(count):
        name = names[trial % len(names)]
        bits = PRECISIONS[int(rng.integers(2))]
        with mpmath.workprec(EIGEN_BITS), precision(bits), working_in(BALLS):
            found = _definite_trial(rng) if name == "is_psd" else _trial(name, rng)
        if isinstance(found, str):
            return telling, found
        telling += found
    return telling, None


def _trial(name: str, rng: np.random.Generator) -> bool | str:
    operation, oracle, structures = OPERATIONS[name]
    n = int(rng.integers(1, LARGEST_SIZE + 1))
    pairs = [_point_and_matrix(rng, n, structure == "symmetric") for structure in structures]
    result = operation(*(Array(cells, BALLS) for _, cells in pairs)).data.reshape(-1)
    expected = oracle(*(point for point, _ in pairs))
    says = all(not isinstance(cell, arb) or bool(cell.is_finite()) for cell in result)
    if expected is None:
        return f"{name} of a singular matrix gives {result}" if says else False
    values = [x for row in expected for x in row] if isinstance(expected, list) else [expected]
    slack = max((abs(x) for point, _ in pairs for row in point for x in row), default=Fraction(0)) * n * EIGEN_SLACK
    wrong = [i for i, value in enumerate(values) if not _near(result[i], value, slack)]
    return f"{name}: entry {wrong[0]} of {pairs} misses {values[wrong[0]]}" if wrong else says


def _near(cell: Any, value: Any, slack: Fraction) -> bool:
    """Containment; eigenvalues within the absolute error that mpmath has of them."""
    if contains(cell, value) or isinstance(value, Fraction):
        return contains(cell, value)
    with precision(2 * EIGEN_BITS):
        wider = arb(cell) + arb(0, arb(fmpq(slack.numerator, slack.denominator)).upper())
    return contains(wider, value)


def _point_and_matrix(rng: np.random.Generator, n: int, symmetric: bool) -> tuple[Rows, np.ndarray]:
    """A matrix of balls (or of rationals) and a rational matrix in it, of low rank or repeated eigenvalues at times."""
    middle = _middle(rng, n)
    if symmetric:
        middle = [[middle[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)]
        if rng.random() < 0.3:
            factor = [row[:] for row in middle][: max(1, n // 2)]
            middle = _product(_transposed(factor), factor)
    point, cells = [row[:] for row in middle], np.empty((n, n), dtype=object)
    radius = Fraction(0) if rng.random() < 0.4 else Fraction(1, 1 << int(rng.integers(2, 90)))
    for i in range(n):
        for j in range(i + 1 if symmetric else n):
            cells[i, j], point[i][j] = _entry(rng, middle[i][j], radius)
            if symmetric:
                cells[j, i], point[j][i] = cells[i, j], point[i][j]
    return point, cells


def _middle(rng: np.random.Generator, n: int) -> Rows:
    scale = Fraction(int(rng.integers(1, 50)), int(rng.integers(1, 50)))
    high = int(rng.choice([2, 4, 1000]))
    middle = [[scale * int(rng.integers(-high + 1, high)) for _ in range(n)] for _ in range(n)]
    if n > 1 and rng.random() < 0.2:
        middle[-1] = middle[0][:]  # singular
    return middle


def _entry(rng: np.random.Generator, middle: Fraction, radius: Fraction) -> tuple[Any, Fraction]:
    if not radius:
        return fmpq(middle.numerator, middle.denominator), middle
    ball = arb(fmpq(middle.numerator, middle.denominator), arb(fmpq(radius.numerator, radius.denominator)))
    centre, reach = ends(ball)
    return ball, centre + reach * Fraction(int(rng.choice([-8, 8, 0, *rng.integers(-8, 9, 2)])), 8)


def _definite_trial(rng: np.random.Generator) -> bool | str:
    """G^T G is positive semidefinite, singular or not; minus a sliver along its kernel it is not."""
    n = int(rng.integers(2, 9))
    factor = [[Fraction(int(v)) for v in row] for row in rng.integers(-3, 4, (n - 1, n))]
    gram = _product(_transposed(factor), factor)
    sliver = Fraction(1, 1 << int(rng.integers(20, 200)))
    less = [[x - (sliver if i == j else 0) for j, x in enumerate(row)] for i, row in enumerate(gram)]
    for rows, expected in ((gram, True), (less, False)):
        if exact.is_psd(exact.array(rows)) is not expected:
            return f"is_psd({rows}) is not {expected}"
    return True
