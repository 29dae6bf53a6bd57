"""``lemmascope bench``: kernels against the floor measured in the same run.

The floor of an operation is the work that cannot be avoided: its BLAS calls, its exponentials and the one read of the
data, as NumPy and BLAS do them without any loss around them. Times are medians over repetitions of both in turn, so
that a change of the machine's speed meets both; what counts is their ratio.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg.blas import dsyrk

from numeric import AttentionRegression, VectorRegression

LOSS = "normalized-exp"
REPETITIONS = 7
SIZES = {"vector": ((1_000, 16), (100_000, 64)), "matrix": ((64, 16), (256, 32), (1024, 32))}
"""Rows n and columns d: small, in the cache, beyond it."""

Work = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """One operation at one size, with its floor."""

    operation: str
    form: str
    n: int
    d: int
    work: Work
    floor: Work


@dataclass(frozen=True)
class Timing:
    """Seconds of an operation and of its floor: medians, and the quartiles of the operation."""

    operation: str
    form: str
    n: int
    d: int
    seconds: float
    lower_quartile: float
    upper_quartile: float
    floor_seconds: float

    @property
    def share(self) -> float:
        """Floor over time: 1 is as fast as the machine allows."""
        return self.floor_seconds / self.seconds

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data."""
        return {**self.__dict__, "share_of_floor": self.share}


def run(seed: int = 0, progress: Callable[[str], None] = lambda line: None) -> list[Timing]:
    """Time all cases."""
    timings = []
    for case in cases(np.random.default_rng(seed)):
        progress(f"{case.form} n={case.n} d={case.d}: {case.operation}")
        timings.append(_timed(case))
    return timings


def cases(rng: np.random.Generator) -> Iterator[Case]:
    """Value and gradient, dense Hessian, and Hessian product, in vector and in matrix form."""
    for n, d in SIZES["vector"]:
        yield from _vector_cases(rng, n, d)
    for n, d in SIZES["matrix"]:
        yield from _matrix_cases(rng, n, d)


def _vector_cases(rng: np.random.Generator, n: int, d: int) -> Iterator[Case]:
    A, x, z = rng.standard_normal((n, d)), rng.standard_normal(d) / d, np.empty(n)
    problem = VectorRegression(LOSS, A, rng.dirichlet(np.ones(n)))

    def first_order() -> None:
        np.exp(A @ x, out=z)
        z @ A

    H = problem.hessian(x)
    yield Case("value and gradient", "vector", n, d, lambda: problem.value_and_gradient(x), first_order)
    yield Case("Hessian", "vector", n, d, lambda: problem.hessian(x).to_dense(), lambda: dsyrk(1.0, A.T))
    yield Case("Hessian product", "vector", n, d, lambda: H @ x, lambda: (A @ x) @ A)


def _matrix_cases(rng: np.random.Generator, n: int, d: int) -> Iterator[Case]:
    A1, A2 = rng.standard_normal((2, n, d))
    X, Z = rng.standard_normal((d, d)) / d**1.5, np.empty((n, n))
    problem = AttentionRegression(LOSS, A1, A2, rng.dirichlet(np.ones(n), size=n))

    def first_order() -> None:
        np.exp((A1 @ X) @ A2.T, out=Z)
        A1.T @ (Z @ A2)

    def product() -> None:
        A1.T @ (((A1 @ X) @ A2.T) @ A2)

    H = problem.hessian(X)
    yield Case("value and gradient", "matrix", n, d, lambda: problem.value_and_gradient(X), first_order)
    yield Case("Hessian product", "matrix", n, d, lambda: H @ X, product)


def _timed(case: Case) -> Timing:
    case.work()
    case.floor()
    times = np.array([(_seconds(case.work), _seconds(case.floor)) for _ in range(REPETITIONS)])
    work, floor = (float(median) for median in np.median(times, axis=0))
    lower, upper = (float(quartile) for quartile in np.quantile(times[:, 0], (0.25, 0.75)))
    return Timing(case.operation, case.form, case.n, case.d, work, lower, upper, floor)


def _seconds(work: Work) -> float:
    """Per call, over as many calls as fill 20 ms."""
    clock, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - clock < 0.02:
        work()
        calls += 1
    return (time.perf_counter() - clock) / calls
