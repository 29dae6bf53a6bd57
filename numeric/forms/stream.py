"""The vector form on an A that is read in row blocks: of length n there is nothing but b, w and an asked prediction.

An evaluation is a number of passes. A pass computes the entries z = A x of a block, hands them to the row-block
functions of the loss and of the regularizer, and adds up what these return: totals, and A^T p for the gradient's rows
p. Plain losses need one pass for value and gradient. Normalized and rescaled losses need two: their residuals depend
on alpha, a total over all rows, and in a single pass the square of the residual would have to be expanded, which
cancels. A value alone takes as many passes, without the products A^T p. The first Hessian, diagonal or product at a
new point is formed in the last of these passes, from pieces that later totals weigh (see
`numeric.forms.stream_hessian`); each further one, or a gradient asked for later, is a pass of its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from numeric.blocks import Block
from numeric.forms.form import Scaled, ScaledValue
from numeric.forms.passes import Totals
from numeric.forms.stream_hessian import StreamSecondOrder
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


Visit = Callable[[Block, Array, list[Array], tuple[Totals, ...]], None]
"""Takes a block, its entries z, its rows of b (and w), and the totals so far."""


@dataclass(frozen=True, eq=False)
class StreamEvaluation:
    """A stream at one point, which keeps the totals.

    Attributes:
        form: what is read.
        loss: the kernel.
        x: the point.
        passed: the totals after each pass: of the loss, and of the regularizer where there is one.
    """

    form: StreamForm
    loss: Kernel
    x: Array
    passed: list[tuple[Totals, ...]] = field(default_factory=list)

    @cached_property
    def kernels(self) -> list[Kernel]:
        """Of the loss, and of the regularizer where there is one."""
        return [self.loss] + [kernel(REGULARIZER)] * self.form.regularized

    @cached_property
    def passes(self) -> int:
        """Reads until all totals are known."""
        return max(len(each.TOTALS) for each in self.kernels)

    @property
    def complete(self) -> bool:
        """Whether all totals are known."""
        return len(self.passed) >= self.passes

    def read(self, visit: Visit | None = None, formed: bool = False, gradient: bool = False) -> None:
        """One read of A: the next pass, or a read beyond the last; `visit` is called at each block.

        Args:
            visit: sums something else up.
            formed: see `RowSource.blocks`.
            gradient: whether to sum the gradient too, if that can be done from the last pass on.

        Raises:
            OutsideDomain: a total that must not vanish does.
        """
        number = len(self.passed) + 1
        gradient = gradient and number >= max(self.passes, *(each.GRADIENT_PASS for each in self.kernels))
        totals = tuple(total.begun() for total in self._so_far)
        with np.errstate(all="ignore"):
            for block, data in self.form.read(formed):
                z = block.forward(self.x)
                for total, rows in zip(totals, data, strict=True):
                    total.add(number, z, rows, block, gradient)
                if visit is not None:
                    visit(block, z, data, totals)
        if not self.complete:
            for total in totals:
                total.end(number)
        if gradient or not self.complete:
            self.passed.append(totals)

    def advance(self, passes: int, gradient: bool = False) -> tuple[Totals, ...]:
        """The totals after at least so many passes; raises as `read`."""
        while len(self.passed) < passes:
            self.read(gradient=gradient)
        return self._so_far

    @property
    def _so_far(self) -> tuple[Totals, ...]:
        if self.passed:
            return self.passed[-1]
        m = np.full((*self.x.shape[:-1], 1), -np.inf, self.form.dtype)
        return tuple(Totals(each, self.form.dtype, m) for each in self.kernels)

    @property
    def totals(self) -> tuple[Totals, ...]:
        """All totals; raises as `read`."""
        return self.advance(self.passes)

    @property
    def scales(self) -> tuple[float, list[Array]]:
        """The common log scale, the largest, and each kernel's factor to come to it, one for each problem."""
        scales = [total.log_scale for total in self._so_far]
        largest = max(float(np.max(scale)) for scale in scales)
        common = largest if np.isfinite(largest) else 0.0
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            return common, [np.exp(scale - common) for scale in scales]

    @cached_property
    def value(self) -> ScaledValue:
        """The value; raises as `read`."""
        totals = self.totals
        common, factors = self.scales
        with np.errstate(all="ignore"):
            parts = zip(totals, factors, strict=True)
            return ScaledValue(sum(float(np.sum(factor * total.value())) for total, factor in parts), common)

    @cached_property
    def first_order(self) -> Scaled:
        """Value and gradient; raises as `read`."""
        totals = self.advance(self.passes, gradient=True)
        if not all(total.rows for total in totals):
            self.read(gradient=True)
        with np.errstate(all="ignore"):
            parts = zip(self.totals, self.scales[1], strict=True)
            gradient = sum(factor[..., None] * total.gradient() for total, factor in parts)
            return Scaled(self.value.value, np.asarray(gradient).astype(self.form.dtype), self.value.log_scale)

    @property
    def smallest_total(self) -> float:
        """The smallest share that a total which must not vanish is of the sum of its absolute terms."""
        return float(min((np.abs(ratio).min() for ratio in self.totals[0].ratios().values()), default=1.0))

    def second_order(self, kind: str) -> StreamSecondOrder:
        """The "hessian" or "gauss_newton" operator, after all passes but the last, in which it is formed if it can be.

        Raises:
            OutsideDomain: see `read`.
        """
        fused = all(each.SECOND_ORDER[kind] <= self.passes for each in self.kernels)
        scaled = any(each.DEGREE for each in self.kernels)
        self.advance(max(self.passes - 1, int(scaled)) if fused else self.passes)
        return StreamSecondOrder(self, kind)

    def predict(self) -> Array:
        """The model of b, of b's shape."""
        model = np.empty(self.form.target.shape, self.form.dtype)
        total = self.totals[0]
        with np.errstate(over="ignore", invalid="ignore"):
            for block, _ in self.form.read():
                model[..., block.rows] = total.kernel.prediction_rows(block.forward(self.x), total.m, total.earlier)
        return model
