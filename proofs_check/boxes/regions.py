"""The instances of a claim at fixed sizes as boxes of variables that are never negative, one box per pattern of signs.

A box holds every admissible instance of its pattern, and more: norms of several entries become limits of each entry and
a constraint, which may rule out parts of the box. A proof for the whole box therefore covers the claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
from flint import fmpq

from ..arithmetic import Array, working_in
from ..arrays.cells import Cells
from ..arrays.exact import Count
from ..arrays.fields import Unsupported
from ..claims import Claim
from ..constants import walk
from ..instances.domains import Scalar, Size
from ..instances.limits import Limit
from ..instances.tensors import Vector
from . import sums
from .sums import Letter, Sum
from .tracing import Cell, Trace, Twin, backend

MOST_VARIABLES = 6
UNBOUNDED = fmpq(4)
"""Entries without a limit are covered up to this size; the scope says so."""

Box = dict[Letter, tuple[fmpq, fmpq]]


@dataclass(frozen=True)
class Region:
    """One pattern of signs.

    Attributes:
        arguments: what the body is called with.
        box: variable -> the rationals between which it lies.
        constraints: sums that are >= 0 on every admissible instance.
        trace: records what must be defined.
        backend: of the arguments.
    """

    arguments: dict[str, Any]
    box: Box
    constraints: tuple[Sum, ...]
    trace: Trace
    backend: Cells


@dataclass
class _Entry:
    """One free number: a range between rationals, or +-limit * variable."""

    name: str
    place: tuple[int, ...]
    low: fmpq | None = None
    high: fmpq | None = None

    def pieces(self) -> list[tuple[int, fmpq, fmpq]]:
        """Signs with the range of the size; a limit's share is between 0 and 1."""
        if self.low is None or self.high is None:
            return [(1, fmpq(0), fmpq(1)), (-1, fmpq(0), fmpq(1))]
        if self.low >= 0:
            return [(1, self.low, self.high)]
        if self.high <= 0:
            return [(-1, -self.high, -self.low)]
        return [(1, fmpq(0), self.high), (-1, fmpq(0), -self.low)]

    @property
    def letter(self) -> Letter:
        index = ",".join(str(i + 1) for i in self.place)
        return Letter("var", (f"{self.name}[{index}]" if self.place else self.name,))


