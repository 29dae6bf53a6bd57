"""The trust-region subproblem against its optimality conditions and against brute force."""

import numpy as np
import pytest

from numeric import VectorRegression
from numeric.solvers import shifts
from numeric.solvers.correction import corrected
from numeric.solvers.shifts import NEARLY, Boundary
from numeric.solvers.state import State
from numeric.solvers.subproblem import ModelStep, definite_step, minimize_model
from numeric.solvers.trust_region import MAX_CHANGE, trust_region_step
from numeric.whitening import unchanged, whiten

RADII = (0.01, 1.0, 100.0)


def model(H, g, s):
    return float(g @ s + 0.5 * s @ H @ s)


def matrices():
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    spectra = {
        "definite": [1.0, 2.0, 3.0, 40.0, 500.0],
        "ill-conditioned": [1e-9, 1e-3, 1.0, 10.0, 1e3],
        "semidefinite": [0.0, 1.0, 2.0, 3.0, 4.0],
        "indefinite": [-2.0, -1.0, 0.5, 1.0, 3.0],
        "negative": [-5.0, -4.0, -3.0, -2.0, -1.0],
        "zero": [0.0] * 5,
    }
    return {name: (Q * h) @ Q.T for name, h in spectra.items()}, Q


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("name", matrices()[0])
def test_no_point_of_the_ball_is_better(name, radius):
    H = matrices()[0][name]
    rng = np.random.default_rng(1)
    for g in (rng.normal(size=5), 1e-3 * rng.normal(size=5)):
        step = minimize_model(H[None], g, radius)
        assert np.linalg.norm(step.s) <= 1.1 * radius * (1 + 1e-12)
        assert step.decrease == pytest.approx(-model(H, g, step.s), rel=1e-9, abs=1e-15)
        directions = rng.normal(size=(500, 5))
        directions *= radius / np.linalg.norm(directions, axis=1, keepdims=True)
        trials = np.concatenate([directions, directions * rng.random((500, 1))])
        best = min(model(H, g, s) for s in trials)
        assert -step.decrease <= best + 1e-12 * abs(best)


@pytest.mark.parametrize("name", ["definite", "ill-conditioned"])
def test_an_interior_step_is_newtons(name):
    H = matrices()[0][name]
    g = H @ np.arange(1.0, 6.0)
    step = minimize_model(H[None], g, 100.0)
    assert step.interior
    assert step.definite
    # A backward stable solve errs by a few times cond(H) machine epsilons, relative to the whole step.
    error = np.linalg.norm(step.s + np.arange(1.0, 6.0)) / np.linalg.norm(np.arange(1.0, 6.0))
    assert error <= 10 * np.linalg.cond(H) * np.finfo(float).eps


def test_a_semidefinite_interior_step_is_the_shortest():
    H, Q = matrices()[0]["semidefinite"], matrices()[1]
    g = H @ np.ones(5)
    step = minimize_model(H[None], g, 100.0)
    assert step.interior
    assert not step.definite
    assert abs(Q[:, 0] @ step.s) < 1e-12
    np.testing.assert_allclose(H @ step.s, -g, atol=1e-12)


@pytest.mark.parametrize("gradient", [0.0, 1e-3])
def test_the_hard_case_moves_along_the_lowest_eigenvector(gradient):
    H, Q = matrices()[0]["indefinite"], matrices()[1]
    g = gradient * Q[:, 3]
    step = minimize_model(H[None], g, 2.0)
    assert not step.interior
    assert step.lowest == pytest.approx(-2.0)
    assert np.linalg.norm(step.s) == pytest.approx(2.0, rel=1e-9)
    assert abs(Q[:, 0] @ step.s) == pytest.approx(2.0, rel=1e-3)
    assert step.decrease == pytest.approx(4.0, rel=1e-3)


