"""Derivatives of minima against problems solved again, at 110 digits where tiny, in float64 where not; adjoints."""

import importlib

import mpmath
import numpy as np
import pytest

from numeric import AttentionRegression, InputError, VectorRegression, kernel, loss_names, sensitivity, solve
from numeric.analysis.cross_derivative import cross_derivative
from numeric.analysis.data_operator import DataOperator
from tests.numeric_oracle import DIGITS, exact, gradient, half_square, hessian, residual

MODULE = importlib.import_module("numeric.analysis.sensitivity")
EXACT = 1e-9
"""Against 110 digits: x* is right to about 1e-13, and the Hessians have condition numbers below 1e4."""
RESOLVED, STEP = 1e-7, 1e-4
"""Differences of solutions at five points: the fifth derivative times the fourth power of the step."""
ADJOINT = 1e-12
"""Two orders of the same sums."""
H = mpmath.mpf("1e-25")
"""A change of the data at 110 digits; its square is far below the digits compared."""


def exact_minimum(loss, data, x, steps):
    """A few Newton steps at 110 digits, with derivatives by differences of the loss as it is defined."""

    def f(x):
        Z = data["A1"] @ x @ data["A2"].T
        return half_square(residual(loss, Z, data["B"], data.get("w")))

    x = np.asarray(x, dtype=object)
    H_inverse = mpmath.matrix(hessian(f, x).tolist()) ** -1
    H_inverse = np.array(H_inverse.tolist(), dtype=object).reshape(x.size, x.size)
    for _ in range(steps):
        x = x - (H_inverse @ gradient(f, x).ravel()).reshape(x.shape)
    return x


def exact_derivative(loss, data, x, name, change):
    """(x*(data + h change) - x*(data - h change))/(2 h), each x* by chord steps from the minimum at 110 digits."""
    with mpmath.workdps(DIGITS):
        base = exact_minimum(loss, data, exact_minimum(loss, data, exact(x), 3), 3)
        ends = [exact_minimum(loss, {**data, name: data[name] + s * H * exact(change)}, base, 3) for s in (1, -1)]
        return ((ends[0] - ends[1]) / (2 * H)).astype(float)


def vector_data(loss):
    """n = 5, d = 2, with weights; cosh and sinh have their minimum away from 0 as the weights are small."""
    rng = np.random.default_rng(3)
    A, x = rng.normal(size=(5, 2)), np.array([0.9, 1.4])
    b = VectorRegression(loss, A, np.ones(5)).predict(x) + 0.02 * rng.normal(size=5)
    return A, b, rng.uniform(0.02, 0.06, 5), x


@pytest.mark.parametrize("loss", loss_names())
def test_vector_form_against_minima_at_110_digits(loss):
    A, b, w, start = vector_data(loss)
    problem = VectorRegression(loss, A, b, w=w)
    solution = solve(problem, x0=start)
    assert solution.status == "converged"
    assert np.linalg.norm(solution.x) > 0.1
    result = sensitivity(problem, solution)
    assert result.minimum is True
    assert result.names == ("b", "A", "w")
    data = {"A1": exact(np.eye(1)), "A2": exact(A), "B": exact(b[None]), "w": exact(w[None])}
    rng = np.random.default_rng(4)
    for name, key, shape in (("b", "B", (5,)), ("A", "A2", (5, 2)), ("w", "w", (5,))):
        change = rng.normal(size=shape)
        expected = exact_derivative(loss, data, solution.x[None], key, np.atleast_2d(change))[0]
        np.testing.assert_allclose(result.derivative(name) @ change, expected, rtol=EXACT, atol=1e-14)


@pytest.mark.parametrize("loss", ["normalized-exp", "rescaled-exp", "normalized-cosh", "normalized-sinh", "plain-sinh"])
def test_matrix_form_against_minima_at_110_digits(loss):
    rng = np.random.default_rng(5)
    A1, A2, X = rng.normal(size=(4, 2)), rng.normal(size=(4, 2)), np.array([[0.8, -0.4], [0.5, 0.9]])
    B = AttentionRegression(loss, A1, A2, np.ones((4, 4))).predict(X) + 0.02 * rng.normal(size=(4, 4))
    w = rng.uniform(0.02, 0.05, (4, 4))
    problem = AttentionRegression(loss, A1, A2, B, w=w)
    solution = solve(problem, x0=X)
    result = sensitivity(problem, solution)
    data = {"A1": exact(A1), "A2": exact(A2), "B": exact(B), "w": exact(w)}
    for name in ("B", "A1", "A2", "w"):
        change = rng.normal(size=data[name].shape)
        expected = exact_derivative(loss, data, solution.x, name, change)
        np.testing.assert_allclose(result.derivative(name).dot(change).reshape(2, 2), expected, rtol=EXACT, atol=1e-12)


