"""Verification of generated code: kernels and ball code against 50 digits computed from the formula alone.

The reference evaluates the formula's loss as it is declared, in mpmath, and differentiates it numerically at 200
digits (central differences with step 1e-40: the error is of order 1e-80). Nothing that was derived enters it.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from flint import arb, ctx

from derive import Formula, total

WORKING_DIGITS = 200
STEP = "1e-40"
# Kernels work in float64: a few dozen roundings of 1.1e-16 on well-conditioned random rows.
FLOAT_TOLERANCE = 1e-12
# Ball code at 256 bits (77 digits) must agree with the reference to 50 digits and be about as narrow.
BALL_BITS = 256
BALL_TOLERANCE = 1e-50
ROWS = 5


class KernelError(AssertionError):
    """Generated code does not compute its formula; nothing is installed."""


@dataclass(frozen=True)
class KernelReport:
    """Largest errors found, relative to the size of the terms that are added."""

    name: str
    value: float
    gradient: float
    hessian: float
    product: float
    blocks: float
    ball: float

    def __str__(self) -> str:
        names = ("value", "gradient", "hessian", "product", "blocks", "ball")
        return ", ".join(f"{name} {getattr(self, name):.0e}" for name in names)


def verify_generated(formula: Formula, kernel: ModuleType, balls: ModuleType, seed: int = 0) -> KernelReport:
    """Compare a kernel and its ball code with 50-digit references on random rows, small and large.

    Raises:
        KernelError: an error above ``FLOAT_TOLERANCE`` or ``BALL_TOLERANCE``; says which quantity and how large.
    """
    rng = np.random.default_rng(seed)
    reports = [_verify_once(formula, kernel, balls, rng, scale) for scale in (1.0, 8.0)]
    quantities = ("value", "gradient", "hessian", "product", "blocks", "ball")
    worst = KernelReport(formula.name, *(max(getattr(r, q) for r in reports) for q in quantities))
    for quantity in ("value", "gradient", "hessian", "product", "blocks"):
        if not getattr(worst, quantity) <= FLOAT_TOLERANCE:
            raise KernelError(_failure(formula, quantity, getattr(worst, quantity), FLOAT_TOLERANCE))
    if not worst.ball <= BALL_TOLERANCE:
        raise KernelError(_failure(formula, "ball code", worst.ball, BALL_TOLERANCE))
    return worst


def _failure(formula: Formula, quantity: str, error: float, tolerance: float) -> str:
    return (
        f"The generated {quantity} of {formula.name!r} differs from the 50-digit reference by {error:.1e} (allowed "
        f"{tolerance:.0e}); the generated files were left as they were."
    )


@dataclass(frozen=True)
class _Reference:
    value: Any
    gradient: list[Any]
    hessian: list[list[Any]]


def _verify_once(
    formula: Formula, kernel: ModuleType, balls: ModuleType, rng: np.random.Generator, scale: float
) -> KernelReport:
    z = _rows_in_domain(formula, kernel, scale * rng.uniform(-1, 1, ROWS))
    data = [rng.uniform(0.1, 1, ROWS) for _ in formula.data]
    parameters = [float(rng.uniform(0.5, 1.5)) for _ in formula.parameters]
    with mpmath.workdps(WORKING_DIGITS):
        exact = _reference(formula, z, data, parameters)
        value, g, _ = kernel.value_and_gradient(z, *data, *parameters)
        D, U, C, log_scale = kernel.hessian(z, *data, *parameters)
        factor = mpmath.exp(mpmath.mpf(float(log_scale)))
        H, terms = _dense(D, U, C)
        dz = rng.uniform(-1, 1, ROWS)
        product, _ = kernel.hessian_product(z, *data, dz, *parameters)
        exact_product = [mpmath.fdot(line, map(float, dz)) for line in exact.hessian]
        return KernelReport(
            formula.name,
            _distance([factor * float(value)], [exact.value]),
            _distance([factor * float(e) for e in g], exact.gradient),
            _distance([factor * float(e) for e in H.ravel()], _flat(exact.hessian), size=factor * terms),
            _distance([factor * float(e) for e in product], exact_product, size=factor * terms * ROWS),
            _block_distance(kernel, z, data, parameters, exact),
            _ball_distance(balls, z, data, parameters, exact),
        )


def _dense(D: np.ndarray, U: Sequence[np.ndarray], C: np.ndarray) -> tuple[np.ndarray, float]:
    """diag(D) + U C U^T, and the size of the terms that are added."""
    columns = np.reshape(U, (-1, len(D))).T
    terms = np.abs(D).max() + (np.abs(columns) @ np.abs(C) @ np.abs(columns.T)).max()
    return np.diag(D) + columns @ C @ columns.T, float(terms)


def _block_distance(
    kernel: ModuleType, z: np.ndarray, data: Sequence[np.ndarray], parameters: Sequence[float], exact: _Reference
) -> float:
    """Largest error of value, gradient and Hessian from rows that are read in two blocks."""
    blocks = [[column[part] for column in (z, *data)] for part in (slice(0, 2), slice(2, None))]
    shifts = [kernel.shift(rows) for rows, *_ in blocks]
    m = np.maximum(*shifts)
    t: dict[str, np.ndarray] = {}
    for number, names in enumerate(kernel.TOTALS, start=1):
        own = shifts if number == 1 else [m, m]
        sums = [kernel.block_totals(number, *rows, s, t, *parameters) for rows, s in zip(blocks, own, strict=True)]
        weights = {name: [np.exp(kernel.DEGREES.get(name, 0) * (s - m)) for s in own] for name in names}
        t |= {name: sums[0][name] * w[0] + sums[1][name] * w[1] for name, w in weights.items()}
    value, log_scale = kernel.value_of(m, t, *parameters)
    rows = kernel.gradient_rows(z, *data, m, t, *parameters)
    weighted = [w * p for w, p in zip(kernel.gradient_weights(m, t, *parameters), rows, strict=True)]
    D, U = kernel.hessian_rows(z, *data, m, t, *parameters)
    H, terms = _dense(D, U, kernel.hessian_core(m, t, *parameters))
    factor = mpmath.exp(mpmath.mpf(float(log_scale)))
    return max(
        _distance([factor * float(value)], [exact.value]),
        _distance([factor * float(e) for e in np.sum(weighted, axis=0)], exact.gradient),
        _distance([factor * float(e) for e in H.ravel()], _flat(exact.hessian), size=factor * terms),
    )


def _rows_in_domain(formula: Formula, kernel: ModuleType, z: np.ndarray) -> np.ndarray:
    """The rows, or their absolute values where the loss (a logarithm, a root) is only defined for positive z."""
    ones = [np.full(ROWS, 0.5)] * len(formula.data), [1.0] * len(formula.parameters)
    return z if np.isfinite(kernel.value(z, *ones[0], *ones[1])[0]) else np.abs(z)


def _reference(formula: Formula, z: np.ndarray, data: Sequence[np.ndarray], parameters: Sequence[float]) -> _Reference:
    """Loss, gradient and Hessian in z by central differences of the declared loss."""
    columns = {s: [mpmath.mpf(float(e)) for e in column] for s, column in zip(formula.data, data, strict=True)}
    fixed = {s: mpmath.mpf(p) for s, p in zip(formula.parameters, parameters, strict=True)}
    point, h = [mpmath.mpf(float(e)) for e in z], mpmath.mpf(STEP)

    def loss(*moves: tuple[int, int]) -> Any:
        moved = list(point)
        for index, sign in moves:
            moved[index] += sign * h
        return evaluate_loss(formula, {**columns, formula.z: moved}, fixed)

    n = len(point)

    def second(i: int, j: int) -> Any:
        corners = (s * t * loss((i, s), (j, t)) for s in (1, -1) for t in (1, -1))
        return sum(corners) / (4 * h**2)

    return _Reference(
        loss(),
        [(loss((i, 1)) - loss((i, -1))) / (2 * h) for i in range(n)],
        [[second(i, j) for j in range(n)] for i in range(n)],
    )


def evaluate_loss(
    formula: Formula, rows: Mapping[sp.Symbol, Sequence[Any]], parameters: Mapping[sp.Symbol, Any]
) -> Any:
    """The declared loss at mpmath entries, read straight off the formula's expression."""
    n = len(rows[formula.z])

    def at(expression: sp.Expr, entries: Mapping[sp.Symbol, Any]) -> Any:
        if isinstance(expression, total):
            return sum(at(expression.args[0], {s: column[i] for s, column in rows.items()}) for i in range(n))
        if expression.is_Symbol:
            return entries[expression] if expression in entries else parameters[expression]
        if expression.is_NumberSymbol:
            return +getattr(mpmath, {"Exp1": "e", "Pi": "pi"}.get(type(expression).__name__, str(expression).lower()))
        if expression.is_Rational:
            return mpmath.mpf(expression.p) / expression.q
        return _operation(expression)(*(at(argument, entries) for argument in expression.args))

    return at(formula.loss, {})


