"""A run as text: tables that fit 80 columns, targets, losing cases, and what the floors are."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from proofs_check.bench.accuracy import worst
from proofs_check.bench.cases import OPERATIONS
from proofs_check.bench.floors import BESIDE, LEGEND
from proofs_check.bench.format import count, milliseconds, plain_table, print_parts, share
from proofs_check.bench.machine import MEMORY
from proofs_check.bench.rivals import DESCRIPTIONS
from proofs_check.bench.streams.table import stream_legend, stream_table

QUIET = 0.9
"""CPU time over wall time on one core below which others were running."""
Row = Mapping[str, Any]


def print_report(result: Mapping[str, Any], console: Console | None = None) -> None:
    """Everything that a run found, to standard output."""
    print_parts(_parts(result), console)


def _parts(result: Mapping[str, Any]) -> Iterator[Any]:
    rivals = list(dict.fromkeys(name for row in result["rows"] for name in row.get("rivals", {})))
    rows = _by_case(result["rows"])
    yield _times(rows, rivals)
    if variants := [row for row in rows if row["variant"] != "dense"]:
        yield _variants(variants)
    yield _usage(rows, rivals)
    if busy := _busy(rows):
        yield busy
    if besides := list(_besides(rows)):
        yield escape("Beside the floors (time over ours):\n" + "\n".join(besides))
    if result["streams"]:
        yield stream_table(result["streams"])
    if reasons := list(_reasons(result["rows"])):
        yield escape("Not timed:\n" + "\n".join(reasons))
    if result["missing_rivals"]:
        names = ", ".join(result["missing_rivals"])
        yield escape(f"Not installed: {names}; for all rivals: pip install 'lemmascope[bench]'")
    yield _accuracy(result["accuracy"])
    yield _derivations(result["derivations"])
    yield _targets(result["targets"])
    yield _losing(result["losing"])
    yield _legend(rivals, result["settings"]["memory"], bool(result["streams"]))


def _by_case(rows: Sequence[Row]) -> list[Row]:
    """The rows with all numbers of cores of one case together, cases in the order of the plan."""
    fields = ("operation", "form", "n", "d", "loss", "variant")
    places = {key: i for i, key in enumerate(dict.fromkeys(tuple(row[f] for f in fields) for row in rows))}
    return sorted(rows, key=lambda row: (places[tuple(row[f] for f in fields)], row["cores"]))


def _times(rows: Sequence[Row], rivals: Sequence[str]) -> Table:
    title = "Times (ms, median; +-: half the distance of the quartiles; rivals: times as long as ours)"
    table = plain_table(title, "operation", "n x d", "cores", "ms", "+-", "floor", *rivals)
    last, last_size = None, None
    for row in rows:
        if row["variant"] != "dense":
            continue
        name = f"{row['operation']} {row['form']}" + ("" if row["loss"] == rows[0]["loss"] else f" {row['loss']}")
        size = f"{count(row['n'])}x{row['d']}"
        shown = "" if name == last else name, "" if (name, size) == (last, last_size) else size, str(row["cores"])
        last, last_size = name, size
        if "failed" in row:
            table.add_row(*shown, "failed")
            continue
        spread = (row["upper_quartile"] - row["lower_quartile"]) / 2 / row["seconds"]
        times = (_speedup(row["rivals"].get(rival, {})) for rival in rivals)
        table.add_row(*shown, milliseconds(row["seconds"]), f"{spread:.0%}", share(row), *times)
    return table


def _variants(rows: Sequence[Row]) -> Table:
    size = f"{rows[0]['n']}x{rows[0]['d']}"
    title = f"Value and gradient, matrix {size}, against the dense case"
    table = plain_table(title, "variant", "cores", "ms", "dense ms", "per entry")
    for row in rows:
        if "failed" in row:
            table.add_row(row["variant"], str(row["cores"]), "failed")
            continue
        numbers = milliseconds(row["seconds"]), milliseconds(row["dense_seconds"]), f"{row['per_entry']:.2f}"
        table.add_row(row["variant"], str(row["cores"]), *numbers)
    return table


def _usage(rows: Sequence[Row], rivals: Sequence[str]) -> Table:
    """Whether each library uses the cores that it was given: no more, and how many of them."""
    table = plain_table("Cores in use (CPU time over wall time; median, largest)", "cores", "ours", *rivals)
    for cores in sorted({row["cores"] for row in rows}):
        timed = [row for row in rows if row["cores"] == cores and "seconds" in row]
        notes = [timed] + [[row["rivals"].get(rival, {}) for row in timed] for rival in rivals]
        shares = ([n["cpu_seconds"] / n["seconds"] for n in group if "seconds" in n] for group in notes)
        table.add_row(str(cores), *(f"{median(s):.2f}, {max(s):.2f}" if s else "-" for s in shares))
    return table


def _busy(rows: Sequence[Row]) -> str:
    """A warning where this program, which never waits, had less than a core."""
    shares = [row["cpu_seconds"] / row["seconds"] for row in rows if row["cores"] == 1 and "seconds" in row]
    if not shares or median(shares) >= QUIET:
        return ""
    return (
        f"The machine was busy: one core was ours for {median(shares):.0%} of the time. Measure again when it is idle."
    )


def _besides(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        for name in BESIDE:
            if f"{name}_seconds" in row:
                quotient = row[f"{name}_seconds"] / row["seconds"]
                case = f"{row['operation']} {row['form']} {count(row['n'])}x{row['d']}, cores: {row['cores']}"
                yield f"  {name}, {case}: {quotient:.2f}"


def _reasons(rows: Sequence[Row]) -> Iterator[str]:
    """Why rivals or cases have no time, each reason once."""
    seen: dict[str, None] = {}
    for row in rows:
        where = f"{row['operation']} {row['form']} {count(row['n'])}x{row['d']}"
        if "failed" in row:
            seen[f"  {where}: {row['failed']}"] = None
        for rival, note in row.get("rivals", {}).items():
            if "skipped" in note:
                seen[f"  {where}, {rival}: {note['skipped']}"] = None
    return iter(seen)


def _accuracy(records: list[dict[str, Any]]) -> Table:
    title = "Accuracy against balls: relative error at moderate and at the worst instance, and relative to the terms"
    table = plain_table(title, "loss", "kernel", "moderate", "worst", "where", "to terms", "NaN")
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
    table = plain_table("Derivations (s, in a fresh process)", "formula", "derive", "prove", "print")
    for row in found["formulas"]:
        table.add_row(row["formula"], *(f"{row[f'{key}_seconds']:.2f}" for key in ("derive", "prove", "print")))
    return table


def _targets(targets: Sequence[Row]) -> Table:
    table = plain_table("Targets (one core)", "target", "wanted", "measured", "verdict")
    for target in targets:
        sign = ">=" if target["at_least"] else "<="
        measured = "" if target["measured"] is None else f"{target['measured']:.3g}"
        table.add_row(target["target"], f"{sign} {target['bound']:g}", measured, _verdict(target))
    return table


def _verdict(target: Row) -> str:
    if target["met"] is None:
        return "not measured"
    reached = target["reached"]
    if not reached:  # nothing was measured: no growth at all
        return "[green]met[/]" if target["met"] else "[red]missed[/]"
    return f"[green]met[/] ({reached:.2f}x)" if target["met"] else f"[red]missed[/] by {1 / reached:.2f}x"


def _losing(cases: Sequence[Row]) -> Any:
    if not cases:
        return "Losing cases: none."
    table = plain_table("Losing cases (a rival is faster)", "operation", "n x d", "cores", "rival", "times faster")
    for case in cases:
        size = f"{count(case['n'])}x{case['d']}"
        name = f"{case['operation']} {case['form']} {case['loss']}"
        table.add_row(name, size, str(case["cores"]), case["rival"], f"{1 / case['speedup']:.2f}")
    return table


def _legend(rivals: Sequence[str], memory: str, streamed: bool) -> str:
    lines = ["floor: its time over ours, 1 is as fast as the machine allows. Its work:"]
    lines += [f"  {operation} ({OPERATIONS[operation]}): {work}" for operation, work in LEGEND.items()]
    lines += [f"  {name}: {words}" for name, words in BESIDE.items()]
    lines += ["Rivals (results agree with ours to 1e-8; compiled before the timing):"] if rivals else []
    lines += [f"  {rival}: {DESCRIPTIONS[rival]}" for rival in rivals]
    lines += [f"Memory, {memory}: {MEMORY[memory]}."]
    return escape("\n".join(lines + list(stream_legend() if streamed else ())))


def _speedup(note: Row) -> str:
    return f"{note['speedup']:.3g}" if "speedup" in note else "-"


def _error(error: float | None) -> str:
    return "" if error is None else f"{error:.0e}"