# Larger problems, solved again in float64 ------------------------------------------------------------------------
RNG = np.random.default_rng(6)
A1, A2, X = RNG.normal(size=(9, 3)), RNG.normal(size=(8, 2)), RNG.normal(size=(3, 2))
MASK = RNG.random((9, 8)) < 0.7
MASK[:, :3] = True
ONES = np.column_stack([A2, np.ones(8)])
THIN = RNG.normal(size=(7, 2))
NOISE = 0.02 * RNG.normal(size=(9, 8))


def target(loss, A1, A2, mask=None, noise=NOISE):
    shape = len(A1), len(A2)
    X = np.random.default_rng(7).normal(size=(A1.shape[1], A2.shape[1]))
    model = AttentionRegression(loss, A1, A2, np.ones(shape), mask=mask).predict(X)
    return model + noise[: shape[0], : shape[1]]


def vector(loss, A, b, w=None):
    return VectorRegression, loss, {"A": A, "b": b, "w": w}, {}


def matrix(loss, A1, A2, B, mask=None, w=None):
    return AttentionRegression, loss, {"A1": A1, "A2": A2, "B": B, "w": w}, {"mask": mask}


def kept_rank(F, G, shift=0.0):
    """A product of thin factors, and how a step changes it that keeps the rank (and adds shifts of the columns)."""
    dF, dG = RNG.normal(size=F.shape), RNG.normal(size=G.shape)
    constant = shift * RNG.normal(size=G.shape[1])
    return F @ G, lambda step: step * (dF @ G + F @ dG + constant) + step**2 * dF @ dG


LOW1, DLOW1 = kept_rank(RNG.normal(size=(9, 2)), RNG.normal(size=(2, 4)))
LOW2, DLOW2 = kept_rank(RNG.normal(size=(8, 2)), RNG.normal(size=(2, 3)), shift=1.0)
DIRECTION = np.column_stack([RNG.normal(size=(8, 2)), np.zeros(8)])
WIDE, WIDE_B = RNG.normal(size=(3, 5)), RNG.dirichlet(np.ones(3))
SINGLE = RNG.dirichlet(np.ones(7))
CASES = {
    "softmax, vector": (vector("normalized-exp", THIN, SINGLE), {}),
    "k problems": (vector("normalized-exp", THIN, RNG.dirichlet(np.ones(7), 3), np.full(7, 0.2)), {}),
    "more columns than rows": (vector("normalized-exp", WIDE, WIDE_B), {}),
    "more columns than rows, plain": (vector("plain-exp", WIDE, WIDE_B), {}),
    "dependent columns": (vector("normalized-exp", LOW2, target("normalized-exp", np.eye(1), LOW2)[0]), {"A": DLOW2}),
    "softmax, matrix": (matrix("normalized-exp", A1, A2, target("normalized-exp", A1, A2)), {}),
    "masked": (matrix("normalized-exp", A1, A2, target("normalized-exp", A1, A2, MASK), MASK), {}),
    "masked, rescaled, weights": (
        matrix("rescaled-cosh", A1, A2, target("normalized-cosh", A1, A2, MASK), MASK, np.full((9, 8), 0.05)), {},
    ),
    "a column of ones": (
        matrix("normalized-exp", A1, ONES, target("normalized-exp", A1, ONES)),
        {"A2": lambda step: step * DIRECTION},
    ),
    "dependent columns, matrix": (
        matrix("normalized-exp", LOW1, LOW2, target("normalized-exp", LOW1, LOW2)),
        {"A1": DLOW1, "A2": DLOW2},
    ),
    "exact": (matrix("normalized-exp", A1, A2, target("normalized-exp", A1, A2, noise=0 * NOISE)), {}),
    "prompts": (
        matrix("normalized-exp", [A1, A1[:5]], [A2, A2[:6]],
               [target("normalized-exp", A1, A2), target("normalized-exp", A1[:5], A2[:6])]), {},
    ),
    "interlocking views": (
        matrix("plain-exp", [A1[:1, :2], A1[1:2, :2]], [ONES[:1], ONES[1:3]],
               [np.array([[2.0]]), np.array([[1.5, 0.5]])]), {},
    ),
}  # fmt: skip


