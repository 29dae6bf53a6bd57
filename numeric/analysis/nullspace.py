"""The X that a stack of maps X -> L_g X R_g^T sends to zero: an intersection of kernels, as Kronecker products.

The kernel of one map is (ker L) (x) everything + everything (x) (ker R). Of several it is no such product: with
L_1 = R_1 = e_1^T and L_2 = R_2 = e_2^T it is {X : X_11 = X_22 = 0}. Four reductions are exact, and they are repeated
on an ever smaller space E1 (x) E2 until nothing is left:

1. maps whose R_g is injective on E2 see X only through L_g X: X must lie in the common kernel of these L_g;
2. what no R_g sees in E2 is free with everything in E1;
3. and 4. are 1 and 2 with the sides exchanged.

Nested views, such as causal masks, end here. What is left (the core) is decided by the singular values of the stacked
Kronecker products, with orthonormal factors, as long as it is small; nothing is squared.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from numeric.kernels import Array

LARGEST_CORE = 2048
"""Unknowns of a core up to which it is formed: a triangle of 32 MiB and its singular values, in seconds."""
CUTOFF = 16.0
"""Singular values below this many machine epsilons, times the larger dimension and the condition number of the
whitening, are rounding errors of whitened rows."""
LARGEST_CUTOFF = 1e-5
"""Whitened rows keep this size however ill-conditioned the whitening is; the margin tells that ranks are in doubt."""
EPS = float(np.finfo(float).eps)
UNIT = 1e-8
"""Columns whose products differ by less than this from those of orthonormal ones have no singular value but 1."""


@dataclass(frozen=True, eq=False)
class View:
    """One map X -> L X R^T: rows that see the same columns, in variables in which the stacks are orthonormal.

    Attributes:
        left: L, shape (p, r1).
        columns: the rows of A2 that enter, shape (q, r2), as a function: a mask may make as many views as rows.
        count: q.
        centred: whether the loss sees only differences of the q entries, so that R is `columns` without its mean.
    """

    left: Array
    columns: Callable[[], Array]
    count: int
    centred: bool

    @property
    def most(self) -> int:
        """An upper limit of the rank of R."""
        return self.count - self.centred

    def right(self, E2: Array) -> Array:
        """R E2, shape (q, m2)."""
        rows = self.columns() @ E2
        return rows - rows.mean(axis=0) if self.centred else rows


@dataclass(eq=False)
class Margin:
    """How far the singular values that were taken for nonzero are from the cutoff: at 1 a rank is in doubt."""

    smallest: float = np.inf

    def split(self, matrix: Array, condition: float) -> tuple[Array, Array]:
        """Orthonormal bases (columns) of the row space and of the kernel of a matrix with entries of order 1.

        Args:
            matrix: whitened rows, shape (q, m).
            condition: of the whitening, which multiplies rounding errors.
        """
        cutoff = min(CUTOFF * max(matrix.shape) * EPS * condition, LARGEST_CUTOFF)
        if _is_orthonormal(matrix):
            self.smallest = min(self.smallest, 1.0 / cutoff)
            whole = np.eye(matrix.shape[1])
            return whole, whole[:, :0]
        rows = np.linalg.qr(matrix, mode="r") if len(matrix) > matrix.shape[1] else matrix
        _, S, Vt = np.linalg.svd(rows)
        kept = np.count_nonzero(cutoff < S)
        self.smallest = min([self.smallest, *(S[:kept] / cutoff).tolist()])
        return Vt[:kept].T, Vt[kept:].T


@dataclass(frozen=True, eq=False)
class Kernel:
    """{X : L_g X R_g^T = 0 for all g}, in the original variables, as orthogonal pieces.

    Attributes:
        rank: of the stacked maps, None where the core is too large to be decided.
        bounds: (low, high) with low <= rank <= high.
        margin: the smallest singular value that was taken for nonzero, over its cutoff.
        products: pieces {N Y W^T}, as pairs (N, W) of orthonormal columns; None where the core is not known.
        core: orthonormal X of the rest, shape (count, d1, d2).
    """

    rank: int | None
    bounds: tuple[int, int]
    margin: float
    products: tuple[tuple[Array, Array], ...] | None
    core: Array


@dataclass(eq=False)
class _Reduction:
    """The state of the reductions: the space E1 (x) E2 that is left, in whitened variables, and what was found."""

    P1: Array
    P2: Array
    E1: Array
    E2: Array
    conditions: tuple[float, float]
    margin: Margin = field(default_factory=Margin)
    seen: int = 0
    products: list[tuple[Array, Array]] = field(default_factory=list)

    @property
    def unknowns(self) -> int:
        return self.E1.shape[1] * self.E2.shape[1]

    def split(self, side: int, matrix: Array) -> tuple[Array, Array]:
        """Row space and kernel of a matrix on side 0 (of E1), 1 (of E2), or 2 (of both)."""
        condition = max(self.conditions) if side == 2 else self.conditions[side]
        return self.margin.split(matrix, condition)

    def add(self, E1: Array, E2: Array) -> None:
        """E1 (x) E2 is in the kernel."""
        self.products.append((_orthonormal(self.P1 @ E1), _orthonormal(self.P2 @ E2)))


def common_kernel(views: Sequence[View], P1: Array, P2: Array, conditions: tuple[float, float]) -> Kernel:
    """The kernel of a stack of maps.

    Args:
        views: the maps in whitened variables Y, in which the L_g, stacked, have orthonormal columns, and so have the
            matrices that the R_g are rows of.
        P1: shape (d1, r1), X = P1 Y P2^T.
        P2: shape (d2, r2).
        conditions: the condition numbers of P1 and P2.
    """
    # Only their spans matter; products of their entries must not leave the range of floats.
    P1, P2 = (P / np.abs(P).max() if P.size else P for P in (P1, P2))
    state = _Reduction(P1, P2, np.eye(P1.shape[1]), np.eye(P2.shape[1]), conditions)
    views = sorted(views, key=lambda view: -view.most)
    while state.unknowns:
        views = [view for view in views if view.most > 0 and _seen(state, view)]
        if not views:
            state.add(state.E1, state.E2)
            state.E1 = state.E1[:, :0]
        elif not (_peel_left(state, views) or _free_right(state, views)) and not (
            _peel_right(state, views) or _free_left(state, views)
        ):
            return _with_core(state, views)
    core = np.zeros((0, len(P1), len(P2)))
    return Kernel(state.seen, (state.seen, state.seen), state.margin.smallest, tuple(state.products), core)


def _seen(state: _Reduction, view: View) -> bool:
    """Whether any part of E1 is left of a view."""
    return bool(np.abs(view.left @ state.E1).max() > CUTOFF * EPS * state.conditions[0])


def _is_orthonormal(matrix: Array) -> bool:
    """Whether the columns are orthonormal, as those of one whitened view of all rows: a product tells, and no SVD."""
    rows, columns = matrix.shape
    if rows < columns:
        return False
    difference = (matrix.T @ matrix).ravel()
    difference[:: columns + 1] -= 1.0
    return float(np.vdot(difference, difference)) <= UNIT**2


def column_norms(P: Array) -> Array:
    """The 2-norms of columns, whose squares may leave the range of floats."""
    largest = np.abs(P).max(axis=0)
    return largest * np.linalg.norm(P / largest, axis=0)


def _peel_left(state: _Reduction, views: Sequence[View]) -> bool:
    """Reduction 1; stops to look for injective views as soon as these leave nothing of E1."""
    m1, m2 = state.E1.shape[1], state.E2.shape[1]
    rows: list[Array] = []
    limit, parts = m1, None
    for view in views:
        if view.most >= m2 and state.split(1, view.right(state.E2))[0].shape[1] == m2:
            rows.append(view.left @ state.E1)
            parts = None
            if sum(map(len, rows)) >= limit:
                limit *= 2
                parts = state.split(0, np.concatenate(rows))
                if parts[1].shape[1] == 0:
                    break
    if not rows:
        return False
    seen, kernel = parts or state.split(0, np.concatenate(rows))
    state.seen += seen.shape[1] * m2
    state.E1 = state.E1 @ kernel
    return seen.shape[1] > 0


def _peel_right(state: _Reduction, views: Sequence[View]) -> bool:
    """Reduction 3."""
    m1 = state.E1.shape[1]
    rows = [
        view.right(state.E2)
        for view in views
        if len(view.left) >= m1 and state.split(0, view.left @ state.E1)[0].shape[1] == m1
    ]
    if not rows:
        return False
    seen, kernel = state.split(1, _triangle(rows))
    state.seen += seen.shape[1] * m1
    state.E2 = state.E2 @ kernel
    return seen.shape[1] > 0


def _free_right(state: _Reduction, views: Sequence[View]) -> bool:
    """Reduction 2."""
    _, kernel = state.split(1, _triangle(view.right(state.E2) for view in views))
    if kernel.shape[1] == 0:
        return False
    state.add(state.E1, state.E2 @ kernel)
    state.E2 = _complement(state.P2, state.E2, kernel)
    return True


def _free_left(state: _Reduction, views: Sequence[View]) -> bool:
    """Reduction 4."""
    _, kernel = state.split(0, _triangle(view.left @ state.E1 for view in views))
    if kernel.shape[1] == 0:
        return False
    state.add(state.E1 @ kernel, state.E2)
    state.E1 = _complement(state.P1, state.E1, kernel)
    return True


def _with_core(state: _Reduction, views: Sequence[View]) -> Kernel:
    """What the reductions leave, by singular values where it is small."""
    pairs = [(state.split(0, v.left @ state.E1)[0].T, state.split(1, v.right(state.E2))[0].T) for v in views]
    lefts, rights = zip(*((L, R) for L, R in pairs if len(L) and len(R)), strict=True)
    ranks = [len(L) * len(R) for L, R in zip(lefts, rights, strict=True)]
    high, rank = min(sum(ranks), state.unknowns), None
    if state.unknowns <= LARGEST_CORE:
        seen, kernel = state.split(2, _triangle(np.kron(L, R) for L, R in zip(lefts, rights, strict=True)))
        core = _core(state, kernel)
        rank = state.seen + seen.shape[1]
        return Kernel(rank, (rank, rank), state.margin.smallest, tuple(state.products), core)
    if any(sum(map(len, side)) == side[0].shape[1] for side in (lefts, rights)):
        # Row spaces that are independent on one side: no sum of the maps vanishes, and the ranks add up.
        rank = state.seen + sum(ranks)
    bounds = (rank, rank) if rank is not None else (state.seen + max(ranks), state.seen + high)
    return Kernel(rank, bounds, state.margin.smallest, None, np.zeros((0, len(state.P1), len(state.P2))))


def _core(state: _Reduction, kernel: Array) -> Array:
    """Orthonormal X of a kernel that is given in E1 (x) E2, as columns."""
    (Q1, T1), (Q2, T2) = (np.linalg.qr(P @ E) for P, E in ((state.P1, state.E1), (state.P2, state.E2)))
    Y = kernel.T.reshape(kernel.shape[1], state.E1.shape[1], state.E2.shape[1])
    coordinates = _orthonormal((T1 @ Y @ T2.T).reshape(len(Y), state.unknowns).T).T.reshape(Y.shape)
    return Q1 @ coordinates @ Q2.T


def _complement(P: Array, E: Array, kernel: Array) -> Array:
    """A basis of what of span(E) is orthogonal to span(E kernel) in the original variables, where x = P y.

    Pieces of the kernel are then orthogonal to each other. The basis has orthonormal columns in y.
    """
    _, T = np.linalg.qr(P @ E)
    Q, _ = np.linalg.qr(T @ kernel, mode="complete")
    return E @ _orthonormal(np.linalg.solve(T, Q[:, kernel.shape[1] :]))


def _orthonormal(matrix: Array) -> Array:
    return np.linalg.qr(matrix)[0]


def _triangle(matrices: Iterable[Array]) -> Array:
    """A matrix of few rows with the singular values and right singular vectors of a stack, by QR in pieces."""
    waiting: list[Array] = []
    for matrix in matrices:
        waiting.append(matrix)
        if sum(map(len, waiting)) > 4 * matrix.shape[1]:
            waiting = [np.asarray(np.linalg.qr(np.concatenate(waiting), mode="r"))]
    return waiting[0] if len(waiting) == 1 else np.concatenate(waiting)
