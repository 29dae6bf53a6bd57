"""The cost of one step of sketched Newton against the stored entries of A, and against a step on the exact Hessian."""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.sparse
import scipy.stats

from numeric import VectorRegression
from numeric.sketching.columns import scale_columns
from numeric.solvers.newton import Newton
from numeric.solvers.sketched_newton import SketchedNewton
from numeric.solvers.state import Method, State
from numeric.whitening import WhitenedRegression

ROWS = (4_000, 12_000, 40_000, 120_000, 400_000, 1_200_000, 4_000_000)
"""Three decades of rows."""
COLUMNS, ROW_ENTRIES = 32, 8
DRAWS = 2000
"""Rows drawn for each Hessian, the same for all n, so that a slope shows what depends on A."""


@dataclass(frozen=True)
class StepTimes:
    """Median CPU seconds of one step from the same point, evaluated before, at a random A with standard normal entries.

    CPU time, as steps of a second and more cannot take turns: another load on the machine would bend a slope.

    Attributes:
        rows: n.
        columns: d.
        entries: nnz(A).
        fresh: sketched, with new leverage scores.
        reused: sketched, with the scores of the step before.
        exact: Newton's, with the exact Hessian from the same A.
        eps0: measured at the fresh step.
        sampled: distinct rows in the sample.
    """

    rows: int
    columns: int
    entries: int
    fresh: float
    reused: float
    exact: float
    eps0: float
    sampled: int

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)


def step_times(
    rows: int, columns: int = COLUMNS, row_entries: int = ROW_ENTRIES, draws: int | None = DRAWS, repeats: int = 3
) -> StepTimes:
    """Times steps on a regularized normalized-exp problem.

    Args:
        rows: n.
        columns: d.
        row_entries: nonzeros in each row; as many as columns make A a dense array.
        draws: for each Hessian, None for the size of the theorem.
        repeats: of which the median is taken.
    """
    problem = scale_columns(regularized_problem(rows, columns, row_entries))
    method = SketchedNewton(draws=draws)
    fresh, after = _median_seconds(problem, method, None, repeats)
    reused, _ = _median_seconds(problem, method, after.memory, repeats)
    exact, _ = _median_seconds(problem, Newton(), None, repeats)
    (row,) = after.rows
    return StepTimes(rows, columns, rows * row_entries, fresh, reused, exact, row.eps0, row.sampled)


def cost_slope(times: Sequence[StepTimes], field: str = "fresh") -> float:
    """The exponent p of seconds ~ nnz(A)^p, by least squares on logarithms.

    Args:
        times: of at least two sizes.
        field: "fresh", "reused" or "exact".
    """
    return _fitted(times, field).slope


def slope_interval(times: Sequence[StepTimes], field: str = "fresh", confidence: float = 0.95) -> tuple[float, float]:
    """The interval of the exponent by Student's t, for independent errors of the logarithms of the seconds.

    Args:
        times: of at least three sizes.
        field: as for `cost_slope`.
        confidence: of the interval.
    """
    fit = _fitted(times, field)
    half = float(scipy.stats.t.ppf((1.0 + confidence) / 2.0, len(times) - 2)) * fit.stderr
    return fit.slope - half, fit.slope + half


def _fitted(times: Sequence[StepTimes], field: str) -> Any:
    sizes = [math.log(step.entries) for step in times]
    return scipy.stats.linregress(sizes, [math.log(getattr(step, field)) for step in times])


def linear_cost(rows: Sequence[int] = ROWS) -> dict[str, Any]:
    """The times at all sizes and the slopes, as plain data."""
    times = [step_times(n) for n in rows]
    slopes = {field: cost_slope(times, field) for field in ("fresh", "reused", "exact")}
    return {"times": [step.to_json() for step in times], "slopes": slopes}


def regularized_problem(rows: int, columns: int, row_entries: int) -> VectorRegression:
    """A regularized normalized-exp problem whose target is a model, with a CSR matrix or, where it is full, an array.

    Args:
        rows: n.
        columns: d.
        row_entries: nonzeros in each row, standard normal.
    """
    generator = np.random.default_rng(rows)
    values = generator.standard_normal((rows, row_entries))
    A: Any = values
    if row_entries < columns:
        offsets = generator.permutation(columns)[:row_entries]
        indices = np.sort((generator.integers(columns, size=(rows, 1)) + offsets) % columns, axis=1)
        ends = np.arange(0, values.size + 1, row_entries)
        A = scipy.sparse.csr_array((values.ravel(), indices.ravel(), ends), shape=(rows, columns))
    x = 0.5 * generator.standard_normal(columns) / math.sqrt(row_entries)
    b = VectorRegression("normalized-exp", A, np.zeros(rows)).predict(x)
    return VectorRegression("normalized-exp", A, b, w=np.full(rows, 2.0 / rows))


def _median_seconds(problem: WhitenedRegression, method: Method, memory: Any, repeats: int) -> tuple[float, State]:
    seconds = []
    for _ in range(repeats):
        point = problem.at(np.zeros(problem.x_shape))
        _ = point.first_order
        radius = math.sqrt(point.forms[0].entries)
        state = State(point, radius, -math.inf, (), memory=memory)
        start = time.process_time()
        after = method.step(problem, state, 1)
        seconds.append(time.process_time() - start)
        assert not after.blocked, after.blocked
    return float(np.median(seconds)), after._replace(point=point)
