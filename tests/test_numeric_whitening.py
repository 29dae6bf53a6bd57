"""The change of variables: orthonormal maps, the same problem, the minimum-norm answer."""

import numpy as np
import pytest
import scipy.sparse

from numeric import AttentionRegression, VectorRegression
from numeric.solvers.state import log_gradient_norm
from numeric.whitening import unchanged, whiten

RTOL = 1e-11
"""Condition numbers here are below 100."""


def problems():
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(8, 3)), rng.dirichlet(np.ones(8))
    A1, A2 = rng.normal(size=(6, 3)), rng.normal(size=(5, 2))
    B, w = rng.dirichlet(np.ones(5), 6), rng.uniform(1, 2, (6, 5))
    mask = rng.random((6, 5)) < 0.8
    mask[:, 0] = True
    return {
        "vector": VectorRegression("normalized-exp", A, b),
        "vector, not shift invariant": VectorRegression("rescaled-exp", A, b),
        "k problems": VectorRegression("normalized-cosh", A, np.stack([b, b[::-1]])),
        "matrix": AttentionRegression("normalized-exp", A1, A2, B),
        "prompts": AttentionRegression("normalized-exp", [A1, A1[:4]], [A2, A2[:3]], [B, B[:4, :3]]),
        "regularized": AttentionRegression("normalized-exp", A1, A2, B, w=w),
        "masked": AttentionRegression("normalized-exp", A1, A2, B, mask=mask),
    }


@pytest.mark.parametrize("name", problems())
def test_the_whitened_problem_is_the_same_problem(name):
    problem = problems()[name]
    whitened = whiten(problem)
    x = np.random.default_rng(1).normal(size=problem.x_shape)
    y = whitened.from_original(x)
    np.testing.assert_allclose(whitened.to_original(y), x, rtol=RTOL, atol=RTOL)
    assert whitened.full_rank
    assert whitened.value(y) == pytest.approx(problem.value(x), rel=RTOL)
    np.testing.assert_allclose(
        whitened.gradient_to_original(whitened.gradient(y)), problem.gradient(x), rtol=RTOL, atol=1e-13
    )
    model, expected = whitened.predict(y), problem.predict(x)
    np.testing.assert_allclose(model[0], expected[0] if isinstance(expected, list) else expected, rtol=RTOL)


def test_the_norm_of_a_gradient_is_kept_for_each_problem():
    problem = problems()["matrix"]
    whitened, stored = whiten(problem), unchanged(problem)
    point = whitened.at(np.random.default_rng(1).normal(size=whitened.x_shape))
    expected = [np.linalg.norm(to(point.first_order.gradient)) for to in (whitened.gradient_to_original, lambda g: g)]
    for _ in range(2):  # the second time from what is kept
        found = [log_gradient_norm(one, point) for one in (whitened, stored)]
        np.testing.assert_allclose(np.exp(found), expected, rtol=RTOL)


@pytest.mark.parametrize("name", problems())
def test_stacked_maps_have_orthonormal_columns(name):
    whitened = whiten(problems()[name])
    for factors in zip(*(form.factors for form in whitened.forms), strict=True):
        stacked = np.concatenate(factors)
        np.testing.assert_allclose(stacked.T @ stacked, np.eye(stacked.shape[1]), atol=1e-13)


def test_only_what_the_loss_cannot_see_is_centred():
    centred = [name for name, problem in problems().items() if _is_centred(whiten(problem))]
    assert centred == ["vector", "matrix", "prompts", "masked"]


def _is_centred(whitened):
    return all(np.abs(form.factors[-1].mean(axis=0)).max() < 1e-14 for form in whitened.forms)


def test_directions_without_effect_are_dropped():
    rng = np.random.default_rng(2)
    A = rng.normal(size=(8, 3))
    wide = np.column_stack([A, A[:, 0], np.ones(8), np.zeros(8)])
    whitened = whiten(VectorRegression("normalized-exp", wide, np.full(8, 1 / 8)))
    assert whitened.x_shape == (3,)
    assert not whitened.full_rank
    x = rng.normal(size=6)
    least = whitened.to_original(whitened.from_original(x))
    np.testing.assert_allclose(least[[0, 3]], np.full(2, (x[0] + x[3]) / 2), rtol=RTOL)
    np.testing.assert_allclose(least[4:], 0.0, atol=1e-13)


def test_equal_rows_leave_one_unknown_of_no_effect():
    whitened = whiten(VectorRegression("normalized-exp", np.full((4, 2), 0.1), np.full(4, 0.25)))
    assert whitened.x_shape == (1,)
    assert not whitened.full_rank
    np.testing.assert_array_equal(whitened.to_original(np.ones(1)), np.zeros(2))


def test_float32_data_are_whitened_in_float64():
    whitened = whiten(VectorRegression("normalized-exp", np.eye(3, 2, dtype=np.float32), np.zeros(3, np.float32)))
    assert whitened.dtype == np.float64
    assert "WhitenedRegression(VectorRegression" in repr(whitened)


def test_what_is_drawn_does_not_depend_on_the_order_of_columns():
    rng = np.random.default_rng(5)
    A, b, order = rng.normal(size=(9, 4)), rng.dirichlet(np.ones(9)), [2, 0, 3, 1]
    y = rng.normal(size=4)
    first, second = (whiten(VectorRegression("normalized-exp", matrix, b)) for matrix in (A, A[:, order]))
    x, permuted = (one.to_original(one.from_singular(y)) for one in (first, second))
    np.testing.assert_allclose(permuted, x[order], rtol=RTOL)


def test_a_wide_scaled_stream_draws_without_a_square_matrix():
    blocks = [scipy.sparse.random_array((50, 60_000), density=1e-4, rng=np.random.default_rng(k)) for k in range(2)]
    problem = whiten(VectorRegression("plain-cosh", [block.tocsr() for block in blocks], np.ones(100)))
    y = np.random.default_rng(0).normal(size=problem.x_shape)
    np.testing.assert_array_equal(problem.from_singular(y), y)
