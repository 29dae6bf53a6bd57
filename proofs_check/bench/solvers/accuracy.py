"""How near a point is to the solution, by the same judge for all contestants; and the solution itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from numeric import Regression, solve
from numeric.forms.matrix import MatrixForm
from numeric.forms.vector import VectorForm
from numeric.whitening import WhitenedRegression, whiten
from proofs_check.bench.cases import Array
from proofs_check.bench.solvers.cases import SolverInstance

MEASURES = {
    "x": "||x - x*|| / ||x*||",
    "value": "(L - L*) / L*",
    "gradient": "gradient norm over its value at the start",
}
RTOL = 1e-14
"""Of the run that finds the solution."""
PERTURBATION = 1e-2
"""Size of the entries of z by which the second method starts off the solution that it is to find again."""
COARSE = 1e-8
"""Farther off than this share of the solution's value, float64 tells."""
CONFIRMED = 1e-10
"""Largest difference, in the measure of the case, at which two methods found the same solution."""


@dataclass(frozen=True, eq=False)
class Judge:
    """The accuracy of a point x in the stored variables.

    Values and gradients are computed in whitened variables: in the stored ones, rounding errors of a badly
    conditioned map are larger than the last levels. Near the solution values are computed in extended precision: where
    residuals are small beside the target, as for one rounded to float16, float64 knows 12 digits of a value.

    Attributes:
        measure: a key of `MEASURES`.
        problem: in whitened variables.
        x, value: the solution and its value; not used where gradients are compared.
        gradient_at_start: the norm, in the stored variables.
    """

    measure: str
    problem: WhitenedRegression
    x: Array
    value: np.longdouble
    gradient_at_start: float

    def __call__(self, x: Array) -> float:
        """The relative accuracy, infinite where the point is not finite."""
        if not np.all(np.isfinite(x)):
            return np.inf
        if self.measure == "x":
            return float(np.linalg.norm(x - self.x) / np.linalg.norm(self.x))
        if self.measure == "gradient":
            return gradient_norm(self.problem, x) / self.gradient_at_start
        coarse = self.value_at(x) / float(self.value) - 1.0
        return max(0.0, coarse if coarse > COARSE else float(extended_value(self.problem.original, x) / self.value - 1))

    def value_at(self, x: Array) -> float:
        """L(x)."""
        return self.problem.value(self.problem.from_original(x))


def extended_value(problem: Regression, x: Array) -> np.longdouble:
    """L(x) in NumPy's longest floats, of 80 bits on x86, from the arrays as they are stored.

    Args:
        problem: with A in memory, without mask and row weights.
        x: of the problem's shape.
    """
    total, y = np.longdouble(0), np.asarray(x, dtype=np.longdouble)
    for form in problem.forms:
        assert isinstance(form, VectorForm | MatrixForm), "the bench's problems are in memory"
        *left, right = (A.astype(np.longdouble) for A in form.factors)
        z = (left[0] @ y if left else y) @ right.T
        value, log_scale = problem.loss.value(z, form.target.astype(np.longdouble))
        total += np.sum(value * np.exp(log_scale))
        if form.weights is not None:
            total += np.sum(np.square(form.weights * z)) / 2
    return total


def gradient_norm(problem: WhitenedRegression, x: Array) -> float:
    """Frobenius norm of the gradient at x, both in the stored variables."""
    return float(np.linalg.norm(problem.gradient_to_original(problem.gradient(problem.from_original(x)))))


def judge_of(data: SolverInstance) -> tuple[Judge, dict[str, Any]]:
    """The judge of a case, and where its solution comes from.

    The solution is x_true where the target is exact; else what "auto" finds, found again by SciPy's trust-exact from a
    perturbed point. Nonconvex cases have no single solution.
    """
    whitened, measure = whiten(data.problem), data.case.measure
    start = gradient_norm(whitened, data.x0)
    if measure == "gradient":
        return Judge(measure, whitened, data.x0, np.longdouble(np.nan), start), {
            "origin": "none, gradients are compared"
        }
    if data.x_true is not None:
        return Judge(measure, whitened, data.x_true, np.longdouble(0), start), {
            "origin": "by construction",
            "difference": 0.0,
        }
    x, again = _found_twice(data.problem, whitened)
    first, second = (
        Judge(measure, whitened, point, extended_value(data.problem, point), start) for point in (x, again)
    )
    difference = max(first(again), second(x))
    lower = min(first, second, key=lambda judge: judge.value)
    note = {"origin": "auto, found again by trust-exact", "value": float(lower.value), "difference": difference}
    return lower, note


def _found_twice(problem: Regression, whitened: WhitenedRegression) -> tuple[Array, Array]:
    """The solution by "auto", and by trust-exact from nearby."""
    x = solve(problem, rtol=RTOL).x
    step = np.random.default_rng(0).standard_normal(whitened.x_shape)
    step *= PERTURBATION * np.sqrt(sum(form.entries for form in whitened.forms)) / np.linalg.norm(step)
    return x, solve(problem, "trust-exact", x0=x + whitened.to_original(step), rtol=RTOL).x
