"""Scales and dtypes: what is representable is returned, what is not is infinite or scaled, never NaN."""

import mpmath
import numeric_oracle as oracle
import numpy as np
import pytest

from numeric import AttentionRegression, OutsideDomain, VectorRegression
from numeric.kernels import unscale

RELATIVE = 1e-12
RESCALED = [loss for loss in oracle.LOSSES if loss.startswith("rescaled")]
NORMALIZED = [loss for loss in oracle.LOSSES if loss.startswith("normalized")]

# Small integers and dyadic x: A x is exact, so that the reference sees the same z as the kernels.
A = np.array([[1.0, 0.0], [2.0, 1.0], [-1.0, 2.0], [1.0, -1.0]])
B = np.array([0.5, 0.125, 0.25, 0.125])
DIRECTION = np.array([0.25, -0.125])


def reference(loss, x, w=None):
    """Value and gradient at 110 digits."""
    mA, mb = oracle.exact(A), [oracle.exact(B)]
    mw = None if w is None else [oracle.exact(w)]

    def value(y):
        return oracle.half_square(oracle.residual(loss, [mA @ y], mb, mw))

    with mpmath.workdps(oracle.DIGITS):
        return value(oracle.exact(x)), oracle.gradient(value, oracle.exact(x))


@pytest.mark.parametrize("w", [None, np.array([1.0, 0.5, 2.0, 0.25])], ids=["plain", "regularized"])
@pytest.mark.parametrize("size", [-8000.0, -2800.0, 16.0, 1400.0, 2800.0, 80000.0])
@pytest.mark.parametrize("loss", RESCALED + NORMALIZED)
def test_scaled_results_are_right_at_any_size(loss, size, w):
    x = size * DIRECTION
    value, gradient, log_scale = VectorRegression(loss, A, B, w=w).value_and_gradient(x, scaled=True)
    exact_value, exact_gradient = reference(loss, x, w)
    with mpmath.workdps(oracle.DIGITS):
        factor = mpmath.exp(-mpmath.mpf(log_scale))
        assert np.isfinite(value)
        assert np.all(np.isfinite(gradient))
        assert abs(value - exact_value * factor) <= RELATIVE * abs(exact_value * factor)
        terms = max(abs(exact_value * factor), *(abs(g * factor) for g in exact_gradient))
        assert max(abs(g - e * factor) for g, e in zip(gradient, exact_gradient, strict=True)) <= RELATIVE * terms


@pytest.mark.parametrize("loss", RESCALED)
def test_unscaled_results_do_not_overflow_where_they_are_representable(loss):
    # exp(log_scale) = e^712 overflows; the value, about 0.005 times that or less, does not.
    column, b, x = np.array([[1.0], [0.0]]), np.array([0.90625, 0.0]), np.array([356.0])
    problem = VectorRegression(loss, column, b)
    value, gradient = problem.value_and_gradient(x)
    assert np.exp(problem.value_and_gradient(x, scaled=True)[2], dtype=np.longdouble) > np.finfo(float).max

    def exact(y):
        return oracle.half_square(oracle.residual(loss, [oracle.exact(column) @ y], [oracle.exact(b)]))

    with mpmath.workdps(oracle.DIGITS):
        assert oracle.relative_error([value], [exact(oracle.exact(x))]) <= RELATIVE
    assert oracle.relative_error(gradient, oracle.gradient(exact, oracle.exact(x))) <= RELATIVE


@pytest.mark.parametrize("loss", [loss for loss in oracle.LOSSES if not loss.startswith("normalized")])
def test_too_large_is_infinite_and_never_nan(loss):
    value, gradient = VectorRegression(loss, A, B).value_and_gradient(8000.0 * DIRECTION)
    assert value == np.inf
    assert not np.any(np.isnan(gradient))
    with pytest.raises(OverflowError, match="scaled=True"):
        VectorRegression(loss, A, B).hessian(8000.0 * DIRECTION)


