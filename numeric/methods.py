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


DENSE_UNKNOWNS = 90
"""A dense step costs as much as (unknowns/this)^2 products: 8 at 256 unknowns and 130 at 1024, as measured."""
MORE_PRODUCTS = 3
"""Newton takes up to so many times the products of Gauss-Newton."""
MANY_PRODUCTS = 50
"""A step by products is not left for a cheaper dense one below so many: steps that are cut short find lower minima."""


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


def dense_products(unknowns: int) -> float:
    """How many products cost as much as a dense step."""
    return (unknowns / DENSE_UNKNOWNS) ** 2


def after_strain(name: str, unknowns: int) -> str | None:
    """What follows a method whose products do not suffice for a step: the same model by dense matrices."""
    return name.removesuffix("-cg") if name.endswith("-cg") and unknowns <= DENSE_LIMIT else None


def is_dear(unknowns: int, products: int) -> bool:
    """Whether a step by so many products costs more than a dense one."""
    return products > max(MANY_PRODUCTS, dense_products(unknowns))


def after_slow_steps(name: str, unknowns: int, products: int) -> str | None:
    """What follows Gauss-Newton where the residual stays: Newton, whose curvature is complete.

    Args:
        name: of the method at work.
        unknowns: whitened.
        products: of its latest step, 0 for a dense one.
    """
    if not name.startswith("gauss-newton"):
        return None
    cheap = 0 < MORE_PRODUCTS * products < dense_products(unknowns)
    return "newton-cg" if cheap or unknowns > DENSE_LIMIT else "newton"


def after_a_halt(name: str, unknowns: int) -> str | None:
    """What follows a method that stopped at a point which is no minimum: Newton leaves saddles."""
    return "newton" if name != "newton" and unknowns <= DENSE_LIMIT else None
