"""Arguments of a claim as symbols, for every combination of small sizes: the ground of proofs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import sympy

from ..arithmetic import Array
from ..arrays.backends import SYMBOLS
from ..arrays.cells import Cells
from ..arrays.exact import Count
from ..arrays.fields import Unsupported
from ..claims import Claim
from ..instances.domains import Scalar, Size
from ..instances.limits import Limit

SMALL = 3
"""Largest size that proofs with symbolic entries try."""
LETTERS = 25
"""Most symbols in one such instance."""


@dataclass(frozen=True)
class Abstract:
    """A claim's arguments as symbols at fixed sizes.

    Attributes:
        sizes: argument name -> size.
        arguments: what the body is called with.
        scalars: symbols of the numbers among the arguments, by name.
        entries: symbols of the entries of vectors and matrices.
    """

    sizes: dict[str, int]
    arguments: dict[str, Any]
    scalars: dict[str, sympy.Symbol]
    entries: list[sympy.Symbol]


def abstract_instances(claim: Claim, backend: Cells = SYMBOLS) -> Iterator[Abstract]:
    """Symbolic instances for all sizes up to `SMALL` whose number of symbols is within `LETTERS`.

    Raises:
        Unsupported: an argument's structure has no free symbolic form here.
    """
    sizes = {name: d.values(SMALL) for name, d in claim.domains.items() if isinstance(d, Size)}
    for combination in product(*sizes.values()):
        instance = _abstract(claim, dict(zip(sizes, map(Count, combination), strict=True)), backend)
        if len(instance.entries) <= LETTERS:
            yield instance


def _abstract(claim: Claim, sizes: dict[str, int], backend: Cells) -> Abstract:
    arguments: dict[str, Any] = dict(sizes)
    scalars: dict[str, sympy.Symbol] = {}
    entries: list[sympy.Symbol] = []
    for name, domain in claim.domains.items():
        if isinstance(domain, Scalar):
            scalars[name] = sympy.Symbol(name, real=True)
            arguments[name] = Array(backend.array_of(scalars[name]), backend)
        elif not isinstance(domain, Size):
            cells, letters = _symbols(name, domain, sizes)
            entries += letters
            arguments[name] = Array(cells, backend)
    return Abstract(sizes, {name: arguments[name] for name in claim.domains}, scalars, entries)


# Entries are named x[1] and A[1,1]: no argument can have such a name, so no two symbols are ever the same by accident.
def _symbols(name: str, domain: Any, sizes: dict[str, int]) -> tuple[np.ndarray, list[sympy.Symbol]]:
    if hasattr(domain, "dim"):
        n = Limit.of(domain.dim, "dim").whole(sizes)
        letters = [sympy.Symbol(f"{name}[{i + 1}]", real=True) for i in range(n)]
        if not domain.simplex:
            return SYMBOLS.array_of(letters), letters
        return SYMBOLS.array_of([*letters[:-1], 1 - sum(letters[:-1])]), letters[:-1]
    if domain.orthogonal or domain.rank is not None or domain.psd:
        raise Unsupported("symbolic orthogonal, positive semidefinite or low-rank matrices")
    rows, columns = (Limit.of(d, "size").whole(sizes) for d in (domain.rows, domain.columns))
    grid = [[_entry(name, i, j, domain.symmetric) for j in range(columns)] for i in range(rows)]
    return SYMBOLS.matrix(grid), sorted({cell for row in grid for cell in row}, key=str)


def _entry(name: str, i: int, j: int, symmetric: bool) -> sympy.Symbol:
    i, j = (min(i, j), max(i, j)) if symmetric else (i, j)
    return sympy.Symbol(f"{name}[{i + 1},{j + 1}]", real=True)


def describe_sizes(combinations: list[dict[str, int]]) -> str:
    """The sizes covered: "n = 1, 2, 3; d = 1, 2" where every combination is, else the list of combinations."""
    if not combinations or not combinations[0]:
        return "all its arguments"
    names = list(combinations[0])
    values = {name: sorted({int(c[name]) for c in combinations}) for name in names}
    if len(combinations) == np.prod([len(v) for v in values.values()]):
        return "; ".join(f"{name} = {', '.join(map(str, v))}" for name, v in values.items())
    listed = ", ".join(f"({', '.join(str(int(c[name])) for name in names)})" for c in combinations)
    return f"({', '.join(names)}) in {{{listed}}}"
