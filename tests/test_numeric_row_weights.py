"""Weights of rows: how often each counts; a row of weight 0 is there for predictions alone."""

from dataclasses import dataclass
from typing import Any

import mpmath
import numeric_oracle as oracle
import numpy as np
import pytest

from numeric import AttentionRegression, InputError, OutsideDomain, load, logit_start, solve
from numeric.whitening import unchanged, whiten

RELATIVE = 1e-12
"""The accuracy that the project promises, on instances without severe cancellation."""
REORDERED = 1e-12
"""Sums of the same terms in another order, relative to the largest entry."""
ROWS = np.array([0.5, 0.0, 3.0, 1.0, 0.25])
SHAPE = (5, 4)


@dataclass(frozen=True)
class Arrays:
    """One prompt with a mask, weights and weights of rows."""

    A1: Any
    A2: Any
    B: Any
    w: Any
    mask: Any
    X: Any

    def problem(self, loss: str, weighted: bool = True, row_weights: Any = ROWS, **changes: Any) -> Any:
        parts = {"A1": self.A1, "A2": self.A2, "B": self.B, "w": self.w if weighted else None, "mask": self.mask}
        return AttentionRegression(loss, **(parts | changes), row_weights=row_weights)


@pytest.fixture
def arrays() -> Arrays:
    rng = np.random.default_rng(0)
    mask = rng.random(SHAPE) < 0.7
    mask[:, 0] = True
    A1, A2 = rng.normal(size=(5, 2)), rng.normal(size=(4, 2))
    return Arrays(A1, A2, rng.dirichlet(np.ones(4), 5), rng.uniform(0.2, 2, SHAPE), mask, rng.normal(size=(2, 2)))


def roots(arrays: Arrays, loss: str, weighted: bool, row_weights: Any):
    """The residuals of all rows, each times the square root of its weight, as a function of X at many digits."""
    left, right, B = (oracle.exact(a) for a in (arrays.A1, arrays.A2, arrays.B))
    w = oracle.exact(arrays.w) if weighted else None

    def residual(X: Any) -> list[Any]:
        Z, out = left @ X @ right.T, list[Any]()
        for j in np.flatnonzero(row_weights):
            part = slice(j, j + 1)
            own = oracle.residual(loss, Z[part], B[part], None if w is None else w[part], arrays.mask[part])
            out += [mpmath.sqrt(mpmath.mpf(row_weights[j])) * entry for entry in own]
        return out

    return residual


def results(problem: Any, X: Any, scaled: bool = False):
    """Everything that a point can be asked for, by each way."""
    V = np.random.default_rng(1).normal(size=X.shape)
    yield from problem.value_and_gradient(X, scaled=scaled)
    yield problem.at(X).value.value
    for H in (problem.hessian(X, scaled=scaled), problem.gauss_newton(X, scaled=scaled)):
        yield from (H.log_scale, H @ V, H @ V, H.diagonal(), H.to_dense())
    yield problem.at(X).largest_entry


def assert_same(found: Any, expected: Any) -> None:
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=0, atol=REORDERED * np.abs(e).max())


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("loss", oracle.LOSSES)
def test_value_and_derivatives_agree_with_fifty_digits(arrays, loss, weighted):
    problem, x = arrays.problem(loss, weighted), oracle.exact(arrays.X)
    residual = roots(arrays, loss, weighted, ROWS)

    def value(X: Any) -> Any:
        return oracle.half_square(residual(X))

    with mpmath.workdps(oracle.DIGITS):
        reference, J = value(x), oracle.jacobian(residual, x)
        gauss_newton = J.T @ J
    hessian = oracle.hessian(value, x)
    found, gradient = problem.value_and_gradient(arrays.X)
    assert oracle.relative_error([found], [reference]) <= RELATIVE
    assert oracle.relative_error([problem.value(arrays.X)], [reference]) <= RELATIVE
    assert oracle.relative_error(gradient, oracle.gradient(value, x)) <= RELATIVE
    V = np.array([[1.0, -2.0], [0.5, 3.0]])
    for H, exact in ((problem.hessian(arrays.X), hessian), (problem.gauss_newton(arrays.X), gauss_newton)):
        # The first product is made in one pass, the second from what is kept.
        for product in (H @ V, H @ V):
            assert oracle.relative_error(product.ravel(), exact @ oracle.exact(V.ravel())) <= 10 * RELATIVE
        assert oracle.relative_error(H.to_dense(), exact) <= RELATIVE
        assert oracle.relative_error(H.diagonal(), np.diag(exact)) <= RELATIVE
        low, high = H.eigenvalue_bounds()
        eigenvalues = np.linalg.eigvalsh(exact.astype(float))
        slack = RELATIVE * np.abs(eigenvalues).max()
        assert low <= eigenvalues[0] + slack
        assert eigenvalues[-1] <= high + slack


