r"""Softmax regression, weight shift and data shift: arXiv 2304.13276 (Li, Song, Xia, Yu, Zhou); the two shift theorems.

A move of x or A is a move of the target: with \tilde b = b - (f(x_{t+1}) - f(x_t)) the residual after the move is the
residual before it with \tilde b in place of b. The theorems bound \|\tilde b - b\|_2 = \|f(x_{t+1}) - f(x_t)\|_2 by M times
the move, M = n^{3/2} e^{10 R^2}. As that norm never exceeds \sqrt 2 (F8), they say nothing about moves of \sqrt 2 / M or
more; the entry F8-step of the table of constants is that step.
"""

from proofs_check import Matrix, Param, Scalar, Size, Vector, claim, constant, gradient, prediction, residual
from proofs_check.arithmetic import dot, minimum, norm2, outer, spectral, total
from proofs_check.catalogue.sharpening import sharpened

PAPER = "2304.13276"


def _shift(z, t):
    """b~ - b for a move from z = A x to t: minus the move of the prediction."""
    f = prediction("normalized-exp")
    return f(z) - f(t)


@claim(
    "P0-5-identity", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="a move is a shift of b"
)
def move_is_a_shift(n: Size(1, 64), z: Vector("n"), t: Vector("n"), b: Vector("n")):
    r"""f(x_{t+1}) - b = f(x_t) - \tilde b for \tilde b = b - (f(x_{t+1}) - f(x_t)), with z = A x_t, t = A x_{t+1}"""
    c = residual("normalized-exp")
    return c(t, b), c(z, b + _shift(z, t))


@claim("P0-5-sum", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="the shift has sum 0")
def shift_keeps_the_sum(n: Size(1, 64), z: Vector("n"), t: Vector("n"), b: Vector("n")):
    r"""\langle \tilde b, 1_n \rangle = \langle b, 1_n \rangle"""
    return total(b + _shift(z, t)), total(b)


