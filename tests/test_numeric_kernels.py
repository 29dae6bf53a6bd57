"""Laws of the generated kernels: in place or not, with or without dropped entries and shifts, they compute the same."""

import numpy as np
import pytest
import sympy as sp

from derive import Formula, data, parameter, row, total
from numeric.kernels import REGULARIZER, kernel, loss_names
from proofs_check.commands.regeneration import Target, regenerate

NAMES = (*loss_names(), REGULARIZER)
GROUPS, ROWS = 3, 7
# A few dozen roundings of well-scaled numbers.
RTOL = 1e-13


def requests(module):
    """The functions of a module, those of dz with their third argument."""
    return [name for name in module.WORK if name != "domain_totals"]


def arguments(module, name, rng, rows=ROWS):
    z = rng.normal(size=(GROUPS, rows))
    b = () if name == "prediction" else (rng.uniform(0.1, 1, size=(GROUPS, rows)),)
    dz = (rng.normal(size=(GROUPS, rows)),) if name.endswith("product") else ()
    return z, *b, *dz


def flat(result):
    """All arrays of a result, in order."""
    parts = result if isinstance(result, tuple) else (result,)
    return [a for part in parts for a in (flat(part) if isinstance(part, tuple) else [part])]


def kept_bits(entries, dtype=np.int64):
    """What kernels take for a boolean array of dropped entries: all bits set at the others."""
    return -(~entries).astype(dtype)


def cases():
    return [(name, request) for name in NAMES for request in requests(kernel(name))]


@pytest.mark.parametrize(("name", "request_"), cases())
def test_arguments_stay_as_they_are_unless_they_may_be_overwritten(name, request_):
    module = kernel(name)
    given = arguments(module, request_, np.random.default_rng(0))
    before = [a.copy() for a in given]
    expected = flat(getattr(module, request_)(*given))
    for now, then in zip(given, before, strict=True):
        np.testing.assert_array_equal(now, then)
    work = [np.full_like(given[0], np.nan) for _ in range(module.WORK[request_])]
    found = flat(getattr(module, request_)(*given, work=work, overwrite=True))
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, e)
    if len(given) > 1:
        np.testing.assert_array_equal(given[1], before[1])


@pytest.mark.parametrize(("name", "request_"), cases())
def test_row_results_share_no_memory(name, request_):
    module = kernel(name)
    rows = [
        a for a in flat(getattr(module, request_)(*arguments(module, request_, np.random.default_rng(1)))) if a.ndim
    ]
    for i, a in enumerate(rows):
        assert not any(np.shares_memory(a, other) for other in rows[:i])


@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize(("name", "request_"), cases())
def test_dropped_entries_count_for_nothing(name, request_, small):
    """Against the same rows without them; what stands at a dropped entry of z must not matter."""
    module, rng = kernel(name), np.random.default_rng(2)
    kept = arguments(module, request_, rng, ROWS)
    wide = [np.concatenate([rng.uniform(1, 2, size=(GROUPS, 2)), a, rng.uniform(1, 2, (GROUPS, 1))], 1) for a in kept]
    wide[0][:, 0] = 30 if small else 1e4
    entries = np.zeros((GROUPS, ROWS + 3), dtype=bool)
    entries[:, [0, 1, -1]] = True
    found = flat(getattr(module, request_)(*wide, dropped=(slice(None), kept_bits(entries)), small=small))
    expected = flat(getattr(module, request_)(*kept, small=small))
    for a, e in zip(found, expected, strict=True):
        if a.shape[-1] == ROWS + 3:
            assert np.all(a[entries] == 0)
            a = a[:, 2:-1]
        np.testing.assert_allclose(a, e, rtol=RTOL, atol=RTOL * np.abs(e).max(initial=1))


