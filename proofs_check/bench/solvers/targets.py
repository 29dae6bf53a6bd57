"""Targets of the solvers as data, judged on the rows of one run; and the problems that this program loses."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from proofs_check.bench.solvers.contestants import JAX, OURS, SCIPY, WHITENED

Row = Mapping[str, Any]
Timed = Callable[[Row, str], float | None]
LEVEL, LAST_LEVEL = "1e-10", "1e-12"
SPEEDUP, SECONDS = 5.0, 1.0
ENTRANTS = ("auto", "gauss-newton-cg")
"""Both are judged: "auto" may use the closed form of an exact target, the second one starts where the others do."""
CALL = "auto"
"""The one whose whole call is judged too: what it does after it has reached the level counts."""
RIVALS = {
    "stored": tuple(name for name in SCIPY + JAX if name not in WHITENED),
    "any": SCIPY + JAX,
}
"""Who is to be beaten: the best of SciPy and JAX in stored variables, as their users have them; or the best of all,
those included that profit from this program's whitening."""
SQUARE_HEAD = "f2"
"""The head with a 32 x 32 unknown, one prompt of 108 tokens."""


def seconds_to(row: Row, name: str, level: str = LEVEL) -> float | None:
    """When a contestant reached a level, or None."""
    found: float | None = row["contestants"].get(name, {}).get("seconds", {}).get(level)
    return found


def seconds_of_call(row: Row, name: str, level: str = LEVEL) -> float | None:
    """How long the whole call of a contestant took that reached a level, or None."""
    reached = seconds_to(row, name, level) is not None
    return row["contestants"][name]["total_seconds"] if reached else None


def fastest(row: Row, names: Sequence[str], level: str = LEVEL) -> tuple[str, float] | None:
    """The first of some contestants at a level, and its seconds."""
    found = {name: t for name in names if (t := seconds_to(row, name, level)) is not None}
    return min(found.items(), key=lambda item: item[1]) if found else None


def judge_solvers(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each target with what was measured, and how far that is on the right side: 1 is just met, 0.5 half-way."""
    heads = [row for row in rows if row["family"] == "head" and row["contestants"]]
    speedups = [_worst_speedup(heads, name, words, seconds_to) for words in RIVALS for name in ENTRANTS]
    speedups += [_worst_speedup(heads, CALL, words, seconds_of_call) for words in RIVALS]
    return [target for target in speedups if target] + list(_times(heads))


def speedup(row: Row, name: str, rivals: Sequence[str], timed: Timed = seconds_to) -> float | None:
    """How many times faster than the fastest of the rivals a contestant reaches the level.

    Infinite where no rival does, 0 where the contestant does not, None where neither does.

    Args:
        row: of a problem.
        name: the contestant.
        rivals: the names of others, who count from when they reached the level.
        timed: `seconds_to`, the same for the contestant, or `seconds_of_call`.
    """
    own, best = timed(row, name), fastest(row, rivals)
    if own is None:
        return 0.0 if best else None
    return best[1] / own if best else math.inf


def _worst_speedup(heads: Sequence[Row], name: str, words: str, timed: Timed) -> dict[str, Any] | None:
    """Over all heads on which somebody reaches the level."""
    pairs = [(speedup(row, name, RIVALS[words], timed), row["case"]) for row in heads]
    known = [(times, case) for times, case in pairs if times is not None]
    if not known:
        return None
    times, case = min(known)
    met = sum(times >= SPEEDUP for times, _ in known)
    note = f"on {met} of {len(known)} heads; worst: {case}"
    measured = times if math.isfinite(times) else None
    reached = times / SPEEDUP if measured is not None else None
    entrant = name if timed is seconds_to else f"whole call of {name}"
    target = f"heads: {entrant}, times faster than the best ({words})"
    return _judged(target, SPEEDUP, True, measured, reached, times >= SPEEDUP, note)


def _times(heads: Sequence[Row]) -> Iterator[dict[str, Any]]:
    for row in heads:
        for name in ENTRANTS if row["name"] == SQUARE_HEAD else ():
            own = seconds_to(row, name, LAST_LEVEL)
            reached = 0.0 if own is None else SECONDS / own
            target = f"{row['case']}: {name}, seconds to {LAST_LEVEL}"
            yield _judged(target, SECONDS, False, own, reached, reached >= 1)


def _judged(
    target: str, bound: float, at_least: bool, measured: float | None, reached: float | None, met: bool, note: str = ""
) -> dict[str, Any]:
    return {"target": target, "bound": bound, "at_least": at_least, "measured": measured, "reached": reached,
            "met": met, "note": note}  # fmt: skip


def losing_solvers(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Where a contestant that is not ours is the fastest, the worst first: against "auto" and the best of ours."""
    out = []
    for row in rows:
        best, own = fastest(row, SCIPY + JAX), fastest(row, OURS)
        auto = seconds_to(row, "auto")
        if best and (auto is None or best[1] < auto):
            lost = {"case": row["case"], "rival": best[0], "seconds": best[1], "auto_seconds": auto}
            out.append({**lost, "best_of_ours": own and own[0], "best_seconds": own and own[1]})
    return sorted(out, key=lambda case: case["seconds"] / case["auto_seconds"] if case["auto_seconds"] else 0.0)
