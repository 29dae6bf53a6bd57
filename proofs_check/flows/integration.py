r"""Certified integration of x' = f(x), f a polynomial: a Taylor polynomial p of any origin, and a proof around it.

On a step [0, h] let r bound |x(0) - p(0)|, delta the defect |p' - f(p)|, and m the largest eigenvalue of the symmetric
part of Df over a convex set B around the tube |x - p(t)| <= e. While x stays in the tube,

    d|x - p|/dt <= m |x - p| + delta,   hence   |x(t) - p(t)| <= (r + h delta) e^{max(m, 0) h}.

If the right side is below e, x never reaches the border of the tube, so the bound holds on the whole step and x exists
there. Coefficients of p need no error bound: `proposals` makes them, and balls prove the step. Errors are measured in
the Euclidean norm, and Df of a gradient flow is minus a Hessian, so no box wraps around a turned one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any, Protocol

from flint import arb, arb_poly, fmpq

from ..arrays.balls import Truth, compare, sign
from .proposals import proposed_polynomials
from .recording import Velocity, recorded

PIECES = 8
"""A path over a step is enclosed on so many parts of it."""
STEPS, HALVINGS = 4000, 12
"""Steps of a passage at most, and how often one is halved before the passage is given up."""


class Field(Protocol):
    """A polynomial vector field."""

    def velocity(self, x: list[Any]) -> list[Any]:
        """f at a list of cells, in any arithmetic."""

    def growth(self, box: list[arb]) -> arb:
        """An upper bound of the largest eigenvalue of the symmetric part of Df over a box."""


@dataclass(frozen=True)
class Passage:
    """Where a solution is after a time, and how low its components went.

    Attributes:
        state: cells that contain x(time).
        lowest: cells that contain min x_i over the whole of [0, time], one a component.
    """

    state: list[Any]
    lowest: list[Any]


def integrate(field: Field, start: Sequence[Any], time: fmpq) -> Passage:
    """Follow the solution from ``start``; [nan] where no proof is found.

    Args:
        field: the vector field.
        start: rationals or balls, the solution for every point of which is enclosed.
        time: at least 0.
    """
    if time == 0:
        return Passage(list(start), list(start))
    velocity = recorded(field.velocity, start)
    if not velocity.moving:
        return Passage(list(start), list(start))
    found = _followed(field, velocity, [arb(start[i]) for i in velocity.moving], len(start), time)
    rest = fmpq(0)
    state, lowest = (dict(zip(velocity.moving, cells, strict=True)) for cells in found)
    return Passage([state.get(i, rest) for i in range(len(start))], [lowest.get(i, rest) for i in range(len(start))])


def _followed(field: Field, velocity: Velocity, start: list[arb], size: int, time: fmpq) -> tuple[list[arb], list[arb]]:
    undefined = [arb.nan()] * len(start)
    growth = lambda box: field.growth(_spread(box, velocity.moving, size))  # noqa: E731 - one argument of a step
    centre, radius = _centred(start, arb(0))
    lowest, left = [arb.pos_inf()] * len(start), time
    for _ in range(STEPS):
        step = _certain_step(velocity, growth, centre, radius, left)
        if step is None:
            return undefined, undefined
        lowest = [low.min(seen) for low, seen in zip(lowest, step.lowest, strict=True)]
        left -= step.length
        if left == 0:
            return [x + arb(0, step.radius) for x in step.end], lowest
        centre, radius = _centred(step.end, step.radius)
    return undefined, undefined


def _spread(cells: Sequence[arb], moving: Sequence[int], size: int) -> list[arb]:
    """All components of a state, those at rest as 0."""
    out = [arb(0)] * size
    for i, cell in zip(moving, cells, strict=True):
        out[i] = cell
    return out


def _centred(x: Sequence[arb], radius: arb) -> tuple[list[arb], arb]:
    """Exact midpoints, and a bound on the distance of the solution from them."""
    return [cell.mid() for cell in x], (radius + _norm([cell - cell.mid() for cell in x])).upper()


def _norm(cells: Sequence[arb]) -> arb:
    """An upper bound of the Euclidean norm."""
    return sum((cell.abs_upper() ** 2 for cell in cells), arb(0)).sqrt().upper()


@dataclass(frozen=True)
class _Step:
    """A step that is proved.

    Attributes:
        length: of the step.
        end: balls around p(length), exact but for rounding.
        radius: bound on the distance of the solution from p(length).
        lowest: balls around the minimum of each component over the step.
    """

    length: fmpq
    end: list[arb]
    radius: arb
    lowest: list[arb]


def _certain_step(
    velocity: Velocity, growth: Callable[[list[arb]], arb], centre: list[arb], radius: arb, left: fmpq
) -> _Step | None:
    polynomials, proposed = proposed_polynomials(velocity, centre)
    length = left if proposed is None else min(left, proposed)
    images = velocity(polynomials)
    defects = [p.derivative() - arb_poly(image) for p, image in zip(polynomials, images, strict=True)]
    for _ in range(HALVINGS):
        step = _proved(growth, polynomials, defects, radius, length)
        if step is not None:
            return step
        length /= 2
    return None


def _proved(
    growth: Callable[[list[arb]], arb],
    polynomials: Sequence[arb_poly],
    defects: Sequence[arb_poly],
    radius: arb,
    length: fmpq,
) -> _Step | None:
    """The step of that length, if balls prove it."""
    h = arb(length)
    drift = (radius + h * _norm([d(arb(0).union(h)) for d in defects])).upper()
    reach = (4 * drift).upper()
    paths = [_path(p, length) for p in polynomials]
    speed = growth([path + arb(0, reach) for path, _ in paths])
    final = (drift * (speed.max(arb(0)) * h).exp()).upper()
    if compare(drift, "==", fmpq(0)) is not Truth.YES and compare(final, "<", reach) is not Truth.YES:
        return None
    end = [p(h) for p in polynomials]
    ends = [(p(arb(0)) + radius).upper().min((x + final).upper()) for p, x in zip(polynomials, end, strict=True)]
    lowest = [(least - final).lower().union(most) for (_, least), most in zip(paths, ends, strict=True)]
    return _Step(length, end, final, lowest)


def _path(p: arb_poly, length: fmpq) -> tuple[arb, arb]:
    """A ball around the values of p on [0, length], and a lower bound that is as fine as the precision allows.

    On each piece where p certainly is monotone both lie at the ends.
    """
    slope, moments = p.derivative(), [arb(length * k / PIECES) for k in range(PIECES + 1)]
    found = []
    for left, right in pairwise(moments):
        piece = left.union(right)
        monotone = sign(slope(piece)) is not None
        found += [p(left), p(right)] if monotone else [p(piece)]
    return reduce(arb.union, found), reduce(arb.min, [values.lower() for values in found])
