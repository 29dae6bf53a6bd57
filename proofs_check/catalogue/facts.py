"""Facts about vectors and entrywise functions that 2304.13276, 2307.02419 and 2305.00660 share."""

from proofs_check import Param, Scalar, Size, Vector, claim, constant, gradient, prediction
from proofs_check.arithmetic import absolute, cosh, diagonal, dot, exp, matrix, norm1, norm2, norm_inf, ones, sinh, sqrt
from proofs_check.catalogue.sharpening import sharpened

PAPER = "2304.13276"


@claim("C1", paper=PAPER, kind="equality", provenance="text-relative", expect="proved", title="inner product")
def entrywise_inner_product(n: Size(1, 64), x: Vector("n"), y: Vector("n")):
    r"""\langle x \circ y, 1_n \rangle = \langle x, y \rangle"""
    return dot(x * y, ones(n)), dot(x, y)


@claim("C2", paper=PAPER, kind="equality", provenance="text-relative", expect="proved", title="diagonal form")
def diagonal_form(n: Size(1, 32), x: Vector("n"), y: Vector("n"), z: Vector("n")):
    r"""\langle x \circ y, z \rangle = x^\top \mathrm{diag}(y) z"""
    return dot(x * y, z), dot(x, diagonal(y) @ z)


@claim("C3", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="proved", title="entrywise product")
def entrywise_product(n: Size(1, 32), x: Vector("n"), y: Vector("n")):
    r"""\mathrm{diag}(x) y = x \circ y = \mathrm{diag}(y) x"""
    return matrix([diagonal(x) @ y, diagonal(y) @ x]), matrix([x * y, x * y])


@claim("C3-product", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="proved", title="diagonals")
def product_of_diagonals(n: Size(1, 16), x: Vector("n"), y: Vector("n")):
    r"""\mathrm{diag}(x \circ y) = \mathrm{diag}(x) \mathrm{diag}(y)"""
    return diagonal(x * y), diagonal(x) @ diagonal(y)


@claim("C3-sum", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="proved", title="diagonals")
def sum_of_diagonals(n: Size(1, 16), x: Vector("n"), y: Vector("n")):
    r"""\mathrm{diag}(x + y) = \mathrm{diag}(x) + \mathrm{diag}(y)"""
    return diagonal(x + y), diagonal(x) + diagonal(y)


@claim("C4", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="Cauchy-Schwarz")
def cauchy_schwarz(n: Size(1, 64), x: Vector("n"), y: Vector("n")):
    r"""\langle x, y \rangle \le \|x\|_2 \|y\|_2"""
    return dot(x, y), norm2(x) * norm2(y)


cauchy_schwarz_sharp = sharpened(cauchy_schwarz)


@claim("C6", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="entrywise product")
def entrywise_product_norm(n: Size(1, 64), x: Vector("n"), y: Vector("n")):
    r"""\|x \circ y\|_2 \le \|x\|_\infty \|y\|_2"""
    return norm2(x * y), norm_inf(x) * norm2(y)


entrywise_product_norm_sharp = sharpened(entrywise_product_norm)


@claim("C7-inf-2", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="norms")
def largest_entry(n: Size(1, 64), x: Vector("n")):
    r"""\|x\|_\infty \le \|x\|_2"""
    return norm_inf(x), norm2(x)


largest_entry_sharp = sharpened(largest_entry)


@claim("C7-2-inf", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="norms")
def euclidean_norm(n: Size(1, 64), x: Vector("n")):
    r"""\|x\|_2 \le \sqrt n \|x\|_\infty"""
    return norm2(x), sqrt(n) * norm_inf(x)


euclidean_norm_sharp = sharpened(euclidean_norm)


@claim("C7-2-1", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="norms")
def euclidean_norm_and_sum(n: Size(1, 64), x: Vector("n")):
    r"""\|x\|_2 \le \|x\|_1"""
    return norm2(x), norm1(x)


euclidean_norm_and_sum_sharp = sharpened(euclidean_norm_and_sum)


@claim("C7-1-2", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="norms")
def sum_of_entries(n: Size(1, 64), x: Vector("n")):
    r"""\|x\|_1 \le \sqrt n \|x\|_2"""
    return norm1(x), sqrt(n) * norm2(x)


sum_of_entries_sharp = sharpened(sum_of_entries)


@claim("C8", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="norm of exp")
def exp_entry(n: Size(1, 64), x: Vector("n")):
    r"""\|\exp(x)\|_\infty \le \exp(\|x\|_2)"""
    return norm_inf(exp(x)), exp(norm2(x))


exp_entry_sharp = sharpened(exp_entry)