@pytest.mark.parametrize("loss", RESCALED)
def test_a_scaled_hessian_carries_its_scale(loss):
    problem, x = VectorRegression(loss, A, B), 160.0 * DIRECTION  # beyond what is small enough to need no scale
    scaled, plain = problem.hessian(x, scaled=True), problem.hessian(x)
    assert plain.log_scale == 0.0
    assert scaled.log_scale != 0.0
    np.testing.assert_allclose(np.exp(scaled.log_scale) * scaled.to_dense(), plain.to_dense(), rtol=1e-13)
    far = problem.hessian(8000.0 * DIRECTION, scaled=True)
    assert np.all(np.isfinite(far.to_dense()))


def test_the_common_scale_is_the_largest_of_all_rows():
    problem = AttentionRegression("rescaled-exp", np.array([[1.0], [700.0]]), np.array([[1.0], [0.5]]), np.eye(2))
    value, gradient, log_scale = problem.value_and_gradient([[1.0]], scaled=True)
    assert log_scale == 1400.0
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize(
    ("number", "log_scale", "expected"),
    [
        (0.0, 5000.0, 0.0),
        (1.0, -5000.0, 0.0),
        (1e-300, 1380.0, np.exp(690.0) * 1e-300 * np.exp(690.0)),
        (1.0, 1e4, np.inf),
    ],
)
def test_unscale_overflows_only_where_the_product_does(number, log_scale, expected):
    assert unscale(np.array(number), log_scale) == pytest.approx(expected, rel=1e-14)


DTYPES = [
    (np.float64, np.float64, np.float64),
    (np.float32, np.float32, np.float32),
    (np.float16, np.float16, np.float32),
    (np.float16, np.float32, np.float32),
    (np.float32, np.float64, np.float64),
    (np.int64, np.int64, np.float64),
    (np.int8, np.float32, np.float64),
]


@pytest.mark.parametrize(("first", "second", "expected"), DTYPES)
def test_the_dtype_is_the_common_one_and_at_least_float32(first, second, expected):
    problem = VectorRegression("normalized-exp", A.astype(first), B.astype(second))
    value, gradient = problem.value_and_gradient(DIRECTION)
    assert problem.dtype == expected
    assert gradient.dtype == expected
    assert problem.hessian(DIRECTION).to_dense().dtype == expected
    assert problem.predict(DIRECTION).dtype == expected
    assert isinstance(value, float)


@pytest.mark.parametrize("loss", oracle.LOSSES)
def test_float32_agrees_with_float64_to_its_precision(loss):
    x = 4 * DIRECTION
    single = VectorRegression(loss, A.astype(np.float32), B.astype(np.float32)).value_and_gradient(x)
    double = VectorRegression(loss, A, B).value_and_gradient(x)
    assert single[0] == pytest.approx(double[0], rel=2e-6)
    np.testing.assert_allclose(single[1], double[1], rtol=2e-5, atol=2e-6 * np.abs(double[1]).max())


def test_a_vanishing_total_is_an_error_with_value_row_and_remedy():
    Z = np.array([[1.0, 2.0], [3.0, -3.0]])
    problem = AttentionRegression("normalized-sinh", Z, np.eye(2), np.full((2, 2), 0.5))
    match = r"alpha of row 1 of prompt 0 is 0 times the sum of its absolute terms; move x, or choose a rescaled loss"
    for request in (problem.value, problem.gradient, problem.hessian, problem.gauss_newton, problem.predict):
        with pytest.raises(OutsideDomain, match=match):
            request(np.eye(2))
    assert np.isfinite(problem.value([[1.0, 0.0], [0.0, 0.5]]))


def test_a_masked_entry_does_not_count_in_a_vanishing_total():
    problem = AttentionRegression("normalized-sinh", [[1.0]], [[1.0], [-1.0]], [[1.0, 0.0]], mask=[[True, False]])
    assert problem.value([[1.0]]) == 0.0
