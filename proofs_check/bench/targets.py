"""Targets of the design as data, judged on the rows of one run; and the cases that this program loses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proofs_check.bench.cases import LOSS
from proofs_check.bench.streams.cases import SOURCES, StreamCase, memory_bound

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Target:
    """A number that one row must reach, on one core.

    Attributes:
        quantity: "speedup" (against JAX), "share" (floor over time), "gradients" or "seconds".
        at_least: whether more is better.
    """

    operation: str
    form: str
    n: int
    d: int
    quantity: str
    bound: float
    at_least: bool = True

    def __str__(self) -> str:
        words = {
            "speedup": "times faster than JAX",
            "share": "of the floor",
            "gradients": "gradients long",
            "seconds": "s",
        }
        return f"{self.operation} {self.form} {self.n}x{self.d}, {words[self.quantity]}"

    def measured(self, row: Row) -> float | None:
        """The row's number, or None where it was not measured."""
        if self.quantity == "speedup":
            return row.get("rivals", {}).get("jax", {}).get("speedup")
        return row.get("share_of_floor" if self.quantity == "share" else self.quantity)


TARGETS = (
    Target("gradient", "vector", 100_000, 64, "speedup", 3.0),
    Target("gradient", "vector", 100_000, 64, "share", 0.8),
    Target("gradient", "matrix", 2048, 32, "speedup", 3.0),
    Target("gradient", "matrix", 2048, 32, "share", 0.8),
    Target("gradient", "matrix", 256, 32, "speedup", 1.0),
    Target("gradient", "matrix", 256, 32, "share", 0.8),
    Target("hessian", "vector", 100_000, 64, "speedup", 8.0),
    Target("hessian", "vector", 100_000, 64, "share", 0.6),
    Target("hessian", "matrix", 256, 16, "speedup", 200.0),
    Target("hessian", "matrix", 512, 32, "seconds", 1.0, at_least=False),
    Target("product-cached", "matrix", 2048, 32, "gradients", 1.5, at_least=False),
    Target("product-cached", "matrix", 256, 32, "gradients", 1.5, at_least=False),
)
STREAM_GROWTH = 1.25
"""Most that the arrays of an evaluation may grow from a quarter of the rows to all; work arrays of a last, smaller
block make a difference."""
DERIVATION_TARGETS = {
    "without_proofs_seconds": ("all derivations without proofs, s", 2.0),
    "with_proofs_seconds": ("all derivations with proofs, s", 20.0),
    "check_seconds": ("check that finds nothing to do, s", 1.0),
}


def judge(rows: Sequence[Row], derivations: Mapping[str, Any], streams: Sequence[Row] = ()) -> list[dict[str, Any]]:
    """Each target with what was measured, and how far that is on the right side: 1 is just met, 0.5 half-way."""
    out = []
    for target in TARGETS:
        found = [row for row in rows if _belongs(target, row)]
        out.append(_judged(str(target), target.measured(found[0]) if found else None, target.bound, target.at_least))
    for key, (words, bound) in DERIVATION_TARGETS.items():
        out.append(_judged(words, derivations.get(key), bound, at_least=False))
    return out + list(_judged_streams(streams))


def _judged_streams(streams: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """Memory beyond A is O(block d + d^2): the worst case of each source against the bound, and against a quarter."""
    for source in SOURCES:
        rows = [row for row in streams if row["source"] == source and "peak_bytes" in row]
        peak = max((row["peak_bytes"] / 1e6 for row in rows), default=None)
        bound = memory_bound(StreamCase(source, LOSS, "hessian", 0))
        name = f"streamed {source}, peak memory beyond A: 3 blocks + 16 d^2, MB"
        yield _judged(name, peak, bound / 1e6, at_least=False)
        grown = [row["growth"] for row in rows if row["growth"] is not None]
        name = f"streamed {source}, arrays for 4 times as many rows, times as large"
        yield _judged(name, max(grown, default=None), STREAM_GROWTH, at_least=False)


def _belongs(target: Target, row: Row) -> bool:
    same = all(row[key] == getattr(target, key) for key in ("operation", "form", "n", "d"))
    return same and row["loss"] == LOSS and row["variant"] == "dense" and row["cores"] == 1


def _judged(name: str, measured: float | None, bound: float, at_least: bool) -> dict[str, Any]:
    share = None if measured is None else measured / bound
    reached = share if at_least or not share else 1 / share  # nothing measured, such as no growth at all, has no share
    met = None if share is None else share >= 1 if at_least else share <= 1
    return {
        "target": name,
        "bound": bound,
        "at_least": at_least,
        "measured": measured,
        "reached": reached,
        "met": met,
    }


def losing(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows in which a rival is faster than this program, the worst first."""
    out = []
    for row in rows:
        for rival, note in row.get("rivals", {}).items():
            if note.get("speedup", 1.0) < 1.0:
                fields = ("operation", "loss", "form", "n", "d", "cores")
                out.append({**{key: row[key] for key in fields}, "rival": rival, "speedup": note["speedup"]})
    return sorted(out, key=lambda case: case["speedup"])
