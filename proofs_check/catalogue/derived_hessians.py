"""How far Hessians move, derived beside 2304.13276 and 2305.00660; n up to 8."""

from proofs_check import Matrix, Param, Size, Vector, claim, constant, hessian
from proofs_check.arithmetic import norm2, spectral
from proofs_check.catalogue.derived_losses import projector_norm
from proofs_check.catalogue.sharpening import sharpened


def _hessian_moved(name, A, x, y, b):
    """Spectral norm of the change of the Hessian in x."""
    H = hessian(name)
    return spectral(A.T @ (H(A @ x, b) - H(A @ y, b)) @ A)


@claim("K15-exp", paper="2304.13276", kind="upper", provenance="derived", expect="holds", title="Hessian is Lipschitz")
def normalized_exp_hessian_lipschitz(
    n: Size(2, 8), d: Size(1, 3), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le 4 R^3 \|x - y\|_2 for normalized exp and b in the simplex"""
    return _hessian_moved("normalized-exp", A, x, y, b), constant("K15-exp", R=R) * norm2(x - y)


normalized_exp_hessian_lipschitz_sharp = sharpened(normalized_exp_hessian_lipschitz)


@claim(
    "K15-best-exp",
    paper="2304.13276",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="Hessian, best constant seen",
)
def normalized_exp_hessian_lipschitz_best(
    n: Size(2, 3), d: Size(1, 2), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le 0.5715 R^3 \|x - y\|_2 for normalized exp and b in the simplex (observed, not proved)"""
    return _hessian_moved("normalized-exp", A, x, y, b), constant("K15-best-exp", R=R) * norm2(x - y)


normalized_exp_hessian_lipschitz_best_sharp = sharpened(normalized_exp_hessian_lipschitz_best)


@claim(
    "K15-best-cosh",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="Hessian, best constant seen",
)
def normalized_cosh_hessian_lipschitz_best(
    n: Size(2, 3), d: Size(1, 2), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", simplex=True),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le 0.5715 R^3 \|x - y\|_2 for normalized cosh and b in the simplex (observed, not proved)"""
    return _hessian_moved("normalized-cosh", A, x, y, b), constant("K15-best-cosh", R=R) * norm2(x - y)


normalized_cosh_hessian_lipschitz_best_sharp = sharpened(normalized_cosh_hessian_lipschitz_best)


@claim("K16-exp", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="Hessian is Lipschitz")
def rescaled_exp_hessian_lipschitz(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le R^3 \|P\|^2 (\sqrt n + 3) e^{2R^2} \|x - y\|_2 for rescaled exp"""
    moved = _hessian_moved("rescaled-exp", A, x, y, b)
    return moved, constant("K16-exp", P=projector_norm(b), n=n, R=R) * norm2(x - y)


rescaled_exp_hessian_lipschitz_sharp = sharpened(rescaled_exp_hessian_lipschitz)


@claim("K16-cosh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="Hessian is Lipschitz")
def rescaled_cosh_hessian_lipschitz(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le R^3 \|P\|^2 (\sqrt n + 3) e^{2R^2} \|x - y\|_2 for rescaled cosh"""
    moved = _hessian_moved("rescaled-cosh", A, x, y, b)
    return moved, constant("K16-cosh", P=projector_norm(b), n=n, R=R) * norm2(x - y)


rescaled_cosh_hessian_lipschitz_sharp = sharpened(rescaled_cosh_hessian_lipschitz)


@claim("K16-sinh", paper="2305.00660", kind="upper", provenance="derived", expect="holds", title="Hessian is Lipschitz")
def rescaled_sinh_hessian_lipschitz(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", norm2=4),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le R^3 \|P\|^2 (\sqrt n + 3) e^{2R^2} \|x - y\|_2 for rescaled sinh"""
    moved = _hessian_moved("rescaled-sinh", A, x, y, b)
    return moved, constant("K16-sinh", P=projector_norm(b), n=n, R=R) * norm2(x - y)


rescaled_sinh_hessian_lipschitz_sharp = sharpened(rescaled_sinh_hessian_lipschitz)


@claim(
    "K16-ball",
    paper="2305.00660",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="Hessian is Lipschitz, ball",
)
def rescaled_hessian_lipschitz_ball(
    n: Size(1, 8), d: Size(1, 3), R: Param("1/20", 4), A: Matrix("n", "d", spectral="R"),
    x: Vector("d", norm2="R"), y: Vector("d", norm2="R"), b: Vector("n", norm2=1),
):  # fmt: skip
    r"""\|\nabla^2 L(x) - \nabla^2 L(y)\| \le 16 R^3 n^{3/2} e^{2R^2} \|x - y\|_2 for rescaled exp and \|b\|_2 \le 1"""
    return _hessian_moved("rescaled-exp", A, x, y, b), constant("K16-ball", n=n, R=R) * norm2(x - y)


rescaled_hessian_lipschitz_ball_sharp = sharpened(rescaled_hessian_lipschitz_ball)
