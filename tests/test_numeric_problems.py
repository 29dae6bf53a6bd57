"""Values, gradients and Hessians of every loss and form against 50-digit references."""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from unittest.mock import Mock

import mpmath
import numeric_oracle as oracle
import numpy as np
import pytest

from numeric import AttentionRegression, OutsideDomain, VectorRegression, kernel, loss_names

RELATIVE = 1e-12
"""The accuracy that the project promises, on instances without severe cancellation."""
SAME = 1e-14
"""The same sum of squares, where it may be added up in another order."""


@dataclass(frozen=True)
class Case:
    """A problem, a point, and the same residual written out in mpmath."""

    problem: Any
    x: Any
    residual: Any

    def value(self, x: Any) -> Any:
        return oracle.half_square(self.residual(x))


def vector(loss: str, rng: np.random.Generator, weights: bool = False, k: int = 0) -> Case:
    A, shape = rng.normal(size=(5, 2)), ((k, 5) if k else (5,))
    b, w = rng.dirichlet(np.ones(5), size=k or None), rng.uniform(0.2, 2, 5) if weights else None
    assert b.shape == shape
    mA, mb = oracle.exact(A), oracle.exact(np.atleast_2d(b))
    mw = None if w is None else [oracle.exact(w)] * len(mb)
    x = rng.normal(size=(k, 2) if k else 2)

    def residual(x: Any) -> list[Any]:
        return oracle.residual(loss, x.reshape(-1, 2) @ mA.T, mb, mw)

    return Case(VectorRegression(loss, A, b, w=w), x, residual)


def prompts(
    loss: str, rng: np.random.Generator, rows: tuple[tuple[int, int], ...], weights: bool, masked: bool
) -> Case:
    A1, A2 = [rng.normal(size=(n1, 2)) for n1, _ in rows], [rng.normal(size=(n2, 2)) for _, n2 in rows]
    B = [rng.dirichlet(np.ones(n2), n1) for n1, n2 in rows]
    w = [rng.uniform(0.2, 2, shape) for shape in rows] if weights else None
    mask = [rng.random(shape) < 0.7 for shape in rows] if masked else None
    for m in mask or []:
        m[:, 0] = True
    exact = [[oracle.exact(a) for a in arrays] for arrays in (A1, A2, B, w or [])]

    def residual(X: Any) -> list[Any]:
        out: list[Any] = []
        for i in range(len(rows)):
            Z = exact[0][i] @ X @ exact[1][i].T
            out += oracle.residual(loss, Z, exact[2][i], exact[3][i] if w else None, mask[i] if mask else None)
        return out

    arguments = [A1, A2, B, w, mask]
    if len(rows) == 1:
        arguments = [array and array[0] for array in arguments]
    return Case(AttentionRegression(loss, *arguments), rng.normal(size=(2, 2)), residual)


FORMS = {
    "vector": lambda loss, rng: vector(loss, rng),
    "vector, weights": lambda loss, rng: vector(loss, rng, weights=True),
    "two problems": lambda loss, rng: vector(loss, rng, weights=True, k=2),
    "matrix": lambda loss, rng: prompts(loss, rng, ((3, 4),), False, False),
    "matrix, weights, mask": lambda loss, rng: prompts(loss, rng, ((4, 3),), True, True),
    "ragged prompts, weights, masks": lambda loss, rng: prompts(loss, rng, ((2, 3), (3, 2)), True, True),
}


def test_the_nine_losses_have_kernels():
    assert set(oracle.LOSSES) <= set(loss_names())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("loss", oracle.LOSSES)
def test_value_gradient_and_hessians_agree_with_fifty_digits(loss, form):
    case = FORMS[form](loss, np.random.default_rng(len(form)))
    value, gradient = case.problem.value_and_gradient(case.x)
    x = oracle.exact(case.x)
    with mpmath.workdps(oracle.DIGITS):
        reference = case.value(x)
        J = oracle.jacobian(case.residual, x)
        gauss_newton = J.T @ J
    assert oracle.relative_error([value], [reference]) <= RELATIVE
    assert oracle.relative_error(gradient, oracle.gradient(case.value, x)) <= RELATIVE
    hessian = oracle.hessian(case.value, x)
    dense = case.problem.hessian(case.x).to_dense()
    assert oracle.relative_error(dense, hessian) <= RELATIVE
    assert oracle.relative_error(case.problem.gauss_newton(case.x).to_dense(), gauss_newton) <= RELATIVE


