"""A run of solvers as text: tables that fit 100 columns, targets, and the problems that others solve faster."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from proofs_check.bench.format import milliseconds, plain_table, print_parts
from proofs_check.bench.solvers.accuracy import CONFIRMED, MEASURES
from proofs_check.bench.solvers.cases import TARGETS
from proofs_check.bench.solvers.contestants import DESCRIPTIONS, JAX, OURS, SCIPY
from proofs_check.bench.solvers.profile import ratios, share
from proofs_check.bench.solvers.targets import (
    CALL,
    ENTRANTS,
    LEVEL,
    RIVALS,
    fastest,
    seconds_of_call,
    seconds_to,
    speedup,
)
from proofs_check.bench.solvers.trajectory import LEVELS

Row = Mapping[str, Any]
FACTORS = (1.0, 2.0, 10.0)
SHORT = {"gauss-newton-cg": "gn-cg", "gauss-newton": "gn"}


def print_solvers(result: Mapping[str, Any], console: Console | None = None) -> None:
    """Everything that a run found, to standard output."""
    print_parts(_parts(result), console)


def _parts(result: Mapping[str, Any]) -> Iterator[Any]:
    rows = [row for row in result["rows"] if row["contestants"]]
    others = [name for name in SCIPY + JAX if any(name in row["contestants"] for row in rows)]
    yield _ours(rows)
    yield _calls([row for row in rows if row["family"] == "head"])
    yield _others(rows, others)
    if nonconvex := [row for row in rows if row["measure"] == "gradient"]:
        yield _values(nonconvex)
    yield _shares(rows)
    if notes := list(_notes(result["rows"])):
        yield escape("Notes:\n" + "\n".join(notes))
    if result["missing_rivals"]:
        yield "Not installed: jax; pip install 'lemmascope\\[bench]'"
    yield _targets(result["targets"])
    yield _losing(result["losing"])
    yield _legend(others, result["settings"]["cap"])


def _ours(rows: Sequence[Row]) -> Table:
    title = f"CPU ms to {LEVEL} on one core, and times faster than the best other (a: auto, g: gn-cg)"
    names = [SHORT.get(name, name) for name in OURS]
    factors = [f"{letter}/{words}" for letter in "ag" for words in RIVALS]
    table = plain_table(title, "problem", "of", *names, "best", *factors)
    for row in rows:
        best, cells = fastest(row, SCIPY + JAX), (_cell(row["contestants"].get(name, {})) for name in OURS)
        speedups = (_times(speedup(row, name, rivals)) for name in ENTRANTS for rivals in RIVALS.values())
        table.add_row(row["case"], row["measure"], *cells, best[0] if best else "none", *speedups)
    return table


def _calls(rows: Sequence[Row]) -> Table:
    """What `auto` does after it has reached the level is counted here."""
    title = f"Whole calls of {CALL}: CPU ms to {LEVEL}, ms of the call, times faster than the best other"
    table = plain_table(title, "problem", f"to {LEVEL}", "call", *RIVALS)
    for row in rows:
        cells = ["-" if t is None else milliseconds(t) for t in (seconds_to(row, CALL), seconds_of_call(row, CALL))]
        speedups = (_times(speedup(row, CALL, rivals, seconds_of_call)) for rivals in RIVALS.values())
        table.add_row(row["case"], *cells, *speedups)
    return table


def _others(rows: Sequence[Row], names: Sequence[str]) -> Table:
    table = plain_table(f"The others: CPU ms to {LEVEL}; * best accuracy where that was not reached",
                        "problem", *names)  # fmt: skip
    for row in rows:
        table.add_row(row["case"], *(_cell(row["contestants"].get(name, {})) for name in names))
    return table


def _values(rows: Sequence[Row]) -> Table:
    """Where contestants end at different minima: the values."""
    table = plain_table("Values reached where there are many minima (* gradient not below the level)",
                        "contestant", *(row["case"] for row in rows))  # fmt: skip
    for name in DESCRIPTIONS:
        notes = [row["contestants"].get(name, {}) for row in rows]
        if any("value" in note for note in notes):
            table.add_row(name, *(_value(note) for note in notes))
    return table


def _value(note: Row) -> str:
    if note.get("value") is None:
        return "-"
    return f"{note['value']:.6f}" + ("*" if note["seconds"][LEVEL] is None else "")


def _shares(rows: Sequence[Row]) -> Table:
    levels = [f"{level:.0e}" for level in LEVELS]
    headings = [f"to {level}" for level in levels] + [f"<= {factor:g}x" for factor in FACTORS]
    title = f"Problems of {len(rows)} solved to each accuracy; share within a factor of the fastest to {LEVEL}"
    table = plain_table(title, "contestant", *headings)
    for name, found in ratios(rows).items():
        counts = (str(sum(seconds_to(row, name, level) is not None for row in rows)) for level in levels)
        table.add_row(name, *counts, *(f"{share(found, factor):.0%}" for factor in FACTORS))
    return table


def _notes(rows: Sequence[Row]) -> Iterator[str]:
    """What could not be measured, and solutions that two methods did not agree on."""
    for row in rows:
        if "failed" in row:
            yield f"  {row['case']}: {row['failed']}"
        elif row["origin"].get("difference", 0.0) > CONFIRMED:
            yield f"  {row['case']}: two methods differ by {row['origin']['difference']:.0e} in the solution"
        for name, note in row["contestants"].items():
            if "skipped" in note:
                yield f"  {row['case']}, {name}: {note['skipped']}"


def _targets(targets: Sequence[Row]) -> Table:
    table = plain_table("Targets", "target", "wanted", "measured", "verdict")
    table.columns[-1].no_wrap = False
    for target in targets:
        wanted = f"{'>=' if target['at_least'] else '<='} {target['bound']:g}"
        measured = "" if target["measured"] is None else f"{target['measured']:.3g}"
        table.add_row(target["target"], wanted, measured, _verdict(target))
    return table


def _verdict(target: Row) -> str:
    note = f", {target['note']}" if target["note"] else ""
    if target["met"]:
        by = "" if target["reached"] is None else f" ({target['reached']:.3g}x)"
        return f"[green]met[/]{by}{note}"
    missed = f" by {1 / target['reached']:.3g}x" if target["reached"] else ": not reached"
    return f"[red]missed[/]{missed}{note}"


def _losing(cases: Sequence[Row]) -> Any:
    if not cases:
        return "Losing cases: none."
    lines = [f"Losing cases ({len(cases)}; others are faster than auto to {LEVEL}):"]
    for case in cases:
        auto = "does not reach it" if case["auto_seconds"] is None else f"{milliseconds(case['auto_seconds'])} ms"
        ours = f", our {case['best_of_ours']} {milliseconds(case['best_seconds'])} ms"
        better = ours if case["best_of_ours"] not in (None, "auto") else ""
        lines.append(
            f"  {case['rival']} wins on {case['case']}: {milliseconds(case['seconds'])} ms, auto {auto}{better}"
        )
    return escape("\n".join(lines))


def _legend(others: Sequence[str], cap: float) -> str:
    lines = ["Accuracy:", *(f"  {name}: {words}" for name, words in MEASURES.items())]
    lines += ["Times are read off the paths of all, so that no stopping rule costs time; the others end after"]
    lines += [f"{cap:g} s. Compilation is not counted. A whole call lasts until auto returns, with all that it does to"]
    lines += ["polish a minimum and to be sure that it is one."]
    lines += ["/stored: against the best in stored variables; /any: against the best; only: nobody else arrives."]
    lines += ["Problems: size, spread of the maps' singular values, target; w: weights. Targets:"]
    lines += [f"  {name}: {words}" for name, words in TARGETS.items()]
    lines += ["Contestants (-w: after our change of variables):"]
    lines += [f"  {name}: {DESCRIPTIONS[name]}" for name in (*OURS, *others)]
    return escape("\n".join(lines))


def _cell(note: Row) -> str:
    if "seconds" not in note:
        return "-"
    if note["seconds"][LEVEL] is not None:
        return milliseconds(note["seconds"][LEVEL])
    return "none*" if note["best"] is None else f"{note['best']:.0e}*".replace("e-0", "e-").replace("e+0", "e")


def _times(factor: float | None) -> str:
    if factor is None or factor == 0.0:
        return "-"
    return f"{factor:.2g}" if factor < 100 else f"{factor:.0f}" if math.isfinite(factor) else "only"
