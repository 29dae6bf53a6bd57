"""Verification of generated code: kernels and ball code against 50 digits computed from the formula alone.

The reference evaluates the formula's loss as it is declared, in mpmath, and differentiates it numerically at 200
digits (central differences with step 1e-40: the error is of order 1e-80). Nothing that was derived enters it. Where the
loss is half a sum of squares, J^T J is made in the same way from the root of each square, whose sign does not matter.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
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
    """Largest errors found, relative to the size of the terms that are added.

    `product` is the Hessian's. `gauss_newton` is that of the pieces of J^T J and of the product with it, 0 where the
    loss is no sum of squares. `blocks` is that of everything that comes from rows in blocks.
    """

    name: str
    value: float
    gradient: float
    hessian: float
    product: float
    gauss_newton: float
    blocks: float
    border: float
    ball: float

    def __str__(self) -> str:
        return ", ".join(f"{name} {getattr(self, name):.0e}" for name in QUANTITIES)


QUANTITIES = tuple(field.name for field in fields(KernelReport))[1:]


def verify_generated(formula: Formula, kernel: ModuleType, balls: ModuleType, seed: int = 0) -> KernelReport:
    """Compare a kernel and its ball code with 50-digit references on random rows, small and large.

    Raises:
        KernelError: an error above ``FLOAT_TOLERANCE`` or ``BALL_TOLERANCE``; says which quantity and how large.
    """
    rng = np.random.default_rng(seed)
    reports = [_verify_once(formula, kernel, balls, rng, scale) for scale in (1.0, 8.0)]
    worst = KernelReport(formula.name, *(max(getattr(r, q) for r in reports) for q in QUANTITIES))
    for quantity in QUANTITIES[:-1]:
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
    """What a kernel shall compute; J^T J is None where the loss is no sum of squares."""

    value: Any
    gradient: list[Any]
    hessian: list[list[Any]]
    gauss_newton: list[list[Any]] | None
    slopes: list[Any]
    border: list[list[Any]]
    corner: list[list[Any]]


def _verify_once(
    formula: Formula, kernel: ModuleType, balls: ModuleType, rng: np.random.Generator, scale: float
) -> KernelReport:
    z = _rows_in_domain(formula, kernel, scale * rng.uniform(-1, 1, ROWS))
    data = [rng.uniform(0.1, 1, ROWS) for _ in formula.data]
    parameters = [float(rng.uniform(0.5, 1.5)) for _ in formula.parameters]
    with mpmath.workdps(WORKING_DIGITS):
        exact = _reference(formula, z, data, parameters, hasattr(kernel, "gauss_newton"))
        alone, _ = kernel.value(z, *data, *parameters)
        value, g, log_scale = kernel.value_and_gradient(z, *data, *parameters)
        factor = mpmath.exp(mpmath.mpf(float(log_scale)))
        dz = rng.uniform(-1, 1, ROWS)
        hessian, product = _second_order_distances(kernel, "hessian", z, data, parameters, dz, exact.hessian)
        squares = (0.0, 0.0)
        if exact.gauss_newton is not None:
            squares = _second_order_distances(kernel, "gauss_newton", z, data, parameters, dz, exact.gauss_newton)
        return KernelReport(
            formula.name,
            _distance([factor * float(value), factor * float(alone)], [exact.value] * 2),
            _distance([factor * float(e) for e in g], exact.gradient),
            hessian,
            product,
            max(squares),
            _block_distance(kernel, z, data, parameters, exact),
            _border_distance(kernel, z, data, parameters, exact) if formula.scalars else 0.0,
            _ball_distance(balls, z, data, parameters, exact),
        )


def _second_order_distances(
    kernel: ModuleType,
    kind: str,
    z: np.ndarray,
    data: Sequence[np.ndarray],
    parameters: Sequence[float],
    dz: np.ndarray,
    exact: Sequence[Sequence[Any]],
) -> tuple[float, float]:
    """Largest errors of the pieces of the "hessian" or "gauss_newton", put together, and of its product with dz."""
    D, U, C, log_scale = getattr(kernel, kind)(z, *data, *parameters)
    found, scale = getattr(kernel, f"{kind}_product")(z, *data, dz, *parameters)
    matrix, terms = _dense(D, U, C)
    factor, own = (mpmath.exp(mpmath.mpf(float(s))) for s in (log_scale, scale))
    along = [mpmath.fdot(line, map(float, dz)) for line in exact]
    return (
        _distance([factor * float(e) for e in matrix.ravel()], _flat(exact), size=factor * terms),
        _distance([own * float(e) for e in found], along, size=factor * terms * ROWS),
    )


def _dense(D: np.ndarray, U: Sequence[np.ndarray], C: np.ndarray) -> tuple[np.ndarray, float]:
    """diag(D) + U C U^T, and the size of the terms that are added."""
    columns = np.reshape(U, (-1, len(D))).T
    terms = np.abs(D).max() + (np.abs(columns) @ np.abs(C) @ np.abs(columns.T)).max()
    return np.diag(D) + columns @ C @ columns.T, float(terms)


def _block_distance(
    kernel: ModuleType, z: np.ndarray, data: Sequence[np.ndarray], parameters: Sequence[float], exact: _Reference
) -> float:
    """Largest error of value, gradient, Hessian and J^T J from rows that are read in two blocks."""
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
    scalars, rows = (m, t, *parameters), (z, *data, m, t, *parameters)
    g = _weighted(kernel.gradient_weights(*scalars), kernel.gradient_rows(*rows))
    factor = mpmath.exp(mpmath.mpf(float(log_scale)))
    distances = [
        _distance([factor * float(value)], [exact.value]),
        _distance([factor * float(e) for e in g], exact.gradient),
    ]
    for kind, reference in (("hessian", exact.hessian), ("gauss_newton", exact.gauss_newton)):
        if reference is not None:
            pieces, U = getattr(kernel, f"{kind}_rows")(*rows)
            D = _weighted(getattr(kernel, f"{kind}_weights")(*scalars), pieces)
            matrix, terms = _dense(D, U, getattr(kernel, f"{kind}_core")(*scalars))
            entries = [factor * float(e) for e in matrix.ravel()]
            distances.append(_distance(entries, _flat(reference), size=factor * terms))
    return max(distances)


def _weighted(weights: Sequence[np.ndarray], rows: Sequence[np.ndarray]) -> np.ndarray:
    return np.sum([w * row for w, row in zip(weights, rows, strict=True)], axis=0)


def _border_distance(
    kernel: ModuleType, z: np.ndarray, data: Sequence[np.ndarray], parameters: Sequence[float], exact: _Reference
) -> float:
    """Largest error of the derivatives with respect to the scalar variables."""
    slopes, log_scale = kernel.scalar_gradient(z, *data, *parameters)
    rows, corner, _ = kernel.border(z, *data, *parameters)
    factor = mpmath.exp(mpmath.mpf(float(log_scale)))
    pairs = ((slopes, exact.slopes), (np.ravel(rows), _flat(exact.border)), (corner.ravel(), _flat(exact.corner)))
    return max(_distance([factor * float(e) for e in found], expected) for found, expected in pairs)


def _rows_in_domain(formula: Formula, kernel: ModuleType, z: np.ndarray) -> np.ndarray:
    """The rows, or their absolute values where the loss (a logarithm, a root) is only defined for positive z."""
    ones = [np.full(ROWS, 0.5)] * len(formula.data), [1.0] * len(formula.parameters)
    return z if np.isfinite(kernel.value(z, *ones[0], *ones[1])[0]) else np.abs(z)


def _reference(
    formula: Formula, z: np.ndarray, data: Sequence[np.ndarray], parameters: Sequence[float], squares: bool
) -> _Reference:
    """Loss, gradient, Hessian and, with `squares`, J^T J in z by central differences of the declared loss."""
    columns = {s: [mpmath.mpf(float(e)) for e in column] for s, column in zip(formula.data, data, strict=True)}
    fixed = {s: mpmath.mpf(p) for s, p in zip(formula.parameters, parameters, strict=True)}
    point, h = [mpmath.mpf(float(e)) for e in z], mpmath.mpf(STEP)

    n, scalars = len(point), list(formula.scalars)

    def rows(*moves: tuple[int, int]) -> Mapping[sp.Symbol, Sequence[Any]]:
        moved = list(point)
        for index, sign in moves:
            moved[index] += sign * h
        return {**columns, formula.z: moved}

    def loss(*moves: tuple[int, int]) -> Any:
        moved, moved_fixed = list(point), dict(fixed)
        for index, sign in moves:  # beyond the rows come the scalar variables
            if index < n:
                moved[index] += sign * h
            else:
                moved_fixed[scalars[index - n]] += sign * h
        return evaluate_loss(formula, {**columns, formula.z: moved}, moved_fixed)

    def first(i: int) -> Any:
        return (loss((i, 1)) - loss((i, -1))) / (2 * h)

    def second(i: int, j: int) -> Any:
        corners = (s * t * loss((i, s), (j, t)) for s in (1, -1) for t in (1, -1))
        return sum(corners) / (4 * h**2)

    lower = [[second(i, j) for j in range(i + 1)] for i in range(n)]
    beside = range(n, n + len(scalars))
    return _Reference(
        loss(),
        [first(i) for i in range(n)],
        [[lower[max(i, j)][min(i, j)] for j in range(n)] for i in range(n)],
        _squared_jacobian(lambda *moves: _roots(formula, rows(*moves), fixed), n, h) if squares else None,
        [first(i) for i in beside],
        [[second(i, j) for j in range(n)] for i in beside],
        [[second(i, j) for j in beside] for i in beside],
    )


def _squared_jacobian(residual: Callable[..., Sequence[Any]], n: int, h: Any) -> list[list[Any]]:
    """J^T J of a residual of n moves."""
    columns = [
        [(up - down) / (2 * h) for up, down in zip(residual((i, 1)), residual((i, -1)), strict=True)] for i in range(n)
    ]
    return [[mpmath.fdot(p, q) for q in columns] for p in columns]


def _roots(formula: Formula, rows: Mapping[sp.Symbol, Sequence[Any]], parameters: Mapping[sp.Symbol, Any]) -> list[Any]:
    """|r_i| with loss = sum of r_i^2 / 2, for a declared loss that is a multiple of one total."""
    factor, summed = formula.loss.as_independent(total, as_Add=False)
    assert isinstance(summed, total), f"the kernel of {formula.name} has J^T J, but {formula.loss} is no sum of squares"
    scale = 2 * _evaluate(factor, rows, parameters)
    return [mpmath.sqrt(scale * _evaluate(summed.args[0], rows, parameters, i)) for i in range(len(rows[formula.z]))]


def evaluate_loss(
    formula: Formula, rows: Mapping[sp.Symbol, Sequence[Any]], parameters: Mapping[sp.Symbol, Any]
) -> Any:
    """The declared loss at mpmath entries, read straight off the formula's expression."""
    return _evaluate(formula.loss, rows, parameters)


