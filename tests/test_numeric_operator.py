"""Laws of the Hessian operator: every way of asking for it gives the same matrix."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, cg

from numeric import AttentionRegression, HessianOperator, VectorRegression
from numeric.forms.gram import NARROW

RTOL = 1e-11
"""Products, dense form and diagonal sum the same terms in another order."""


def operators():
    """One operator of each structure: one group, k groups, one group per row, several prompts, masked."""
    rng = np.random.default_rng(0)
    A, w = rng.normal(size=(7, 3)), rng.uniform(1, 2, 7)
    A1, A2, B = rng.normal(size=(6, 3)), rng.normal(size=(5, 2)), rng.dirichlet(np.ones(5), 6)
    mask = rng.random((6, 5)) < 0.8
    mask[:, 0] = True
    X = rng.normal(size=(3, 2))
    lists = [A1, A1[:2]], [A2, A2[:4]], [B, B[:2, :4]]
    return {
        "vector": (VectorRegression("rescaled-sinh", A, rng.dirichlet(np.ones(7))), X[:, 0]),
        "k problems": (
            VectorRegression("normalized-exp", A, rng.dirichlet(np.ones(7), 4), w=w),
            rng.normal(size=(4, 3)),
        ),
        "matrix": (AttentionRegression("normalized-exp", A1, A2, B), X),
        "prompts": (AttentionRegression("rescaled-cosh", *lists, w=[B, B[:2, :4]]), X),
        "masked": (AttentionRegression("normalized-cosh", A1, A2, B, mask=mask), X),
    }


@pytest.fixture(params=operators())
def case(request):
    problem, x = operators()[request.param]
    return problem, x, problem.hessian(x)


def test_products_dense_and_diagonal_agree(case):
    _, x, H = case
    dense, N = H.to_dense(), x.size
    scale = np.abs(dense).max()
    assert isinstance(H, LinearOperator)
    assert H.shape == (N, N) == dense.shape
    np.testing.assert_allclose(H @ np.eye(N), dense, atol=RTOL * scale)
    np.testing.assert_allclose(H.diagonal(), np.diag(dense), atol=RTOL * scale)
    np.testing.assert_allclose(dense, dense.T, atol=RTOL * scale)
    np.testing.assert_allclose(H.T @ x.ravel(), H @ x.ravel(), rtol=1e-13)


def test_vec_and_x_shaped_arrays_are_taken_alike(case):
    _, x, H = case
    v = np.random.default_rng(1).normal(size=x.shape)
    assert (H @ v).shape == x.shape
    np.testing.assert_allclose((H @ v).ravel(), H @ v.ravel(), rtol=1e-14)
    assert (H @ v.reshape(-1, 1)).shape == (x.size, 1)
    assert H.solve(v, damping=1.0).shape == x.shape
    assert H.solve(v.ravel(), damping=1.0).shape == (x.size,)


def test_solve_inverts_definite_and_indefinite(case):
    _, x, H = case
    dense, g = H.to_dense(), np.random.default_rng(2).normal(size=x.size)
    lowest = np.linalg.eigvalsh(dense)[0]
    for damping in (1.0 + max(0.0, -lowest), 0.37 * abs(lowest) + 0.01):
        s = H.solve(g, damping=damping)
        np.testing.assert_allclose(dense @ s + damping * s, g, atol=1e-9 * np.abs(g).max())


def test_solve_takes_the_symmetric_way_for_an_indefinite_hessian():
    # n = 2, p = 0.2, b = e_2: the curvature 4 p^2 (1-p) (2-3p) changes sign at p = 2/3.
    problem = VectorRegression("normalized-exp", [[0.5], [-0.5]], [0.0, 1.0])
    H = problem.hessian([2.0])
    assert H.to_dense()[0, 0] < 0
    np.testing.assert_allclose(H.solve(np.array([1.0])), 1 / H.to_dense()[0])


def test_solve_of_a_singular_hessian_names_the_remedy():
    problem = VectorRegression("normalized-exp", np.ones((3, 2)), [0.2, 0.3, 0.5])
    with pytest.raises(np.linalg.LinAlgError, match=r"singular to working precision.*damping"):
        problem.hessian([0.5, 0.25]).solve(np.ones(2))


SINGULAR = {
    "shifts of a softmax": lambda A1, A2: (A1, np.column_stack([A2, np.ones(len(A2))])),
    "dependent columns of A1": lambda A1, A2: (np.column_stack([A1, A1 @ [2.0, -1.0, 0.5]]), A2),
    "dependent columns of A2": lambda A1, A2: (A1, np.column_stack([A2, A2 @ [1.0, 3.0]])),
    "a column of zeros": lambda A1, A2: (A1, np.column_stack([A2, np.zeros(len(A2))])),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("request_", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("kind", SINGULAR)
def test_solve_refuses_hessians_whose_rounding_errors_alone_make_them_regular(kind, request_, dtype):
    """For right sides in and outside of the range, in the Hessian's dtype and in another one."""
    rng = np.random.default_rng(5)
    for n in range(5, 30):
        A1, A2 = SINGULAR[kind](rng.normal(size=(n, 3)), rng.normal(size=(n, 2)))
        arrays = [array.astype(dtype) for array in (A1, A2, rng.dirichlet(np.ones(n), n))]
        problem = AttentionRegression("normalized-exp", *arrays)
        x = rng.normal(size=problem.x_shape)
        H = getattr(problem, request_)(x)
        for g in (H @ rng.normal(size=x.shape), rng.normal(size=x.shape)):
            with pytest.raises(np.linalg.LinAlgError, match="singular to working precision"):
                H.solve(g)
            assert np.all(np.isfinite(H.solve(g, damping=0.1)))


