"""The catalogue of linear self-attention: expectations, coverage of the page, exact moments against other routes."""

import importlib
import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from scipy.integrate import quad

from numeric.in_context import (
    PromptLaw,
    Prompts,
    cubic_labels,
    fixed_covariance,
    fixed_task,
    gamma,
    landscape,
    linear_labels,
    quadratic_form,
    risk,
    sign_labels,
)
from proofs_check import catalogue_claims, check, replay
from proofs_check.arrays import exact
from proofs_check.arrays.backends import BALLS, joined
from proofs_check.arrays.exact import Count, from_float, rational
from proofs_check.catalogue import coverage
from proofs_check.catalogue.in_context_polynomials import Polynomial, exponential, normal, sign_of
from proofs_check.catalogue.sharpening import SUFFIX
from proofs_check.claims import Claim, evaluate
from proofs_check.constants import expression, tables
from proofs_check.loading import find_claim
from tests.in_context_oracle import gaussian_mean

MODULES = (
    "in_context_closed_forms", "in_context_consequences", "in_context_landscape", "in_context_matrix_facts",
    "in_context_minimum", "in_context_prediction", "in_context_random", "in_context_risk",
)  # fmt: skip
"""The modules of the catalogue that this file answers for."""

# The page's rows, by section, with the names that claims have here.
ROWS = {
    "(3.6)": "ICL-3.6", "scale invariance": "ICL-scale", "Thm 4.1": "ICL-4.1", "Lambda = I": "ICL-identity",
    "(4.2)": "ICL-eq-4.2", "(4.3)": "ICL-eq-4.3", "(4.4)": "ICL-eq-4.4", "footnote 2": "ICL-footnote-2",
    "Thm 4.2": "ICL-4.2", "proof of 4.2": "ICL-4.2-proof", "rates": "ICL-rates", "noiseless identity": "ICL-noiseless",
    "noiseless bound": "ICL-noiseless-bound", "averaged bound": "ICL-averaged", "Cor 4.3": "ICL-4.3",
    "(4.7)": "ICL-eq-4.7", "(4.8)": "ICL-eq-4.8", "orthogonal query": "ICL-orthogonal",
    "covariate scaling": "ICL-covariate-scaling", "Thm 4.5": "ICL-4.5", "(4.13)": "ICL-eq-4.13", "1/3": "ICL-third",
    "Lemma 5.1": "ICL-5.1", "(5.2)/(5.3)": "ICL-eq-5.3", "non-convexity": "ICL-nonconvex", "(A.7)": "ICL-eq-A.7",
    "(A.3)-(A.4)": "ICL-eq-A.3", "Lemma 5.2": "ICL-5.2", "Lemma A.1": "ICL-A.1", "Lemma 5.3": "ICL-5.3",
    "Cor A.2": "ICL-A.2", "Lemma A.3": "ICL-A.3", "Lemma A.4": "ICL-A.4", "Lemma A.5": "ICL-A.5",
    "Lemma 5.4": "ICL-5.4", "(A.15)": "ICL-eq-A.15", "(A.16)": "ICL-eq-A.16", "decay": "ICL-decay", "(5.9)": "ICL-5.9",
    **{f"Lemma C.{k}": f"ICL-C.{k}" for k in (1, 3, 4, 5, 6, 7, 8)}, "Cor C.2": "ICL-C.2",
    **{f"Lemma D.{k}": f"ICL-D.{k}" for k in (1, 2, 3, 4)},
    **{f"G{k}": f"ICL-G{k}" for k in (1, 2, 3, 4)}, "section 4": "ICL-closed",
}  # fmt: skip

FALSE_AS_PRINTED = {"ICL-orthogonal", "ICL-third", "ICL-nonconvex-short", "ICL-C.6-display", "ICL-eq-C.15"}
"""Statements of the paper that are refuted as they stand."""

SAMPLES = 20
"""Instances a claim here; the default campaign takes 1000."""
MONTE_CARLO = 6
"""Standard errors that an average may be off: a chance of 2e-9 for a normal one."""
ROUNDING = 1e-10
"""Float64 against exact values, relative: sums of a few hundred products."""


def mine():
    ids = {
        item.id
        for name in MODULES
        for item in vars(importlib.import_module(f"proofs_check.catalogue.{name}")).values()
        if isinstance(item, Claim)
    }
    return [item for item in catalogue_claims() if item.id in ids]


