"""z = A x with one group of totals: value, gradient and second derivative of a dense A.

Value and gradient read A twice, which is the least for losses with a normalizer: the first row of the gradient
needs the last entry of z. Losses whose rows need no total, the plain ones, read A once, in row blocks.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from numeric.forms import groups
from numeric.forms.domain import check_domain
from numeric.forms.form import Scaled, ScaledValue
from numeric.forms.gram import NARROW, WeightedGram
from numeric.forms.groups import Entries, largest_finite, small_entry, work_arrays
from numeric.kernels import Array, Kernel, largest_size, quiet
from numeric.structure import (
    congruent_bounds,
    eigenvalue_bounds,
    low_rank_diagonal,
    low_rank_product,
    size_of_terms,
    squared_singular_bounds,
)

BLOCK_ENTRIES = 1 << 17
"""Entries of A in a block that is read once and used twice or more: 1 MiB of float64."""


@dataclass(frozen=True, eq=False)
class VectorForm:
    """One A with a target, or with k targets, which make k independent problems.

    Attributes:
        A: shape (n, d).
        target: b, shape (n,) or (k, n).
        weights: w, shape (n,), or None without regularizer.
    """

    A: Array
    target: Array
    weights: Array | None = None

    @property
    def x_shape(self) -> tuple[int, ...]:
        """(d,) or (k, d)."""
        return *self.target.shape[:-1], self.A.shape[1]

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        n, d = self.A.shape
        return n, d

    @property
    def factors(self) -> tuple[Array, ...]:
        """(A,)."""
        return (self.A,)

    @property
    def regularized(self) -> bool:
        """Whether there are weights."""
        return self.weights is not None

    @property
    def masked(self) -> bool:
        """False: rows that are not wanted can be left out of A."""
        return False

    @property
    def entries(self) -> int:
        """The number of entries of z."""
        return self.target.size

    @property
    def blocks(self) -> list[slice]:
        """Row blocks of A."""
        n, d = self.A.shape
        step = max(1, BLOCK_ENTRIES // d)
        return [slice(start, start + step) for start in range(0, n, step)]

    @cached_property
    def squares(self) -> Array | None:
        """w^2."""
        return None if self.weights is None else self.weights**2

    @cached_property
    def longest_row(self) -> float:
        """The largest norm of A's rows."""
        return float(np.sqrt(np.vecdot(self.A, self.A).max()))

    @cached_property
    def largest_target(self) -> float:
        """max |b|."""
        return largest_size(self.target)

    @cached_property
    def squared_target(self) -> float:
        """The sum of b^2."""
        return float(np.vdot(self.target, self.target))

    def rebuilt(self, *factors: Array) -> "VectorForm":
        """The same prompt with another A, target and weights in its dtype."""
        (A,) = factors
        weights = None if self.weights is None else self.weights.astype(A.dtype, copy=False)
        return replace(self, A=A, target=self.target.astype(A.dtype, copy=False), weights=weights)

    def forward(self, x: Array) -> Array:
        """A x, for each row of x."""
        return x @ self.A.T

    @quiet
    def largest_entry(self, x: Array) -> float:
        """max |z|."""
        return largest_size(self.forward(x))

    def evaluate(self, loss: Kernel, x: Array) -> "VectorEvaluation":
        """The form at x; nothing is computed yet."""
        return VectorEvaluation(self, loss, x)


