r"""Newton's method on a sampled Hessian: the algorithm of arXiv 2305.00660 (P3), section 6.2 of the source page.

H = A^T diag(D) A + V^T C V. Rows of A are drawn by their leverage scores in W^{1/2} A, W = |D|, and the low-rank part
is kept exactly, where P3 replaces all of the middle by a diagonal. With G = A^T W A and rho the least number for which
G <= rho H, a sample of accuracy eps gives (1 - eps0) H <= H~ <= (1 + eps0) H with eps0 <= rho eps, with probability
1 - delta. rho <= 1 where D >= 0 and the low-rank part is positive semidefinite; rho is near 1 for large weights w. Then

    ||e_{t+1}||_H <= (1 - eps0)^{-1} (eps0 + M ||e_t||_2 / (2 lambda)) ||e_t||_H,   e_t = x_t - x*,

(N3' of the page), lambda the least eigenvalue of H, M a Lipschitz constant of the Hessian. In the Euclidean norm the
papers' claim r_{t+1} <= 2 (eps0 + ...) r_t is false (F1): only sqrt(cond H) times the bound above holds.

In matrix form A = A1 (x) A2, whose rows are drawn as pairs (see `numeric.sketching.pairs`); G is that of its bound.

eps0 is not trusted but measured, in each step, by products with the exact H; a sample with eps0 >= 1/2 is drawn again
with twice as many rows. A line search on the true loss makes the method safe from any start.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import scipy.linalg

from numeric.evaluation import Point
from numeric.forms.matrix_hessian import MatrixHessian
from numeric.forms.stream import StreamSecondOrder
from numeric.kernels import Array, unscale
from numeric.sketching.certificate import Spread, spread
from numeric.sketching.columns import sampling_variables
from numeric.sketching.leverage import Scores, approximate_scores
from numeric.sketching.pairs import PairSampler
from numeric.sketching.split import RowSampler, Sampler, SplitHessian
from numeric.solvers.backtracking import backtrack
from numeric.solvers.shifts import EPS
from numeric.solvers.state import State, Variables, describe, try_point
from numeric.solvers.trust_region import RESOLUTION
from numeric.whitening import WhitenedRegression

USABLE = 0.5
"""A sample with a larger eps0 promises no contraction: eps0/(1 - eps0) would reach 1."""
STALE = 1.5
"""Scores of an earlier step are computed anew where they ask for this many times the rows."""
LEAST_DAMPING, MORE_DAMPING = 1e-8, 10.0
"""What is added to the diagonal where H~ is not positive definite, in coordinates in which G is about the identity."""


@dataclass(frozen=True, eq=False)
class Model:
    """A factorized H~ in the coordinates of a basis T of A's row space.

    Attributes:
        basis: T, shape (d, r), or None for the variables themselves, in matrix form as a vector.
        L: the lower Cholesky factor of T^T H~ T, damped where that is needed.
        spread: how H lies to H~.
        sampled: rows of A, or of A1 (x) A2, in H~.
        damping: what was added to the diagonal.
    """

    basis: Array | None
    L: Array
    spread: Spread
    sampled: int
    damping: float

    def step(self, g: Array) -> Array:
        """-T (T^T H~ T)^{-1} T^T g, of g's shape."""
        y = -scipy.linalg.cho_solve((self.L, True), self._inner(g))
        return y.reshape(g.shape) if self.basis is None else self.basis @ y

    def dual_norm(self, g: Array) -> float:
        """||g|| in the norm of H~^{-1}: the predicted decrease of a full step is half its square."""
        return float(np.linalg.norm(scipy.linalg.solve_triangular(self.L, self._inner(g), lower=True)))

    def _inner(self, g: Array) -> Array:
        return g.ravel() if self.basis is None else self.basis.T @ g


@dataclass(frozen=True, eq=False)
class Models:
    """The models of independent problems, one for each target, which take their steps together.

    Attributes:
        each: in the order of the targets.
    """

    each: tuple[Model, ...]

    def step(self, g: Array) -> Array:
        """The steps of all, of g's shape."""
        rows = zip(self.each, self._rows(g), strict=True)
        return np.array([model.step(row) for model, row in rows]).reshape(g.shape)

    def dual_norm(self, g: Array) -> float:
        """||g|| in the norm of the inverse of all H~."""
        return float(
            np.linalg.norm([model.dual_norm(row) for model, row in zip(self.each, self._rows(g), strict=True)])
        )

    @property
    def eps0(self) -> float:
        """The largest, which is that of all H~ together."""
        return max(model.spread.eps0 for model in self.each)

    @property
    def sampled(self) -> int:
        """The largest number of rows in an H~."""
        return max(model.sampled for model in self.each)

    @property
    def damped(self) -> bool:
        """Whether any was damped."""
        return any(model.damping > 0.0 for model in self.each)

    def _rows(self, g: Array) -> Array:
        return g.reshape(len(self.each), -1)


@dataclass(frozen=True, eq=False)
class Memory:
    """Scores and the weights that they are for."""

    scores: Scores
    weights: Array

    def moved(self, weights: Array) -> Scores:
        """The scores for other weights."""
        return self.scores.reweighted(self.weights, weights)


