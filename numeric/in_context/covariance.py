"""Laws of the covariate covariance Lambda: fixed, diagonal with independent eigenvalues, or a mixture of any matrices.

Every law gives what theory and sampling need: moments, a draw of prompts' covariances, and the same law scaled by c.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from scipy.integrate import IntegrationWarning

from numeric.kernels import Array
from numeric.validation import InputError, real_array

SYMMETRY = 1e-12
"""Of a covariance relative to its largest entry: what rounding in A^T A or Q D Q^T leaves."""


class CovarianceLaw(Protocol):
    """A law of d x d positive definite matrices Lambda."""

    @property
    def dimension(self) -> int:
        """d."""

    @property
    def mean(self) -> Array:
        """E[Lambda], d x d."""

    @property
    def square(self) -> Array:
        """E[Lambda^2], d x d."""

    def scaled(self, factor: float) -> "CovarianceLaw":
        """The law of factor * Lambda: a covariate shift."""

    def roots(self, rng: np.random.Generator, count: int) -> Array:
        """Square roots of `count` draws, x = root g for standard normal g.

        Returns:
            count x d diagonals of diagonal roots, or count x d x d symmetric roots; the first axis is 1 where all
            draws are the same.
        """


@dataclass(frozen=True, eq=False)
class CovarianceMixture:
    """Lambda_k with probability weights_k; one matrix is a fixed covariance.

    Args:
        matrices: k x d x d, symmetric positive definite.
        weights: k probabilities, equal ones by default.

    Raises:
        InputError: a matrix is not symmetric positive definite, or the weights are no probabilities.
    """

    matrices: Array
    weights: Array | None = None

    def __post_init__(self) -> None:
        matrices = _stack(self.matrices)
        weights = np.full(len(matrices), 1 / len(matrices)) if self.weights is None else self.weights
        object.__setattr__(self, "matrices", matrices)
        object.__setattr__(self, "weights", _probabilities(weights, len(matrices)))

    @property
    def dimension(self) -> int:
        """d."""
        return int(self.matrices.shape[-1])

    @cached_property
    def spectra(self) -> tuple[Array, Array]:
        """Eigenvalues, k x d, and eigenvectors as columns, k x d x d; of diagonal matrices the unit vectors."""
        return _spectra(self.matrices)

    @property
    def mean(self) -> Array:
        """E[Lambda]."""
        return self.expectation(self.matrices)

    @property
    def square(self) -> Array:
        """E[Lambda^2]."""
        return self.expectation(self.matrices @ self.matrices)

    def expectation(self, values: Array) -> Array:
        """The mean of one value per matrix, along the first axis."""
        return np.tensordot(np.asarray(self.weights), values, axes=1)

    def scaled(self, factor: float) -> "CovarianceMixture":
        """The law of factor * Lambda."""
        return replace(self, matrices=_positive("factor", factor) * self.matrices)

    def roots(self, rng: np.random.Generator, count: int) -> Array:
        """Square roots of `count` draws, see `CovarianceLaw`."""
        roots = self._roots
        return roots if len(roots) == 1 else roots[rng.choice(len(roots), size=count, p=self.weights)]

    @cached_property
    def is_diagonal(self) -> bool:
        """Whether all matrices are diagonal."""
        return bool((self.spectra[1] == np.eye(self.dimension)).all())

    @cached_property
    def tensors(self) -> tuple[Array, Array, Array]:
        """E[lambda_i], E[lambda_i lambda_j] and E[lambda_i lambda_j lambda_k] of the eigenvalues in `spectra`."""
        lam, _ = self.spectra
        weighted, k, d = lam * np.asarray(self.weights)[:, None], len(lam), self.dimension
        pairs = (weighted[:, :, None] * lam[:, None, :]).reshape(k, -1)
        return weighted.sum(axis=0), weighted.T @ lam, (pairs.T @ lam).reshape(d, d, d)

    @cached_property
    def _roots(self) -> Array:
        eigenvalues, basis = self.spectra
        if self.is_diagonal:
            return np.sqrt(eigenvalues)
        return (basis * np.sqrt(eigenvalues)[:, None, :]) @ np.swapaxes(basis, -1, -2)


def fixed_covariance(matrix: Any) -> CovarianceMixture:
    """The same Lambda in every prompt.

    >>> fixed_covariance([[2.0, 0.0], [0.0, 0.5]]).square.tolist()
    [[4.0, 0.0], [0.0, 0.25]]
    """
    return CovarianceMixture(real_array("Lambda", matrix, 2)[None])


def drawn_covariances(draw: Callable[[np.random.Generator], Array], count: int, seed: int) -> CovarianceMixture:
    """An equal mixture of `count` matrices from any sampler: stands for a law without closed moments."""
    rng = np.random.default_rng(seed)
    return CovarianceMixture(np.stack([draw(rng) for _ in range(count)]))


def eigenvalue_samples(values: Any, weights: Array | None = None) -> CovarianceMixture:
    """Lambda = diag(values_k) with probability weights_k: any joint law of eigenvalues, given by its samples.

    Args:
        values: k x d, positive.
        weights: k probabilities, equal ones by default.

    Raises:
        InputError: an eigenvalue is not positive, or the weights are no probabilities.

    >>> eigenvalue_samples([[1.0, 2.0], [3.0, 4.0]]).mean.tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    samples = real_array("eigenvalues", values, 2).astype(float)
    if (samples <= 0).any():
        row, column = np.argwhere(samples <= 0)[0]
        raise InputError(
            f"eigenvalues[{row}, {column}]: got {samples[row, column]:.3g}; eigenvalues of a covariance are positive: "
            f"drop the degenerate directions"
        )
    return CovarianceMixture(samples[:, :, None] * np.eye(samples.shape[1]), weights)