def _evaluate(
    expression: sp.Expr,
    rows: Mapping[sp.Symbol, Sequence[Any]],
    parameters: Mapping[sp.Symbol, Any],
    i: int | None = None,
) -> Any:
    """An expression of totals and parameters, or its entry in row i where it has row quantities."""
    if isinstance(expression, total):
        count = len(next(iter(rows.values())))
        return sum(_evaluate(expression.args[0], rows, parameters, k) for k in range(count))
    if expression.is_Symbol:
        return rows[expression][i] if expression in rows and i is not None else parameters[expression]
    if expression.is_NumberSymbol:
        return +getattr(mpmath, {"Exp1": "e", "Pi": "pi"}.get(type(expression).__name__, str(expression).lower()))
    if expression.is_Rational:
        return mpmath.mpf(expression.p) / expression.q
    return _operation(expression)(*(_evaluate(argument, rows, parameters, i) for argument in expression.args))


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
        pairs = [
            ([balls.value(*arguments)], [exact.value]),
            (balls.gradient(*arguments), exact.gradient),
            (_flat(H), _flat(exact.hessian)),
        ]
        if exact.slopes:
            slopes, rows, corner = balls.border(*arguments)
            expected = (exact.slopes, _flat(exact.border), _flat(exact.corner))
            pairs += zip((slopes, _flat(rows), _flat(corner)), expected, strict=True)
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