@pytest.mark.parametrize("name", NAMES)
def test_small_entries_need_no_shift(name):
    """Value, gradient and both matrices, with and without scaling; U itself may carry any part of the scale."""
    module, rng = kernel(name), np.random.default_rng(3)
    z, b, dz = arguments(module, "hessian_product", rng)
    for request, given in (("value", (z, b)), ("value_and_gradient", (z, b)), ("hessian_product", (z, b, dz))):
        *scaled, log_scale = getattr(module, request)(*given)
        *plain, zero = getattr(module, request)(*given, small=True)
        assert np.all(zero == 0)
        assert np.all(log_scale != 0) == (module.DEGREE == 2)
        for a, e in zip(scaled, plain, strict=True):
            factor = np.exp(log_scale).reshape(log_scale.shape + (1,) * (a.ndim - 1))
            np.testing.assert_allclose(a * factor, e, rtol=1e-12, atol=1e-13 * np.abs(e).max())


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("name", NAMES)
def test_products_are_those_of_the_pieces(name, kind):
    module, rng = kernel(name), np.random.default_rng(4)
    z, b, dz = arguments(module, "hessian_product", rng)
    D, U, C, log_scale = getattr(module, kind)(z, b)
    found, product_scale = getattr(module, f"{kind}_product")(z, b, dz)
    np.testing.assert_array_equal(product_scale, log_scale)
    for group in range(GROUPS):
        columns = np.reshape([u[group] for u in U], (-1, ROWS))
        matrix = np.diag(D[group]) + columns.T @ C[group] @ columns
        size = np.abs(matrix).max() * np.abs(dz).max()
        np.testing.assert_allclose(found[group], matrix @ dz[group], rtol=1e-12, atol=1e-13 * size)


def by_blocks(module, z, b, cuts):
    """m and all totals of rows that are read in blocks: pass 1 with each block's own m, the others with the largest."""
    blocks = list(zip(np.split(z, cuts, axis=-1), np.split(b, cuts, axis=-1), strict=True))
    shifts = [module.shift(part) for part, _ in blocks]
    m, known = np.maximum.reduce(shifts), {}
    for number, names in enumerate(module.TOTALS, start=1):
        own = [shift if number == 1 else m for shift in shifts]
        sums = [module.block_totals(number, *parts, s, known) for parts, s in zip(blocks, own, strict=True)]
        factors = {name: [np.exp(module.DEGREES.get(name, 0) * (s - m)) for s in own] for name in names}
        known |= {name: sum(part[name] * f for part, f in zip(sums, factors[name], strict=True)) for name in names}
    return m, known


