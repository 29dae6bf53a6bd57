"""Columns of a group: floats beside exact values, many limits decided together, the shares of what is drawn."""

import math

import numpy as np
import pytest
from flint import fmpq, fmpz_mat
from test_check_draws import PLAIN, declared, slowly_admits
from test_check_exact import DOMAINS, KNOWN

from proofs_check import Matrix, Scalar, Vector
from proofs_check.arrays import exact
from proofs_check.arrays.backends import floats
from proofs_check.arrays.exact import Count
from proofs_check.instances.columns import Column, Drawn
from proofs_check.instances.sampling import NEAR, Sampler
from proofs_check.instances.settling import semidefinite_together, settled_together
from proofs_check.instances.stating import bounds_of
from proofs_check.instances.survey import Survey, chance, survey

ROUNDINGS = 8 * 2.0**-53
"""Floats of a column are a product or a quotient of floats away from the exact value."""
SIGMAS = 5
"""Shares are those of seeded draws: a right one is missed in one of a million seeds."""
ENDS = {
    "both": Vector("n", low="1/3", high="7/10"),
    "above": Vector("n", high="1/3"),
    "below": Vector("n", low="-1/7"),
    "below and short": Vector("n", low="-1/7", norm2="R"),
    "positive and short": Vector("n", low="1/100", norm2="R"),
    "at least one and short": Vector("n", low=1, norm2=4),
    "matrix": Matrix("n", "d", low="-2/7", high="1/3", spectral=1),
    "symmetric": Matrix("n", "n", symmetric=True, high="1/3"),
    "wrong way round": Vector("n", low="R", high=1),
}
ARRAYS = {name: domain for name, domain in {**DOMAINS, **ENDS}.items() if name != "scalar"}


def close(plain, value):
    assert np.all(np.abs(plain - floats(value)) <= ROUNDINGS * np.abs(floats(value)))


@pytest.mark.parametrize("name", sorted(ARRAYS))
def test_columns_hold_admissible_values_and_their_floats(name):
    domain, rng = ARRAYS[name], np.random.default_rng(5)
    drawn = domain.column(rng, [KNOWN] * 30)
    corners = domain.cornered(rng, [KNOWN] * 30, rng.random(30))
    for column in (drawn, corners):
        for i in np.flatnonzero(column.present).tolist():
            assert slowly_admits(domain, column.exact(i), KNOWN)
            close(column.floats[i], column.exact(i))
    assert drawn.present.any() == (name != "wrong way round")


@pytest.mark.parametrize("name", ["above", "below", "below and short"])
def test_ends_of_entries_are_attained(name):
    domain = ENDS[name]
    end = fmpq(1, 3) if name == "above" else fmpq(-1, 7)
    values = domain.column(np.random.default_rng(0), [KNOWN] * 30).values()
    assert sum(bool((value == end).any()) for value in values) > 10


def test_limits_that_differ_from_row_to_row_are_each_met_and_used():
    """Radii over twenty orders of size, in one column."""
    knowns = [{**KNOWN, "R": fmpq(10) ** k} for k in range(-10, 11)] * 4
    for name in ("norm2", "matrix-spectral", "matrix-symmetric"):
        domain = DOMAINS[name]
        values = domain.column(np.random.default_rng(1), knowns).values()
        assert all(slowly_admits(domain, value, known) for value, known in zip(values, knowns, strict=True))
        largest = [np.linalg.norm(floats(v), 2) / floats(known["R"]) for v, known in zip(values, knowns, strict=True)]
        assert np.mean(np.array(largest) > 0.999) > 0.2


def symmetric(rng, n, size):
    factor = rng.integers(-size, size + 1, (n, int(rng.integers(1, n + 1))))
    return factor @ factor.T - int(rng.integers(0, 2)) * np.diag(rng.integers(0, 2, n))


@pytest.mark.parametrize("size", [3, 1 << 12, 1 << 20])
@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_no_matrix_is_shown_to_be_semidefinite_that_is_not(n, size):
    rng = np.random.default_rng([n, size])
    stack = np.array([*(symmetric(rng, n, size) for _ in range(80)), -np.eye(n, dtype=int)])
    shown = semidefinite_together(stack)
    true = [exact.is_semidefinite(fmpz_mat(matrix.tolist())) for matrix in stack]
    assert all(right or not said for right, said in zip(true, shown, strict=True))
    assert not all(true)


