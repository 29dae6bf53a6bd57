"""A run as text: tables that fit 80 columns, targets, losing cases, and what the floors are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from proofs_check.bench.accuracy import worst
from proofs_check.bench.cases import OPERATIONS
from proofs_check.bench.floors import LEGEND
from proofs_check.bench.rivals import DESCRIPTIONS

WIDTH = 100
Row = Mapping[str, Any]


def print_report(result: Mapping[str, Any], console: Console | None = None) -> None:
    """Everything that a run found, to standard output."""
    if console is None:
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=WIDTH)
    for part in _parts(result):
        if isinstance(part, Table):
            # Above the table and not in it: a narrow table would break its title.
            console.print(f"[bold]{part.title}[/]")
            part.title = None
        console.print(part)
        console.print()


def _parts(result: Mapping[str, Any]) -> Iterator[Any]:
    rivals = list(dict.fromkeys(name for row in result["rows"] for name in row.get("rivals", {})))
    for cores in dict.fromkeys(row["cores"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["cores"] == cores]
        yield _times(rows, cores, rivals)
        if variants := [row for row in rows if "per_entry" in row]:
            yield _variants(variants)
    if reasons := list(_reasons(result["rows"])):
        yield escape("Not timed:\n" + "\n".join(reasons))
    if result["missing_rivals"]:
        names = ", ".join(result["missing_rivals"])
        yield escape(f"Not installed: {names}; for all rivals: pip install 'lemmascope[bench]'")
    yield _accuracy(result["accuracy"])
    yield _derivations(result["derivations"])
    yield _targets(result["targets"])
    yield _losing(result["losing"])
    yield _legend(rivals)


def _table(title: str, *headings: str) -> Table:
    table = Table(
        box=None, pad_edge=False, title=title, title_justify="left", title_style="bold", collapse_padding=True
    )
    for heading in headings:
        table.add_column(heading, no_wrap=heading not in ("operation", "where", "target"), overflow="fold")
    return table


def _times(rows: Sequence[Row], cores: int, rivals: Sequence[str]) -> Table:
    title = f"Times on {cores} core{'s' if cores > 1 else ''} (ms, median and quartiles; rivals: times as long as ours)"
    table = _table(title, "operation", "n x d", "ms", "quartiles", "cpu", "floor", *rivals)
    last = None
    for row in rows:
        if "per_entry" in row:
            continue
        name = f"{row['operation']} {row['form']}" + ("" if row["loss"] == rows[0]["loss"] else f" {row['loss']}")
        size = f"{_count(row['n'])}x{row['d']}"
        if "failed" in row:
            table.add_row(name, size, "failed")
            continue
        table.add_row(
            "" if name == last else name, size, _ms(row["seconds"]),
            f"{_ms(row['lower_quartile'])}-{_ms(row['upper_quartile'])}",
            f"{row['cpu_seconds'] / row['seconds']:.1f}", _share(row),
            *(_speedup(row["rivals"].get(rival, {})) for rival in rivals),
        )  # fmt: skip
        last = name
    return table


def _variants(rows: Sequence[Row]) -> Table:
    size = f"{rows[0]['n']}x{rows[0]['d']}"
    table = _table(
        f"Value and gradient, matrix {size}, against the dense case", "variant", "ms", "dense ms", "per entry"
    )
    for row in rows:
        table.add_row(row["variant"], _ms(row["seconds"]), _ms(row["dense_seconds"]), f"{row['per_entry']:.2f}")
    return table


def _reasons(rows: Sequence[Row]) -> Iterator[str]:
    """Why rivals or cases have no time, each reason once."""
    seen: dict[str, None] = {}
    for row in rows:
        where = f"{row['operation']} {row['form']} {_count(row['n'])}x{row['d']}"
        if "failed" in row:
            seen[f"  {where}: {row['failed']}"] = None
        for rival, note in row.get("rivals", {}).items():
            if "skipped" in note:
                seen[f"  {where}, {rival}: {note['skipped']}"] = None
    return iter(seen)


def _accuracy(records: list[dict[str, Any]]) -> Table:
    title = "Accuracy against balls: relative error at moderate and at the worst instance, and relative to the terms"
    table = _table(title, "loss", "kernel", "moderate", "worst", "where", "to terms", "NaN")
    last = None
    for row in worst(records):
        table.add_row(
            "" if row["loss"] == last else row["loss"], row["kernel"], _error(row["moderate"]), _error(row["relative"]),
            row["instance"] or "", _error(row["to_terms"]), str(row["nan"]),
        )  # fmt: skip
        last = row["loss"]
    return table


def _derivations(found: Mapping[str, Any]) -> Any:
    if "failed" in found:
        return f"Derivations: {found['failed']}"
    table = _table("Derivations (s, in a fresh process)", "formula", "derive", "prove", "print")
    for row in found["formulas"]:
        table.add_row(row["formula"], *(f"{row[f'{key}_seconds']:.2f}" for key in ("derive", "prove", "print")))
    return table


def _targets(targets: Sequence[Row]) -> Table:
    table = _table("Targets (one core)", "target", "wanted", "measured", "verdict")
    for target in targets:
        sign = ">=" if target["at_least"] else "<="
        measured = "" if target["measured"] is None else f"{target['measured']:.3g}"
        table.add_row(target["target"], f"{sign} {target['bound']:g}", measured, _verdict(target))
    return table


def _verdict(target: Row) -> str:
    if target["met"] is None:
        return "not measured"
    reached = f"{target['reached']:.2f}x"
    return f"[green]met[/] ({reached})" if target["met"] else f"[red]missed[/] ({reached} of it)"


def _losing(cases: Sequence[Row]) -> Any:
    if not cases:
        return "Losing cases: none."
    table = _table("Losing cases (a rival is faster)", "operation", "n x d", "cores", "rival", "its time / ours")
    for case in cases:
        size = f"{_count(case['n'])}x{case['d']}"
        name = f"{case['operation']} {case['form']} {case['loss']}"
        table.add_row(name, size, str(case["cores"]), case["rival"], f"{case['speedup']:.2f}")
    return table


def _legend(rivals: Sequence[str]) -> str:
    lines = ["floor: its time over ours, 1 is as fast as the machine allows. Its work:"]
    lines += [f"  {operation} ({OPERATIONS[operation]}): {work}" for operation, work in LEGEND.items()]
    lines += ["cpu: CPU time over wall time.", "Rivals (results agree with ours to 1e-8; compiled before the timing):"]
    lines += [f"  {rival}: {DESCRIPTIONS[rival]}" for rival in rivals]
    lines += ["Rivals have no cached point: for product-cached they compute the product from x."]
    return escape("\n".join(lines))


def _count(n: int) -> str:
    """100000 as 1e5."""
    digits = str(n)
    return f"{digits[0]}e{len(digits) - 1}" if n >= 1000 and set(digits[1:]) == {"0"} else digits


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g}" if seconds < 1 else f"{1e3 * seconds:.0f}"


def _share(row: Row) -> str:
    return f"{row['share_of_floor']:.2f}" if "share_of_floor" in row else ""


def _speedup(note: Row) -> str:
    return f"{note['speedup']:.3g}" if "speedup" in note else "-"


def _error(error: float | None) -> str:
    return "" if error is None else f"{error:.0e}"
