"""Certified eigenvalues: right with repeated eigenvalues, narrow, exact where rational, contained for wide balls."""

import mpmath
import numpy as np
import pytest
from flint import arb, fmpq

from proofs_check.arrays import exact, spectra
from proofs_check.arrays.balls import exact_root, precision
from proofs_check.arrays.spectra import eigenvalue

NARROW = 1e-12  # a float64 eigenbasis leaves residuals of about 1e-15 times the size
DIGITS_50 = arb("1e-50")  # the oracle's own error


def orthogonal(n, rng):
    from proofs_check.instances.tensors import _cayley

    return _cayley(exact.array([[int(v) for v in row] for row in rng.integers(-3, 4, (n, n))]))


@pytest.mark.parametrize("spectrum", [[1, 1], [2, 2, 2], [3, 3, -1, -1], [0, 0, 0, 5], [-4, 1, 1, 1, 7, 7]])
@pytest.mark.parametrize("bits", [128, 256])
def test_repeated_rational_eigenvalues_are_recognised(spectrum, bits):
    rng = np.random.default_rng(len(spectrum))
    q = orthogonal(len(spectrum), rng)
    matrix = (q * exact.array(spectrum)) @ q.T
    with precision(bits):
        assert eigenvalue(matrix, True) == max(spectrum)
        assert eigenvalue(matrix, False) == min(spectrum)


@pytest.mark.parametrize("bits", [128, 512])
def test_enclosures_contain_and_are_narrow(bits):
    rng = np.random.default_rng(5)
    for n in (2, 3, 5, 8):
        entries = exact.array([[int(v) for v in row] for row in rng.integers(-9, 10, (n, n))])
        matrix = (entries + entries.T) * fmpq(1, 3) + exact.zeros(n, n)
        with precision(bits), mpmath.workdps(60):
            balls = exact.each(lambda cell: arb(cell), matrix)
            values = mpmath.eigsy(mpmath.matrix([[mpmath.mpf(int(c.p)) / int(c.q) for c in r] for r in matrix]), True)
            for largest in (True, False):
                found = eigenvalue(balls, largest)
                expected = arb(mpmath.nstr((max if largest else min)(values), 50))
                assert found.overlaps(expected + arb(0, 1e-45))
                assert found.rad() < NARROW * n * 20


CLOSE = [0, 20, 60, 400]  # bits of the gap: none, one that floats see, one that they do not, one beyond the precision


@pytest.mark.parametrize("gap", CLOSE)
@pytest.mark.parametrize("scale", [-3000, 0, 3000])
@pytest.mark.parametrize("bits", [256, 1024])
def test_close_eigenvalues_are_enclosed_beyond_double_precision(gap, scale, bits):
    """q diag(3, 1 + 2^-gap, 1, -2) q^T with a rational orthogonal q; the ends of its spectrum are known."""
    q = orthogonal(4, np.random.default_rng(gap))
    top = fmpq(1) + fmpq(1, 2**gap)
    power = fmpq(2**scale) if scale > 0 else fmpq(1, 2**-scale)
    with precision(bits):
        for spectrum in ([top, 1, -1, -2], [0, 0, -1, -top], [top, top, top, 1]):
            exact_matrix = (q * exact.array(spectrum)) @ q.T * power
            matrix = exact.each(lambda cell: arb(cell), exact_matrix)
            for largest, end in ((True, max(spectrum)), (False, min(spectrum))):
                found = eigenvalue(matrix, largest)
                assert found.overlaps(arb(end) * arb(power))
                assert found.rad() <= arb(power) * arb(2) ** (40 - bits)


def test_refined_bases_replace_those_of_mpmath(monkeypatch):
    """Well separated eigenvalues, and repeated ones, never need mpmath."""
    monkeypatch.setattr(spectra, "_by_mpmath", None)
    q = orthogonal(5, np.random.default_rng(3))
    with precision(512):
        for spectrum in ([1, 2, 3, 4, 5], [7, 7, 7, 1, 1], [0] * 5, [0, 0, 0, 0, 1]):
            matrix = exact.each(lambda cell: arb(cell), (q * exact.array(spectrum)) @ q.T)
            assert eigenvalue(matrix, True).overlaps(arb(max(spectrum)))


def test_wide_balls_contain_every_point_matrix():
    rng = np.random.default_rng(8)
    for _ in range(60):
        n = int(rng.integers(2, 6))
        middle = rng.integers(-5, 6, (n, n))
        middle = middle + middle.T
        noise = rng.integers(-100, 101, (n, n))
        noise = np.tril(noise) + np.tril(noise, -1).T
        point = exact.array(
            [
                [fmpq(int(m)) + fmpq(int(e), 10_000) for m, e in zip(*rows, strict=True)]
                for rows in zip(middle, noise, strict=True)
            ]
        )
        with precision(128):
            wide = exact.each(lambda cell: arb(int(cell), arb(fmpq(1, 100)).upper()), exact.array(middle.tolist()))
            for largest in (True, False):
                assert arb(eigenvalue(wide, largest)).overlaps(arb(eigenvalue(point, largest)))


def test_undefined_entries_give_nan():
    matrix = exact.each(lambda cell: arb(cell), exact.identity(2))
    matrix[0, 0] = arb.nan()
    assert eigenvalue(matrix, True).is_nan()


def test_one_by_one_is_the_entry():
    assert eigenvalue(exact.array([["2/7"]]), False) == fmpq(2, 7)


@pytest.mark.parametrize("exponent", [-2000, -600, 0, 600, 2000])
@pytest.mark.parametrize("bits", [128, 256])
def test_matrices_beyond_the_range_of_floats_are_enclosed(exponent, bits):
    """[[2, 1], [1, 2 + t]] t = 2^(1/2), times a power of two: its eigenvalues in closed form."""
    with precision(bits), mpmath.workdps(60):
        scale, t = arb(2) ** exponent, arb(2).sqrt()
        cells = np.array([[2 * scale, scale], [scale, (2 + t) * scale]], dtype=object)
        root = mpmath.sqrt(mpmath.mpf(2) / 4 + 1)
        for largest, sign in ((True, 1), (False, -1)):
            found = eigenvalue(cells, largest) / scale
            expected = 2 + mpmath.sqrt(2) / 2 + sign * root
            assert found.overlaps(arb(mpmath.nstr(expected, 55), DIGITS_50))
            assert found.rad() < NARROW


@pytest.mark.parametrize(
    ("x", "root"),
    [("4/9", "2/3"), ("2/9", None), ("4/3", None), ("-4", None), (0, 0), (10**40, 10**20), (10**40 + 1, None)],
)
def test_roots_are_exact_where_they_are_rational(x, root):
    assert exact_root(exact.rational(x)) == (None if root is None else exact.rational(root))
