"""What the parts of the study are about: the laws of the paper and of its source page, or one law of the user."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from numeric import InputError
from numeric.in_context import CovarianceLaw, CovarianceMixture, DiagonalCovariance, fixed_covariance

FIGURE_DIMENSION = 20
"""d of Figure 1."""
LARGEST_LANDSCAPE, MOST_MATRICES = 3, 4
"""d and matrices of a mixture up to which flows over all (d + 1)^2 parameters are followed: each step has a Hessian by
differences of sums over the matrices."""

SMALLEST_MEAN, LARGEST_MEAN, LARGEST_CONDITION = 1e-3, 1e3, 1e3
"""Of the eigenvalues of E Lambda. Starts, differences and tolerances are made for entries near 1, and the flow has the
square of the condition as its stiffness: at 1e4 Radau at 1e-10 a step does not arrive."""


@dataclass(frozen=True, eq=False)
class Case:
    """A training run.

    Attributes:
        name: for tables.
        law: of the covariance.
        N: length of the training prompts.
        sigma: size of the start; None for half of what the theorem admits.
    """

    name: str
    law: CovarianceLaw
    N: int
    sigma: float | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """The laws of all parts.

    Attributes:
        prefix: of the parts' names.
        flows, landscapes: runs to follow from the paper's start, and from generic ones.
        minibatches: runs by minibatches.
        tests: law of the risk curves and of the shifts.
        random: law of the study of random covariances.
        small: law of the comparison with least squares.
    """

    prefix: str
    flows: Sequence[Case]
    landscapes: Sequence[Case]
    minibatches: Sequence[Case]
    tests: CovarianceLaw
    random: CovarianceLaw
    small: CovarianceLaw


def paper_scene() -> Scene:
    """The laws of the paper: lambda_i ~ Exp(1) with d = 20 as in Figure 1, and small cases with numbers by hand."""
    d = FIGURE_DIMENSION
    exponential = DiagonalCovariance([stats.expon()] * d)
    three, two, unit = (np.diag(values) for values in ([1.5, 1.0, 0.5], [2.0, 0.5], [1.0, 1.0]))
    return Scene(
        prefix="linear-attention",
        flows=(
            Case("Lambda = diag(1.5, 1, 0.5)", fixed_covariance(three), 20, 0.3),
            Case(f"lambda ~ Exp(1), d = {d}", exponential, 2 * d),
        ),
        landscapes=(
            Case("Lambda = diag(2, 0.5)", fixed_covariance(two), 40),
            Case("Lambda = diag(2, 0.5)", fixed_covariance(two), 4),
            Case("Lambda = I, d = 2", fixed_covariance(unit), 4),
        ),
        minibatches=(Case("Lambda = diag(1.5, 1, 0.5)", fixed_covariance(three), 20, 0.3),),
        tests=fixed_covariance(np.diag(np.linspace(0.5, 1.5, d))),
        random=exponential,
        small=fixed_covariance(np.eye(5)),
    )


def law_scene(name: str, law: CovarianceLaw) -> Scene:
    """One law of the user in every part; N = 2d where a part has one N.

    Raises:
        InputError: E Lambda is too large, too small or too badly conditioned for the flows.
    """
    _check_mean(name, law)
    case = Case(name, law, 2 * law.dimension)
    is_small = law.dimension <= LARGEST_LANDSCAPE
    is_followed = is_small and isinstance(law, CovarianceMixture) and len(law.matrices) <= MOST_MATRICES
    return Scene(name, (case,), (case,) if is_followed else (), (), tests=law, random=law, small=law)


def _check_mean(name: str, law: CovarianceLaw) -> None:
    values = np.linalg.eigvalsh(law.mean)
    low, high = float(values[0]), float(values[-1])
    if low < SMALLEST_MEAN or high > LARGEST_MEAN:
        raise InputError(
            f"{name}: the eigenvalues of E Lambda lie between {low:.3g} and {high:.3g}, the flows are made for "
            f"{SMALLEST_MEAN:g} to {LARGEST_MEAN:g}: divide Lambda by a typical eigenvalue, which only changes the "
            f"unit of x, or drop degenerate directions"
        )
    if high > LARGEST_CONDITION * low:
        raise InputError(
            f"{name}: E Lambda has the condition number {high / low:.3g}, and the flows do not arrive beyond "
            f"{LARGEST_CONDITION:g}: drop degenerate directions"
        )


def lengths(d: int) -> list[int]:
    """Test lengths M from d/4 to 5d; none close to d, where errors of least squares have no mean or huge spread."""
    return sorted({max(1, round(share * d)) for share in (0.25, 0.5, 0.75, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5)})


def training_lengths(d: int) -> tuple[int, int, int]:
    """N = 40, 70, 100 at d = 20 as in Figure 1, in proportion elsewhere."""
    return 2 * d, round(3.5 * d), 5 * d
