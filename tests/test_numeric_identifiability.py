"""Ranks and null directions against the dense matrix of what the loss sees; symmetries by evaluation; real data."""

import numpy as np
import pytest

from numeric import AttentionRegression, InputError, VectorRegression, loss_names, solve
from numeric.analysis.identifiability import identifiability, is_determined
from numeric.analysis.nullspace import LARGEST_CORE, Margin
from numeric.whitening import whiten

RTOL = 1e-10
"""The factors have condition numbers below 100; projections lose a few digits to it."""
UNCHANGED = 1e-12
"""Values and predictions along null directions, relative to numbers of order 1."""
RNG = np.random.default_rng(11)


def seen(A1, A2, mask=None, centred=True):
    """The dense matrix of vec(X) -> what the loss sees of each row: kept entries, without their mean if centred."""
    rows = []
    for j, a in enumerate(A1):
        kept = A2 if mask is None else A2[mask[j]]
        free = centred if np.ndim(centred) == 0 else centred[j]
        rows.append(np.kron(a[None], kept - kept.mean(axis=0) if free else kept))
    return np.concatenate(rows)


@pytest.mark.parametrize("change", [0.0, 1e-12, 1e-4, 1.0])
def test_orthonormal_columns_are_split_as_by_singular_values(change):
    # The last column goes over to the first one: orthonormal, nearly so, and at 1 of rank 3.
    matrix = np.linalg.qr(np.random.default_rng(3).normal(size=(9, 4)))[0]
    matrix[:, 3] += change * (matrix[:, 0] - matrix[:, 3])
    margin, S = Margin(), np.linalg.svd(matrix, compute_uv=False)
    row_space, kernel = margin.split(matrix, 1.0)
    rank = 4 - (change == 1.0)
    assert (row_space.shape, kernel.shape) == ((4, rank), (4, 4 - rank))
    np.testing.assert_allclose(np.hstack([row_space, kernel]) @ np.hstack([row_space, kernel]).T, np.eye(4), atol=RTOL)
    np.testing.assert_allclose(matrix @ kernel, 0.0, atol=RTOL)
    assert margin.smallest == pytest.approx(S[rank - 1] / (16.0 * 9 * np.finfo(float).eps), rel=1e-7)


def low_rank(n, d, rank):
    return RNG.normal(size=(n, rank)) @ RNG.normal(size=(rank, d))


def random_mask(n1, n2, share):
    mask = RNG.random((n1, n2)) < share
    mask[np.arange(n1), RNG.integers(n2, size=n1)] = True
    return mask


def problem_of(prompts, loss="normalized-exp"):
    """A problem of prompts (A1, A2, mask, w), with what its loss sees as a dense matrix."""
    A1, A2, masks, weights = zip(*prompts, strict=True)
    B = [np.full((len(a), len(c)), 0.5 / len(c)) for a, c in zip(A1, A2, strict=True)]
    ones = [np.ones(b.shape, bool) if mask is None else mask for mask, b in zip(masks, B, strict=True)]
    zeros = [np.zeros(b.shape) if w is None else w for w, b in zip(weights, B, strict=True)]
    options = {"mask": ones} if any(mask is not None for mask in masks) else {}
    options |= {"w": zeros} if any(w is not None for w in weights) else {}
    problem = AttentionRegression(loss, list(A1), list(A2), B, **options)
    free = [~np.any(w * mask, axis=1) & (loss == "normalized-exp") for w, mask in zip(zeros, ones, strict=True)]
    dense = np.concatenate([seen(*parts) for parts in zip(A1, A2, ones, free, strict=True)])
    return problem, dense


def causal(n1, n2):
    return np.tril(np.ones((n1, n2), bool))


