"""Z = A1 X A2^T with one group of totals per row: value and gradient in row blocks, in O(n d) memory beyond B."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from numeric.forms import groups
from numeric.forms.domain import check_domain, has_vanished
from numeric.forms.form import Scaled, ScaledValue
from numeric.forms.groups import Entries, largest_finite, small_entry, work_arrays
from numeric.forms.layout import RowBlock, drop, row_blocks
from numeric.forms.matrix_hessian import MatrixHessian
from numeric.forms.padding import OtherRows
from numeric.kernels import Array, Dropped, Kernel, largest_size, quiet
from numeric.structure import PairTable

KEPT_PAIRS = 1 << 17
"""Entries of a table of products of columns that a form keeps, a MiB: for repeated Hessians of small problems."""
MOST_SPARE = 8
"""Work arrays that a form keeps, a MiB or so each: as many as a kernel takes."""


@dataclass(frozen=True, eq=False)
class MatrixForm:
    """One prompt in matrix form; row-major vec(Z) = (A1 (x) A2) vec(X), the Kronecker product is never built.

    Attributes:
        A1: shape (n1, d1); row j makes the group of totals j.
        A2: shape (n2, d2).
        target: B, shape (n1, n2).
        weights: Omega of B's shape, or None without regularizer.
        mask: boolean of B's shape, or None; False entries are in no total, loss or regularizer.
        number: of the prompt, for messages.
        row_weights: r, shape (n1,), positive; what row j adds to the problem is multiplied by r_j. None for all 1.
        rows: the numbers of the rows in the prompt; None where all rows of the prompt count.
        others: the rows that do not count; None where all count.
    """

    A1: Array
    A2: Array
    target: Array
    weights: Array | None = None
    mask: Array | None = None
    number: int = 0
    row_weights: Array | None = None
    rows: Array | None = None
    others: OtherRows | None = None

    @property
    def x_shape(self) -> tuple[int, ...]:
        """(d1, d2)."""
        return self.A1.shape[1], self.A2.shape[1]

    @property
    def shape(self) -> tuple[int, int]:
        """(n1, n2) of the prompt, rows that do not count included."""
        return (len(self.A1) if self.others is None else self.others.count), len(self.A2)

    @property
    def factors(self) -> tuple[Array, ...]:
        """(A1, A2)."""
        return self.A1, self.A2

    @property
    def regularized(self) -> bool:
        """Whether there are weights."""
        return self.weights is not None

    @property
    def masked(self) -> bool:
        """Whether there is a mask."""
        return self.mask is not None

    @property
    def row_weighted(self) -> bool:
        """Whether rows count differently, or not at all."""
        return self.row_weights is not None or self.rows is not None

    @cached_property
    def entries(self) -> int:
        """The number of kept entries."""
        return self.target.size if self.mask is None else int(np.count_nonzero(self.mask))

    @cached_property
    def blocks(self) -> tuple[RowBlock, ...]:
        """The row blocks of Z."""
        return row_blocks((len(self.A1), len(self.A2)), self.mask)

    @cached_property
    def starts(self) -> Array:
        """The first row of each block."""
        return np.array([block.rows.start for block in self.blocks])

    @cached_property
    def largest_block(self) -> int:
        """Entries of the largest block."""
        return max(rows * columns for rows, columns in (block.shape for block in self.blocks))

    @cached_property
    def spare(self) -> "deque[Array]":
        """Flat arrays for blocks that no evaluation uses at the moment."""
        return deque(maxlen=MOST_SPARE)

    @cached_property
    def squares(self) -> Array | None:
        """w^2, zero where the mask drops an entry."""
        if self.weights is None:
            return None
        squares = self.weights**2
        return squares if self.mask is None else np.where(self.mask, squares, 0)

    def pairs(self, side: int) -> Array | None:
        """The products of the columns of A1 (side 0) or A2 (side 1) in pairs, see `PairTable`; None for a large one."""
        return self._pairs[side]

    @cached_property
    def _pairs(self) -> tuple[Array | None, ...]:
        tables = (PairTable.of(A.shape[1]) for A in self.factors)
        return tuple(
            table.products(np.ascontiguousarray(A.T)) if len(table) * len(A) <= KEPT_PAIRS else None
            for table, A in zip(tables, self.factors, strict=True)
        )

    @cached_property
    def longest_row(self) -> float:
        """The largest norm of A2's rows."""
        return float(np.sqrt(np.vecdot(self.A2, self.A2).max()))

    @cached_property
    def largest_target(self) -> float:
        """max |B|."""
        return largest_size(self.target)

    @cached_property
    def squared_target(self) -> float:
        """The sum of the squares of the kept entries of B, each row with its weight."""
        total = 0.0
        for block in self.blocks:
            at = block.rows, block.columns
            kept = self.target[at] if self.mask is None else np.where(self.mask[at], self.target[at], 0)
            squares = np.vecdot(kept, kept)
            total += float(squares.sum() if self.row_weights is None else squares @ self.row_weights[block.rows])
        return total

    def buffers(self, count: int) -> "Buffers":
        """Arrays for the blocks of one evaluation."""
        return Buffers(self, count)

    def rebuilt(self, *factors: Array) -> "MatrixForm":
        """The same prompt with another A1 and A2, target and weights in their dtype; only rows that count."""
        A1, A2 = factors
        target = self.target.astype(A1.dtype, copy=False)
        weights, row_weights = (
            None if array is None else array.astype(A1.dtype, copy=False) for array in (self.weights, self.row_weights)
        )
        return replace(self, A1=A1, A2=A2, target=target, weights=weights, row_weights=row_weights, others=None)

    def forward(self, x: Array) -> Array:
        """A1 X A2^T, from shape (d1, d2) to (n1, n2)."""
        return (self.A1 @ x) @ self.A2.T

    def largest_entry(self, x: Array) -> float:
        """max |z| over the kept entries."""
        left, largest = self.A1 @ x, 0.0
        buffers = self.buffers(1)
        for block in self.blocks:
            (z,) = buffers.like(block)
            np.matmul(left[block.rows], self.A2[block.columns].T, out=z)
            drop(z, buffers.dropped(block))
            largest = max(largest, largest_size(z))
        buffers.give_back()
        return largest

    def evaluate(self, loss: Kernel, x: Array) -> "MatrixEvaluation":
        """The form at x; nothing is computed yet."""
        return MatrixEvaluation(self, loss, x)