@pytest.mark.parametrize(
    "matrix", [np.ones((2, 2)), -np.ones((2, 2)), np.zeros((1, 1)), np.diag([2.0, 0.0]), np.diag([1.0, -1.0, 0.0])]
)
def test_solve_refuses_exactly_singular_matrices(matrix):
    with pytest.raises(np.linalg.LinAlgError, match="singular to working precision"):
        constant(matrix).solve(np.ones(len(matrix)))


def test_solve_keeps_badly_conditioned_but_regular_matrices():
    rotation = np.linalg.qr(np.random.default_rng(6).normal(size=(4, 4)))[0]
    for last in (1e-12, -1e-12):
        matrix = (rotation * [1.0, 0.1, 1e-6, last]) @ rotation.T
        solution = constant(matrix).solve(matrix @ np.ones(4))
        # Two digits at least: the condition 1e12 times a few machine epsilons.
        np.testing.assert_allclose(solution, np.ones(4), atol=1e-2)


def test_solve_refuses_right_sides_that_are_not_finite():
    with pytest.raises(ValueError, match="must not contain infs or NaNs"):
        constant(np.eye(2)).solve(np.array([1.0, np.nan]))


def constant(matrix):
    """The operator of a given matrix."""

    class Constant:
        log_scale, surely_finite, rank = 0.0, True, 0

        def blocks(self):
            return matrix[None]

    return HessianOperator((Constant(),), (len(matrix),), matrix.dtype)


def test_eigenvalue_bounds_hold_every_eigenvalue(case):
    problem, x, _ = case
    rng = np.random.default_rng(3)
    for _ in range(20):
        H = problem.hessian(x + rng.normal(size=x.shape))
        low, high = H.eigenvalue_bounds()
        eigenvalues = np.linalg.eigvalsh(H.to_dense())
        slack = 1e-12 * np.abs(eigenvalues).max()
        assert low <= eigenvalues[0] + slack
        assert eigenvalues[-1] - slack <= high


def test_eigenvalue_bounds_prove_definiteness_with_large_weights():
    # K12: normalized-exp has eigenvalues above -1 in z, so w^2 = 4 makes the problem strictly convex.
    A = np.random.default_rng(4).normal(size=(8, 3))
    problem = VectorRegression("normalized-exp", A, np.full(8, 1 / 8), w=np.full(8, 2.0))
    assert problem.hessian(np.ones(3)).eigenvalue_bounds()[0] > 0


def test_gauss_newton_is_positive_semidefinite_and_exact_at_zero_residual(case):
    problem, x, _ = case
    J = problem.gauss_newton(x)
    assert isinstance(J, HessianOperator)
    eigenvalues = np.linalg.eigvalsh(J.to_dense())
    assert eigenvalues[0] >= -1e-12 * eigenvalues[-1]


def test_operators_and_functions_serve_scipy():
    problem, x = operators()["k problems"]
    H, g = problem.hessian(np.zeros_like(x)), problem.gradient(np.zeros_like(x)).ravel()
    s, info = cg(H, g, rtol=1e-12)
    assert info == 0
    np.testing.assert_allclose(s, H.solve(g), rtol=1e-8)
    result = minimize(x0=np.zeros(x.size), method="trust-exact", **_without_products(problem), options={"gtol": 1e-10})
    assert np.linalg.norm(problem.gradient(result.x.reshape(x.shape))) <= 1e-9


def _without_products(problem):
    functions = problem.scipy_functions()
    return {name: functions[name] for name in ("fun", "jac", "hess")}


def test_repr_says_size_rank_and_scale():
    problem, x = operators()["vector"]
    assert "3 x 3 HessianOperator, diagonal plus rank" in repr(problem.hessian(x))


@pytest.mark.parametrize("limit", ["numeric.forms.matrix_hessian.LARGEST_TABLE", "numeric.forms.matrix.KEPT_PAIRS"])
@pytest.mark.parametrize("name", ["matrix", "prompts", "masked"])
def test_tables_that_are_kept_change_no_entry(name, limit, monkeypatch):
    problem, x = operators()[name]
    kept = problem.hessian(x).to_dense()
    monkeypatch.setattr(limit, 0)
    fresh = operators()[name][0].hessian(x).to_dense()
    np.testing.assert_array_equal(fresh, kept)


@pytest.mark.parametrize("columns", [NARROW, NARROW + 1])
def test_problems_at_once_are_the_problems_one_by_one(columns):
    rng = np.random.default_rng(2)
    A, b, w = rng.normal(size=(50, columns)), rng.dirichlet(np.ones(50), 3), rng.uniform(1, 2, 50)
    x = rng.normal(size=(3, columns)) / columns
    blocks = VectorRegression("normalized-cosh", A, b, w=w).hessian(x).blocks()
    np.testing.assert_array_equal(blocks, np.swapaxes(blocks, -1, -2))
    for block, target, point in zip(blocks, b, x, strict=True):
        alone = VectorRegression("normalized-cosh", A, target, w=w).hessian(point).to_dense()
        np.testing.assert_allclose(block, alone, atol=RTOL * np.abs(alone).max())
