"""Rescaled exp, cosh and sinh regression: arXiv 2305.00660 (Gao, Song, Yin); in-context shifts of the data b."""

from proofs_check import Matrix, Param, Size, Vector, claim, constant, prediction, residual
from proofs_check.arithmetic import norm2, spectral, total
from proofs_check.catalogue.derived_losses import projector_norm
from proofs_check.catalogue.sharpening import sharpened


def _shift(name, z, t, b):
    r"""\tilde b - b = -P (u(t) - u(z)) / \alpha(z) for the move from z to t, and u(z)."""
    u = prediction(name)
    before, moved = u(z), u(t) - u(z)
    return (total(moved) * b - moved) / total(before), before


@claim(
    "P3-13-identity-exp",
    paper="2305.00660",
    kind="equality",
    provenance="derived",
    expect="proved",
    title="the b-shift",
)
def shift_of_exp_identity(
    n: Size(1, 16), z: Vector("n"), t: Vector("n"), b: Vector("n"),
):  # fmt: skip
    r"""u_t - \alpha_t \tilde b = u_{t+1} - \alpha_{t+1} b for \tilde b = b - \alpha_t^{-1} P (u_{t+1} - u_t),  u = \exp(z), whether z = Ax moves by x or by A"""
    shift, u = _shift("plain-exp", z, t, b)
    return u - total(u) * (b + shift), residual("rescaled-exp")(t, b)


@claim(
    "P3-13-identity-cosh",
    paper="2305.00660",
    kind="equality",
    provenance="derived",
    expect="proved",
    title="the b-shift",
)
def shift_of_cosh_identity(
    n: Size(1, 16), z: Vector("n"), t: Vector("n"), b: Vector("n"),
):  # fmt: skip
    r"""u_t - \alpha_t \tilde b = u_{t+1} - \alpha_{t+1} b for \tilde b = b - \alpha_t^{-1} P (u_{t+1} - u_t),  u = \cosh(z), whether z = Ax moves by x or by A"""
    shift, u = _shift("plain-cosh", z, t, b)
    return u - total(u) * (b + shift), residual("rescaled-cosh")(t, b)


@claim(
    "P3-13-identity-sinh",
    paper="2305.00660",
    kind="equality",
    provenance="derived",
    expect="holds",
    title="the b-shift",
)
def shift_of_sinh_identity(
    n: Size(1, 16), z: Vector("n"), t: Vector("n"), b: Vector("n"),
):  # fmt: skip
    r"""u_t - \alpha_t \tilde b = u_{t+1} - \alpha_{t+1} b for \tilde b = b - \alpha_t^{-1} P (u_{t+1} - u_t),  u = \sinh(z), whether z = Ax moves by x or by A"""
    shift, u = _shift("plain-sinh", z, t, b)
    return u - total(u) * (b + shift), residual("rescaled-sinh")(t, b)


@claim(
    "P3-13-exp", paper="2305.00660", kind="upper", provenance="reconstructed-L", expect="holds", title="weight shift"
)
def shift_of_exp_in_x(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\tilde b - b\|_2 \le n^{3/2} e^{10R^2} \|x_{t+1} - x_t\|_2 for rescaled exp"""
    return norm2(_shift("plain-exp", A @ x, A @ y, b)[0]), constant("P3-13", n=n, R=R) * norm2(x - y)


shift_of_exp_in_x_sharp = sharpened(shift_of_exp_in_x)


@claim(
    "P3-13-data-exp", paper="2305.00660", kind="upper", provenance="reconstructed-L", expect="holds", title="data shift"
)
def shift_of_exp_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\tilde b - b\|_2 \le n^{3/2} e^{10R^2} \|A_{t+1} - A_t\| for rescaled exp"""
    return norm2(_shift("plain-exp", A @ x, C @ x, b)[0]), constant("P3-13", n=n, R=R) * spectral(A - C)


shift_of_exp_in_data_sharp = sharpened(shift_of_exp_in_data)


@claim(
    "P3-13-cosh", paper="2305.00660", kind="upper", provenance="reconstructed-L", expect="holds", title="weight shift"
)
def shift_of_cosh_in_x(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\tilde b - b\|_2 \le n^{3/2} e^{10R^2} \|x_{t+1} - x_t\|_2 for rescaled cosh"""
    return norm2(_shift("plain-cosh", A @ x, A @ y, b)[0]), constant("P3-13", n=n, R=R) * norm2(x - y)


shift_of_cosh_in_x_sharp = sharpened(shift_of_cosh_in_x)


@claim(
    "P3-13-data-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="holds",
    title="data shift",
)
def shift_of_cosh_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\tilde b - b\|_2 \le n^{3/2} e^{10R^2} \|A_{t+1} - A_t\| for rescaled cosh"""
    return norm2(_shift("plain-cosh", A @ x, C @ x, b)[0]), constant("P3-13", n=n, R=R) * spectral(A - C)


shift_of_cosh_in_data_sharp = sharpened(shift_of_cosh_in_data)


@claim(
    "P3-13-sinh", paper="2305.00660", kind="upper", provenance="reconstructed-L", expect="refuted", title="weight shift"
)
def shift_of_sinh_in_x(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\tilde b - b\|_2 \le n^{3/2} e^{10R^2} \|x_{t+1} - x_t\|_2 for rescaled sinh"""
    return norm2(_shift("plain-sinh", A @ x, A @ y, b)[0]), constant("P3-13", n=n, R=R) * norm2(x - y)


@claim(
    "P3-13-data-sinh",
    paper="2305.00660",
    kind="upper",
    provenance="reconstructed-L",
    expect="refuted",
    title="data shift",
)
def shift_of_sinh_in_data(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), C: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\tilde b - b\|_2 \le n^{3/2} e^{10R^2} \|A_{t+1} - A_t\| for rescaled sinh"""
    return norm2(_shift("plain-sinh", A @ x, C @ x, b)[0]), constant("P3-13", n=n, R=R) * spectral(A - C)


@claim(
    "P3-13-best-exp",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="weight shift, sharper constant",
)
def shift_of_exp_best(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\tilde b - b\|_2 \le \|P\| R v_{\max} / \alpha_{low} \|x_{t+1} - x_t\|_2,  \alpha_{low} = n e^{-R^2/\sqrt n}, for rescaled exp"""
    shift, _ = _shift("plain-exp", A @ x, A @ y, b)
    return norm2(shift), constant("P3-13-best-exp", P=projector_norm(b), n=n, R=R) * norm2(x - y)


shift_of_exp_best_sharp = sharpened(shift_of_exp_best)


@claim(
    "P3-13-best-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="weight shift, sharper constant",
)
def shift_of_cosh_best(
    n: Size(1, 64), d: Size(1, 8), R: Param("1/20", 8),
    A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\tilde b - b\|_2 \le \|P\| R v_{\max} / \alpha_{low} \|x_{t+1} - x_t\|_2,  \alpha_{low} = n, for rescaled cosh"""
    shift, _ = _shift("plain-cosh", A @ x, A @ y, b)
    return norm2(shift), constant("P3-13-best-cosh", P=projector_norm(b), n=n, R=R) * norm2(x - y)


shift_of_cosh_best_sharp = sharpened(shift_of_cosh_best)