@pytest.mark.parametrize("name", NAMES)
def test_rows_in_blocks_give_what_the_whole_gives(name):
    module, rng = kernel(name), np.random.default_rng(7)
    z, b = 3 * rng.normal(size=(GROUPS, 12)), rng.uniform(0.1, 1, (GROUPS, 12))
    m, t = by_blocks(module, z, b, [5, 6])
    value, log_scale = module.value_of(m, t)
    g = sum(w * p for w, p in zip(module.gradient_weights(m, t), module.gradient_rows(z, b, m, t), strict=True))
    expected = module.value_and_gradient(z, b)
    for found, e in zip((value, g, log_scale), expected, strict=True):
        np.testing.assert_allclose(found, e, rtol=1e-12, atol=1e-13 * np.abs(e).max())
    for kind in ("hessian", "gauss_newton"):
        pieces, U = getattr(module, f"{kind}_rows")(z, b, m, t)
        D = sum(w * q for w, q in zip(getattr(module, f"{kind}_weights")(m, t), pieces, strict=True))
        found = D, *U, getattr(module, f"{kind}_core")(m, t)
        D, U, C, _ = getattr(module, kind)(z, b)
        for a, e in zip(found, (D, *U, C), strict=True):
            np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-12 * np.abs(e).max(initial=1))
    if hasattr(module, "prediction"):
        np.testing.assert_allclose(module.prediction_rows(z, m, t), module.prediction(z), rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_passes_are_as_many_as_the_rows_need(name):
    """Plain losses and the regularizer need no total, the others the normalizer; the first pass may see any m."""
    module = kernel(name)
    assert (1 if name.startswith("plain") or name == REGULARIZER else 2) == module.PASSES
    assert max(module.PASSES, module.GRADIENT_PASS) <= len(module.TOTALS) + 1
    assert set(module.SECOND_ORDER.values()) == {module.PASSES}, "Hessian and J^T J come with value and gradient"


def test_the_state_of_numpy_is_left_as_it_was():
    z = np.full((2, 300), 1e4)
    before = np.geterr(), np.getbufsize()
    kernel("plain-exp").value_and_gradient(z, z)
    assert (np.geterr(), np.getbufsize()) == before


def test_long_rows_are_summed_in_pieces():
    """The error of a total over n = 10^6 rows stays at a few roundings."""
    rng, n = np.random.default_rng(5), 1_000_000
    z, b = rng.normal(size=n), rng.dirichlet(np.ones(n))
    value, _, _ = kernel("normalized-exp").value_and_gradient(z, b)
    u = np.exp(z.astype(np.longdouble))
    f = u / u.sum()
    exact = ((f - b) ** 2).sum() / 2
    assert abs(value - exact) <= 1e-14 * exact


USERS = {
    "nested": ((total(data("b") * (sp.exp(row("z")) - total(sp.exp(row("z")) * data("b"))) ** 2)), [data("b")], []),
    "two-data": (
        sp.sqrt(1 + total(data("w") * (sp.exp(parameter("tau") * row("z")) - data("b")) ** 2)),
        [data("b"), data("w")],
        [parameter("tau")],
    ),
    "count": (total(sp.Integer(1)) * total(row("z") ** 3 * data("b")) + total(data("b") ** 2), [data("b")], []),
    "mixed": (
        total((sp.exp(row("z")) + sp.cosh(row("z")) * data("b")) ** 2) / total(sp.cosh(row("z"))) ** 2,
        [data("b")],
        [],
    ),
    "reciprocal": (total((sp.exp(row("z")) - data("b")) * sp.cosh(row("z")) / row("z")) ** 2, [data("b")], []),
    "log-sum-exp": (sp.log(total(sp.exp(row("z")))) + total(data("b") * row("z")), [data("b")], []),
    "constant": (total(data("b")) * total(row("z")) + total(2 ** row("z")), [data("b")], []),
}


@pytest.mark.parametrize("name", USERS)
def test_formulas_of_other_shapes_obey_the_same_laws(name, tmp_path):
    """Several data, parameters, explicit z, counts, mixed atoms: dropped entries and work arrays as for the losses."""
    loss, rows, parameters = USERS[name]
    formula = Formula(name, loss=loss, z=row("z"), data=rows, parameters=parameters)
    regenerate({name: formula}, Target.below(tmp_path))
    namespace = {}
    exec((Target.below(tmp_path).kernels / f"{formula.module_name}.py").read_text(), namespace)
    rng, tail = np.random.default_rng(6), [1.5 for _ in parameters]
    kept = [rng.uniform(0.1, 1, (GROUPS, ROWS)) for _ in (0, *rows)]
    wide = [np.concatenate([a, rng.uniform(1, 2, (GROUPS, 2))], axis=1) for a in kept]
    entries = np.zeros((GROUPS, 2), dtype=bool)
    entries[:] = True
    for request_ in ("value_and_gradient", "hessian"):
        expected = flat(namespace[request_](*kept, *tail))
        work = [np.full_like(wide[0], np.nan) for _ in range(namespace["WORK"][request_])]
        given = [wide[0].copy(), *wide[1:], *tail]
        dropped = slice(ROWS, None), kept_bits(entries)
        found = flat(namespace[request_](*given, dropped=dropped, work=work, overwrite=True))
        assert not any(np.shares_memory(a, other) for i, a in enumerate(found) for other in (*found[:i], *wide[1:]))
        for a, e in zip(found, expected, strict=True):
            a = a[:, :ROWS] if a.shape == (GROUPS, ROWS + 2) else a
            np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-13 * (1 + np.abs(e).max()))
