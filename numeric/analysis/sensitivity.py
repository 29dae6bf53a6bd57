"""How a minimum moves with its data: the implicit function theorem, as linear operators that are never formed.

At a minimum x* the gradient M^T g(M x, b) is zero, M the linear map. To first order in a change of the data,

    H dx = -d(gradient),   H = M^T B M the structured Hessian, and d(gradient) =
        M^T (dg/db) db                      for the target,
        dA^T g + A^T B (dA x)               for A (in matrix form alike for A1 and A2),
        A^T (2 w o z o dw)                  for the weights.

Where the data do not determine x (`numeric.analysis.identifiability`), x* is the member of minimum norm, and the
inverse is the pseudo-inverse on the directions that are determined. These move with A too: x* = A^+ z stays in the
row space of A, which adds (I - A^+ A) dA^T (A^+)^T x*. That is the derivative along changes that keep the rank; along
others, such as those that make dependent columns independent, the member of minimum norm jumps and there is no
derivative.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, cast

import numpy as np
from scipy.sparse.linalg import cg

from numeric.analysis.data_operator import DataOperator
from numeric.analysis.identifiability import Identifiability, identifiability
from numeric.analysis.local_form import LocalForm
from numeric.analysis.nullspace import column_norms
from numeric.forms.form import DenseForm, SecondOrder
from numeric.forms.matrix import MatrixForm
from numeric.forms.matrix_hessian import MatrixHessian
from numeric.forms.row_hessians import dense_rows
from numeric.forms.stream import StreamForm
from numeric.forms.vector import VectorForm
from numeric.kernels import Array, unscale
from numeric.problems import Regression
from numeric.solution import Solution
from numeric.solvers.preconditioner import inverse_by_rows
from numeric.validation import InputError, OutsideDomain, check_shape, real_array
from numeric.whitening import WhitenedRegression, whiten

LARGEST_DENSE = 2500
"""Whitened unknowns up to which the Hessian is factorized; conjugate gradients on products beyond."""
LARGEST_ROWS = 1 << 25
"""Entries of the preconditioner's blocks, 256 MiB; conjugate gradients have none beyond."""
NOT_STATIONARY = 1e-6
"""A Newton step may change no z by more than this: the derivative is then right to about as many digits."""
SINGULAR = 64.0
"""Curvatures below this many machine epsilons times size and largest curvature are rounding errors."""
CG_RTOL, CG_STEPS = 1e-12, 10
"""Relative residual of conjugate gradients, and their steps for each unknown."""
FLOOR = 1e-14
"""Curvatures of rows are taken for at least this share of the largest in the preconditioner."""


@dataclass(frozen=True)
class Norms:
    """The norms of the derivatives, and what the papers' perturbation corollaries bound.

    Attributes:
        spectral: by data, such as "B" or "A1[0]": the largest ||dx*||_F / ||d data||_F.
        frobenius: the same in the Frobenius norm, empty where not asked for.
        target_shift: the largest ||B~ - B||_F / ||dX||_F at fixed data, to first order: how fast the target B~ moves
            whose residual at X is that at X + dX. Theorem 5.1 of arXiv 2304.13276 and the theorems of arXiv 2307.02419
            bound it (source page K7, K18: by ||A||/2, ||A1|| ||A2||/2 for normalized exp and cosh).
    """

    spectral: Mapping[str, float]
    frobenius: Mapping[str, float]
    target_shift: float

    def __str__(self) -> str:
        lines = [f"||dx*/d{name}|| = {norm:.6g} (spectral)" for name, norm in self.spectral.items()]
        lines += [f"||dx*/d{name}||_F = {norm:.6g}" for name, norm in self.frobenius.items()]
        return "\n".join([*lines, f"largest target shift for a unit change of x = {self.target_shift:.6g}"])


