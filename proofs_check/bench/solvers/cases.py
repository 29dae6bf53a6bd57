"""What is solved: synthetic data of a given conditioning, and the real heads that come with the package."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from numeric import ProblemData, Regression, load, shipped
from numeric.whitening import whiten
from proofs_check.bench.cases import LOSS, Array
from proofs_check.bench.format import count

SIZES = {"vector": ((1_000, 16), (10_000, 64)), "matrix": ((128, 16),)}
SPREADS = {"vector": (1.0, 1e3, 1e6), "matrix": (1.0, 1e2, 1e4)}
WEIGHTED_SPREAD = {"vector": 1e3, "matrix": 1e2}
NOISE = 0.5
"""Standard deviation of what is added to the logits where no x predicts the target."""
WEIGHT = 0.01
"""Of each entry of z, where there are weights: the regularizer is then of the size of the residual on the heads."""
HEADS = {
    "f2": "attention_f2_L3H3",
    "f2multi": "attention_f2multi_L3H3",
    "f3": "attention_f3_L3H3",
    "f3tiny": "attention_f3tiny_L3H3",
    "vec": "attention_vec_L3H3",
}
NONCONVEX = ("f3", "f3tiny")
"""Heads with many local minima: contestants end at different ones, so that only gradients can be compared."""
TARGETS = {
    "exact": "the target is predicted by some x",
    "noisy": "logits with noise",
    "float32": "attention computed in float32",
    "float16": "attention rounded to float16",
    "given": "as recorded, predicted by no x",
}


@dataclass(frozen=True)
class SolverCase:
    """One problem and the start of all contestants.

    Attributes:
        family: "vector" or "matrix" (synthetic), or "head".
        name: of the head, or empty.
        target: a name of `TARGETS`.
        n, d: rows and columns of synthetic data.
        spread: the largest over the smallest singular value of A, and of A1 and A2 each.
        weighted: whether there is a regularizer.
        start: 0 for x0 = 0, else the seed of a random x0 with entries of z of size 1.
        seed: of synthetic data.
    """

    family: str
    name: str = ""
    target: str = "exact"
    n: int = 0
    d: int = 0
    spread: float = 1.0
    weighted: bool = False
    start: int = 0
    seed: int = 0

    def __str__(self) -> str:
        synthetic = f"{self.family} {count(self.n)}x{self.d} {self.spread:.0e}".replace("e+0", "e")
        words = [self.name if self.family == "head" else synthetic]
        words += [self.target] if self.target != "given" else []
        words += ["w"] * self.weighted + [f"start {self.start}"] * (self.start > 0)
        return " ".join(words)

    @property
    def measure(self) -> str:
        """What is compared, a key of `accuracy.MEASURES`."""
        if self.name in NONCONVEX:
            return "gradient"
        # The optimum of a target rounded to float32 is 1e-13: eps in the prediction moves its tenth digit.
        return "x" if self.target in ("exact", "float32") and not self.weighted else "value"

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data; `SolverCase(**fields)` reads them."""
        return asdict(self)


def solver_plan(quick: bool = False, seed: int = 0) -> list[SolverCase]:
    """The problems of one run, in the order of the table."""
    return list(_quick_cases(seed) if quick else (*_synthetic(seed), *_heads()))


def _synthetic(seed: int) -> Iterator[SolverCase]:
    for family, sizes in SIZES.items():
        for n, d in sizes:
            for target in ("exact", "noisy"):
                for spread in SPREADS[family]:
                    yield SolverCase(family, "", target, n, d, spread, seed=seed)
        yield SolverCase(family, "", "noisy", *sizes[0], WEIGHTED_SPREAD[family], weighted=True, seed=seed)


def _heads() -> Iterator[SolverCase]:
    for target in ("exact", "float32", "float16"):
        yield SolverCase("head", "f2", target)
    yield SolverCase("head", "f2", "float16", weighted=True)
    for name in ("f2multi", "vec"):
        yield SolverCase("head", name)
    yield SolverCase("head", "vec", "float16")
    yield SolverCase("head", "vec", weighted=True)
    for start in (0, 1, 2):
        yield SolverCase("head", "f3", "given", start=start)
    yield SolverCase("head", "f3", "given", weighted=True)
    for start in (0, 1):
        yield SolverCase("head", "f3tiny", "given", start=start)