@pytest.mark.parametrize("size", [1, 300], ids=["small", "shifted"])
@pytest.mark.parametrize("loss", oracle.LOSSES)
def test_a_row_twice_with_half_its_weight_is_the_row(arrays, loss, size):
    scaled = not loss.startswith("plain")
    X = arrays.X * (size if scaled else 1)
    twice = {name: np.repeat(getattr(arrays, name), 2, axis=0) for name in ("A1", "B", "w", "mask")}
    halves = arrays.problem(loss, row_weights=np.full(10, 0.5), **twice)
    whole = arrays.problem(loss, row_weights=None)
    assert_same(results(halves, X, scaled), results(whole, X, scaled))
    (form,), (other,) = (problem.hessian(X, scaled=True).forms for problem in (halves, whole))
    np.testing.assert_allclose(form.terms(), other.terms() / 2, rtol=REORDERED)


@pytest.mark.parametrize("loss", oracle.LOSSES)
def test_weights_of_one_cost_nothing_and_change_nothing(arrays, loss):
    for ones in (np.ones(5), np.ones(5, int), [True] * 5):
        problem = arrays.problem(loss, row_weights=ones)
        form = problem.forms[0]
        assert form.row_weights is None
        assert form.target is arrays.B
        found, expected = (results(p, arrays.X) for p in (problem, arrays.problem(loss, row_weights=None)))
        for a, e in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, e)


@pytest.mark.parametrize("padding", [slice(3, 5), [0, 2]], ids=["at the end", "scattered"])
@pytest.mark.parametrize("filling", [0.0, 1e200, np.finfo(float).max])
@pytest.mark.parametrize("loss", oracle.LOSSES)
def test_rows_of_weight_zero_are_not_there(arrays, loss, filling, padding):
    """Whatever they hold: zeros, where the total of a sinh vanishes, or what overflows in every product."""
    counted, wild = np.full(5, True), {name: getattr(arrays, name).copy() for name in ("A1", "B", "w", "mask")}
    counted[padding] = False
    for name in ("A1", "B", "w"):
        wild[name][padding] = filling
    wild["mask"][padding] = False
    present = {name: getattr(arrays, name)[counted] for name in wild}
    expected = arrays.problem(loss, row_weights=None, **present)
    for weights in (counted, 1 * counted):
        problem = arrays.problem(loss, row_weights=weights, **wild)
        assert_same(results(problem, arrays.X), results(expected, arrays.X))
        assert problem.forms[0].entries == expected.forms[0].entries
        assert problem.forms[0].squared_target == pytest.approx(expected.forms[0].squared_target)
        model = problem.predict(arrays.X)
        assert not model[padding].any()
        np.testing.assert_array_equal(model[counted], expected.predict(arrays.X))


@pytest.mark.parametrize("loss", oracle.LOSSES)
def test_predictions_know_nothing_of_row_weights(arrays, loss):
    expected = arrays.problem(loss, row_weights=None).predict(arrays.X)
    for weights in (ROWS, [0, 1, 1, 0, 0], [0, 0, 2, 0, 0]):
        np.testing.assert_allclose(arrays.problem(loss, row_weights=weights).predict(arrays.X), expected, rtol=1e-13)