@dataclass(frozen=True, eq=False, repr=False)
class Sensitivity:
    """The derivatives of a minimum with respect to its data, as operators.

    Attributes:
        problem: whose minimum it is.
        x: the minimum, the member of minimum norm where there are several.
        identifiability: what the data determine.
        minimum: True where all curvatures were found positive, None where the Hessian is too large to be factorized
            (conjugate gradients only fail at a point that is no minimum if they meet negative curvature).
    """

    problem: Regression
    x: Array
    identifiability: Identifiability
    minimum: bool | None
    _locals: tuple[LocalForm, ...]
    _inverse: Callable[[Array], Array] = field(repr=False)
    _whitened: WhitenedRegression = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """What `derivative` can be asked for."""
        data = ("b", "A") if self._whitened.left is None else ("B", "A1", "A2")
        return (*data, "w") if self._locals[0].weights is not None else data

    def derivative(self, name: str) -> Any:
        """dx*/d(data) as a `DataOperator`, or a list of them, one for each prompt, where there are several.

        Args:
            name: "b", "A" or "w" in vector form; "B", "A1", "A2" or "w" in matrix form. With an intercept, A1 and A2
                include the column of ones. Where A1 and A2 are the same array, add the two results.

        Raises:
            InputError: there are no such data, or A is asked for where several prompts or a mask leave directions
                open that are not those of one row space: how these move is not covered.
        """
        if name not in self.names:
            raise InputError(f"name: got {name!r}; choose one of {', '.join(self.names)}")
        if name in ("A", "A1", "A2") and not self._simple:
            raise InputError(
                f"name: got {name}, which moves the directions that the data determine; here they are an intersection "
                "over prompts, masks or weights, whose motion is not covered; ask for "
                f"{self.names[0]}, or add weights w"
            )
        operators = [self._operator(local, name, number) for number, local in enumerate(self._locals)]
        return operators[0] if len(operators) == 1 else operators

    def norms(self, frobenius: bool = False) -> Norms:
        """The norms of all derivatives that are covered; `frobenius` takes one product for each unknown."""
        found: dict[str, DataOperator] = {}
        for name in self.names:
            if self._simple or name not in ("A", "A1", "A2"):
                result = self.derivative(name)
                several = result if isinstance(result, list) else None
                found |= {f"{name}[{i}]": one for i, one in enumerate(several)} if several else {name: result}
        spectral = {name: operator.norm() for name, operator in found.items()}
        root = {name: operator.norm("frobenius") for name, operator in found.items()} if frobenius else {}
        return Norms(MappingProxyType(spectral), MappingProxyType(root), self.target_shift())

    def target_shift(self) -> float:
        """See `Norms`; the square root of the largest eigenvalue of M^T J^T J M, J that of residuals over alpha.

        Raises:
            InputError: the derivative of a residual in b differs within a row, as in no loss of this package.
        """
        shape = self.x.shape
        grams = [(local, local.shift_gram()) for local in self._locals]

        def product(v: Array) -> Array:
            x = np.asarray(v, dtype=float).reshape(shape)
            return sum((local.adjoint(gram(local.forward(x))) for local, gram in grams), start=np.zeros(shape))

        # Of the symmetric matrix itself, whose singular values are its eigenvalues.
        return float(np.sqrt(DataOperator(shape, shape, product, product).norm()))

    @property
    def _simple(self) -> bool:
        """Whether the determined directions are one row space (of each factor), all of it."""
        w = self._whitened
        zero = not np.any(w.right.to_original) or (w.left is not None and not np.any(w.left.to_original))
        return not zero and self.identifiability.rank == int(np.prod(w.x_shape))

    def _operator(self, local: LocalForm, name: str, number: int) -> DataOperator:
        maps: dict[str, Callable[[], tuple[Any, Any, Any]]] = {
            "b": local.target_maps,
            "B": local.target_maps,
            "w": local.weight_maps,
            "A": local.right_maps,
            "A1": local.left_maps,
            "A2": local.right_maps,
        }
        data_shape, forward, backward = maps[name]()
        move, move_back = self._motion(name, number)
        return DataOperator(
            data_shape,
            self.x.shape,
            lambda d: move(d) - self._inverse(forward(d)),
            lambda u: move_back(u) - backward(self._inverse(u)),
        )

    def _motion(self, name: str, number: int) -> tuple[Callable[[Array], Any], Callable[[Array], Any]]:
        """How the row space moves with A, and the adjoint: X -> X_out = (I - Pi) dA^T Lambda, Lambda = (A^+)^T X."""
        w = self._whitened
        factors = cast(tuple[DenseForm, ...], w.forms)[number].factors
        if name == "A1" and w.left is not None and not w.left.full_rank:
            P, scaled = _projector(w.left.to_original), factors[0] @ (w.left.to_original.T @ self.x)
            return lambda d: _outside(P, d.T @ scaled), lambda u: scaled @ _outside(P, u).T
        if name in ("A", "A2") and not w.right.full_rank:
            P, scaled = _projector(w.right.to_original), factors[-1] @ (w.right.to_original.T @ self._rows.T)
            return (
                lambda d: _outside(P, d.T @ scaled).T.reshape(self.x.shape),
                lambda u: scaled @ _outside(P, u.reshape(self._rows.shape).T).T,
            )
        return lambda d: 0.0, lambda u: 0.0

    @cached_property
    def _rows(self) -> Array:
        return np.atleast_2d(self.x)

    def __repr__(self) -> str:
        return f"Sensitivity of the minimum of {self.problem!r}, with respect to {', '.join(self.names)}"


