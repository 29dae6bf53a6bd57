"""Numbers and tables as the report prints them."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

WIDTH = 100
"""Columns of a report that goes to no terminal."""


def print_parts(parts: Iterable[Any], console: Console | None) -> None:
    """Tables and texts, a line between them, to a console or to standard output."""
    if console is None:
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=WIDTH)
    for part in parts:
        if isinstance(part, Table):
            # Above the table and not in it: a narrow table would break its title.
            console.print(f"[bold]{part.title}[/]")
            part.title = None
        console.print(part)
        console.print()


def plain_table(title: str, *headings: str) -> Table:
    """A table without lines, whose columns of words fold where the terminal is narrow."""
    table = Table(
        box=None, pad_edge=False, title=title, title_justify="left", title_style="bold", collapse_padding=True
    )
    for heading in headings:
        table.add_column(heading, no_wrap=heading not in ("operation", "where", "target"), overflow="fold")
    return table


def count(n: int) -> str:
    """100000 as 1e5.

    >>> count(100_000), count(256)
    ('1e5', '256')
    """
    digits = str(n)
    return f"{digits[0]}e{len(digits) - 1}" if n >= 1000 and set(digits[1:]) == {"0"} else digits


def milliseconds(seconds: float) -> str:
    """Three digits below a second, whole milliseconds above.

    >>> milliseconds(0.0123456), milliseconds(12.3456)
    ('12.3', '12346')
    """
    return f"{1e3 * seconds:.3g}" if seconds < 1 else f"{1e3 * seconds:.0f}"


def share(row: Mapping[str, Any]) -> str:
    """The floor's time over ours, empty where there is none."""
    return f"{row['share_of_floor']:.2f}" if "share_of_floor" in row else ""