def test_a_vanished_total_is_an_error_where_the_row_counts_and_nan_in_predictions_elsewhere(arrays):
    A1 = np.where(np.arange(5)[:, None] == 3, 0.0, arrays.A1)
    mask = arrays.mask | (np.arange(4) < 2)
    unweighted, weightless = (
        arrays.problem("normalized-sinh", row_weights=r, A1=A1, mask=mask) for r in ([1, 0, 1, 1, 1], [1, 0, 1, 0, 1])
    )
    for function in (unweighted.value, unweighted.value_and_gradient, unweighted.hessian, unweighted.predict):
        with pytest.raises(OutsideDomain, match="alpha of row 3 of prompt 0 is 0 times"):
            function(arrays.X)
    assert np.isfinite(weightless.value(arrays.X))
    model = weightless.predict(arrays.X)
    np.testing.assert_array_equal(np.isnan(model), mask & (np.arange(5) == 3)[:, None])
    assert not model[~mask].any()


def test_weights_over_prompts_and_blocks(arrays, monkeypatch):
    """Ragged prompts with lists of weights, in blocks of two rows, are the sum of their rows by themselves."""
    from numeric.forms import layout

    for name, value in (("BLOCK_ENTRIES", 8), ("FEWEST_ROWS", 2), ("MOST_ROWS", 2)):
        monkeypatch.setattr(layout, name, value)
    loss, second = "rescaled-cosh", [0.0, 2.0, 0.125]
    lists = {name: [getattr(arrays, name), getattr(arrays, name)[:3]] for name in ("A1", "B", "w", "mask")}
    problem = arrays.problem(loss, **lists, A2=[arrays.A2] * 2, row_weights=[ROWS, second])
    rows = [(j, r) for j, r in (*enumerate(ROWS), *enumerate(second)) if r]
    single = [
        (r, arrays.problem(loss, row_weights=None, **{name: getattr(arrays, name)[j : j + 1] for name in lists}))
        for j, r in rows
    ]
    X = arrays.X
    np.testing.assert_allclose(problem.value(X), sum(r * p.value(X) for r, p in single), rtol=REORDERED)
    gradient = sum(r * p.gradient(X) for r, p in single)
    np.testing.assert_allclose(problem.gradient(X), gradient, rtol=0, atol=REORDERED * np.abs(gradient).max())
    dense = sum(r * p.hessian(X).to_dense() for r, p in single)
    np.testing.assert_allclose(problem.hessian(X).to_dense(), dense, rtol=0, atol=REORDERED * np.abs(dense).max())


def test_the_common_scale_is_that_of_rows_that_count(arrays):
    A1 = arrays.A1 * np.array([1.0, 900.0, 1.0, 1.0, 1.0])[:, None]
    problem = arrays.problem("rescaled-exp", A1=A1)
    assert problem.value_and_gradient(arrays.X, scaled=True)[2] == 0.0
    with_row = arrays.problem("rescaled-exp", A1=A1, row_weights=np.ones(5))
    assert with_row.value_and_gradient(arrays.X, scaled=True)[2] > 0.0


def test_weights_too_large_for_a_float_give_infinity_and_not_nan(arrays):
    problem = arrays.problem("plain-exp", weighted=False, row_weights=1e307 * ROWS[2:], **tail(arrays))
    assert problem.value(10 * arrays.X) == problem.value_and_gradient(10 * arrays.X)[0] == np.inf
    with pytest.raises(OverflowError, match="the Hessian overflows"):
        problem.hessian(10 * arrays.X)


def test_the_squares_of_the_target_count_as_their_rows_do(arrays):
    expected = sum(r * (row[kept] ** 2).sum() for r, row, kept in zip(ROWS, arrays.B, arrays.mask, strict=True))
    assert arrays.problem("plain-exp").forms[0].squared_target == pytest.approx(expected, rel=1e-14)
    unweighted = arrays.problem("plain-exp", row_weights=None)
    assert unweighted.forms[0].squared_target == pytest.approx((arrays.B[arrays.mask] ** 2).sum(), rel=1e-14)