def build(case, name=None, prompt=None, change=0.0):
    """The problem of a case, with some data changed."""
    make, loss, data, options = case
    moved = dict(data)
    if name is not None and prompt is None:
        moved[name] = data[name] + change
    elif name is not None:
        moved[name] = [value + (change if i == prompt else 0.0) for i, value in enumerate(data[name])]
    return make(loss, **moved, **options)


def result_of(name):
    problem = build(CASES[name][0])
    return sensitivity(problem, solve(problem))


def minimum(problem, x):
    solution = solve(problem, x0=x)
    assert solution.status == "converged"
    return problem.identifiability().minimum_norm(solution.x)


def operators(result):
    """(name, prompt, operator) of all that a sensitivity covers."""
    for name in result.names:
        try:
            found = result.derivative(name)
        except InputError:
            continue
        for prompt, operator in enumerate(found) if isinstance(found, list) else [(None, found)]:
            yield name, prompt, operator


@pytest.mark.parametrize("name", CASES)
def test_minima_of_changed_data_move_as_predicted(name):
    case, kept = CASES[name]
    result = result_of(name)
    rng = np.random.default_rng(8)
    covered = list(operators(result))
    assert len(covered) >= 2
    for data, prompt, operator in covered:
        drawn = rng.normal(size=operator.data_shape)
        change = kept.get(data, lambda step, drawn=drawn: step * drawn)
        far, near = (
            minimum(build(case, data, prompt, change(s)), result.x)
            - minimum(build(case, data, prompt, change(-s)), result.x)
            for s in (2 * STEP, STEP)
        )
        moved = (8 * near - far) / (12 * STEP)
        slope = (change(1.0) - change(-1.0)) / 2
        got = operator.dot(slope).reshape(result.x.shape)
        np.testing.assert_allclose(got, moved, rtol=0, atol=RESOLVED * (1 + np.abs(moved).max()))


@pytest.mark.parametrize("name", CASES)
def test_adjoints_are_adjoint(name):
    rng = np.random.default_rng(9)
    for _, _, operator in operators(result_of(name)):
        d, u = rng.normal(size=operator.shape[1]), rng.normal(size=operator.shape[0])
        forth, back = u @ (operator @ d), d @ (operator.T @ u)
        size = np.linalg.norm(u) * np.linalg.norm(operator @ d) + np.linalg.norm(d) * np.linalg.norm(operator.T @ u)
        assert abs(forth - back) <= ADJOINT * size
        np.testing.assert_array_equal(operator.H @ u, operator.T @ u)


@pytest.mark.parametrize("name", ["softmax, vector", "k problems", "masked", "dependent columns, matrix"])
def test_norms_are_those_of_the_formed_matrix(name):
    result = result_of(name)
    norms = result.norms(frobenius=True)
    for data, _, operator in operators(result):
        dense = operator @ np.eye(operator.shape[1])
        assert norms.spectral[data] == pytest.approx(np.linalg.norm(dense, 2), rel=1e-7)
        assert norms.frobenius[data] == pytest.approx(np.linalg.norm(dense), rel=1e-12)
    assert f"||dx*/d{result.names[0]}|| = " in str(norms)
    assert result.norms().frobenius == {}


@pytest.mark.parametrize("loss", ["normalized-exp", "normalized-cosh", "rescaled-exp", "rescaled-cosh", "plain-sinh"])
def test_target_shift_is_that_of_the_equivalent_target(loss):
    """B~ has the residual at X that B has at X + dX: by definition of the residuals, for the worst of all dX."""
    A, b, w, start = vector_data(loss)
    problem = VectorRegression(loss, A, b, w=w)
    result = sensitivity(problem, solve(problem, x0=start))

    def shifted(dx):  # u - alpha b~ at x is u - alpha b at x + dx, divided by alpha where normalized
        kind, phi = loss.split("-")
        u, new = (getattr(np, phi)(A @ y) for y in (result.x, result.x + dx))
        if kind == "plain":
            return b - (new - u)
        if kind == "normalized":
            return b - (new / new.sum() - u / u.sum())
        return b - ((new - new.sum() * b) - (u - u.sum() * b)) / u.sum()

    slopes = np.stack([(shifted(1e-5 * e) - shifted(-1e-5 * e)) / 2e-5 for e in np.eye(2)], axis=1)
    assert result.target_shift() == pytest.approx(np.linalg.norm(slopes, 2), rel=1e-8)
    if loss in ("normalized-exp", "normalized-cosh"):
        assert result.target_shift() <= np.linalg.norm(A, 2) / 2  # K7 of the source page


