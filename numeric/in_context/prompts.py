"""Prompts (x_1, y_1, ..., x_M, y_M, x_query): laws, shifts between training and test, and fast seeded draws.

Batches are drawn from generators of their own, spawned from one seed, so results do not depend on the number of
threads, and memory is that of a batch.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from numeric.in_context.covariance import CovarianceLaw
from numeric.in_context.labels import Labels, linear_labels
from numeric.kernels import Array
from numeric.validation import InputError, check_shape, real_array

BATCH_ENTRIES = 2**18
"""Entries of x in a batch: 2 MB, which stay in the cache between the draw and its use."""


@dataclass(frozen=True, eq=False)
class Prompts:
    """A batch of B prompts of length M.

    Attributes:
        x: B x M x d.
        y: B x M.
        query: B x d.
        target: B, the label of the query, its noise included.
        tasks: B x d, the w of each prompt.
    """

    x: Array
    y: Array
    query: Array
    target: Array
    tasks: Array

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, eq=False)
class Tasks:
    """w ~ N(mean, covariance); covariance 0 is one fixed task.

    Args:
        mean: d.
        covariance: d x d, positive semidefinite.
    """

    mean: Array
    covariance: Array

    @property
    def second_moment(self) -> Array:
        """E[w w^T], all that the risk of linear labels needs."""
        return self.covariance + np.outer(self.mean, self.mean)

    @property
    def is_fixed(self) -> bool:
        """Whether w is the same in all prompts."""
        return not np.any(self.covariance)

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """count x d."""
        if self.is_fixed:
            return np.broadcast_to(self.mean, (count, len(self.mean)))
        if np.array_equal(self.covariance, np.eye(len(self.mean))):
            return self.mean + rng.standard_normal((count, len(self.mean)))
        values, vectors = np.linalg.eigh(self.covariance)
        return self.mean + rng.standard_normal((count, len(self.mean))) * np.sqrt(np.maximum(values, 0)) @ vectors.T


def standard_tasks(d: int) -> Tasks:
    """w ~ N(0, I_d), the law in training."""
    return Tasks(np.zeros(d), np.eye(d))


def fixed_task(w: Any) -> Tasks:
    """One w in all prompts."""
    vector = real_array("w", w, 1).astype(float)
    return Tasks(vector, np.zeros((len(vector), len(vector))))


class Query(Protocol):
    """How the query is drawn."""

    def draw(self, rng: np.random.Generator, x: Array, own: Array) -> Array:
        """Queries, B x d, given the examples x (B x M x d) and draws `own` of the examples' law (B x d)."""


@dataclass(frozen=True)
class SameQuery:
    """The query is one more covariate of the prompt."""

    def draw(self, rng: np.random.Generator, x: Array, own: Array) -> Array:
        """The draws of the examples' law."""
        return own


@dataclass(frozen=True, eq=False)
class GaussianQuery:
    """x_query ~ N(0, covariance), independent of the examples: a query shift."""

    covariance: Array

    def draw(self, rng: np.random.Generator, x: Array, own: Array) -> Array:
        """Independent draws."""
        values, vectors = np.linalg.eigh(self.covariance)
        return (rng.standard_normal(own.shape) * np.sqrt(np.maximum(values, 0))) @ vectors.T


@dataclass(frozen=True, eq=False)
class FixedQuery:
    """The same x_query in all prompts."""

    point: Array

    def draw(self, rng: np.random.Generator, x: Array, own: Array) -> Array:
        """Copies of the point."""
        return np.broadcast_to(np.asarray(self.point, dtype=float), own.shape)


@dataclass(frozen=True)
class OrthogonalQuery:
    """A covariate projected off the span of the examples; needs M < d."""

    def draw(self, rng: np.random.Generator, x: Array, own: Array) -> Array:
        """Projections of the draws of the examples' law.

        Raises:
            InputError: M >= d examples span the space, and only 0 is orthogonal to them.
        """
        if x.shape[1] >= x.shape[2]:
            raise InputError(f"length: got {x.shape[1]} examples in dimension {x.shape[2]}; take fewer than d")
        Q, _ = np.linalg.qr(np.swapaxes(x, 1, 2))
        return own - np.einsum("bdm,bm->bd", Q, np.einsum("bdm,bd->bm", Q, own))


