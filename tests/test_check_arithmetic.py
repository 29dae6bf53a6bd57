"""Generic arithmetic: one expression, four back ends, against mpmath; balls contain, wrong operands are refused."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb, fmpq

from proofs_check import arithmetic as ar
from proofs_check.arithmetic import Array, working_in
from proofs_check.arrays import exact
from proofs_check.arrays.backends import BALLS, DIGITS, SYMBOLS, batched, joined
from proofs_check.arrays.balls import precision
from proofs_check.arrays.screen import Screen

SCREEN_TOLERANCE = 1e-12  # float64 with conditioning below 1e3
BALL_WIDTH = 1e-25  # 128 bits leave 38 digits; eigenvalues at float64 bases leave 16, see their own test

A = exact.array([["1/2", -1, 2], [0, "3/4", 1], ["-2/3", 1, "1/5"]])
S = exact.array([[2, "1/2", 0], ["1/2", 1, "-1/3"], [0, "-1/3", 3]])
X = exact.array(["1/3", -2, "5/7"])
INSTANCE = {"A": A, "S": S, "x": X, "t": fmpq(3, 2)}

mp_matrix = lambda m: mpmath.matrix([[mpmath.mpf(int(c.p)) / int(c.q) for c in row] for row in m])  # noqa: E731
mp_vector = lambda v: [mpmath.mpf(int(c.p)) / int(c.q) for c in v]  # noqa: E731


def singular_value():
    return mpmath.sqrt(max(mpmath.eigsy(mp_matrix(A).T * mp_matrix(A), eigvals_only=True)))


TABLE = {
    "norm1": (lambda a: ar.norm1(a["x"]), lambda: sum(map(abs, mp_vector(X)))),
    "norm2": (lambda a: ar.norm2(a["x"]), lambda: mpmath.norm(mp_vector(X))),
    "norm_inf": (lambda a: ar.norm_inf(a["x"]), lambda: mpmath.mpf(2)),
    "frobenius": (lambda a: ar.frobenius(a["A"]), lambda: mpmath.norm(list(mp_matrix(A)))),
    "exp": (lambda a: ar.total(ar.exp(a["x"])), lambda: sum(map(mpmath.exp, mp_vector(X)))),
    "log": (lambda a: ar.log(a["t"]), lambda: mpmath.log(1.5)),
    "sqrt": (lambda a: ar.sqrt(a["t"]), lambda: mpmath.sqrt(1.5)),
    "sinh": (lambda a: ar.sinh(a["x"])[1], lambda: mpmath.sinh(-2)),
    "cosh": (lambda a: ar.cosh(a["x"])[1], lambda: mpmath.cosh(-2)),
    "tanh": (lambda a: ar.tanh(a["x"])[1], lambda: mpmath.tanh(-2)),
    "absolute": (lambda a: ar.absolute(a["x"])[1], lambda: mpmath.mpf(2)),
    "maximum": (lambda a: ar.maximum(a["x"]) + ar.maximum(a["t"], 2), lambda: mpmath.mpf(5) / 7 + 2),
    "minimum": (lambda a: ar.minimum(a["x"]) + ar.minimum(a["t"], 2), lambda: mpmath.mpf("-0.5")),
    "trace": (lambda a: ar.trace(a["A"]), lambda: mpmath.mpf("1.45")),
    "det": (lambda a: ar.det(a["A"]), lambda: mpmath.det(mp_matrix(A))),
    "diagonal": (lambda a: ar.det(ar.diagonal(ar.diagonal(a["A"]))), lambda: mpmath.mpf("0.075")),
    "outer": (lambda a: ar.outer(a["x"], a["x"])[0, 1], lambda: mpmath.mpf(-2) / 3),
    "kron": (lambda a: ar.kron(a["A"], a["S"])[1, 5], lambda: mpmath.mpf(1) / 3),
    "dot": (lambda a: ar.dot(a["x"], a["A"] @ a["x"]), lambda: _quadratic()),
    "solve": (lambda a: ar.solve(a["A"], a["x"])[2], lambda: mpmath.lu_solve(mp_matrix(A), mp_vector(X))[2]),
    "softmax": (lambda a: ar.softmax(a["x"])[0], lambda: _softmax(0)),
    "vec": (lambda a: ar.vec(a["A"])[5], lambda: mpmath.mpf(1)),
    "eye": (lambda a: ar.total(ar.eye(3) @ a["x"]), lambda: sum(mp_vector(X))),
    "ones": (lambda a: ar.ones(3) @ a["x"], lambda: sum(mp_vector(X))),
    "vector": (lambda a: ar.vector([1, a["t"], Fraction(1, 3)])[1:][1], lambda: mpmath.mpf(1) / 3),
    "matrix": (lambda a: ar.matrix([a["x"], [1, 2, 3]]).T[2, 0], lambda: mpmath.mpf(5) / 7),
    "power": (lambda a: a["t"] ** Fraction(-3, 2) + a["x"][1] ** 3, lambda: mpmath.mpf(1.5) ** -1.5 - 8),
    "mixed": (lambda a: (2 - a["t"]) / 3 + 1 / a["t"] - (-a["t"]), lambda: mpmath.mpf(1) / 6 + mpmath.mpf(2) / 3 + 1.5),
    "number": (lambda a: ar.sqrt(2) * a["t"], lambda: mpmath.sqrt(2) * 1.5),
}
SPECTRAL = {
    "spectral": (lambda a: ar.spectral(a["A"]), singular_value),
    "lambda_max": (lambda a: ar.lambda_max(a["S"]), lambda: max(mpmath.eigsy(mp_matrix(S), eigvals_only=True))),
    "lambda_min": (lambda a: ar.lambda_min(a["S"]), lambda: min(mpmath.eigsy(mp_matrix(S), eigvals_only=True))),
}


def _quadratic():
    x = mpmath.matrix(mp_vector(X))
    return (x.T * mp_matrix(A) * x)[0]


def _softmax(i):
    e = [mpmath.exp(v) for v in mp_vector(X)]
    return e[i] / sum(e)


def on(backend, operation):
    with working_in(backend):
        return operation({name: joined(value, backend) for name, value in INSTANCE.items()})


@pytest.mark.parametrize("name", sorted(TABLE | SPECTRAL))
def test_operations_agree_with_mpmath(name):
    operation, oracle = (TABLE | SPECTRAL)[name]
    with mpmath.workdps(60):
        expected = oracle() * 1
        with working_in(Screen(2)):
            screened = operation(batched([INSTANCE, INSTANCE]))
        with precision(192):
            ball = arb(on(BALLS, operation).data[()])
            middle = arb(mpmath.nstr(expected, 50))
            assert ball.overlaps(middle + arb(0, 1e-40 * max(1, abs(float(expected)))))
            width = 1e-12 if name in SPECTRAL else BALL_WIDTH
            assert ball.rad() <= width
        assert mpmath.almosteq(on(DIGITS, operation).data[()], expected, 1e-45)
        if name not in SPECTRAL:
            assert abs(sympy.N(on(SYMBOLS, operation).data[()], 40) - sympy.Float(str(expected), 40)) < 1e-30
    value = screened.data.mantissa * np.exp(screened.data.scale)
    np.testing.assert_allclose(value, float(expected), rtol=SCREEN_TOLERANCE)


def test_screen_survives_sizes_beyond_floats():
    with working_in(Screen(1)):
        r = ar.exp(20 * Fraction(8) ** 2 * (ar.sqrt(4) / 2))
        quotient = ar.log(r * r / r)
    assert r.data.scale[0] == pytest.approx(1280)
    assert quotient.data.mantissa[0] == pytest.approx(1280)


@pytest.mark.parametrize(
    ("operation", "error", "text"),
    [
        (lambda a: a["A"] @ ar.ones(2), ValueError, r"shapes \(3, 3\) and \(2,\)"),
        (lambda a: a["A"] + a["x"], ValueError, r"\(3, 3\) and \(3,\)"),
        (lambda a: a["x"] * 0.5, TypeError, "float 0.5"),
        (lambda a: a["x"] * sympy.Float("0.5"), TypeError, "Float"),
        (lambda a: a["x"] < a["x"], TypeError, "assume"),
        (lambda a: a["x"] == a["x"], TypeError, "assume"),
        (lambda a: bool(a["t"]), TypeError, "truth value"),
        (lambda a: float(a["t"]), TypeError, "float\\(\\)"),
        (lambda a: a["x"] @ 2, TypeError, "write \\* instead"),
        (lambda a: a["t"] @ a["x"], ValueError, "write \\* instead"),
        (lambda a: a["x"][7], IndexError, "index 7"),
        (lambda a: a["x"][0, 0], IndexError, "at most 1"),
        (lambda a: a["x"]["0"], TypeError, "whole number or a slice"),
        (lambda a: a["x"] + "1", TypeError, "vector\\(...\\)"),
        (lambda a: ar.norm2(a["A"]), ValueError, "needs a vector"),
        (lambda a: ar.norm2(3), TypeError, "array of the claim"),
        (lambda a: ar.exp("1"), TypeError, "exact number"),
        (lambda a: ar.trace(ar.ones(2, 3)), ValueError, "square matrix"),
        (lambda a: ar.solve(a["A"], ar.ones(2)), ValueError, "as many rows"),
        (lambda a: ar.vector([]), ValueError, "at least one"),
        (lambda a: ar.vector([a["x"]]), ValueError, "numbers as entries"),
        (lambda a: ar.matrix([[1], [1, 2]]), ValueError, r"lengths \[1, 2\]"),
        (lambda a: ar.lambda_max(a["A"]), ValueError, "symmetric"),
        (lambda a: len(a["t"]), TypeError, "no length"),
    ],
)
def test_wrong_operands_are_refused(operation, error, text):
    with pytest.raises(error, match=text):
        on(BALLS, operation)


def test_arrays_of_two_backends_do_not_mix():
    with pytest.raises(TypeError, match="two back ends"):
        joined(X, BALLS) + joined(X, DIGITS)
    with pytest.raises(TypeError, match="body of a claim"):
        ar.sqrt(2)


def test_undefined_operations_decide_nothing():
    with working_in(BALLS):
        vanishing = ar.sqrt(2) - ar.sqrt(2)
        for undefined in (
            ar.log(-1),
            ar.sqrt(-1),
            1 / vanishing,
            1 / (ar.sqrt(4) - 2),
            ar.solve(ar.ones(2, 2), ar.ones(2))[0],
        ):
            assert undefined.data[()].is_nan()


UNARY = ("exp", "sinh", "cosh", "tanh", "absolute", "sqrt", "log", "negative")


def test_balls_contain_points_of_their_arguments():
    """A rational point inside the input ball lands in the output ball, at two precisions."""
    rng = np.random.default_rng(1)
    for trial in range(4000):
        name = UNARY[trial % len(UNARY)]
        point = fmpq(int(rng.integers(-4000, 4000)), 997)
        point = abs(point) + fmpq(1, 7) if name in ("sqrt", "log") else point
        radius = fmpq(1, int(rng.integers(8, 10**6)))
        with precision(64):
            centre = point + radius * fmpq(int(rng.integers(-99, 100)), 100)
            wide = Array(BALLS.array_of(arb(centre, arb(radius).upper())), BALLS)
            out = wide.backend.unary(name, wide.data)[()]
        with precision(300):
            exactly = BALLS.unary(name, BALLS.array_of(point))[()]
            assert arb(out).overlaps(arb(exactly)), (name, point, radius)


def test_binary_operations_contain_points():
    rng = np.random.default_rng(2)
    operations = ("add", "subtract", "multiply", "divide", "maximum", "minimum")
    for trial in range(3000):
        name = operations[trial % len(operations)]
        points = [fmpq(int(rng.integers(-500, 500)), 101) for _ in range(2)]
        points[1] = points[1] + 9 if name == "divide" else points[1]
        with precision(64):
            balls = [BALLS.array_of(arb(p + fmpq(1, 2000), arb(fmpq(1, 1000)))) for p in points]
            out = BALLS.binary(name, *balls)[()]
        exactly = BALLS.binary(name, *(BALLS.array_of(p) for p in points))[()]
        assert isinstance(exactly, fmpq)
        with precision(300):
            assert arb(out).overlaps(arb(exactly)), (name, points)