@pytest.mark.parametrize("n", [2, 8, 16, 40])
def test_matrices_with_a_little_to_spare_are_shown_to_be_semidefinite(n):
    """Eigenvalue t of the Gram matrix against t (1 + 1e-4) and t (1 - 1e-4), as whole numbers."""
    cells = np.random.default_rng(n).integers(-(1 << 13), 1 << 13, (20, n, n))
    gram = np.swapaxes(cells, 1, 2) @ cells
    top = np.linalg.eigvalsh(gram.astype(float))[:, -1]
    for factor, expected in ((1 + 1e-4, True), (1 - 1e-4, False)):
        reach = (top * factor).astype(np.int64)[:, None, None] * np.eye(n, dtype=np.int64)
        assert semidefinite_together(reach - gram).tolist() == [expected] * 20
    assert not semidefinite_together((gram - gram) - (1 << 60)).any()  # beyond what whole numbers of 64 bits hold


def test_a_factor_that_floats_get_wrong_shows_nothing(monkeypatch):
    """L L^T is compared with the matrix in whole numbers."""
    indefinite = (1 << 30) * np.array([[[1, 2], [2, 1]], [[1, 1], [1, 1]]])
    monkeypatch.setattr(np.linalg, "cholesky", lambda stack: np.sqrt(np.abs(stack)) * np.tri(2))
    assert semidefinite_together(indefinite).tolist() == [False, False]


@pytest.mark.parametrize(("norm", "cells"), [("norm1", [3, -4]), ("norm_inf", [7, 2]), ("norm2", [5, 12])])
def test_a_limit_missed_by_less_than_floats_tell_is_missed(norm, cells):
    """Norms of 7 and 13: at limits of 7 and 13 the value stays, a little below these it is scaled down."""
    reach = 13 if norm == "norm2" else 7
    for missing, stays in ((0, True), (fmpq(1, 10**40), False)):
        domain = Vector(2, **{norm: str(reach - missing)})
        column = settled_together(np.array([cells]), [0], bounds_of(domain.stated, [{}]), 16)
        assert slowly_admits(domain, column.exact(0), {})
        assert bool((column.exact(0) == exact.array(cells)).all()) is stays
        np.testing.assert_allclose(column.floats[0], cells, rtol=1e-4)


def test_corners_beyond_floats_are_zero_where_they_are_zero():
    known = {**KNOWN, "R": fmpq(10) ** 400}
    column = DOMAINS["norm2"].cornered(np.random.default_rng(0), [known] * 40, np.linspace(0, 0.99, 40))
    for plain, value in zip(column.floats, column.values(), strict=True):
        assert plain.tolist() == [float("inf") * int(np.sign(floats(cell))) if cell != 0 else 0.0 for cell in value]


def test_neighbours_of_twins_stay_between_the_ends_of_entries():
    """Opposite and shorter ones may leave: 1/100 is the least entry, and many are at it."""
    domain = Vector("d", low="1/100", high=1)
    item = declared(A=Matrix("n", "d", low="1/100"), x=domain, y=domain)
    group = Sampler(item, np.random.default_rng(0), 3).group({"n": Count(3), "d": Count(3)}, [True] * 300)
    assert len(group) == 300
    assert all(slowly_admits(domain, one[name], {"d": Count(3)}) for one in group for name in ("x", "y"))
    assert any((one["x"] == fmpq(1, 100)).all() for one in group)


@pytest.mark.parametrize("limit", ["1", "99/100", "1/1000000", "0"])
def test_a_limit_that_the_proposal_attains_is_met(limit):
    """Partial identities and a Pythagorean pair of norm 1: at a limit of 1 they stay, below it they are scaled down."""
    rows = np.array([[[4, 0], [0, 4]], [[4, 0], [0, 0]], [[0, 4], [4, 0]], [[0, 0], [0, 0]]], dtype=np.int64)
    for norm in ("spectral", "frobenius"):
        domain = Matrix(2, 2, **{norm: limit})
        column = settled_together(rows.copy(), [-2] * 4, bounds_of(domain.stated, [{}] * 4), 16)
        assert column.present.all()
        for i, value in enumerate(column.values()):
            assert slowly_admits(domain, value, {})
            close(column.floats[i], value)
            size = np.linalg.norm(column.floats[i], 2 if norm == "spectral" else "fro")
            assert size >= (1 - 1e-4) * float(fmpq(*map(int, (limit + "/1").split("/")[:2]))) or i == 3


