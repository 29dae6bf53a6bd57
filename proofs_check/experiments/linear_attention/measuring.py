"""Monte Carlo beside exact values: errors of several predictors on the same prompts, with z-scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from numeric.in_context import (
    CovarianceMixture,
    PromptLaw,
    Prompts,
    estimate,
    least_norm_risk,
    least_squares_risk,
)

Predictor = Callable[[Prompts], np.ndarray]
CERTAIN = 1e-3
"""The probability with which the largest of all |z| exceeds its limit by chance."""
ROUNDING = 1e-12
"""Standard errors below this, of errors of order 1, are rounding: least squares without noise, from M = d on."""
NORMAL_95 = 1.96
"""Half the width of a 95 % interval in standard errors."""


@dataclass(frozen=True)
class Mean:
    """A Monte Carlo mean.

    Attributes:
        value: the estimate.
        error: its standard error.
        skewness: of the mean: that of one sample over the root of their number.
    """

    value: float
    error: float
    skewness: float

    def over(self, scale: float) -> "Mean":
        """The mean of samples divided by a positive number."""
        return Mean(self.value / scale, self.error / scale, self.skewness)

    def score(self, exact: float) -> float | None:
        """(value - exact)/error, freed of skewness to first order; None where the error is rounding.

        Squared errors of heavy-tailed prompts are skew, and without Hall's transformation (1992, for a studentized
        mean) thousands of them still give a |t| of 5 by chance.
        """
        if not self.error > ROUNDING:
            return None
        t, g = (self.value - exact) / self.error, self.skewness
        return t + g * (t**2 / 3 + 1 / 6) + g**2 * t**3 / 27


def means(law: PromptLaw, statistic: Predictor, count: int, seed: int) -> list[Mean]:
    """Means of a statistic (B x k) over prompts, with their skewness."""

    def powers(prompts: Prompts) -> np.ndarray:
        values = statistic(prompts)
        return np.stack([values, values**2, values**3], axis=1)

    found = estimate(law, powers, count, seed=seed)
    first, second, third = found.mean
    variance = np.maximum(second - first**2, np.finfo(float).tiny)
    skewness = (third - 3 * first * second + 2 * first**3) / variance**1.5 / np.sqrt(count)
    return [Mean(*map(float, entry)) for entry in zip(first, found.standard_error[0], skewness, strict=True)]


def excess_errors(law: PromptLaw, predictors: Mapping[str, Predictor], count: int, seed: int) -> list[Mean]:
    """E(prediction - <w, x_query>)^2 of each predictor on the same prompts: the risk without the label's own noise."""

    def errors(prompts: Prompts) -> np.ndarray:
        clean = np.vecdot(prompts.query, prompts.tasks)
        return np.stack([(predict(prompts) - clean) ** 2 for predict in predictors.values()], axis=1)

    return means(law, errors, count, seed)


def compared(exact: float | None, found: Mean, scored: bool = True) -> dict[str, Any]:
    """Exact value, estimate, standard error and z, null where it says nothing."""
    z = found.score(exact) if scored and exact is not None else None
    return {"exact": exact, "estimate": found.value, "standard_error": found.error, "z": z}


def exact_least_squares(law: PromptLaw) -> float | None:
    """Excess risk of least squares, for any Gaussian covariates from M = d + 2 on (without noise: 0 from M = d on).

    For fewer examples it is known here for multiples of I and w ~ N(0, I) only; None elsewhere.
    """
    d, M, noise, covariance = law.covariance.dimension, law.length, law.labels.noise, law.covariance
    if noise == 0 and d <= M:
        return 0.0
    if d + 2 <= M:
        return least_squares_risk(d, M, noise)
    if d - 2 < M or not (isinstance(covariance, CovarianceMixture) and len(covariance.matrices) == 1):
        return None
    scale = float(covariance.matrices[0, 0, 0])
    is_round = np.array_equal(covariance.matrices[0], scale * np.eye(d))
    # Scaled covariates are like scaled noise: (sqrt(scale) x, y) has the error of (x, y) times scale.
    return scale * least_norm_risk(d, M, noise / np.sqrt(scale)) if is_round else None


def has_fourth_moment(d: int, M: int) -> bool:
    """Whether errors of least squares have one: tr (X^T X)^{-1} has k moments for M - d + 1 > 2k.

    Without it the standard error of their mean is itself no estimate of anything.
    """
    return M - d + 1 > 8


def score_limit(count: int) -> float:
    """The largest |z| of `count` normal ones stays below this but for a chance of `CERTAIN`."""
    return float(stats.norm.isf(CERTAIN / (2 * max(count, 1))))


def scores(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """All |z| in the rows."""
    return [abs(row[key]) for row in rows for key in row if key.endswith("z") and row[key] is not None]
