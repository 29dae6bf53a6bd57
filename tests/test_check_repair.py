# ruff: noqa: E501 - one statement a line
"""Instances that meet equalities among the hypotheses: affine ones solved, others through known points and turns."""

import numpy as np
import pytest
from flint import fmpq, fmpq_mat

from proofs_check import check, load_claims
from proofs_check.arrays.balls import Truth
from proofs_check.deciding.decide import decide
from proofs_check.instances.repair import _Equalities, _shortest, _turned, meeting
from proofs_check.instances.survey import chance, survey
from proofs_check.selftest.statements import HEAD, declared

ON = '(x + y, "==", Fraction(1, 3)); return x * y, '
STATEMENTS = {
    # affine in one argument, or in all together
    "sum": ("upper", "x: Scalar(0, 1), y: Scalar(0, 1)", f"assume{ON}Fraction(1, 36)", "holds"),
    "sum-false": (
        "upper",
        "x: Scalar(0, 1), y: Scalar(0, 1)",
        f"assume{ON}Fraction(1, 36) - Fraction(1, 10**7)",
        "refuted",
    ),
    "orthogonal": (
        "upper",
        "x: Vector(3, norm2=1), y: Vector(3, norm2=1)",
        'assume(dot(x, y), "==", 0); return dot(x + y, x + y), 2',
        "holds",
    ),
    "orthogonal-false": (
        "upper",
        "x: Vector(3, norm2=1), y: Vector(3, norm2=1)",
        'assume(dot(x, y), "==", 0); return dot(x + y, x + y), Fraction(3, 2)',
        "refuted",
    ),
    "product": ("lower", "x: Scalar(0, 10), y: Scalar(0, 10)", 'assume(x * y, "==", 1); return x + y, 2', "holds"),
    "product-false": (
        "lower",
        "x: Scalar(0, 10), y: Scalar(0, 10)",
        'assume(x * y, "==", 1); return x + y, 2 + Fraction(1, 10**4)',
        "refuted",
    ),
    "system-false": (
        "upper",
        "A: Matrix(2, 3, low=-1, high=1), x: Vector(3, low=-2, high=2), b: Vector(2, low=-1, high=1)",
        'assume(A @ x, "==", b); return norm2(b), spectral(A) * norm2(x) * Fraction(9, 10)',
        "refuted",
    ),
    "doubly-stochastic-false": (
        "upper",
        'n: Size(2, 4), A: Matrix("n", "n", low=0, high=1)',
        'assume(A @ ones(n), "==", ones(n)); assume(A.T @ ones(n), "==", ones(n)); return frobenius(A) ** 2, n - Fraction(1, 100)',
        "refuted",
    ),
    # of degree two: the second point of a line
    "sphere-false": (
        "upper",
        "x: Vector(3)",
        'assume(dot(x, x), "==", 1); return norm1(x) ** 2, 3 - Fraction(1, 100)',
        "refuted",
    ),
    "projections-false": (
        "upper",
        "A: Matrix(2, 2, symmetric=True)",
        'assume(A @ A, "==", A); return trace(A), Fraction(3, 2)',
        "refuted",
    ),
    # a circle, of a plane and a sphere: the largest entry is 2/sqrt(3) = 1.15470, at no rational point
    "circle-false": (
        "upper",
        "x: Vector(3, norm2=2)",
        'assume(total(x), "==", 0); assume(dot(x, x), "==", 2); return x[0], Fraction(11546, 10000)',
        "refuted",
    ),
    # several of degree two at once: from small whole numbers
    "frame-false": (
        "upper",
        "x: Vector(3, norm_inf=2), y: Vector(3, norm_inf=2)",
        'assume(dot(x, x), "==", 1); assume(dot(y, y), "==", 1); assume(dot(x, y), "==", 0); return x[0] * y[1] - x[1] * y[0], Fraction(999, 1000)',
        "refuted",
    ),
    "nilpotent-false": (
        "upper",
        "A: Matrix(2, 2, low=-1, high=1)",
        'assume(A @ A, "==", 0); return frobenius(A), Fraction(199, 100)',
        "refuted",
    ),
    # not rational where it is not met: turns of instances that meet it
    "norm-false": (
        "upper",
        "x: Vector(3)",
        'assume(norm2(x), "==", 3); return norm1(x) ** 2, 27 - Fraction(1, 10)',
        "refuted",
    ),
    # nothing to be found, for a reason, or because no instance is rational
    "out-of-reach": ("upper", "x: Scalar(0, 1), y: Scalar(0, 1)", 'assume(x + y, "==", 3); return x, 2', "vacuous"),
    "irrational": ("upper", "x: Scalar(0, 2)", 'assume(x * x, "==", 2); return x, 2', "vacuous"),
}