@dataclass(frozen=True, eq=False)
class VectorEvaluation:
    """A vector form at one x.

    Attributes:
        form: the form.
        loss: the kernel.
        x: the point, of shape (d,) or (k, d).
    """

    form: VectorForm
    loss: Kernel
    x: Array

    @cached_property
    def small(self) -> bool:
        """Whether all entries are small, by Cauchy and Schwarz."""
        longest = np.sqrt(np.vecdot(self.x, self.x).max())
        return bool(longest * self.form.longest_row <= small_entry(self.x.dtype))

    def _entries(self, function: str) -> Entries:
        form, z = self.form, self.form.forward(self.x)
        work = [np.empty_like(z) for _ in range(work_arrays(self.loss, function, form.regularized))]
        return Entries(z, form.target, form.squares, None, self.small, work)

    @cached_property
    @quiet
    def value(self) -> ScaledValue:
        """The value, in one read of A; raises as `first_order`."""
        return self._summed(*groups.value(self.loss, self._entries("value")))[0]

    @cached_property
    @quiet
    def first_order(self) -> Scaled:
        """Value and gradient.

        Raises:
            OutsideDomain: a total that must not vanish does.
        """
        form = self.form
        if self.loss.PASSES == 1 and self.loss.DEGREE is None and len(form.blocks) > 1:
            return self._in_one_read()
        value, g, scales = groups.value_and_gradient(self.loss, self._entries("value_and_gradient"))
        total, factors = self._summed(value, scales)
        gradient = g @ form.A
        if factors is not None:
            gradient *= factors[:, None]
        return Scaled(total.value, gradient, total.log_scale)

    def _summed(self, value: Array, scales: Array) -> tuple[ScaledValue, Array | None]:
        """The sum of the problems' values on the largest scale, and their factors to come to it, None for one problem.

        Raises:
            OutsideDomain: a total that must not vanish does.
        """
        if self.loss.NONZERO and np.isnan(value).any():
            self._check_domain()
        scale = largest_finite(scales) if self.loss.DEGREE else 0.0
        factors = np.exp(scales - scale) if self.loss.DEGREE and scales.ndim else None
        total = value if factors is None else value * factors
        return ScaledValue(float(np.sum(total, dtype=float)), scale), factors

    @quiet
    def _in_one_read(self) -> Scaled:
        """Value and gradient where no row of the gradient needs a total: totals enter as weights of A^T P_i."""
        loss, form, penalty = self.loss, self.form, 0.0
        m, totals = np.zeros((*self.x.shape[:-1], 1), self.x.dtype), dict[str, Array]()
        products: list[Array] = []
        for rows in form.blocks:
            A, b = form.A[rows], form.target[..., rows]
            z = self.x @ A.T
            for name, total in loss.block_totals(1, z, b, m, {}).items():
                totals[name] = totals[name] + total if name in totals else total
            parts = [P @ A for P in loss.gradient_rows(z, b, m, {})]
            if form.squares is not None:
                slope = form.squares[rows] * z
                penalty += float(np.sum(np.vecdot(slope, z))) / 2
                parts.append(slope @ A)
            products = [old + new for old, new in zip(products, parts, strict=True)] if products else parts
        weights = [*loss.gradient_weights(m, totals), 1]
        gradient = sum(weight * product for weight, product in zip(weights, products, strict=False))
        value, _ = loss.value_of(m, totals)
        return Scaled(float(np.sum(value, dtype=float)) + penalty, np.asarray(gradient, form.A.dtype), 0.0)

    def second_order(self, kind: str) -> "VectorHessian":
        """The "hessian" or "gauss_newton"; raises as `first_order`."""
        known = vars(self).keys() & {"value", "first_order"}
        if self.loss.NONZERO and not known:
            self._check_domain()
        # The scale is that of the value; it need not be looked for where no entry is shifted.
        shifted = self.loss.DEGREE and not self.small
        return VectorHessian(self, kind, self._log_scale if shifted else 0.0)

    @property
    def _log_scale(self) -> float:
        return (self.first_order if "first_order" in vars(self) else self.value).log_scale

    def _check_domain(self) -> None:
        check_domain(self.loss, self._domain_totals())

    @property
    def smallest_total(self) -> float:
        """The smallest share that a total which must not vanish is of the sum of its absolute terms."""
        return float(min((np.abs(ratio).min() for ratio in self._domain_totals().values()), default=1.0))

    @quiet
    def _domain_totals(self) -> dict[str, Array]:
        return self.loss.domain_totals(self.form.forward(self.x), small=self.small)

    @quiet
    def product(self, kind: str, log_scale: float, v: Array) -> Array:
        """The second derivative times v, of x's shape, without the factor exp(log_scale); two reads of A."""
        form = self.form
        entries, dz = self._entries(f"{kind}_product"), form.forward(v)
        r, scales = groups.product(self.loss, kind, entries, dz)
        along = r @ form.A
        return along * np.exp(scales - scales.dtype.type(log_scale))[..., None] if self.loss.DEGREE else along

    @quiet
    def pieces(self, kind: str, log_scale: float) -> tuple[Array, tuple[Array, ...], Array]:
        """D, U and C of each problem, without the factor exp(log_scale)."""
        D, U, C, scales = groups.second_derivative(self.loss, kind, self._entries(kind))
        if self.loss.DEGREE:
            factors = np.exp(scales - scales.dtype.type(log_scale))
            D, C = D * factors[..., None], C * factors[..., None, None]
        return D, U, C

    @quiet
    def predict(self) -> Array:
        """The model of b; raises as `first_order`."""
        if self.loss.NONZERO:
            _ = self.value
        z, *_, work = self._entries("prediction")
        return self.loss.prediction(z, small=self.small, work=work, overwrite=True)


