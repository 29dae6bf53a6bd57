"""The methods by name, and what "auto" chooses: at the start, and when a method makes no good way."""

import math

from numeric.forms.matrix import MatrixForm
from numeric.solvers.gauss_newton import GaussNewton
from numeric.solvers.gradient_descent import GradientDescent
from numeric.solvers.gradient_flow import GradientFlow
from numeric.solvers.newton import Newton
from numeric.solvers.newton_cg import NewtonCG
from numeric.solvers.sketched_newton import SketchedNewton
from numeric.solvers.state import Method
from numeric.solvers.through_scipy import LBFGS, TRUST_EXACT
from numeric.solvers.verdict import DENSE_LIMIT
from numeric.whitening import WhitenedRegression

_ALL: tuple[Method, ...] = (
    Newton(),
    GaussNewton(),
    NewtonCG("hessian", "newton-cg"),
    NewtonCG("gauss_newton", "gauss-newton-cg"),
    GradientDescent(),
    GradientFlow(),
    LBFGS,
    TRUST_EXACT,
    SketchedNewton(),
)
METHODS: dict[str, Method] = {method.name: method for method in _ALL}
FEW_UNKNOWNS = 100
"""Up to here a dense Gauss-Newton matrix costs less than the products of a step."""


DENSE_PRODUCTS = 24
"""A dense step costs about as much as one product for so many unknowns (measured at 256 and 1024)."""


def choose(problem: WhitenedRegression) -> tuple[str, str]:
    """The method that "auto" begins with, and a sentence that says why.

    Args:
        problem: in whitened variables.
    """
    unknowns, squares = math.prod(problem.x_shape), hasattr(problem.loss, "gauss_newton")
    matrix = all(isinstance(form, MatrixForm) for form in problem.forms)
    products = unknowns > (FEW_UNKNOWNS if matrix and squares else DENSE_LIMIT)
    name = ("gauss-newton" if squares else "newton") + ("-cg" if products else "")
    what = "a sum of squares" if squares else "a loss that is no sum of squares"
    how = ", by products with it" if products else ", by its dense matrix"
    model = "Gauss-Newton" if squares else "Newton"
    return name, f"{model} was chosen for {what} in {unknowns} unknowns{how}."


def after_strain(name: str, unknowns: int) -> str | None:
    """What follows a method whose products do not suffice for a step: the same model by dense matrices."""
    return name.removesuffix("-cg") if name.endswith("-cg") and unknowns <= DENSE_LIMIT else None


def after_slow_steps(name: str, unknowns: int, products: int) -> str | None:
    """What follows Gauss-Newton where the residual stays: Newton, whose curvature is complete.

    Args:
        name: of the method at work.
        unknowns: whitened.
        products: of its latest step, 0 for a dense one.
    """
    if not name.startswith("gauss-newton"):
        return None
    cheap = 0 < DENSE_PRODUCTS * products < unknowns
    return "newton-cg" if cheap or unknowns > DENSE_LIMIT else "newton"


def after_a_halt(name: str, unknowns: int) -> str | None:
    """What follows a method that stopped at a point which is no minimum: Newton leaves saddles."""
    return "newton" if name != "newton" and unknowns <= DENSE_LIMIT else None
