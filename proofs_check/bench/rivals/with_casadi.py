"""CasADi: MX graphs, exact derivatives, evaluated by its virtual machine; feasible at small sizes only."""

from importlib import import_module
from typing import Any

import numpy as np

from proofs_check.bench.cases import Instance, Work
from proofs_check.bench.language import formula_of, loss_entries, residual_entries
from proofs_check.bench.rivals.skipped import Skipped

MOST_ENTRIES = {"vector": 1_000_000, "matrix": 262_144}
MOST_HESSIAN_ENTRIES = {"vector": 1_000_000, "matrix": 4_096}
"""Entries of A, or of B, beyond which building and evaluating the graph takes longer than a table is worth."""


def prepare(data: Instance) -> Work:
    """The operation as a CasADi function of x and v; a matrix X enters by columns, as CasADi stores it."""
    form, operation = data.case.form, data.case.operation
    entries = data.maps[0].size if form == "vector" else data.target.size
    limit = (MOST_HESSIAN_ENTRIES if operation == "hessian" else MOST_ENTRIES)[form]
    if entries > limit:
        raise Skipped(f"casadi is run up to {limit:,} entries, this case has {entries:,}")
    ca = import_module("casadi")
    x, v = (ca.MX.sym(name, *np.atleast_2d(data.x.T).T.shape) for name in "xv")
    function = ca.Function("work", [x, v], _outputs(ca, data, x, v))
    arguments = ca.DM(data.x), ca.DM(data.v)
    transposed = form == "matrix"

    def work() -> Any:
        results = function(*arguments)
        return results if isinstance(results, tuple) else (results,)

    return lambda: tuple(_by_rows(part, data, operation, transposed) for part in work())


def _by_rows(part: Any, data: Instance, operation: str, transposed: bool) -> np.ndarray:
    """The numbers in row-major vec(X)."""
    array = np.asarray(part.full())
    if operation != "hessian" or not transposed:
        return array
    d = data.case.d
    return array.reshape(d, d, d, d).transpose(1, 0, 3, 2).reshape(d * d, d * d)


def _outputs(ca: Any, data: Instance, x: Any, v: Any) -> list[Any]:
    operation, formula = data.case.operation, formula_of(data.case.loss)
    z, target = _entries(ca, data, x), ca.DM(np.atleast_2d(data.target))
    words = {name: getattr(ca, name) for name in ("exp", "sinh", "cosh")}
    words["total"] = lambda entries: ca.repmat(ca.sum2(entries), 1, z.shape[1])
    # Totals are repeated along their group, so that the loss of a group is read off its first column.
    value = ca.sum1(loss_entries(formula, words, z, target)[:, 0])
    if operation == "value":
        return [value]
    if operation == "gauss-newton":
        c = ca.vec(residual_entries(formula, words, z, target))
        return [ca.jtimes(c, x, ca.jtimes(c, x, v), True)]
    slope = ca.gradient(value, x)
    if operation == "gradient":
        return [value, slope]
    return [ca.hessian(value, x)[0] if operation == "hessian" else ca.jtimes(slope, x, v)]


def _entries(ca: Any, data: Instance, x: Any) -> Any:
    """Groups of z as rows: (A x)^T or A1 X A2^T."""
    maps = [ca.DM(array) for array in data.maps]
    return ca.mtimes(maps[0], x).T if len(maps) == 1 else ca.mtimes([maps[0], x, maps[1].T])