@dataclass(frozen=True, eq=False)
class VectorHessian:
    """exp(log_scale) A^T (diag(D) + U C U^T) A for each of k problems.

    Attributes:
        evaluation: the form at the point.
        kind: "hessian" or "gauss_newton".
        log_scale: of all results.
        asked: what has been asked for. A first product is made at once; D, U and A^T U are kept from the second on.
    """

    evaluation: VectorEvaluation
    kind: str
    log_scale: float
    asked: set[str] = field(default_factory=set)

    @cached_property
    def _pieces(self) -> tuple[Array, tuple[Array, ...], Array]:
        self.asked.add("pieces")
        return self.evaluation.pieces(self.kind, self.log_scale)

    @cached_property
    def _projected(self) -> Array:
        """V = A^T U, shape (..., r, d); one read of A, as a block stays in the cache for all U_i."""
        D, U, _ = self._pieces
        form = self.evaluation.form
        V = np.zeros((*D.shape[:-1], len(U), form.A.shape[1]), D.dtype)
        for rows in form.blocks if U else ():
            A = form.A[rows]
            for i, u in enumerate(U):
                V[..., i, :] += u[..., rows] @ A
        return V

    @property
    def rank(self) -> int:
        """Of U in each group."""
        return len(self._pieces[1])

    @property
    def surely_finite(self) -> bool:
        """Whether every z is small, or scaled to at most 1, and b of moderate size; else whether D is finite."""
        form, loss = self.evaluation.form, self.evaluation.loss
        bounded = loss.DEGREE is not None or self.evaluation.small
        moderate = form.shape[0] * form.largest_target <= np.finfo(form.target.dtype).max ** 0.25
        return (bounded and moderate) or bool(np.all(np.isfinite(self._pieces[0])))

    def apply(self, v: Array) -> Array:
        """The product with v, of x's shape; one read of A, two for the first."""
        if not self.asked:
            self.asked.add("product")
            return self.evaluation.product(self.kind, self.log_scale, v)
        D, _, C = self._pieces
        form = self.evaluation.form
        product = low_rank_product(self._projected, C, v) if self.rank else np.zeros_like(form.A, shape=v.shape)
        for rows in form.blocks:
            A = form.A[rows]
            z = v @ A.T
            z *= D[..., rows]
            product += z @ A
        return product

    def diagonal(self) -> Array:
        """The diagonal, of x's shape."""
        D, _, C = self._pieces
        form, diagonal = self.evaluation.form, low_rank_diagonal(self._projected, C)
        for rows in form.blocks:
            diagonal += D[..., rows] @ form.A[rows] ** 2
        return diagonal

    def blocks(self) -> Array:
        """A^T (diag(D) + U C U^T) A for each problem, shape (k, d, d); one read of A for each."""
        D, U, C = self._pieces
        if D.ndim == 1:
            return self._block(D, U, C)[None]
        if self.evaluation.form.A.shape[1] > NARROW:
            return np.stack([self._block(D[k], tuple(u[k] for u in U), C[k]) for k in range(len(D))])
        return self._narrow_blocks(D, C)

    def _narrow_blocks(self, D: Array, C: Array) -> Array:
        """The matrices of all problems at once, for few columns: calls would take longer than the products."""
        form, V = self.evaluation.form, self._projected
        grams, d = np.swapaxes(V, -1, -2) @ (C @ V), V.shape[-1]
        for rows in form.blocks:
            A = form.A[rows]
            # All rows of the left factors in one product.
            scaled = np.ascontiguousarray(A.T) * D[:, None, rows]
            grams += (scaled.reshape(-1, len(A)) @ A).reshape(-1, d, d)
        return (grams + np.swapaxes(grams, -1, -2)) / 2

    def _block(self, D: Array, U: tuple[Array, ...], C: Array) -> Array:
        """The matrix of one problem: V = A^T U while a block is in the cache for the Gram matrix."""
        form = self.evaluation.form
        gram, V = WeightedGram(form.A.shape[1], D.dtype), np.zeros((len(U), form.A.shape[1]), D.dtype)
        for rows in form.blocks:
            A = form.A[rows]
            for i, u in enumerate(U):
                V[i] += u[rows] @ A
            gram.add(A, D[rows])
        low_rank = V.T @ C @ V
        return gram.matrix() + (low_rank + low_rank.T) / 2

    def eigenvalue_bounds(self) -> tuple[float, float]:
        """An inclusion of the eigenvalues, from those in z and the singular values of A."""
        return congruent_bounds(eigenvalue_bounds(*self._pieces), squared_singular_bounds(self.evaluation.form.A))

    def terms(self) -> float:
        """The size of the pieces in z."""
        return size_of_terms(*self._pieces)