def sensitivity(problem: Regression, solution: Solution | Array) -> Sensitivity:
    """How the minimum of a problem moves with its data, to first order.

    Args:
        problem: with A in memory.
        solution: of `solve`, or a minimum x of shape `problem.x_shape`.

    Returns:
        the derivatives at x, or at the member of minimum norm of the x that cannot be told apart from it.

    Raises:
        InputError: A is read in row blocks; rows have weight 0; x is no critical point, or no minimum; the Hessian is
            singular beyond the directions that the data leave open; or these are not known.

    >>> from numeric.problems import VectorRegression
    >>> result = sensitivity(VectorRegression("plain-exp", [[2.0]], [3.0]), [np.log(3) / 2])
    >>> round(float((result.derivative("b") @ np.ones(1))[0]), 12)  # x* = log(b)/2, and dx*/db = 1/(2 b)
    0.166666666667
    """
    if any(isinstance(form, StreamForm) for form in problem.forms):
        raise InputError("problem: sensitivities need A in memory, got one that is read in row blocks; pass an array")
    if any(isinstance(form, MatrixForm) and form.others is not None for form in problem.forms):
        raise InputError(
            "problem: sensitivities need rows that count, got row_weights with zeros; leave these rows out of A1, B "
            "and row_weights"
        )
    whitened = whiten(problem)
    known = identifiability(problem, whitened)
    if known.rank is None or not known.located:
        raise InputError(
            "problem: sensitivities are along the directions that the data determine, got data for which these are not "
            f"known ({' '.join(known.reasons)}); add weights w, which determine all"
        )
    x = real_array("solution", solution.x if isinstance(solution, Solution) else solution, (1, 2))
    check_shape("solution", x, problem.x_shape, "the problem")
    x = whitened.to_original(whitened.from_original(x.astype(float)))
    if known.rank < int(np.prod(whitened.x_shape)):
        x = known.minimum_norm(x)
    inverse, minimum = _inverse(whitened, known, whitened.from_original(x))
    forms = cast(tuple[VectorForm | MatrixForm, ...], problem.forms)
    parts = tuple(LocalForm(problem.loss, form, x) for form in forms)
    return Sensitivity(problem, x, known, minimum, parts, inverse, whitened)


def _inverse(w: WhitenedRegression, known: Identifiability, y: Array) -> tuple[Callable[[Array], Array], bool | None]:
    """The pseudo-inverse of the Hessian on the determined directions, from and to x's shape; whether it was factorized.

    With x = P y and G any symmetric generalized inverse of P^T H P, Pi P G P^T Pi is the pseudo-inverse of H, Pi the
    projector onto the determined directions; P alone ends there unless views of X interlock.
    """
    # Independent problems have a block of the Hessian each.
    factorized = (y.size if w.left is not None else y.shape[-1]) <= LARGEST_DENSE
    try:
        gradient = w.value_and_gradient(y)[1]
        solve = _dense_inverse(w, y, known) if factorized else _iterative_inverse(w, y)
    except (OutsideDomain, OverflowError) as error:
        raise InputError(
            f"solution: a minimum with finite derivatives is needed, got an x without ({error}); pass the x of a solve "
            "that converged"
        ) from None
    step = max(form.largest_entry(solve(gradient)) for form in w.forms)
    if not step <= NOT_STATIONARY:
        raise InputError(
            f"solution: a critical point is needed, got an x at which a Newton step changes an entry of A x by "
            f"{step:.3g} (at most {NOT_STATIONARY:g} is accepted); solve with a smaller rtol, and pass x in float64"
        )
    project = known.minimum_norm if (known.rank or 0) < y.size else lambda x: x

    def inverse(r: Array) -> Array:
        columns = project(r) @ w.right.to_original
        whole = columns if w.left is None else w.left.to_original.T @ columns
        return project(w.to_original(solve(whole)))

    return inverse, True if factorized else None


