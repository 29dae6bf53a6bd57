"""Accuracy of the kernels where floats are in danger, against balls of the generated ball code (256 bits and
more where they cancel).

Every instance is a problem in vector form whose entries z = A x are known exactly: the first column of A is z/512 and
x is 512 in the first place, else 0. Results come scaled, total = exp(log_scale) * result, and are compared with balls
at their true size, so that nothing overflows. Two errors are stated for each kernel:

* `relative`: ||found - exact|| / ||exact||. Where a softmax is nearly one-hot, exact derivatives are differences of
  numbers that are almost equal, and the formulas as they are evaluated keep the digits that this leaves: none at a gap
  of 200, where the exact gradient is of order e^-200 and the one found is a rounding error of 1.
* `to_terms`: the same distance over the size of the terms that are added, which rounding is measured against.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from flint import arb

from numeric import VectorRegression, loss_names
from proofs_check.arrays.balls import precision
from proofs_check.bench.cases import Array
from proofs_check.bench.language import Textbook, Words, formula_of

LADDER, LARGE_BITS = (256, 1024, 4096), 128
ENOUGH_BITS = 80
"""Bits: 256 do, except where nearly one-hot rows cancel e^200 and its square."""
KERNELS = ("value", "gradient", "hessian", "product", "gauss-newton")
ROWS, COLUMNS, LARGE_ROWS = 12, 3, 1_000_000
LARGEST = {"exp": 700.0, "plain": 350.0}
"""|z| of the largest instance; plain losses have no scale of their own, and u^2 is a float up to 350 only."""
SCALE = 512.0
MODERATE = "moderate"
GAPS = (20.0, 40.0, 200.0)

Columns = list[arb]


@dataclass(frozen=True, eq=False)
class Extreme:
    """One instance: entries z, data b, and the further columns of A."""

    name: str
    loss: str
    z: Array
    b: Array
    others: Array

    @property
    def A(self) -> Array:
        """(n, d), its first column z / SCALE, which is exact."""
        return np.column_stack([self.z / SCALE, self.others])


def measure_accuracy(
    seed: int = 0, large: bool = True, progress: Callable[[str], None] = lambda line: None
) -> list[dict[str, Any]]:
    """One record for each loss, instance and kernel.

    Args:
        large: also a million rows, value and gradient (about 10 s for each loss).
    """
    records = []
    for loss in loss_names():
        progress(f"  {loss}")
        for extreme in extremes(loss, np.random.default_rng(seed)):
            records += compare(extreme)
        if large:
            records += compare_large(loss, seed)
    return records


def extremes(loss: str, rng: np.random.Generator) -> Iterator[Extreme]:
    """Moderate and very large entries of both signs, rows that are nearly one-hot, and totals that nearly vanish."""
    b, others = rng.dirichlet(np.ones(ROWS)), rng.standard_normal((ROWS, COLUMNS - 1))
    limit = LARGEST["plain"] if loss.startswith("plain") else LARGEST["exp"]
    spread = rng.uniform(-1, 1, ROWS)
    entries = {MODERATE: 2 * spread, f"|z| to {limit:g}": limit * spread / np.abs(spread).max()}
    entries |= {f"gap {gap:g}": np.where(np.arange(ROWS) == 3, gap, spread) for gap in GAPS}
    entries["very negative"] = -limit + 5 * spread
    if loss.endswith("sinh"):
        # Pairs of opposite entries, one of them moved: the total is a small part of its terms.
        entries["tiny total"] = np.where(np.arange(ROWS) == 0, 1e-5, 0.0) + np.concatenate([spread[:6], -spread[:6]])
    for name, z in entries.items():
        yield Extreme(name, loss, z, b, others)


def compare(extreme: Extreme) -> list[dict[str, Any]]:
    """All kernels of one instance against balls."""
    found = float_results(extreme)
    return [_judged(extreme, kernel, result, log_scale) for kernel, (result, log_scale) in found.items()]


def _judged(extreme: Extreme, kernel: str, found: Array, log_scale: float) -> dict[str, Any]:
    """One kernel at the first precision at which the exact result is known to more digits than a float has."""
    for bits in LADDER:
        with precision(bits):
            exact = _Exact(extreme)
            result, terms = exact.result(kernel), exact.terms(kernel)
            if min(_norm(column).rel_accuracy_bits() for column in (result, terms)) >= ENOUGH_BITS:
                return _record(extreme, kernel, found, result, terms, log_scale)
    raise ArithmeticError(f"{extreme.loss}, {extreme.name}, {kernel}: not known at {LADDER[-1]} bits")


def float_results(extreme: Extreme) -> dict[str, tuple[Array, float]]:
    """What the public functions return, as flat arrays with their log scale."""
    problem = VectorRegression(extreme.loss, extreme.A, extreme.b)
    x, v = _point(extreme)
    value, gradient, log_scale = problem.value_and_gradient(x, scaled=True)
    H, J = problem.hessian(x, scaled=True), problem.gauss_newton(x, scaled=True)
    return {
        "value": (np.array([value]), float(log_scale)),
        "gradient": (gradient, float(log_scale)),
        "hessian": (H.to_dense().ravel(), float(H.log_scale)),
        "product": (H @ v, float(H.log_scale)),
        "gauss-newton": (J.to_dense().ravel(), float(J.log_scale)),
    }


def _point(extreme: Extreme) -> tuple[Array, Array]:
    x = np.zeros(extreme.others.shape[1] + 1)
    x[0] = SCALE
    return x, np.arange(1.0, len(x) + 1)


class _Exact:
    """The results of one instance in balls, and the sizes of their terms; the precision is the caller's."""

    def __init__(self, extreme: Extreme) -> None:
        self._balls: ModuleType = import_module("proofs_check._generated." + extreme.loss.replace("-", "_"))
        self.z, self.b = [arb(float(e)) for e in extreme.z], [arb(float(e)) for e in extreme.b]
        self._A = [[arb(float(e)) for e in column] for column in extreme.A.T]
        self._v = [arb(float(e)) for e in _point(extreme)[1]]
        self._textbook = Textbook(formula_of(extreme.loss), WORDS, np.array(self.z), np.array(self.b))

    def result(self, kernel: str) -> Columns:
        if kernel == "value":
            return [self._balls.value(self.z, self.b)]
        if kernel == "gradient":
            g = self._balls.gradient(self.z, self.b)
            return [_dot(column, g) for column in self._A]
        H = self._contracted(self._structure(kernel), absolute=False)
        if kernel != "product":
            return [entry for line in H for entry in line]
        return [_dot(line, self._v) for line in H]

    def terms(self, kernel: str) -> Columns:
        """The same sums over absolute values; a gradient is J^T c, so its size is that of J times that of c."""
        if kernel in ("value", "gradient"):
            c, J = self._residual_size(), self._contracted(self._structure("gauss-newton"), absolute=True)
            return [c**2 / 2] if kernel == "value" else [c * J[i][i].sqrt() for i in range(len(J))]
        H = self._contracted(self._structure(kernel), absolute=True)
        if kernel != "product":
            return [entry for line in H for entry in line]
        return [_dot(line, self._v) for line in H]

    def _residual_size(self) -> arb:
        """||model|| + ||what it is compared with||, the two parts of the residual."""
        c, model = (self._balls.residual(self.z, b) for b in (self.b, [arb(0)] * len(self.b)))
        return _norm(model) + _norm([a - b for a, b in zip(c, model, strict=True)])

    def _structure(self, kernel: str) -> tuple[Columns, list[Columns], list[Columns]]:
        if kernel != "gauss-newton":
            D, U, C = self._balls.hessian(self.z, self.b)
            return D, U, C
        t, rows = self._textbook, np.array([arb(0)] * len(self.z))
        H = t.derivation.gauss_newton
        assert H is not None, "a regression loss is a sum of squares"
        C = [[arb(0) + np.ravel(t(entry))[0] for entry in line] for line in H.C]
        return list(rows + t(H.D)), [list(rows + t(column)) for column in H.U], C

    def _contracted(self, structure: tuple[Columns, list[Columns], list[Columns]], absolute: bool) -> list[Columns]:
        D, U, C = structure
        A = self._A
        if absolute:
            D, U, C, A = _sizes(D), [*map(_sizes, U)], [*map(_sizes, C)], [*map(_sizes, A)]
        V = [[_dot(u, column) for column in A] for u in U]

        def entry(i: int, j: int) -> arb:
            low_rank = (V[s][i] * C[s][t] * V[t][j] for s in range(len(V)) for t in range(len(V)))
            diagonal = sum((p * q * e for p, q, e in zip(A[i], A[j], D, strict=True)), arb(0))
            return sum(low_rank, diagonal)

        return [[entry(i, j) for j in range(len(A))] for i in range(len(A))]