@dataclass(frozen=True, eq=False)
class RepeatedCovariance:
    """A law whose draws serve `each` prompts in a row: batches of prompts that share covariances, to be averaged.

    Args:
        law: of the covariances.
        each: prompts for each draw; the last draw of a batch may serve fewer.

    Raises:
        InputError: each is not positive.
    """

    law: CovarianceLaw
    each: int

    def __post_init__(self) -> None:
        if self.each < 1:
            raise InputError(f"each: got {self.each}; a draw serves at least one prompt")

    @property
    def dimension(self) -> int:
        """d."""
        return self.law.dimension

    @property
    def mean(self) -> Array:
        """E[Lambda]."""
        return self.law.mean

    @property
    def square(self) -> Array:
        """E[Lambda^2]."""
        return self.law.square

    def scaled(self, factor: float) -> "RepeatedCovariance":
        """The law of factor * Lambda."""
        return replace(self, law=self.law.scaled(factor))

    def roots(self, rng: np.random.Generator, count: int) -> Array:
        """Square roots of draws, each one repeated, see `CovarianceLaw`."""
        roots = self.law.roots(rng, -(-count // self.each))
        return roots if len(roots) == 1 else np.repeat(roots, self.each, axis=0)[:count]


@dataclass(frozen=True, eq=False)
class DiagonalCovariance:
    """Lambda = diag(lambda_1, ..., lambda_d) with independent eigenvalues (arXiv 2306.09927, section 4.3).

    Args:
        laws: one per coordinate: a positive number, or a frozen distribution of `scipy.stats` on the positive numbers
            with a finite third moment, such as ``expon()`` or ``uniform(0.5, 1)``.
        factor: multiplies Lambda.

    Raises:
        InputError: a law may give negative eigenvalues or lacks three finite moments.
    """

    laws: Sequence[Any]
    factor: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "laws", tuple(self.laws))
        _positive("factor", self.factor)
        if not self.laws:
            raise InputError("laws: got an empty list; pass one law per coordinate")
        for i, law in enumerate(self.laws):
            _check_eigenvalue_law(f"laws[{i}]", law)

    @property
    def dimension(self) -> int:
        """d."""
        return len(self.laws)

    @cached_property
    def moments(self) -> Array:
        """E[lambda_i^k] for k = 1, 2, 3; 3 x d."""
        raw = {law: [_moment(law, k) for k in (1, 2, 3)] for law in set(self.laws)}
        columns = np.array([raw[law] for law in self.laws]).T
        return columns * self.factor ** np.array([[1.0], [2.0], [3.0]])

    @property
    def mean(self) -> Array:
        """E[Lambda]."""
        return np.diag(self.moments[0])

    @property
    def square(self) -> Array:
        """E[Lambda^2]."""
        return np.diag(self.moments[1])

    @cached_property
    def tensors(self) -> tuple[Array, Array, Array]:
        """E[lambda_i], E[lambda_i lambda_j] and E[lambda_i lambda_j lambda_k]."""
        m1, m2, m3 = self.moments
        pair, third = np.outer(m1, m1), np.einsum("i,j,k->ijk", m1, m1, m1)
        np.fill_diagonal(pair, m2)
        i, twice = np.arange(len(m1)), np.outer(m2, m1)
        third[i, i, :] = twice
        third[i, :, i] = twice
        third[:, i, i] = twice.T
        third[i, i, i] = m3
        return m1, pair, third

    @cached_property
    def cubic(self) -> Array:
        """E[lambda_i^2 lambda_j], d x d."""
        m1, m2, m3 = self.moments
        out = np.outer(m2, m1)
        np.fill_diagonal(out, m3)
        return out

    @cached_property
    def mixed(self) -> Array:
        """E[lambda_i lambda_j sum_k lambda_k], d x d."""
        m1, m2, _ = self.moments
        # For i != j: k = i, k = j, and the k that are independent of both; for i = j: k = i and the others.
        others = m1.sum() - m1[:, None] - m1[None, :]
        out = np.outer(m2, m1) + np.outer(m1, m2) + np.outer(m1, m1) * others
        np.fill_diagonal(out, np.diag(self.cubic) + m2 * (m1.sum() - m1))
        return out

    def scaled(self, factor: float) -> "DiagonalCovariance":
        """The law of factor * Lambda."""
        return replace(self, factor=self.factor * _positive("factor", factor))

    def roots(self, rng: np.random.Generator, count: int) -> Array:
        """Square roots of `count` draws, see `CovarianceLaw`; coordinates of one law are drawn together."""
        values = np.empty((count, self.dimension))
        for law in dict.fromkeys(self.laws):
            columns = [i for i, other in enumerate(self.laws) if other is law or other == law]
            values[:, columns] = _draw(law, rng, (count, len(columns)))
        return np.sqrt(self.factor * values)


def _stack(value: Any) -> Array:
    matrices = real_array("matrices", value, (2, 3)).astype(float)
    matrices = matrices[None] if matrices.ndim == 2 else matrices
    if matrices.shape[1] != matrices.shape[2]:
        raise InputError(f"matrices: got shape {matrices.shape}; a covariance is square, d x d")
    asymmetry = np.abs(matrices - np.swapaxes(matrices, 1, 2)).max(axis=(1, 2))
    size = np.abs(matrices).max(axis=(1, 2))
    smallest = np.linalg.eigvalsh(matrices)[:, 0]
    for k in range(len(matrices)):
        if asymmetry[k] > SYMMETRY * size[k] or smallest[k] <= 0:
            raise InputError(
                f"matrices[{k}]: got asymmetry {asymmetry[k]:.3g} and smallest eigenvalue {smallest[k]:.3g}; a "
                f"covariance Lambda is symmetric positive definite: symmetrize it, or drop the degenerate directions"
            )
    return (matrices + np.swapaxes(matrices, 1, 2)) / 2


def _spectra(matrices: Array) -> tuple[Array, Array]:
    """Of diagonal matrices without a decomposition, which would permute the axes."""
    d = matrices.shape[-1]
    diagonals = np.diagonal(matrices, axis1=1, axis2=2)
    if (matrices == diagonals[..., None] * np.eye(d)).all():
        return diagonals.copy(), np.broadcast_to(np.eye(d), matrices.shape)
    return np.linalg.eigh(matrices)


def _probabilities(value: Any, count: int) -> Array:
    weights = real_array("weights", value, 1).astype(float)
    if weights.shape != (count,) or (weights < 0).any() or abs(weights.sum() - 1) > SYMMETRY * count:
        raise InputError(
            f"weights: got {weights.size} weights with sum {weights.sum():.6g} and minimum {weights.min():.3g}; pass "
            f"{count} probabilities that sum to 1"
        )
    return weights


def _positive(name: str, value: float) -> float:
    if not (np.isfinite(value) and value > 0):
        raise InputError(f"{name}: got {value}; a covariance is scaled by a positive number")
    return float(value)


def _check_eigenvalue_law(name: str, law: Any) -> None:
    if not hasattr(law, "rvs"):
        if not (isinstance(law, int | float | np.integer | np.floating) and 0 < float(law) < np.inf):
            raise InputError(f"{name}: got {law!r}; pass a positive number or a frozen distribution of scipy.stats")
        return
    low, third = law.support()[0], _moment(law, 3)
    if low < 0 or not np.isfinite(third):
        raise InputError(
            f"{name}: the law starts at {low:.3g} and has the third moment {third:.3g}; eigenvalues are positive "
            f"with a finite third moment"
        )


def _moment(law: Any, order: int) -> float:
    """E[lambda^order], infinite where SciPy's quadrature finds the integral divergent."""
    if not hasattr(law, "rvs"):
        return float(law) ** order
    with warnings.catch_warnings():
        warnings.simplefilter("error", IntegrationWarning)
        try:
            return float(law.moment(order))
        except IntegrationWarning:
            return float("inf")


def _draw(law: Any, rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return law.rvs(size=shape, random_state=rng) if hasattr(law, "rvs") else np.full(shape, float(law))
