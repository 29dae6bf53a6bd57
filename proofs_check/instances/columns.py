"""Instances of equal sizes as columns: float copies for the screen, and exact values for those that balls look at.

A column proposes nothing: each of its exact values is admissible, whether or not anyone asks for it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import accumulate
from typing import Any, overload

import numpy as np

from ..arrays.backends import Instance, floats
from ..arrays.exact import Count

Maker = Callable[[], Any]
"""Gives an exact value."""


def itself(value: Any) -> Any:
    """The value."""
    return value


def scaled(maker: Maker, factor: Any) -> Any:
    """A multiple of what a maker gives."""
    return maker() * factor


@dataclass(frozen=True, eq=False)
class Column:
    """One argument of several instances.

    Attributes:
        floats: the nearest floats, or floats a few roundings away, shape (count, *shape).
        makers: of the exact values, None where there is no admissible one.
    """

    floats: np.ndarray
    makers: list[Maker | None]

    @staticmethod
    def of(values: Sequence[Any]) -> Column:
        """Exact values of one shape, some of them None."""
        shape = next((np.shape(value) for value in values if value is not None), ())
        plain = np.zeros((len(values), *shape))
        for i, value in enumerate(values):
            if value is not None:
                plain[i] = floats(value)
        return Column(plain, [None if value is None else partial(itself, value) for value in values])

    def values(self) -> list[Any]:
        """The exact values, None where there is none."""
        return [None if maker is None else maker() for maker in self.makers]

    def taken(self, rows: Sequence[int]) -> Column:
        """The column of some of the instances."""
        return Column(self.floats[list(rows)], [self.makers[i] for i in rows])


@dataclass(frozen=True, eq=False)
class Group(Sequence[Instance]):
    """Admissible instances of equal sizes.

    Attributes:
        names: of the arguments, in order.
        sizes: argument name -> size.
        columns: argument name -> values, for the others.
    """

    names: tuple[str, ...]
    sizes: dict[str, Count]
    columns: dict[str, Column]
    _built: dict[int, Instance] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())).makers)

    @overload
    def __getitem__(self, place: int) -> Instance: ...

    @overload
    def __getitem__(self, place: slice) -> list[Instance]: ...

    def __getitem__(self, place: int | slice) -> Instance | list[Instance]:
        if isinstance(place, slice):
            return [self[i] for i in range(len(self))[place]]
        number = range(len(self))[place]
        if number not in self._built:
            self._built[number] = {name: self._value(name, number) for name in self.names}
        return self._built[number]

    def _value(self, name: str, number: int) -> Any:
        if name in self.sizes:
            return self.sizes[name]
        maker = self.columns[name].makers[number]
        assert maker is not None  # a group keeps admissible instances only
        return maker()

    @property
    def cells(self) -> int:
        """How many numbers each of its instances holds."""
        return len(self.sizes) + sum(column.floats[0].size for column in self.columns.values())

    def joined(self, other: Group) -> Group:
        """The instances of both groups, of the same sizes."""
        columns = {
            name: Column(np.concatenate([ours.floats, theirs.floats]), [*ours.makers, *theirs.makers])
            for name, ours, theirs in ((n, c, other.columns[n]) for n, c in self.columns.items())
        }
        return Group(self.names, self.sizes, columns)


@dataclass(frozen=True, eq=False)
class Drawn(Sequence[Instance]):
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

    @overload
    def __getitem__(self, place: int) -> Instance: ...

    @overload
    def __getitem__(self, place: slice) -> list[Instance]: ...

    def __getitem__(self, place: int | slice) -> Instance | list[Instance]:
        if isinstance(place, slice):
            return [self[i] for i in range(len(self))[place]]
        part, rest = self.located(place)
        return part[rest]

    def __iter__(self) -> Iterator[Instance]:
        return (instance for part in self.parts for instance in part)

    def located(self, place: int) -> tuple[Sequence[Instance], int]:
        """The part that holds a place, and the place in it."""
        number = range(len(self))[place]
        which = bisect_right(self._ends, number)
        return self.parts[which], number - (self._ends[which - 1] if which else 0)
