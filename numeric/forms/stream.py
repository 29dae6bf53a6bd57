"""The vector form on an A that is read in row blocks: of length n there is nothing but b, w and an asked prediction.

An evaluation is a number of passes. A pass computes the entries z = A x of a block, hands them to the row-block
functions of the loss and of the regularizer, and adds up what these return: totals, and A^T p for the gradient's rows
p. Plain losses need one pass for value and gradient. Normalized and rescaled losses need two: their residuals depend
on alpha, a total over all rows, and in a single pass the square of the residual would have to be expanded, which
cancels. A value alone takes as many passes, without the products A^T p; a gradient asked for later is one more. A
Hessian, its diagonal or a product with it is one more pass each, with the totals of the first.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from numeric.blocks import Block
from numeric.forms.form import Scaled, ScaledValue
from numeric.forms.passes import Totals
from numeric.forms.sums import GramSum, Sum
from numeric.kernels import REGULARIZER, Array, Kernel, kernel
from numeric.rows import NARROW, RowSource, releaser
from numeric.triangle import LARGEST_TRIANGLE, triangle


@dataclass(frozen=True, eq=False)
class StreamForm:
    """A x for an A that is read in row blocks, with the target of its entries.

    Attributes:
        source: A, shape (n, d).
        target: b, shape (n,) or (k, n), an array or something that is sliced like one.
        weights: w, shape (n,), of the same kind, or None without regularizer.
        largest: the largest absolute value in b and w.
        dtype: of the computation within a block; sums over blocks are in float64.
    """

    source: RowSource
    target: Any
    weights: Any | None
    largest: float
    dtype: np.dtype[Any]

    @property
    def x_shape(self) -> tuple[int, ...]:
        """(d,) or (k, d)."""
        return (*self.target.shape[:-1], self.source.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d) of A."""
        return self.source.shape

    @property
    def entries(self) -> int:
        """k n."""
        return int(np.prod(self.target.shape))

    @property
    def regularized(self) -> bool:
        """Whether there are weights."""
        return self.weights is not None

    @property
    def masked(self) -> bool:
        """Always false."""
        return False

    @property
    def problems(self) -> int:
        """k, 1 without an axis of problems."""
        return int(np.prod(self.x_shape[:-1]))

    def read(self, formed: bool = False) -> Iterator[tuple[Block, list[Array]]]:
        """One read of A, b and w: each block with its rows of b (and of w); `formed` as in `RowSource`."""
        stored = [data for data in (self.target, self.weights) if data is not None]
        releases = [releaser(data) for data in stored]
        for block in self.source.blocks(self.dtype, NARROW * self.problems, formed):
            yield block, [np.asarray(data[..., block.rows], dtype=self.dtype) for data in stored]
            for release in releases:
                release()

    def largest_entry(self, x: Array) -> float:
        """max |A x|, in one read."""
        with np.errstate(over="ignore", invalid="ignore"):
            return max(float(np.abs(block.forward(x)).max()) for block, _ in self.read())

    @cached_property
    def squared_singular_bounds(self) -> tuple[float, float]:
        """The extreme eigenvalues of A^T A by a factorization; (0, sum of squares) where d is large."""
        d = self.shape[1]
        if d > LARGEST_TRIANGLE:
            return 0.0, self.source.squares
        R = triangle(self.source.blocks(np.dtype(float), d), d, centred=False).R
        singular = np.linalg.svd(R, compute_uv=False)
        return (float(singular[-1]) ** 2 if len(R) >= d else 0.0), float(singular[0]) ** 2

    def evaluate(self, loss: Kernel, x: Array) -> "StreamEvaluation":
        """The form at x; nothing is read yet."""
        return StreamEvaluation(self, loss, x)


