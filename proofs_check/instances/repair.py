"""Instances that meet the equalities among a claim's further hypotheses: drawn ones, moved onto them in rationals.

An equality that is affine in one argument (x + y = 1/3, <x, y> = 0, A x = b) is solved for it exactly, by the shortest
rational step. One of degree two (<x, x> = 1) is met by the second point of a line through a point that meets it, which
is rational, and which lies in the affine ones if the line does; any other, by turning instances that happen to meet it.
Instances of entries 0, 1 and -1 are tried as they are: they meet many systems that no such step does. Whatever comes
out is checked, so a guess about the shape of an equality can cost instances and never a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat

from ..arrays.backends import BALLS, Instance, floats, joined
from ..arrays.balls import precision
from ..arrays.exact import from_float
from ..claims import Claim, evaluate
from ..searching.charts import Chart
from ..searching.search import screen
from .domains import Size
from .proposals import LARGEST
from .survey import Survey
from .tensors import Matrix

BITS = 128
STRETCHES = (1.0, 1.5)
"""Steps also lead outwards: a limit of the annotations stops them, and a bound is often attained there."""
SOURCES, PATIENCE = 400, 60
"""Most drawn instances that are moved; so many without success end it."""
WANTED = 200
ROUNDS, LEADERS, STEPS = 10, 4, 6
"""A search along the equalities: rounds, instances that each starts from, steps from each."""
LINES = 4
"""Lines through one known instance."""
MOST_FREE = 40
"""Most entries of an argument that is solved for."""
GRID = 20
"""Bits of directions."""
SIMPLE, DENSITIES = 240, (0.3, 0.6, 1.0)
"""Instances of entries 0, 1 and -1 that are tried as they are, and shares of entries that are not 0."""


def meeting(claim: Claim, found: Survey, rng: np.random.Generator) -> Survey:
    """The survey with instances that meet the equalities of the body; itself where there are none.

    Args:
        claim: the claim.
        found: instances that meet the annotations.
        rng: for directions and turns.
    """
    if not found.drawn or not any(op == "==" for op in _relations(claim, found.drawn[0])):
        return found
    moved = _moved(_Equalities(claim), found.drawn, rng)
    if not moved:
        return found
    equalities = _Equalities(claim)
    used = [_usage(claim, instance) for instance in moved]
    for number in range(ROUNDS):
        nearer = _nearby(equalities, moved, used, 3.0**-number, rng)
        moved += nearer
        used += [_usage(claim, instance) for instance in nearer]
    usage = np.concatenate([found.usage, np.array(used)])
    return Survey(
        [*found.drawn, *moved], usage, found.wanted, found.dropped, found.dropped_admissible, found.dropped_sizes
    )


def _usage(claim: Claim, instance: Instance) -> float:
    return float(screen(claim, [instance])[0])


def _nearby(
    equalities: _Equalities, moved: list[Instance], used: list[float], reach: float, rng: np.random.Generator
) -> list[Instance]:
    """Steps from the instances that use most of the bound, and back onto the equalities."""
    order = np.argsort(-np.nan_to_num(np.array(used), nan=-np.inf), kind="stable")[:LEADERS]
    found: list[Instance] = []
    for leader in (moved[int(place)] for place in order):
        for number in range(STEPS):
            aside = _aside(equalities, leader, STRETCHES[number % len(STRETCHES)], reach, rng)
            # The line from a point far off through one beside the leader ends beside the leader.
            anchors = (leader, moved[int(rng.integers(len(moved)))])
            tried = (*_solved(equalities, aside, rng), *(_second_point(equalities, one, aside) for one in anchors))
            tried = (*tried, _turned(equalities.claim, leader, rng, reach))
            found += [one for one in tried if one is not None and equalities.met(one)][:2]
    return found


def _aside(
    equalities: _Equalities, instance: Instance, stretch: float, reach: float, rng: np.random.Generator
) -> Instance:
    """An admissible instance beside another one; one that is not admissible where rounding leads to none."""
    chart = equalities.chart(instance)
    free = chart.start(instance)
    noise = reach * max(float(np.abs(free).max(initial=0.0)), 0.1) * rng.standard_normal(free.size)
    return chart.exactly(stretch * free + noise) or _scattered(instance, rng, reach)


def _relations(claim: Claim, instance: Instance) -> list[str]:
    with precision(BITS):
        arguments = {name: joined(value, BALLS) for name, value in instance.items()}
        return [hypothesis.op for hypothesis in evaluate(claim, arguments, BALLS).hypotheses]


@dataclass(frozen=True)
class _Equalities:
    """The equalities of a claim as a function of its arguments.

    Attributes:
        claim: the claim.
        charts: sizes -> chart.
    """

    claim: Claim
    charts: dict[tuple[int, ...], Chart] = field(default_factory=dict)

    def chart(self, instance: Instance) -> Chart:
        """The free floats at the sizes of an instance."""
        sizes = tuple(int(value) for value in instance.values() if isinstance(value, int))
        if sizes not in self.charts:
            self.charts[sizes] = Chart.at(self.claim, instance)
        return self.charts[sizes]

    def residual(self, instance: Instance) -> np.ndarray | None:
        """left - right of all equalities, as rationals; None where one is not rational or not defined."""
        with precision(BITS):
            arguments = {name: joined(value, BALLS) for name, value in instance.items()}
            try:
                sides = evaluate(self.claim, arguments, BALLS)
            except (ValueError, IndexError, ZeroDivisionError):
                return None
            parts = [(h.left - h.right).data.reshape(-1) for h in sides.hypotheses if h.op == "=="]
        cells = np.concatenate(parts) if parts else np.zeros(0, dtype=object)
        return cells if all(isinstance(cell, fmpq) for cell in cells) else None

    def met(self, instance: Instance | None) -> bool:
        """Whether an instance meets the annotations and the equalities, exactly."""
        if instance is None or not self.claim.admits(instance):
            return False
        residual = self.residual(instance)
        return residual is not None and all(cell == 0 for cell in residual)

    def free(self) -> list[str]:
        """Arguments that can be moved."""
        return [name for name, domain in self.claim.domains.items() if not isinstance(domain, Size)]


def _moved(equalities: _Equalities, drawn: Sequence[Instance], rng: np.random.Generator) -> list[Instance]:
    found = _simple(equalities, drawn, rng)
    order = [drawn[int(i)] for i in rng.permutation(len(drawn))[:SOURCES]]
    # From zero, one entry can be solved for in <x, x> = 1 as well: the sparsest come first.
    sparse = sorted(range(len(order)), key=lambda place: _nonzero(order[place]))[: PATIENCE // 2]
    order = [order[place] for place in dict.fromkeys((*sparse, *range(len(order))))]
    for number, start in enumerate(order):
        if number == PATIENCE and not found:
            break
        solved = next((one for one in _solved(equalities, start, rng) if equalities.met(one)), None)
        found += [] if solved is None else [solved]
        if len(found) >= WANTED:
            return found
    known = [*found, *(one for one in drawn if equalities.met(one))]
    for number in range(SOURCES if known else 0):
        known += _from_known(equalities, known[number % len(known)], order[number % len(order)], rng)
        if len(known) >= WANTED:
            break
    return known


def _simple(equalities: _Equalities, drawn: Sequence[Instance], rng: np.random.Generator) -> list[Instance]:
    """Instances of small whole numbers that meet the equalities: several of degree two are met by no step of above."""
    found: list[Instance] = []
    for number in range(SIMPLE):
        near = drawn[number % len(drawn)]
        density = DENSITIES[number % len(DENSITIES)]
        tried = {name: _signs(value, equalities.claim.domains[name], density, rng) for name, value in near.items()}
        found += [tried] if equalities.met(tried) else []
    return found


def _signs(value: Any, domain: Any, density: float, rng: np.random.Generator) -> Any:
    """An array of the same shape, symmetric where the domain says so, of entries 0, 1 and -1; a number as it is."""
    if not isinstance(value, np.ndarray):
        return value
    signs = rng.integers(0, 2, value.shape) * 2 - 1
    cells = np.where(rng.random(value.shape) < density, signs, 0)
    if getattr(domain, "symmetric", False):
        cells = np.triu(cells) + np.triu(cells, 1).T
    return np.array([fmpq(int(cell)) for cell in cells.flat], dtype=object).reshape(value.shape)


def _nonzero(instance: Instance) -> int:
    """How many numbers of an instance are not 0."""
    return sum(int(np.count_nonzero(np.asarray(v))) for v in instance.values() if not isinstance(v, int))


def _solved(equalities: _Equalities, start: Instance, rng: np.random.Generator) -> Iterator[Instance]:
    """The instance with one argument, or all of them, or one entry, moved to where the equalities hold if affine."""
    names = equalities.free()
    for name in rng.permutation(np.array(names, dtype=object)):
        yield from _affine(equalities, start, _places(start, [name]))
        place = _places(start, [name])
        yield from _affine(equalities, start, [place[int(rng.integers(len(place)))]])
    if len(names) > 1:
        yield from _affine(equalities, start, _places(start, names))


_Place = tuple[str, tuple[int, ...]]


def _places(instance: Instance, names: list[str]) -> list[_Place]:
    return [(name, index) for name in names for index in np.ndindex(np.shape(instance[name]))]


def _shifted(instance: Instance, places: list[_Place], steps: list[fmpq]) -> Instance:
    out = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in instance.items()}
    for (name, index), step in zip(places, steps, strict=True):
        if index:
            out[name][index] = out[name][index] + step
        else:
            out[name] = out[name] + step
    return out


def _affine(
    equalities: _Equalities, start: Instance, places: list[_Place], which: Sequence[int] | None = None
) -> Iterator[Instance]:
    """The shortest step of some entries onto the equalities (all, or those of some places), if affine in these."""
    here = equalities.residual(start)
    if here is None or not 0 < len(places) <= MOST_FREE:
        return
    one = fmpq(1)
    columns = [equalities.residual(_shifted(start, [place], [one])) for place in places]
    if any(column is None for column in columns):
        return
    rows, width = range(len(here)) if which is None else which, len(places)
    slopes = fmpq_mat(len(rows), width, [columns[j][i] - here[i] for i in rows for j in range(width)])  # type: ignore[index]
    wanted = fmpq_mat(len(rows), 1, [-here[i] for i in rows])
    steps = _shortest(slopes, wanted)
    if steps is not None:
        yield _shifted(start, places, steps)


def _shortest(slopes: fmpq_mat, wanted: fmpq_mat) -> list[fmpq] | None:
    """A step with ``slopes step = wanted``, the shortest where the rows are independent."""
    height, width = slopes.nrows(), slopes.ncols()
    rows = [[*(slopes[i, j] for j in range(width)), wanted[i, 0]] for i in range(height)]
    reduced, rank = fmpq_mat(height, width + 1, [cell for row in rows for cell in row]).rref()
    if rank == 0 or any(all(reduced[i, j] == 0 for j in range(width)) and reduced[i, width] != 0 for i in range(rank)):
        return None
    kept = fmpq_mat(rank, width, [reduced[i, j] for i in range(rank) for j in range(width)])
    right = fmpq_mat(rank, 1, [reduced[i, width] for i in range(rank)])
    return list((kept.transpose() * (kept * kept.transpose()).solve(right)).entries())


def _from_known(
    equalities: _Equalities, known: Instance, other: Instance, rng: np.random.Generator
) -> Iterator[Instance]:
    """Further instances from one that meets the equalities: on lines through it, and turned."""
    candidates = [_second_point(equalities, known, other)]
    candidates += [_second_point(equalities, known, _scattered(known, rng)) for _ in range(LINES)]
    candidates.append(_turned(equalities.claim, known, rng))
    return (one for one in candidates if one is not None and equalities.met(one))


def _second_point(equalities: _Equalities, known: Instance, other: Instance) -> Instance | None:
    """Where the line from a known instance to another meets equalities of degree two again."""
    if any(np.shape(known[name]) != np.shape(other[name]) for name in known):
        return None
    if any(known[name] != other[name] for name in known if isinstance(known[name], int)):
        return None
    bends = _bends(equalities, known, other)
    straight = [place for place, (bend, _) in enumerate(bends) if bend == 0]
    if len(straight) < len(bends) and any(bends[place][1] != 0 for place in straight):  # the line must lie in these
        moved = next(_affine(equalities, other, _places(other, equalities.free()), straight), None)
        if moved is None:
            return None
        other, bends = moved, _bends(equalities, known, moved)
    for bend, slope in bends:
        if bend != 0 and slope != 0:
            return _between(known, other, -slope / bend)
    return None


def _bends(equalities: _Equalities, known: Instance, other: Instance) -> list[tuple[fmpq, fmpq]]:
    """c and b of the residuals b t + c t^2 on the line from a known instance to another; none where not rational."""
    up, down = (equalities.residual(_between(known, other, fmpq(t))) for t in (1, -1))
    return [] if up is None or down is None else [((p + m) / 2, (p - m) / 2) for p, m in zip(up, down, strict=True)]


def _between(known: Instance, other: Instance, t: fmpq) -> Instance:
    return {name: v if isinstance(v, int) else v + (other[name] - v) * t for name, v in known.items()}


def _scattered(known: Instance, rng: np.random.Generator, reach: float = 1.0) -> Instance:
    out: Instance = {}
    for name, value in known.items():
        if isinstance(value, int):
            out[name] = value
        else:
            shape = np.shape(value)
            size = min(max(1.0, float(np.abs(np.asarray(floats(value))).max(initial=0.0))), LARGEST)
            noise = _rounded(reach * size * rng.standard_normal(max(1, int(np.prod(shape)))))
            out[name] = value + (_symmetrized(noise.reshape(shape), value) if shape else noise[0])
    return out


def _rounded(noise: np.ndarray) -> np.ndarray:
    """Floats on a grid of `GRID` bits below the largest, as rationals."""
    unit = 2.0 ** (np.ceil(np.log2(np.abs(noise).max())) - GRID)
    return np.array([from_float(float(cell)) for cell in np.rint(noise / unit) * unit], dtype=object)


def _symmetrized(noise: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Noise that leaves a symmetric matrix symmetric."""
    symmetric = value.ndim == 2 and value.shape[0] == value.shape[1] and bool(np.all(value == value.T))
    return (noise + noise.T) * fmpq(1, 2) if symmetric else noise


def _turned(claim: Claim, known: Instance, rng: np.random.Generator, reach: float = 1.0) -> Instance:
    """All vectors and matrices turned by one random rational rotation for each length, a small one for small reach."""
    turns: dict[int, np.ndarray] = {}

    def turn(n: int) -> np.ndarray:
        if n not in turns:
            turns[n] = Matrix(n, n, orthogonal=True).exactly(reach * rng.standard_normal(n * n), {}, GRID // 2)
        return turns[n]

    out: dict[str, Any] = {}
    for name, value in known.items():
        if isinstance(value, np.ndarray):
            value = turn(len(value)) @ value
            if value.ndim == 2 and getattr(claim.domains[name], "symmetric", False):
                value = value @ turn(len(value)).T
        out[name] = value
    return out
