"""Hessians on streams: A^T (diag(D) + U C U^T) A = A^T diag(D) A + V^T C V, with the rows V_i = A^T U_i.

D is a sum of rows Q_i that need early totals only, weighted by later ones: f*(c + f) and f, weighted by 1 and -sum_cf,
for normalized-exp. U needs early totals, and C no rows. So what is linear in D is formed in the last pass of the
value, apart for each Q_i, and weighted afterwards; V is kept for later reads, in which D is known.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from numeric.blocks import Block
from numeric.forms.passes import Totals
from numeric.forms.sums import GramSum, Sum
from numeric.kernels import Array

if TYPE_CHECKING:
    from numeric.forms.stream import StreamEvaluation, StreamForm

NARROW = 32
"""Up to so many columns, another sum of A^T diag(.) A costs no more than another read of A."""


@dataclass(frozen=True, eq=False)
class StreamSecondOrder:
    """The Hessian, or J^T J, of a stream at one point.

    Attributes:
        evaluation: the point.
        kind: "hessian" or "gauss_newton".
        known: V, once it was summed up.
    """

    evaluation: "StreamEvaluation"
    kind: str
    known: dict[str, Array] = field(default_factory=dict)

    @property
    def form(self) -> "StreamForm":
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
        """Entries of D and U are products of at most four residuals, targets and their like, and of w^2.

        Before the last pass no bound on residuals is known. Then nothing is read to find one: where an entry
        overflows, the first result is an error.
        """
        if not self.evaluation.complete:
            return True
        largest = max(1.0, self.form.largest, abs(self.evaluation.value.value))
        squares = max(1.0, self.form.source.squares)
        with np.errstate(over="ignore"):
            size = 4 * np.log(largest) + 2 * np.log(self.form.entries) + np.log(squares)
        return bool(size < np.log(np.finfo(self.form.dtype).max))

    @cached_property
    def core(self) -> Array:
        """C, shape (..., r, r), in float64."""
        totals, lead = self.evaluation.totals, self.evaluation.x.shape[:-1]
        cores = [getattr(t.kernel, f"{self.kind}_core")(t.m.astype(float), t.exact()) for t in totals]
        r, start = sum(core.shape[-1] for core in cores), 0
        C = np.zeros((*lead, r, r))
        for core, factor in zip(cores, self.evaluation.scales[1], strict=True):
            stop = start + core.shape[-1]
            C[..., start:stop, start:stop] = factor[..., None, None] * core
            start = stop
        return C

    def _weights(self, totals: tuple[Totals, ...]) -> list[Array]:
        """The weights of all Q_i, in float64, shapes (..., 1)."""
        found = []
        for total, factor in zip(totals, self.evaluation.scales[1], strict=True):
            weights = getattr(total.kernel, f"{self.kind}_weights")(total.m.astype(float), total.exact())
            found += [factor[..., None] * weight for weight in weights]
        return found

    def _read(self, visit: Callable[[Block, list[Array], list[Array]], None], formed: bool, apart: bool) -> list[Array]:
        """One read, `visit(block, pieces of D, U)` at each block; returns the weights of the pieces.

        Args:
            visit: sums something up.
            formed: see `RowSource.blocks`.
            apart: whether the pieces may come before their weights are known; else D is the only one.
        """
        evaluation = self.evaluation
        if not apart:
            _ = evaluation.totals
        weights = self._weights(evaluation.totals) if evaluation.complete else None
        sums: list[Sum] = []

        def see(block: Block, z: Array, data: list[Array], totals: tuple[Totals, ...]) -> None:
            Q, U = self._pieces(z, data, totals)
            visit(block, Q if weights is None else [_weighted(weights, Q)], U)
            if "V" not in self.known:
                sums.extend(Sum() for _ in U[len(sums) :])
                for total, column in zip(sums, U, strict=True):
                    total.add(block.adjoint(column))

        evaluation.read(see, formed)
        if "V" not in self.known:
            empty = np.zeros((*self.form.x_shape[:-1], 0, self.form.x_shape[-1]))
            self.known["V"] = np.stack([total.value for total in sums], axis=-2) if sums else empty
        return self._weights(evaluation.totals) if weights is None else [np.ones((1,))]

    def _pieces(self, z: Array, data: list[Array], totals: tuple[Totals, ...]) -> tuple[list[Array], list[Array]]:
        """All Q_i and U_i of a block, of z's shape."""
        Q, U = [], []
        for total, rows in zip(totals, data, strict=True):
            terms, columns = getattr(total.kernel, f"{self.kind}_rows")(z, rows, total.m, total.earlier)
            Q += [np.broadcast_to(term, z.shape) for term in terms]
            U += columns
        return Q, U

    def _linear(self, part: Callable[[Block, Array], Array], formed: bool = False) -> Array:
        """The sum over blocks of what is linear in D, part(block, D), of x's shape."""
        sums: list[Sum] = []

        def visit(block: Block, pieces: list[Array], U: list[Array]) -> None:
            sums.extend(Sum() for _ in pieces[len(sums) :])
            for total, D in zip(sums, pieces, strict=True):
                total.add(part(block, D))

        weights = self._read(visit, formed, apart=True)
        with np.errstate(all="ignore"):
            return _weighted(weights, [total.value for total in sums])

    def split(self) -> tuple[Array, Array, Array]:
        """(D, V, C) of A^T diag(D) A + V^T C V, shapes (..., n), (..., r, d) and (..., r, r)."""
        diagonal = np.empty(self.form.target.shape)

        def visit(block: Block, pieces: list[Array], U: list[Array]) -> None:
            diagonal[..., block.rows] = pieces[0]

        self._read(visit, formed=False, apart=False)
        return diagonal, self.known["V"], self.core

    def apply(self, v: Array) -> Array:
        """The product with v, of x's shape."""
        v = np.asarray(v, dtype=self.form.dtype)
        product = self._linear(lambda block, D: block.adjoint(D * block.forward(v)))
        V = self.known["V"]
        with np.errstate(over="ignore", invalid="ignore"):
            coefficients = self.core @ (V @ v[..., None].astype(float))
            return (product + (coefficients * V).sum(axis=-2)).astype(self.form.dtype)

    def blocks(self) -> Array:
        """Shape (k, d, d)."""
        k, d = self.form.problems, self.form.x_shape[-1]
        grams: list[GramSum] = []

        def visit(block: Block, pieces: list[Array], U: list[Array]) -> None:
            if not grams:
                grams.append(GramSum(k * len(pieces), d, self.form.dtype))
            block.add_gram(np.concatenate([D.reshape(k, -1) for D in pieces]), grams[0])

        weights = self._read(visit, formed=True, apart=d <= NARROW)
        V = self.known["V"]
        with np.errstate(over="ignore", invalid="ignore"):
            weights = [np.broadcast_to(weight, (*V.shape[:-2], 1)).reshape(k, 1, 1) for weight in weights]
            diagonal = _weighted(weights, list(grams[0].value.reshape(-1, k, d, d)))
            low_rank = np.swapaxes(V, -1, -2) @ self.core @ V
            low_rank = (0.5 * (low_rank + np.swapaxes(low_rank, -1, -2))).reshape(k, d, d)
            return (diagonal + low_rank).astype(self.form.dtype)

    def diagonal(self) -> Array:
        """The diagonal, of x's shape."""
        squares = self._linear(lambda block, D: block.squares(D), formed=True)
        V = self.known["V"]
        with np.errstate(over="ignore", invalid="ignore"):
            return (squares + ((self.core @ V) * V).sum(axis=-2)).astype(self.form.dtype)

    def eigenvalue_bounds(self) -> tuple[float, float]:
        """By Weyl: the range of D plus that of U C U^T, whose eigenvalues are those of C U^T U."""
        grams, low, high = Sum(), np.inf, -np.inf

        def visit(block: Block, pieces: list[Array], U: list[Array]) -> None:
            nonlocal low, high
            low, high = min(low, float(pieces[0].min())), max(high, float(pieces[0].max()))
            if U:
                stack = np.stack(U, axis=-2)
                grams.add(stack @ np.swapaxes(stack, -1, -2))

        self._read(visit, formed=False, apart=False)
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

        def visit(block: Block, pieces: list[Array], U: list[Array]) -> None:
            nonlocal largest, low_rank
            largest = max(largest, float(np.abs(pieces[0]).max()))
            if U:
                sizes = np.abs(np.stack(U, axis=-2))
                low_rank = max(low_rank, float(((C @ sizes) * sizes).sum(axis=-2).max()))

        self._read(visit, formed=False, apart=False)
        return largest + low_rank


def _weighted(weights: list[Array], parts: list[Array]) -> Array:
    """The weighted sum, in the parts' dtype; one part of weight 1 as it is."""
    if len(parts) == 1 and np.all(weights[0] == 1.0):
        return parts[0]
    return np.asarray(sum(weight.astype(part.dtype) * part for weight, part in zip(weights, parts, strict=True)))
