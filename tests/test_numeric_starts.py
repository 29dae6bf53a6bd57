"""Starts: the fit of the logits against a weighted least-squares oracle, several starts, and what they report."""

import numpy as np
import pytest

import numeric.starts
from numeric import AttentionRegression, InputError, VectorRegression, load, logit_start, shipped, solve
from numeric.starts import fitted_logits
from numeric.whitening import whiten

RNG = np.random.default_rng(3)
A1, A2, X_TRUE = RNG.normal(size=(9, 3)), RNG.normal(size=(7, 2)), RNG.normal(size=(3, 2))
A, x_true = RNG.normal(size=(11, 4)), RNG.normal(size=4)
B = AttentionRegression("normalized-exp", A1, A2, np.zeros((9, 7))).predict(X_TRUE)
NOISY = B * np.exp(0.1 * RNG.normal(size=B.shape))
ROUNDING = 1e-11
"""Of a least-squares fit by products: its condition number times a few machine epsilons."""


def fitted(A1, A2, B, w):
    """The oracle: weighted least squares with one indicator column per row of B, by NumPy's SVD."""
    design = np.hstack([np.kron(A1, A2), np.kron(np.eye(len(A1)), np.ones((len(A2), 1)))])
    roots = np.sqrt(w.ravel())
    logs = np.log(np.where(B > 0, B, 1.0)).ravel()
    solution = np.linalg.lstsq(roots[:, None] * design, roots * logs, rcond=None)[0]
    return solution[: A1.shape[1] * A2.shape[1]].reshape(A1.shape[1], A2.shape[1])


@pytest.mark.parametrize("weights", [None, NOISY, NOISY**2, RNG.random(B.shape)], ids=["none", "B", "B^2", "random"])
def test_the_logits_are_fitted_with_weights(weights):
    expected = fitted(A1, A2, NOISY, np.ones(B.shape) if weights is None else weights)
    found = logit_start(AttentionRegression("normalized-exp", A1, A2, NOISY), weights)
    np.testing.assert_allclose(found, expected, rtol=ROUNDING, atol=ROUNDING)


def test_entries_without_a_logarithm_and_dropped_entries_do_not_count():
    target, mask = NOISY.copy(), RNG.random(B.shape) < 0.8
    target[2, 3], target[4, :2] = 0.0, -0.25
    problem = AttentionRegression("normalized-exp", A1, A2, target, mask=mask)
    expected = fitted(A1, A2, target, (mask & (target > 0)).astype(float))
    np.testing.assert_allclose(logit_start(problem), expected, rtol=ROUNDING, atol=ROUNDING)


def test_exact_targets_are_solved_by_their_logits():
    problem = AttentionRegression("normalized-exp", A1, A2, B)
    np.testing.assert_allclose(logit_start(problem), X_TRUE, rtol=ROUNDING)
    vector = VectorRegression("normalized-exp", A, np.stack([_softmax(A @ x_true), _softmax(-A @ x_true)]))
    np.testing.assert_allclose(logit_start(vector), np.stack([x_true, -x_true]), rtol=ROUNDING)
    two = AttentionRegression("normalized-exp", [A1, A1[:4]], [A2, A2], [B, B[:4]])
    np.testing.assert_allclose(logit_start(two), X_TRUE, rtol=ROUNDING)
    assert solve(problem, x0="logit").history[0].note.startswith("from logit. Gauss-Newton")


def _softmax(z):
    return np.exp(z) / np.exp(z).sum()


@pytest.mark.parametrize(
    ("problem", "match"),
    [
        (VectorRegression("rescaled-exp", A, np.ones(11)), "is for the loss normalized-exp, got rescaled-exp"),
        (VectorRegression("normalized-exp", A, -np.ones(11)), "needs entries of the target that are positive"),
        (VectorRegression("normalized-exp", [A], np.ones(11)), "needs A in memory, got one that is read in blocks"),
    ],
)
def test_problems_without_logits_are_refused(problem, match):
    with pytest.raises(InputError, match=match):
        logit_start(problem)
    with pytest.raises(InputError, match=match):
        solve(problem, x0="logit")


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        (-np.ones(B.shape), "weights: got -1; a weight is not negative"),
        (np.ones((2, 2)), r"weights: got shape \(2, 2\), but the target asks for \(9, 7\)"),
        ([B, B], "weights: got 2 arrays for 1 prompts"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights, match):
    with pytest.raises(InputError, match=match):
        logit_start(AttentionRegression("normalized-exp", A1, A2, B), weights)


def test_other_words_for_a_start_are_refused():
    with pytest.raises(InputError, match="x0: got 'zero'; pass an array, None, or \"logit\""):
        solve(AttentionRegression("normalized-exp", A1, A2, B), x0="zero")
    with pytest.raises(InputError, match="starts: got 0; at least one start is needed"):
        solve(AttentionRegression("normalized-exp", A1, A2, B), starts=0)


def test_several_starts_report_the_spread_and_keep_the_best():
    # The head on its 16 leading components has many local minima; each start is a converged run of its own.
    problem = load(shipped("attention_f3_L3H3")).problem("normalized-exp")
    solution = solve(problem, starts=5)
    assert [result.kind for result in solution.starts] == ["zero", "logit", "random", "random", "random"]
    assert all(result.status == "converged" for result in solution.starts)
    values = [result.value for result in solution.starts]
    assert solution.value == min(values) < values[0]
    assert problem.value(solution.x) == pytest.approx(solution.value, rel=1e-12)
    assert f"from {min(values):.7g} to {max(values):.7g}" in solution.message
    again = solve(problem, starts=5)
    np.testing.assert_array_equal(again.x, solution.x)
    assert [result.value for result in solve(problem, starts=5, seed=1).starts][2:] != values[2:]