@dataclass(frozen=True)
class Scope:
    """A claim at fixed sizes.

    Attributes:
        claim: the claim.
        sizes: argument name -> size.
        truncated: arguments without a limit, which are covered up to `UNBOUNDED` only.
        entries: the free numbers.
    """

    claim: Claim
    sizes: dict[str, Count]
    truncated: list[str] = field(default_factory=list)
    entries: list[_Entry] = field(default_factory=list)

    @staticmethod
    def of(claim: Claim, sizes: dict[str, Count]) -> Scope:
        """The scope with its entries.

        Raises:
            Unsupported: an annotation without a box here, or too many numbers.
        """
        scope = Scope(claim, sizes)
        for name, domain in claim.domains.items():
            if not isinstance(domain, Size):
                scope.entries.extend(scope._entries(name, domain))
        if len(scope.entries) > MOST_VARIABLES:
            raise Unsupported(f"{len(scope.entries)} free numbers")
        return scope

    def _entries(self, name: str, domain: Any) -> list[_Entry]:
        limits = {key: Limit.of(getattr(domain, key), key) for key in ("low", "high") if _given(domain, key)}
        plain = {key: limit for key, limit in limits.items() if not limit.names}
        low = plain["low"].lower({}) if "low" in plain else None
        high = plain["high"].upper({}) if "high" in plain else None
        places: list[tuple[int, ...]] = [()]
        if not isinstance(domain, Scalar):
            places = list(np.ndindex(self._shape(domain)))
            if getattr(domain, "psd", False) or getattr(domain, "orthogonal", False) or _given(domain, "rank"):
                raise Unsupported("a structured matrix")
            if getattr(domain, "simplex", False):
                return [_Entry(name, place, fmpq(0), fmpq(1)) for place in places[:-1]]
            if getattr(domain, "symmetric", False):
                places = [place for place in places if place[0] <= place[1]]
        if low is not None and high is not None:
            return [_Entry(name, place, low, high) for place in places]
        if low is not None or high is not None or len(limits) > len(plain):
            if not isinstance(domain, Scalar):
                raise Unsupported("entries with limits that are not two numbers")
            return [_Entry(name, place, fmpq(0), fmpq(1)) for place in places]
        if not _norms(domain):
            self.truncated.append(name)
        return [_Entry(name, place) for place in places]

    def _shape(self, domain: Any) -> tuple[int, ...]:
        names = ("dim",) if isinstance(domain, Vector) else ("rows", "columns")
        return tuple(int(Limit.of(getattr(domain, name), name).whole(self.sizes)) for name in names)

    def regions(self) -> Iterator[Region]:
        """All patterns of signs."""
        for pattern in product(*(entry.pieces() for entry in self.entries)):
            pieces = {entry.letter: piece for entry, piece in zip(self.entries, pattern, strict=True)}
            yield self._region(pieces)

    def _region(self, pieces: dict[Letter, tuple[int, fmpq, fmpq]]) -> Region:
        trace = Trace(self._twin(pieces))
        field_ = backend(trace)
        arguments: dict[str, Any] = {}
        constraints: list[Sum] = []
        with working_in(field_):
            for name, domain in self.claim.domains.items():
                if name in self.sizes:
                    arguments[name] = self.sizes[name]
                else:
                    values = self._values(name, domain, pieces, arguments, constraints)
                    cells = [Cell(value, trace) for value in values.reshape(-1)]
                    data = field_.array_of(cells).reshape(values.shape)
                    arguments[name] = Array(data, field_)
        box = {letter: (low, high) for letter, (_, low, high) in pieces.items()}
        return Region(arguments, box, tuple(constraints), trace, field_)

    def _twin(self, pieces: dict[Letter, tuple[int, fmpq, fmpq]]) -> Twin | None:
        """The second of two single numbers with one annotation, if they are the only such pair."""
        single = {e.name: e for e in self.entries if sum(other.name == e.name for other in self.entries) == 1}
        pairs = [
            (first, second)
            for place, (a, first) in enumerate(single.items())
            for b, second in list(single.items())[place + 1 :]
            if self.claim.domains[a] == self.claim.domains[b] and pieces[first.letter][1:] == pieces[second.letter][1:]
        ]
        if len(pairs) != 1:
            return None
        first, second = (entry.letter for entry in pairs[0])
        return Twin(second, sums.single(first).times(fmpq(pieces[first][0] * pieces[second][0])))

    def _values(
        self, name: str, domain: Any, pieces: dict[Letter, Any], known: dict[str, Any], constraints: list[Sum]
    ) -> np.ndarray:
        """The entries of an argument as sums; what else its annotation says goes to the constraints."""
        found = {
            e.place: sums.single(e.letter).times(fmpq(pieces[e.letter][0])) for e in self.entries if e.name == name
        }
        if isinstance(domain, Scalar):
            return _filled((), {(): self._scalar(domain, found[()], known)})
        shape = self._shape(domain)
        if getattr(domain, "simplex", False):
            return _filled(shape, _stick_breaking(found, shape[0]))
        limit = self._limit(domain, known) if next(e for e in self.entries if e.name == name).low is None else None
        if limit is not None and len(found) > 1 and not getattr(domain, "symmetric", False):
            constraints += _constraints(domain, found, shape)
        scaled = {place: value * limit if limit is not None else value for place, value in found.items()}
        if getattr(domain, "symmetric", False):
            scaled |= {(j, i): value for (i, j), value in scaled.items()}
        return _filled(shape, scaled)

    def _scalar(self, domain: Scalar, share: Sum, known: dict[str, Any]) -> Sum:
        """The number itself, or low + share * (high - low) where a limit depends on other arguments."""
        low, high = domain.limits()
        if not low.names and not high.names:
            return share
        ends = [walk(limit.tree, known, {}).data[()].sum for limit in (low, high)]
        return ends[0] + share * (ends[1] - ends[0])

    def _limit(self, domain: Any, known: dict[str, Any]) -> Sum:
        """A limit of the size of every entry; all norms here are at least that."""
        if not _norms(domain):
            return sums.number(UNBOUNDED)
        tree = Limit.of(getattr(domain, _norms(domain)[0]), "limit").tree
        limit: Sum = walk(tree, known, {}).data[()].sum
        if not sums.nonnegative(limit):
            raise Unsupported("a limit that is not visibly nonnegative")
        return limit

    def ranges(self) -> str:
        """The intervals that are covered, as text."""
        numbers = [e for e in self.entries if isinstance(self.claim.domains[e.name], Scalar)]
        shown = []
        for entry in numbers:
            low, high = self.claim.domains[entry.name].limits()
            shown.append(f"{entry.name} in [{low.tree}, {high.tree}]")
        shown += [f"entries of {name} in [-{UNBOUNDED}, {UNBOUNDED}]" for name in self.truncated]
        rest = [
            n for n, d in self.claim.domains.items() if not isinstance(d, (Size, Scalar)) and n not in self.truncated
        ]
        return "; ".join([*shown, *([f"all admissible {', '.join(rest)}"] if rest else [])])


def _given(domain: Any, name: str) -> bool:
    return getattr(domain, name, None) is not None


def _norms(domain: Any) -> list[str]:
    return [name for name in ("norm2", "norm_inf", "norm1", "spectral", "frobenius") if _given(domain, name)]


def _filled(shape: tuple[int, ...], values: dict[tuple[int, ...], Sum]) -> np.ndarray:
    out = np.empty(shape, dtype=object)
    for place in np.ndindex(shape):
        out[place] = values[place]
    return out


def _stick_breaking(shares: dict[tuple[int, ...], Sum], n: int) -> dict[tuple[int, ...], Sum]:
    """Each entry takes its share of what the earlier ones left: all of the simplex, and nothing else."""
    left = sums.number(fmpq(1))
    out: dict[tuple[int, ...], Sum] = {}
    for i in range(n - 1):
        out[(i,)] = left * shares[(i,)]
        left = left - out[(i,)]
    out[(n - 1,)] = left
    return out


def _constraints(domain: Any, shares: dict[tuple[int, ...], Sum], shape: tuple[int, ...]) -> list[Sum]:
    """What the first norm says of the shares of its limit: sums of squares, or of absolute values, are at most 1."""
    kind = _norms(domain)[0] if _norms(domain) else "norm_inf"
    if kind == "norm_inf":
        return []
    groups = [list(shares)] if kind != "spectral" else [[(i, j) for i in range(shape[0])] for j in range(shape[1])]
    measure = sums.absolute if kind == "norm1" else lambda x: x * x
    return [
        reduce(lambda total, place: total - measure(shares[place]), group, sums.number(fmpq(1))) for group in groups
    ]