def some_weights(n1, n2):
    """Weights in half of the rows; a row with a single weight is pinned as a whole."""
    w = np.zeros((n1, n2))
    w[: n1 // 2, 0] = 1.0
    return w


E = np.eye(4)
OBLIQUE = RNG.normal(size=(4, 4))
NORMAL = RNG.normal(size=(6, 4))
CASES = {
    "one prompt": [(RNG.normal(size=(6, 3)), RNG.normal(size=(7, 4)), None, None)],
    "dependent columns": [(low_rank(6, 4, 2), low_rank(7, 5, 3), None, None)],
    "more columns than rows": [(RNG.normal(size=(3, 6)), RNG.normal(size=(4, 7)), None, None)],
    "a column of ones": [(RNG.normal(size=(6, 3)), np.column_stack([RNG.normal(size=(7, 3)), np.ones(7)]), None, None)],
    "two prompts see the corners": [(E[:1], E[:2], None, None), (E[1:2], E[2:], None, None)],
    "prompts of low rank": [(low_rank(5, 6, 2), low_rank(6, 5, 2), None, None) for _ in range(3)],
    "many prompts of low rank": [(low_rank(5, 6, 2), low_rank(6, 5, 2), None, None) for _ in range(5)],
    "prompts of low rank, one of all columns": [
        (low_rank(5, 6, 2), low_rank(6, 5, 2), None, None),
        (low_rank(5, 6, 3), RNG.normal(size=(9, 5)), None, None),
    ],
    "prompts of low rank, one of all rows": [
        (low_rank(5, 6, 2), low_rank(6, 5, 2), None, None),
        (RNG.normal(size=(9, 6)), low_rank(8, 5, 2), None, None),
    ],
    "prompts that overlap": [(NORMAL[:2], NORMAL[:3], None, None), (NORMAL[1:4], NORMAL[2:4], None, None)],
    "prompts that each reduction meets": [
        (OBLIQUE[:3, :3], OBLIQUE[:1], None, None),
        (OBLIQUE[:1, :3], OBLIQUE[1:3], None, None),
        (OBLIQUE[1:2, :3], OBLIQUE[2:], None, None),
    ],
    "the same with the sides exchanged": [
        (OBLIQUE[:1], OBLIQUE[:3, :3], None, None),
        (OBLIQUE[1:3], OBLIQUE[:1, :3], None, None),
        (OBLIQUE[2:], OBLIQUE[1:2, :3], None, None),
    ],
    "causal mask": [(RNG.normal(size=(6, 4)), RNG.normal(size=(6, 5)), causal(6, 6), None)],
    "causal mask, more rows": [(RNG.normal(size=(9, 3)), RNG.normal(size=(9, 4)), causal(9, 9), None)],
    "random mask": [(RNG.normal(size=(7, 5)), RNG.normal(size=(6, 5)), random_mask(7, 6, 0.4), None)],
    "random mask, low rank": [(low_rank(8, 5, 3), low_rank(7, 6, 4), random_mask(8, 7, 0.5), None)],
    "random mask, tall": [(RNG.normal(size=(7, 4)), RNG.normal(size=(6, 5)), random_mask(7, 6, 0.4), None)],
    "mask of single entries": [(RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3)), np.eye(4, dtype=bool), None)],
    "equal rows under a mask": [(NORMAL, np.repeat(NORMAL[:3], 2, axis=0), random_mask(6, 6, 0.6), None)],
    "weights in some rows": [(RNG.normal(size=(4, 4)), RNG.normal(size=(3, 5)), None, some_weights(4, 3))],
    "weights and mask": [(NORMAL, NORMAL[:, :3], random_mask(6, 6, 0.5), some_weights(6, 6))],
    "all weights zero": [(NORMAL, NORMAL[:3], None, np.zeros((6, 3)))],
    "nothing is seen": [(NORMAL, np.ones((5, 3)), None, None)],
    "zero factor": [(np.zeros((4, 2)), NORMAL, None, None)],
    "large common mean": [(NORMAL + 1e4, NORMAL[:3] + 1e4, None, None)],
}


def unknowns_of(problem):
    return int(np.prod(problem.x_shape))


