"""Exact tails, moments and confidence bounds, against SciPy, an integral, and coverage by enumeration."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb, fmpq
from scipy import stats

from proofs_check import InputError, check, claim
from proofs_check.arithmetic import Array, binomial_tail, gaussian_moment, working_in
from proofs_check.arrays.backends import BALLS, DIGITS, SYMBOLS, batched
from proofs_check.arrays.balls import precision
from proofs_check.arrays.exact import Count
from proofs_check.arrays.screen import Screen
from proofs_check.instances.domains import Scalar, Size
from proofs_check.probability import success_bounds

SCIPY_TOLERANCE = 1e-12  # SciPy's incomplete beta function in float64
SCREEN_TOLERANCE = 1e-11  # cancellation of 1 - lower tail in float64


@pytest.mark.parametrize("n", [0, 1, 7, 40])
@pytest.mark.parametrize("p", [Fraction(0), Fraction(1, 3), Fraction(9, 10), Fraction(1)])
def test_tails_against_scipy(n, p):
    for k in range(-1, n + 2):
        tail = binomial_tail(k, n, p)
        assert isinstance(tail, Fraction)
        assert float(tail) == pytest.approx(stats.binom.sf(k - 1, n, float(p)), rel=SCIPY_TOLERANCE, abs=1e-300)


@pytest.mark.parametrize("order", range(9))
def test_moments_against_an_integral(order):
    mean, variance = Fraction(2, 3), Fraction(5, 4)
    with mpmath.workdps(30):
        m, s = mpmath.mpf(2) / 3, mpmath.sqrt(mpmath.mpf(5) / 4)
        expected = mpmath.quad(lambda x: x**order * mpmath.npdf(x, m, s), mpmath.linspace(-14, 15, 30))
    assert float(gaussian_moment(order, mean, variance)) == pytest.approx(float(expected), rel=1e-12)


def test_all_back_ends_agree():
    exact = float(binomial_tail(3, 10, Fraction(1, 7))), float(gaussian_moment(4, Fraction(1, 7), 2))
    for backend in (BALLS, DIGITS, SYMBOLS):
        with working_in(backend), precision(128), mpmath.workdps(40):
            p = Array(backend.number(Fraction(1, 7)), backend)
            cells = binomial_tail(3, 10, p).data[()], gaussian_moment(4, p, 2).data[()]
            assert [float(str(mpmath.mpf(arb(c).mid().str(30, radius=False)))) if isinstance(c, fmpq) else float(c)
                    for c in cells] == pytest.approx(exact, rel=1e-15)  # fmt: skip
    with working_in(Screen(1)):
        p = batched([{"p": fmpq(1, 7)}])["p"]
        data = binomial_tail(3, 10, p).data
    np.testing.assert_allclose(data.mantissa * np.exp(data.scale), exact[0], rtol=SCREEN_TOLERANCE)


@pytest.mark.parametrize(("trials", "doubt"), [(12, Fraction(1, 20)), (30, Fraction(1, 1000))])
def test_confidence_bounds_cover(trials, doubt):
    """By enumeration: whatever the probability, the bounds miss it at most as often as they say."""
    bounds = [success_bounds(k, trials, doubt) for k in range(trials + 1)]
    for p in (Fraction(i, 40) for i in range(41)):
        missed = sum(
            binomial_tail(k, trials, p) - binomial_tail(k + 1, trials, p)
            for k, (low, high) in enumerate(bounds)
            if not low <= p <= high
        )
        assert missed <= doubt
    low, high = bounds[4]
    assert float(low) == pytest.approx(stats.beta.ppf(float(doubt) / 2, 4, trials - 3), rel=1e-9)
    assert float(high) == pytest.approx(stats.beta.ppf(1 - float(doubt) / 2, 5, trials - 4), rel=1e-9)


def test_claims_about_chance_get_verdicts():
    @claim("markov", paper="own", kind="upper", provenance="own")
    def markov(n: Size(1, 12), p: Scalar("1/100", "99/100")):
        return binomial_tail(n, n, p), p

    @claim("moment", paper="own", kind="equality", provenance="own")
    def moment(m: Scalar(-2, 2), v: Scalar(0, 3)):
        return gaussian_moment(4, m, v), m**4 + 6 * m**2 * v + 3 * v**2

    @claim("too-good", paper="own", kind="upper", provenance="own")
    def too_good(n: Size(1, 12), p: Scalar("1/100", "99/100")):
        return binomial_tail(1, n, p), p

    assert [v.outcome for v in check([markov, moment, too_good], samples=60)] == ["holds", "proved", "refuted"]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: binomial_tail(Fraction(1, 2), 3, 1), InputError, "whole numbers k and n"),
        (lambda: binomial_tail(1, -1, 1), InputError, "whole numbers k and n"),
        (lambda: binomial_tail(1, 3, 2), InputError, "between 0 and 1, got 2"),
        (lambda: binomial_tail(1, 3, 0.5), TypeError, "float 0.5"),
        (lambda: binomial_tail(1, 3, "x"), InputError, "exact numbers, got 'x'"),
        (lambda: gaussian_moment(-1), InputError, "whole order >= 0, got -1"),
        (lambda: gaussian_moment(2, 0, -1), InputError, "variance >= 0, got -1"),
        (lambda: success_bounds(4, 3, Fraction(1, 20)), InputError, "got 4 of 3"),
        (lambda: success_bounds(0, 0, Fraction(1, 20)), InputError, "got 0 of 0"),
        (lambda: success_bounds(1, 3, 1), InputError, "doubt between 0 and 1, got 1"),
    ],
)
def test_mistakes_are_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_sizes_may_be_counts():
    assert binomial_tail(Count(2), Count(3), Fraction(1, 2)) == Fraction(1, 2)