def test_one_minimum_is_called_one():
    solution = solve(load(shipped("attention_f3tiny_L3H3")).problem("normalized-exp"), starts=4)
    assert "Of 4 starts 4 converged, to 1 different value from" in solution.message
    exact = solve(AttentionRegression("normalized-exp", A1, A2, B), starts=3)
    assert "3 converged, to 1 different value from" in exact.message
    assert solve(AttentionRegression("normalized-exp", A1, A2, B)).starts == ()


def test_a_better_minimum_than_the_best_one_known_is_found():
    # X_best in the file was the best of many runs of another solver.
    with np.load(shipped("attention_f3_L3H3"), allow_pickle=False) as archive:
        best = archive["X_best"]
    problem = load(shipped("attention_f3_L3H3")).problem("normalized-exp")
    assert solve(problem, starts=24).value < problem.value(best) - 1e-3


def test_with_weights_one_fit_is_made_that_follows_the_large_entries(monkeypatch):
    asked, fit = [], numeric.starts._logits
    monkeypatch.setattr(numeric.starts, "_logits", lambda *given: asked.append(given) or fit(*given))
    problem = whiten(AttentionRegression("normalized-exp", A1, A2, NOISY, w=np.full(B.shape, 0.01)))
    found = problem.to_original(fitted_logits(problem).x)
    expected = fitted(A1, A2, NOISY, np.sqrt(NOISY))
    # The fit is loose: its residual falls to less than a third.
    assert np.linalg.norm(found - expected) <= 0.3 * np.linalg.norm(expected)
    assert len(asked) == 1


def sharp_head(times, dtype, prompt=5):
    """A head that is `times` sharper than the recorded one, its attention rounded to a dtype."""
    data = load(shipped("attention_f2multi_L3H3"))
    A1, A2 = (side[prompt] for side in data.inputs)
    z = times * A1 @ data.x_true @ A2.T
    B = np.exp(z - z.max(axis=1, keepdims=True))
    B = (B / B.sum(axis=1, keepdims=True)).astype(dtype).astype(float)
    return AttentionRegression("normalized-exp", A1, A2, B)


@pytest.mark.parametrize(("times", "dtype"), [(10, np.float16), (60, np.float32)])
def test_entries_that_were_rounded_to_zero_are_kept_small_by_the_fit(times, dtype):
    problem = sharp_head(times, dtype)
    B = problem.forms[0].target
    assert (B == 0.0).mean() > 0.9
    zero = problem.value(np.zeros(problem.x_shape))
    # Without them nothing keeps the fit from large predictions there.
    assert problem.value(logit_start(problem)) > 0.3 * zero
    whitened = whiten(problem)
    fitted_value = fitted_logits(whitened).first_order.value
    assert fitted_value < 1e-2 * zero
    assert np.abs(fitted_logits(whitened).predict()[0][B == 0.0]).max() < 0.5


def test_weights_of_tiny_entries_make_no_singular_fit():
    whitened = whiten(sharp_head(100, np.float32, prompt=1))
    assert 0.0 < whitened.forms[0].target[whitened.forms[0].target > 0.0].min() < 1e-30
    point = fitted_logits(whitened)
    assert point.first_order.value < 1e-40
    assert point.largest_entry < 1e3


def test_a_negative_or_a_masked_entry_is_no_floor():
    target, mask = NOISY.copy(), np.ones(B.shape, dtype=bool)
    target[2, 3], target[4, 0], target[5, 5] = 0.0, -0.25, 1e-300
    mask[5, 5] = False
    problem = AttentionRegression("normalized-exp", A1, A2, target, mask=mask)
    lowest = target[(target > 0) & mask].min()
    expected = fitted(A1, A2, np.maximum(target, lowest), mask.astype(float))
    whitened = whiten(problem)
    targets, counted = zip(
        *(numeric.starts._filled(f, numeric.starts._positive(f)) for f in whitened.forms), strict=True
    )
    found = whitened.to_original(numeric.starts._logits(whitened, targets, counted))
    np.testing.assert_allclose(found, expected, rtol=ROUNDING, atol=ROUNDING)


def test_a_solve_that_a_fit_led_astray_is_tried_without_it():
    # The fit puts one of 80 rows on a wrong entry, and there is no way back from a saturated row.
    problem = sharp_head(60, np.float32, prompt=4)
    zero = problem.value(np.zeros(problem.x_shape))
    assert fitted_logits(whiten(problem)).first_order.value > 1e-2 * zero
    found = solve(problem, max_steps=60)
    assert found.value < 1e-12 * zero
    assert "A solve that began with the fit of the logits ended at" in found.message
    assert [row.kind for row in found.history if row.kind == "logit"] == []


def test_a_solve_that_the_steps_cut_short_is_not_tried_again():
    solution = solve(load(shipped("attention_f3_L3H3")).problem("normalized-exp"), max_steps=2)
    assert (solution.status, solution.steps) == ("max_steps", 2)
    assert solution.history[1].kind == "logit"
    assert "Without that fit" not in solution.message
