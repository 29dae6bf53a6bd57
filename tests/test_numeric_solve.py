"""A bank of problems against all methods; each way in which a solve can end; what a solution says."""

import io
import math
import re
from itertools import pairwise

import numpy as np
import pytest

from numeric import STATUS, AttentionRegression, InputError, VectorRegression, load, shipped, solve
from numeric.progress import ProgressLine

METHODS = ("auto", "newton", "gauss-newton", "newton-cg", "gauss-newton-cg", "lbfgs", "trust-exact")
RECOVERY = 1e-10
"""Relative error of X on the shipped head, whose Hessian has condition number 9e6."""
RNG = np.random.default_rng(0)
A = RNG.normal(size=(12, 4))
b = RNG.dirichlet(np.ones(12))
X_TRUE = RNG.normal(size=(3, 2))
A1, A2 = RNG.normal(size=(15, 3)), RNG.normal(size=(9, 2))
SINH = VectorRegression("normalized-sinh", A, b).predict([0.5, 1.0, -0.5, 0.25]) + 0.01 * RNG.normal(size=12)
OUTSIDE = 0.2 * RNG.normal(size=12)
MASK = RNG.random((15, 9)) < 0.8
MASK[:, 0] = True


def attention(loss, noise=0.0, **options):
    """Data made by the model at X_TRUE, with noise on top."""
    model = AttentionRegression(loss, A1, A2, np.zeros((15, 9)), **options).predict(X_TRUE)
    return AttentionRegression(loss, A1, A2, model + noise * np.random.default_rng(1).normal(size=(15, 9)), **options)


def two_prompts(loss):
    model = AttentionRegression(loss, A1, A2, np.zeros((15, 9))).predict(X_TRUE)
    other = AttentionRegression(loss, A1[:5], A2[:7], np.zeros((5, 7))).predict(X_TRUE)
    return AttentionRegression(loss, [A1, A1[:5]], [A2, A2[:7]], [model, other])


