"""Cells that must never decide: undefined, unbounded and overlapping balls; and precision that must not leak."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
from flint import arb, ctx, fmpq

from .. import arithmetic as ar
from ..arithmetic import Array, working_in
from ..arrays.backends import BALLS
from ..arrays.balls import RELATIONS, Truth, compare, precision
from .points import contains, ends, point_and_ball

HOLDS = {
    "<=": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "==": lambda a, b: a == b,
}


def silent() -> dict[str, Any]:
    """Cells that hold no real number, or any."""
    with working_in(BALLS):
        zero = ar.sqrt(2) - ar.sqrt(2)
        made = {
            "a quotient by a ball around 0": 1 / zero,
            "a quotient by 0": 1 / (ar.sqrt(4) - 2),
            "log 0": ar.log(0),
            "the root of -1": ar.sqrt(-1),
            "a singular system": ar.solve(ar.ones(2, 2), ar.ones(2))[0],
            "an eigenvalue of [nan]": ar.lambda_max(ar.matrix([[1 / zero, 0], [0, 1]])),
            "a maximum with [nan]": ar.maximum(1 / zero, 7),
        }
    cells = {name: value.data[()] for name, value in made.items()}
    return cells | {
        "[nan]": arb.nan(),
        "a ball of infinite radius": arb(0, arb.pos_inf()),
        "nan radius": arb(1, arb.nan()),
    }


def _silence() -> Iterator[str]:
    for (name, cell), op, other in product(silent().items(), RELATIONS, (fmpq(0), fmpq(10**9), arb(-1))):
        for pair in ((cell, other), (other, cell)):
            if compare(pair[0], op, pair[1]) is not Truth.UNKNOWN:
                yield f"{name} decides {pair[0]} {op} {pair[1]}"


def trials(count: int, seed: int, unit: int) -> tuple[int, str | None]:
    """Comparisons of balls with points of theirs; what is certain of the balls must be true of the points."""
    wrong = next(_silence(), None) if unit == 0 else None
    rng, decided = np.random.default_rng([seed, 2, unit]), 0
    for _ in range(count if wrong is None else 0):
        wrong, certain = _trial(rng)
        decided += certain
        if wrong is not None:
            break
    return decided, wrong


def _trial(rng: np.random.Generator) -> tuple[str | None, int]:
    (p, a), (q, b) = (point_and_ball(rng, -1, 1) for _ in range(2))
    if rng.random() < 0.4:  # touching: the end of one ball is the end of the other
        middle, reach = ends(a)
        q = middle + reach * int(rng.choice([-1, 1]))
        b = fmpq(q.numerator, q.denominator)
    decided = 0
    for op in RELATIONS:
        truth = compare(a, op, b)
        decided += truth is not Truth.UNKNOWN
        if truth is not Truth.UNKNOWN and (truth is Truth.YES) is not HOLDS[op](p, q):
            return f"{a} {op} {b} is {truth}, but {p} and {q} lie in them", decided
    return _leaks(p), decided


def _leaks(point: Fraction) -> str | None:
    """Rationals become balls around themselves at any precision, which is what it was afterwards."""
    before = ctx.prec
    with precision(53):
        cell = Array(BALLS.number(point), BALLS) + ar.lifted("test", Array(BALLS.array_of(arb(0)), BALLS))
    if ctx.prec != before:
        return f"the precision {before} became {ctx.prec}"
    return None if contains(cell.data[()], point) else f"{cell.data[()]} does not hold {point}"
