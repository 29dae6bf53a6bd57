"""2306.09927 along the flow: expectations, the page's numbers, constants and moments against independent ones."""

import importlib
from math import isclose

import numpy as np
import pytest
from flint import arb, fmpq
from scipy.integrate import dblquad

from numeric.in_context import CovarianceMixture, DiagonalCovariance, fixed_covariance, flow_constants, norm_moment
from proofs_check import catalogue_claims, check, replay
from proofs_check.arithmetic import working_in
from proofs_check.arrays.array import lifted
from proofs_check.arrays.backends import BALLS, joined
from proofs_check.arrays.balls import precision
from proofs_check.arrays.exact import array, rational
from proofs_check.catalogue import in_context_training as training
from proofs_check.catalogue.sharpening import SUFFIX
from proofs_check.claims import Claim, Malformed
from proofs_check.constants import constant

MODULES = ("in_context_flow", "in_context_flow_random", "in_context_flow_any_start")
FEW, SAMPLES = 6, 24
"""Instances of a true claim and of a false one here; most claims about flows state 32 for themselves."""
PRINTED = 1e-6
"""The numbers of the specification are printed to six digits."""

IDS = [
    "ICL-4.1", "ICL-4.5", "ICL-A.3", "ICL-A.4", "ICL-A.5", "ICL-5.4", "ICL-decay", "ICL-5.9",
    "ICL-C.5", "ICL-C.6", "ICL-C.7", "ICL-C.8", "ICL-G2",
]  # fmt: skip
"""The rows of the specification that speak of the flow."""


def mine():
    modules = (importlib.import_module(f"proofs_check.catalogue.{name}") for name in MODULES)
    ids = {c.id for module in modules for c in vars(module).values() if isinstance(c, (Claim, Malformed))}
    return {claim.id: claim for claim in catalogue_claims() if claim.id in ids}


def test_every_claim_ends_as_expected(tmp_path):
    true = [claim for claim in mine().values() if claim.expect != "refuted"]
    false = [claim for claim in mine().values() if claim.expect == "refuted"]
    assert len(true) > len(false) > 10
    found = (check(claims, samples=count, witness_dir=tmp_path) for claims, count in ((true, FEW), (false, SAMPLES)))
    verdicts = {v.claim: v for part in found for v in part}
    assert {v.claim: (v.outcome, v.message) for v in verdicts.values() if v.expected is not True} == {}
    assert all("undecided" not in v.message for v in verdicts.values())
    for name in ("ICL-A.3-twice", "ICL-C.7-sharp"):  # their witnesses are shrunk to short flows
        assert replay(verdicts[name].witness).confirmed, name


def test_each_row_has_a_claim_and_each_bound_a_false_twin():
    known = set(mine())
    assert set(IDS) <= set(mine())
    planted = {"ICL-A.3-flow": "ICL-A.3-twice", "ICL-5.9": "ICL-5.9-no-trace", "ICL-5.4-twice": "ICL-5.4-best",
               "ICL-C.8-limits": "ICL-C.8-limits-of-the-mean"}  # fmt: skip
    # Positivity has no constant; a bound that follows from the decay and an entry into a basin have none of the paper.
    free = {"ICL-A.4", "ICL-C.6", "ICL-G2", "ICL-G2-random", "ICL-C.5-flow", "ICL-4.1", "ICL-4.5", "ICL-G2-limits"}
    for claim in mine().values():
        if claim.expect == "holds" and claim.id not in free and not claim.id.endswith("-entry"):
            assert claim.id + SUFFIX in known or planted[claim.id] in known, claim.id


def test_claims_about_flows_state_their_own_number_of_samples():
    for claim in mine().values():
        follows = "flow(" in claim.body.__code__.co_consts or "flow" in claim.body.__code__.co_names
        assert (claim.samples is not None) >= follows, claim.id


def diagonal_start(sigma, d):
    """sigma I / sqrt d as balls."""
    return joined(array(np.eye(d, dtype=int)), BALLS) * (rational(sigma) / lifted("d", d) ** rational("1/2"))


def middle(x):
    return [float(arb(cell).mid()) for cell in np.ravel(x.data)]


def test_limits_and_constants_of_the_page_for_three_eigenvalues():
    """Numbers 2: Lambda = diag(1.5, 1, .5), N = 20, Theta Theta^T = I/sqrt 3, sigma = .3."""
    with precision(128), working_in(BALLS):
        Lambda, N = joined(array(["3/2", "1", "1/2"]), BALLS), lifted("N", 20)
        system, S = training.fixed(3, N, Lambda), diagonal_start("3/10", 3)
        end = system.flow(S, 100)
        assert middle(end.scalars) == pytest.approx([1.340116], abs=PRINTED)
        assert middle(end.z)[::4] == pytest.approx([0.432582, 0.621837, 1.105488], abs=PRINTED)
        assert middle(system.loss.value(end.z, end.scalars)) == pytest.approx([-1.254026], abs=PRINTED)
        assert middle(system.loss.value(*system.start(S))) == pytest.approx([-0.174778], abs=PRINTED)
        letters = training.names(system, N, Lambda, S)
        assert middle(constant("ICL-A.5", **letters)) == pytest.approx([0.200978**2], abs=PRINTED)
        assert middle(constant("ICL-5.4", **letters)) == pytest.approx([0.00526736], abs=1e-8)


