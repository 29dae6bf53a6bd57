"""Row blocks: however Z and A are cut, and whatever a mask drops, the numbers are those of the whole."""

import tracemalloc
from unittest.mock import Mock

import mpmath
import numeric_oracle as oracle
import numpy as np
import pytest

from numeric import AttentionRegression, OutsideDomain, VectorRegression
from numeric.forms import layout, matrix_hessian, vector
from numeric.forms.gram import WeightedGram
from numeric.forms.layout import row_blocks

RELATIVE = 1e-12
"""The accuracy that the project promises, on instances without severe cancellation."""
REORDERED = 1e-12
"""Sums of the same terms in another order, relative to the largest entry."""
SHAPE = (23, 17)
LOSSES = ("normalized-exp", "rescaled-cosh", "plain-sinh")


def masks(shape):
    """One mask of each kind; each row keeps its first or its diagonal entry."""
    n1, n2 = shape
    rows, columns = np.arange(n1)[:, None], np.arange(n2)[None, :]
    scattered = np.random.default_rng(0).random(shape) < 0.3
    scattered[np.arange(n1), np.arange(n1) % n2] = True
    return {
        "none": None,
        "causal": columns <= rows,
        "padding": np.broadcast_to((columns >= 2) & (columns < n2 - 3), shape),
        "random": scattered,
        "block diagonal": rows * n2 // n1 // 4 == columns // 4,
        "two entries in each row": (columns == (7 * rows) % n2) | (columns == (7 * rows + 3) % n2),
    }


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of two to five rows of Z, and of three rows of A."""
    for name, value in (("BLOCK_ENTRIES", 60), ("FEWEST_ROWS", 2), ("MOST_ROWS", 5)):
        monkeypatch.setattr(layout, name, value)
    monkeypatch.setattr(vector, "BLOCK_ENTRIES", 6)


def arrays(shape=SHAPE, d=2, seed=1):
    rng = np.random.default_rng(seed)
    n1, n2 = shape
    A1, A2 = rng.normal(size=(n1, d)), rng.normal(size=(n2, d))
    return A1, A2, rng.dirichlet(np.ones(n2), n1), rng.uniform(0.2, 2, shape), rng.normal(size=(d, d))


def derivatives(value, x, v):
    """Value, gradient, and the derivative of the gradient along v, by differences at 110 digits."""
    with mpmath.workdps(oracle.DIGITS):
        step = oracle.H * oracle.exact(v)
        along = (oracle.gradient(value, x + step) - oracle.gradient(value, x - step)) / (2 * oracle.H)
        return value(x), oracle.gradient(value, x), along


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("kind", masks(SHAPE))
@pytest.mark.parametrize("loss", LOSSES)
def test_small_blocks_agree_with_fifty_digits(loss, kind, weighted, small_blocks):
    A1, A2, B, w, X = arrays()
    mask, w = masks(SHAPE)[kind], w if weighted else None
    problem = AttentionRegression(loss, A1, A2, B, w=w, mask=mask)
    assert len(problem.forms[0].blocks) > 4
    left, right, target = (oracle.exact(array) for array in (A1, A2, B))
    weights = None if w is None else oracle.exact(w)

    def exact(x):
        return oracle.half_square(oracle.residual(loss, left @ x @ right.T, target, weights, mask))

    V = np.array([[1.0, -2.0], [0.5, 3.0]])
    value, gradient, along = derivatives(exact, oracle.exact(X), V)
    got_value, got_gradient = problem.value_and_gradient(X)
    H = problem.hessian(X)
    scale = max(abs(entry) for entry in along.ravel())
    assert oracle.relative_error([got_value], [value]) <= RELATIVE
    assert oracle.relative_error(got_gradient, gradient) <= RELATIVE
    for product in (H @ V, (H.to_dense() @ V.ravel()).reshape(V.shape)):
        assert max(abs(entry) for entry in (oracle.exact(product) - along).ravel()) <= RELATIVE * scale


@pytest.mark.parametrize("request_", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("kind", masks(SHAPE))
def test_products_dense_and_diagonal_agree_for_ragged_prompts(kind, request_, small_blocks):
    first, second = arrays(), arrays((9, 31), seed=2)
    lists = [list(pair) for pair in zip(first[:4], second[:4], strict=True)]
    mask = [np.ones(SHAPE, bool) if masks(SHAPE)[kind] is None else masks(SHAPE)[kind], np.ones((9, 31), bool)]
    problem = AttentionRegression("rescaled-exp", *lists, mask=mask)
    H = getattr(problem, request_)(first[4])
    dense = H.to_dense()
    tolerance = REORDERED * np.abs(dense).max()
    np.testing.assert_allclose(H @ np.eye(4), dense, atol=tolerance)
    np.testing.assert_allclose(H.diagonal(), np.diag(dense), atol=tolerance)
    np.testing.assert_array_equal(dense, dense.T)
    low, high = H.eigenvalue_bounds()
    eigenvalues = np.linalg.eigvalsh(dense)
    assert low - tolerance <= eigenvalues[0]
    assert eigenvalues[-1] <= high + tolerance


def test_a_diagonal_that_is_not_kept_gives_the_same_product(monkeypatch, small_blocks):
    A1, A2, B, w, X = arrays()
    problem = AttentionRegression("normalized-cosh", A1, A2, B, w=w, mask=masks(SHAPE)["causal"])
    V = np.ones_like(X)
    kept, dense = problem.hessian(X) @ V, problem.hessian(X).to_dense()
    monkeypatch.setattr(matrix_hessian, "KEPT_BYTES", 0)
    monkeypatch.setattr(matrix_hessian, "PAIR_ENTRIES", 20)
    again = problem.hessian(X)
    np.testing.assert_allclose(again @ V, kept, rtol=1e-14)
    np.testing.assert_allclose(again @ V, kept, rtol=1e-14)
    np.testing.assert_allclose(again.to_dense(), dense, rtol=1e-13, atol=1e-14 * np.abs(dense).max())


@pytest.mark.parametrize("size", [1, 300], ids=["small", "shifted"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("request_", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("loss", ["normalized-exp", "normalized-sinh", "rescaled-exp", "rescaled-cosh"])
def test_the_first_product_is_the_second_one(loss, request_, weighted, size, small_blocks):
    """The first is made in one pass and nothing is kept, later ones from what is kept; both as the dense matrix."""
    A1, A2, B, w, X = arrays()
    X = size * X / np.abs(A1 @ X @ A2.T).max()
    V = np.random.default_rng(5).normal(size=X.shape)
    rows = np.stack([A2 @ V[0], A2 @ V[1]])
    problems = [
        (AttentionRegression(loss, A1, A2, B, w=w if weighted else None, mask=masks(SHAPE)["causal"]), X, V),
        (VectorRegression(loss, A2, B[0], w=w[0] if weighted else None), size * X[0] / np.abs(A2 @ X[0]).max(), V[0]),
        (VectorRegression(loss, A2, B[:2], w=w[0] if weighted else None), X, V),
    ]
    for problem, x, v in problems:
        H = getattr(problem, request_)(x, scaled=True)
        assert H.log_scale == problem.value_and_gradient(x, scaled=True)[2]
        first, second, dense = H @ v, H @ v, (H.to_dense() @ v.ravel()).reshape(v.shape)
        # Near one-hot rows cancel: what is left is as exact as the terms are.
        tolerance = REORDERED * H.forms[0].terms() * np.linalg.norm(A1) * np.linalg.norm(A2) * np.abs(rows).max()
        np.testing.assert_allclose(first, dense, rtol=0, atol=tolerance)
        np.testing.assert_allclose(second, dense, rtol=0, atol=tolerance)


def test_a_single_product_forms_no_diagonal(monkeypatch):
    """Neither D nor A2^T U is worth its memory for one product; from the second product on they are."""
    A1, A2, B, _, X = arrays()
    for problem, x in (
        (AttentionRegression("normalized-exp", A1, A2, B), X),
        (VectorRegression("normalized-exp", A2, B[0]), X[0]),
    ):
        pieces = Mock(wraps=problem.loss.hessian)
        monkeypatch.setattr(problem.loss, "hessian", pieces)
        H = problem.hessian(x)
        for count in (0, 1, 1):
            H @ x
            assert pieces.call_count == count
        monkeypatch.undo()


@pytest.mark.parametrize("kind", masks(SHAPE))
@pytest.mark.parametrize("loss", LOSSES)
def test_float32_stays_float32(loss, kind, small_blocks):
    single = [array.astype(np.float32) for array in arrays()]
    double = [array.astype(float) for array in single]
    results = []
    for A1, A2, B, w, X in (single, double):
        problem = AttentionRegression(loss, A1, A2, B, w=w, mask=masks(SHAPE)[kind])
        results.append((problem.value(X), problem.gradient(X), problem.hessian(X).to_dense(), problem.predict(X)))
    assert all(got.dtype == np.float32 for got in results[0][1:])
    for got, expected in zip(*results, strict=True):
        # A few hundred roundings of 6e-8 each.
        np.testing.assert_allclose(got, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("k", [None, 3])
@pytest.mark.parametrize("loss", [*LOSSES, "normalized-sinh"])
def test_the_vector_form_in_blocks_is_a_sum_over_rows(loss, k, small_blocks):
    rng = np.random.default_rng(3)
    A, w = rng.normal(size=(20, 2)), rng.uniform(0.5, 1, 20)
    b, x = rng.dirichlet(np.ones(20), k), rng.normal(size=(k, 2) if k else 2)
    whole = VectorRegression(loss, A, b, w=w)
    H, (value, gradient) = whole.hessian(x), whole.value_and_gradient(x)
    exact_value = mpmath.mpf(0)
    problems = [VectorRegression(loss, A, *pair, w=w) for pair in zip(np.atleast_2d(b), strict=True)]
    rows = [oracle.exact(row) for row in np.atleast_2d(x)]
    for i, (problem, row) in enumerate(zip(problems, rows, strict=True)):

        def exact(y, problem=problem):
            target, weights = oracle.exact(problem.forms[0].target), oracle.exact(w)
            return oracle.half_square(oracle.residual(loss, [oracle.exact(A) @ y], [target], [weights]))

        with mpmath.workdps(oracle.DIGITS):
            exact_value += exact(row)
        assert oracle.relative_error(np.atleast_2d(gradient)[i], oracle.gradient(exact, row)) <= RELATIVE
        block = H.to_dense()[2 * i : 2 * i + 2, 2 * i : 2 * i + 2]
        assert oracle.relative_error(block, oracle.hessian(exact, row)) <= RELATIVE
    assert oracle.relative_error([value], [exact_value]) <= RELATIVE
    np.testing.assert_allclose(H @ np.eye(x.size), H.to_dense(), atol=REORDERED * np.abs(H.to_dense()).max())
    np.testing.assert_allclose(H.diagonal(), np.diag(H.to_dense()), rtol=1e-12)


def test_value_and_gradient_need_memory_for_factors_and_blocks_only():
    n, d = 2000, 16
    A1, A2, _, _, X = arrays((n, 2), d)
    A2 = np.random.default_rng(4).normal(size=(n, d))
    problem = AttentionRegression("normalized-exp", A1 / d, A2, np.full((n, n), 1 / n))
    tracemalloc.start()
    try:
        problem.value_and_gradient(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Two blocks of Z and a few arrays like A1; Z alone takes 32 MB.
    assert peak <= 2 * 8 * layout.BLOCK_ENTRIES + 6 * 8 * n * d


def test_a_vanished_total_of_the_vector_form_is_an_error_before_any_product(small_blocks):
    for b in ([0.5, 0.5], [[0.5, 0.5], [0.25, 0.75]]):
        problem = VectorRegression("normalized-sinh", np.eye(2), b)
        x = np.broadcast_to([3.0, -3.0], problem.x_shape)
        with pytest.raises(OutsideDomain, match="alpha of row 0 is 0 times"):
            problem.hessian(x)


@pytest.mark.parametrize("d", [3, 40])
def test_weighted_gram_matrices_are_symmetric_and_those_of_the_definition(d):
    """Narrow and wide blocks, weights of both signs and of one, more rows than are scaled at once."""
    rng = np.random.default_rng(6)
    for D in (rng.normal(size=3000), -rng.random(3000)):
        A = rng.normal(size=(3000, d))
        total = WeightedGram(d, A.dtype)
        for rows in (slice(0, 2900), slice(2900, 3000)):
            total.add(A[rows], D[rows])
        exact = np.einsum("ip,i,iq->pq", *(a.astype(np.longdouble) for a in (A, D, A)))
        np.testing.assert_array_equal(total.matrix(), total.matrix().T)
        # A sum of 3000 terms of either sign, relative to the sum of their sizes.
        np.testing.assert_allclose(total.matrix(), exact.astype(float), atol=1e-14 * np.abs(D).sum())


@pytest.mark.parametrize("kind", masks((97, 61)))
@pytest.mark.parametrize("entries", [40, 600, 1 << 17])
def test_blocks_hold_each_kept_entry_once_and_say_what_is_dropped(kind, entries, monkeypatch):
    monkeypatch.setattr(layout, "BLOCK_ENTRIES", entries)
    mask = masks((97, 61))[kind]
    kept = np.zeros((97, 61), int)
    end = 0
    for block in row_blocks((97, 61), mask):
        assert block.rows.start == end
        end = block.rows.stop
        part = np.ones(block.shape, int)
        if block.dropped is not None:
            columns, dropped = block.dropped
            part[:, columns] = -dropped
        kept[block.rows, block.columns] += part
    assert end == 97
    np.testing.assert_array_equal(kept, 1 if mask is None else mask)


def test_blocks_of_packed_sequences_are_cropped_to_each():
    lengths = [40, 35, 60, 45]
    number = np.repeat(np.arange(4), lengths)
    blocks = row_blocks((180, 180), number[:, None] == number)
    assert sum(np.prod(block.shape) for block in blocks) == sum(length**2 for length in lengths)
    assert all(block.dropped is None for block in blocks)


def test_a_vanished_total_in_a_later_block_is_named(small_blocks):
    Z = np.tile([1.0, 2.0], (12, 1))
    Z[9] = [3.0, -3.0]
    problem = AttentionRegression("normalized-sinh", Z, np.eye(2), np.full((12, 2), 0.5))
    with pytest.raises(OutsideDomain, match="alpha of row 9 of prompt 0 is 0 times"):
        problem.hessian(np.eye(2))


def test_rows_of_very_different_scales_meet_on_the_largest(small_blocks):
    A1, A2 = np.array([[1.0], [900.0], [2.0], [-400.0], [0.0]]), np.array([[1.0], [0.5], [0.25]])
    B, w = np.full((5, 3), 0.25), np.ones((5, 3))
    value, gradient, log_scale = AttentionRegression("rescaled-exp", A1, A2, B, w=w).value_and_gradient(
        [[1.0]], scaled=True
    )
    left, right = oracle.exact(A1), oracle.exact(A2)

    def exact(x):
        residual = oracle.residual("rescaled-exp", left @ x @ right.T, oracle.exact(B), oracle.exact(w))
        return oracle.half_square(residual)

    with mpmath.workdps(oracle.DIGITS):
        factor = mpmath.exp(-mpmath.mpf(log_scale))
        x = oracle.exact([[1.0]])
        assert log_scale == 1800.0
        assert oracle.relative_error([value], [exact(x) * factor]) <= RELATIVE
        assert oracle.relative_error(gradient, oracle.gradient(exact, x) * factor) <= RELATIVE
