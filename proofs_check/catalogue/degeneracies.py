"""Degenerate and vacuous cases of the losses of 2304.13276 and 2305.00660, derived: D1-D7, F5-F7, F17."""

from proofs_check import (
    Matrix,
    Param,
    Size,
    Vector,
    assume,
    claim,
    constant,
    gradient,
    hessian,
    prediction,
    residual,
    value,
)
from proofs_check.arithmetic import absolute, dot, exp, lambda_min, matrix, maximum, minimum, norm2, ones, total, vector
from proofs_check.catalogue.sharpening import sharpened

PAPER = "2305.00660"


@claim("D1", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="0 is critical for cosh")
def zero_is_critical(n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d"), b: Vector("n"), w: Vector("n")):
    r"""\nabla(L + L_{reg})(0) = 0 for rescaled cosh, for all A, b, w"""
    z = A @ vector([0] * d)
    return A.T @ (gradient("rescaled-cosh")(z, b) + w * w * z), 0


@claim("D1-normalized", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="0 is critical")
def zero_is_critical_normalized(n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d"), b: Vector("n"), w: Vector("n")):
    r"""\nabla(L + L_{reg})(0) = 0 for normalized cosh, for all A, b, w"""
    z = A @ vector([0] * d)
    return A.T @ (gradient("normalized-cosh")(z, b) + w * w * z), 0


@claim(
    "D1-exp", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="0 is not critical for exp"
)
def zero_is_critical_for_exp(n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d"), b: Vector("n")):
    r"""\nabla L(0) = 0 for rescaled exp, for all A, b (false: of the three kinds only exp is not trivial)"""
    return A.T @ gradient("rescaled-exp")(A @ vector([0] * d), b), 0


@claim("D2", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="0 minimises rescaled sinh")
def zero_minimises(n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d"), b: Vector("n")):
    r"""L(0) = 0 \le L(x) for rescaled sinh, for all A, b"""
    return value("rescaled-sinh")(A @ vector([0] * d), b), 0


def _vanishing(z, b, t):
    """n (1 + sqrt(n) ||b||)^2 exp(-2 t) / 2, an upper bound of ||P||^2 ||u||^2 / 2 where every entry of z is below -1."""
    n = len(z)
    root = 1 + constant("K8-P-bound", n=n) * norm2(b)
    return n * root**2 * exp(-2 * t) / 2


@claim("D3", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="rescaled exp vanishes at infinity")
def rescaled_exp_vanishes(n: Size(1, 16), z: Vector("n", low=-3, high=-1), t: Param(0, 40), b: Vector("n", norm2=1)):
    r"""L(t z) \le n (1 + \sqrt n \|b\|_2)^2 e^{-2t} / 2 for rescaled exp where z = Ax \le -1 entrywise: the infimum is 0
    in every direction with Ax < 0"""
    return value("rescaled-exp")(t * z, b), constant("D3") * _vanishing(z, b, t)


rescaled_exp_vanishes_sharp = sharpened(rescaled_exp_vanishes)


@claim("D3-normalized", paper=PAPER, kind="upper", provenance="derived", expect="refuted", title="not so normalized")
def normalized_exp_vanishes(n: Size(1, 16), z: Vector("n", low=-3, high=-1), t: Param(0, 40), b: Vector("n", norm2=1)):
    r"""The bound of D3 for the normalized loss (false: the two problems are not equivalent)"""
    return value("normalized-exp")(t * z, b), _vanishing(z, b, t)


@claim("F17", paper=PAPER, kind="lower", provenance="derived", expect="holds", title="the infimum is not attained")
def rescaled_exp_is_positive(n: Size(1, 64), z: Vector("n", norm2=8), b: Vector("n", norm2=4)):
    r"""L(z) \ge (1 - \langle b, 1 \rangle)^2 \alpha^2 / (2n) for rescaled exp, since 1^\top c = (1 - \langle b, 1 \rangle)
    \alpha: the infimum 0 of D3 is not attained where \langle b, 1 \rangle \ne 1"""
    alpha = total(prediction("plain-exp")(z))
    return value("rescaled-exp")(z, b), constant("F17", n=n) * (1 - total(b)) ** 2 * alpha**2


rescaled_exp_is_positive_sharp = sharpened(rescaled_exp_is_positive)


@claim("F17-attained", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="infimum attained")
def infimum_is_attained(n: Size(1, 16), d: Size(1, 4), A: Matrix("n", "d", high=-1)):
    r"""L(0) = 0 for rescaled exp and b = 1/n, although A < 0 has directions with Ax < 0: for \langle b, 1 \rangle = 1 the
    infimum can be attained"""
    return value("rescaled-exp")(A @ vector([0] * d), ones(n) / n), 0


def _no_worse_than_zero(name, z, w, b):
    r"""State L(z) + L_{reg}(z) <= L(0), which a minimiser meets."""
    L = value(name)
    assume(L(z, b) + dot(w * z, w * z) / 2, "<=", L(0 * z, b))


@claim("D4-exp", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="size of the minimiser")
def rescaled_exp_minimiser(
    n: Size(1, 8), w: Vector("n", low="1/2", high=8), z: Vector("n", norm2=2), b: Vector("n", norm2=2)
):
    r"""\|Ax\|_2 \le \|1 - n b\|_2 / \min_i w_i wherever L + L_{reg} is at most L(0), for rescaled exp"""
    _no_worse_than_zero("rescaled-exp", z, w, b)
    return norm2(z), constant("D4-exp") * norm2(1 - n * b) / minimum(w)


rescaled_exp_minimiser_sharp = sharpened(rescaled_exp_minimiser)


@claim("D4-cosh", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="size of the minimiser")
def rescaled_cosh_minimiser(
    n: Size(1, 8), w: Vector("n", low="1/2", high=8), z: Vector("n", norm2=2), b: Vector("n", norm2=2)
):
    r"""\|Ax\|_2 \le \|1 - n b\|_2 / \min_i w_i wherever L + L_{reg} is at most L(0), for rescaled cosh"""
    _no_worse_than_zero("rescaled-cosh", z, w, b)
    return norm2(z), constant("D4-cosh") * norm2(1 - n * b) / minimum(w)


rescaled_cosh_minimiser_sharp = sharpened(rescaled_cosh_minimiser)


@claim(
    "D4-normalized",
    paper="2304.13276",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="size of the minimiser",
)
def normalized_minimiser(
    n: Size(2, 8), w: Vector("n", low="1/8", high=8), z: Vector("n", norm2=8), b: Vector("n", simplex=True)
):
    r"""\|Ax\|_2 \le \|1/n - b\|_2 / \min_i w_i wherever L + L_{reg} is at most L(0), for normalized exp"""
    _no_worse_than_zero("normalized-exp", z, w, b)
    return norm2(z), constant("D4-normalized") * norm2(ones(n) / n - b) / minimum(w)


normalized_minimiser_sharp = sharpened(normalized_minimiser)


@claim(
    "D4-stationary",
    paper="2304.13276",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="critical points are small",
)
def critical_points_are_small(
    n: Size(2, 16), w: Vector("n", low="1/8", high=8), z: Vector("n", norm2=8), b: Vector("n", simplex=True)
):
    r"""\min_i w_i^2 \|z\|_2 \le \|p + W^2 z\|_2 + 1/\sqrt 2 for normalized exp and b in the simplex, so that \|Ax^*\|_2 \le
    0.7072 / \min_i w_i^2 where p + W^2 A x^* = 0"""
    p = gradient("normalized-exp")(z, b)
    return minimum(w) ** 2 * norm2(z), norm2(p + w * w * z) + constant("D4-stationary")


critical_points_are_small_sharp = sharpened(critical_points_are_small)


@claim(
    "F7-uniform",
    paper="2304.13276",
    kind="upper",
    provenance="derived",
    expect="holds",
    title="softmax close to uniform",
)
def softmax_is_nearly_uniform(n: Size(2, 64), z: Vector("n", norm2="7072/1000000")):
    r"""\max_i |n f_i - 1| \le 0.008 where \|Ax\|_2 \le 0.7072 / 100: what w_i^2 \ge 100 forces, whatever b is"""
    f = prediction("normalized-exp")(z)
    return maximum(absolute(n * f - 1)), constant("F7-uniform")


softmax_is_nearly_uniform_sharp = sharpened(softmax_is_nearly_uniform)


@claim("F7", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="the threshold forces Ax near 0")
def threshold_forces_zero(n: Size(2, 8), R: Param("1/20", 4), b: Vector("n", simplex=True)):
    r"""\|1 - n b\|_2 / w \le (\sqrt{n - 1} / 2) e^{-R^2} for w = 2 \sqrt n\, e^{R^2} and b in the simplex: by D4 the bound
    of \|Ax^*\|_2 under the hypothesis of P3-8"""
    return norm2(1 - n * b) / constant("F7-weight", n=n, R=R), constant("F7", n=n, R=R)


threshold_forces_zero_sharp = sharpened(threshold_forces_zero)


@claim("D5", paper=PAPER, kind="upper", provenance="derived", expect="refuted", title="normalized sinh is bounded")
def normalized_sinh_is_bounded(n: Size(2, 16), z: Vector("n", norm2=2)):
    r"""\|f\|_2 \le 10^6,  f = \alpha^{-1} \sinh z (false: \alpha can be as small as one likes)"""
    return norm2(prediction("plain-sinh")(z)), constant("D5") * absolute(total(prediction("plain-sinh")(z)))


@claim("D6", paper=PAPER, kind="lower", provenance="derived", expect="refuted", title="convex without regulariser")
def rescaled_exp_is_convex(A: Matrix(4, 2, spectral=1), x: Vector(2, norm2=1), b: Vector(4, norm2=1)):
    r"""\lambda_{\min}(\nabla^2 L) \ge -1 for rescaled exp, R = 1, n = 4, d = 2, \|b\|_2 \le 1 (false: it is indefinite)"""
    return lambda_min(A.T @ hessian("rescaled-exp")(A @ x, b) @ A), constant("D6")


def _everything(name, z):
    """Residual, gradient and Hessian of one row with b = 1."""
    b = vector([1])
    return [residual(name)(z, b)[0], gradient(name)(z, b)[0], hessian(name)(z, b)[0, 0]]


@claim("D7", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="one row with b = 1")
def one_row_vanishes(z: Vector(1)):
    r"""c = p = B = 0 for n = 1, b = 1 and each kind: P = 0"""
    return matrix([_everything(f"rescaled-{kind}", z) for kind in ("exp", "cosh", "sinh")]), 0


@claim("F5", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="alpha of sinh vanishes")
def sinh_normalizer_vanishes(x: Vector(1)):
    r"""\langle \sinh(Ax), 1_n \rangle = 0 for A = (1, -1)^\top and every x: no \beta > 0 bounds |\alpha| from below"""
    return total(prediction("plain-sinh")(vector([x[0], -x[0]]))), 0


@claim("F5-no-data", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="a b-shift for sinh")
def sinh_shift_exists(b: Vector(2, norm2=1), shifted: Vector(2)):
    r"""u(x_t) - \alpha(x_t) \tilde b = c(x_{t+1}) for A = (1, -1)^\top, x_t = 0, x_{t+1} = 1/10 and some \tilde b (false for
    every \tilde b: the left side is 0)"""
    before, after = 0 * b, vector([constant("F5-step"), -constant("F5-step")])
    u = prediction("plain-sinh")(before)
    return u - total(u) * shifted, residual("rescaled-sinh")(after, b)


@claim(
    "F5-rate", paper=PAPER, kind="upper", provenance="derived", expect="refuted", title="size of the b-shift for sinh"
)
def sinh_shift_is_bounded(t: Param("1/1000000", 1)):
    r"""\|\tilde b - b\|_2 \le n^{3/2} e^{10R^2} |x_{t+1} - x_t| for A = (1, 0)^\top, b = (1/2, 1/2), R = 1, x_{t+1} = 1/10 and
    x_t = t (false: at t = 10^{-6} the left side is 7.1e4)"""
    u = prediction("plain-sinh")
    before, after = u(vector([t, 0])), u(vector([constant("F5-step"), 0 * t]))
    moved = after - before
    shift = (moved - total(moved) / 2) / total(before)
    return norm2(shift), constant("F5-rate") * absolute(constant("F5-step") - t)