def share(flags, expected):
    flags = list(flags)
    assert abs(np.mean(flags) - expected) < SIGMAS * math.sqrt(expected * (1 - expected) / len(flags))


SIZES = {"n": Count(3), "d": Count(3)}
MANY = 3000


def test_the_shares_of_corners_and_of_neighbours_of_twins_are_these():
    """Of corner instances: 0.6 of the arguments are corners, of arguments with a twin half of these its neighbours."""
    item = declared(**PLAIN, R=Scalar(8, 8))
    group = Sampler(item, np.random.default_rng(0), 3).group(SIZES, [True] * MANY)
    known = {**SIZES, "R": fmpq(8)}
    assert len(group) == MANY
    corners = {name: {str(value) for value in item.domains[name].corners(known, [])} for name in ("A", "x")}
    share((str(one["A"]) in corners["A"] for one in group), 0.6)
    share((str(one["x"]) in corners["x"] for one in group), 0.6)
    # Seven neighbours of a vector: it, its opposite, three shorter ones, one and two entries moved. Two corners of the
    # pool, in which each is as likely as any other, may be equal or opposite as well.
    both = 0.6 * 0.5 / 7
    nonzero = [bool(one["x"].any()) for one in group]
    for sign in (1, -1):
        found = [some and bool((one["y"] == sign * one["x"]).all()) for one, some in zip(group, nonzero, strict=True)]
        listed = [s and str(sign * one["x"]) in corners["x"] for one, s in zip(group, nonzero, strict=True)]
        share(found, both * np.mean(nonzero) + 0.3 * np.mean(listed) / len(corners["x"]))
    for factor in (1 - fmpq(1, 1 << k) for k in (6, 12, 24)):
        shorter = [bool((one["y"] == one["x"] * factor).all()) and bool(one["x"].any()) for one in group]
        share(shorter, both * np.mean(nonzero))


def test_random_instances_have_no_corners_but_extreme_scales():
    """Half of the numbers are uniform in the logarithm over their range of orders of size."""
    item = declared(**PLAIN)
    group = Sampler(item, np.random.default_rng(1), 3).group(SIZES, [False] * MANY)
    uniform, spread = (0.4 - 0.05) / (8 - 0.05), math.log(8) / math.log(160)
    share((one["R"] < fmpq(2, 5) for one in group), (uniform + spread) / 2)
    sizes = np.linalg.norm(group.columns["x"].floats, axis=1) / group.columns["R"].floats
    assert 0.3 < np.mean(sizes > 0.999) < 0.5  # 0.75 of a half are far beyond the limit and end there
    share((group.columns["x"].floats == 0).any(axis=1), 0.2 * (1 - 0.5**3))
    twins = declared(**{**PLAIN, "x": Scalar("1/20", 8), "y": Scalar("1/20", 8)})
    pairs = Sampler(twins, np.random.default_rng(1), 3).group(SIZES, [True] * MANY)
    possible = np.mean([one["R"] * (1 - NEAR) >= fmpq(1, 20) for one in pairs])
    share((one["x"] == one["R"] * (1 - NEAR) for one in pairs), 0.6 * 0.5 * 0.5 * possible)


def test_exact_values_do_not_depend_on_who_asks_first():
    item = declared(**PLAIN)
    first, again = (Sampler(item, np.random.default_rng(4), 3).group(SIZES, [True, False] * 40) for _ in range(2))
    backwards = [again[i] for i in reversed(range(len(again)))][::-1]
    assert [str(one) for one in first] == [str(one) for one in backwards]
    assert all(item.admits(one) for one in first)
    for name in ("A", "x", "y"):
        for i, one in enumerate(first):
            close(first.columns[name].floats[i], one[name])


