"""Which claims speak for a row of the specification: those named after it, and those that a table names with a reason."""

import importlib
import pkgutil
from collections.abc import Iterable

from proofs_check import catalogue

Cover = tuple[tuple[str, ...], str]
"""Ids of claims, or names of tests for runs of algorithms, and why they cover the row."""


def covered() -> dict[str, Cover]:
    """All entries of the ``coverage_*`` modules of the catalogue: row -> claims and reason."""
    merged: dict[str, Cover] = {}
    for module in pkgutil.iter_modules(catalogue.__path__):
        if module.name.startswith("coverage_"):
            merged.update(importlib.import_module(f"{catalogue.__name__}.{module.name}").COVERED)
    return merged


def claims_of(row: str, known: Iterable[str]) -> list[str]:
    """The ids among ``known`` that speak for a row: its own, the ids that begin with it and "-", and the table's.

    >>> claims_of("C7", ["C7-1-2", "C70", "C4"])
    ['C7-1-2']
    """
    named = set(covered().get(row, ((), ""))[0])
    return [name for name in known if name == row or name.startswith(f"{row}-") or name in named]
