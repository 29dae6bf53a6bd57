"""Masks: whatever stands at a dropped entry, however large, infinite or NaN, counts for nothing and comes back as 0."""

import inspect
import re
from functools import cache
from types import ModuleType

import numpy as np
import pytest
import sympy as sp

from derive import Formula, data, row, total
from numeric import AttentionRegression
from numeric.kernels import REGULARIZER, kernel, loss_names
from proofs_check.commands.regeneration import Target, regenerate

NAMES = (*loss_names(), REGULARIZER)
GROUPS, ROWS = 3, 6
# A few dozen roundings of well-scaled numbers.
RTOL = {np.float64: 1e-13, np.float32: 1e-5}
# The same sums in blocks of another width, relative to the largest entry.
REORDERED = 1e-12
SMALL = 30.0
"""An entry that a caller may call small in float64."""
DROPPED = np.array([1, 2, 0, 1, 0, 0, 2, 0, 0], dtype=bool)
KEPT = ~DROPPED


def requests(module):
    """The functions of a module."""
    return [name for name in module.WORK if name != "domain_totals"]


def flat(result):
    """All arrays of a result, in order."""
    parts = result if isinstance(result, tuple) else (result,)
    return [a for part in parts for a in (flat(part) if isinstance(part, tuple) else [part])]


def kept_arguments(request, dtype):
    rng = np.random.default_rng(0)
    shape = (GROUPS, int(KEPT.sum()))
    z, b, dz = rng.normal(size=shape), rng.uniform(0.1, 1, shape), 10 * rng.normal(size=shape)
    chosen = [z] if request == "prediction" else [z, b, dz] if request.endswith("product") else [z, b]
    return [array.astype(dtype) for array in chosen]


def widened(kept, fills):
    """The arguments with something else at dropped entries."""
    wide = []
    for array, fill in zip(kept, fills, strict=False):
        whole = np.full((GROUPS, len(KEPT)), fill, array.dtype)
        whole[:, KEPT] = array
        wide.append(whole)
    return wide


def instances(dtype):
    """(small, what stands at dropped entries of z, b and dz); data are finite."""
    largest = np.finfo(dtype).max
    for z in (np.nan, np.inf, -np.inf, largest, -largest):
        yield False, (z, largest, np.nan)
    for z in (SMALL / 4, -SMALL / 4) if dtype == np.float32 else (SMALL, -SMALL):
        yield True, (z, largest, np.inf)
        yield True, (z, -largest, largest)


def violations(module, request, dtype=np.float64):
    """The instances in which dropped entries count, or come back as another number than 0."""
    found = []
    kept = kept_arguments(request, dtype)
    bits = np.broadcast_to(-KEPT.astype(f"i{np.dtype(dtype).itemsize}"), (GROUPS, len(KEPT)))
    for small, fills in instances(dtype):
        expected = flat(getattr(module, request)(*kept, small=small))
        wide = widened(kept, fills)
        results = flat(getattr(module, request)(*wide, dropped=(slice(None), bits), small=small))
        for a, e in zip(results, expected, strict=True):
            own = a[:, KEPT] if a.shape[1:] == KEPT.shape else a
            tolerance = RTOL[dtype] * max(1.0, float(np.abs(e).max(initial=0)))
            wrong = a.shape[1:] == KEPT.shape and np.any(a[:, DROPPED] != 0)
            if wrong or not np.all(np.abs(own - e) <= tolerance):
                found.append((small, fills))
    return found


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_stands_at_a_dropped_entry_counts(name, dtype):
    module = kernel(name)
    found = {request: violations(module, request, dtype) for request in requests(module)}
    assert not any(found.values()), found


def cleared(source):
    """Each place where a function of the module clears dropped entries: (place, function, source without that)."""
    body = source.index("@np.errstate")
    for match in re.finditer(r"_drop\((\w+), dropped\)", source[body:]):
        start, stop = body + match.start(), body + match.end()
        function = re.findall(r"\ndef (\w+)\(", source[:start])[-1]
        yield f"{function}: {match[0]}", function, f"{source[:start]}{match[1]}{source[stop:]}"


@pytest.mark.parametrize("name", NAMES)
def test_each_place_where_entries_are_cleared_is_needed(name):
    """No kernel does more for a mask than it must, and none of what it does goes untested."""
    in_vain = []
    for place, function, source in cleared(inspect.getsource(kernel(name))):
        broken = ModuleType("broken")
        exec(source, vars(broken))
        if function in requests(broken) and not violations(broken, function):
            in_vain.append(place)
    assert in_vain == []