def test_each_row_of_the_page_has_a_claim():
    known = [item.id for item in catalogue_claims()]
    assert [
        row for row, name in ROWS.items() if not coverage.claims_of(name, known) and name not in coverage.covered()
    ] == []
    rows = {name for name in coverage.covered() if name.startswith("ICL-")}
    assert rows <= set(ROWS.values())


def test_no_claim_stands_beside_the_page():
    rows = set(ROWS.values()) | {name for claims, _ in coverage.covered().values() for name in claims}
    for item in mine():
        assert item.id.startswith("ICL-")
        assert any(item.id == row or item.id.startswith(f"{row}-") for row in rows), item.id


def test_each_true_inequality_has_a_false_twin():
    known = {item.id: item for item in catalogue_claims()}
    without_a_bound = {"ICL-D.4-trace", "ICL-D.4-commuting"}  # the right side is 0
    for item in mine():
        if item.kind != "equality" and item.expect == "holds" and item.id not in without_a_bound:
            twin = known[item.id + SUFFIX]
            assert (twin.expect, twin.kind, twin.provenance) == ("refuted", item.kind, "derived")
            assert str(expression(twin.id)) in twin.statement


def test_what_is_refuted_is_marked():
    """A printed statement that is false is one of the decided rows; every other refuted claim is our own."""
    assert {item.id for item in mine() if item.expect == "refuted" and item.provenance == "text"} == FALSE_AS_PRINTED
    assert all(item.paper == "2306.09927" and item.provenance in ("text", "derived") for item in mine())


# Claims of every module and outcome that take some tenths of a second at most.
FAST = [
    "ICL-3.6", "ICL-3.6-transposed", "ICL-scale", "ICL-scale-both", "ICL-eq-4.2", "ICL-eq-4.2-N", "ICL-eq-4.3",
    "ICL-eq-4.4-variance", "ICL-eq-4.4-best", "ICL-eq-4.4-sharp", "ICL-footnote-2", "ICL-footnote-2-mean",
    "ICL-footnote-2-any", "ICL-eq-4.7", "ICL-eq-4.8", "ICL-eq-4.8-fixed", "ICL-orthogonal",
    "ICL-orthogonal-gamma", "ICL-covariate-scaling", "ICL-covariate-scaling-none", "ICL-covariate-scaling-ols",
    "ICL-4.2-linear", "ICL-4.2-cubic", "ICL-4.2-sign", "ICL-4.2-no-two", "ICL-4.2-no-trace", "ICL-4.2-raw",
    "ICL-4.2-moments-linear", "ICL-4.2-moments-cubic", "ICL-4.2-moments-sign", "ICL-4.2-cross",
    "ICL-4.2-III", "ICL-noiseless-sigma", "ICL-noiseless", "ICL-averaged",
    "ICL-rates-sharp", "ICL-5.1", "ICL-5.1-rows", "ICL-eq-5.3", "ICL-nonconvex", "ICL-nonconvex-det",
    "ICL-nonconvex-short", "ICL-eq-A.7", "ICL-eq-A.7-no-trace", "ICL-5.2-no-trace",
    "ICL-A.1-no-constant", "ICL-5.3-gap", "ICL-A.2", "ICL-eq-A.15-sharp", "ICL-G3-gap", "ICL-third", "ICL-third-twice",
    "ICL-third-independent", "ICL-third-conditional", "ICL-C.2-swapped", "ICL-C.4-gap", "ICL-C.4-A",
    "ICL-eq-4.13", "ICL-C.6-display", "ICL-eq-C.15", "ICL-eq-C.15-squares", "ICL-nondiagonal",
    "ICL-D.1-form", "ICL-D.1-vec-swapped", "ICL-D.2-twice", "ICL-D.3-root", "ICL-D.4",
    "ICL-D.4-trace", "ICL-D.4-commuting", "ICL-D.4-form", "ICL-D.4-any", "ICL-minimum-twice", "ICL-isotropic",
    "ICL-exponential", "ICL-exponential-trained", "ICL-identity-test", "ICL-gradient-step",
]  # fmt: skip


def surprises(claims, samples):
    return [(v.claim, v.outcome, v.message) for v in check(claims, samples=samples) if v.expected is not True]


