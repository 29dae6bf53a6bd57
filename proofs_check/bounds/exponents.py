"""Exponents fitted to a constant that was found at several values of a parameter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

TERMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "power": lambda v: np.log(v),
    "rate": lambda v: v * v,
    "linear rate": lambda v: v,
}
"""What is fitted, as functions of the parameter: its power, and its square or itself in an exponential."""
STEADY = 0.05
"""Exponents that the larger half of the values changes by no more than this are settled."""


@dataclass(frozen=True)
class Fit:
    """Least squares for a + exponents times terms, in natural logarithms.

    Attributes:
        exponents: one a term.
        errors: their standard errors, from what the fit leaves.
        upper: the exponents from the larger half of the values alone.
    """

    exponents: list[float]
    errors: list[float]
    upper: list[float]

    @property
    def settled(self) -> bool:
        """Whether the larger half of the values says the same: where not, the growth is no law of this form there."""
        return all(abs(u - e) <= STEADY for u, e in zip(self.upper, self.exponents, strict=True))


def fit(values: np.ndarray, log10: np.ndarray, terms: Sequence[str]) -> Fit:
    """Fit log10 of a constant at increasing values of a parameter; more values than terms are needed."""
    least = min(len(values), max(len(values) // 2 + 1, len(terms) + 2))
    exponents, errors = _least_squares(values, log10, terms)
    return Fit(exponents, errors, _least_squares(values[-least:], log10[-least:], terms)[0])


def _least_squares(values: np.ndarray, log10: np.ndarray, terms: Sequence[str]) -> tuple[list[float], list[float]]:
    design = np.column_stack([np.ones_like(values), *(TERMS[term](values) for term in terms)])
    y = log10 * np.log(10)
    found, *_ = np.linalg.lstsq(design, y, rcond=None)
    spare = max(len(values) - design.shape[1], 1)
    variance = float(np.sum((y - design @ found) ** 2)) / spare
    errors = np.sqrt(np.diag(np.linalg.pinv(design.T @ design)) * variance)
    return found[1:].tolist(), errors[1:].tolist()