@claim(
    "P0-5", paper=PAPER, kind="upper", provenance="reconstructed-M", expect="holds", title="Theorem 5.1, weight shift"
)
def weight_shift(
    n: Size(2, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\tilde b - b\|_2 \le n^{3/2} e^{10 R^2} \|x_{t+1} - x_t\|_2"""
    return norm2(_shift(A @ x, A @ y)), constant("P0-5", n=n, d=d, R=R) * norm2(x - y)


weight_shift_sharp = sharpened(weight_shift)


@claim("P0-6", paper=PAPER, kind="upper", provenance="reconstructed-M", expect="holds", title="Theorem 5.2, data shift")
def data_shift(
    n: Size(2, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), B: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\hat b - b\|_2 \le n^{3/2} e^{10 R^2} \|A_{t+1} - A_t\|"""
    return norm2(_shift(A @ x, B @ x)), constant("P0-6", n=n, d=d, R=R) * spectral(A - B)


data_shift_sharp = sharpened(data_shift)


@claim(
    "P0-6-best", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="best constant of a data shift"
)
def data_shift_best(
    n: Size(2, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), B: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\hat b - b\|_2 \le (\|x\|_2 / 2) \|A_{t+1} - A_t\|"""
    return norm2(_shift(A @ x, B @ x)), constant("P0-6-best", n=n, d=d, R=R) * norm2(x) * spectral(A - B)


data_shift_best_sharp = sharpened(data_shift_best)


@claim(
    "P0-5-gradient", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="shift of a gradient step"
)
def shift_of_a_gradient_step(
    n: Size(2, 16), d: Size(1, 4), R: Param("1/20", 4), eta: Scalar("1/1000", 1),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\|\tilde b - b\|_2 \le \eta (R^2 / 4) \|c(x_t)\|_2 for x_{t+1} = x_t - \eta \nabla L(x_t)"""
    z = A @ x
    move = A @ (A.T @ gradient("normalized-exp")(z, b))
    bound = constant("P0-5-gradient", n=n, d=d, R=R, eta=eta) * eta * norm2(residual("normalized-exp")(z, b))
    return norm2(_shift(z, z - eta * move)), bound


shift_of_a_gradient_step_sharp = sharpened(shift_of_a_gradient_step)


@claim("F8", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="shifts are at most sqrt 2")
def shifts_are_bounded(n: Size(2, 64), z: Vector("n"), t: Vector("n")):
    r"""\|\tilde b - b\|_2 \le \sqrt 2 for all A, x_t, x_{t+1}: P0-5, P0-6 and P0-7 say nothing about steps of
    \sqrt 2 / M or more"""
    return norm2(_shift(z, t)), constant("F8", n=n)


shifts_are_bounded_sharp = sharpened(shifts_are_bounded)


def _moves(A, x, step):
    r"""A weight move \delta = \|x\|_2^2 step, and the data move E = A \delta x^\top / \|x\|_2^2 that has its effect."""
    return dot(x, x) * step, outer(A @ step, x)


@claim("F9-match", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="an exact match exists")
def data_move_matches(n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d"), x: Vector("d"), step: Vector("d")):
    r"""(A + E) x_t = A (x_t + \delta) for E = A \delta x_t^\top / \|x_t\|_2^2, so that \hat b = \tilde b"""
    delta, E = _moves(A, x, step)
    return (A + E) @ x, A @ (x + delta)


@claim("F9", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="the opposite data move")
def opposite_data_move(
    n: Size(2, 16), d: Size(1, 4), A: Matrix("n", "d", spectral=2), x: Vector("d", norm2=2), step: Vector("d", norm2=1)
):
    r"""\|(\tilde b - b) + (\hat b - b)\|_2 \le \|A \delta\|_2^2 for the data move -E, of the same size as E: to first order
    the b-shifts of \delta and of -E are opposite, however small the moves are"""
    delta, E = _moves(A, x, step)
    weight, data = _shift(A @ x, A @ (x + delta)), _shift(A @ x, (A - E) @ x)
    return norm2(weight + data), constant("F9", n=n, d=d) * dot(A @ delta, A @ delta)


opposite_data_move_sharp = sharpened(opposite_data_move)


@claim("P0-8", paper=PAPER, kind="upper", provenance="derived", expect="refuted", title="closeness of the two shifts")
def shifts_are_close(
    n: Size(2, 16), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    B: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\|\hat b - \tilde b\|_2 \le \|\tilde b - b\|_2 for moves of A and of x of any size: closeness of weight shift and
    data shift as a consequence of P0-5 and P0-6, which hold for all of them (false: F9)"""
    weight, data = _shift(A @ x, A @ y), _shift(A @ x, B @ x)
    return norm2(data - weight), norm2(weight)


@claim("P0-8-equal", paper=PAPER, kind="upper", provenance="derived", expect="refuted", title="closeness, equal sizes")
def shifts_of_equal_size_are_close(
    n: Size(2, 16), d: Size(1, 4), s: Param(-1, "-1/2"), A: Matrix("n", "d", spectral=2), x: Vector("d", norm2=2),
    step: Vector("d", norm2="1/100"),
):  # fmt: skip
    r"""\|\hat b - \tilde b\|_2 \le \|\tilde b - b\|_2 for every small weight move and every data move that is no
    larger than its match E; here the data moves s E with -1 \le s \le -1/2 (false: F9)"""
    delta, E = _moves(A, x, step)
    weight, data = _shift(A @ x, A @ (x + delta)), _shift(A @ x, (A + s * E) @ x)
    return norm2(data - weight), norm2(weight)


def _alpha(z):
    return total(prediction("plain-exp")(z))


@claim("F15", paper=PAPER, kind="lower", provenance="derived", expect="refuted", title="alpha on a segment")
def normalizer_on_a_segment(
    n: Size(1, 16), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
):  # fmt: skip
    r"""\alpha((x + y) / 2) \ge \min(\alpha(x), \alpha(y)) (false: \alpha is convex; A = (1, -1)^\top)"""
    return _alpha(A @ (x + y) / 2), minimum(_alpha(A @ x), _alpha(A @ y))