@dataclass(frozen=True)
class SketchedNewton:
    """Damped Newton steps on leverage-score samples of the rows of A, or of A1 (x) A2.

    Attributes:
        accuracy: eps of the sampling theorem.
        failure: delta of the samples; the steps share it evenly, delta/max_steps each. The scores' own failure is not
            counted: what it costs is seen in eps0.
        draws: rows drawn at first in each step (in matrix form about so many that are kept, from each prompt), None
            for the size of the theorem.
    """

    name: str = "sketched-newton"
    max_steps: int = 300
    variables: Variables = sampling_variables
    dense: bool = True
    polishes: bool = False
    accuracy: float = 0.25
    failure: float = 0.1
    draws: int | None = None

    def step(self, problem: WhitenedRegression, state: State, budget: int) -> State:
        """One accepted step; `budget` is at least one."""
        generator = np.random.default_rng([state.seed, state.steps])
        samplers, memory = _samplers(state, generator, self.draws is None)
        if not samplers:
            return state._replace(rows=(), blocked="a Hessian that is zero or too large for a float")
        models = Models(tuple(self.model(sampler, generator) for sampler in samplers))
        if self.draws is not None and models.sampled > self.draws:
            memory = None  # the old scores no longer serve
        point = _search(problem, state, models)
        if point is None:
            return state._replace(rows=(), blocked="line search")
        name = f"{self.name}, damped" if models.damped else self.name
        row = describe(problem, point, state.steps + 1, name, float("nan"))
        row = row._replace(eps0=models.eps0, sampled=models.sampled)
        return state._replace(point=point, rows=(row,), steps=state.steps + 1, blocked="", memory=memory)

    def model(self, sampler: Sampler, generator: np.random.Generator) -> Model:
        """A sampled Hessian whose measured eps0 is below `USABLE`, or the exact one.

        Only where products with H prove that H is not positive definite no better sample is asked for.
        """
        draws = self.draws or sampler.size(self.accuracy, self.failure / self.max_steps)
        while True:
            drawn = sampler.draw(draws, generator)
            L, damping = damped_factor(drawn.matrix)
            found = spread(sampler.product, L, generator, limit=USABLE)
            model = Model(sampler.basis, L, found, drawn.sampled, damping)
            usable = damping == 0.0 and model.spread.eps0 < USABLE
            if usable or drawn.exact or model.spread.low <= 0.0:
                return model
            draws *= 2


def _samplers(
    state: State, generator: np.random.Generator, proven: bool
) -> tuple[tuple[Sampler, ...], tuple[Memory, ...] | None]:
    """The Hessian of each target at the state's point, ready to be sampled; none where one is zero or not finite."""
    summands = state.point.hessian
    if isinstance(summands[0], MatrixHessian):
        pairs = PairSampler.of(state.point, cast(tuple[MatrixHessian, ...], summands))
        return ((pairs,) if pairs.usable else ()), None
    assert isinstance(summands[0], StreamSecondOrder), "the problem was not prepared by sampling_variables"
    splits = SplitHessian.each(summands[0])
    if not all(np.all(np.isfinite(s.D)) and np.all(np.isfinite(s.V)) and np.any(s.D) for s in splits):
        return (), state.memory
    known = state.memory or (None,) * len(splits)
    memories = tuple(_scored(m, split, generator, proven) for m, split in zip(known, splits, strict=True))
    return tuple(RowSampler(s, m.moved(s.weights)) for s, m in zip(splits, memories, strict=True)), memories


def _scored(memory: Memory | None, split: SplitHessian, generator: np.random.Generator, proven: bool) -> Memory:
    """The last step's scores where they still serve, as their cost is that of all else in a step.

    Where the theorem chooses the size, its bound for the moved scores says whether; else eps0 does, see `step`.
    """
    if memory is not None and not (proven and memory.moved(split.weights).total > STALE * memory.scores.total):
        return memory
    return Memory(approximate_scores(split.source, split.weights, generator), split.weights)


def damped_factor(H: Array) -> tuple[Array, float]:
    """The Cholesky factor of H plus as little of the identity as makes it safely positive definite, and that little.

    Args:
        H: symmetric, finite.
    """
    damping, size, identity = 0.0, float(np.abs(np.diag(H)).max()), np.eye(len(H))
    # Pieces that cancel leave no size: any multiple of the identity is as good.
    size = size if size > 0.0 else 1.0
    noise = len(H) * EPS * size
    while True:
        try:
            L = np.linalg.cholesky(H + damping * identity)
            if np.diag(L).min() ** 2 > noise:
                return L, damping
        except np.linalg.LinAlgError:
            pass
        damping = max(MORE_DAMPING * damping, LEAST_DAMPING * max(size, noise))


def _search(problem: WhitenedRegression, state: State, model: Models) -> Point | None:
    """The next point, or None where the loss falls no further."""
    first = state.point.first_order
    step = model.step(first.gradient)
    slope = float(np.vdot(first.gradient, step))
    if -slope <= RESOLUTION * EPS * abs(first.value):
        return _below_resolution(problem, state.point, model, state.point.x + step)
    return backtrack(problem, state, step, slope).point


def _below_resolution(problem: WhitenedRegression, start: Point, model: Models, x: Array) -> Point | None:
    """The full step where the loss cannot show its decrease any more: the gradient must, in the norm of H~^{-1}."""
    trial = try_point(problem, x)
    if trial is None:
        return None
    result = trial.first_order
    gradient = unscale(result.gradient, result.log_scale - start.first_order.log_scale)
    falls = 2.0 * model.dual_norm(gradient) <= model.dual_norm(start.first_order.gradient)
    return trial if falls else None