@dataclass(frozen=True, eq=False)
class PromptLaw:
    """What a prompt is drawn from.

    Args:
        covariance: law of the covariates' covariance, drawn once per prompt.
        length: labelled examples, N in training and M in tests.
        tasks: law of w; N(0, I) by default.
        labels: law of y given <w, x>; noiseless by default.
        query: law of the query; by default one more covariate.

    Raises:
        InputError: the length is not positive, or the tasks have another dimension than the covariates.
    """

    covariance: CovarianceLaw
    length: int
    tasks: Tasks | None = None
    labels: Labels = field(default_factory=linear_labels)
    query: Query = field(default_factory=SameQuery)

    def __post_init__(self) -> None:
        if self.length < 1:
            raise InputError(f"length: got {self.length}; a prompt has at least one labelled example")
        d = self.covariance.dimension
        if self.tasks is None:
            object.__setattr__(self, "tasks", standard_tasks(d))
        check_shape("tasks", self.task_law.mean, (d,), "the covariance")

    @property
    def task_law(self) -> Tasks:
        """The law of w."""
        assert self.tasks is not None
        return self.tasks

    def with_length(self, length: int) -> "PromptLaw":
        """The same law with another number of examples."""
        return replace(self, length=length)

    def draw(self, rng: np.random.Generator, count: int) -> Prompts:
        """A batch of `count` prompts."""
        d, M = self.covariance.dimension, self.length
        root = self.covariance.roots(rng, count)
        points = rng.standard_normal((count, M + 1, d))
        if root.ndim == 2:
            points *= root[:, None, :]
        else:
            # One gemm for all prompts where they share the root.
            points = points.reshape(1, -1, d) @ root if len(root) == 1 else points @ root
            points = points.reshape(count, M + 1, d)
        x, w = points[:, :M], self.task_law.draw(rng, count)
        query = self.query.draw(rng, x, points[:, M])
        y = self.labels.draw(np.matmul(x, w[:, :, None])[..., 0], rng)
        return Prompts(x, y, query, self.labels.draw(np.vecdot(query, w), rng), w)

    @property
    def batch_size(self) -> int:
        """Prompts in a batch of about `BATCH_ENTRIES` entries of x."""
        return max(1, BATCH_ENTRIES // (self.covariance.dimension * (self.length + 1)))


@dataclass(frozen=True)
class Estimate:
    """A Monte Carlo mean over prompts with its standard error; `mean` has one entry per statistic."""

    mean: Array
    standard_error: Array
    count: int

    def deviation(self, value: Any) -> Array:
        """|mean - value| in standard errors."""
        return np.abs(self.mean - value) / self.standard_error


def estimate(
    law: PromptLaw, statistic: Callable[[Prompts], Array], count: int, *, seed: int = 0, workers: int = 2
) -> Estimate:
    """The mean of a statistic over prompts, to the bit the same for the same seed and any number of threads.

    Args:
        law: of the prompts.
        statistic: batch of B prompts -> B values, or B x k.
        count: prompts.
        seed: of all draws.
        workers: threads; draws and linear algebra release Python's lock.

    Raises:
        InputError: fewer than two prompts.
    """
    if count < 2:
        raise InputError(f"count: got {count}; a standard error needs at least two prompts")
    size = law.batch_size
    sizes = [size] * (count // size) + ([count % size] if count % size else [])
    seeds = np.random.SeedSequence(seed).spawn(len(sizes))

    def sums(job: tuple[int, np.random.SeedSequence]) -> tuple[int, Array, Array]:
        # Normal draws are most of the work, and SFC64 makes them fastest.
        rng = np.random.Generator(np.random.SFC64(job[1]))
        values = statistic(law.draw(rng, job[0]))
        mean = values.mean(axis=0)
        return job[0], mean, ((values - mean) ** 2).sum(axis=0)

    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(sums, zip(sizes, seeds, strict=True)))
    total, mean, squares = 0, np.zeros(()), np.zeros(())
    for n, m, s in parts:  # Chan's update, in the order of the batches
        delta = m - mean
        squares = squares + s + delta**2 * (total * n / (total + n))
        mean = mean + delta * (n / (total + n))
        total += n
    return Estimate(mean, np.sqrt(squares / (count - 1) / count), count)
