"""K10 and K12 for two rows, proved for every z and b: an identity in p = f_1 and t = b_1, then a bound over the square.

Softmax takes every p in (0, 1), and b = (t, 1 - t) every point of the simplex. As B 1 = 0 (K12-shift), the eigenvalues of
B are 0 and its trace. The twins are refuted one digit further on, so the best constants are known to four digits or more.
"""

from proofs_check import Param, Vector, claim, constant, gradient, hessian, prediction
from proofs_check.arithmetic import dot, trace, vector
from proofs_check.catalogue.sharpening import sharpened

PAPER = "2304.13276"


def _gradient_square(p, t):
    return 8 * p**2 * (1 - p) ** 2 * (p - t) ** 2


def _trace(p, t):
    return 4 * p * (1 - p) * (p * (1 - p) + (p - t) * (1 - 2 * p))


@claim("K10-two-identity", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="p for two rows")
def gradient_of_two_rows(z: Vector(2), t: Param(0, 1)):
    r"""\|p\|_2^2 = 8 f_1^2 (1 - f_1)^2 (f_1 - t)^2 for normalized exp, n = 2 and b = (t, 1 - t)"""
    p = gradient("normalized-exp")(z, vector([t, 1 - t]))
    return dot(p, p), _gradient_square(prediction("normalized-exp")(z)[0], t)


@claim("K10-two", paper=PAPER, kind="upper", provenance="derived", expect="proved", title="gradient, two rows")
def gradient_of_two_rows_bound(p: Param(0, 1), t: Param(0, 1)):
    r"""\|p\|_2^2 \le 0.41904^2 for normalized exp, n = 2 and b in the simplex, by K10-two-identity"""
    return _gradient_square(p, t), constant("K10-two")


gradient_of_two_rows_bound_sharp = sharpened(gradient_of_two_rows_bound)


@claim(
    "K12-two-any", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="B for two rows, any b"
)
def eigenvalue_of_two_rows(z: Vector(2), t: Param(0, 1)):
    r"""\mathrm{tr} B = 4 f_1 (1 - f_1) (f_1 (1 - f_1) + (f_1 - t)(1 - 2 f_1)) for n = 2 and b = (t, 1 - t)"""
    b = vector([t, 1 - t])
    return trace(hessian("normalized-exp")(z, b)), _trace(prediction("normalized-exp")(z)[0], t)


@claim("K12-two-lower", paper=PAPER, kind="lower", provenance="derived", expect="proved", title="B for two rows, below")
def eigenvalue_of_two_rows_below(p: Param(0, 1), t: Param(0, 1)):
    r"""\lambda_{\min}(B) \ge -0.24042 for normalized exp, n = 2 and b in the simplex, by K12-two-any"""
    return _trace(p, t), constant("K12-two-lower")


eigenvalue_of_two_rows_below_sharp = sharpened(eigenvalue_of_two_rows_below)


@claim("K12-two-upper", paper=PAPER, kind="upper", provenance="derived", expect="proved", title="B for two rows, above")
def eigenvalue_of_two_rows_above(p: Param(0, 1), t: Param(0, 1)):
    r"""\lambda_{\max}(B) \le 0.30813 for normalized exp, n = 2 and b in the simplex, by K12-two-any"""
    return _trace(p, t), constant("K12-two-upper")


eigenvalue_of_two_rows_above_sharp = sharpened(eigenvalue_of_two_rows_above)
