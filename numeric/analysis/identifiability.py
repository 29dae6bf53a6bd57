"""What the data determine of x: the directions along which neither predictions nor loss change, and their complement.

Z = A1 X A2^T (or z = A x) is linear in X. Two X cannot be told apart where all that the loss sees of their Z is the
same: all kept entries; or, where the loss is invariant under shifts of a row and no weight pins an entry of it
(softmax, source page section 1.3: B 1 = 0), their differences within the row. A row that keeps a single entry is not
seen at all by a normalized loss. The set of the X that are like a given one is then an affine space; its dimension is
the number of unknowns minus a rank.

Not counted is what depends on the point: predictions of a rescaled loss ignore shifts of a row too, but its value does
not (e^s times the residual), unless the residual is zero.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from itertools import chain, islice
from typing import cast

import numpy as np

from numeric import kernels
from numeric.analysis.nullspace import CUTOFF, EPS, LARGEST_CORE, Kernel, View, column_norms, common_kernel
from numeric.forms.form import DenseForm, Form
from numeric.forms.matrix import MatrixForm
from numeric.forms.stream import StreamForm
from numeric.forms.vector import VectorForm
from numeric.kernels import Array
from numeric.problems import Regression
from numeric.rows import largest_entry
from numeric.triangle import LARGEST_TRIANGLE, triangle
from numeric.validation import InputError, OutsideDomain, check_shape, real_array
from numeric.whitening import WhitenedRegression, whiten

LARGEST_BASIS = 1 << 24
"""Entries of a basis that is formed unasked, 128 MiB."""
LARGEST_LOCAL = 1024
"""Whitened unknowns up to which the predictions' Jacobian at a random point is looked at."""
DOUBTFUL = 1e3
"""A singular value that is not this much larger than its cutoff makes a rank doubtful."""
SEED, PROBES = 20230513, 5
"""Of the random points at which symmetries are tested; analytic functions that agree there agree everywhere, with
probability one."""
AGREEMENT = 1e-12
"""Relative difference of numbers that are equal but for rounding, at entries of order 1."""