BANK = {
    **{f"{loss}, vector": (lambda loss=loss: VectorRegression(loss, A, b)) for loss in (
        "normalized-exp", "normalized-cosh", "rescaled-exp", "rescaled-cosh", "rescaled-sinh",
        "plain-exp", "plain-cosh", "plain-sinh",
    )},
    "weights": lambda: VectorRegression("normalized-exp", A, b, w=np.full(12, 0.3)),
    "three problems": lambda: VectorRegression("normalized-exp", A, np.stack([b, b[::-1], np.roll(b, 3)])),
    "matrix, zero residual": lambda: attention("normalized-exp"),
    "matrix, residual": lambda: attention("normalized-exp", noise=0.05),
    "matrix, masked": lambda: attention("normalized-exp", mask=MASK),
    "normalized-sinh, vector": lambda: VectorRegression("normalized-sinh", A, SINH),
    "matrix, cosh": lambda: attention("normalized-cosh", noise=0.01),
    "prompts": lambda: two_prompts("normalized-exp"),
    "float32": lambda: VectorRegression("normalized-exp", A.astype(np.float32), b.astype(np.float32)),
    "b outside the simplex": lambda: VectorRegression("normalized-exp", A, OUTSIDE),
    "dependent columns": lambda: VectorRegression("normalized-exp", np.column_stack([A, A[:, 0] - A[:, 1]]), b),
    "fewer rows than columns": lambda: VectorRegression("normalized-exp", A[:3], [0.5, 0.3, 0.2]),
    "equal rows": lambda: VectorRegression("normalized-exp", np.ones((12, 3)), b),
    "huge weights": lambda: VectorRegression("rescaled-cosh", A, b, w=np.full(12, 1e8)),
    "zero weights": lambda: VectorRegression("normalized-exp", A, b, w=np.zeros(12)),
    "one row": lambda: VectorRegression("rescaled-exp", A[:1], [1.0]),
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", BANK)
def test_every_method_ends_at_a_minimum(name, method):
    problem = BANK[name]()
    solution = solve(problem, method=method)
    assert solution.status == "converged", solution
    assert solution.x.shape == problem.x_shape
    first = solution.history[0].gradient_norm
    floor = 1e-7 if method in ("lbfgs", "trust-exact") or name in ("float32", "huge weights") else 1e-10
    assert solution.gradient_norm <= floor * first + 1e-14
    assert solution.value <= solution.history[0].value
    eigenvalues = np.linalg.eigvalsh(problem.hessian(solution.x).to_dense())
    assert eigenvalues[0] >= -1e-6 * max(1e-6, eigenvalues[-1])


@pytest.mark.parametrize("method", ["auto", "gauss-newton", "newton"])
def test_a_real_attention_head_is_recovered(method):
    data = load(shipped("attention_f2_L3H3"))
    solution = solve(data.problem("normalized-exp"), method=method)
    assert solution.status == "converged"
    assert data.relative_error(solution.x) <= RECOVERY
    assert solution.steps <= 30
    assert solution.unique is True


def test_a_residual_of_rounding_is_not_fitted():
    # The Hessian of the sharpened head has a condition of 4e14: x could follow the rounding of the target far.
    data = load(shipped("attention_f2_L3H3"))
    (A1, A2), X = data.problem("normalized-exp").forms[0].factors, 4.0 * data.x_true
    B = AttentionRegression("normalized-exp", A1, A2, np.zeros((len(A1), len(A2)))).predict(X)
    solution = solve(AttentionRegression("normalized-exp", A1, A2, B))
    assert solution.status == "converged"
    assert np.linalg.norm(solution.x - X) <= 1e-13 * np.linalg.norm(X)


@pytest.mark.parametrize("loss", ["normalized-exp", "plain-exp", "plain-sinh"])
def test_a_known_matrix_is_recovered(loss):
    solution = solve(attention(loss))
    assert solution.status == "converged"
    np.testing.assert_allclose(solution.x, X_TRUE, rtol=1e-10, atol=1e-10)


def test_all_methods_find_the_same_minimum_of_a_convex_problem():
    problem = VectorRegression("normalized-exp", A, b, w=np.full(12, 1.0))
    values = [solve(problem, method=method).value for method in METHODS]
    np.testing.assert_allclose(values, values[0], rtol=1e-13)


# How a solve ends -------------------------------------------------------------------------------------------------
ENDINGS = {
    "descent to infinity, rescaled": (VectorRegression("rescaled-exp", -np.abs(A), b), {}, "unbounded"),
    "descent to infinity, plain": (VectorRegression("plain-exp", -np.abs(A), -b), {}, "unbounded"),
    "one-hot target": (VectorRegression("normalized-exp", A, np.eye(12)[np.argmax(A[:, 0])]), {}, "unbounded"),
    "total vanishes everywhere": (
        VectorRegression("normalized-sinh", [[1.0], [-1.0]], [0.5, 0.5]),
        {},
        "outside_domain",
    ),
    "start where the total vanishes": (
        VectorRegression("normalized-sinh", A, b),
        {"x0": np.zeros(4)},
        "outside_domain",
    ),
    "overflow at the start": (VectorRegression("plain-exp", A, b), {"x0": np.full(4, 1e3)}, "overflow"),
    "saturated start": (VectorRegression("normalized-exp", A, b), {"x0": np.full(4, 100.0)}, "bad_start"),
    "infimum at the border of the domain": (VectorRegression("normalized-sinh", A, b), {}, "stalled"),
    "few steps": (attention("normalized-exp"), {"max_steps": 2, "x0": np.zeros((3, 2))}, "max_steps"),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ENDINGS)
def test_statuses(name, method):
    problem, options, status = ENDINGS[name]
    solution = solve(problem, method=method, **options)
    assert solution.status == status in STATUS
    assert not solution.success
    assert solution.unique is None
    assert solution.message.endswith(".")
    assert np.all(np.isfinite(solution.x))


@pytest.mark.parametrize(
    ("method", "status"),
    [("auto", "converged"), ("newton", "converged"), ("gauss-newton", "bad_start"), ("lbfgs", "bad_start")],
)
def test_the_critical_point_of_cosh_is_left_or_named(method, status):
    # D1: x = 0 is critical for cosh whatever the data; here it is a saddle.
    solution = solve(VectorRegression("normalized-cosh", A, b), method=method, x0=np.zeros(4))
    assert solution.status == status
    assert (np.linalg.norm(solution.x) > 0.1) == (status == "converged")


def test_a_start_at_a_global_minimum_is_converged_in_no_step():
    # D2: the rescaled sinh loss vanishes at 0.
    solution = solve(VectorRegression("rescaled-sinh", A, b), x0=np.zeros(4))
    assert (solution.status, solution.value, solution.steps) == ("converged", 0.0, 0)


def test_a_descent_to_infinity_says_what_to_do():
    solution = solve(VectorRegression("rescaled-exp", -np.abs(A), b))
    assert "infimum is not attained: add weights w" in solution.message
    assert solve(VectorRegression("rescaled-exp", -np.abs(A), b, w=np.ones(12))).status == "converged"


def test_a_start_beyond_the_range_of_floats_is_followed_by_scaled_values():
    # exp(2 max z) = e^800 at the start, and the minimum is an ordinary one.
    problem = VectorRegression("rescaled-exp", A, b)
    x0 = np.linalg.lstsq(A, np.full(12, 400.0), rcond=None)[0]
    far = solve(problem, x0=x0 * 400 / np.abs(A @ x0).max(), max_steps=1000)
    assert math.isinf(far.history[0].value)
    assert far.status == "converged"
    assert far.value == pytest.approx(solve(problem).value, rel=1e-12)
    short = solve(problem, x0=x0 * 400 / np.abs(A @ x0).max(), max_steps=5)
    assert (short.status, short.value) == ("overflow", math.inf)


# What a solution says ---------------------------------------------------------------------------------------------
def test_the_minimum_norm_answer_is_returned_and_called_not_unique():
    wide = np.column_stack([A, A[:, 0], np.ones(12)])
    solution = solve(VectorRegression("normalized-exp", wide, b))
    assert solution.unique is False
    assert "minimum norm" in solution.message
    assert solution.x[0] == pytest.approx(solution.x[4], rel=1e-9)
    assert abs(solution.x[5]) < 1e-12


def test_symmetric_pairs_are_not_unique():
    solution = solve(VectorRegression("normalized-cosh", A, b))
    assert solution.unique is False
    mirrored = solve(VectorRegression("normalized-cosh", A, b), x0=-solution.x)
    np.testing.assert_allclose(mirrored.x, -solution.x, rtol=1e-9)


def test_history_is_one_row_per_step_from_the_start():
    for method in METHODS:
        solution = solve(attention("normalized-exp", noise=0.05), method=method)
        assert [row.step for row in solution.history] == list(range(solution.steps + 1))
        assert solution.history[0].kind == "start"
        assert {row.kind for row in solution.history[1:]} <= {"logit", "polish", *solution.method.split(", ")}
        assert ("logit" in {row.kind for row in solution.history}) == (method == "auto")
        values = [row.value for row in solution.history]
        assert all(later <= earlier * (1 + 1e-12) for earlier, later in pairwise(values))
        assert solution.history[-1].gradient_norm == solution.gradient_norm


def test_auto_leaves_gauss_newton_where_the_residual_stays():
    exact = solve(attention("normalized-exp"))
    assert exact.method == "gauss-newton"
    assert "Gauss-Newton was chosen for a sum of squares in 6 unknowns, by its dense matrix." in exact.message
    noisy = solve(attention("normalized-exp", noise=0.3))
    assert noisy.method == "gauss-newton, newton"
    assert re.search(r"Newton took over after step \d+ because the residual stays", noisy.message)


def test_the_random_start_is_seeded():
    problem = VectorRegression("normalized-cosh", A, b)
    first, again, other = (solve(problem, seed=seed).history[0].value for seed in (1, 1, 2))
    assert first == again != other


def test_the_start_of_exp_is_zero():
    problem = attention("normalized-exp")
    assert solve(problem).history[0].value == pytest.approx(problem.value(np.zeros((3, 2))), rel=1e-13)


def test_tolerances_are_on_the_gradient_norm_in_stored_variables():
    problem = VectorRegression("plain-exp", A, 1000 * b)
    loose = solve(problem, method="lbfgs", rtol=1e-3)
    assert loose.history[0].gradient_norm > 100
    assert loose.gradient_norm <= 1e-3 * loose.history[0].gradient_norm
    assert loose.history[-2].gradient_norm > 1e-3 * loose.history[0].gradient_norm
    absolute = solve(problem, method="lbfgs", rtol=0.0, atol=1e-4)
    assert absolute.gradient_norm <= 1e-4 < absolute.history[-2].gradient_norm
    assert np.linalg.norm(problem.gradient(absolute.x)) == pytest.approx(absolute.gradient_norm, rel=1e-3)


def test_a_solution_prints_itself():
    text = repr(solve(attention("normalized-exp")))
    assert text.startswith("Solution: converged (gauss-newton, ")
    assert "x 3 x 2, isolated minimum" in text


def test_progress_is_reported_after_each_step():
    calls = []
    solution = solve(attention("normalized-exp"), progress=lambda *arguments: calls.append(arguments))
    assert [step for step, *_ in calls] == list(range(solution.steps + 1))
    assert calls[-1][1:3] == (solution.value, solution.gradient_norm)


@pytest.mark.parametrize("method", ["auto", "newton", "newton-cg", "gradient-descent"])
def test_each_step_is_called_back_with_its_x(method):
    problem, seen = attention("normalized-exp", noise=0.1), []
    solution = solve(problem, method, callback=lambda x: seen.append(x.copy()), max_steps=40)
    values = [row.value for row in solution.history]
    np.testing.assert_allclose([problem.value(x) for x in seen], values, rtol=1e-12)
    assert len(seen) == solution.steps + 1
    np.testing.assert_allclose(seen[-1], solution.x, rtol=1e-9, atol=1e-12)


def test_a_saved_x_takes_a_solve_up_again():
    problem, seen = attention("normalized-exp"), []
    solution = solve(problem, "newton", callback=seen.append, max_steps=2)
    again = solve(problem, "newton", x0=seen[-1])
    assert again.history[0].value == pytest.approx(solution.history[-1].value, rel=1e-12)
    assert again.status == "converged"


def test_quick_work_writes_no_progress_line(capsys):
    solve(attention("normalized-exp"), progress=True)
    assert capsys.readouterr() == ("", "")


def test_the_progress_line_starts_late_and_is_rate_limited():
    stream = io.StringIO()
    line = ProgressLine(stream=stream)
    for seconds in (0.2, 1.1, 1.2, 1.7):
        line(7, 0.5, 1e-3, seconds)
    line.close()
    assert stream.getvalue().count("\r") == 2
    assert "step 7  value 5.000000e-01  gradient 1.000e-03  1.7 s" in stream.getvalue()
    assert stream.getvalue().endswith("\n")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"method": "bfgs"}, "method: got 'bfgs'; choose one of auto, newton, gauss-newton, newton-cg"),
        ({"rtol": -1.0}, "rtol: got -1.0; a tolerance is a finite number"),
        ({"atol": float("nan")}, "atol: got nan"),
        ({"max_steps": 0}, "max_steps: got 0; at least one step"),
        ({"x0": np.zeros(3)}, r"x0: got shape \(3,\), but the problem asks for \(4,\)"),
        ({"x0": np.full(4, np.nan)}, "x0: 4 of 4 entries are NaN"),
    ],
)
def test_wrong_arguments(options, match):
    with pytest.raises(InputError, match=match):
        solve(VectorRegression("normalized-exp", A, b), **options)