def tail(arrays: Arrays) -> dict[str, Any]:
    """The last three rows."""
    return {name: getattr(arrays, name)[2:] for name in ("A1", "B", "mask")}


def test_whole_and_boolean_weights_leave_float32_and_real_ones_decide_with_the_rest(arrays):
    single = {name: getattr(arrays, name).astype(np.float32) for name in ("A1", "A2", "B", "w")}
    dtypes = {}
    for weights in (ROWS, ROWS.astype(np.float32), ROWS.astype(int), ROWS > 0):
        problem = arrays.problem("normalized-exp", row_weights=weights, **single)
        dtypes[str(weights.dtype)] = str(problem.gradient(arrays.X).dtype)
    assert dtypes == {"float64": "float64", "float32": "float32", "int64": "float32", "bool": "float32"}


def test_the_whitened_problem_is_the_same_one(arrays):
    problem = arrays.problem("normalized-exp")
    for other in (whiten(problem), unchanged(problem)):
        y = other.from_original(arrays.X)
        np.testing.assert_allclose(other.value(y), problem.value(other.to_original(y)), rtol=REORDERED)
        gradient = problem.gradient(other.to_original(y))
        np.testing.assert_allclose(other.gradient_to_original(other.gradient(y)), gradient, atol=REORDERED)


@pytest.mark.parametrize("loss", ["normalized-exp", "rescaled-exp", "plain-exp"])
def test_solve_recovers_x_from_the_rows_that_count(loss):
    """B is exact in rows that count, and of any size elsewhere, also where a mask drops it; A1 and A2 where unseen."""
    rng = np.random.default_rng(3)
    A1, A2, X = rng.normal(size=(12, 2)), rng.normal(size=(6, 2)), rng.normal(size=(2, 2)) / 2
    mask = rng.random((12, 6)) < 0.9
    mask[:, :2], mask[:9, 4] = True, False
    model = "plain-exp" if loss == "plain-exp" else "normalized-exp"
    exact = AttentionRegression(model, A1, A2, np.eye(12, 6), mask=mask)
    r = np.where(np.arange(12) < 9, rng.uniform(0.1, 1, 12), 0.0)
    B = np.where((r > 0)[:, None] & mask, exact.predict(X), np.finfo(float).max)
    A1, A2[4] = np.where((r > 0)[:, None], A1, 1e100), 1e200
    solution = solve(AttentionRegression(loss, A1, A2, B, mask=mask, row_weights=r))
    assert solution.status == "converged"
    np.testing.assert_allclose(solution.x, X, atol=1e-6)


def test_weights_pull_the_solution_towards_their_rows():
    """A row that no other agrees with: by bisection of the derivative, written out, of r1 L1 + r2 L2 in one unknown."""
    A1, A2, B = np.ones((2, 1)), np.array([[0.5], [-0.5]]), np.array([[0.7, 0.3], [0.4, 0.6]])
    r = np.array([3.0, 0.5])

    def slope(x: float) -> float:
        p = 1 / (1 + np.exp(-x))
        return float(sum(rj * 2 * (p - b) * p * (1 - p) for rj, b in zip(r, B[:, 0], strict=True)))

    low, high = -2.0, 2.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    solution = solve(AttentionRegression("normalized-exp", A1, A2, B, row_weights=r))
    assert solution.x[0, 0] == pytest.approx(low, abs=1e-9)


def test_the_logit_start_takes_weights_of_the_whole_target():
    rng = np.random.default_rng(4)
    A1, A2, X = rng.normal(size=(7, 2)), rng.normal(size=(5, 2)), rng.normal(size=(2, 2))
    B = AttentionRegression("normalized-exp", A1, A2, np.eye(7, 5)).predict(X)
    B[3] = [1.0, 0, 0, 0, 0]
    problem = AttentionRegression("normalized-exp", A1, A2, B, row_weights=np.arange(7) != 3)
    for weights in (None, B, [B**2]):
        np.testing.assert_allclose(logit_start(problem, weights), X, atol=1e-9)
    with pytest.raises(InputError, match=r"weights: got shape \(6, 5\), but the target asks for \(7, 5\)"):
        logit_start(problem, B[1:])


