r"""Facts C11 to C13: a step of size at most r in each entry changes exp, cosh and sinh relatively by at most twice the step.

For one entry |\exp(t + h) - \exp(t)| \le \exp(t) (e^{|h|} - 1), with equality for h > 0; the same bound with cosh(t) on
the right holds for cosh and sinh and is approached as t grows. So the statements hold up to the radius r with
e^r - 1 = 2 r, which is 1.25643..., and fail beyond.
"""

from proofs_check import Size, Vector, claim, constant
from proofs_check.arithmetic import cosh, exp, norm2, norm_inf, sinh
from proofs_check.catalogue.sharpening import sharpened

PAPER = "2304.13276"


def _change(phi, weight, factor, x, h):
    """How far phi moves from x to x + h, and the bound: factor * ||weight(x)||_2 * ||h||_inf."""
    return norm2(phi(x + h) - phi(x)), factor * norm2(weight(x)) * norm_inf(h)


@claim("C11", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="exp, steps up to 0.01")
def exp_within_hundredth(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf="1/100")):
    r"""\|\exp(x + h) - \exp(x)\|_2 \le 2 \|\exp(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 0.01"""
    return _change(exp, exp, constant("C11", n=n), x, h)


exp_within_hundredth_sharp = sharpened(exp_within_hundredth)


@claim("C11-1", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="exp, steps up to 1")
def exp_within_one(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf=1)):
    r"""\|\exp(x + h) - \exp(x)\|_2 \le 2 \|\exp(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 1"""
    return _change(exp, exp, constant("C11", n=n), x, h)


exp_within_one_sharp = sharpened(exp_within_one)


@claim("C11-2", paper=PAPER, kind="upper", provenance="derived", expect="refuted", title="exp, steps up to 2")
def exp_within_two(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf=2)):
    r"""\|\exp(x + h) - \exp(x)\|_2 \le 2 \|\exp(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 2 (false)"""
    return _change(exp, exp, constant("C11", n=n), x, h)


@claim("C11-1.2564", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="exp, steps up to 1.2564")
def exp_below_the_threshold(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf="12564/10000")):
    r"""\|\exp(x + h) - \exp(x)\|_2 \le 2 \|\exp(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 1.2564"""
    return _change(exp, exp, constant("C11", n=n), x, h)


@claim("C11-1.2565", paper=PAPER, kind="upper", provenance="derived", expect="refuted", title="exp, steps up to 1.2565")
def exp_beyond_the_threshold(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf="12565/10000")):
    r"""\|\exp(x + h) - \exp(x)\|_2 \le 2 \|\exp(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 1.2565 (false)"""
    return _change(exp, exp, constant("C11", n=n), x, h)


@claim("C12", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="cosh, steps up to 0.01")
def cosh_within_hundredth(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf="1/100")):
    r"""\|\cosh(x + h) - \cosh(x)\|_2 \le 2 \|\cosh(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 0.01"""
    return _change(cosh, cosh, constant("C12", n=n), x, h)


cosh_within_hundredth_sharp = sharpened(cosh_within_hundredth)


@claim("C12-1", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="cosh, steps up to 1")
def cosh_within_one(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf=1)):
    r"""\|\cosh(x + h) - \cosh(x)\|_2 \le 2 \|\cosh(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 1"""
    return _change(cosh, cosh, constant("C12", n=n), x, h)


cosh_within_one_sharp = sharpened(cosh_within_one)


@claim("C12-2", paper=PAPER, kind="upper", provenance="derived", expect="refuted", title="cosh, steps up to 2")
def cosh_within_two(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf=2)):
    r"""\|\cosh(x + h) - \cosh(x)\|_2 \le 2 \|\cosh(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 2 (false)"""
    return _change(cosh, cosh, constant("C12", n=n), x, h)


@claim("C12-1.2564", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="cosh, steps up to 1.2564")
def cosh_below_the_threshold(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf="12564/10000")):
    r"""\|\cosh(x + h) - \cosh(x)\|_2 \le 2 \|\cosh(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 1.2564"""
    return _change(cosh, cosh, constant("C12", n=n), x, h)


@claim(
    "C12-1.2565", paper=PAPER, kind="upper", provenance="derived", expect="refuted", title="cosh, steps up to 1.2565"
)
def cosh_beyond_the_threshold(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf="12565/10000")):
    r"""\|\cosh(x + h) - \cosh(x)\|_2 \le 2 \|\cosh(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 1.2565 (false)"""
    return _change(cosh, cosh, constant("C12", n=n), x, h)


@claim("C13", paper=PAPER, kind="upper", provenance="reconstructed-H", expect="holds", title="sinh, steps up to 0.01")
def sinh_within_hundredth(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf="1/100")):
    r"""\|\sinh(x + h) - \sinh(x)\|_2 \le 2 \|\cosh(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 0.01"""
    return _change(sinh, cosh, constant("C13", n=n), x, h)


sinh_within_hundredth_sharp = sharpened(sinh_within_hundredth)


@claim("C13-1", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="sinh, steps up to 1")
def sinh_within_one(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf=1)):
    r"""\|\sinh(x + h) - \sinh(x)\|_2 \le 2 \|\cosh(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 1"""
    return _change(sinh, cosh, constant("C13", n=n), x, h)


sinh_within_one_sharp = sharpened(sinh_within_one)


@claim("C13-2", paper=PAPER, kind="upper", provenance="derived", expect="refuted", title="sinh, steps up to 2")
def sinh_within_two(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf=2)):
    r"""\|\sinh(x + h) - \sinh(x)\|_2 \le 2 \|\cosh(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 2 (false)"""
    return _change(sinh, cosh, constant("C13", n=n), x, h)


@claim("C13-1.2564", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="sinh, steps up to 1.2564")
def sinh_below_the_threshold(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf="12564/10000")):
    r"""\|\sinh(x + h) - \sinh(x)\|_2 \le 2 \|\cosh(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 1.2564"""
    return _change(sinh, cosh, constant("C13", n=n), x, h)


@claim(
    "C13-1.2565", paper=PAPER, kind="upper", provenance="derived", expect="refuted", title="sinh, steps up to 1.2565"
)
def sinh_beyond_the_threshold(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf="12565/10000")):
    r"""\|\sinh(x + h) - \sinh(x)\|_2 \le 2 \|\cosh(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 1.2565 (false)"""
    return _change(sinh, cosh, constant("C13", n=n), x, h)


@claim(
    "C13-sinh",
    paper=PAPER,
    kind="upper",
    provenance="reconstructed-H",
    expect="refuted",
    title="sinh, sinh on the right",
)
def sinh_with_sinh(n: Size(1, 64), x: Vector("n", norm_inf=8), h: Vector("n", norm_inf="1/100")):
    r"""\|\sinh(x + h) - \sinh(x)\|_2 \le 2 \|\sinh(x)\|_2 \|h\|_\infty for \|h\|_\infty \le 0.01 (false: x = 0)"""
    return _change(sinh, sinh, constant("C13", n=n), x, h)