@pytest.mark.parametrize("loss", ["normalized-exp", "rescaled-exp"])
@pytest.mark.parametrize("name", CASES)
def test_rank_and_directions_are_those_of_the_dense_matrix(name, loss):
    problem, dense = problem_of(CASES[name], loss)
    found = problem.identifiability()
    # Singular values of centred rows are rounding errors relative to the rows before centring.
    size = max(np.linalg.norm(A1) * np.linalg.norm(A2) for A1, A2, *_ in CASES[name])
    assert found.rank == np.linalg.matrix_rank(dense, tol=1e-13 * size)
    assert found.unknowns == unknowns_of(problem)
    assert found.dimension == unknowns_of(problem) - found.rank
    assert found.bounds == (found.rank, found.rank)
    basis = found.basis().reshape(found.dimension, found.unknowns)
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=RTOL)
    np.testing.assert_allclose(dense @ basis.T, 0.0, atol=RTOL * np.abs(dense).max())
    x = np.random.default_rng(1).normal(size=problem.x_shape)
    expected = np.linalg.pinv(dense, rtol=1e-11) @ dense @ x.ravel()
    np.testing.assert_allclose(found.minimum_norm(x).ravel(), expected, atol=1e4 * RTOL)
    np.testing.assert_allclose(found.minimum_norm(x).ravel(), x.ravel() - basis.T @ (basis @ x.ravel()), atol=RTOL)


@pytest.mark.parametrize("loss", ["normalized-exp", "rescaled-exp"])
@pytest.mark.parametrize("name", CASES)
def test_what_one_look_takes_for_determined_is_determined(name, loss):
    problem, _ = problem_of(CASES[name], loss)
    dimension = problem.identifiability().dimension
    evident = is_determined(whiten(problem))
    assert dimension == 0 or not evident
    # It looks at one prompt, without a mask, that is pinned in each row or free in each.
    ((*_, mask, weights), *others) = CASES[name]
    simple = not others and mask is None and (weights is None or loss != "normalized-exp")
    assert evident == (simple and dimension == 0)


def test_a_vector_of_one_entry_is_not_taken_for_determined():
    whitened = whiten(VectorRegression("normalized-cosh", [[2.0]], [1.0]))
    assert whitened.full_rank
    assert not is_determined(whitened)


def small_problems(loss):
    rng = np.random.default_rng(2)
    B = rng.dirichlet(np.ones(6), 5)
    A1, A2, b = rng.normal(size=(5, 3)), low_rank(6, 3, 2), rng.dirichlet(np.ones(4))
    narrow = np.column_stack([A2[:, :2], np.ones(6)])
    return {
        "vector": VectorRegression(loss, np.column_stack([rng.normal(size=(4, 2)), np.ones(4)]), b),
        "k problems": VectorRegression(loss, low_rank(4, 3, 2), np.stack([b, b[::-1]])),
        "matrix": AttentionRegression(loss, A1, narrow, B),
        "masked": AttentionRegression(loss, A1, A2, B, mask=random_mask(5, 6, 0.6)),
        "single entries": AttentionRegression(loss, A1[:, :2], A2, B, mask=np.eye(5, 6, dtype=bool)),
        "regularized": AttentionRegression(loss, A1, narrow, B, w=some_weights(5, 6)),
        "prompts": AttentionRegression(loss, [E[:1, :2], E[1:2, :2]], [E[:2, :3], E[1:, :3]], [B[:1, :2], B[:1, :3]]),
    }


def all_predictions(problem, x):
    model = problem.predict(x)
    return np.concatenate([np.ravel(part) for part in (model if isinstance(model, list) else [model])])


