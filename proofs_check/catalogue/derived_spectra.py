"""Ranges of the eigenvalues of B, the Hessian in z, derived beside 2304.13276 and 2305.00660; n up to 16."""

from proofs_check import Matrix, Param, Size, Vector, claim, constant, hessian, prediction
from proofs_check.arithmetic import lambda_max, lambda_min, norm2, ones, trace, vector
from proofs_check.catalogue.derived_losses import projector_norm
from proofs_check.catalogue.sharpening import sharpened


@claim(
    "K12-lower",
    paper="2304.13276",
    kind="lower",
    provenance="derived",
    expect="holds",
    title="smallest eigenvalue of B",
)
def normalized_exp_eigenvalue_below(
    n: Size(2, 8), z: Vector("n"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\lambda_{\min}(B) \ge -0.24042 for normalized exp and b in the simplex (observed, not proved)"""
    return lambda_min(hessian("normalized-exp")(z, b)), constant("K12-lower")


normalized_exp_eigenvalue_below_sharp = sharpened(normalized_exp_eigenvalue_below)


@claim(
    "K12-upper", paper="2304.13276", kind="upper", provenance="derived", expect="holds", title="largest eigenvalue of B"
)
def normalized_exp_eigenvalue_above(
    n: Size(2, 8), z: Vector("n"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\lambda_{\max}(B) \le 0.30813 for normalized exp and b in the simplex (observed, not proved)"""
    return lambda_max(hessian("normalized-exp")(z, b)), constant("K12-upper")


normalized_exp_eigenvalue_above_sharp = sharpened(normalized_exp_eigenvalue_above)


@claim(
    "K12-prime-lower",
    paper="2305.00660",
    kind="lower",
    provenance="derived",
    expect="holds",
    title="smallest eigenvalue of B",
)
def normalized_cosh_eigenvalue_below(
    n: Size(2, 8), z: Vector("n"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\lambda_{\min}(B) \ge -8/27 for normalized cosh and b in the simplex (observed, not proved)"""
    return lambda_min(hessian("normalized-cosh")(z, b)), constant("K12-prime-lower")


normalized_cosh_eigenvalue_below_sharp = sharpened(normalized_cosh_eigenvalue_below)


@claim(
    "K12-prime-upper",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="largest eigenvalue of B",
)
def normalized_cosh_eigenvalue_above(
    n: Size(2, 8), z: Vector("n"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\lambda_{\max}(B) \le 0.30813 for normalized cosh and b in the simplex (observed, not proved)"""
    return lambda_max(hessian("normalized-cosh")(z, b)), constant("K12-prime-upper")


normalized_cosh_eigenvalue_above_sharp = sharpened(normalized_cosh_eigenvalue_above)


@claim(
    "K12-proved-lower",
    paper="2304.13276",
    kind="lower",
    provenance="derived",
    expect="holds",
    title="smallest eigenvalue, proved bound",
)
def normalized_exp_eigenvalue_proved_below(
    n: Size(2, 8), z: Vector("n"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\lambda_{\min}(B) \ge -1 for normalized exp and b in the simplex"""
    return lambda_min(hessian("normalized-exp")(z, b)), constant("K12-proved-lower")


normalized_exp_eigenvalue_proved_below_sharp = sharpened(normalized_exp_eigenvalue_proved_below)


@claim(
    "K12-proved-upper",
    paper="2304.13276",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="largest eigenvalue, proved bound",
)
def normalized_exp_eigenvalue_proved_above(
    n: Size(2, 8), z: Vector("n"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\lambda_{\max}(B) \le 5/4 for normalized exp and b in the simplex"""
    return lambda_max(hessian("normalized-exp")(z, b)), constant("K12-proved-upper")


normalized_exp_eigenvalue_proved_above_sharp = sharpened(normalized_exp_eigenvalue_proved_above)


@claim("K12-two", paper="2304.13276", kind="equality", provenance="derived", expect="proved", title="B for n = 2")
def normalized_exp_eigenvalue_of_two(
    z: Vector(2),
):  # fmt: skip
    r"""\mathrm{tr} B = 4 p^2 (1 - p)(2 - 3p),  p = f_1, for n = 2, b = e_2: the eigenvalue beside 0"""
    p = prediction("normalized-exp")(z)[0]
    return trace(hessian("normalized-exp")(z, vector([0, 1]))), 4 * p**2 * (1 - p) * (2 - 3 * p)


@claim(
    "K12-shift",
    paper="2304.13276",
    kind="equality",
    provenance="derived",
    expect="proved",
    title="softmax is shift invariant",
)
def normalized_exp_shift(
    n: Size(1, 16), z: Vector("n"), b: Vector("n"),
):  # fmt: skip
    r"""B 1_n = 0 for normalized exp: B + W^2, never B, can be positive definite"""
    return hessian("normalized-exp")(z, b) @ ones(n), 0


@claim(
    "K13-exp", paper="2305.00660", kind="lower", provenance="derived", expect="holds", title="smallest eigenvalue of B"
)
def rescaled_exp_eigenvalue_below(
    n: Size(1, 16), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\lambda_{\min}(B) \ge -(1 + \|b\|_2) \|P\| u_{\max} U_2 for rescaled exp,  u_{\max} = e^{R^2}"""
    B = hessian("rescaled-exp")(A @ x, b)
    return lambda_min(B), constant("K13-exp", b=norm2(b), P=projector_norm(b), n=n, R=R)


rescaled_exp_eigenvalue_below_sharp = sharpened(rescaled_exp_eigenvalue_below)


@claim(
    "K13-cosh", paper="2305.00660", kind="lower", provenance="derived", expect="holds", title="smallest eigenvalue of B"
)
def rescaled_cosh_eigenvalue_below(
    n: Size(1, 16), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\lambda_{\min}(B) \ge -(1 + \|b\|_2) \|P\| u_{\max} U_2 for rescaled cosh,  u_{\max} = \cosh R^2"""
    B = hessian("rescaled-cosh")(A @ x, b)
    return lambda_min(B), constant("K13-cosh", b=norm2(b), P=projector_norm(b), n=n, R=R)


rescaled_cosh_eigenvalue_below_sharp = sharpened(rescaled_cosh_eigenvalue_below)


@claim(
    "K13-sinh", paper="2305.00660", kind="lower", provenance="derived", expect="holds", title="smallest eigenvalue of B"
)
def rescaled_sinh_eigenvalue_below(
    n: Size(1, 16), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\lambda_{\min}(B) \ge -(1 + \|b\|_2) \|P\| u_{\max} U_2 for rescaled sinh,  u_{\max} = \sinh R^2"""
    B = hessian("rescaled-sinh")(A @ x, b)
    return lambda_min(B), constant("K13-sinh", b=norm2(b), P=projector_norm(b), R=R)


rescaled_sinh_eigenvalue_below_sharp = sharpened(rescaled_sinh_eigenvalue_below)


@claim(
    "K14-exp", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="largest eigenvalue of B"
)
def rescaled_exp_eigenvalue_above(
    n: Size(1, 16), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\lambda_{\max}(B) \le \|P\|^2 v_{\max}^2 + (1 + \|b\|_2) \|P\| u_{\max} U_2 for rescaled exp"""
    B = hessian("rescaled-exp")(A @ x, b)
    return lambda_max(B), constant("K14-exp", b=norm2(b), P=projector_norm(b), n=n, R=R)


rescaled_exp_eigenvalue_above_sharp = sharpened(rescaled_exp_eigenvalue_above)


@claim(
    "K14-cosh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="largest eigenvalue of B"
)
def rescaled_cosh_eigenvalue_above(
    n: Size(1, 16), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\lambda_{\max}(B) \le \|P\|^2 v_{\max}^2 + (1 + \|b\|_2) \|P\| u_{\max} U_2 for rescaled cosh"""
    B = hessian("rescaled-cosh")(A @ x, b)
    return lambda_max(B), constant("K14-cosh", b=norm2(b), P=projector_norm(b), n=n, R=R)


rescaled_cosh_eigenvalue_above_sharp = sharpened(rescaled_cosh_eigenvalue_above)


@claim(
    "K14-sinh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="largest eigenvalue of B"
)
def rescaled_sinh_eigenvalue_above(
    n: Size(1, 16), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\lambda_{\max}(B) \le \|P\|^2 v_{\max}^2 + (1 + \|b\|_2) \|P\| u_{\max} U_2 for rescaled sinh"""
    B = hessian("rescaled-sinh")(A @ x, b)
    return lambda_max(B), constant("K14-sinh", b=norm2(b), P=projector_norm(b), R=R)


rescaled_sinh_eigenvalue_above_sharp = sharpened(rescaled_sinh_eigenvalue_above)


@claim(
    "K13-simplex",
    paper="2305.00660",
    kind="lower",
    provenance="derived",
    expect="holds",
    title="smallest eigenvalue of B, simplex",
)
def rescaled_eigenvalue_below_simplex(
    n: Size(2, 16), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\lambda_{\min}(B) \ge -2 n \|b\|_2 e^{2R^2} for rescaled exp and b in the simplex"""
    return lambda_min(hessian("rescaled-exp")(A @ x, b)), constant("K13-simplex", b=norm2(b), n=n, R=R)


rescaled_eigenvalue_below_simplex_sharp = sharpened(rescaled_eigenvalue_below_simplex)


@claim(
    "K14-simplex",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="largest eigenvalue of B, simplex",
)
def rescaled_eigenvalue_above_simplex(
    n: Size(2, 16), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\lambda_{\max}(B) \le 3 n e^{2R^2} for rescaled exp and b in the simplex"""
    return lambda_max(hessian("rescaled-exp")(A @ x, b)), constant("K14-simplex", n=n, R=R)


rescaled_eigenvalue_above_simplex_sharp = sharpened(rescaled_eigenvalue_above_simplex)


@claim(
    "K13-ball",
    paper="2305.00660",
    kind="lower",
    provenance="derived",
    expect="holds",
    title="smallest eigenvalue of B, ball",
)
def rescaled_eigenvalue_below_ball(
    n: Size(1, 16), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\lambda_{\min}(B) \ge -2 (n + \sqrt n) e^{2R^2} for rescaled exp and \|b\|_2 \le 1"""
    return lambda_min(hessian("rescaled-exp")(A @ x, b)), constant("K13-ball", n=n, R=R)


rescaled_eigenvalue_below_ball_sharp = sharpened(rescaled_eigenvalue_below_ball)


@claim(
    "K14-ball",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="largest eigenvalue of B, ball",
)
def rescaled_eigenvalue_above_ball(
    n: Size(1, 16), d: Size(1, 4), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"),
    b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\lambda_{\max}(B) \le (3n + 4 \sqrt n + 1) e^{2R^2} for rescaled exp and \|b\|_2 \le 1"""
    return lambda_max(hessian("rescaled-exp")(A @ x, b)), constant("K14-ball", n=n, R=R)


rescaled_eigenvalue_above_ball_sharp = sharpened(rescaled_eigenvalue_above_ball)
