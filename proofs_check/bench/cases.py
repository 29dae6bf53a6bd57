"""What is measured: operations, forms and sizes, and the seeded data of each case."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from numeric import AttentionRegression, Regression, VectorRegression, loss_names

Array = np.ndarray
Work = Callable[[], Any]

LOSS = "normalized-exp"
OPERATIONS = {
    "value": "the value alone",
    "gradient": "value and gradient",
    "hessian": "the dense Hessian, from x",
    "product": "Hessian times a vector, from x",
    "product-cached": "Hessian times a vector, at a point that was evaluated before",
    "gauss-newton": "Gauss-Newton matrix times a vector, from x",
}
VARIANTS = ("causal", "padding", "cross", "ragged", "weighted")
"""Value and gradient in matrix form with: entries above the diagonal dropped, the last third of the columns dropped,
half as many rows in A1 as in A2, prompts of four lengths, and a regularizer."""

SIZES = {
    "vector": ((1_000, 16), (10_000, 64), (100_000, 64)),
    "matrix": ((64, 16), (256, 16), (256, 32), (512, 32), (1024, 32), (2048, 32)),
}
HESSIAN_SIZES = {"vector": SIZES["vector"], "matrix": ((64, 16), (128, 16), (256, 16), (512, 32))}
VARIANT_SIZE = (1024, 32)
QUICK_SIZES = {"vector": ((10_000, 64),), "matrix": ((256, 16),)}
QUICK_HESSIAN_SIZES = {"vector": QUICK_SIZES["vector"], "matrix": ((64, 16),)}
QUICK_VARIANT_SIZE = (256, 16)


@dataclass(frozen=True)
class Case:
    """One operation on one loss at one size: n rows (of A, of A1 and of A2) and d columns."""

    operation: str
    form: str
    n: int
    d: int
    loss: str = LOSS
    variant: str = "dense"
    seed: int = 0

    def __str__(self) -> str:
        name = self.operation if self.variant == "dense" else self.variant
        return f"{name}, {self.loss}, {self.form} {self.n} x {self.d}"

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data; `Case(**fields)` reads them."""
        return asdict(self)


def plan(loss: str = LOSS, all_losses: bool = False, quick: bool = False, seed: int = 0) -> list[Case]:
    """The cases of one run, in the order of the table."""
    return list(_cases(loss, all_losses, quick, seed))


def _cases(loss: str, all_losses: bool, quick: bool, seed: int) -> Iterator[Case]:
    sizes, hessian_sizes = (QUICK_SIZES, QUICK_HESSIAN_SIZES) if quick else (SIZES, HESSIAN_SIZES)
    for operation in OPERATIONS:
        for form, pairs in (hessian_sizes if operation == "hessian" else sizes).items():
            for n, d in pairs:
                yield Case(operation, form, n, d, loss, seed=seed)
    n, d = QUICK_VARIANT_SIZE if quick else VARIANT_SIZE
    for variant in VARIANTS:
        yield Case("gradient", "matrix", n, d, loss, variant, seed)
    if all_losses:
        for other in loss_names():
            if other != loss:
                for form, pairs in sizes.items():
                    yield Case("gradient", form, *pairs[-1], other, seed=seed)


@dataclass(frozen=True, eq=False)
class Instance:
    """The data of a case, the same for this program, its floors and its rivals.

    Attributes:
        case: what is measured.
        maps: (A,) or (A1, A2).
        target: b of shape (n,) or B of shape (n, n).
        x, v: a point and a direction, (d,) or (d, d).
    """

    case: Case
    maps: tuple[Array, ...]
    target: Array
    x: Array
    v: Array

    @cached_property
    def problem(self) -> Regression:
        """The problem, of the case's variant."""
        if self.case.form == "vector":
            return VectorRegression(self.case.loss, self.maps[0], self.target)
        return _variant_problem(self)

    def work(self) -> Work:
        """The operation by this program's public functions; it returns arrays."""
        problem, x, v = self.problem, self.x, self.v
        if self.case.operation == "product-cached":
            H = problem.hessian(x)
            H @ v
            return lambda: H @ v
        works: dict[str, Work] = {
            "value": lambda: problem.value(x),
            "gradient": lambda: problem.value_and_gradient(x),
            "hessian": lambda: problem.hessian(x).to_dense(),
            "product": lambda: problem.hessian_product(x, v),
            "gauss-newton": lambda: problem.gauss_newton(x) @ v,
        }
        return works[self.case.operation]

    @property
    def entries(self) -> int:
        """Entries of z that are kept, over all prompts."""
        n = self.case.n
        kept = {
            "causal": n * (n + 1) // 2,
            "padding": n * (n - n // 3),
            "cross": n // 2 * n,
            "ragged": sum(k * k for k in _prompt_lengths(n)),
        }
        return kept.get(self.case.variant, self.target.size)


def instance(case: Case) -> Instance:
    """Draw the data of a case: standard normal rows, x of size 1/d so that |z| is moderate, b on the simplex."""
    rng = np.random.default_rng([case.seed, case.n, case.d])
    n, d = case.n, case.d
    if case.form == "vector":
        maps, x = (rng.standard_normal((n, d)),), rng.standard_normal(d) / d
        return Instance(case, maps, rng.dirichlet(np.ones(n)), x, rng.standard_normal(d))
    A1, A2 = rng.standard_normal((2, n, d))
    x = rng.standard_normal((d, d)) / d**1.5
    return Instance(case, (A1, A2), rng.dirichlet(np.ones(n), size=n), x, rng.standard_normal((d, d)))


def _prompt_lengths(n: int) -> tuple[int, ...]:
    return n // 8, n // 4, n // 2, n


def _variant_problem(data: Instance) -> Regression:
    (A1, A2), B, n, loss = data.maps, data.target, data.case.n, data.case.loss
    kept = n - n // 3
    if data.case.variant == "causal":
        return AttentionRegression(loss, A1, A2, B, mask=np.tri(n, dtype=bool))
    if data.case.variant == "padding":
        return AttentionRegression(loss, A1, A2, B, mask=np.broadcast_to(np.arange(n) < kept, (n, n)))
    if data.case.variant == "cross":
        return AttentionRegression(loss, A1[: n // 2], A2, B[: n // 2])
    if data.case.variant == "ragged":
        parts = _prompt_lengths(n)
        return AttentionRegression(loss, [A1[:k] for k in parts], [A2[:k] for k in parts], [B[:k, :k] for k in parts])
    weights = np.ones((n, n)) if data.case.variant == "weighted" else None
    return AttentionRegression(loss, A1, A2, B, w=weights)