def test_a_survey_makes_exact_numbers_on_demand_only():
    item = declared(**PLAIN)
    found = survey(item, chance(item, 0), 0, 200, False)
    assert isinstance(found.drawn, Drawn)
    assert sum(len(part._built) for part in found.drawn.parts) == 0
    chosen = found.for_balls(np.random.default_rng(0))
    assert 0 < sum(len(part._built) for part in found.drawn.parts) <= len(chosen)
    one = found.drawn[-1]
    assert found.sizes_at(len(found.drawn) - 1) == {"n": one["n"], "d": one["d"]}
    assert found.cells_at(len(found.drawn) - 1) == sum(np.size(value) for value in one.values())
    assert [str(i) for i in found.drawn[3:6]] == [str(found.drawn[i]) for i in (3, 4, 5)]
    with pytest.raises(IndexError):
        found.drawn[len(found.drawn)]


def test_the_worst_of_each_size_is_that_of_a_search_through_all():
    item = declared(**PLAIN)
    found = survey(item, chance(item, 0), 0, 200, False)
    usage = np.random.default_rng(0).permutation(len(found.drawn)).astype(float)
    usage[::7], usage[::11] = -np.inf, np.nan
    found = Survey(found.drawn, usage, 200)
    for limit in (np.inf, 10):
        places = [i for i in range(len(usage)) if usage[i] != -np.inf and found.cells_at(i) <= limit]
        expected = set()
        for name in ("n", "d"):
            for size in {found.drawn[i][name] for i in places}:
                same = [i for i in places if found.drawn[i][name] == size]
                expected.add(max(same, key=lambda i: -np.inf if np.isnan(usage[i]) else usage[i]))
        assert set(found.worst_of_each_size(limit)) == expected


def test_columns_of_some_places_are_put_together():
    parts = [(np.array([2, 0]), Column.of([fmpq(5), fmpq(7)])), (np.array([1]), Column.of([None]))]
    joined = Column.together(3, parts)
    assert joined.values() == [fmpq(7), None, fmpq(5)]
    assert joined.floats[[0, 2]].tolist() == [7.0, 5.0]
    assert joined.taken(np.array([2])).values() == [fmpq(5)]
    assert not joined.taken(np.array([1])).present.any()


# Limits at which whole numbers of 64 bits, or floats, would run over: 2^35 squared 2^12 times over is 2^82.
FAR_OUT = {
    "beyond its norm": (Vector(2, norm2=1, low=2**40), 0),
    "beyond its norm in three": (Vector(3, norm2=1, low=2**35), 0),
    "below its norm": (Vector(2, norm2=1, high=-(2**40)), 0),
    "many beyond their sum": (Vector(8, norm1=1, low=2**48), 0),
    "beyond a spectral norm": (Matrix(2, 2, spectral=1, low=2**40), 0),
    "below a Frobenius norm": (Matrix(2, 3, frobenius=1, high=-(2**45)), 0),
    "zeros within a wide norm": (Vector(2, norm2=10**6), 30),
    "zeros within a wide spectral norm": (Matrix(1, 1, spectral=10**6), 30),
    "beyond floats": (Vector(2, norm2=10**400, low=-(10**399)), 30),
    "root beyond floats": (Matrix(2, 2, psd=True, frobenius=10**400), 30),
    "next to nothing": (Vector(2, norm2="1e-400", high="1e-401"), 30),
    "an end on no grid": (Vector(2, low="1e-300", high="1e150"), 30),
    "entries beyond floats": (Matrix(2, 2, spectral=10**399, low=-(10**401), high=10**400), 30),
}


@pytest.mark.parametrize("name", FAR_OUT)
def test_nothing_runs_over_at_limits_far_out(name):
    domain, least = FAR_OUT[name]
    found = domain.column(np.random.default_rng(0), [{}] * 120)
    assert int(found.present.sum()) >= least
    for value in found.values():
        assert value is None or slowly_admits(domain, value, {})


def test_numbers_between_ends_far_apart_are_drawn():
    drawn = Scalar("1e-300", "1e300").column(np.random.default_rng(0), [{}] * 60).values()
    assert all(fmpq(1, 10**300) <= value <= fmpq(10) ** 300 for value in drawn)


def test_a_limit_beyond_all_memory_is_refused():
    with pytest.raises(exact.InputError, match=r"the limit exp\(-R\*\*2\) must lie between 2\^-1048576 and 2\^1048576"):
        Vector(2, norm2="exp(-R**2)").column(np.random.default_rng(0), [{"R": fmpq(10) ** 9}])