def test_no_entry_of_z_moves_far_in_one_step():
    # Row 0 is close to one-hot at X = 0 already in the model of Gauss-Newton, which asks for a long step.
    A = np.array([[1.0], [-1.0], [0.5]])
    problem = whiten(VectorRegression("normalized-exp", A, [1.0, 0.0, 0.0]))
    state = State(problem.at(problem.from_original(np.array([-4.0]))), 1e6, -np.inf, ())
    step = trust_region_step(problem, state, "gauss_newton", "gauss-newton")
    moved = np.abs(problem.forms[0].forward(step.point.x - state.point.x)).max()
    assert 0.5 * MAX_CHANGE <= moved <= 1.5 * MAX_CHANGE


def hard_and_easy_cases():
    rng = np.random.default_rng(5)
    for n in (5, 40):
        Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
        H = (Q * np.linspace(-1.0, 3.0, n)) @ Q.T
        for name, g in (
            ("generic", rng.normal(size=n)),
            ("short gradient", 1e-6 * rng.normal(size=n)),
            ("hard", Q[:, 1:] @ rng.normal(size=n - 1)),
            ("nearly hard", Q @ np.concatenate([[1e-9], 0.1 * rng.normal(size=n - 1)])),
            ("zero", np.zeros(n)),
        ):
            yield pytest.param(H, g, id=f"{name}, {n}")


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize(("H", "g"), list(hard_and_easy_cases()))
def test_a_step_that_is_nearly_the_best_decreases_nearly_as_much(H, g, radius):
    best, step = minimize_model(H[None], g, radius), minimize_model(H[None], g, radius, nearly=True)
    assert np.linalg.norm(step.s) <= 1.1 * radius * (1 + 1e-12)
    assert step.decrease == pytest.approx(-model(H, g, step.s), rel=1e-9, abs=1e-15)
    # A step of nine tenths of the radius loses a fifth at most, and a lengthened one NEARLY.
    assert step.decrease >= (1.0 - NEARLY) * best.decrease * (1 - 1e-9)


def test_no_eigenvalues_are_computed_for_a_step_that_is_nearly_the_best(monkeypatch):
    H, g = matrices()[0]["indefinite"], np.random.default_rng(2).normal(size=5)
    monkeypatch.setattr("numeric.solvers.subproblem._Model.by_eigenvalues", None)
    step = minimize_model(H[None], g, 1.0, nearly=True)
    assert np.isnan(step.lowest)
    assert not step.definite


def test_one_curvature_tells_the_shift_for_each_radius():
    # ||s|| = |g| / (h + shift), so that 1/||s|| is linear in the shift and Newton's iteration is exact.
    factors, g = shifts.factorized(np.array([[[3.0]]]), 0.5), np.array([[7.0]])
    known = Boundary.of(factors, -shifts.solved(factors, g), 0.5)
    for radius in (0.1, 1.0, 2.0, 5.0):
        assert known.at(radius) == pytest.approx(7.0 / radius - 3.0, rel=1e-12)
        assert known.in_units(4.0, 2.0).at(2.0 * radius) == pytest.approx(4.0 * (7.0 / radius - 3.0), rel=1e-12)


@pytest.mark.parametrize("name", matrices()[0])
@pytest.mark.parametrize(("first", "then"), [(1.0, 0.25), (0.25, 1.0), (1.0, 1e3), (1e-3, 1.0)])
def test_a_step_that_another_one_expects_is_as_good(name, first, then, monkeypatch):
    H, g = matrices()[0][name], np.random.default_rng(1).normal(size=5)
    before = minimize_model(H[None], g, first, nearly=True).boundary
    best, step = minimize_model(H[None], g, then), minimize_model(H[None], g, then, nearly=True, before=before)
    assert np.linalg.norm(step.s) <= 1.1 * then * (1 + 1e-12)
    assert step.decrease == pytest.approx(-model(H, g, step.s), rel=1e-9, abs=1e-15)
    assert step.decrease >= (1.0 - NEARLY) * best.decrease * (1 - 1e-9)