def test_limits_of_the_page_for_the_identity():
    """Numbers 1: d = 5, N = 20."""
    with precision(128), working_in(BALLS):
        system = training.fixed(5, lifted("N", 20), joined(array(["1"] * 5), BALLS))
        end = system.flow(diagonal_start("1/2", 5), 40)
        assert middle(end.scalars) == pytest.approx([1.311508], abs=PRINTED)
        assert middle(end.z)[::6] == pytest.approx([0.586524] * 5, abs=PRINTED)
        assert middle(system.loss.value(end.z, end.scalars)) == pytest.approx([-1.923077], abs=PRINTED)


@pytest.mark.parametrize(("N", "ratio", "u", "entry"), [
    (40, 0.275862, 1.110717, 0.248364), (70, 0.297872, 1.154177, 0.258082), (100, 0.307692, 1.173048, 0.262302),
])  # fmt: skip
def test_limits_of_the_page_for_exponential_eigenvalues(N, ratio, u, entry):
    """Numbers 4: d = 20, Exp(1)."""
    with precision(128), working_in(BALLS):
        powers = [joined(array([k] * 20), BALLS) for k in (1, 2, 6)]
        M = training.random(20, lifted("N", N), training.Law(*powers, powers[0][0])).M
        assert middle(M) == pytest.approx([ratio] * 20, abs=PRINTED)
        limit = np.sqrt(np.linalg.norm(middle(M)))
        assert (limit, middle(M)[0] / limit) == (pytest.approx(u, abs=PRINTED), pytest.approx(entry, abs=PRINTED))


def test_constants_agree_with_those_of_the_numeric_package():
    Lambda, S = ["3/2", "1/2"], [["1/10", "1/20"], ["1/20", "1/8"]]
    sigma = np.linalg.norm(np.array([[0.1, 0.05], [0.05, 0.125]]))
    root = np.linalg.cholesky(np.array([[0.1, 0.05], [0.05, 0.125]]) / sigma)
    with precision(128), working_in(BALLS):
        N, start = lifted("N", 7), joined(array(S), BALLS)
        values = joined(array(Lambda), BALLS)
        letters = training.names(training.fixed(2, N, values), N, values, start)
        exact = flow_constants(fixed_covariance(np.diag([1.5, 0.5])), 7, sigma, root)
        assert middle(constant("ICL-A.5", **letters)) == pytest.approx([exact.u_bound**2])
        assert middle(constant("ICL-5.4", **letters)) == pytest.approx([exact.pl])
        law = training.two_points(N, values, values, rational("1/3"))
        letters = training.random_names(training.random(2, N, law), law, start)
        exact = flow_constants(DiagonalCovariance([1.5, 0.5]), 7, sigma, root)
        assert middle(constant("ICL-C.7", **letters)) == pytest.approx([exact.u_bound**2])
        assert middle(constant("ICL-C.8", **letters)) == pytest.approx([exact.pl])


def test_the_expected_product_of_norms_is_exact():
    """Two points against the mixture of all draws; exponential laws against a double integral."""
    with precision(128), working_in(BALLS):
        low, high, N = joined(array(["1/2", "1"]), BALLS), joined(array(["1", "3"]), BALLS), lifted("N", 4)
        found = middle(training.two_points(N, low, high, rational("1/4")).moment)[0]
        draws = [np.diag([a, b]) for a in (0.5, 1.0) for b in (1.0, 3.0)]
        mixture = CovarianceMixture(draws, [9 / 16, 3 / 16, 3 / 16, 1 / 16])
        assert isclose(found, norm_moment(mixture, 4), rel_tol=1e-12)
        exact = [middle(training.exponential(d, N, lifted("c", 2)).moment)[0] for d in (1, 2)]
    assert isclose(exact[0], 8 * 6 * (1 + 2 / 4), rel_tol=1e-12)

    def integrand(a, b):  # a is the larger of the two: half of the plane, twice
        return 2 * (1.25 * a + (a + b) / 4) * (a**2 + b**2) * np.exp(-a - b)

    double, _ = dblquad(integrand, 0, 60, lambda b: b, lambda b: 60)
    assert isclose(exact[1], 8 * double, rel_tol=1e-7)


def test_the_reach_of_a_gap_is_attained():
    """The bound on ||u U11 - M_*|| from the gap is an equality in the direction of least curvature."""
    with precision(128), working_in(BALLS):
        Lambda = joined(array(["2", "1/2"]), BALLS)
        system = training.fixed(2, lifted("N", 3), Lambda)
        off = joined(array([fmpq(0), fmpq(0), fmpq(0), fmpq(1, 7)]), BALLS)
        z = training.vec(training.diagonal(system.M)) + off
        reach = system.square_reach(system.gap(z, joined(array([1]), BALLS)))
        assert middle(reach) == pytest.approx([1 / 49], rel=1e-14)
