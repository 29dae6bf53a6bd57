"""Problems at the edge against all methods: a right status in bounded time, and "converged" only at a minimum.

The check of a minimum is independent: value, gradient and Hessian by differences at 110 digits of the loss as it is
defined (`numeric_oracle`), in units of x in which z changes by about one.
"""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import mpmath
import numeric_oracle as oracle
import numpy as np
import pytest

from numeric import STATUS, AttentionRegression, InputError, VectorRegression, solve
from numeric.methods import METHODS
from numeric.solvers.sketched_newton import damped_factor
from numeric.solvers.subproblem import minimize_model

SECONDS = 5
"""A solve that takes longer counts as endless: these take milliseconds, and a loaded machine is ten times slower."""
MAX_STEPS = {"gradient-descent": 400, "gradient-flow": 60, "lbfgs": 400}
"""Enough for what converges at all; other methods have 200."""
DECREASE = 1e-6
"""What Newton's model may still promise, of the value and half the target's squares: rtol is on the gradient."""
CURVATURE = 1e-8
"""Negative curvature below this share of the largest one is rounding, of A to float32 at worst."""
VALUE = 1e-13
"""Of half the target's squares, and times the root of both: a residual has some hundred roundings of the target."""
RNG = np.random.default_rng(4)
A = RNG.normal(size=(6, 2))
b = RNG.dirichlet(np.ones(6))
A1, A2 = RNG.normal(size=(5, 2)), RNG.normal(size=(4, 2))
B = RNG.dirichlet(np.ones(4), size=5)
WIDE = RNG.normal(size=(2, 4))
FAR_A = [[-0.6502, -0.4676], [-0.0937, -0.4967], [-1.0508, -0.2798], [-1.5994, -0.1902]]
FAR_B = [0.0305, 0.1463, 0.1912, 0.632]
HEAVY = np.array([
    [-0.9627, 0.094, 0.3885, -1.0213], [-0.8252, -1.285, 0.6515, -0.9256], [-0.7877, -0.6982, -0.7426, -2.0652],
    [-0.9782, -0.4844, -1.1768, -1.065], [0.8394, 1.3791, -0.0379, -0.257], [0.0, 0.0, 0.0, 0.0],
])  # fmt: skip
NARROW = [[1.0, 0.0, 1.0], [1.0, 1.0, -1.0], [0.0, -2.0, -1.0]]
SINGULAR = np.column_stack([A[:, 0], 2.0 * A[:, 0]])
FOUND = frozenset({"converged"})
SLOW = FOUND | {"max_steps"}
"""What a method of first order may answer where others converge."""
UNBOUNDED = frozenset({"unbounded"})
HALTED = frozenset({"stalled", "bad_start", "max_steps"})


@dataclass(frozen=True)
class Case:
    """A problem in matrix form (A1 = 1 for vectors), options of `solve`, and the answers that are right."""

    loss: str
    A1: Any
    A2: Any
    B: Any
    w: Any = None
    mask: Any = None
    options: dict[str, Any] = field(default_factory=dict)
    right: frozenset[str] = FOUND
    others: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def problem(self) -> Any:
        if self.A1 is None:
            return VectorRegression(self.loss, self.A2, self.B, w=self.w)
        return AttentionRegression(self.loss, self.A1, self.A2, self.B, w=self.w, mask=self.mask)

    def answers(self, method: str) -> frozenset[str]:
        first_order = SLOW if self.right == FOUND and method in ("gradient-descent", "gradient-flow") else self.right
        return self.others.get(method, first_order)


def vector(loss: str, A: Any = A, b: Any = b, **options: Any) -> Case:
    w = options.pop("w", None)
    return Case(loss, None, np.asarray(A), np.asarray(b), w=None if w is None else np.asarray(w), **options)


def matrix(loss: str, A1: Any = A1, A2: Any = A2, B: Any = B, **options: Any) -> Case:
    return Case(loss, np.asarray(A1), np.asarray(A2), np.asarray(B), **options)