class Buffers:
    """Arrays that serve one row block after the other; they go back to the form, as fresh memory costs page faults."""

    def __init__(self, form: MatrixForm, count: int) -> None:
        self._spare = form.spare
        self._flat = [self._spare_or_new(form) for _ in range(count)]
        self._mask = self._spare_or_new(form) if form.masked else None

    def _spare_or_new(self, form: MatrixForm) -> Array:
        try:
            return self._spare.pop()
        except IndexError:  # asked for by trying, as another thread may take the last one
            return np.empty(form.largest_block, form.target.dtype)

    def like(self, block: RowBlock) -> list[Array]:
        """The arrays in the shape of a block, C-contiguous; contents are undefined."""
        rows, columns = block.shape
        return [flat[: rows * columns].reshape(rows, columns) for flat in self._flat]

    def dropped(self, block: RowBlock) -> Dropped:
        """What a block drops, with a mask as wide as its entries: it is stored with a byte for each."""
        if block.dropped is None:
            return None
        assert self._mask is not None, "only a mask drops entries"
        columns, narrow = block.dropped
        kept = self._mask[: narrow.size].view(f"i{self._mask.itemsize}").reshape(narrow.shape)
        np.copyto(kept, narrow)
        return columns, kept

    def give_back(self) -> None:
        """No array of `like` or `dropped` may be used after this."""
        self._spare.extend(self._flat if self._mask is None else [*self._flat, self._mask])