WORDS: Words = {
    "exp": np.vectorize(arb.exp, otypes=[object]),
    "sinh": np.vectorize(arb.sinh, otypes=[object]),
    "cosh": np.vectorize(arb.cosh, otypes=[object]),
    "total": lambda entries: np.array([sum(entries, arb(0))]),
}


def compare_large(loss: str, seed: int, rows: int = LARGE_ROWS) -> list[dict[str, Any]]:
    """Value and gradient of a problem with very many rows and one column."""
    rng = np.random.default_rng(seed)
    extreme = Extreme(
        f"n = {rows:.0e}", loss, rng.uniform(-3, 3, rows), rng.dirichlet(np.ones(rows)), np.empty((rows, 0))
    )
    problem = VectorRegression(loss, extreme.A, extreme.b)
    value, gradient, log_scale = problem.value_and_gradient(np.array([SCALE]), scaled=True)
    balls = import_module("proofs_check._generated." + loss.replace("-", "_"))
    with precision(LARGE_BITS):
        z, b = ([arb(e) for e in column.tolist()] for column in (extreme.z, extreme.b))
        g = balls.gradient(z, b)
        column = [e / int(SCALE) for e in z]
        terms = sum((abs(e * s) for e, s in zip(g, column, strict=True)), arb(0))
        exact = balls.value(z, b)
        return [
            _record(extreme, "value", np.array([value]), [exact], [exact], log_scale),
            _record(extreme, "gradient", gradient, [_dot(column, g)], [terms], log_scale),
        ]


