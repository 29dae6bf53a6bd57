"""Facts, softmax regression and attention scheme: expectations, coverage of the page, independent answers."""

import importlib
import math
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest

from proofs_check import catalogue_claims, check, replay
from proofs_check.catalogue import coverage
from proofs_check.catalogue.sharpening import SUFFIX, sharpened
from proofs_check.claims import Claim, Malformed
from proofs_check.constants import expression, tables
from proofs_check.loading import find_claim

MODULES = (
    "facts", "facts_steps", "facts_matrices", "softmax_regression", "softmax_regression_bounds",
    "softmax_regression_shifts", "attention_scheme", "attention_scheme_bounds", "relatives",
)  # fmt: skip
"""The modules of the catalogue that this file answers for."""

# The rows of the specification: facts, gradient and Hessian, bounds in x, in A, theorems; P1; section 7; section 8.
ROWS = [
    *(f"C{k}" for k in range(1, 20)),
    *(f"P0-1.{k}" for k in range(1, 8)),
    "P0-2",
    *(f"P0-3.{k}" for k in range(7)),
    *(f"P0-4.{k}" for k in range(1, 6)),
    *(f"P0-{k}" for k in range(5, 9)),
    *(f"P1-{k}" for k in range(1, 15)),
    "7-JE-2.9", "7-JE-4.1", "7-AS-kron", "7-AS-q",
    "F8", "F9", "F12", "F13", "F15",
]  # fmt: skip

THRESHOLD = "1.2564312086261696769827376166092"
"""Largest radius of C11 to C13: -W_{-1}(-e^{-1/2} / 2) - 1/2, the positive root of e^r = 1 + 2 r."""

SAMPLES = 60
"""Instances a claim here; the default campaign takes 1000."""


def mine():
    ids = set()
    for name in MODULES:
        module = importlib.import_module(f"proofs_check.catalogue.{name}")
        ids |= {item.id for item in vars(module).values() if isinstance(item, (Claim, Malformed))}
    return [item for item in catalogue_claims() if item.id in ids]


def test_each_row_of_the_page_has_a_claim():
    known = [item.id for item in catalogue_claims()]
    assert len(known) == len(set(known))
    missing = [row for row in ROWS if not coverage.claims_of(row, known)]
    assert not missing
    named = {name for claims, _ in coverage.covered().values() for name in claims}
    tests = {name for name in named if name.startswith("test_")}
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert not [name for name in tests if f"def {name}(" not in sources]
    assert named - tests <= set(known), named - tests - set(known)
    assert all(reason for _, reason in coverage.covered().values())


def test_no_claim_stands_beside_the_page():
    rows = set(ROWS) | {name for claims, _ in coverage.covered().values() for name in claims}
    for item in mine():
        assert any(item.id == row or item.id.startswith(f"{row}-") for row in rows), item.id


def test_each_true_inequality_has_a_false_twin():
    known = {item.id: item for item in catalogue_claims()}
    unbounded = {
        # The right side is no bound with a constant: equal to the left side in the limit, by the best beta.
        "P0-3.3-beta",
        # Beside the thresholds 1.2564 and 1.2565 of the same statement.
        "C11-1.2564", "C12-1.2564", "C13-1.2564",
    }  # fmt: skip
    for item in mine():
        assert isinstance(item, Claim), item.reason
        if item.kind != "equality" and item.expect == "holds" and item.id not in unbounded:
            twin = known[item.id + SUFFIX]
            assert (twin.expect, twin.kind, twin.provenance) == ("refuted", item.kind, "derived")
            assert twin.digest != item.digest
            assert str(expression(twin.id)) in twin.statement


def test_constants_are_used_and_twins_lie_below_the_truth():
    known = {item.id: item for item in catalogue_claims()}
    for name in ("facts", "softmax_regression", "attention_scheme", "relatives"):
        table = importlib.import_module(f"proofs_check.catalogue.constants_{name}").CONSTANTS
        for entry in table:
            if entry.endswith(SUFFIX):
                factor = Fraction(str(expression(entry)))
                grows = known[entry].kind == "lower" and factor > 1
                assert grows or factor < 1, entry