def test_fast_claims_meet_their_expectations():
    assert set(FAST) <= {item.id for item in mine()}
    assert not surprises([item for item in mine() if item.id in FAST], SAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_all_claims_meet_their_expectations(module):
    found = vars(importlib.import_module(f"proofs_check.catalogue.{module}")).values()
    ids = {item.id for item in found if isinstance(item, Claim)}
    assert not surprises([item for item in mine() if item.id in ids], 300)


@pytest.fixture
def table(monkeypatch):
    """The tables of constants as one editable dictionary."""
    merged = dict(tables())
    monkeypatch.setattr("proofs_check.constants.tables", lambda: merged)
    return merged


@pytest.mark.parametrize(
    ("identifier", "edited"),
    [
        ("ICL-noiseless-bound", "d"),
        ("ICL-averaged-first", "d"),
        ("ICL-averaged-second", "1+2*d+d*kappa"),
        ("ICL-4.3", "2*d+d**2*kappa"),
        ("ICL-eq-4.8-limit", "1/M"),
        ("ICL-5.3", "1/2"),
        ("ICL-eq-A.16", "1/4"),
        ("ICL-C.4", "1/4"),
        ("ICL-D.3-root", "1"),
    ],
)
def test_an_edited_constant_is_refuted(table, identifier, edited):
    assert find_claim(identifier).expect == "holds"
    table[identifier] = edited
    (found,) = check([find_claim(identifier)], samples=SAMPLES)
    assert found.outcome == "refuted", found.message


@pytest.mark.parametrize(
    "identifier", [*sorted(FALSE_AS_PRINTED), "ICL-4.2-no-two", "ICL-A.1-no-constant", "ICL-D.4-form"]
)
def test_counterexamples_replay(tmp_path, identifier):
    (found,) = check([find_claim(identifier)], samples=SAMPLES, witness_dir=tmp_path)
    assert found.outcome == "refuted"
    again = replay(found.witness)
    assert again.confirmed, again.message


# Exact moments against other routes.


def test_polynomial_means_against_sympy():
    """Random polynomials in three normals, with products and squares, against SymPy's expansion."""
    rng = np.random.default_rng(3)
    letters = sympy.symbols("a b c")
    for _ in range(5):
        ours, theirs = Polynomial({(): Fraction(1, 3)}), sympy.Rational(1, 3)
        for _ in range(3):
            weights = [int(w) for w in rng.integers(-3, 4, size=4)]
            ours = ours * (normal("x", 3) @ np.array(weights[:3]) + weights[3]) + 1
            theirs = theirs * (sum(w * x for w, x in zip(weights, letters, strict=False)) + weights[3]) + 1
        assert ours.mean() == gaussian_mean(theirs, letters)
        assert ours.mean(ours) == (ours * ours).mean() == gaussian_mean(theirs**2, letters)


@pytest.mark.parametrize("power", range(6))
def test_moments_of_signs_and_exponentials(power):
    g, sign = normal("x", 1)[0], sign_of("x")
    kappa = math.sqrt(2 / math.pi)
    moment = Polynomial({(): 1})
    for _ in range(power):
        moment = moment * g
    expected = (
        quad(lambda t: abs(t) ** power * math.exp(-t * t / 2) / math.sqrt(2 * math.pi), -12, 12)[0] if power % 2 else 0
    )
    assert (moment * sign).mean(sign=kappa) == pytest.approx(expected, rel=ROUNDING)
    assert (moment * sign * sign).mean() == moment.mean()
    waiting = exponential("t")
    expected = quad(lambda t: t ** (power + 1) * math.exp(-t), 0, 60)[0]
    product = waiting
    for _ in range(power):
        product = product * waiting
    assert product.mean() == pytest.approx(expected, rel=1e-8)  # rel: the quadrature's tail


def sides(identifier, **arguments):
    """Both sides of a claim on exact arguments, as floats."""
    item = find_claim(identifier)
    found = evaluate(item, {name: joined(value, BALLS) for name, value in arguments.items()}, BALLS)
    return tuple(float(side.data[()]) for side in (found.left, found.right))


C = exact.array([[2, 0], ["1/2", 1]])
LAMBDA = np.array([[4.0, 1.0], [1.0, 1.25]])


@pytest.mark.parametrize(
    ("identifier", "labels", "task", "extra"),
    [
        ("ICL-4.2-linear", linear_labels(0.5), ("w", ["3/2", "-1/2"]), {"s": "1/2"}),
        ("ICL-4.2-cubic", cubic_labels(), ("b", ["3/2", "-1/2"]), {}),
        ("ICL-4.2-sign", sign_labels(), None, {"kappa": from_float(math.sqrt(2 / math.pi))}),
    ],
)
def test_risks_against_the_numeric_package(identifier, labels, task, extra):
    """Both sides of Theorem 4.2 against `numeric.in_context.risk`, whose moments are typed in."""
    N, M = Count(5), Count(2)
    arguments = {"d": Count(2), "N": N, "M": M, "C": C, **{name: rational(value) for name, value in extra.items()}}
    if task is not None:
        arguments[task[0]] = exact.array(task[1])
    # The claim's sign labels look along C^{-T} e_1.
    w = [1.5, -0.5] if task is not None else np.linalg.solve(np.array([[2.0, 0.5], [0.0, 1.0]]), [1.0, 0.0])
    law = PromptLaw(fixed_covariance(LAMBDA), int(M), fixed_task(w), labels)
    expected = risk(np.linalg.inv(gamma(LAMBDA, 5)), law).total + labels.noise**2 * (labels.name != "linear")
    left, right = sides(identifier, **arguments)
    assert left == pytest.approx(expected, rel=ROUNDING)
    assert right == pytest.approx(expected, rel=ROUNDING)


def test_the_exact_risk_against_simulated_prompts():
    rng = np.random.default_rng(11)
    count, N, M = 200_000, 5, 2
    root, w, s = np.array([[2.0, 0.0], [0.5, 1.0]]), np.array([1.5, -0.5]), 0.5
    x = rng.normal(size=(count, M + 1, 2)) @ root.T
    y = x @ w + s * rng.normal(size=(count, M + 1))
    step = np.einsum("ki,kij->kj", y[:, :M], x[:, :M]) / M
    errors = (np.einsum("ki,ki->k", x[:, M] @ np.linalg.inv(gamma(LAMBDA, N)), step) - y[:, M]) ** 2
    left, _ = sides(
        "ICL-4.2-linear", d=Count(2), N=Count(N), M=Count(M), C=C, w=exact.array(["3/2", "-1/2"]), s=rational("1/2")
    )
    assert abs(errors.mean() - left) < MONTE_CARLO * errors.std() / math.sqrt(count)


def test_the_whole_loss_against_the_landscape():
    """L over all parameters by exact moments, in closed form, and as `numeric.in_context.landscape` computes it."""
    U, u, u12, u21 = [["1/2", "-1/3"], ["1/4", 1]], "3/2", ["1/2", "-1/4"], ["1/3", 1]
    left, right = sides(
        "ICL-G1-loss", d=Count(2), N=Count(2), s=exact.array(["3/2", "1/2"]), U=exact.array(U), u=rational(u),
        u12=exact.array(u12), u21=exact.array(u21),
    )  # fmt: skip
    flat = [float(Fraction(v)) for v in (*U[0], *U[1], u, *u12, *u21)]
    expected = landscape(fixed_covariance(np.diag([2.25, 0.25])), 2).value(np.array(flat))
    assert left == right == pytest.approx(expected, rel=ROUNDING)


@pytest.mark.parametrize(("N", "d"), [(1, 3), (2, 3), (3, 3), (5, 3), (2, 2), (1, 4)])
def test_negative_eigenvalues_of_the_quadratic_form(N, d):
    """min(N, d) + 1 of them: d + 1 for N >= d only."""
    rng = np.random.default_rng([N, d])
    X, w, x_q = rng.normal(size=(N, d)), rng.normal(size=d), rng.normal(size=d)
    H = quadratic_form(Prompts(x=X[None], y=(X @ w)[None], query=x_q[None], target=np.array([x_q @ w]), tasks=w[None]))[
        0
    ]
    eigenvalues = np.linalg.eigvalsh(H)
    assert (eigenvalues < -1e-9 * np.abs(eigenvalues).max()).sum() == min(N, d) + 1  # the next ones are rounding


@pytest.mark.parametrize("x", [0.1, 0.7, 2.5])
def test_the_query_tells_about_its_covariance(x):
    """E[lambda | x] = 1/2 + |x|/sqrt 2 by quadrature over lambda: no constant, so the 1/3 display fails."""

    def density(t):
        # lambda = t^2 takes the pole of the normal density at 0 away.
        return 2 * math.exp(-t * t - x * x / (2 * t * t))

    weights = [quad(lambda t, k=k: t ** (2 * k) * density(t), 1e-9, 12, epsabs=1e-13)[0] for k in (0, 1)]
    assert weights[1] / weights[0] == pytest.approx(0.5 + x / math.sqrt(2), rel=1e-8)  # rel: the quadrature


def test_the_count_of_the_page():
    """25 numbered statements and 24 displayed claims, with the four notes and the closed forms beside them."""
    numbered = [row for row in ROWS if row.startswith(("Thm", "Cor", "Lemma "))]
    assert len(numbered) == 25
