"""How the entries of a matrix form are cut into row blocks, each cropped to the columns that a mask keeps."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from numeric.kernels import Array, Dropped

BLOCK_ENTRIES = 1 << 17
"""Entries of Z in a block, 1 MiB of float64: with the work arrays it stays in cache."""
FEWEST_ROWS, MOST_ROWS = 16, 256
BLOCK_COST = 1 << 11
"""A block is cut in two where that leaves out more than so many dropped entries: about what one more block costs."""


@dataclass(frozen=True, eq=False)
class RowBlock:
    """A rectangle of Z that holds all kept entries of its rows.

    Attributes:
        rows: the rows.
        columns: from the first to the last column in which a row keeps an entry.
        dropped: the part of these columns that holds dropped entries, and 0 where they are, -1 elsewhere, as int8.
    """

    rows: slice
    columns: slice
    dropped: Dropped = None

    @cached_property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


def row_blocks(shape: tuple[int, int], mask: Array | None) -> tuple[RowBlock, ...]:
    """The blocks of a matrix of entries.

    Args:
        shape: (n1, n2).
        mask: boolean of this shape, True in each row somewhere, or None.
    """
    n1, n2 = shape
    if mask is None:
        step = min(MOST_ROWS, max(FEWEST_ROWS, BLOCK_ENTRIES // n2))
        return tuple(RowBlock(slice(start, min(start + step, n1)), slice(0, n2)) for start in range(0, n1, step))
    first, stop = mask.argmax(axis=1), n2 - mask[:, ::-1].argmax(axis=1)
    return tuple(_cropped(rows, first, stop, mask) for rows in _ranges(first, stop))


def _ranges(first: Array, stop: Array) -> Iterator[slice]:
    """Ranges of rows, in order: each is cut where that pays, or in the middle where it is too large."""
    pending = [slice(0, len(first))]
    while pending:
        rows = pending.pop()
        height, cut = rows.stop - rows.start, _best_cut(first[rows], stop[rows])
        too_large = height > MOST_ROWS or (cut.area > BLOCK_ENTRIES and height > FEWEST_ROWS)
        if cut.saved > BLOCK_COST or too_large:
            middle = rows.start + (cut.at if cut.saved > BLOCK_COST else height // 2)
            pending += [slice(middle, rows.stop), slice(rows.start, middle)]
        else:
            yield rows


class _Cut(NamedTuple):
    """Where to cut a range of rows: how many entries fewer both parts have than the whole, which has `area`."""

    at: int
    saved: int
    area: int


def _best_cut(first: Array, stop: Array) -> _Cut:
    """The cut that saves most, as each part is cropped to the columns of its own rows."""
    height = len(first)
    above = np.maximum.accumulate(stop) - np.minimum.accumulate(first)
    below = (np.maximum.accumulate(stop[::-1]) - np.minimum.accumulate(first[::-1]))[::-1]
    area = height * int(above[-1])
    if height == 1:
        return _Cut(0, 0, area)
    counts = np.arange(1, height)
    parts = counts * above[:-1] + (height - counts) * below[1:]
    best = int(parts.argmin())
    return _Cut(best + 1, area - int(parts[best]), area)


def _cropped(rows: slice, first: Array, stop: Array, mask: Array) -> RowBlock:
    columns = slice(int(first[rows].min()), int(stop[rows].max()))
    kept = mask[rows, columns]
    somewhere = np.flatnonzero(~kept.all(axis=0))
    if not somewhere.size:
        return RowBlock(rows, columns)
    part = slice(int(somewhere[0]), int(somewhere[-1]) + 1)
    return RowBlock(rows, columns, (part, -kept[:, part].astype(np.int8)))


def drop(q: Array, dropped: Dropped) -> None:
    """Set the dropped entries of q to 0, in place; bit by bit, as infinity times 0 would be NaN."""
    if dropped is not None:
        columns, kept = dropped
        bits = q.view(kept.dtype)[..., columns]
        np.bitwise_and(bits, kept, out=bits)
