"""Instances of equal sizes as columns: float copies for the screen, and exact values for those that balls look at.

A column proposes nothing: each of its exact values is admissible, whether or not anyone asks for it.
"""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import accumulate
from typing import Any, SupportsIndex, overload

import numpy as np

from ..arrays.backends import Instance, floats
from ..arrays.exact import Count

Exact = Callable[[int], Any]
"""Place -> exact value."""


@dataclass(frozen=True, eq=False)
class Column:
    """One argument of several instances.

    Attributes:
        floats: the nearest floats, or floats a few roundings away, shape (count, *shape).
        exact: place -> exact value, where there is one.
        present: where there is an admissible value, shape (count,).
    """

    floats: np.ndarray
    exact: Exact
    present: np.ndarray

    @staticmethod
    def of(values: Sequence[Any]) -> Column:
        """Exact values of one shape, None where there is none."""
        shape = next((np.shape(value) for value in values if value is not None), ())
        plain = np.zeros((len(values), *shape))
        for i, value in enumerate(values):
            if value is not None:
                plain[i] = floats(value)
        return Column(plain, values.__getitem__, np.array([value is not None for value in values], dtype=bool))

    def values(self) -> list[Any]:
        """The exact values, None where there is none."""
        return [self.exact(i) if here else None for i, here in enumerate(self.present.tolist())]

    def taken(self, rows: np.ndarray) -> Column:
        """The column of some of the instances."""
        return Column(self.floats[rows], partial(_at, self.exact, rows.tolist()), self.present[rows])

    @staticmethod
    def together(count: int, parts: Sequence[tuple[np.ndarray, Column]]) -> Column:
        """Columns of which each has the values of some places, no two of them of the same."""
        if len(parts) == 1:
            return parts[0][1]
        there = [column for _, column in parts if column.present.any()]  # without a value there is no shape
        plain = np.zeros((count, *(there[0].floats.shape[1:] if there else ())))
        present = np.zeros(count, dtype=bool)
        part_of, own = np.empty((2, count), dtype=int)
        for number, (places, column) in enumerate(parts):
            if column.present.any():
                plain[places], present[places] = column.floats, column.present
            part_of[places], own[places] = number, np.arange(len(places))
        return Column(plain, partial(_owned, [column.exact for _, column in parts], part_of, own), present)


def _at(exact: Exact, rows: list[int], place: int) -> Any:
    return exact(rows[place])


def _owned(exacts: list[Exact], part_of: np.ndarray, own: np.ndarray, place: int) -> Any:
    return exacts[part_of[place]](int(own[place]))


class Instances(Sequence[Instance]):
    """A sequence of instances that says which one is `at` a number from 0 on."""

    @overload
    def __getitem__(self, place: SupportsIndex) -> Instance: ...

    @overload
    def __getitem__(self, place: slice) -> list[Instance]: ...

    def __getitem__(self, place: SupportsIndex | slice) -> Instance | list[Instance]:
        if isinstance(place, slice):
            return [self[i] for i in range(len(self))[place]]
        return self.at(range(len(self))[place])

    @abstractmethod
    def at(self, number: int) -> Instance:
        """The instance of a number from 0 to the last."""


@dataclass(frozen=True, eq=False)
class Group(Instances):
    """Admissible instances of equal sizes.

    Attributes:
        names: of the arguments, in order.
        sizes: argument name -> size.
        columns: argument name -> values, for the others.
        many: how many instances.
    """

    names: tuple[str, ...]
    sizes: dict[str, Count]
    columns: dict[str, Column]
    many: int
    _built: dict[int, Instance] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return self.many

    def at(self, number: int) -> Instance:
        if number not in self._built:
            self._built[number] = {
                name: self.sizes[name] if name in self.sizes else self.columns[name].exact(number)
                for name in self.names
            }
        return self._built[number]

    @cached_property
    def shapes(self) -> dict[str, Any]:
        """Argument name -> size, or floats of its shape."""
        return {n: self.sizes[n] if n in self.sizes else self.columns[n].floats[0] for n in self.names}

    @cached_property
    def cells(self) -> int:
        """How many numbers each of its instances holds."""
        return sum(np.size(value) for value in self.shapes.values())

    def joined(self, other: Group) -> Group:
        """The instances of both groups, of the same sizes."""
        ours, theirs = np.arange(len(self)), np.arange(len(self), len(self) + len(other))
        columns = {
            name: Column.together(len(self) + len(other), [(ours, column), (theirs, other.columns[name])])
            for name, column in self.columns.items()
        }
        return Group(self.names, self.sizes, columns, len(self) + len(other))


@dataclass(frozen=True, eq=False)
class Drawn(Instances):
    """The instances of several groups, or of plain lists, one after the other.

    Attributes:
        parts: the groups, none of them empty.
    """

    parts: Sequence[Sequence[Instance]]

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(map(len, self.parts)))

    def __len__(self) -> int:
        return self._ends[-1] if self.parts else 0

    def at(self, number: int) -> Instance:
        part, rest = self.located(number)
        return part[rest]

    def __iter__(self) -> Iterator[Instance]:
        return (instance for part in self.parts for instance in part)

    def located(self, place: SupportsIndex) -> tuple[Sequence[Instance], int]:
        """The part that holds a place, and the place in it."""
        number = range(len(self))[place]
        which = bisect_right(self._ends, number)
        return self.parts[which], number - (self._ends[which - 1] if which else 0)
