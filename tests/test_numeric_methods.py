"""The methods one by one: directions against dense algebra, preconditioners where they are exact, paths of theory."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from numeric import AttentionRegression, VectorRegression, load, shipped, solve
from numeric.methods import after_slow_steps, is_dear
from numeric.solvers.conjugate_gradient import newton_direction
from numeric.solvers.preconditioner import preconditioner
from numeric.solvers.trust_region import model_blocks
from numeric.whitening import unchanged, whiten

RNG = np.random.default_rng(7)
FLOW_ERROR = 1e-5
"""Of x along the flow: what local errors of 1e-8 of the integrator add up to."""


# Conjugate gradients ----------------------------------------------------------------------------------------------
def definite(n, low=0.1):
    Q = np.linalg.qr(RNG.normal(size=(n, n)))[0]
    return (Q * np.linspace(low, 2.0, n)) @ Q.T


def test_the_direction_solves_the_newton_system():
    H, g = definite(12), RNG.normal(size=(3, 4))
    direction = newton_direction(lambda v: (H @ v.ravel()).reshape(3, 4), g, None, 1e-14, 100)
    np.testing.assert_allclose(direction.s.ravel(), -np.linalg.solve(H, g.ravel()), rtol=1e-10)
    assert direction.ended == "residual"
    assert direction.slope == pytest.approx(float(g.ravel() @ direction.s.ravel()))
    assert direction.curvature == pytest.approx(float(direction.s.ravel() @ H @ direction.s.ravel()))


def test_an_exact_preconditioner_needs_one_product():
    H, g = definite(12), RNG.normal(size=12)
    direction = newton_direction(lambda v: H @ v, g, lambda r: np.linalg.solve(H, r), 1e-8, 100)
    assert direction.products == 1
    np.testing.assert_allclose(direction.s, -np.linalg.solve(H, g), rtol=1e-10)


def test_negative_curvature_and_the_limit_end_the_iteration():
    g = np.array([1.0, 0.1])
    first = newton_direction(lambda v: np.array([-1.0, 2.0]) * v, g, None, 1e-8, 10)
    assert (first.ended, first.products) == ("negative curvature", 1)
    np.testing.assert_array_equal(first.s, -g)
    assert first.curvature < 0.0
    later = newton_direction(lambda v: np.array([1.0, -1.0]) * v, np.array([1.0, 0.5]), None, 1e-12, 10)
    assert later.ended == "negative curvature"
    assert later.products == 2
    assert later.curvature > 0.0 > later.slope
    H = definite(30, low=1e-6)
    assert newton_direction(lambda v: H @ v, RNG.normal(size=30), None, 1e-12, 5).ended == "limit"


# The preconditioner -----------------------------------------------------------------------------------------------
def dense_preconditioner(point):
    apply, size = preconditioner(point), point.x.size
    return np.stack([apply(e.reshape(point.x.shape)).ravel() for e in np.eye(size)], axis=1)


def test_as_many_rows_as_columns_give_the_exact_inverse():
    A1, A2 = RNG.normal(size=(4, 4)), RNG.normal(size=(9, 3))
    problem = whiten(AttentionRegression("normalized-exp", A1, A2, RNG.dirichlet(np.ones(9), size=4)))
    point = problem.at(0.5 * RNG.normal(size=problem.x_shape))
    H = problem.operator(point, "gauss_newton", scaled=True).to_dense()
    np.testing.assert_allclose(dense_preconditioner(point) @ H, np.eye(len(H)), atol=1e-3)  # the ridge is 1e-6


def test_equal_rows_of_z_give_the_exact_inverse():
    # At X = 0 all rows have the same predictions, and J^T J of a row does not depend on its target.
    A1, A2 = RNG.normal(size=(20, 3)), RNG.normal(size=(9, 4))
    problem = whiten(AttentionRegression("normalized-exp", A1, A2, RNG.dirichlet(np.ones(9), size=20)))
    point = problem.at(np.zeros(problem.x_shape))
    H = problem.operator(point, "gauss_newton", scaled=True).to_dense()
    np.testing.assert_allclose(dense_preconditioner(point) @ H, np.eye(len(H)), atol=1e-6)


@pytest.mark.parametrize("loss", ["normalized-exp", "normalized-cosh", "rescaled-exp", "plain-sinh"])
def test_it_is_positive_definite_and_helps(loss):
    A1, A2 = ([RNG.normal(size=(n, 3)) for n in (12, 7)] for _ in range(2))
    B = [RNG.dirichlet(np.ones(n), size=n) for n in (12, 7)]
    problem = whiten(AttentionRegression(loss, A1, A2, B))
    point = problem.at(3.0 * RNG.normal(size=problem.x_shape))
    P = dense_preconditioner(point)
    np.testing.assert_allclose(P, P.T, rtol=1e-9, atol=1e-9 * np.abs(P).max())
    assert np.linalg.eigvalsh(P)[0] > 0.0
    H = problem.operator(point, "gauss_newton", scaled=True).to_dense()
    eigenvalues = np.linalg.eigvals(P @ H).real
    assert eigenvalues.max() / eigenvalues.min() < np.linalg.cond(H)


def test_vector_form_has_none():
    problem = whiten(VectorRegression("normalized-exp", RNG.normal(size=(8, 2)), np.full(8, 0.125)))
    assert preconditioner(problem.at(np.zeros(2))) is None


# Many unknowns ----------------------------------------------------------------------------------------------------
def test_148225_unknowns_are_solved_by_products_and_the_answer_has_minimum_norm():
    # 385 x 385 with the data of 108 rows: 11,556 directions are determined, the rest must be zero.
    data = load(shipped("attention_f1_L3H3"))
    problem = data.problem("normalized-exp")
    solution = solve(problem)
    assert (solution.status, solution.method, solution.unique) == ("converged", "gauss-newton-cg", False)
    model = AttentionRegression("normalized-exp", *(A.astype(float) for A in data.inputs), data.target)
    assert np.abs(model.predict(solution.x) - data.target).max() < 1e-9
    A1, A2 = (A.astype(float) for A in data.inputs)
    centred = A2 - A2.mean(axis=0)
    left, right = (np.linalg.pinv(A) @ A for A in (A1, centred))
    np.testing.assert_allclose(left @ solution.x @ right, solution.x, atol=1e-9)
    assert np.linalg.norm(solution.x) == pytest.approx(0.579, abs=1e-3)


# Paths that theory describes --------------------------------------------------------------------------------------
def test_gradient_descent_descends_and_agrees_with_newton():
    A, b = RNG.normal(size=(15, 3)), RNG.dirichlet(np.ones(15))
    problem = VectorRegression("normalized-exp", A, b, w=np.full(15, 0.5))
    solution = solve(problem, method="gradient-descent", rtol=1e-8)
    assert solution.status == "converged"
    values = [row.value for row in solution.history]
    assert all(later < earlier for earlier, later in pairwise(values))
    assert solution.value == pytest.approx(solve(problem).value, rel=1e-12)
    # Each step is x - t g with the t that its row carries, in the stored variables.
    x1 = -solution.history[1].radius * problem.gradient(np.zeros(3))
    assert problem.value(x1) == pytest.approx(solution.history[1].value, rel=1e-14)


def test_the_gradient_flow_follows_its_differential_equation():
    # L(x) = (e^(2x) - 3)^2 / 2 with A = 2: x' = -2 (e^(2x) - 3) e^(2x), integrated apart.
    problem = VectorRegression("plain-exp", [[2.0]], [3.0])
    solution = solve(problem, method="gradient-flow", x0=[0.0])
    assert solution.status == "converged"
    assert solution.x[0] == pytest.approx(np.log(3.0) / 2, rel=1e-8)
    times = [row.radius for row in solution.history[1:6]]
    assert times[1:] == [2 * time for time in times[:-1]]
    apart = solve_ivp(
        lambda t, x: -2 * (np.exp(2 * x) - 3) * np.exp(2 * x), (0, times[-1]), [0.0], "DOP853", times, rtol=1e-12
    )
    reached = [solve(problem, method="gradient-flow", x0=[0.0], max_steps=count).x[0] for count in range(1, 6)]
    np.testing.assert_allclose(reached, apart.y[0], rtol=FLOW_ERROR)
    assert reached[0] < 0.2 * reached[-1]


def test_a_flow_to_the_border_of_the_domain_ends_there():
    # The infimum of this loss lies where a total vanishes.
    rng = np.random.default_rng(0)
    problem = VectorRegression("normalized-sinh", rng.normal(size=(12, 4)), rng.dirichlet(np.ones(12)))
    solution = solve(problem, method="gradient-flow", max_steps=60)
    assert solution.status in ("stalled", "max_steps")
    assert solution.value < solution.history[0].value
    assert np.all(np.isfinite(solution.x))


@pytest.mark.parametrize("method", ["gradient-descent", "gradient-flow"])
def test_paths_are_in_the_stored_variables(method):
    # Scaling the data scales the path: the first step of a whitened method would be the same.
    b = RNG.dirichlet(np.ones(6))
    A = RNG.normal(size=(6, 2))
    problems = [VectorRegression("normalized-exp", scale * A, b) for scale in (1.0, 10.0)]
    first = [solve(problem, method=method, max_steps=1).history[1].radius for problem in problems]
    assert first[0] == pytest.approx(100.0 * first[1], rel=1e-6)


def test_unchanged_variables_are_the_stored_ones_in_float64():
    A1, A2 = RNG.normal(size=(5, 3)).astype(np.float32), RNG.normal(size=(4, 2)).astype(np.float32)
    problem = AttentionRegression("normalized-exp", A1, A2, np.full((5, 4), 0.25, np.float32))
    same, X = unchanged(problem), RNG.normal(size=(3, 2))
    assert same.at(X).x.dtype == np.float64
    for there in (same.to_original(X), same.from_original(X), same.gradient_to_original(X)):
        np.testing.assert_array_equal(there, X)
    exact = AttentionRegression("normalized-exp", A1.astype(float), A2.astype(float), np.full((5, 4), 0.25))
    assert same.value(X) == exact.value(X)


# What "auto" does next -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "unknowns", "products", "follower"),
    [
        ("gauss-newton", 256, 0, "newton"),
        ("gauss-newton-cg", 1024, 10, "newton-cg"),
        ("gauss-newton-cg", 1024, 100, "newton"),
        ("gauss-newton-cg", 256, 5, "newton"),
        ("gauss-newton-cg", 5000, 400, "newton-cg"),
        ("newton", 256, 0, None),
    ],
)
def test_newton_takes_over_by_the_cheaper_of_products_and_matrices(name, unknowns, products, follower):
    assert after_slow_steps(name, unknowns, products) == follower


@pytest.mark.parametrize(("unknowns", "products", "dear"), [(1024, 100, False), (1024, 200, True), (64, 40, False)])
def test_products_are_dear_where_a_dense_step_costs_less(unknowns, products, dear):
    assert is_dear(unknowns, products) is dear


def test_a_rounded_head_is_settled_by_one_dense_hessian(monkeypatch):
    data = load(shipped("attention_f2_L3H3"))
    problem = AttentionRegression("normalized-exp", *data.inputs, data.target.astype(np.float16).astype(float))
    formed = []
    monkeypatch.setattr(
        "numeric.solvers.verdict.model_blocks", lambda *arguments: formed.append(1) or model_blocks(*arguments)
    )
    solution = solve(problem)
    assert (solution.status, solution.unique, len(formed)) == ("converged", True, 1)
    assert solution.gradient_norm < 1e-10 * solution.history[0].gradient_norm
    # Found again without that factorization.
    other = solve(problem, "lbfgs", x0=solution.x + 1e-6, rtol=1e-12)
    assert np.linalg.norm(other.x - solution.x) < 1e-6 * np.linalg.norm(solution.x)


def test_a_sharp_rounded_map_stalls_and_says_why():
    rng = np.random.default_rng(0)
    A1, A2, X = rng.normal(size=(24, 10)), rng.normal(size=(24, 10)), 6.0 / np.sqrt(10) * rng.normal(size=(10, 10))
    exact = AttentionRegression("normalized-exp", A1, A2, np.ones((24, 24))).predict(X)
    solution = solve(AttentionRegression("normalized-exp", A1, A2, exact.astype(np.float16).astype(float)))
    assert solution.status == "stalled"
    assert "The last steps changed predictions by next to nothing" in solution.message
    # Fifty steps before the end, predictions were those of now.
    earlier = solve(
        AttentionRegression("normalized-exp", A1, A2, exact.astype(np.float16).astype(float)),
        max_steps=solution.steps - 50,
    )
    now, then = (AttentionRegression("normalized-exp", A1, A2, exact).predict(s.x) for s in (solution, earlier))
    assert np.linalg.norm(now - then) < 1e-3 * np.linalg.norm(now)


def test_prompts_add_up_before_the_matrix_is_written():
    rng = np.random.default_rng(3)
    parts = [(rng.normal(size=(n, 3)), rng.normal(size=(m, 2)), rng.random((n, m))) for n, m in ((5, 4), (7, 6))]
    X = rng.normal(size=(3, 2))
    whole = AttentionRegression("rescaled-cosh", *(list(arrays) for arrays in zip(*parts, strict=True)))
    single = [AttentionRegression("rescaled-cosh", *part).hessian(X).to_dense() for part in parts]
    np.testing.assert_allclose(whole.hessian(X).to_dense(), sum(single), rtol=1e-12)
