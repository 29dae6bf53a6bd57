"""How fast sketched Newton contracts, measured: the H-norm of N3', and the Euclidean norm in which N3 is false (F1)."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from numeric.kernels import Array
from numeric.problems import Regression
from numeric.sketching.columns import sampling_variables
from numeric.solvers.sketched_newton import SketchedNewton
from numeric.solvers.state import State, try_point
from numeric.validation import InputError, check_shape, real_array


@dataclass(frozen=True)
class Contraction:
    """One step, with e = x - x*.

    Attributes:
        step: its number, from 1.
        eps0: measured, see `numeric.solvers.state.Row`.
        sampled: rows of A, or of A1 (x) A2, in H~.
        euclidean: ||e_{t+1}||_2/||e_t||_2 in the stored variables.
        h_norm: ||e_{t+1}||_H/||e_t||_H, H the exact Hessian at x_t.
        error: ||e_{t+1}||_2.
    """

    step: int
    eps0: float
    sampled: int
    euclidean: float
    h_norm: float
    error: float

    @property
    def claimed(self) -> float:
        """2 eps0, the Euclidean factor that N3 claims for a quadratic loss."""
        return 2.0 * self.eps0

    @property
    def proven(self) -> float:
        """eps0/(1 - eps0), the H-norm factor of N3' for a quadratic loss; a full step is assumed."""
        return self.eps0 / (1.0 - self.eps0) if self.eps0 < 1.0 else math.inf


@dataclass(frozen=True)
class ContractionReport:
    """The contraction of a run.

    Attributes:
        rows: one for each step.
        condition: cond(H) at x*, in the stored variables.
        start: ||x_0 - x*||_2.
    """

    rows: tuple[Contraction, ...]
    condition: float
    start: float

    def iterations(self, eps: float) -> int:
        """ceil(log2(sqrt(cond H) ||x_0 - x*||/eps)): the corrected T of N5, for an H-norm factor of at most 1/2.

        Args:
            eps: the Euclidean error asked for.

        Raises:
            InputError: eps is not positive.
        """
        if not eps > 0.0:
            raise InputError(f"eps: got {eps}; ask for a positive error")
        return max(0, math.ceil(math.log2(math.sqrt(self.condition) * self.start / eps)))


def contraction_report(
    problem: Regression, x0: Any, x_star: Any, steps: int, method: SketchedNewton | None = None, seed: int = 0
) -> ContractionReport:
    """Runs sketched Newton from x0 and compares each iterate with a known minimum.

    Args:
        problem: in vector form, with one target, or in matrix form.
        x0: the start, of shape `problem.x_shape`.
        x_star: the minimum, as of `solve(problem, method="newton")`.
        steps: at most; fewer are made where a step is not possible.
        method: None for `SketchedNewton()`.
        seed: of the samples.

    Raises:
        InputError: the problem cannot be sampled, or x0 or x_star has the wrong shape.
    """
    scaled, method = sampling_variables(problem), method or SketchedNewton()
    arrays = [real_array(name, x, (1, 2)).astype(float) for name, x in (("x0", x0), ("x_star", x_star))]
    for name, x in zip(("x0", "x_star"), arrays, strict=True):
        check_shape(name, x, problem.x_shape, "the problem")
    x, minimum = arrays
    point = try_point(scaled, scaled.from_original(x))
    if point is None:
        raise InputError("x0: the loss is undefined or too large there; start elsewhere")
    state, rows = State(point, math.nan, -math.inf, (), seed=seed), list[Contraction]()
    for _ in range(steps):
        state = method.step(scaled, state._replace(rows=()), 1)
        if state.blocked or not np.any(x != minimum):
            break
        after = scaled.to_original(state.point.x)
        (row,) = state.rows
        euclidean, h_norm = _ratios(problem, x, minimum, after)
        rows.append(Contraction(row.step, row.eps0, row.sampled, euclidean, h_norm, _length(after - minimum)))
        x = after
    spectrum = np.linalg.eigvalsh(problem.hessian(minimum).to_dense())
    return ContractionReport(tuple(rows), float(spectrum[-1] / spectrum[0]), _length(arrays[0] - minimum))


def _ratios(problem: Regression, x: Array, minimum: Array, after: Array) -> tuple[float, float]:
    H = problem.hessian(x, scaled=True)
    before, now = x - minimum, after - minimum
    squares = [max(0.0, float(np.vdot(e, H.dot(e)))) for e in (now, before)]
    return _length(now) / _length(before), math.sqrt(squares[0] / squares[1])


def _length(e: Array) -> float:
    return float(np.linalg.norm(e))