@dataclass(frozen=True, eq=False)
class MatrixEvaluation:
    """A matrix form at one X.

    Attributes:
        form: the form.
        loss: the kernel.
        x: the point, of shape (d1, d2).
    """

    form: MatrixForm
    loss: Kernel
    x: Array

    @cached_property
    def _left(self) -> Array:
        return self.form.A1 @ self.x

    @cached_property
    def small(self) -> list[bool]:
        """Whether the entries of each block are small, by Cauchy and Schwarz: all at once, or row by row."""
        form, left = self.form, self._left
        if math.sqrt(np.vdot(left, left)) * form.longest_row <= small_entry(left.dtype):
            return [True] * len(form.blocks)
        longest = np.sqrt(np.maximum.reduceat(np.vecdot(left, left), form.starts))
        return (longest * form.longest_row <= small_entry(left.dtype)).tolist()

    def _entries(self, function: str) -> Iterator[tuple[RowBlock, Entries]]:
        """Each block with its entries z and the arrays that a kernel function wants; valid until the next block."""
        form = self.form
        buffers = form.buffers(1 + work_arrays(self.loss, function, form.regularized))
        for block, small in zip(form.blocks, self.small, strict=True):
            z, *work = buffers.like(block)
            np.matmul(self._left[block.rows], form.A2[block.columns].T, out=z)
            at = block.rows, block.columns
            squares = None if form.squares is None else form.squares[at]
            yield block, Entries(z, form.target[at], squares, buffers.dropped(block), small, work)
        buffers.give_back()

    @cached_property
    @quiet
    def value(self) -> ScaledValue:
        """The value; one product with a block of Z. Raises as `first_order`."""
        values, scales = (np.empty(len(self.form.A1), self.x.dtype) for _ in range(2))
        for block, entries in self._entries("value"):
            values[block.rows], scales[block.rows] = groups.value(self.loss, entries)
        return self._summed(values, scales)[0]

    @cached_property
    @quiet
    def first_order(self) -> Scaled:
        """Value and gradient; two products with a block of Z, and one read of B.

        Raises:
            OutsideDomain: a total that must not vanish does.
        """
        form = self.form
        values, scales = (np.empty(len(form.A1), self.x.dtype) for _ in range(2))
        products = np.empty_like(self._left)
        for block, entries in self._entries("value_and_gradient"):
            values[block.rows], g, scales[block.rows] = groups.value_and_gradient(self.loss, entries)
            np.matmul(g, form.A2[block.columns], out=products[block.rows])
        total, factors = self._summed(values, scales)
        if factors is not None:
            products *= factors[:, None]
        return Scaled(total.value, form.A1.T @ products, total.log_scale)

    def _summed(self, values: Array, scales: Array) -> tuple[ScaledValue, Array | None]:
        """The weighted sum of the rows' values on the largest scale, and each row's factor, see `_factors`.

        Raises:
            OutsideDomain: a total that must not vanish does.
        """
        if self.loss.NONZERO and np.isnan(values).any():
            self._check_domain()
        scale = largest_finite(scales) if self.loss.DEGREE else 0.0
        factors = self._factors(slice(None), scales, scale)
        if factors is not None:
            values *= factors
        return ScaledValue(float(np.add.reduce(values, dtype=float)), scale), factors

    def _factors(self, rows: slice, scales: Array, log_scale: float) -> Array | None:
        """What the results of some rows are multiplied by to count as they shall on a common scale; None for 1."""
        weights = self.form.row_weights
        if not self.loss.DEGREE:
            return None if weights is None else weights[rows]
        factors = np.exp(scales - scales.dtype.type(log_scale))
        return factors if weights is None else factors * weights[rows]

    def _check_domain(self) -> None:
        numbers = np.arange(len(self.form.A1)) if self.form.rows is None else self.form.rows
        for block, totals in self._domain_totals():
            check_domain(self.loss, totals, numbers[block.rows], self.form.number)

    @property
    def smallest_total(self) -> float:
        """The smallest share that a total which must not vanish is of the sum of its absolute terms."""
        shares = (np.abs(ratio).min() for _, totals in self._domain_totals() for ratio in totals.values())
        return float(min(shares, default=1.0))

    def _domain_totals(self) -> Iterator[tuple[RowBlock, dict[str, Array]]]:
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for block, (z, _, _, dropped, small, work) in self._entries("domain_totals"):
                yield block, self.loss.domain_totals(z, dropped=dropped, small=small, work=work, overwrite=True)

    def second_order(self, kind: str) -> MatrixHessian:
        """The "hessian" or "gauss_newton"; raises as `first_order`."""
        known = vars(self).keys() & {"value", "first_order"}
        if self.loss.NONZERO and not known:
            self._check_domain()
        # The scale is that of the value; it need not be looked for where no entry is shifted.
        shifted = self.loss.DEGREE and not all(self.small)
        return MatrixHessian(self, kind, self._log_scale if shifted else 0.0)

    @property
    def _log_scale(self) -> float:
        return (self.first_order if "first_order" in vars(self) else self.value).log_scale

    def product(self, kind: str, log_scale: float, v: Array) -> Array:
        """The second derivative times v, both of shape (d1, d2), without the factor exp(log_scale).

        Three products with a block of Z, and nothing is kept: cheaper than D and A2^T U where it is the only one.
        """
        form, left = self.form, self.form.A1 @ v
        products, directions = np.empty_like(left), form.buffers(1)
        for block, entries in self._entries(f"{kind}_product"):
            (dz,) = directions.like(block)
            np.matmul(left[block.rows], form.A2[block.columns].T, out=dz)
            r, scales = groups.product(self.loss, kind, entries, dz)
            np.matmul(r, form.A2[block.columns], out=products[block.rows])
            factors = self._factors(block.rows, scales, log_scale)
            if factors is not None:
                products[block.rows] *= factors[:, None]
        directions.give_back()
        return form.A1.T @ products

    def pieces(self, kind: str, log_scale: float) -> Iterator[tuple[RowBlock, Array, tuple[Array, ...], Array]]:
        """D, U and C of each block, without the factor exp(log_scale); valid until the next block."""
        for block, entries in self._entries(kind):
            D, U, C, scales = groups.second_derivative(self.loss, kind, entries)
            factors = self._factors(block.rows, scales, log_scale)
            if factors is not None:
                D *= factors[:, None]
                C = C * factors[:, None, None]
            yield block, D, U, C

    def predict(self) -> Array:
        """The model of B, zero at dropped entries, rows that do not count included; raises as `first_order`."""
        if self.loss.NONZERO:
            _ = self.value
        form, model = self.form, self._model()
        if form.others is None or form.rows is None:
            return model
        return form.others.join(model, form.rows, self.loss, self.x)

    def model_or_nan(self) -> Array:
        """The model of B, NaN at the kept entries of a row in which it is undefined."""
        model = self._model()
        for block, totals in self._domain_totals() if self.loss.NONZERO else ():
            for ratio in totals.values():
                rows = block.rows.start + np.flatnonzero(has_vanished(self.loss, ratio.ravel()))
                model[rows] = np.nan if self.form.mask is None else np.where(self.form.mask[rows], np.nan, 0.0)
        return model

    @quiet
    def _model(self) -> Array:
        model = np.zeros_like(self.form.target)
        for block, entries in self._entries("prediction"):
            model[block.rows, block.columns] = self.loss.prediction(
                entries.z, dropped=entries.dropped, small=entries.small, work=entries.work, overwrite=True
            )
        return model