def loaded(name, folder):
    path = folder / "claim.py"
    path.write_text(HEAD + declared(name, *STATEMENTS[name][:3]))
    return load_claims(path)


@pytest.mark.parametrize("name", STATEMENTS)
def test_equalities_among_the_hypotheses(name, tmp_path):
    (verdict,) = check(loaded(name, tmp_path), samples=100)
    assert verdict.outcome == STATEMENTS[name][3]
    assert "certified:" not in verdict.message or name == "out-of-reach"


@pytest.mark.parametrize("name", ["sum", "orthogonal", "sphere-false", "norm-false"])
def test_what_is_added_meets_every_hypothesis(name, tmp_path):
    (claim,) = loaded(name, tmp_path)
    rng = chance(claim, 0)
    found = survey(claim, rng, 0, 60, False)
    more = meeting(claim, found, rng)
    added = more.drawn[len(found.drawn) :]
    assert len(added) > 50
    assert len({str(instance) for instance in added}) > 20
    assert all(decide(claim, instance).admissible is Truth.YES for instance in added[:: len(added) // 10])
    again = meeting(claim, survey(claim, chance(claim, 0), 0, 60, False), np.random.default_rng(1))
    assert str(again.drawn) != str(more.drawn)  # chance is the one that is given


def test_claims_without_equalities_are_left_alone(tmp_path):
    path = tmp_path / "claim.py"
    path.write_text(HEAD + declared("free", "upper", "x: Scalar(0, 1)", 'assume(x, "<=", Fraction(1, 2)); return x, 1'))
    (claim,) = load_claims(path)
    rng = chance(claim, 0)
    found = survey(claim, rng, 0, 30, False)
    before = rng.bit_generator.state
    assert meeting(claim, found, rng) is found
    assert rng.bit_generator.state == before


def test_the_shortest_step_against_least_squares():
    rng = np.random.default_rng(5)
    for rows, columns in ((1, 3), (2, 5), (3, 3)):
        slopes = rng.integers(-4, 5, (rows, columns))
        wanted = rng.integers(-4, 5, rows)
        step = _shortest(fmpq_mat(rows, columns, slopes.reshape(-1).tolist()), fmpq_mat(rows, 1, wanted.tolist()))
        oracle = np.linalg.lstsq(slopes.astype(float), wanted.astype(float), rcond=None)[0]
        np.testing.assert_allclose([int(s.p) / int(s.q) for s in step], oracle, atol=1e-12)
    inconsistent = fmpq_mat(2, 2, [1, 1, 2, 2])
    assert _shortest(inconsistent, fmpq_mat(2, 1, [1, 3])) is None
    assert _shortest(inconsistent, fmpq_mat(2, 1, [1, 2])) == [fmpq(1, 2), fmpq(1, 2)]


def test_turns_keep_norms_and_symmetry(tmp_path):
    path = tmp_path / "claim.py"
    path.write_text(
        HEAD + declared("turns", "upper", "x: Vector(3), A: Matrix(3, 3, symmetric=True)", "return norm2(A @ x), 1")
    )
    (claim,) = load_claims(path)
    start = survey(claim, chance(claim, 0), 0, 10, False).drawn[-1]
    turned = _turned(claim, start, np.random.default_rng(2))
    assert (turned["x"] ** 2).sum() == (start["x"] ** 2).sum()
    assert (turned["A"] == turned["A"].T).all()
    assert turned["A"].trace() == start["A"].trace()
    assert _Equalities(claim).free() == ["x", "A"]