@pytest.mark.parametrize("name", small_problems("plain-exp"))
@pytest.mark.parametrize("loss", loss_names())
def test_free_directions_change_nothing_and_the_others_change_something(name, loss):
    problem = small_problems(loss)[name]
    found = problem.identifiability()
    x = np.random.default_rng(3).normal(size=problem.x_shape) + 0.5
    value, model = problem.value(x), all_predictions(problem, x)
    for direction in found.basis():
        assert problem.value(x + direction) == pytest.approx(value, rel=UNCHANGED)
        np.testing.assert_allclose(all_predictions(problem, x + direction), model, rtol=1e-11, atol=UNCHANGED)
    other = found.minimum_norm(np.random.default_rng(4).normal(size=problem.x_shape))
    moved = abs(problem.value(x + other) - value) + np.abs(all_predictions(problem, x + other) - model).max()
    assert found.rank == 0 or moved > 1e-6
    assert found.rank > 0 or name == "single entries"


EVEN = {"plain-cosh", "rescaled-cosh", "rescaled-sinh", "normalized-cosh", "normalized-sinh"}


@pytest.mark.parametrize("loss", loss_names())
def test_symmetry_is_that_of_value_and_prediction(loss):
    problem = small_problems(loss)["matrix"]
    found = problem.identifiability()
    x = np.random.default_rng(5).normal(size=problem.x_shape)
    same = np.isclose(problem.value(-x), problem.value(x), rtol=1e-10) and np.allclose(
        all_predictions(problem, -x), all_predictions(problem, x), rtol=1e-10
    )
    assert found.symmetric == same == (loss in EVEN)
    assert found.shift_invariant == (loss == "normalized-exp")


