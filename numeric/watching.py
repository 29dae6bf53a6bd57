"""Reads of a streamed A that are told of while they last: one step on many rows can take minutes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from numeric.blocks import Block
from numeric.forms.stream import StreamForm
from numeric.rows import RowSource
from numeric.whitening import WhitenedRegression
from numeric.whitening_stream import ChangedRows

Report = Callable[[float], None]
"""Called after each block with the share of the rows that this read has given; 1 is its end."""


@dataclass(frozen=True, eq=False)
class WatchedRows:
    """A source of rows that tells of each block that it has given."""

    source: RowSource
    given: Callable[[Block], None]

    @property
    def shape(self) -> tuple[int, int]:
        """See `RowSource`; so are all members below."""
        return self.source.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.source.dtype

    @property
    def squares(self) -> float:
        return self.source.squares

    def blocks(self, dtype: np.dtype[Any], width: int, formed: bool = False) -> Iterator[Block]:
        for block in self.source.blocks(dtype, width, formed):
            yield block
            self.given(block)


def watched(problem: WhitenedRegression, report: Report) -> WhitenedRegression:
    """The same problem, which tells how far each read of a streamed A is; without one, the problem itself."""
    form = problem.forms[0]
    if not isinstance(form, StreamForm):
        return problem
    source, rows = form.source, form.source.shape[0]

    def given(block: Block) -> None:
        report(block.rows.stop / rows)

    # Below a change of variables, which methods look for.
    if isinstance(source, ChangedRows):
        source = replace(source, inner=WatchedRows(source.inner, given))
    else:
        source = WatchedRows(source, given)
    return replace(problem, forms=(replace(form, source=source),))