@dataclass(frozen=True, eq=False)
class StreamEvaluation:
    """A stream at one point, which keeps the totals, and the gradient's sums once they were asked for."""

    form: StreamForm
    loss: Kernel
    x: Array

    @cached_property
    def totals(self) -> tuple[Totals, ...]:
        """The totals of the loss, and of the regularizer where there is one.

        Raises:
            OutsideDomain: a total that must not vanish does.
        """
        return self._complete if "_complete" in vars(self) else self._summed(wants_gradient=False)

    @cached_property
    def _complete(self) -> tuple[Totals, ...]:
        """The totals with the gradient's sums; one read where the totals are known already."""
        if "totals" not in vars(self):
            return self._summed(wants_gradient=True)
        with np.errstate(all="ignore"):
            for block, data in self.form.read():
                z = block.forward(self.x)
                for total, rows in zip(self.totals, data, strict=True):
                    total.add_gradient(z, rows, block)
        return self.totals

    def _summed(self, wants_gradient: bool) -> tuple[Totals, ...]:
        form, losses = self.form, [self.loss] + [kernel(REGULARIZER)] * self.form.regularized
        m = np.full((*self.x.shape[:-1], 1), -np.inf, form.dtype)
        totals = tuple(Totals(loss, form.dtype, m, wants_gradient) for loss in losses)
        for number in range(1, max(total.passes for total in totals) + 1):
            with np.errstate(all="ignore"):
                for block, data in form.read():
                    z = block.forward(self.x)
                    for total, rows in zip(totals, data, strict=True):
                        total.add(number, z, rows, block)
            for total in totals:
                total.end(number)
        return totals

    @cached_property
    def scales(self) -> tuple[float, list[Array]]:
        """The common log scale, the largest, and each kernel's factor to come to it, one for each problem."""
        scales = [np.asarray(total.value()[1], dtype=float) for total in self.totals]
        largest = max(float(np.max(scale)) for scale in scales)
        common = largest if np.isfinite(largest) else 0.0
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            return common, [np.exp(scale - common) for scale in scales]

    @cached_property
    def value(self) -> ScaledValue:
        """The value; raises as `totals`."""
        common, factors = self.scales
        with np.errstate(all="ignore"):
            parts = zip(self.totals, factors, strict=True)
            return ScaledValue(sum(float(np.sum(factor * total.value()[0])) for total, factor in parts), common)

    @cached_property
    def first_order(self) -> Scaled:
        """Value and gradient; raises as `totals`."""
        # Before the value, so that one pass sums both.
        totals = self._complete
        with np.errstate(all="ignore"):
            parts = zip(totals, self.scales[1], strict=True)
            gradient = sum(factor[..., None] * total.gradient() for total, factor in parts)
            return Scaled(self.value.value, np.asarray(gradient).astype(self.form.dtype), self.value.log_scale)

    def second_order(self, kind: str) -> "StreamSecondOrder":
        """The "hessian" or "gauss_newton" operator; the totals are read here."""
        _ = self.totals
        return StreamSecondOrder(self, kind)

    def predict(self) -> Array:
        """The model of b, of b's shape."""
        total, model = self.totals[0], np.empty(self.form.target.shape, self.form.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            for block, _ in self.form.read():
                model[..., block.rows] = total.kernel.prediction_rows(block.forward(self.x), total.m, total.earlier)
        return model


@dataclass(frozen=True, eq=False)
class StreamSecondOrder:
    """A^T (diag(D) + U C U^T) A = A^T diag(D) A + V^T C V with the r rows V_i = A^T U_i, which the first pass keeps."""

    evaluation: StreamEvaluation
    kind: str
    known: dict[str, Array] = field(default_factory=dict)

    @property
    def form(self) -> StreamForm:
        """What is read."""
        return self.evaluation.form

    @property
    def log_scale(self) -> float:
        """Of all results."""
        return self.evaluation.scales[0]

    @property
    def rank(self) -> int:
        """Columns of U."""
        return self.core.shape[-1]

    @property
    def surely_finite(self) -> bool:
        """Entries of D and U are products of at most four residuals, targets and their like, and of w^2."""
        largest = max(1.0, self.form.largest, abs(self.evaluation.value.value))
        squares = max(1.0, self.form.source.squares)
        with np.errstate(over="ignore"):
            size = 4 * np.log(largest) + 2 * np.log(self.form.entries) + np.log(squares)
        return bool(size < np.log(np.finfo(self.form.dtype).max))

    @cached_property
    def core(self) -> Array:
        """C, shape (..., r, r), in float64."""
        evaluation, lead = self.evaluation, self.evaluation.x.shape[:-1]
        cores = [getattr(t.kernel, f"{self.kind}_core")(t.m.astype(float), t.exact()) for t in evaluation.totals]
        r, start = sum(core.shape[-1] for core in cores), 0
        C = np.zeros((*lead, r, r))
        for core, factor in zip(cores, evaluation.scales[1], strict=True):
            stop = start + core.shape[-1]
            C[..., start:stop, start:stop] = factor[..., None, None] * core
            start = stop
        return C

    def _pieces(self, z: Array, data: list[Array]) -> tuple[Array, list[Array]]:
        """D and the U_i of a block."""
        D, U = np.zeros_like(z), []
        for total, factor, rows in zip(self.evaluation.totals, self.evaluation.scales[1], data, strict=True):
            own, columns = getattr(total.kernel, f"{self.kind}_rows")(z, rows, total.m, total.earlier)
            D += own if np.all(factor == 1.0) else factor[..., None].astype(z.dtype) * own
            U += columns
        return D, U

    def _read(self, visit: Callable[[Block, Array, list[Array]], None], formed: bool = False) -> Array:
        """One pass, `visit(block, D, U)` at each block; returns V, shape (..., r, d), in float64."""
        sums = [Sum() for _ in range(0 if "V" in self.known else self.rank)]
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for block, data in self.form.read(formed):
                D, U = self._pieces(block.forward(self.evaluation.x), data)
                visit(block, D, U)
                for total, column in zip(sums, U, strict=False):
                    total.add(block.adjoint(column))
        if "V" not in self.known:
            empty = np.zeros((*self.form.x_shape[:-1], 0, self.form.x_shape[-1]))
            self.known["V"] = np.stack([total.value for total in sums], axis=-2) if sums else empty
        return self.known["V"]

    def split(self) -> tuple[Array, Array, Array]:
        """(D, V, C) of A^T diag(D) A + V^T C V, shapes (..., n), (..., r, d) and (..., r, r), in one read."""
        diagonal = np.empty(self.form.target.shape)

        def visit(block: Block, D: Array, U: list[Array]) -> None:
            diagonal[..., block.rows] = D

        return diagonal, self._read(visit), self.core

    def apply(self, v: Array) -> Array:
        """The product with v, of x's shape."""
        total = Sum()

        def visit(block: Block, D: Array, U: list[Array]) -> None:
            total.add(block.adjoint(D * block.forward(v)))

        v = np.asarray(v, dtype=self.form.dtype)
        V = self._read(visit)
        with np.errstate(over="ignore", invalid="ignore"):
            coefficients = self.core @ (V @ v[..., None].astype(float))
            return (total.value + (coefficients * V).sum(axis=-2)).astype(self.form.dtype)

    def blocks(self) -> Array:
        """Shape (k, d, d)."""
        k, d = self.form.problems, self.form.x_shape[-1]
        total = GramSum(k, d, self.form.dtype)
        V = self._read(lambda block, D, U: block.add_gram(D.reshape(k, -1), total), formed=True)
        with np.errstate(over="ignore", invalid="ignore"):
            low_rank = np.swapaxes(V, -1, -2) @ self.core @ V
            dense = total.value + (0.5 * (low_rank + np.swapaxes(low_rank, -1, -2))).reshape(k, d, d)
            return dense.astype(self.form.dtype)

    def diagonal(self) -> Array:
        """The diagonal, of x's shape."""
        total = Sum()
        V = self._read(lambda block, D, U: total.add(block.squares(D)), formed=True)
        with np.errstate(over="ignore", invalid="ignore"):
            return (total.value + ((self.core @ V) * V).sum(axis=-2)).astype(self.form.dtype)

    def eigenvalue_bounds(self) -> tuple[float, float]:
        """By Weyl: the range of D plus that of U C U^T, whose eigenvalues are those of C U^T U."""
        grams, low, high = Sum(), np.inf, -np.inf

        def visit(block: Block, D: Array, U: list[Array]) -> None:
            nonlocal low, high
            low, high = min(low, float(D.min())), max(high, float(D.max()))
            if U:
                stack = np.stack(U, axis=-2)
                grams.add(stack @ np.swapaxes(stack, -1, -2))

        self._read(visit)
        if self.rank:
            eigenvalues, vectors = np.linalg.eigh(grams.value)
            root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))[..., None, :]
            core = np.linalg.eigvalsh(np.swapaxes(root, -1, -2) @ self.core @ root)
            low, high = low + min(0.0, float(core.min())), high + max(0.0, float(core.max()))
        squares = self.form.squared_singular_bounds
        return min(low * s for s in squares), max(high * s for s in squares)

    def terms(self) -> float:
        """The size of the pieces in z, in one read."""
        largest, low_rank, C = 0.0, 0.0, np.abs(self.core).astype(self.form.dtype)

        def visit(block: Block, D: Array, U: list[Array]) -> None:
            nonlocal largest, low_rank
            largest = max(largest, float(np.abs(D).max()))
            if U:
                sizes = np.abs(np.stack(U, axis=-2))
                low_rank = max(low_rank, float(((C @ sizes) * sizes).sum(axis=-2).max()))

        self._read(visit)
        return largest + low_rank