def test_many_unknowns_are_solved_by_products_only():
    # 60 x 60 = 3600 whitened unknowns: no dense Hessian is formed unasked.
    rng = np.random.default_rng(5)
    left, right = rng.normal(size=(70, 60)), rng.normal(size=(70, 60))
    X = rng.normal(size=(60, 60)) / 60
    B = AttentionRegression("normalized-exp", left, right, np.zeros((70, 70))).predict(X)
    B += 1e-6 * rng.normal(size=B.shape)
    solution = solve(AttentionRegression("normalized-exp", left, right, B), x0=np.zeros((60, 60)), rtol=1e-6)
    assert (solution.status, solution.method) == ("converged", "gauss-newton-cg")
    assert "too large to check" in solution.message
    assert "Gauss-Newton was chosen for a sum of squares in 3600 unknowns, by products" in solution.message


def test_a_dense_hessian_that_would_not_fit_is_refused():
    rng = np.random.default_rng(6)
    problem = AttentionRegression("plain-exp", rng.normal(size=(95, 95)), rng.normal(size=(95, 95)), np.ones((95, 95)))
    with pytest.raises(InputError, match=r"'newton' needs a dense Hessian, and 9025 unknowns make 0\.7 GB; use"):
        solve(problem, method="newton")


SMALL_A = np.random.default_rng(0).standard_normal((6, 2))
SMALL_B = np.abs(np.random.default_rng(1).standard_normal(6))