def one_entry_per_row(shape: tuple[int, int]) -> Any:
    return np.arange(shape[1]) == (np.arange(shape[0]) % shape[1])[:, None]


CASES: dict[str, Callable[[], Case]] = {
    "singular A": lambda: vector("normalized-exp", SINGULAR),
    "zero A": lambda: vector("normalized-exp", np.zeros((6, 2))),
    "zero A, sinh": lambda: vector("rescaled-sinh", np.zeros((6, 2))),
    "n < d": lambda: vector("normalized-exp", WIDE, [0.7, 0.3]),
    "a small group beside a huge one": lambda: vector(
        "rescaled-cosh", A[:1], np.array([[0.0], [1.0]]), right=HALTED,
        options={"x0": np.outer([2.0, 300.0], A[0] / (A[0] @ A[0]))},
    ),
    "a gradient of the smallest floats": lambda: vector(
        "rescaled-cosh", A[:1], np.array([[0.0], [1.0]]), right=HALTED,
        options={"x0": np.outer([2.0, 178.2], A[0] / (A[0] @ A[0]))},
    ),
    "one row, normalized": lambda: vector("normalized-exp", A[:1], [0.4]),
    "one row, plain": lambda: vector("plain-sinh", A[:1], [0.4]),
    "equal rows, exp": lambda: vector("normalized-exp", np.ones((6, 2))),
    "equal rows, cosh": lambda: vector("normalized-cosh", np.ones((6, 2))),
    "equal rows, sinh": lambda: vector("normalized-sinh", np.ones((6, 2))),
    "b outside the simplex": lambda: vector("normalized-exp", b=0.3 * np.random.default_rng(8).normal(size=6)),
    "b is zero, normalized": lambda: vector("normalized-cosh", b=np.zeros(6), right=FOUND),
    "zero weights": lambda: vector("normalized-cosh", w=np.zeros(6)),
    "huge weights": lambda: vector("normalized-exp", w=np.full(6, 1e6)),
    "huge weights, far start": lambda: vector(
        "plain-exp", w=np.full(6, 1e6), options={"x0": np.full(2, 20.0)}, others={"gradient-descent": SLOW}
    ),
    "saddle at 0": lambda: vector("normalized-cosh", options={"x0": np.zeros(2)}, right=frozenset({"bad_start"}),
                                  others={"auto": FOUND, "newton": FOUND}),
    "minimum at 0, cosh with weights": lambda: vector("rescaled-cosh", w=np.full(6, 50.0), options={"x0": np.zeros(2)}),
    "zero of rescaled sinh": lambda: vector("rescaled-sinh", options={"x0": np.zeros(2)}),
    "descent to infinity": lambda: vector("rescaled-exp", -np.abs(A), right=UNBOUNDED,
                                          others={"gradient-descent": UNBOUNDED | {"max_steps"}}),
    "one-hot target": lambda: vector("normalized-exp", b=np.eye(6)[np.argmax(A[:, 0])], right=UNBOUNDED,
                                     others=dict.fromkeys(("gradient-descent", "gradient-flow"), HALTED | UNBOUNDED)),
    "total vanishes everywhere": lambda: vector("normalized-sinh", [[1.0], [-1.0]], [0.5, 0.5],
                                                right=frozenset({"outside_domain"})),
    "total vanishes at the start": lambda: vector("normalized-sinh", options={"x0": np.zeros(2)},
                                                  right=frozenset({"outside_domain"})),
    "float32": lambda: vector("normalized-exp", A.astype(np.float32), b.astype(np.float32)),
    "overflow at the start": lambda: vector("plain-exp", options={"x0": np.full(2, 1e4)},
                                            right=frozenset({"overflow"})),
    "value of 1e301": lambda: vector("plain-sinh", options={"x0": np.full(2, 150.0)}, right=FOUND | {"max_steps"},
                                     others=dict.fromkeys(("gradient-descent", "gradient-flow"), FOUND | HALTED)),
    "value of 1e211": lambda: vector("rescaled-cosh", FAR_A, FAR_B, options={"x0": [-117.0974, -307.5302]},
                                     right=FOUND | {"max_steps"}, others={"gradient-flow": FOUND | HALTED}),
    "weights and a value beyond floats": lambda: vector(
        "rescaled-exp", HEAVY, b, w=np.full(6, 1e6), options={"x0": [527.9139, 1568.6596, -788.302, 451.3427]},
        right=FOUND | HALTED | {"overflow"},
    ),
    "one row, sinh": lambda: vector("normalized-sinh", [[14.4]], [0.0], options={"rtol": 0.0}),
    "negative curvature that Gauss-Newton lacks": lambda: vector("rescaled-cosh", NARROW, [0.0, 0.03, 0.97],
                                                                 w=[0.0, 0.0, 0.56]),
    "saturated start": lambda: vector("normalized-exp", options={"x0": np.full(2, 1e4)}, right=HALTED),
    "rtol of 0": lambda: vector("normalized-exp", options={"rtol": 0.0}, right=FOUND | {"stalled"},
                                others={"auto": FOUND, "newton": FOUND}),
    "no row free, b is 1": lambda: vector("rescaled-cosh", A[:1], [1.0]),
    "zeros in B": lambda: matrix("normalized-exp", B=np.where(B < 0.2, 0.0, B)),
    "near one-hot rows": lambda: matrix("normalized-exp", B=0.999 * np.eye(4)[[0, 1, 2, 3, 0]] + 0.00025),
    "one row": lambda: matrix("normalized-exp", A1[:1], A2, B[:1]),
    "one entry per row is kept": lambda: matrix("normalized-exp", mask=one_entry_per_row((5, 4))),
    "one entry per row is kept, cosh": lambda: matrix("normalized-cosh", mask=one_entry_per_row((5, 4))),
    "a column is dropped": lambda: matrix("normalized-exp", mask=np.arange(4) + 0 * B > 0),
    "float16": lambda: matrix("normalized-exp", B=B.astype(np.float16)),
    "1e-150": lambda: vector("normalized-exp", 1e-150 * A, others={"gradient-flow": HALTED}),
    "1e150": lambda: vector("normalized-exp", 1e150 * A),
    "1e-150, plain": lambda: vector("plain-exp", 1e-150 * A, others={"gradient-flow": HALTED}),
    "1e150, plain": lambda: vector("plain-exp", 1e150 * A),
    "1e150, cosh": lambda: matrix("normalized-cosh", A1, 1e150 * A2),
    "50 problems": lambda: vector("normalized-exp", b=np.random.default_rng(0).dirichlet(np.ones(6), size=50)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def watchdog():
    """An endless loop fails its test, and no other."""

    def late(*_: Any) -> None:
        raise TimeoutError(f"no answer within {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def directions(case: Case) -> list[Any]:
    """Changes of X that change z by about one: right singular vectors of the factors over singular values."""
    left = np.ones((1, 1)) if case.A1 is None else inverse_root(case.A1)
    return [np.outer(u, v) for u in left.T for v in inverse_root(case.A2).T]


def inverse_root(factor: Any) -> Any:
    scale = max(float(np.abs(factor).max()), 1e-300)
    _, S, Vt = np.linalg.svd(factor.astype(float) / scale, full_matrices=False)
    kept = S > 1e-10
    return Vt[kept].T / S[kept] / scale if kept.any() else np.zeros((factor.shape[1], 1))


def exact_loss(case: Case, X: Any) -> Callable[[Any], Any]:
    """The loss at 110 digits, as a function of the coefficients of `directions` around X."""
    A1 = oracle.exact(np.ones((1, 1)) if case.A1 is None else case.A1)
    A2, X, steps = oracle.exact(case.A2), oracle.exact(X), [oracle.exact(T) for T in directions(case)]
    B = oracle.exact(np.atleast_2d(case.B))
    w = None if case.w is None else oracle.exact(np.atleast_2d(case.w))

    def loss(t: Any) -> Any:
        moved = sum((c * T for c, T in zip(t, steps, strict=True)), start=X)
        return oracle.half_square(oracle.residual(case.loss, A1 @ moved @ A2.T, B, w, case.mask))

    return loss


def assert_minimum(case: Case, x: Any, value: float) -> None:
    """The value is right, no curvature is negative, and Newton's model promises no decrease."""
    if case.A1 is None and np.ndim(case.B) == 2:
        cases = [vector(case.loss, case.A2, row, w=case.w) for row in case.B]
        values = [solve(one.problem, x0=row, max_steps=1).history[0].value for one, row in zip(cases, x, strict=True)]
        assert value == pytest.approx(sum(values), rel=1e-12)  # sums of few terms
        for one, row, single in list(zip(cases, x, values, strict=True))[:: len(cases) // 3]:
            assert_minimum(one, row, single)
        return
    loss, origin = exact_loss(case, np.atleast_2d(x)), oracle.exact(np.zeros(len(directions(case))))
    with mpmath.workdps(oracle.DIGITS):
        v = float(loss(origin))
    size = v + 0.5 * float(np.sum(np.square(np.asarray(case.B, dtype=float))))
    assert abs(value - v) <= VALUE * (np.sqrt(size * v) + VALUE * size)
    g, H = oracle.gradient(loss, origin).astype(float), oracle.hessian(loss, origin).astype(float)
    curvatures, vectors = np.linalg.eigh(H)
    along = vectors.T @ g
    assert curvatures[0] >= -CURVATURE * max(curvatures[-1], size)
    curved = curvatures > CURVATURE * curvatures[-1]
    assert 0.5 * np.sum(along[curved] ** 2 / curvatures[curved]) <= DECREASE * size
    assert np.all(np.abs(along[~curved]) <= DECREASE * size)


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("name", CASES)
def test_edge(name, method):
    case = CASES[name]()
    options = {"max_steps": MAX_STEPS.get(method, 200), **case.options}
    solution = solve(case.problem, method=method, **options)
    assert solution.status in STATUS
    assert np.all(np.isfinite(solution.x))
    assert not any(np.isnan(row.value) for row in solution.history)
    if solution.status == "converged":
        assert np.isfinite(solution.value)
        assert np.isfinite(solution.gradient_norm)
        assert_minimum(case, solution.x, solution.value)
    assert solution.status in case.answers(method), solution


# What was found by random problems -----------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(40))
def test_random_problems(seed):
    rng = np.random.default_rng([seed, 5])
    kind, phi = ("plain", "rescaled", "normalized")[seed % 3], ("exp", "sinh", "cosh")[seed // 3 % 3]
    A1, A2 = rng.normal(size=(rng.integers(1, 5), 1)), rng.normal(size=(rng.integers(2, 6), rng.integers(1, 3)))
    B = rng.dirichlet(np.full(len(A2), rng.choice([0.1, 1.0])), size=len(A1))
    case = matrix(f"{kind}-{phi}", A1, A2, np.where(B < 0.05, 0.0, B), w=rng.choice([0.0, 0.1, 1.0], size=B.shape))
    solution = solve(case.problem, x0=rng.choice([0.3, 3.0]) * rng.normal(size=(1, A2.shape[1])))
    assert np.all(np.isfinite(solution.x))
    assert solution.status in ("converged", "unbounded", "stalled", "bad_start")
    if solution.success:
        assert_minimum(case, solution.x, solution.value)


@pytest.mark.parametrize("exponent", [-1000, -600, 600, 1000])
def test_the_subproblem_does_not_depend_on_the_units(exponent):
    # Powers of two: the step is the same, digit by digit, where squares of its numbers leave the range of floats.
    H, g, unit = np.array([[[2.0, 1.0], [1.0, -1.0]]]), np.array([0.3, -0.7]), 2.0**exponent
    step, scaled = minimize_model(H, g, 2.0), minimize_model(unit * H, unit * g, 2.0)
    np.testing.assert_array_equal(scaled.s, step.s)
    assert (scaled.decrease, scaled.lowest) == (unit * step.decrease, unit * step.lowest)


def test_a_sampled_hessian_of_zero_gets_some_damping():
    L, damping = damped_factor(np.zeros((2, 2)))
    assert damping > 0.0
    assert np.all(np.diag(L) > 0.0)


@pytest.mark.parametrize("failure", [UnboundLocalError, ValueError])
def test_a_failure_inside_scipy_blocks_the_step(failure, monkeypatch):
    def fails(*_: Any, **__: Any) -> None:
        raise failure

    monkeypatch.setattr("numeric.solvers.through_scipy.minimize", fails)
    solution = solve(VectorRegression("normalized-exp", A, b), method="trust-exact")
    assert (solution.status, solution.steps) == ("bad_start", 0)


def test_a_tiny_gradient_at_a_saddle_makes_no_tiny_units():
    step = minimize_model(np.diag([1.0, -1.0])[None], np.array([1e-200, 1e-200]), 1.0)
    assert np.linalg.norm(step.s) == pytest.approx(1.0)
    assert step.lowest == pytest.approx(-1.0)


@pytest.mark.parametrize("method", ["gradient-descent", "gradient-flow"])
def test_random_starts_of_paths_move_z_by_about_one(method):
    problem = VectorRegression("normalized-cosh", 1e8 * A, b)
    first = solve(problem, method=method, max_steps=1).history[0]
    assert first.value == pytest.approx(solve(problem).history[0].value, rel=1e-6)  # x is rounded on the way


def test_a_constant_loss_is_converged_and_not_unique():
    solution = solve(VectorRegression("normalized-sinh", np.ones((5, 2)), b[:5]))
    assert (solution.status, solution.unique) == ("converged", False)
    assert "Each x is a minimum: the loss has the same value at random points." in solution.message


def test_a_curvature_below_rounding_is_not_called_a_minimum():
    # alpha is 3e-4 of its absolute terms in each row: the pieces of the Hessian are 1e13 times what they leave.
    A1 = np.array([[0.07728208], [0.00170612], [0.00149028], [1.31517277]])
    A2 = np.array([[0.69422736], [0.26345844], [-0.95710181]])
    B = np.array([[0.969, 0.0, 0.031], [0.094, 0.002, 0.904], [0.996, 0.0, 0.004], [0.298, 0.573, 0.129]])
    w = np.array([[1.0, 0.1, 1.0], [1.0, 0.1, 0.0], [0.1, 1.0, 0.1], [1.0, 0.0, 0.1]])
    solution = solve(AttentionRegression("normalized-sinh", A1, A2, B, w=w), x0=[[-0.4157582]])
    assert (solution.status, solution.unique) == ("stalled", None)
    assert "the curvature cannot be decided in float64" in solution.message


def test_a_value_of_zero_is_called_a_global_minimum():
    solution = solve(VectorRegression("rescaled-sinh", A, b), x0=np.zeros(2))
    assert "A global minimum: the residual is zero" in solution.message


def test_other_solutions_are_named():
    wide = VectorRegression("normalized-exp", np.column_stack([A, A[:, 0]]), b)
    assert "this is the one of minimum norm" in solve(wide).message
    assert "where the path from the start ends" in solve(wide, method="gradient-descent").message
    assert "-x does as well" in solve(VectorRegression("normalized-cosh", A, b)).message


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"seed": 1.5}, "seed: got 1.5; a seed is a whole number"),
        ({"max_steps": 2.5}, "max_steps: got 2.5; a whole number is needed"),
        ({"starts": 2.5}, "starts: got 2.5; a whole number is needed"),
        ({"rtol": "small"}, "rtol: got small; a tolerance is a finite number"),
        ({"progress": 5}, r"progress: got 5; pass True for a line .* or a function of \(step, value"),
        ({"callback": [1]}, r"callback: got \[1\]; pass a function of x"),
        ({"problem": "head.npz"}, "problem: got str; make a VectorRegression or AttentionRegression of it"),
    ],
)
def test_wrong_types(options, match):
    with pytest.raises(InputError, match=match):
        solve(**{"problem": VectorRegression("normalized-exp", A, b), **options})