def test_provenance_is_never_better_than_the_page_says():
    text = {item.id for item in mine() if item.provenance == "text"}
    assert text == {"P1-2", "P1-3"}
    for item in mine():
        if item.id.startswith(("P0-", "P1-9", "P1-13", "P1-14")):
            assert item.provenance != "text"


# Claims of every kind that take 0.1 to 0.8 s at SAMPLES; the others run with the slow tests.
FAST = [
    "C1", "C3", "C4", "C5", "C7-2-inf", "C8", "C8-2", "C8-sharp", "C9-sinh-2", "C11", "C11-sharp", "C11-1.2564",
    "C11-1.2565", "C12-1.2565", "C13-1.2565", "C13-sinh", "C14-cosh", "C14-squares", "C17-simplex", "C18-negative",
    "F12", "F12-minus", "F12-f", "F12-hessian", "F13", "F15", "P0-1.1", "P0-1.2", "P0-1.7", "P0-1.7-lower-sharp",
    "P0-1.7-upper-sharp", "P0-2-sharp", "P0-3.0-sharp", "P0-3.1-sharp", "P0-3.6", "P0-3.6-f", "P0-5-identity", "P0-8",
    "P0-8-equal", "P1-1", "P1-6", "P1-7-plus", "P1-7-sum", "P1-8", "P1-8-transposed", "P1-13-sharp", "P1-14-identity",
    "F9-match", "F8-sharp", "AS-kron", "AS-kron-m1", "AS-q",
]  # fmt: skip


def surprises(claims, samples):
    verdicts = check(claims, samples=samples)
    return [(v.claim, v.outcome, v.message) for v in verdicts if v.expected is not True]


def test_fast_claims_meet_their_expectations():
    assert not surprises([item for item in mine() if item.id in FAST], SAMPLES)
    assert set(FAST) <= {item.id for item in mine()}


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_all_claims_meet_their_expectations(module):
    ids = {
        item.id
        for item in vars(importlib.import_module(f"proofs_check.catalogue.{module}")).values()
        if isinstance(item, Claim)
    }
    assert not surprises([item for item in mine() if item.id in ids], 1000)


@pytest.fixture
def table(monkeypatch):
    """The tables of constants as one editable dictionary."""
    merged = dict(tables())
    monkeypatch.setattr("proofs_check.constants.tables", lambda: merged)
    return merged


@pytest.mark.parametrize(
    ("identifier", "edited", "before", "after"),
    [
        ("C11", "1", "holds", "refuted"),
        ("P0-2", "2*exp(-R**2)", "holds", "refuted"),
        ("P0-3.0", "sqrt(n)*exp(R**2)/2", "holds", "refuted"),
        ("P0-3.6-f", "1/2", "holds", "refuted"),
        ("P0-1.7-upper", "3/10", "holds", "refuted"),
        ("P1-9-h", "exp(R**2)", "holds", "refuted"),
        ("JE-2.9", "exp(-s*e**2/(2*(v + g*e/3)))", "refuted", "holds"),
        ("C8-sharp", "1", "refuted", "holds"),
    ],
)
def test_an_edited_constant_changes_the_verdict(table, identifier, edited, before, after):
    claim = find_claim(identifier)
    outcome = {"proved": "holds"}
    (found,) = check([claim], samples=SAMPLES)
    assert outcome.get(found.outcome, found.outcome) == before, found.message
    table[identifier] = edited
    (found,) = check([claim], samples=SAMPLES)
    assert outcome.get(found.outcome, found.outcome) == after, found.message


@pytest.mark.parametrize("identifier", ["C11-sharp", "C11-1.2565", "P0-3.1-sharp", "P1-8-transposed", "JE-2.9"])
def test_counterexamples_replay(tmp_path, identifier):
    (found,) = check([find_claim(identifier)], samples=SAMPLES, witness_dir=tmp_path)
    assert found.outcome == "refuted"
    again = replay(found.witness)
    assert again.confirmed, again.message


def test_a_malformed_claim_has_a_malformed_twin():
    broken = Malformed("C4", "no body", "nowhere.py", 1, "own", "own", "holds")
    twin = sharpened(broken)
    assert (twin.id, twin.expect, twin.reason) == ("C4-sharp", "refuted", "no body")