def _dense_inverse(w: WhitenedRegression, y: Array, known: Identifiability) -> Callable[[Array], Array]:
    curvatures, vectors = np.linalg.eigh(w.hessian(y).blocks())
    cutoff = SINGULAR * np.finfo(float).eps * y.size * float(np.abs(curvatures).max())
    if curvatures.min() < -cutoff:
        raise InputError(
            f"solution: a minimum is needed, got an x with curvature {curvatures.min():.3g}; pass the x of a solve "
            "that converged"
        )
    flat, open_directions = int(np.count_nonzero(curvatures <= cutoff)), y.size - (known.rank or 0)
    if flat > open_directions:
        raise InputError(
            f"solution: an isolated minimum is needed, got one with {flat} directions without curvature, of which the "
            f"data leave only {open_directions} open (in whitened variables); add weights w"
        )
    inverses = np.where(curvatures > cutoff, 1.0 / np.where(curvatures > cutoff, curvatures, 1.0), 0.0)

    def solve(r: Array) -> Array:
        part = np.swapaxes(vectors, -1, -2) @ r.reshape(len(vectors), -1, 1)
        return (vectors @ (inverses[..., None] * part)).reshape(y.shape)

    return solve


def _iterative_inverse(w: WhitenedRegression, y: Array) -> Callable[[Array], Array]:
    hessian, preconditioner = w.hessian(y), _row_by_row(w, y)

    def solve(r: Array) -> Array:
        result, failed = cg(hessian, r.ravel(), rtol=CG_RTOL, maxiter=CG_STEPS * y.size, M=preconditioner)
        if failed:
            raise InputError(
                "solution: an isolated minimum is needed, got an x at which conjugate gradients do not converge; pass "
                "the x of a solve that converged, or add weights w"
            )
        return result.reshape(y.shape)

    return solve


def _row_by_row(w: WhitenedRegression, y: Array) -> DataOperator | None:
    """An approximate inverse of H = sum_j (a_j a_j^T) (x) K_j: the sum of (a_j a_j^T) (x) K_j^{-1}.

    The a_j are rows of a matrix with orthonormal columns. Where it is square, as for A1 with no more rows than columns,
    this is the inverse itself. None where the K_j are too large.
    """
    rows = len(y.reshape(-1, y.shape[-1])) if w.left is None else sum(form.shape[0] for form in w.forms)
    if rows * y.shape[-1] ** 2 > LARGEST_ROWS:
        return None
    apply = inverse_by_rows([_rows_of(second) for second in w.at(y).hessian], FLOOR)

    def product(r: Array) -> Array:
        return apply(np.atleast_2d(r)).reshape(y.shape)

    return DataOperator(y.shape, y.shape, product, product)


def _rows_of(second: SecondOrder) -> tuple[Array, Array]:
    """The a_j and K_j of a form; in vector form the a_j are unit vectors, one for each target."""
    if isinstance(second, MatrixHessian):
        return second.evaluation.form.A1, unscale(dense_rows(second), second.log_scale)
    blocks = second.blocks()
    return np.eye(len(blocks)), unscale(blocks, second.log_scale)


def _projector(P: Array) -> Array:
    """An orthonormal basis of the span of P's columns, which are orthogonal."""
    return P / column_norms(P)


def _outside(V: Array, columns: Array) -> Array:
    """What is orthogonal to the orthonormal columns of V."""
    return columns - V @ (V.T @ columns)