def _record(
    extreme: Extreme, kernel: str, found: Array, exact: Columns, terms: Columns, log_scale: float
) -> dict[str, Any]:
    finite = bool(np.all(np.isfinite(found)))
    record: dict[str, Any] = {"loss": extreme.loss, "instance": extreme.name, "kernel": kernel}
    record |= {"nan": int(np.isnan(found).sum()), "finite": finite}
    if not finite:
        return {**record, "relative": None, "to_terms": None}
    factor = arb(float(log_scale)).exp()
    distance = _norm([factor * arb(float(f)) - e for f, e in zip(found.ravel(), exact, strict=True)])
    return {**record, "relative": _quotient(distance, _norm(exact)), "to_terms": _quotient(distance, _norm(terms))}


def worst(records: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
    """For each loss and kernel: errors at the moderate instance and the largest ones, where they occur, and NaN."""
    out: list[Mapping[str, Any]] = []
    for loss, kernel in dict.fromkeys((r["loss"], r["kernel"]) for r in records):
        mine = [r for r in records if (r["loss"], r["kernel"]) == (loss, kernel)]
        known = [r for r in mine if r["relative"] is not None]
        largest = max(known, key=lambda r: r["relative"], default=None)
        out.append(
            {
                "loss": loss,
                "kernel": kernel,
                "moderate": next((r["relative"] for r in known if r["instance"] == MODERATE), None),
                "relative": largest and largest["relative"],
                "instance": largest and largest["instance"],
                "to_terms": max((r["to_terms"] for r in known), default=None),
                "nan": sum(r["nan"] for r in mine),
                "infinite": sum(not r["finite"] for r in mine),
            }
        )
    return out


def _dot(left: Columns, right: Columns) -> arb:
    return sum((p * q for p, q in zip(left, right, strict=True)), arb(0))


def _sizes(column: Columns) -> Columns:
    return [abs(e) for e in column]


def _norm(column: Columns) -> arb:
    return sum((e**2 for e in column), arb(0)).sqrt()


def _quotient(distance: arb, size: arb) -> float:
    """An upper bound of the quotient, for a report."""
    if size.is_zero():
        return float(distance.upper())
    return float((distance / size).upper())
