"""What a sampled Hessian costs beside the exact one, in vector and in matrix form, and what that means for a solve."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np

from numeric import AttentionRegression, VectorRegression, solve
from numeric.evaluation import Point
from numeric.forms.matrix_hessian import MatrixHessian
from numeric.forms.stream import StreamSecondOrder
from numeric.kernels import Array
from numeric.problems import Regression
from numeric.sketching import PairSampler, SplitHessian, approximate_scores, spread
from numeric.sketching.columns import sampling_variables
from numeric.sketching.split import RowSampler, Sampler
from numeric.solvers.sketched_newton import SketchedNewton, damped_factor
from numeric.whitening import WhitenedRegression
from proofs_check.bench.sketching import regularized_problem

VECTOR_COLUMNS, VECTOR_ROWS = 128, (10_000, 30_000, 100_000, 300_000)
MATRIX_COLUMNS, MATRIX_ROWS = 16, (500, 1000, 2000, 4000)
FEWER = 20
"""Rows drawn for each unknown where the theorem's size is not asked for; eps0 is then near 0.4."""
METHODS = ("newton", "newton-cg", "lbfgs", "sketched-newton")


@dataclass(frozen=True)
class HessianTimes:
    """Median CPU seconds from a point whose value and gradient are known.

    Attributes:
        form: "vector" or "matrix".
        rows: n of A, or of A1 and of A2.
        unknowns: of x.
        exact: the dense Hessian.
        theorem: a sample of the theorem's size, with everything but new leverage scores of a vector form.
        fewer: the same for `FEWER` rows for each unknown.
        certificate: the measurement of eps0 for `fewer`.
        eps0: of `theorem`.
        eps0_fewer: of `fewer`.
        sampled: the share of all rows that `theorem` holds; 1 where they are too few to be sampled.
    """

    form: str
    rows: int
    unknowns: int
    exact: float
    theorem: float
    fewer: float
    certificate: float
    eps0: float
    eps0_fewer: float
    sampled: float

    @property
    def step(self) -> float:
        """The Hessian from few rows and the measurement of its eps0."""
        return self.fewer + self.certificate

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)


def hessian_times(form: str, rows: int, columns: int, repeats: int = 3) -> HessianTimes:
    """Times the Hessian of a regularized normalized-exp problem with standard normal entries.

    Args:
        form: "vector" or "matrix".
        rows: n, or n1 = n2.
        columns: d, or d1 = d2.
        repeats: of which the median is taken.
    """
    problem = regularized_problem(rows, columns, columns) if form == "vector" else attention_problem(rows, columns)
    variables, prepare = sampling_variables(problem), _vector_sampler if form == "vector" else _matrix_sampler
    unknowns, generator = math.prod(variables.x_shape), np.random.default_rng(0)
    known = _vector_scores(_point(variables)) if form == "vector" else None
    method, drawn = SketchedNewton(), {}

    def sampled(point: Point, name: str, draws: int | None) -> None:
        sampler = prepare(point, known)
        size = draws or sampler.size(method.accuracy, method.failure / method.max_steps)
        drawn[name] = sampler, sampler.draw(size, generator)

    exact = _median(variables, lambda point: point.hessian[0].blocks(), repeats)
    theorem = _median(variables, lambda point: sampled(point, "theorem", None), repeats)
    fewer = _median(variables, lambda point: sampled(point, "fewer", FEWER * unknowns), repeats)
    eps0, seconds = {}, 0.0
    for name, (sampler, draw) in drawn.items():
        start = time.process_time()
        eps0[name] = spread(sampler.product, damped_factor(draw.matrix)[0], generator).eps0
        seconds = time.process_time() - start
    share = drawn["theorem"][1].sampled / sum(form.entries for form in variables.forms)
    return HessianTimes(form, rows, unknowns, exact, theorem, fewer, seconds, eps0["theorem"], eps0["fewer"], share)