@dataclass(frozen=True, eq=False, repr=False)
class Identifiability:
    """The X that make the same predictions and the same loss as a given one: an affine space, for each X the same.

    Attributes:
        unknowns: entries of x.
        rank: how many of them (as linear combinations) the data determine, None where that is not known.
        bounds: low <= rank <= high.
        shift_invariant: whether the loss ignores a shift of a row of Z (with a mask: of its kept entries).
        symmetric: whether -x always makes the same predictions and the same loss as x.
        margin: the smallest singular value that counts as nonzero, over the largest that would count as a rounding
            error; below 1000 the rank is in doubt, and `reasons` says so.
        reasons: sentences that say where the numbers come from.
    """

    unknowns: int
    rank: int | None
    bounds: tuple[int, int]
    shift_invariant: bool
    symmetric: bool
    margin: float
    reasons: tuple[str, ...]
    _kernel: Kernel | None
    _whitened: WhitenedRegression
    _copies: int = field(default=1)

    @property
    def dimension(self) -> int | None:
        """unknowns - rank: the dimension of the space of X that cannot be told apart; None where not known."""
        return None if self.rank is None else self.unknowns - self.rank

    @property
    def unique(self) -> bool | None:
        """Whether X is determined by its predictions, but perhaps for the sign and for curves (see `curved`)."""
        return None if self.dimension is None else self.dimension == 0

    @cached_property
    def curved(self) -> int | None:
        """Further dimensions of the set of X with equal predictions, on which X moves along curves.

        Normalized losses see of each row of Z only phi(Z) up to a factor. For exp the X of equal predictions lie on
        straight lines, which `dimension` counts. For cosh and sinh, and where A2 has nearly as many independent
        columns as a row keeps entries, they may lie on curves; these are counted by the rank of the Jacobian at a
        random X, where it is largest. None where that is not computed (more than 1024 unknowns after whitening) or
        not clear. At special X there may be more.
        """
        if self.shift_invariant or self._whitened.loss.DEGREE != 0:
            return 0
        size = int(np.prod(self._whitened.x_shape))
        if self.rank is None or size > LARGEST_LOCAL:
            return None
        local = _local_rank(self._whitened)
        return None if local is None else self.rank - local

    @property
    def located(self) -> bool:
        """Whether the free directions are known, so that `minimum_norm` and `basis` have an answer."""
        return self._kernel is not None and self._kernel.products is not None

    def minimum_norm(self, x: Array) -> Array:
        """The X of least Frobenius norm among those that cannot be told apart from x: its part orthogonal to `basis`.

        Args:
            x: of the problem's shape.

        Raises:
            InputError: x has another shape or is not finite, or the space is not known (see `reasons`).
        """
        kernel, array = self._known(), real_array("x", x, (1, 2)).astype(float)
        check_shape("x", array, self._whitened.original.x_shape, "the problem")
        V1, V2 = self._row_spaces
        X = array.reshape(self._copies, -1, len(V2))
        inside = V1 @ (V1.T @ X @ V2) @ V2.T
        result = inside
        for N, W in kernel.products or ():
            result = result - N @ (N.T @ inside @ W) @ W.T
        for direction in kernel.core:
            result = result - np.vdot(direction, inside) * direction
        return result.reshape(array.shape)

    def basis(self, count: int | None = None) -> Array:
        """Orthonormal directions along which nothing changes, shape (count, *x.shape).

        Args:
            count: how many of them, None for all.

        Raises:
            InputError: all of them are more than 2^24 numbers, there are fewer than count, or they are not known.
        """
        self._known()
        dimension = self.unknowns - (self.rank or 0)
        if count is None and dimension * self.unknowns > LARGEST_BASIS:
            raise InputError(
                f"basis: all {dimension} directions have {dimension * self.unknowns:.3g} entries; pass count for the "
                "first ones, or use minimum_norm(x), which projects without forming them"
            )
        if count is not None and not 0 <= count <= dimension:
            raise InputError(f"count: got {count}; there are {dimension} directions, ask for 0 to {dimension}")
        shape = self._whitened.original.x_shape
        directions = list(islice(self._directions(), dimension if count is None else count))
        return np.array(directions).reshape(len(directions), *shape)

    @cached_property
    def _row_spaces(self) -> tuple[Array, Array]:
        """Orthonormal bases (columns) of the row spaces of the stacked A1 (or the number 1) and A2."""
        left, right = (_Side.of(self._whitened, side).row_space for side in (0, 1))
        return left, right

    def _directions(self) -> Iterator[Array]:
        """The basis one by one: within the row spaces, then beside that of A1, then beside that of A2."""
        (V1, V2), kernel = self._row_spaces, self._known()
        pieces = [*(kernel.products or ()), (_beside(V1), V2), (np.eye(len(V1)), _beside(V2))]
        for copy in range(self._copies):
            for X in chain(_products(pieces), kernel.core):
                whole = np.zeros((self._copies, *X.shape))
                whole[copy] = X
                yield whole

    def _known(self) -> Kernel:
        if self._kernel is None or self._kernel.products is None:
            raise InputError(f"the directions that nothing depends on are not known: {' '.join(self.reasons)}")
        return self._kernel

    def __repr__(self) -> str:
        low, high = self.bounds
        rank = f"{self.rank} determined" if self.rank is not None else f"{low} to {high} determined"
        free = "" if self.dimension is None else f", {self.dimension} free"
        mirror = ", and x and -x do alike" if self.symmetric else ""
        return "\n".join(
            [f"Identifiability: {self.unknowns} unknowns, {rank}{free}{mirror}", *(f"  {s}" for s in self.reasons)]
        )