def _quick_cases(seed: int) -> Iterator[SolverCase]:
    for spread in (1.0, 1e6):
        yield SolverCase("vector", "", "noisy", *SIZES["vector"][0], spread, seed=seed)
    yield SolverCase("matrix", "", "noisy", *SIZES["matrix"][0], 1e2, seed=seed)
    for name, target in (("f2", "float32"), ("f2", "float16"), ("vec", "exact"), ("f3", "given"), ("f3tiny", "given")):
        yield SolverCase("head", name, target)


@dataclass(frozen=True, eq=False)
class SolverInstance:
    """A case with its data, the same for all contestants.

    Attributes:
        case: what is solved.
        data: the arrays; `data.x_true` is the solution where the target is exact and nothing regularizes.
    """

    case: SolverCase
    data: ProblemData

    @cached_property
    def problem(self) -> Regression:
        """The problem in the stored variables."""
        return self.data.problem(LOSS)

    @cached_property
    def x0(self) -> Array:
        """The start of all contestants, of the shape of x."""
        if not self.case.start:
            return np.zeros(self.problem.x_shape)
        problem = whiten(self.problem)
        y = np.random.default_rng(self.case.start).standard_normal(problem.x_shape)
        return problem.to_original(y * np.sqrt(sum(form.entries for form in problem.forms)) / np.linalg.norm(y))

    @property
    def x_true(self) -> Array | None:
        """The solution, where it is known without solving."""
        exact = self.case.target == "exact" and not self.case.weighted
        return self.data.x_true if exact else None

    @property
    def prompts(self) -> list[tuple[tuple[Array, ...], Array, Array | None]]:
        """(maps, target, weights) of each summand of the loss, as plain arrays."""
        lists = [value if isinstance(value, list) else [value] for value in (*self.data.inputs, self.data.target)]
        weights = self.data.weights if isinstance(self.data.weights, list) else [self.data.weights] * len(lists[-1])
        return [(tuple(arrays), b, w) for *arrays, b, w in zip(*lists, weights, strict=True)]


def solver_instance(case: SolverCase) -> SolverInstance:
    """Read or draw the data of a case."""
    data = _head(case) if case.family == "head" else _drawn(case)
    weights = _weights(data) if case.weighted else None
    return SolverInstance(case, ProblemData(data.inputs, data.target, weights, data.x_true))


def _weights(data: ProblemData) -> Any:
    if len(data.inputs) == 1:
        return np.full(len(data.inputs[0]), WEIGHT)
    several = isinstance(data.target, list)
    return [np.full(B.shape, WEIGHT) for B in data.target] if several else np.full(data.target.shape, WEIGHT)


def _head(case: SolverCase) -> ProblemData:
    path = shipped(HEADS[case.name])
    data = load(path)
    target = data.target
    if case.target == "float32":
        with np.load(path, allow_pickle=False) as file:
            target = file["B_f32"].astype(float)
    elif case.target == "float16":
        target = target.astype(np.float16).astype(float)
    return ProblemData(data.inputs, target, None, data.x_true)


def _drawn(case: SolverCase) -> ProblemData:
    """Maps of the given spread, and an x* that shows in all singular directions alike: entries of z have size 1."""
    rng = np.random.default_rng([case.seed, case.n, case.d])
    sides = 1 if case.family == "vector" else 2
    maps, backs = zip(*(_map(rng, case.n, case.d, case.spread) for _ in range(sides)), strict=True)
    c = rng.standard_normal((case.d,) * sides)
    c /= np.linalg.norm(c)
    x = backs[0] @ c if sides == 1 else backs[0] @ c @ backs[1].T
    exact = ProblemData(maps, np.ones((case.n,) * sides)).problem(LOSS).predict(x)
    if case.target == "exact":
        return ProblemData(maps, exact, None, x)
    # Noise on logits multiplies predictions, up to the totals.
    target = exact * np.exp(NOISE * rng.standard_normal((case.n,) * sides))
    return ProblemData(maps, target / target.sum(axis=-1, keepdims=True))


def _map(rng: np.random.Generator, n: int, d: int, spread: float) -> tuple[Array, Array]:
    """A = sqrt(n) U S V^T with singular values that fall geometrically, and V S^{-1}."""
    U, V = np.linalg.qr(rng.standard_normal((n, d)))[0], np.linalg.qr(rng.standard_normal((d, d)))[0]
    S = np.geomspace(1.0, 1.0 / spread, d)
    return np.sqrt(n) * (U * S) @ V.T, V / S