MISTAKES = {
    "a negative weight": (
        np.array([1.0, -2.0, 0, 0, 1]),
        r"row_weights: 1 of 5 weights are negative, .*\[1\] = -2.0",
    ),
    "all zero": (np.zeros(5), "row_weights: all 5 weights are 0; leave this prompt out"),
    "not finite": (np.array([1.0, np.nan, 0, 0, 1]), r"row_weights: 1 of 5 entries are NaN.*row_weights\[1\] = nan"),
    "another length": (np.ones(4), r"row_weights: got shape \(4,\), but one weight for each row of B asks for \(5,\)"),
    "two axes": (np.ones((5, 1)), r"row_weights: got shape \(5, 1\), which has 2 axes instead of 1"),
    "text": (["a"] * 5, "row_weights: got dtype <U1; the computation is real"),
    "a list for one prompt": ([ROWS, ROWS], r"differ in length: .*'row_weights': 2}; pass one of each per prompt"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_named(arrays, mistake):
    weights, match = MISTAKES[mistake]
    with pytest.raises(InputError, match=match):
        arrays.problem("normalized-exp", row_weights=weights)


def test_weights_whose_squares_overflow_with_the_weight_of_a_row_are_refused(arrays):
    w = 1e145 * arrays.w
    assert np.isfinite(arrays.problem("plain-exp", w=w).value(arrays.X))
    with pytest.raises(InputError, match=r"w: the largest weight is .*e\+155 and its square overflows float64"):
        arrays.problem("plain-exp", w=w, row_weights=1e20 * ROWS)


def test_a_row_without_entries_needs_a_weight_of_zero(arrays):
    mask = arrays.mask & (np.arange(5) != 1)[:, None]
    assert np.isfinite(arrays.problem("normalized-exp", mask=mask).value(arrays.X))
    with pytest.raises(InputError, match=r"mask: 1 of 5 rows keep no entry, .* row 1; .* row_weights of 0"):
        arrays.problem("normalized-exp", mask=mask, row_weights=np.ones(5))


def test_the_repr_counts_all_rows(arrays):
    expected = "AttentionRegression('plain-exp', B 5 x 4, X (2, 2), regularized, masked, rows weighted, float64)"
    assert repr(arrays.problem("plain-exp")) == expected


def test_problem_files_hold_row_weights(arrays, tmp_path):
    one, two, vector = (tmp_path / f"{name}.npz" for name in ("one", "two", "vector"))
    np.savez(one, A1=arrays.A1, A2=arrays.A2, B=arrays.B, row_weights=ROWS)
    expected = AttentionRegression("plain-exp", arrays.A1, arrays.A2, arrays.B, row_weights=ROWS)
    assert load(one).problem("plain-exp").value(arrays.X) == expected.value(arrays.X)
    stacked = {
        "A1": arrays.A1, "A2": np.vstack([arrays.A2, arrays.A2[:1]]), "row_off": np.array([0, 2, 5]),
        "B_0": np.eye(2), "B_1": np.eye(3), "row_weights_0": ROWS[2:4], "row_weights_1": ROWS[:3],
    }  # fmt: skip
    np.savez(two, **stacked)
    split = [np.split(stacked[name], [2]) for name in ("A1", "A2")]
    expected = AttentionRegression("plain-exp", *split, [np.eye(2), np.eye(3)], row_weights=[ROWS[2:4], ROWS[:3]])
    assert load(two).problem("plain-exp").value(arrays.X) == expected.value(arrays.X)
    np.savez(two, **{name: array for name, array in stacked.items() if name != "row_weights_0"})
    with pytest.raises(InputError, match="weights come for all 2 prompts or for none; only row_weights_1 is there"):
        load(two)
    np.savez(vector, A=arrays.A1, b=np.ones(5), row_weights=ROWS)
    with pytest.raises(InputError, match="row_weights: they are for A1, A2 and B, but this file has A and b"):
        load(vector)