def identifiability(problem: Regression, whitened: WhitenedRegression | None = None) -> Identifiability:
    """What the data of a problem determine; see `Identifiability`.

    Ranks are numerical, as `solve` decides them: singular values of a factor count down to its largest one times its
    larger dimension times machine epsilon. Where prompts, masks or weights make several views of X, the rank of the
    whole is found by exact reductions to ranks of factors (`numeric.analysis.nullspace`), never from a squared matrix.

    Args:
        problem: in vector or in matrix form.
        whitened: `whiten(problem)`, where that is at hand.
    """
    whitened = whiten(problem) if whitened is None else whitened
    symmetric, shifts = _is_symmetric(cast(Hashable, problem.loss)), _has_free_shifts(problem)
    unknowns = int(np.prod(problem.x_shape))
    if not isinstance(whitened.right.to_original, np.ndarray):  # sparse: columns were scaled, and nothing factored
        reason = f"A is read in row blocks and has more than {LARGEST_TRIANGLE} columns: its rank is not computed."
        bounds = 0, min(unknowns, problem.forms[0].entries)
        return Identifiability(unknowns, None, bounds, shifts, symmetric, 0.0, (reason,), None, whitened)
    sides = [_Side.of(whitened, side) for side in (0, 1)]
    views = _views(whitened) if all(side.P.size for side in sides) else []
    kernel = common_kernel(views, sides[0].P, sides[1].P, (sides[0].condition, sides[1].condition))
    copies = unknowns // (len(sides[0].P) * len(sides[1].P))
    rank = None if kernel.rank is None else copies * kernel.rank
    low, high = kernel.bounds
    margin = min(kernel.margin, *(side.margin for side in sides))
    reasons = tuple(_reasons(whitened, views, sides, kernel, shifts, margin))
    bounds = copies * low, copies * high
    return Identifiability(unknowns, rank, bounds, shifts, symmetric, margin, reasons, kernel, whitened, copies)


def is_determined(whitened: WhitenedRegression) -> bool:
    """Whether one look tells that the data determine x, so that `identifiability` would find the dimension 0.

    That is so for one prompt without a mask, whose maps have full rank in the variables in which `whiten` made them
    orthonormal: centred where a shift of a row changes nothing.

    Args:
        whitened: of a problem in memory, or of a stream.
    """
    if len(whitened.forms) > 1 or not whitened.full_rank:
        return False
    original, loss = whitened.original.forms[0], whitened.loss
    if isinstance(original, StreamForm) or original.masked or cast(DenseForm, original).target.shape[-1] == 1:
        return False
    return not (loss.SHIFT_INVARIANT and original.regularized and bool(_free_rows(original).any()))


@dataclass(frozen=True, eq=False)
class _Side:
    """One factor of the maps, A1 or A2 (in vector form the number 1, or A), stacked over prompts.

    Attributes:
        P: the change of variables, shape (d, r); its columns are orthogonal, or it has full rank d.
        condition: the size of the factor before centring, over its smallest singular value after it.
        margin: of the rank.
    """

    P: Array
    condition: float
    margin: float

    @classmethod
    def of(cls, whitened: WhitenedRegression, side: int) -> "_Side":
        """Side 0 is A1, 1 is A2 or A."""
        factor, forms = (whitened.left, whitened.right)[side], whitened.original.forms
        if factor is None:
            return cls(np.ones((1, 1)), 1.0, np.inf)
        P = factor.to_original[:, np.any(factor.to_original, axis=0)]
        rows = sum(form.shape[side] if whitened.left is not None else form.shape[0] for form in forms)
        if not P.size:
            return cls(P, 1.0, np.inf)
        norms = np.linalg.svd(P, compute_uv=False) if factor.triangular else column_norms(P)
        sizes = [_size(form, side) for form in forms]
        # The size before centring where that is a float, else the largest singular value after it.
        size = float(np.linalg.norm(np.array(sizes) * norms.max()))
        condition = max(float(norms.max() / norms.min()), size if np.isfinite(size) else 1.0)
        return cls(P, condition, 1.0 / (max(rows, len(P)) * EPS * condition))

    @property
    def row_space(self) -> Array:
        """An orthonormal basis of the factor's row space, as columns."""
        d, r = self.P.shape
        return np.eye(d) if d == r else self.P / column_norms(self.P)


