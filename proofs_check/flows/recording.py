"""A polynomial velocity recorded once as products and sums, then run on numbers, Taylor coefficients or polynomials.

The velocity of a flow is a function written for balls (generated ball code, mostly). Run on `Record` cells it leaves a
tape; the tape then gives the Taylor coefficients of the flow order by order, which the code itself could not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import mul
from typing import Any

from flint import arb

from ..arrays.balls import sign
from ..arrays.fields import Unsupported

CONSTANT, INPUT, SUM, SCALED, PRODUCT = range(5)


@dataclass
class Tape:
    """Nodes ``(kind, a, b)``: a constant (its ball), an input (its place), or an operation on earlier nodes.

    Equal nodes are stored once.
    """

    nodes: list[tuple[int, Any, Any]] = field(default_factory=list)
    _known: dict[Any, int] = field(default_factory=dict)

    def constant(self, value: Any) -> Record:
        """A number of the velocity; it is told from others by where it stands, balls have no hash."""
        self.nodes.append((CONSTANT, arb(value), None))
        return Record(self, len(self.nodes) - 1)

    def node(self, kind: int, a: Any, b: Any = None) -> Record:
        """The node of that description, made where it is new."""
        key = (kind, _exactly(a) if isinstance(a, arb) else a, b)
        if key not in self._known:
            self._known[key] = len(self.nodes)
            self.nodes.append((kind, a, b))
        return Record(self, self._known[key])


def _exactly(ball: arb) -> Any:
    """Midpoint and radius of a ball bit by bit; a ball that is unbounded or [nan] equals no other."""
    return (ball.mid().man_exp(), ball.rad().man_exp()) if ball.is_finite() else object()


@dataclass(frozen=True, eq=False)
class Record:
    """One number of a recorded velocity."""

    tape: Tape
    place: int

    @property
    def ball(self) -> arb | None:
        """The number itself where it is constant."""
        kind, value, _ = self.tape.nodes[self.place]
        return value if kind == CONSTANT else None

    def __add__(self, other: Any) -> Any:
        other = self._lifted(other)
        if self.ball is not None and other.ball is not None:
            return self.tape.constant(self.ball + other.ball)
        for one, rest in ((self, other), (other, self)):
            if _is_zero(one):
                return rest
        return self.tape.node(SUM, *sorted((self.place, other.place)))

    __radd__ = __add__

    def __mul__(self, other: Any) -> Any:
        other = self._lifted(other)
        if self.ball is not None and other.ball is not None:
            return self.tape.constant(self.ball * other.ball)
        for one, rest in ((self, other), (other, self)):
            if _is_zero(one):
                return one
            if one.ball is not None:
                return self.tape.node(SCALED, one.ball, rest.place)
        return self.tape.node(PRODUCT, *sorted((self.place, other.place)))

    __rmul__ = __mul__

    def __neg__(self) -> Any:
        return self * arb(-1)

    def __sub__(self, other: Any) -> Any:
        return self + -self._lifted(other)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __truediv__(self, other: Any) -> Any:
        other = self._lifted(other)
        if other.ball is None:
            raise Unsupported("a flow needs a polynomial velocity, got a quotient")
        return self * (1 / other.ball)

    def __pow__(self, exponent: int) -> Any:
        if not isinstance(exponent, int) or exponent != abs(exponent):
            raise Unsupported(f"a flow needs a polynomial velocity, got the power {exponent}")
        power: Any = self if exponent else self.tape.constant(1)
        for _ in range(exponent - 1):
            power = power * self
        return power

    def _lifted(self, other: Any) -> Record:
        return other if isinstance(other, Record) else self.tape.constant(other)


def _is_zero(cell: Record) -> bool:
    return cell.ball is not None and sign(cell.ball) == 0


@dataclass(frozen=True)
class Velocity:
    """A recorded polynomial map.

    Attributes:
        nodes: of the tape, operands before results.
        outputs: places of the components in the tape.
        moving: components that are integrated; the others start at exactly 0 and never leave it.
    """

    nodes: list[tuple[int, Any, Any]]
    outputs: list[int]
    moving: list[int]

    def coefficients(self, start: Sequence[Any], order: int, number: Callable[[Any], Any]) -> list[list[Any]]:
        """Taylor coefficients of the solution through ``start``, lists of length order + 1; without error bounds.

        Args:
            start: values of the moving components.
            order: degree of the Taylor polynomials.
            number: turns a ball of the tape into a number of the arithmetic wanted.
        """
        zero = number(arb(0))
        series: list[list[Any]] = [[] for _ in self.nodes]
        inputs = {place: i for i, (kind, place, _) in enumerate(self.nodes) if kind == INPUT}
        out = [[number(value)] for value in start]
        scales = [number(a) if kind in (CONSTANT, SCALED) else None for kind, a, _ in self.nodes]
        for place, i in inputs.items():
            series[i] = out[place]
        for k in range(order):
            for i, (kind, a, b) in enumerate(self.nodes):
                if kind == PRODUCT:
                    series[i].append(sum(map(mul, series[a], reversed(series[b])), zero))
                elif kind == SCALED:
                    series[i].append(scales[i] * series[b][k])
                elif kind == SUM:
                    series[i].append(series[a][k] + series[b][k])
                elif kind == CONSTANT:
                    series[i].append(zero if k else scales[i])
            for coefficients, place in zip(out, self.outputs, strict=True):
                coefficients.append(series[place][k] / (k + 1))
        return out

    def __call__(self, x: Sequence[Any]) -> list[Any]:
        """The velocity of the moving components, in any arithmetic that balls mix with."""
        values: list[Any] = []
        for kind, a, b in self.nodes:
            if kind == INPUT:
                values.append(x[a])
            elif kind == CONSTANT:
                values.append(a)
            elif kind == SCALED:
                values.append(a * values[b])
            else:
                values.append(values[a] * values[b] if kind == PRODUCT else values[a] + values[b])
        return [values[place] for place in self.outputs]


def recorded(velocity: Callable[[list[Any]], list[Any]], start: Sequence[Any]) -> Velocity:
    """Record a velocity, without the components that start at exactly 0 and have velocity 0 as long as they are there.

    Args:
        velocity: polynomial map on lists of cells.
        start: the initial state, rationals or balls.

    Raises:
        Unsupported: the velocity is no polynomial.
    """
    resting = {i for i, cell in enumerate(start) if sign(cell) == 0}
    while True:
        tape, moving = Tape(), [i for i in range(len(start)) if i not in resting]
        places = {i: place for place, i in enumerate(moving)}
        cells = [tape.node(INPUT, places[i]) if i in places else tape.constant(0) for i in range(len(start))]
        results = [tape.constant(0) + cell for cell in velocity(cells)]
        leaving = {i for i in resting if not _is_zero(results[i])}
        if not leaving:
            return Velocity(tape.nodes, [results[i].place for i in moving], moving)
        resting -= leaving
