"""Exact numbers, domains and limits: predicates, samplers, corners, refusals."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from flint import fmpq

from proofs_check import InputError, Matrix, Scalar, Size, Vector
from proofs_check.arrays import exact
from proofs_check.arrays.exact import Count, rational, simplest_between
from proofs_check.instances.domains import FINE
from proofs_check.instances.limits import Limit

KNOWN = {"n": Count(4), "d": Count(3), "R": fmpq(3, 2)}
VECTORS = {
    "norm2": Vector("n", norm2="R"),
    "norm1": Vector("n", norm1="R**2"),
    "norm_inf": Vector("2*n", norm_inf="sqrt(2)"),
    "simplex": Vector("n", simplex=True),
    "box": Vector("n", low=-1, high="R"),
    "two": Vector("n", norm2="R", norm_inf=1),
    "free": Vector(5),
}
MATRICES = {
    "spectral": Matrix("n", "d", spectral="R"),
    "frobenius": Matrix("n", "d", frobenius="exp(R)"),
    "box": Matrix("n", "d", low=0, high=1),
    "symmetric": Matrix("n", "n", symmetric=True, spectral="R"),
    "psd": Matrix("n", "n", psd=True, spectral="R"),
    "orthogonal": Matrix("n", "d", orthogonal=True),
    "rank": Matrix("n", "d", rank=2, spectral="R"),
    "psd-rank": Matrix("n", "n", psd=True, rank=2),
    "free": Matrix("n", "d"),
}
DOMAINS = {**VECTORS, **{f"matrix-{name}": domain for name, domain in MATRICES.items()}, "scalar": Scalar("1/20", "R")}


@pytest.mark.parametrize("name", sorted(DOMAINS))
def test_samples_corners_and_polished_values_are_admissible(name):
    domain = DOMAINS[name]
    rng = np.random.default_rng(3)
    drawn = [domain.sample(rng, KNOWN) for _ in range(40)]
    drawn = [value for value in drawn if value is not None]
    assert len(drawn) >= 30
    assert all(domain.admits(value, KNOWN) for value in drawn)
    corners = domain.corners(KNOWN, drawn[:1])
    assert all(domain.admits(value, KNOWN) for value in corners)
    assert len(corners) >= (1 if "rank" in name else 2)
    raw = rng.standard_normal(domain.width(KNOWN)) * 3
    polished = domain.exactly(raw, KNOWN, FINE)
    assert domain.admits(polished, KNOWN)
    batch = domain.project(raw[None], {"n": 4, "d": 3, "R": np.array([1.5])})[0]
    flat = [float(Fraction(str(cell))) for cell in np.array(polished, dtype=object).reshape(-1)]
    np.testing.assert_allclose(flat, np.ravel(batch), atol=2e-5)  # orthogonal matrices round their 20-bit generator


@pytest.mark.parametrize(
    ("domain", "value", "admitted"),
    [
        (Vector(2, norm2=5), [3, 4], True),
        (Vector(2, norm2=5), [3, "4.0000000001"], False),
        (Vector(2, norm1=7), [3, -4], True),
        (Vector(2, norm_inf="sqrt(2)"), ["1.4142135623730950488", 0], True),
        (Vector(2, norm_inf="sqrt(2)"), ["1.4142135623730950489", 0], False),
        (Vector(2, simplex=True), ["1/3", "2/3"], True),
        (Vector(2, simplex=True), ["1/3", "1/3"], False),
        (Vector(2), [1, 2, 3], False),
        (Matrix(2, 2, spectral=2), [[2, 0], [0, -2]], True),
        (Matrix(2, 2, spectral=2), [[2, "1/1000000"], [0, 0]], False),
        (Matrix(2, 2, psd=True), [[1, 1], [1, 1]], True),
        (Matrix(2, 2, psd=True), [[0, 1], [1, 5]], False),
        (Matrix(2, 2, orthogonal=True), [["3/5", "4/5"], ["-4/5", "3/5"]], True),
        (Matrix(2, 2, orthogonal=True), [["3/5", "4/5"], ["4/5", "3/5"]], False),
        (Matrix(2, 2, rank=1), [[1, 2], [2, 4]], True),
        (Matrix(2, 2, rank=1), [[1, 2], [2, 5]], False),
        (Matrix(2, 2, symmetric=True), [[1, 2], [3, 1]], False),
        (Matrix(2, 2, low=0), [[1, 2], [3, -1]], False),
    ],
)
def test_predicates_are_exact(domain, value, admitted):
    assert domain.admits(exact.array(value), {}) is admitted


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Size(3, 1), InputError, "low <= high"),
        (lambda: Scalar(2, 1), InputError, "low <= high"),
        (lambda: Scalar(None, 1), InputError, "both ends"),
        (lambda: Scalar(0, 0.5), TypeError, "float 0.5"),
        (lambda: Vector("n", norm2="0.5*R"), InputError, "holds a float"),
        (lambda: Vector("n", norm2="R +"), InputError, "not an expression"),
        (lambda: Vector("n/3").admits(exact.zeros(1), KNOWN), InputError, "positive whole number"),
        (lambda: Matrix("n", "d", psd=True).width(KNOWN), InputError, "square"),
        (lambda: Matrix("d", "n", orthogonal=True).width(KNOWN), InputError, "rows >= columns"),
        (lambda: Matrix("n", "d", rank=4).width(KNOWN), InputError, "does not fit"),
        (lambda: Limit.of("log(0)", "limit").bounds({}), InputError, "finite|exact|built"),
        (lambda: rational("x"), TypeError, "exact number"),
        (lambda: rational(object()), TypeError, "exact number"),
        (lambda: simplest_between(fmpq(2), fmpq(1)), InputError, "low <= high"),
        (lambda: Count(2) ** 0.5, TypeError, "whole powers only"),
    ],
)
def test_mistakes_are_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_semidefiniteness_agrees_with_eigenvalues():
    rng = np.random.default_rng(0)
    for _ in range(200):
        n = int(rng.integers(1, 5))
        m = rng.integers(-2, 3, (n, n))
        m = m @ m.T - int(rng.integers(0, 3)) * np.eye(n, dtype=int)
        charpoly = sympy.Matrix(m.tolist()).charpoly().all_coeffs()
        expected = all((-1) ** i * c >= 0 for i, c in enumerate(charpoly))  # all roots >= 0: signs alternate
        assert exact.is_psd(exact.array(m.tolist())) is expected


def test_counts_stay_exact():
    n = Count(3)
    assert (1 / n, n / 2, 1 / (n + 1), 2 * n - 1) == (Fraction(1, 3), Fraction(3, 2), Fraction(1, 4), 5)
    assert isinstance(n * 2, Count)
