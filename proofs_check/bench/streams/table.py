"""Streamed cases as text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table

from proofs_check.bench.format import count, milliseconds, plain_table, share
from proofs_check.bench.streams.cases import SOURCES
from proofs_check.bench.streams.floors import LEGEND

Row = Mapping[str, Any]


def stream_table(rows: Sequence[Row]) -> Table:
    """Time, reads, rate and memory of each case, all numbers of cores of a case together."""
    first = rows[0]
    title = f"Streamed rows, A {count(first['n'])}x{first['d']}, density {first['density']:g} (MB beyond A, b and x)"
    headings = ("operation", "source", "cores", "ms", "reads", "GB/s", "floor", "peak", "arrays", "growth")
    table = plain_table(title, *headings)
    cases = list(dict.fromkeys((row["operation"], row["loss"], row["source"]) for row in rows))
    last = None
    for operation, loss, source in cases:
        for row in (row for row in rows if (row["operation"], row["loss"], row["source"]) == (operation, loss, source)):
            name = f"{operation} {loss}"
            table.add_row("" if name == last else name, source, str(row["cores"]), *_numbers(row))
            last = name
    return table


def _numbers(row: Row) -> Iterator[str]:
    if "failed" in row:
        yield from ("failed", "", "", "")
    else:
        yield milliseconds(row["seconds"])
        yield f"{row['reads']:.3g}"
        yield f"{row['gigabytes_per_second']:.3g}"
        yield share(row)
    if "peak_bytes" in row:
        yield f"{row['peak_bytes'] / 1e6:.1f}"
        yield f"{row['array_bytes'] / 1e6:.1f}"
        yield "" if row["growth"] is None else f"{row['growth']:.2f}"


def stream_legend() -> Iterator[str]:
    """What the columns mean."""
    yield "Streamed rows:"
    yield from (f"  {source}: {words}" for source, words in SOURCES.items())
    yield f"  floor: {LEGEND}"
    yield "  peak: resident memory in a fresh process, with pages of the file and what libraries allocate"
    yield "  arrays: Python objects and NumPy arrays alone; growth: of these from a quarter of the rows to all"