@pytest.mark.parametrize("loss", ["normalized-exp", "plain-exp"])
@pytest.mark.parametrize("exponent", [-160, -100, 100, 160])
def test_the_scale_of_the_data_does_not_matter(loss, exponent):
    """Squares of such gradients leave the range of floats; the minimum does not move."""
    b = SMALL_B / SMALL_B.sum()
    plain = solve(VectorRegression(loss, SMALL_A, b))
    scaled = solve(VectorRegression(loss, SMALL_A * 10.0**exponent, b))
    assert (plain.status, scaled.status) == ("converged", "converged")
    assert scaled.value == pytest.approx(plain.value, rel=1e-12)
    assert 0 < scaled.history[0].gradient_norm < np.inf
    assert scaled.gradient_norm < np.inf


@pytest.mark.parametrize("loss", ["normalized-exp", "normalized-cosh", "normalized-sinh"])
def test_a_saturated_plateau_is_no_minimum_and_no_way_to_one(loss):
    b = SMALL_B / SMALL_B.sum()
    assert solve(VectorRegression(loss, SMALL_A, b), x0=[1e3, -1e3]).status in ("bad_start", "stalled")


def test_a_solve_that_starts_at_its_solution_is_converged():
    problem = VectorRegression("normalized-exp", SMALL_A, SMALL_B / SMALL_B.sum())
    first = solve(problem)
    again = solve(problem, x0=first.x)
    assert (again.status, again.steps <= 2) == ("converged", True)


def test_a_seed_is_not_negative():
    with pytest.raises(InputError, match="seed: got -1"):
        solve(VectorRegression("plain-cosh", SMALL_A, SMALL_B), seed=-1)