def test_a_shorter_step_of_the_same_model_takes_few_factorizations(monkeypatch):
    H, g = matrices()[0]["indefinite"], np.random.default_rng(2).normal(size=5)
    taken, cholesky = [], shifts._cholesky
    monkeypatch.setattr(shifts, "_cholesky", lambda *given: taken.append(given) or cholesky(*given))
    before = minimize_model(H[None], g, 1.0, nearly=True).boundary
    whole = len(taken)
    minimize_model(H[None], g, 0.5, nearly=True, before=before)
    assert len(taken) - whole <= 2 < whole


@pytest.mark.parametrize("name", ["definite", "semidefinite"])
def test_the_factors_of_an_interior_step_serve_other_gradients(name):
    H = matrices()[0][name]
    g, other = H @ np.ones(5), H @ np.array([1.0, -2.0, 0.5, 0.0, 3.0])
    step = minimize_model(H[None], g, 100.0)
    np.testing.assert_allclose(H @ step.newton(other), -other, rtol=0.0, atol=1e-11)
    assert (definite_step(H[None], g, 100.0) is None) == (name == "semidefinite")
    assert minimize_model(H[None], g, 1e-3).newton is None


def test_blocks_are_one_problem_with_one_radius():
    H, g = matrices()[0], np.random.default_rng(3).normal(size=(2, 5))
    pair = np.stack([H["definite"], H["indefinite"]])
    whole = np.block([[pair[0], np.zeros((5, 5))], [np.zeros((5, 5)), pair[1]]])
    blockwise = minimize_model(pair, g, 0.5)
    assert blockwise.s.shape == (2, 5)
    assert blockwise.decrease == pytest.approx(minimize_model(whole[None], g.ravel(), 0.5).decrease, rel=1e-9)


# The correction ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("kind", "order"), [("hessian", 3), ("gauss_newton", 2)])
def test_a_newton_step_is_of_third_order(kind, order):
    # (e^x - b)^2/2 has its minimum at log b, where the residual vanishes: Gauss-Newton is of second order too.
    b, lengths, errors = 1.7, (0.08, 0.04, 0.02), []
    problem = unchanged(VectorRegression("plain-exp", [[1.0]], [b]))
    for h in lengths:
        state = State(problem.at(np.array([np.log(b) + h])), 10.0, -np.inf, ())
        errors.append(abs(float(trust_region_step(problem, state, kind, "").point.x[0]) - np.log(b)))
    # Halving the distance divides the error by 2^order, up to the next order's share of some percent.
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), order, atol=0.3)


def test_a_correction_is_taken_only_where_it_is_short_and_lowers_the_value():
    problem = unchanged(VectorRegression("plain-exp", [[1.0]], [1.0]))
    start, trial = problem.at(np.array([0.5])), problem.at(np.array([0.2]))
    for newton, piece in (
        (lambda r: -0.1 * r, "correction"),
        (lambda r: -100.0 * r, "step"),  # longer than half of the step
        (lambda r: 0.1 * r, "step"),  # uphill
        (lambda r: np.array([-0.149]), "correction"),
        (None, "step"),
    ):
        step = ModelStep(np.array([-0.3]), 1.0, True, newton=newton)
        point, last = corrected(problem, start, step, trial, 0.0)
        assert (last is step.s) == (piece == "step")
        assert (point is trial) == (piece == "step")
        assert point.first_order.value <= trial.first_order.value
    # Short, and downhill for the model, but past the minimum and up again.
    near = problem.at(np.array([0.01]))
    step = ModelStep(np.array([-0.49]), 1.0, True, newton=lambda r: np.array([-0.2]))
    assert corrected(problem, start, step, near, 0.0) == (near, step.s)
    assert corrected(problem, start, step._replace(newton=lambda r: -0.1 * r), trial, np.inf)[0] is trial