@pytest.mark.parametrize("name", ["masked", "prompts"])
def test_target_shift_of_matrix_forms_keeps_the_bound(name):
    result = result_of(name)
    A1, A2 = (np.concatenate([form.factors[i] for form in result.problem.forms]) for i in (0, 1))
    assert 0.0 < result.target_shift() <= np.linalg.norm(A1, 2) * np.linalg.norm(A2, 2) / 2  # K18


# The cross derivative ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("loss", loss_names())
def test_cross_derivative_is_that_of_the_gradient_kernel(loss, masked):
    rng, function = np.random.default_rng(10), kernel(loss)
    z, b, db = (rng.normal(size=(3, 6)) for _ in range(3))
    mask = rng.random((3, 6)) < 0.6
    mask[:, 2] = True
    dropped = (slice(0, 6), -mask.astype(np.int64)) if masked else None

    def g(b):
        _, g, scale = function.value_and_gradient(z, b, dropped=dropped)
        return g * np.exp(scale)[:, None]

    found = cross_derivative(function, z, b, mask if masked else None)
    # Exact for any step, as g is a polynomial of degree 2 in b; a step of 3 shows it.
    expected = (g(b + 3 * db) - g(b - 3 * db)) / 6
    np.testing.assert_allclose(found.apply(db), expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    u = rng.normal(size=(3, 6))
    assert np.vdot(found.adjoint(u), db) == pytest.approx(np.vdot(u, found.apply(db)), rel=1e-11)


class Changed:
    """A kernel with one function replaced."""

    def __init__(self, **replaced):
        self.__dict__.update(replaced)

    def __getattr__(self, name):
        return getattr(kernel("rescaled-exp"), name)


def test_losses_that_are_no_polynomials_in_b_are_refused():
    inner = kernel("rescaled-exp")
    cubic = Changed(gradient_rows=lambda z, b, m, t: (b**3, *inner.gradient_rows(z, b, m, t)[1:]))
    with pytest.raises(InputError, match="only implemented for losses that are polynomials of degree 2 in b"):
        cross_derivative(cubic, np.ones((1, 3)), np.ones((1, 3)))
    chained = Changed(gradient_rows=lambda z, b, m, t: (t["sum_bb"] * b, b))
    with pytest.raises(InputError, match="totals that depend on b enter the gradient's weights alone"):
        cross_derivative(chained, np.ones((1, 3)), np.ones((1, 3)))


# What is refused --------------------------------------------------------------------------------------------------
def test_what_is_no_isolated_minimum_is_refused():
    problem = build(CASES["softmax, vector"][0])
    solution = solve(problem)
    with pytest.raises(InputError, match="got an x at which a Newton step changes an entry of A x by"):
        sensitivity(problem, solution.x + 1e-3)
    cosh = VectorRegression("normalized-cosh", THIN, VectorRegression("normalized-cosh", THIN, SINGLE).predict([1, 2]))
    with pytest.raises(InputError, match="a minimum is needed, got an x with curvature -"):
        sensitivity(cosh, np.zeros(2))
    A = np.column_stack([THIN, np.ones(7)])
    exact_fit = VectorRegression("rescaled-exp", A, VectorRegression("rescaled-exp", A, SINGLE).predict([1, 2, 0]))
    with pytest.raises(InputError, match="1 directions without curvature, of which the data leave only 0 open"):
        sensitivity(exact_fit, np.array([1.0, 2.0, 0.0]))
    with pytest.raises(InputError, match="a minimum with finite derivatives is needed, got an x without"):
        sensitivity(VectorRegression("normalized-sinh", THIN, SINGLE), np.zeros(2))


def test_problems_that_are_not_covered_are_refused(monkeypatch):
    stream = VectorRegression("normalized-exp", [THIN[:3], THIN[3:]], SINGLE)
    with pytest.raises(InputError, match="need A in memory, got one that is read in row blocks; pass an array"):
        sensitivity(stream, np.zeros(2))
    with pytest.raises(InputError, match="solution: got shape"):
        sensitivity(build(CASES["softmax, vector"][0]), np.zeros(3))
    result = result_of("interlocking views")
    with pytest.raises(
        InputError, match="got A1, which moves the directions that the data determine; here they are an"
    ):
        result.derivative("A1")
    assert set(result.norms().spectral) == {"B[0]", "B[1]"}
    with pytest.raises(InputError, match="name: got 'b'; choose one of B, A1, A2"):
        result.derivative("b")
    monkeypatch.setattr("numeric.analysis.nullspace.LARGEST_CORE", 0)
    make, loss, data, _ = CASES["interlocking views"][0]
    with pytest.raises(InputError, match=r"got data for which these are not known .*not computed"):
        sensitivity(make(loss, **data), result.x)


def test_norms_check_their_arguments():
    operator = DataOperator((3000,), (3001,), lambda d: np.append(d, 0.0), lambda u: u[:-1])
    assert operator.norm() == pytest.approx(1.0, rel=1e-7)
    with pytest.raises(InputError, match="a Frobenius norm of a 3001 x 3000 operator needs 3000 products"):
        operator.norm("frobenius")
    with pytest.raises(InputError, match="kind: got 'nuclear'; choose spectral or frobenius"):
        operator.norm("nuclear")


@pytest.mark.parametrize("preconditioned", [True, False])
@pytest.mark.parametrize("name", ["softmax, matrix", "prompts", "dependent columns, matrix", "k problems"])
def test_large_problems_use_conjugate_gradients(name, preconditioned, monkeypatch):
    dense = result_of(name)
    monkeypatch.setattr(MODULE, "LARGEST_DENSE", 1)
    if not preconditioned:
        monkeypatch.setattr(MODULE, "LARGEST_ROWS", 1)
    iterative = result_of(name)
    assert (dense.minimum, iterative.minimum) == (True, None)
    pairs = zip(operators(iterative), operators(dense), strict=True)
    for (_, _, got), (_, _, expected) in pairs:
        change = np.random.default_rng(11).normal(size=got.shape[1])
        np.testing.assert_allclose(got @ change, expected @ change, rtol=1e-8, atol=1e-9)
    monkeypatch.setattr(MODULE, "cg", lambda H, r, **options: (0 * r, 1))
    with pytest.raises(InputError, match="got an x at which conjugate gradients do not converge"):
        result_of(name)


def test_repr_names_the_data():
    assert repr(result_of("k problems")) == (
        "Sensitivity of the minimum of VectorRegression('normalized-exp', A 7 x 2, x (3, 2), regularized, float64), "
        "with respect to b, A, w"
    )


def test_row_weights_count_and_rows_of_weight_zero_are_refused():
    rng = np.random.default_rng(11)
    A1, A2, r = rng.normal(size=(7, 2)), rng.normal(size=(6, 2)), rng.uniform(0.2, 3.0, 7)
    B, Omega = rng.dirichlet(np.ones(6), size=7), np.full((7, 6), 0.3)

    def solved(A1, B, Omega):
        return solve(AttentionRegression("normalized-exp", A1, A2, B, w=Omega, row_weights=r), rtol=1e-14)

    problem = AttentionRegression("normalized-exp", A1, A2, B, w=Omega, row_weights=r)
    found = sensitivity(problem, solved(A1, B, Omega))
    h = 1e-5
    for name, at in (("B", 1), ("A1", 0), ("w", 2)):
        data = [A1, B, Omega]
        change = rng.normal(size=data[at].shape)
        ends = []
        for sign in (1, -1):
            moved = list(data)
            moved[at] = data[at] + sign * h * change
            ends.append(solved(*moved).x)
        # Central differences of minima that are right to 1e-14.
        np.testing.assert_allclose(
            found.derivative(name).dot(change), (ends[0] - ends[1]) / (2 * h), rtol=1e-6, atol=1e-8
        )
    r[3] = 0.0
    with pytest.raises(InputError, match="got row_weights with zeros; leave these rows out"):
        sensitivity(AttentionRegression("normalized-exp", A1, A2, B, w=Omega, row_weights=r), np.zeros((2, 2)))