def stream(problem: Any, read: Counter[str] | None = None) -> VectorRegression:
    """A vector problem with its A in two blocks; each read is counted."""
    form, counter = problem.forms[0], Counter[str]() if read is None else read

    def blocks():
        counter["reads"] += 1
        return iter(np.split(form.A, [2]))

    return VectorRegression(problem.loss.NAME, blocks, form.target, w=form.weights)


@pytest.mark.parametrize("size", [1, 300], ids=["small", "shifted"])
@pytest.mark.parametrize("form", [*FORMS, "stream", "stream of two problems"])
@pytest.mark.parametrize("loss", oracle.LOSSES)
def test_a_value_alone_is_that_of_value_and_gradient(loss, form, size):
    streamed = {"stream": "vector, weights", "stream of two problems": "two problems"}
    case = FORMS[streamed.get(form, form)](loss, np.random.default_rng(len(form)))
    problem = stream(case.problem) if form in streamed else case.problem
    x = size * case.x / problem.at(case.x).largest_entry
    alone = problem.at(x).value
    value, _, log_scale = problem.value_and_gradient(x, scaled=True)
    assert alone.log_scale == log_scale
    assert abs(alone.value - value) <= SAME * abs(value)
    expected = problem.value_and_gradient(x)[0]
    assert problem.value(x) == pytest.approx(expected, rel=SAME)
    after = problem.at(x)
    assert after.first_order.value == value == after.value.value


def test_a_value_alone_forms_no_gradient(monkeypatch):
    rng = np.random.default_rng(10)
    for case in (FORMS["matrix"]("normalized-exp", rng), FORMS["vector"]("normalized-exp", rng)):
        alone, whole = (Mock(wraps=getattr(case.problem.loss, name)) for name in ("value", "value_and_gradient"))
        monkeypatch.setattr(case.problem.loss, "value", alone)
        monkeypatch.setattr(case.problem.loss, "value_and_gradient", whole)
        functions = case.problem.scipy_functions()
        case.problem.value(case.x)
        functions["fun"](case.x.ravel())
        assert (alone.call_count, whole.call_count) == (2, 0)
        # Whoever asks for gradients will ask for one at the next point too.
        functions["jac"](case.x.ravel())
        functions["fun"](2 * case.x.ravel())
        functions["jac"](2 * case.x.ravel())
        assert (alone.call_count, whole.call_count) == (2, 2)
        monkeypatch.undo()


@pytest.mark.parametrize(("loss", "reads"), [("plain-exp", 1), ("normalized-sinh", 2), ("rescaled-cosh", 2)])
def test_a_stream_reads_once_more_for_a_gradient_after_a_value(loss, reads):
    case, read = FORMS["two problems"](loss, np.random.default_rng(11)), Counter[str]()
    problem = stream(case.problem, read)
    expected = problem.at(case.x).first_order
    before = read["reads"]
    point = problem.at(case.x)
    value = point.value
    assert read["reads"] == before + reads
    assert point.first_order.value == value.value == expected.value
    np.testing.assert_array_equal(point.first_order.gradient, expected.gradient)
    assert read["reads"] == before + reads + 1
    # A Hessian needs the totals alone.
    np.testing.assert_allclose(problem.hessian(case.x).to_dense(), case.problem.hessian(case.x).to_dense(), rtol=1e-11)


def test_a_value_alone_leaves_the_domain_and_the_range_of_floats_as_value_and_gradient_do():
    rows, b = np.array([[1.0, 0.5], [-1.0, -0.5], [0.0, 0.0]]), np.full(3, 1 / 3)
    dense = VectorRegression("normalized-sinh", rows, b)
    matrix = AttentionRegression("normalized-sinh", np.eye(2), rows, np.stack([b, b]))
    for problem in (dense, stream(dense), matrix):
        for function in (problem.value, problem.value_and_gradient):
            with pytest.raises(OutsideDomain, match="alpha of row 0"):
                function(np.ones(problem.x_shape))
    plain = VectorRegression("plain-cosh", rows, b)
    prompts = AttentionRegression("plain-exp", [rows, rows[:2]], [rows, rows], [np.eye(3), np.eye(2, 3)])
    for problem in (plain, stream(plain), prompts):
        x = np.full(problem.x_shape, 1e3)
        assert problem.value(x) == problem.value_and_gradient(x)[0] == np.inf
    # The entries themselves overflow, and the loss of infinite entries is not a number.
    huge = VectorRegression("rescaled-exp", 1e200 * rows, b)
    for problem in (huge, stream(huge)):
        assert problem.value([1e200, 0.0]) == problem.value_and_gradient([1e200, 0.0])[0] == np.inf