@claim(
    "C8-2", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="refuted", title="norm of exp, Euclidean"
)
def exp_norm(n: Size(1, 64), x: Vector("n")):
    r"""\|\exp(x)\|_2 \le \exp(\|x\|_2) (false: x = 0 gives \sqrt n > 1)"""
    return norm2(exp(x)), exp(norm2(x))


@claim("C9-cosh", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="norm of cosh")
def cosh_entry(n: Size(1, 64), x: Vector("n")):
    r"""\|\cosh(x)\|_\infty \le \cosh \|x\|_2"""
    return norm_inf(cosh(x)), cosh(norm2(x))


cosh_entry_sharp = sharpened(cosh_entry)


@claim("C9-exp", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="norm of cosh")
def cosh_below_exp(n: Size(1, 64), x: Vector("n")):
    r"""\cosh \|x\|_2 \le \exp \|x\|_2"""
    return cosh(norm2(x)), exp(norm2(x))


cosh_below_exp_sharp = sharpened(cosh_below_exp)


@claim("C9-sinh", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="norm of sinh")
def sinh_entry(n: Size(1, 64), x: Vector("n")):
    r"""\|\sinh(x)\|_\infty \le \sinh \|x\|_2"""
    return norm_inf(sinh(x)), sinh(norm2(x))


sinh_entry_sharp = sharpened(sinh_entry)


@claim("C9-sinh-2", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="norm of sinh, Euclidean")
def sinh_norm(n: Size(1, 64), x: Vector("n")):
    r"""\|\sinh(x)\|_2 \le \sinh \|x\|_2"""
    return norm2(sinh(x)), sinh(norm2(x))


sinh_norm_sharp = sharpened(sinh_norm)


@claim("C10", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="exp is Lipschitz")
def exp_on_a_ball(n: Size(1, 64), R: Param("1/20", 8), x: Vector("n", norm2="R"), y: Vector("n", norm2="R")):
    r"""\|\exp(x) - \exp(y)\|_2 \le e^R \|x - y\|_2"""
    return norm2(exp(x) - exp(y)), constant("C10", n=n, R=R) * norm2(x - y)


exp_on_a_ball_sharp = sharpened(exp_on_a_ball)


@claim(
    "C14-squares", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="proved", title="cosh and sinh"
)
def squares(t: Scalar(-8, 8)):
    r"""\cosh^2(t) - \sinh^2(t) = 1"""
    return cosh(t) ** 2 - sinh(t) ** 2, 1


@claim("C14-sum", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="proved", title="cosh and sinh")
def exp_as_a_sum(t: Scalar(-8, 8)):
    r"""e^t = \cosh(t) + \sinh(t)"""
    return exp(t), cosh(t) + sinh(t)


def _derivative(name, z, v):
    r"""J^\top v for the Jacobian J of a prediction: the gradient of \|prediction - b\|^2 / 2 where the residual is v."""
    return gradient(name)(z, prediction(name)(z) - v)


@claim("C14-cosh", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="proved", title="cosh' = sinh")
def derivative_of_cosh(n: Size(1, 16), z: Vector("n"), v: Vector("n")):
    r"""\langle v, d \cosh(z) \rangle = v \circ \sinh(z)"""
    return _derivative("plain-cosh", z, v), v * sinh(z)


@claim("C14-sinh-d", paper=PAPER, kind="equality", provenance="reconstructed-H", expect="proved", title="sinh' = cosh")
def derivative_of_sinh(n: Size(1, 16), z: Vector("n"), v: Vector("n")):
    r"""\langle v, d \sinh(z) \rangle = v \circ \cosh(z)"""
    return _derivative("plain-sinh", z, v), v * cosh(z)


@claim(
    "C14-cosh-minus",
    paper=PAPER,
    kind="equality",
    provenance="derived",
    expect="refuted",
    title="cosh' with the sign of cos'",
)
def derivative_of_cosh_with_minus(n: Size(1, 16), z: Vector("n"), v: Vector("n")):
    r"""\langle v, d \cosh(z) \rangle = -v \circ \sinh(z) (false)"""
    return _derivative("plain-cosh", z, v), -v * sinh(z)


@claim("C14-sinh", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="|sinh| <= cosh")
def sinh_below_cosh(t: Scalar(-8, 8)):
    r"""|\sinh(t)| \le \cosh(t)"""
    return absolute(sinh(t)), cosh(t)


sinh_below_cosh_sharp = sharpened(sinh_below_cosh)


@claim("C14-exp", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="cosh <= exp")
def cosh_below_exp_of_absolute(t: Scalar(-8, 8)):
    r"""\cosh(t) \le e^{|t|}"""
    return cosh(t), exp(absolute(t))


cosh_below_exp_of_absolute_sharp = sharpened(cosh_below_exp_of_absolute)
