"""Containment of every scalar operation: a rational inside the arguments lands inside the result."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from .. import arithmetic as ar
from ..arithmetic import Array, working_in
from ..arrays.backends import BALLS
from ..arrays.balls import precision
from .points import BITS, ORACLE_BITS, contains, nearest_rounded, point_and_ball, to_mpmath

Operation = Callable[..., Any]

# name: (operation of the claims' arithmetic, oracle on rationals, number of arguments); an oracle gives None where the
# operation is undefined, and then the result must say nothing.
RATIONAL: dict[str, tuple[Operation, Operation, int]] = {
    "add": (lambda x, y: x + y, lambda x, y: x + y, 2),
    "subtract": (lambda x, y: x - y, lambda x, y: x - y, 2),
    "multiply": (lambda x, y: x * y, lambda x, y: x * y, 2),
    "divide": (lambda x, y: x / y, lambda x, y: x / y if y else None, 2),
    "negative": (lambda x: -x, lambda x: -x, 1),
    "absolute": (ar.absolute, abs, 1),
    "maximum": (ar.maximum, max, 2),
    "minimum": (ar.minimum, min, 2),
    "square": (lambda x: x * x, lambda x: x * x, 1),
    "power 5": (lambda x: x**5, lambda x: x**5, 1),
    "power -3": (lambda x: x**-3, lambda x: x**-3 if x else None, 1),
    "root of a square": (lambda x: ar.norm2(ar.vector([x])), abs, 1),
    "hull x / (1 + x^2)": (lambda x: x / (1 + x * x), lambda x: x / (1 + x * x), 1),
    "hull x (1 - x)": (lambda x: x * (1 - x), lambda x: x * (1 - x), 1),
}
# The same with an oracle on mpmath numbers.
REAL: dict[str, tuple[Operation, Operation, int]] = {
    "exp": (ar.exp, mpmath.exp, 1),
    "sinh": (ar.sinh, mpmath.sinh, 1),
    "cosh": (ar.cosh, mpmath.cosh, 1),
    "tanh": (ar.tanh, mpmath.tanh, 1),
    "log": (ar.log, lambda x: mpmath.log(x) if x > 0 else None, 1),
    "sqrt": (ar.sqrt, lambda x: mpmath.sqrt(x) if x >= 0 else None, 1),
    "power 3/2": (lambda x: x ** Fraction(3, 2), lambda x: mpmath.sqrt(x) ** 3 if x >= 0 else None, 1),
    "power 1/3": (lambda x: x ** Fraction(1, 3), lambda x: mpmath.cbrt(x) if x > 0 else None, 1),
    "exp - 1": (lambda x: ar.exp(x) - 1, mpmath.expm1, 1),
    "hull x exp(-x^2)": (lambda x: x * ar.exp(-x * x), lambda x: x * mpmath.exp(-x * x), 1),
}
OPERATIONS = RATIONAL | REAL


def trials(count: int, seed: int, unit: int) -> tuple[int, str | None]:
    """So many trials over all operations in turn.

    Args:
        count: number of trials.
        seed: of all chance.
        unit: which of several batches this is; each has its own chance.

    Returns:
        How many results said something, and the first wrong one in words, or None.
    """
    rng, names, telling = np.random.default_rng([seed, unit]), list(OPERATIONS), 0
    with mpmath.workprec(ORACLE_BITS), precision(BITS), working_in(BALLS):
        for trial in range(count):
            found = _trial(names[trial % len(names)], rng)
            if isinstance(found, str):
                return telling, found
            telling += found
    return telling, None


def _trial(name: str, rng: np.random.Generator) -> bool | str:
    """Whether the result said something; a sentence where it is wrong."""
    operation, oracle, arity = OPERATIONS[name]
    draw = nearest_rounded if rng.random() < 0.1 else point_and_ball
    pairs = [draw(rng) for _ in range(arity)]
    result = operation(*(Array(BALLS.array_of(ball), BALLS) for _, ball in pairs)).data[()]
    points = [point if name in RATIONAL else to_mpmath(point) for point, _ in pairs]
    expected = oracle(*points)
    says = not hasattr(result, "is_finite") or bool(result.is_finite())
    if (expected is None and says) or (expected is not None and not contains(result, expected)):
        return f"{name} of {[str(ball) for _, ball in pairs]} = {result} misses its value at {points}"
    return says