def crossing(times: Sequence[HessianTimes], field: str) -> float | None:
    """The number of rows from which on a sample costs less than the exact Hessian, between two sizes by powers of n.

    Args:
        times: of one form, by increasing rows.
        field: "theorem", "fewer" or "step".

    Returns:
        None where it costs more at the largest size; the smallest size where it costs less everywhere.
    """
    ratios = [math.log(getattr(each, field) / each.exact) for each in times]
    if ratios[-1] >= 0.0:
        return None
    last = max((i for i, ratio in enumerate(ratios) if ratio >= 0.0), default=-1)
    if last < 0:
        return float(times[0].rows)
    low, high = (math.log(times[i].rows) for i in (last, last + 1))
    return math.exp(low + (high - low) * ratios[last] / (ratios[last] - ratios[last + 1]))


def solve_times(problem: Regression, x0: Any = None, methods: Sequence[str] = METHODS) -> list[dict[str, Any]]:
    """CPU seconds, steps and relative error of whole solves, the error against the first method's minimum.

    Args:
        problem: in either form.
        x0: the start, as for `solve`.
        methods: names of `solve`.
    """
    rows: list[dict[str, Any]] = []
    reference = np.zeros(problem.x_shape)
    for name in methods:
        start = time.process_time()
        solution = solve(problem, method=name, x0=x0)
        seconds = time.process_time() - start
        reference = reference if rows else solution.x
        error = float(np.linalg.norm(solution.x - reference) / np.linalg.norm(reference))
        rows.append(
            {"method": name, "status": solution.status, "steps": solution.steps, "seconds": seconds, "error": error}
        )
    return rows


def attention_problem(rows: int, columns: int, size: float = 0.5) -> AttentionRegression:
    """A regularized normalized-exp problem in matrix form, with a target that is a model up to 20 percent.

    Args:
        rows: n1 = n2.
        columns: d1 = d2.
        size: of the entries of z, about.
    """
    rng = np.random.default_rng(rows)
    A1, A2 = rng.standard_normal((2, rows, columns))
    X, zeros = size * rng.standard_normal((columns, columns)) / columns, np.zeros((rows, rows))
    B = AttentionRegression("normalized-exp", A1, A2, zeros).predict(X) * rng.uniform(0.8, 1.2, zeros.shape)
    return AttentionRegression("normalized-exp", A1, A2, B, w=np.full(zeros.shape, 2.0 / rows))


def far_problem(rows: int, columns: int) -> tuple[VectorRegression, Array]:
    """A plain-exp problem in vector form and a start from which Newton takes some thirty steps.

    Args:
        rows: n.
        columns: d.
    """
    rng = np.random.default_rng(rows)
    A, x = rng.standard_normal((rows, columns)), rng.standard_normal(columns) / math.sqrt(columns)
    b = VectorRegression("plain-exp", A, np.zeros(rows)).predict(x)
    return VectorRegression("plain-exp", A, b, w=np.full(rows, 0.1)), np.full(columns, 4.0 / math.sqrt(columns))


def _point(variables: WhitenedRegression) -> Point:
    point = variables.at(np.zeros(variables.x_shape))
    _ = point.first_order
    return point


def _vector_scores(point: Point) -> Any:
    (split,) = SplitHessian.each(cast(StreamSecondOrder, point.hessian[0]))
    return approximate_scores(split.source, split.weights, np.random.default_rng(1))


def _vector_sampler(point: Point, scores: Any) -> Sampler:
    (split,) = SplitHessian.each(cast(StreamSecondOrder, point.hessian[0]))
    return RowSampler(split, scores)


def _matrix_sampler(point: Point, scores: None) -> Sampler:
    sampler = PairSampler.of(point, cast(tuple[MatrixHessian, ...], point.hessian))
    assert sampler.usable, "a regularized problem has curvature"
    return sampler


def _median(variables: WhitenedRegression, work: Callable[[Point], Any], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        point = _point(variables)
        start = time.process_time()
        work(point)
        seconds.append(time.process_time() - start)
    return float(np.median(seconds))