# Independent answers to the rows that the page leaves to the checker.


def test_the_threshold_of_the_step_facts():
    with mpmath.workdps(40):
        root = mpmath.findroot(lambda r: mpmath.exp(r) - 1 - 2 * r, 1.25)
        lambert = -mpmath.lambertw(-mpmath.exp(-mpmath.mpf(1) / 2) / 2, -1) - mpmath.mpf(1) / 2
        assert abs(root - lambert) < mpmath.mpf(10) ** -35
        assert abs(root - mpmath.mpf(THRESHOLD)) < mpmath.mpf(10) ** -30
        assert mpmath.mpf("1.2564") < root < mpmath.mpf("1.2565")


@pytest.mark.parametrize("row", ["C11", "C12", "C13"])
def test_the_threshold_is_certified_from_both_sides(row):
    for radius, wanted in (("1.2564", "holds"), ("1.2565", "refuted")):
        item = find_claim(f"{row}-{radius}")
        assert item.expect == wanted
        assert Fraction(str(item.domains["h"].norm_inf)) == Fraction(radius)


def test_the_best_beta_leaves_the_page_behind():
    """P0-3.4 with beta = min alpha: the page's largest ratio, 0.18, is passed by rows that raise both entries of Ax."""
    R = 0.5615
    s = R**2 / math.sqrt(2)
    step = 1e-6
    # A has spectral norm R and Ax = (s, s): softmax is most sensitive there, and alpha = 2 e^s is large.
    A = np.array([[R, R], [R, -R]]) / math.sqrt(2)
    x, y = np.array([R, step]), np.array([R, -step])
    assert np.linalg.norm(A, 2) <= R * (1 + 1e-12)
    u, v = np.exp(A @ x), np.exp(A @ y)
    left = np.linalg.norm(u / u.sum() - v / v.sum())
    right = 2**1.5 * math.exp(3 * R**2) / min(u.sum(), v.sum()) ** 2 * np.linalg.norm(x - y)
    closed = math.sqrt(0.5) * R * math.exp(2 * s - 3 * R**2)
    assert left / right == pytest.approx(closed, rel=1e-5)  # rel: the step of 1e-6 in a quotient of differences
    assert left / right > 0.24


def test_the_silent_step_of_the_shift_theorems():
    """The page's table for P0-5: beyond sqrt 2 / M the theorem says nothing."""
    for n, R, page in ((10, 1, "2e-6"), (10, 2, "1.9e-19"), (10, 4, "2e-70")):
        with mpmath.workdps(30):
            threshold = mpmath.sqrt(2) / (mpmath.mpf(n) ** mpmath.mpf("1.5") * mpmath.exp(10 * R**2))
            silent = expression("F8-step").subs({"n": n, "R": R}).evalf(20)
        assert float(silent) == pytest.approx(float(threshold), rel=1e-12)
        assert float(threshold) <= float(page) * 1.05


def test_opposite_moves_have_opposite_shifts():
    """F9: the cosine of the b-shifts of a weight move and of the opposite data move tends to -1."""
    rng = np.random.default_rng(5)
    A, x, step = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=3)

    def f(z):
        return np.exp(z - z.max()) / np.exp(z - z.max()).sum()

    cosines = []
    for size in (1e-1, 1e-2, 1e-3):
        E = np.outer(A @ (size * step), x) / (x @ x)
        weight, data = f(A @ x) - f(A @ (x + size * step)), f(A @ x) - f((A - E) @ x)
        cosines.append(weight @ data / np.linalg.norm(weight) / np.linalg.norm(data))
    assert cosines[-1] < -1 + 1e-5
    assert cosines[-1] < cosines[0]


def test_the_binomial_tail_against_scipy():
    from scipy.stats import binom

    from proofs_check.catalogue.relatives import _rademacher_tail

    for s, k in ((1, 1), (7, 3), (12, 12), (40, 17)):
        exact = 2 * binom.sf(math.ceil((s + k) / 2) - 1, s, 0.5)
        assert float(_rademacher_tail(s, k)) == pytest.approx(exact, rel=1e-12)
