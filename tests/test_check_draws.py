"""Draws: proposals on grids, exact limits against slow oracles in fractions, coverage of corners and sizes, chance."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from flint import fmpq, fmpz_mat
from test_check_exact import DOMAINS, KNOWN

from proofs_check import InputError, Matrix, Scalar, Size, Vector
from proofs_check.arrays import exact
from proofs_check.arrays.exact import Count
from proofs_check.claims import claim
from proofs_check.instances.corners import LEAN
from proofs_check.instances.domains import COARSE, FINE
from proofs_check.instances.grids import Grid
from proofs_check.instances.limits import Limit
from proofs_check.instances.proposals import on_grids, onto_simplex, settled, spread, truncated
from proofs_check.instances.sampling import Sampler

TINY = Fraction(1, 10**40)
"""Far below the spacing of floats: a limit missed by so little is missed."""


def fractions(value):
    """An exact vector or matrix as nested Python fractions."""
    rows = value if value.ndim == 2 else value[None]
    return [[Fraction(int(cell.p), int(cell.q)) for cell in row] for row in rows]


def determinant(rows):
    """By elimination in fractions."""
    rows, result = [list(row) for row in rows], Fraction(1)
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k]), None)
        if pivot is None:
            return Fraction(0)
        if pivot != k:
            rows[k], rows[pivot], result = rows[pivot], rows[k], -result
        result *= rows[k][k]
        for i in range(k + 1, len(rows)):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return result


def semidefinite(rows):
    """All principal minors are at least 0: no characteristic polynomial, no LDL^T."""
    places = range(len(rows))
    chosen = (some for k in places for some in combinations(places, k + 1))
    return all(determinant([[rows[i][j] for j in some] for i in some]) >= 0 for some in chosen)


def slowly_within(norm, value, limit):
    """The norm limit in Python fractions."""
    rows = fractions(value)
    cells = [cell for row in rows for cell in row]
    if limit < 0:
        return False
    if norm == "norm1":
        return sum(map(abs, cells)) <= limit
    if norm == "norm_inf":
        return max(map(abs, cells)) <= limit
    if norm in ("norm2", "frobenius"):
        return sum(cell * cell for cell in cells) <= limit**2
    small = rows if len(rows) <= len(rows[0]) else list(zip(*rows, strict=True))
    gram = [[sum(a * b for a, b in zip(p, q, strict=True)) for q in small] for p in small]
    return semidefinite([[limit**2 * (i == j) - cell for j, cell in enumerate(row)] for i, row in enumerate(gram)])


def slowly_admits(domain, value, known):
    """The annotation in Python fractions, at the rational limits that the domain states."""
    rows = fractions(value)
    cells = [cell for row in rows for cell in row]
    ends = {name: getattr(domain, name, None) for name in ("low", "high")}
    stated = {name: Limit.of(end, name).bounds(known) for name, end in ends.items() if end is not None}
    low, high = (Fraction(str(stated[n][1 - i])) if n in stated else None for i, n in enumerate(("low", "high")))
    norms = [n for n in ("norm1", "norm2", "norm_inf", "spectral", "frobenius") if getattr(domain, n, None) is not None]
    limits = {n: Fraction(str(Limit.of(getattr(domain, n), n).lower(known))) for n in norms}
    turned = [list(column) for column in zip(*rows, strict=True)]
    product = [[sum(a * b for a, b in zip(p, q, strict=True)) for q in turned] for p in turned]
    return (
        all((low is None or cell >= low) and (high is None or cell <= high) for cell in cells)
        and all(slowly_within(n, value, limit) for n, limit in limits.items())
        and (not getattr(domain, "simplex", False) or (sum(cells) == 1 and min(cells) >= 0))
        and (not (getattr(domain, "symmetric", False) or getattr(domain, "psd", False)) or rows == turned)
        and (not getattr(domain, "psd", False) or semidefinite(rows))
        and (not getattr(domain, "orthogonal", False) or product == np.eye(len(product), dtype=int).tolist())
        and (getattr(domain, "rank", None) is None or exact.rank(value) == domain.rank)
    )


ARRAYS = {name: domain for name, domain in DOMAINS.items() if name != "scalar"}


@pytest.mark.parametrize("name", sorted(ARRAYS))
@pytest.mark.parametrize("bits", [COARSE, FINE])
def test_what_is_proposed_is_admissible_by_the_slow_oracle(name, bits):
    """Proposals far outside end on the boundary, where a wrong rounding shows; the others lie anywhere inside."""
    domain, rng = ARRAYS[name], np.random.default_rng(7)
    drawn = domain.draw(rng, [KNOWN] * 12)
    width = domain.width(KNOWN)
    drawn += [domain.exactly(row, KNOWN, bits) for row in rng.standard_normal((6, width)) * 10.0 ** rng.integers(-3, 4)]
    drawn = [value for value in drawn if value is not None]
    assert len(drawn) >= 12
    assert all(slowly_admits(domain, value, KNOWN) for value in drawn)
    assert all(domain.admits(value, KNOWN) for value in drawn)


@pytest.mark.parametrize("name", sorted(ARRAYS))
def test_predicates_agree_with_the_slow_oracle_next_to_the_boundary(name):
    """Admissible values scaled by 1 +- 1e-40, by 1/2 and 2, and with one entry moved, are judged as by the oracle."""
    domain, rng = ARRAYS[name], np.random.default_rng(11)
    values = [value for value in domain.draw(rng, [KNOWN] * 4) if value is not None] + domain.corners(KNOWN, [])[:8]
    judged = []
    for value in values:
        moved = value.copy()
        moved.reshape(-1)[-1] += fmpq(1, 10**40)
        for changed in (*(value * fmpq(str(1 + t)) for t in (-TINY, TINY)), value / 2, value * 2, moved):
            admitted = domain.admits(changed, KNOWN)
            assert admitted is slowly_admits(domain, changed, KNOWN)
            judged.append(admitted)
    assert "free" in name or False in judged


# Matrices whose largest singular value is exactly the number given.
ATTAINED = {
    "diagonal": ([[3, 0], [0, -3]], 3),
    "row": ([[3, 4, 12]], 13),
    "rank one": (np.multiply.outer(LEAN, [LEAN[1], -LEAN[0], 0]), 1),
    "turned": ([["3/5", "4/5", 0], ["-4/5", "3/5", 0]], 1),
    "ones": ([[1] * 5] * 5, 5),
    "zero": ([[0, 0]], 0),
}


@pytest.mark.parametrize("name", sorted(ATTAINED))
def test_a_spectral_limit_that_is_attained_is_met_and_one_below_is_missed(name):
    rows, norm = ATTAINED[name]
    grid = Grid.of(exact.array(rows))
    assert grid.within("spectral", fmpq(norm)) is True
    assert grid.within("spectral", fmpq(norm) - fmpq(str(TINY))) is False
    assert grid.within("spectral", fmpq(norm), fmpq(str(1 + TINY))) is (norm == 0)


@pytest.mark.parametrize("norm", ["norm1", "norm2", "norm_inf", "frobenius", "spectral"])
def test_norms_of_grids_are_those_of_fractions(norm):
    rng = np.random.default_rng(2)
    for _ in range(60):
        shape = (1, 4) if norm.startswith("norm") else tuple(rng.integers(1, 4, 2))
        value = exact.rationals(rng.integers(-9, 10, shape)) * fmpq(int(rng.integers(1, 9)), int(rng.integers(1, 9)))
        limit = fmpq(int(rng.integers(-1, 60)), int(rng.integers(1, 5)))
        assert Grid.of(value).within(norm, limit) is slowly_within(norm, value, Fraction(str(limit)))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_definiteness_is_that_of_principal_minors(n):
    rng = np.random.default_rng(n)
    seen = set()
    for _ in range(40):
        factor = rng.integers(-2, 3, (n, int(rng.integers(1, n + 1))))
        rows = (factor @ factor.T - int(rng.integers(0, 2)) * np.diag(rng.integers(0, 2, n))).tolist()
        expected = semidefinite([[Fraction(cell) for cell in row] for row in rows])
        assert exact.is_semidefinite(fmpz_mat(rows)) is expected
        seen.add(expected)
    assert seen == {True, False}


@pytest.mark.parametrize("n", [12, 13, 14, 20])
def test_large_matrices_are_decided_as_they_are_made(n):
    """By characteristic polynomials and by balls: F F^T is semidefinite, F F^T - w w^T / 2^80 with F^T w = 0 is not."""
    rng = np.random.default_rng(n)
    factor = rng.integers(-3, 4, (n, n - 1))
    factor[-1] = -factor[:-1].sum(axis=0)
    gram = fmpz_mat((factor @ factor.T).tolist())
    ones = fmpz_mat([[1] * n] * n)
    scale = 1 << 80
    assert exact.is_semidefinite(gram) is True
    assert exact.is_semidefinite(gram * scale + ones) is True
    assert exact.is_semidefinite(gram * scale - ones) is False


def test_grids_round_towards_zero_to_the_bits_asked():
    rng = np.random.default_rng(4)
    raw = rng.standard_normal((30, 5)) * 10.0 ** rng.integers(-300, 150, (30, 1))
    raw[0] = 0.0
    cells, exponents = on_grids(raw, COARSE)
    for row, whole, exponent in zip(raw, cells.tolist(), exponents, strict=True):
        unit = Fraction(2) ** exponent
        assert max(map(abs, whole)) < 2 ** (COARSE + 1)
        assert not row.any() or max(map(abs, whole)) >= 2**COARSE
        for value, cell in zip(row, whole, strict=True):
            assert abs(cell) * unit <= abs(Fraction(value)) < (abs(cell) + 1) * unit
    for value in (0.0, 1.0, -3.7, 1e-300, 9.9e149):
        found = Fraction(str(truncated(value, COARSE)))
        assert abs(found) <= abs(Fraction(value)) <= abs(found) * (1 + Fraction(1, 2**COARSE))


@pytest.mark.parametrize("limit", [0, "1/10**140", "10**140"])
def test_extreme_limits_are_met_exactly_and_used(limit):
    known = {"n": Count(3), "R": Limit.of(limit, "R").lower({})}
    for domain in (Vector("n", norm2="R"), Matrix("n", "n", spectral="R")):
        drawn = domain.draw(np.random.default_rng(0), [known] * 20)
        assert all(slowly_admits(domain, value, known) for value in drawn)
        half = [slowly_within("norm_inf", value, Fraction(str(known["R"])) / 3) for value in drawn]
        assert limit == 0 or not all(half)


def test_a_proposal_beyond_its_limit_is_scaled_down_or_given_up():
    """By the least of the listed shrinks that brings it within; floats never have the last word."""
    limits = {"norm2": fmpq(5)}
    beyond = exact.array([3, 4]) * fmpq(str(1 + Fraction(1, 10**10)))
    found = settled(Grid.of(beyond), (2,), limits, 1.0, FINE)
    assert slowly_within("norm2", found, 5)
    assert slowly_within("norm2", beyond * (1 - fmpq(1, 10**8)), 5)
    assert not slowly_within("norm2", found * (1 + fmpq(1, 10**8)), 5)
    assert settled(Grid.of(beyond * 3), (2,), limits, 1.0, FINE) is None
    assert settled(Grid.of(beyond), (2,), limits, 0.5, FINE, lambda value: False) is None


def test_draws_are_spread_over_the_ball():
    """Near the boundary, well inside, and with entries that are exactly 0."""
    domain, rng = DOMAINS["matrix-spectral"], np.random.default_rng(0)
    drawn = [np.array(fractions(value), dtype=float) for value in domain.draw(rng, [KNOWN] * 300)]
    sizes = np.array([np.linalg.norm(value, 2) for value in drawn]) / 1.5
    assert 0.2 < (sizes > 0.99).mean() < 0.6
    assert (sizes < 0.1).mean() > 0.05
    assert np.mean([(value == 0).any() for value in drawn]) > 0.1


def test_points_of_a_simplex_are_near_its_corners_and_its_middle():
    drawn = DOMAINS["simplex"].draw(np.random.default_rng(0), [KNOWN] * 200)
    largest = np.array([float(max(fractions(value)[0])) for value in drawn])
    assert (largest > 0.95).mean() > 0.05
    assert (largest < 0.4).mean() > 0.05
    assert [str(cell) for cell in onto_simplex([0, 0])] == ["1/2", "1/2"]


def test_values_of_several_shapes_are_drawn_one_by_one():
    knowns = [{"k": fmpq(1), "n": Count(2)}, {"k": fmpq(2), "n": Count(2)}]
    rng = np.random.default_rng(0)
    assert [value.shape for value in Vector("k", norm2=1).draw(rng, knowns)] == [(1,), (2,)]
    assert [value.shape for value in Matrix("n", "k", spectral=1).draw(rng, knowns)] == [(2, 1), (2, 2)]


def test_spread_takes_each_row_at_its_own_radius():
    raw = spread(np.random.default_rng(0), 4, np.repeat([1e-6, 1e6, np.nan], 50))
    reach = np.linalg.norm(raw, axis=1)
    assert (reach[:50] <= 1.001e-3).all()
    assert (reach[50:100] >= 1e3).any()
    assert np.isfinite(raw).all()


def body(n, d, R, A, x, y):
    return 0, 1


def declared(**domains):
    body.__annotations__ = {"n": Size(1, 3), "d": Size(1, 3), "R": Scalar("1/20", 8), **domains}
    return claim("own", paper="own", kind="upper", provenance="own")(body)


PLAIN = {"A": Matrix("n", "d", spectral="R"), "x": Vector("d", norm2="R"), "y": Vector("d", norm2="R")}


def shown(instances):
    return [{name: str(value) for name, value in instance.items()} for instance in instances]


def test_chance_is_that_of_the_seed_alone():
    item = declared(**PLAIN)
    first, again, other = (
        shown(i for group in Sampler(item, np.random.default_rng(seed), 3).groups(60, 10) for i in group)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert len({str(one) for one in first}) > 50


# Corners of a vector of norm 1 and a matrix of norm 1, of length and size 2, up to their signs.
NEAR_HALF = [LEAN[0] * LEAN[0], LEAN[0] * LEAN[1], LEAN[1] * LEAN[1]]
OF_VECTORS = [[0, 0], [1, 0], [0, 1], ["1/2", "1/2"], LEAN, [LEAN[0], -LEAN[1]]]
OF_CUBES = [*OF_VECTORS, [1, 1], [1, -1]]
OF_MATRICES = [
    [[0, 0], [0, 0]], [[1, 0], [0, 0]], [[0, 0], [1, 0]], [[1, 0], [0, 1]], [[0, 1], [1, 0]], [[1, 0], [0, -1]],
    [["1/4", "1/4"], ["1/4", "1/4"]], [[LEAN[0], 0], [LEAN[1], 0]], [[LEAN[0], 0], [-LEAN[1], 0]],
    *([[NEAR_HALF[0], t * NEAR_HALF[1]], [s * NEAR_HALF[1], s * t * NEAR_HALF[2]]] for s in (1, -1) for t in (1, -1)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("domain", "listed"),
    [(Vector(2, norm2=1), OF_VECTORS), (Vector(2, norm_inf=1), OF_CUBES), (Matrix(2, 2, spectral=1), OF_MATRICES)],
    ids=["vector", "cube", "matrix"],
)
def test_the_corners_are_these(domain, listed):
    found = {str(value) for corner in domain.corners({}, []) for value in (corner, -corner)}
    assert found == {str(value) for corner in map(exact.array, listed) for value in (corner, -corner)}


TIGHTER = {"A": Matrix("n", "d", frobenius="R"), "x": Vector("d", norm1="R"), "y": Vector("d", norm1="R")}
"""Limits that some of the corners miss."""


@pytest.mark.parametrize("domains", [PLAIN, TIGHTER], ids=["all admissible", "some inadmissible"])
def test_each_corner_is_reached_at_each_size(domains):
    """Corner instances, 60 at a time: every admissible corner of every argument occurs, and nothing inadmissible."""
    item = declared(**domains, R=Scalar(8, 8))
    sampler = Sampler(item, np.random.default_rng(0), 3)
    for sizes in ({"n": Count(n), "d": Count(d)} for n in (1, 3) for d in (1, 2)):
        drawn = [instance for _ in range(12) for instance in sampler.group(sizes, [True] * 60)]
        assert all(item.admits(instance) for instance in drawn)
        for name in ("A", "x"):
            corners = {str(value) for value in item.domains[name].corners({**sizes, "R": fmpq(8)}, [])}
            assert corners <= {str(i[name]) for i in drawn}
        assert any((i["x"] == i["y"]).all() for i in drawn)  # neighbours of a twin
        assert any((i["x"] == -i["y"]).all() and i["x"][0] != 0 for i in drawn)


def test_each_corner_of_a_number_is_reached():
    item = declared(**PLAIN)
    drawn = Sampler(item, np.random.default_rng(0), 3).group({"n": Count(1), "d": Count(1)}, [True] * 200)
    assert {"1/20", "8", "161/40", "1", "2"} <= {str(i["R"]) for i in drawn}


def test_groups_take_every_size():
    item = declared(**PLAIN)
    sampler = Sampler(item, np.random.default_rng(3), 3)
    groups = list(sampler.groups(300, 10))
    assert all(len({(one["n"], one["d"]) for one in group}) == 1 for group in groups)
    assert {(one["n"], one["d"]) for group in groups for one in group} >= {(1, 1), (2, 2), (3, 3), (1, 3), (3, 1)}
    assert sum(map(len, groups)) == 300


def test_sizes_that_do_not_fit_give_no_instance_and_a_reason():
    item = declared(**{**PLAIN, "A": Matrix("n", "d", orthogonal=True)})
    sampler = Sampler(item, np.random.default_rng(0), 3)
    assert sampler.group({"n": Count(1), "d": Count(2)}, [True, False]) == []
    assert "orthonormal columns need rows >= columns" in sampler.misfit()
    assert len(sampler.group({"n": Count(2), "d": Count(1)}, [True, False])) == 2
    assert sampler.misfit() is None


def test_a_limit_that_is_no_size_is_refused():
    with pytest.raises(InputError, match="positive whole number"):
        Vector("n - 4").draw(np.random.default_rng(0), [KNOWN])
