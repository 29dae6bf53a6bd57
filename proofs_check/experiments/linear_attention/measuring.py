"""Monte Carlo beside exact values: errors of several predictors on the same prompts, with z-scores."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from numeric.in_context import (
    CovarianceMixture,
    Estimate,
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


def excess_errors(law: PromptLaw, predictors: Mapping[str, Predictor], count: int, seed: int) -> Estimate:
    """E(prediction - <w, x_query>)^2 of each predictor on the same prompts: the risk without the label's own noise."""

    def errors(prompts: Prompts) -> np.ndarray:
        clean = np.vecdot(prompts.query, prompts.tasks)
        return np.stack([(predict(prompts) - clean) ** 2 for predict in predictors.values()], axis=1)

    return estimate(law, errors, count, seed=seed)


def compared(exact: float | None, mean: float, error: float, scored: bool = True) -> dict[str, Any]:
    """Exact value, estimate, standard error and z = (estimate - exact)/(standard error), null where it says nothing."""
    has_score = exact is not None and scored and error > ROUNDING
    return {
        "exact": exact,
        "estimate": float(mean),
        "standard_error": float(error),
        "z": (float(mean) - exact) / float(error) if has_score and exact is not None else None,
    }


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