@cache
def masked_arrays():
    """A1, A2, B, w, X, a mask, and the columns that no row keeps, in the middle."""
    rng = np.random.default_rng(1)
    n1, n2, d = 9, 14, 3
    hidden = np.isin(np.arange(n2), [4, 5, 9])
    mask = (rng.random((n1, n2)) < 0.7) & ~hidden
    mask[:, 0] = True
    A1, A2, X = rng.normal(size=(n1, d)), rng.normal(size=(n2, d)), rng.normal(size=(d, d)) / d
    return A1, A2, rng.dirichlet(np.ones(n2), n1), rng.uniform(0.5, 1, (n1, n2)), X, mask, hidden


@pytest.mark.parametrize("huge", [1e3, 1e150])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("loss", loss_names())
def test_huge_rows_and_targets_that_a_mask_drops_change_no_result(loss, weighted, huge):
    """Against the problem without these columns; at other dropped entries the target is the largest float."""
    A1, A2, B, w, X, mask, hidden = masked_arrays()
    wild = np.where(hidden[:, None], huge * np.sign(A2), A2)
    target = np.where(mask, B, np.finfo(float).max)
    shown = ~hidden
    with np.errstate(over="ignore"):
        problem = AttentionRegression(loss, A1, wild, target, w=w if weighted else None, mask=mask)
    cropped = AttentionRegression(
        loss, A1, A2[shown], B[:, shown], w=w[:, shown] if weighted else None, mask=mask[:, shown]
    )
    V = np.random.default_rng(2).normal(size=X.shape)

    def results(p):
        H, G = p.hessian(X), p.gauss_newton(X)
        yield from p.value_and_gradient(X)
        # The first product is made in one pass, the second with what is kept from then on.
        yield from (H @ V, H @ V, G @ V, G @ V, H.diagonal(), H.to_dense(), p.at(X).largest_entry)

    for found, expected in zip(results(problem), results(cropped), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=REORDERED * np.abs(expected).max())
    predicted = problem.predict(X)
    np.testing.assert_allclose(predicted[:, shown], cropped.predict(X), rtol=REORDERED)
    assert np.all(predicted[~mask] == 0)


@pytest.mark.parametrize("loss", loss_names())
def test_entries_that_overflow_where_a_mask_drops_them_change_no_result(loss):
    """Columns whose z, in x and along a direction, are infinite or NaN, as are the squares of their rows of A2."""
    A1, A2, B, w, X, mask, hidden = masked_arrays()
    wild = np.where(hidden[:, None], np.finfo(float).max * np.sign(A2), A2)
    V = 9 * np.random.default_rng(2).normal(size=X.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        z = A1 @ (10 * X) @ wild[hidden].T
    assert np.isnan(z).any() or np.isinf(z).any()
    results = []
    for right in (wild, A2):
        problem = AttentionRegression(loss, A1, right, B, w=w, mask=mask)
        kinds = ["hessian", "gauss_newton"] if loss.startswith("normalized") else []
        operators = [getattr(problem, kind)(10 * X) for kind in kinds]
        results.append([*problem.value_and_gradient(10 * X), *(H @ V for H in operators for _ in range(2))])
        results[-1] += [part for H in operators for part in (H.diagonal(), H.to_dense(), *H.eigenvalue_bounds())]
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=REORDERED * np.abs(expected).max())


COINCIDING = {
    # gradient, D and U_1 are all f; the derivative of the second loss is its datum.
    "log-sum": (sp.log(total(sp.exp(row("z")))), []),
    "linear": (total(data("b") * row("z")), [data("b")]),
}


@pytest.mark.parametrize("name", COINCIDING)
def test_results_can_be_changed_one_by_one(name, tmp_path):
    """Each result is the caller's own, although the formulas of two of them, or of a datum, are the same."""
    loss, rows = COINCIDING[name]
    u = sp.exp(row("z"))
    letters = {"u": u, "alpha": total(u), "f": u / total(u)} if name == "log-sum" else {}
    formula = Formula(name, loss=loss, z=row("z"), data=rows, names=letters)
    regenerate({name: formula}, Target.below(tmp_path))
    module = ModuleType("coinciding")
    exec((Target.below(tmp_path).kernels / f"{formula.module_name}.py").read_text(), vars(module))
    rng = np.random.default_rng(3)
    z, *given = [rng.uniform(0.1, 1, (GROUPS, ROWS)) for _ in (0, *rows)]
    for request in ("value_and_gradient", "hessian"):
        work = [np.empty_like(z) for _ in range(module.WORK[request])]
        results = flat(getattr(module, request)(z.copy(), *given, work=work, overwrite=True))
        for i, array in enumerate(results):
            others = [*results[:i], *results[i + 1 :], *given]
            before = [a.copy() for a in others]
            array += 1
            for a, e in zip(others, before, strict=True):
                np.testing.assert_array_equal(a, e)
