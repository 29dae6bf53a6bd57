"""The model against its definition, spelled out; comparison predictors against SciPy and closed forms."""

import numpy as np
import pytest
import scipy.linalg

from numeric.in_context import (
    LinearSelfAttention,
    OrthogonalQuery,
    PromptLaw,
    attention,
    embed,
    fixed_covariance,
    gradient_step,
    least_squares,
    limit,
    linear_labels,
    quadratic_form,
    ridge,
    zero,
)
from numeric.validation import InputError
from tests.in_context_oracle import covariance

# Sums of a few hundred products, each rounded once.
ROUNDING = 1e-12


@pytest.fixture(params=[(3, 5), (4, 2), (1, 1)])
def prompts(request):
    d, M = request.param
    law = PromptLaw(fixed_covariance(covariance(d, 1)), M, labels=linear_labels(0.3))
    return law.draw(np.random.default_rng(0), 7)


def model(d, seed=1):
    rng = np.random.default_rng(seed)
    return LinearSelfAttention(rng.normal(size=(d + 1, d + 1)), rng.normal(size=(d + 1, d + 1)))


def test_prediction_is_the_last_entry_of_the_layer(prompts):
    f = model(prompts.query.shape[1])
    for k in range(len(prompts)):
        columns = [np.append(x, y) for x, y in zip(prompts.x[k], prompts.y[k], strict=True)]
        E = np.column_stack([*columns, np.append(prompts.query[k], 0)])
        np.testing.assert_array_equal(embed(prompts)[k], E)
        out = E + f.W_PV @ E @ (E.T @ f.W_KQ @ E) / prompts.y.shape[1]
        np.testing.assert_allclose(f(E), out, rtol=ROUNDING, atol=ROUNDING)
        assert f.predict(prompts)[k] == pytest.approx(out[-1, -1], rel=ROUNDING, abs=ROUNDING)


def test_prediction_is_a_quadratic_form_in_columns(prompts):
    """Lemma 5.1, with Vec stacking columns."""
    f = model(prompts.query.shape[1], seed=2)
    U11, u, u12, u21 = f.blocks
    U = np.block([[U11, u12[:, None]], [u21[None, :], np.array([[u]])]])
    vec = U.ravel(order="F")
    forms = quadratic_form(prompts)
    np.testing.assert_allclose(vec @ forms @ vec, f.predict(prompts), rtol=1e-10)
    X, G = np.zeros_like(U), embed(prompts)[0] @ embed(prompts)[0].T / prompts.y.shape[1]
    X[:-1, -1] = X[-1, :-1] = prompts.query[0]
    np.testing.assert_allclose(forms[0], np.kron(X, G) / 2, atol=ROUNDING)


def test_scaling_the_two_matrices_inversely_changes_nothing(prompts):
    f = model(prompts.query.shape[1], seed=3)
    g = LinearSelfAttention(4 * f.W_PV, f.W_KQ / 4)
    np.testing.assert_allclose(g.predict(prompts), f.predict(prompts), rtol=ROUNDING)


def test_unused_parameters_are_unused(prompts):
    f = model(prompts.query.shape[1], seed=4)
    np.testing.assert_allclose(attention(*f.blocks).predict(prompts), f.predict(prompts), rtol=ROUNDING)


def test_orthogonal_queries_get_no_signal_where_the_model_is_isotropic():
    """x_query off the span of the examples: 0 for Gamma proportional to I, not in general."""
    rng = np.random.default_rng(2)
    round_law, long_law = fixed_covariance(np.eye(5)), fixed_covariance(np.diag([4.0, 2.0, 1.0, 0.5, 0.1]))
    sizes = []
    for law in (round_law, long_law):
        prompts = PromptLaw(law, 3, query=OrthogonalQuery()).draw(rng, 50)
        assert np.abs(np.einsum("bmd,bd->bm", prompts.x, prompts.query)).max() < ROUNDING
        sizes.append(np.abs(limit(law, 10).model.predict(prompts)).max())
    assert sizes[0] < ROUNDING < 0.01 < sizes[1]


def test_baselines_against_scipy(prompts):
    for k in range(len(prompts)):
        x, y, q = prompts.x[k], prompts.y[k], prompts.query[k]
        w, *_ = scipy.linalg.lstsq(x, y, lapack_driver="gelsd")
        # Least squares loses the condition of the examples, some thousands here.
        assert least_squares(prompts)[k] == pytest.approx(q @ w, rel=1e-9, abs=1e-10)
        augmented = np.vstack([x, np.sqrt(0.7) * np.eye(len(q))])
        w, *_ = scipy.linalg.lstsq(augmented, np.append(y, np.zeros(len(q))))
        assert ridge(prompts, 0.7)[k] == pytest.approx(q @ w, rel=1e-9, abs=1e-10)
        slope = sum(yi * xi for xi, yi in zip(x, y, strict=True)) / len(y)
        assert gradient_step(prompts, 0.5)[k] == pytest.approx(0.5 * q @ slope, rel=ROUNDING, abs=ROUNDING)
    assert not zero(prompts).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LinearSelfAttention(np.eye(1), np.eye(1)), "with d at least 1"),
        (lambda: LinearSelfAttention(np.ones((2, 3)), np.eye(3)), r"W_PV: got shape \(2, 3\)"),
        (lambda: LinearSelfAttention(np.eye(3), np.eye(2)), "the size of W_PV"),
        (lambda: attention(np.ones((2, 3)), 1.0), r"U11: got shape \(2, 3\)"),
        (lambda: attention(np.eye(2), 1.0, u12=np.ones(3)), r"u12: got shape \(3,\)"),
        (
            lambda: ridge(PromptLaw(fixed_covariance(np.eye(2)), 3).draw(np.random.default_rng(0), 2), 0.0),
            "penalty: got 0",
        ),
        (
            lambda: PromptLaw(fixed_covariance(np.eye(2)), 3, query=OrthogonalQuery()).draw(
                np.random.default_rng(0), 2
            ),
            "got 3 examples in dimension 2",
        ),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(InputError, match=message):
        make()