def _operation(expression: sp.Expr) -> Callable[..., Any]:
    if expression.is_Add:
        return lambda *terms: mpmath.fsum(terms)
    if expression.is_Mul:
        return lambda *factors: mpmath.fprod(factors)
    if expression.is_Pow:
        return operator.pow
    return getattr(mpmath, type(expression).__name__)


def _distance(found: Sequence[Any], expected: Sequence[Any], size: Any = None) -> float:
    """Largest difference relative to the largest expected entry (or the given size)."""
    largest = reduce(max, (abs(e) for e in expected)) if size is None else size
    worst = reduce(max, (abs(a - b) for a, b in zip(found, expected, strict=True)))
    return float(worst / largest) if largest else float(worst)


def _ball_distance(
    balls: ModuleType, z: np.ndarray, data: Sequence[np.ndarray], parameters: Sequence[float], exact: _Reference
) -> float:
    """Largest distance of any point of the computed balls from the reference, relative to the reference."""
    before = ctx.prec
    ctx.prec = BALL_BITS
    try:
        columns = [[arb(float(e)) for e in column] for column in (z, *data)]
        arguments = [*columns, *(arb(p) for p in parameters)]
        D, U, C = balls.hessian(*arguments)
        H = [[_entry(D, U, C, i, j) for j in range(len(z))] for i in range(len(z))]
        pairs = (
            ([balls.value(*arguments)], [exact.value]),
            (balls.gradient(*arguments), exact.gradient),
            (_flat(H), _flat(exact.hessian)),
        )
        return max(_farthest(found, expected) for found, expected in pairs)
    finally:
        ctx.prec = before


def _entry(D: list[arb], U: list[list[arb]], C: list[list[arb]], i: int, j: int) -> arb:
    low_rank = (U[s][i] * C[s][t] * U[t][j] for s in range(len(U)) for t in range(len(U)))
    return sum(low_rank, D[i] if i == j else arb(0))


def _farthest(found: Sequence[arb], expected: Sequence[Any]) -> float:
    with mpmath.workdps(WORKING_DIGITS):
        reach = [max(abs(end - x) for end in _ends(ball)) for ball, x in zip(found, expected, strict=True)]
        largest = reduce(max, (abs(x) for x in expected))
        return float(max(reach) / largest) if largest else float(max(reach))


def _ends(ball: arb) -> tuple[Any, Any]:
    """Both ends of a ball, exactly."""

    if not ball.is_finite():
        return mpmath.inf, mpmath.inf

    def exact(x: arb) -> Any:
        mantissa, exponent = x.man_exp()
        return mpmath.ldexp(mpmath.mpf(int(mantissa)), int(exponent))

    middle, radius = exact(ball.mid()), exact(ball.rad())
    return middle - radius, middle + radius


def _flat(matrix: Sequence[Sequence[Any]]) -> list[Any]:
    return [entry for line in matrix for entry in line]