def _size(form: Form, side: int) -> float:
    """The Frobenius norm of a factor, infinite for a stream whose squares overflow."""
    if isinstance(form, StreamForm):
        return float(np.sqrt(form.source.squares))
    factor = cast(DenseForm, form).factors[-1 if side else 0].astype(float)
    largest = float(np.abs(factor).max())
    return largest * float(np.linalg.norm(factor / largest)) if largest > 0.0 else 0.0


def _views(whitened: WhitenedRegression) -> list[View]:
    """The views of all prompts: rows that keep the same columns, and are free to be shifted alike."""
    loss, views = whitened.loss, []
    for original, form in zip(whitened.original.forms, whitened.forms, strict=True):
        if isinstance(original, MatrixForm):
            views += _matrix_views(loss, original, cast(MatrixForm, form))
        elif original.shape[0] > 1 or not _is_blind(loss, _only_target(original), _free_rows(original)).all():
            views.append(_vector_view(whitened, form))
    return views


def _matrix_views(loss: kernels.Kernel, original: MatrixForm, form: MatrixForm) -> list[View]:
    A1, A2 = form.factors
    mask = np.ones(original.target.shape, bool) if original.mask is None else original.mask
    free = _free_rows(original)
    blind = mask.sum(axis=1) == 1
    if blind.any():
        first = mask.argmax(axis=1)[:, None]
        blind &= _is_blind(loss, np.take_along_axis(original.target, first, axis=1), free)
    centred = (free & loss.SHIFT_INVARIANT).tolist()
    patterns = [b""] * len(mask) if original.mask is None else [row.tobytes() for row in mask]
    groups: dict[tuple[bytes, bool], list[int]] = {}
    for row in np.flatnonzero(~blind).tolist():
        groups.setdefault((patterns[row], centred[row]), []).append(row)
    views = []
    for (_, shifted), rows in groups.items():
        kept = np.flatnonzero(mask[rows[0]])
        views.append(View(A1[rows], partial(np.take, A2, kept, axis=0), len(kept), shifted))
    return views


def _vector_view(whitened: WhitenedRegression, form: Form) -> View:
    """The one view of a vector form: its whitened map has orthonormal columns, unless it is to be centred yet."""
    original, d = whitened.original.forms[0], form.x_shape[-1]
    one, centred = np.ones((1, 1)), whitened.loss.SHIFT_INVARIANT and bool(_free_rows(original).all())
    if not centred or not original.regularized:
        return View(one, partial(np.eye, d), d, False)
    if isinstance(form, StreamForm):
        R = triangle(form.source.blocks(np.dtype(float), d), d, True).R
        return View(one, lambda: R, len(R), False)
    (A,) = cast(DenseForm, form).factors
    return View(one, lambda: A, len(A), True)


def _free_rows(form: Form) -> Array:
    """Which rows (of a vector form: the one group) have no weight on a kept entry."""
    if isinstance(form, MatrixForm):
        return np.ones(len(form.target), bool) if form.squares is None else np.asarray(~form.squares.any(axis=1))
    if isinstance(form, StreamForm):
        return np.array([form.weights is None or largest_entry("w", form.weights) == 0.0])
    squares = cast(VectorForm, form).squares
    return np.array([squares is None or not squares.any()])


def _only_target(form: Form) -> Array:
    """The target of a vector form with a single row, shape (k, 1)."""
    return np.asarray(cast(VectorForm | StreamForm, form).target).reshape(-1, 1)


