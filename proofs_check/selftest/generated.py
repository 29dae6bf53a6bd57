"""Containment of the generated ball code: wide balls against the formulas' own definitions at high precision."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from .. import formulas
from ..arithmetic import Array, working_in
from ..arrays.backends import BALLS, DIGITS
from ..arrays.balls import precision
from .points import BITS, ORACLE_BITS, contains, point_and_ball, to_mpmath

NAMES = tuple(f"{form}-{u}" for form in ("plain", "rescaled", "normalized") for u in ("exp", "sinh", "cosh"))
QUANTITIES = ("prediction", "residual", "value", "gradient", "hessian")
ROWS = 2


def trials(count: int, seed: int, unit: int) -> tuple[int, str | None]:
    """So many evaluations over all formulas and quantities in turn; as `scalars.trials`."""
    rng, telling = np.random.default_rng([seed, 3, unit]), 0
    for trial in range(count):
        name, what = NAMES[trial % len(NAMES)], QUANTITIES[trial // len(NAMES) % len(QUANTITIES)]
        found = _trial(name, what, rng)
        if isinstance(found, str):
            return telling, found
        telling += found
    return telling, None


def _trial(name: str, what: str, rng: np.random.Generator) -> bool | str:
    count = 1 if what == "prediction" else 2
    drawn = [[point_and_ball(rng, -2, 2) for _ in range(ROWS)] for _ in range(count)]
    hook = getattr(formulas, what)(name)
    with precision(BITS), working_in(BALLS):
        result = hook(*(Array(BALLS.array_of([ball for _, ball in pairs]), BALLS) for pairs in drawn)).data.reshape(-1)
    points = [[point for point, _ in pairs] for pairs in drawn]
    if name == "normalized-sinh" and _vanishing(points[0]):
        return False
    with mpmath.workprec(ORACLE_BITS), working_in(DIGITS):
        arguments = (Array(DIGITS.array_of([to_mpmath(p) for p in values]), DIGITS) for values in points)
        expected = hook(*arguments).data.reshape(-1)
        wrong = [i for i, value in enumerate(expected) if not contains(result[i], value)]
    if wrong:
        return f"{what} of {name} at {points}: {result[wrong[0]]} misses {expected[wrong[0]]}"
    return all(bool(cell.is_finite()) for cell in result)


def _vanishing(z: list[Fraction]) -> Any:
    """Where the normalizer of sinh cancels, mpmath's own digits are lost, and the definition is undefined at 0."""
    with mpmath.workprec(ORACLE_BITS):
        return abs(sum(mpmath.sinh(to_mpmath(p)) for p in z)) < mpmath.mpf(2) ** -20