def test_softmax_loses_its_invariance_in_rows_with_weights_only():
    A1, A2 = np.eye(2), np.column_stack([np.arange(3.0), np.ones(3)])
    w = np.array([[0.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    found = AttentionRegression("normalized-exp", A1, A2, np.full((2, 3), 1 / 3), w=w).identifiability()
    assert (found.rank, found.shift_invariant) == (3, True)
    np.testing.assert_allclose(np.abs(found.basis()), [[[0, 1], [0, 0]]], atol=1e-14)
    pinned = AttentionRegression("normalized-exp", A1, A2, np.full((2, 3), 1 / 3), w=np.ones((2, 3))).identifiability()
    assert (pinned.rank, pinned.shift_invariant) == (4, False)


@pytest.mark.parametrize("loss", ["rescaled-exp", "normalized-cosh", "plain-exp"])
def test_a_single_row_with_target_one_is_seen_by_plain_losses_only(loss):
    found = VectorRegression(loss, [[2.0, 1.0]], [1.0]).identifiability()
    assert found.rank == (1 if loss == "plain-exp" else 0)
    assert VectorRegression(loss, [[2.0, 1.0]], [0.5]).identifiability().rank == (loss != "normalized-cosh")


@pytest.mark.parametrize("kind", ["dense", "blocks"])
@pytest.mark.parametrize("weights", [None, 0.0, 1.0])
def test_vector_form_counts_each_of_its_problems(kind, weights):
    rng = np.random.default_rng(6)
    A = np.column_stack([low_rank(9, 3, 2), np.ones(9)])
    b, w = rng.dirichlet(np.ones(9), 2), None if weights is None else np.full(9, weights)
    problem = VectorRegression("normalized-exp", A if kind == "dense" else [A[:4], A[4:]], b, w=w)
    found = problem.identifiability()
    rank = 3 if weights == 1.0 else 2
    assert (found.unknowns, found.rank, found.dimension) == (8, 2 * rank, 8 - 2 * rank)
    basis = found.basis()
    assert basis.shape == (8 - 2 * rank, 2, 4)
    centred = A if weights == 1.0 else A - A.mean(axis=0)
    np.testing.assert_allclose(basis @ centred.T, 0.0, atol=1e-13)
    x = rng.normal(size=(2, 4))
    expected = x @ np.linalg.pinv(centred) @ centred
    np.testing.assert_allclose(found.minimum_norm(x), expected, atol=RTOL)


@pytest.mark.parametrize(("loss", "columns", "curved"), [
    ("normalized-cosh", 2, 0), ("normalized-cosh", 4, 1), ("normalized-sinh", 4, 1), ("normalized-exp", 4, 0),
    ("rescaled-cosh", 4, 0),
])  # fmt: skip
def test_curves_of_equal_predictions_are_counted(loss, columns, curved):
    A = np.random.default_rng(7).normal(size=(4, columns))
    found = VectorRegression(loss, A, np.full(4, 0.25)).identifiability()
    assert found.curved == curved
    if curved:  # scaling cosh(z) or sinh(z) is such a curve, here where A is invertible
        x = np.random.default_rng(8).normal(size=4)
        forth, back = (np.cosh, np.arccosh) if loss.endswith("cosh") else (np.sinh, np.arcsinh)
        z = A @ x
        other = np.linalg.solve(A, np.copysign(back(1.5 * forth(z)), z))
        problem = VectorRegression(loss, A, np.full(4, 0.25))
        np.testing.assert_allclose(problem.predict(other), problem.predict(x), rtol=1e-11)
    too_many = AttentionRegression("normalized-cosh", np.eye(40), np.eye(40), np.full((40, 40), 1 / 40))
    assert too_many.identifiability().curved is None


def test_columns_of_ones_are_seen_by_cosh_but_not_near_equal_rows():
    found = VectorRegression("normalized-cosh", np.ones((4, 1)), np.full(4, 0.25)).identifiability()
    assert (found.rank, found.curved) == (1, 1)


def test_a_wide_head_that_is_not_identifiable(wide_head):
    found = wide_head.identifiability()
    assert (found.unknowns, found.rank, found.dimension) == (148225, 11556, 136669)
    assert found.margin > 1e6
    direction = found.basis(count=2)[1]
    X = np.random.default_rng(9).normal(size=(385, 385)) / 100
    np.testing.assert_allclose(wide_head.predict(X + direction), wide_head.predict(X), rtol=1e-4)
    least = found.minimum_norm(X)
    assert np.vdot(least, direction) == pytest.approx(0.0, abs=1e-10)
    with pytest.raises(InputError, match=r"basis: all 136669 directions have 2\.03e\+10 entries; pass count"):
        found.basis()


@pytest.fixture
def wide_head():
    """A stand-in of the same shape and ranks: 108 x 385 in float32, a column of ones last."""
    rng = np.random.default_rng(10)
    A = np.column_stack([rng.normal(size=(108, 384)) * np.geomspace(1, 1e-2, 384), np.ones(108)]).astype(np.float32)
    model = AttentionRegression("normalized-exp", A, A, np.full((108, 108), 1 / 108, np.float32))
    B = model.predict(rng.normal(size=(385, 385)).astype(np.float32) / 100)
    return AttentionRegression("normalized-exp", A, A, B)


def test_masks_of_a_large_head():
    rng = np.random.default_rng(12)
    A = rng.normal(size=(60, 70))
    B = np.full((60, 60), 1 / 60)
    nested = AttentionRegression("normalized-exp", A, A, B, mask=causal(60, 60)).identifiability()
    assert (nested.rank, nested.located) == (60 * 59 // 2, True)
    x = rng.normal(size=(70, 70))
    dense = seen(A, A, causal(60, 60))
    least = nested.minimum_norm(x).ravel()
    np.testing.assert_allclose(dense @ least, dense @ x.ravel(), atol=1e-9)
    np.testing.assert_allclose(np.linalg.lstsq(dense.T, least)[0] @ dense, least, atol=1e-9)
    mask = random_mask(60, 60, 0.5)
    found = AttentionRegression("normalized-exp", A, A, B, mask=mask).identifiability()
    assert LARGEST_CORE < 60 * 59
    assert (found.rank, found.located) == (mask.sum() - 60, False)
    with pytest.raises(InputError, match=r"not known: .*sum over independent rows"):
        found.minimum_norm(x)


@pytest.mark.parametrize("name", ["many prompts of low rank", "random mask, tall"])
def test_interlocking_views_that_are_too_large_have_bounds(name, monkeypatch):
    monkeypatch.setattr("numeric.analysis.nullspace.LARGEST_CORE", 0)
    problem, dense = problem_of(CASES[name])
    found = problem.identifiability()
    assert (found.rank, found.dimension, found.unique, found.curved) == (None, None, None, 0)
    low, high = found.bounds
    assert low <= np.linalg.matrix_rank(dense) <= high <= found.unknowns
    assert "only bounds are known" in repr(found)
    with pytest.raises(InputError, match=r"the directions that nothing depends on are not known: .*only bounds"):
        found.basis(count=1)


def test_wide_streams_have_no_rank():
    A = np.random.default_rng(14).normal(size=(3, 2600))
    found = VectorRegression("normalized-exp", [A[:2], A[2:]], np.full(3, 1 / 3)).identifiability()
    assert (found.rank, found.bounds) == (None, (0, 3))
    with pytest.raises(InputError, match="more than 2500 columns: its rank is not computed"):
        found.minimum_norm(np.zeros(2600))


def test_a_rank_in_doubt_says_so():
    A = np.diag([1.0, 1e-13])
    clear = VectorRegression("plain-exp", np.diag([1.0, 1e-6]), [1.0, 1.0]).identifiability()
    assert clear.margin > 1e3
    doubtful = VectorRegression("plain-exp", A, [1.0, 1.0]).identifiability()
    assert doubtful.rank == 2
    assert "The rank is in doubt" in repr(doubtful)


@pytest.mark.parametrize("power", [-160, -100, 100, 150])
@pytest.mark.parametrize("name", ["prompts that each reduction meets", "dependent columns", "random mask"])
def test_the_scale_of_the_data_does_not_matter(name, power):
    scaled = [(10.0**power * A1, 10.0**power * A2, mask, w) for A1, A2, mask, w in CASES[name]]
    small, usual = (problem_of(prompts, "normalized-exp")[0].identifiability() for prompts in (scaled, CASES[name]))
    assert (small.rank, small.unknowns) == (usual.rank, usual.unknowns)
    assert small.margin == pytest.approx(usual.margin, rel=0.1)
    x = np.random.default_rng(15).normal(size=problem_of(CASES[name])[0].x_shape)
    np.testing.assert_allclose(small.minimum_norm(x), usual.minimum_norm(x), atol=RTOL)


def test_streams_whose_squares_overflow_have_a_rank():
    rng = np.random.default_rng(16)
    A = 1e160 * low_rank(9, 3, 2)
    found = VectorRegression("plain-exp", [A[:4], A[4:]], rng.normal(size=9)).identifiability()
    assert (found.rank, found.margin > 1e3) == (2, True)


def test_arguments_are_checked():
    found = VectorRegression("normalized-exp", np.ones((3, 2)), np.full(3, 1 / 3)).identifiability()
    assert found.dimension == 2
    with pytest.raises(InputError, match="count: got 3; there are 2 directions, ask for 0 to 2"):
        found.basis(count=3)
    with pytest.raises(InputError, match="x: got shape"):
        found.minimum_norm(np.zeros(3))
    assert found.basis(count=0).shape == (0, 2)


def test_repr_reads_well():
    problem, _ = problem_of(CASES["dependent columns"])
    assert repr(identifiability(problem)) == (
        "Identifiability: 20 unknowns, 6 determined, 14 free\n"
        "  Predictions depend on A1 X A2^T; A1 has rank 2 of 4, and A2 without the mean of its rows rank 3 of 5.\n"
        "  The loss ignores a shift of all kept entries of a row without weights."
    )


def test_the_minimum_norm_member_does_as_well_as_the_solution():
    problem, _ = problem_of(CASES["causal mask"])
    solution, found = solve(problem), problem.identifiability()
    least = found.minimum_norm(solution.x)
    assert np.linalg.norm(least) <= np.linalg.norm(solution.x) * (1 + 1e-12)
    assert problem.value(least) == pytest.approx(solution.value, abs=1e-12)