def _is_blind(loss: kernels.Kernel, b: Array, free: Array) -> Array:
    """Whether a loss of one entry with target b (shape (rows, 1)) depends on the entry, tried at a few values."""
    b = np.asarray(b, dtype=float)
    slopes = [np.abs(loss.value_and_gradient(np.full_like(b, z), b)[1]) for z in (-1.7, -0.4, 0.6, 1.3)]
    blind: Array = np.max(slopes, axis=(0, -1)) <= AGREEMENT
    return np.asarray(blind & free)


def _has_free_shifts(problem: Regression) -> bool:
    return problem.loss.SHIFT_INVARIANT and any(bool(_free_rows(form).any()) for form in problem.forms)


@lru_cache
def _is_symmetric(kernel: Hashable) -> bool:
    """Whether value and prediction are even in z, tried at random points; regularizers are."""
    loss, generator = cast(kernels.Kernel, kernel), np.random.default_rng(SEED)
    z, b = generator.normal(size=(PROBES, 7)), generator.dirichlet(np.ones(7), PROBES)
    functions: list[Callable[[Array], tuple[Array, ...]]] = [lambda z: loss.value(z, b)]
    if hasattr(loss, "prediction"):
        functions.append(lambda z: (loss.prediction(z),))
    pairs = [(new, old) for f in functions for new, old in zip(f(-z), f(z), strict=True)]
    return all(np.allclose(new, old, rtol=AGREEMENT, atol=AGREEMENT) for new, old in pairs)


def _local_rank(whitened: WhitenedRegression) -> int | None:
    """The rank of the residuals' Jacobian at a random point, None where the singular values show no gap."""
    y = np.random.default_rng(SEED).normal(size=whitened.x_shape)
    y *= np.sqrt(sum(form.entries for form in whitened.forms)) / np.linalg.norm(y)
    try:
        eigenvalues = np.linalg.eigvalsh(whitened.gauss_newton(y, scaled=True).blocks())
    except OutsideDomain:
        return None
    cutoff = CUTOFF * EPS * eigenvalues.size * float(eigenvalues.max())
    if np.any((eigenvalues > cutoff) & (eigenvalues < DOUBTFUL * cutoff)):
        return None
    return int(np.count_nonzero(eigenvalues > cutoff))


def _products(pieces: Iterable[tuple[Array, Array]]) -> Iterator[Array]:
    """The matrices N_i W_j^T of each piece (N, W), column by column."""
    for N, W in pieces:
        for left in N.T:
            for right in W.T:
                yield np.outer(left, right)


def _beside(V: Array) -> Array:
    """An orthonormal basis (columns) of what is orthogonal to the columns of V."""
    return np.linalg.qr(V, mode="complete")[0][:, V.shape[1] :]


def _reasons(
    whitened: WhitenedRegression, views: list[View], sides: list[_Side], kernel: Kernel, shifts: bool, margin: float
) -> Iterator[str]:
    """The sentences of `Identifiability.reasons`."""
    (d1, r1), (d2, r2) = (side.P.shape for side in sides)
    centred = " without the mean of its rows" if shifts else ""
    if whitened.left is None:
        yield f"Predictions depend on A x, and A{centred} has rank {kernel.bounds[0]} of {d2}."
    else:
        yield f"Predictions depend on A1 X A2^T; A1 has rank {r1} of {d1}, and A2{centred} rank {r2} of {d2}."
    if shifts:
        yield "The loss ignores a shift of all kept entries of a row without weights."
    if len(views) > 1:
        yield f"There are {len(views)} different views of X (by prompts, masks or weights), taken together."
    if kernel.rank is None:
        yield f"More than {LARGEST_CORE} unknowns are left in which these views interlock: only bounds are known."
    elif kernel.products is None:
        yield "The rank is a sum over independent rows; the directions themselves are not computed."
    if margin < DOUBTFUL:
        yield f"The rank is in doubt: a singular value is only {margin:.3g} times its cutoff."