@pytest.mark.parametrize("loss", oracle.LOSSES)
def test_predict_is_the_zero_of_the_residual(loss):
    case = FORMS["matrix"](loss, np.random.default_rng(1))
    A1, A2 = case.problem.forms[0].factors
    model = case.problem.predict(case.x)
    fitted = AttentionRegression(loss, A1, A2, model)
    scale = case.problem.value(case.x)
    assert fitted.value(case.x) <= 1e-28 * max(1.0, scale)
    assert model.shape == (3, 4)


def test_predict_of_prompts_is_a_list_and_of_k_problems_an_array():
    rng = np.random.default_rng(2)
    ragged = FORMS["ragged prompts, weights, masks"]("normalized-exp", rng)
    assert [model.shape for model in ragged.problem.predict(ragged.x)] == [(2, 3), (3, 2)]
    several = vector("normalized-exp", rng, k=3)
    assert several.problem.predict(several.x).shape == (3, 5)
    np.testing.assert_allclose(several.problem.predict(several.x).sum(axis=-1), 1.0, rtol=1e-14)


def test_scipy_functions_are_the_same_numbers_on_flat_x():
    case = FORMS["matrix, weights, mask"]("rescaled-cosh", np.random.default_rng(3))
    functions, flat = case.problem.scipy_functions(), case.x.ravel()
    value, gradient = case.problem.value_and_gradient(case.x)
    dense = case.problem.hessian(case.x).to_dense()
    v = np.arange(1.0, 5.0)
    assert set(functions) == {"fun", "jac", "hess", "hessp"}
    assert functions["fun"](flat) == value == case.problem.value(case.x)
    np.testing.assert_array_equal(functions["jac"](flat), gradient.ravel())
    np.testing.assert_allclose(functions["hess"](flat), dense, rtol=1e-14)
    np.testing.assert_allclose(functions["hessp"](flat, v), dense @ v, rtol=1e-12)
    assert functions["fun"](2 * flat) == case.problem.value(2 * case.x)


def test_hessian_product_takes_both_shapes():
    case = FORMS["matrix"]("normalized-cosh", np.random.default_rng(4))
    V = np.arange(4.0).reshape(2, 2)
    product = case.problem.hessian_product(case.x, V)
    assert product.shape == (2, 2)
    np.testing.assert_allclose(product.ravel(), case.problem.hessian_product(case.x, V.ravel()), rtol=1e-14)


def test_intercept_appends_ones_last():
    rng = np.random.default_rng(5)
    A1, A2, B = rng.normal(size=(4, 2)), rng.normal(size=(3, 2)), rng.dirichlet(np.ones(3), 4)
    X = rng.normal(size=(3, 3))
    ones = [np.column_stack([A, np.ones(len(A))]) for A in (A1, A2)]
    problem = AttentionRegression("rescaled-exp", A1, A2, B, intercept=True)
    assert problem.x_shape == (3, 3)
    assert problem.value(X) == AttentionRegression("rescaled-exp", *ones, B).value(X)


def test_the_row_major_convention_of_vec():
    rng = np.random.default_rng(6)
    A1, A2, X = rng.normal(size=(3, 2)), rng.normal(size=(4, 3)), rng.normal(size=(2, 3))
    problem = AttentionRegression("plain-exp", A1, A2, np.zeros((3, 4)))
    z = problem.forms[0].forward(X)
    np.testing.assert_allclose(z.ravel(), np.kron(A1, A2) @ X.ravel(), rtol=1e-13)


def test_a_point_computes_shared_work_once():
    case = FORMS["matrix"]("normalized-exp", np.random.default_rng(7))
    point = case.problem.at(case.x)
    assert point.first_order is point.first_order
    assert point.hessian is point.hessian


def test_x_of_another_shape_or_not_finite_is_refused():
    problem = FORMS["matrix"]("normalized-exp", np.random.default_rng(8)).problem
    with pytest.raises(ValueError, match=r"x: got shape \(4,\), but the problem asks for \(2, 2\)"):
        problem.value(np.zeros(4))
    with pytest.raises(ValueError, match=r"x: 1 of 4 entries are NaN or infinite, the first is x\[1, 0\] = nan"):
        problem.value([[0.0, 0.0], [np.nan, 0.0]])


def test_an_unknown_loss_is_refused_with_the_names():
    with pytest.raises(ValueError, match=r"no kernel for the loss 'softmax'.*normalized-exp"):
        kernel("softmax")


def test_reprs_say_what_the_problem_is():
    case = FORMS["ragged prompts, weights, masks"]("rescaled-exp", np.random.default_rng(9))
    assert repr(case.problem) == (
        "AttentionRegression('rescaled-exp', B 2 prompts of 2 x 3, 3 x 2, X (2, 2), regularized, masked, float64)"
    )
