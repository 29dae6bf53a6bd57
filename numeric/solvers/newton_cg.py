"""Newton and Gauss-Newton steps by conjugate gradients: products only, for unknowns without number."""

from dataclasses import dataclass

import numpy as np

from numeric.kernels import Array
from numeric.solvers.backtracking import backtrack
from numeric.solvers.conjugate_gradient import newton_direction
from numeric.solvers.preconditioner import preconditioner
from numeric.solvers.state import State, Variables, describe, log_gradient_norm
from numeric.solvers.subproblem import power_of_two
from numeric.whitening import WhitenedRegression, whiten

LOOSEST = 0.1
"""Relative residual of the first steps; later ones are solved to the square root of what the gradient has lost."""
TIGHTEST = 1e-14
"""Below this a residual is rounding, and conjugate gradients would follow it."""
PRODUCTS = 500
"""Products for one step at most."""
STRAINS = {"limit": "because a step took too many products", "negative curvature": "as it met negative curvature"}
"""How conjugate gradients may end where dense matrices do better."""


@dataclass(frozen=True)
class NewtonCG:
    """Truncated Newton with a line search (Dembo and Steihaug, Truncated-Newton algorithms, Math. Prog. 26, 1983).

    Attributes:
        kind: of the products, "hessian" or "gauss_newton".
        name: of the method.
    """

    kind: str = "hessian"
    name: str = "newton-cg"
    max_steps: int = 300
    variables: Variables = whiten
    dense: bool = False
    polishes: bool = True

    def step(self, problem: WhitenedRegression, state: State, budget: int) -> State:
        """One accepted step; `budget` is at least one."""
        point = state.point
        g, operator = point.first_order.gradient, problem.operator(point, self.kind, scaled=True)
        # The loss in units of its gradient: products of a large one with a large Hessian would overflow.
        unit = power_of_two(g)
        factor = float(np.exp(operator.log_scale - point.first_order.log_scale)) / unit

        def product(v: Array) -> Array:
            return factor * operator.dot(v)

        if not np.any(g) or not np.isfinite(factor):  # a gradient of the smallest floats, beside a huge total
            return state._replace(rows=(), blocked="resolution")
        lost = min(0.0, log_gradient_norm(problem, point) - state.log_start)
        tolerance = min(LOOSEST, max(TIGHTEST, float(np.exp(0.5 * lost))))
        try:
            direction = newton_direction(product, g / unit, preconditioner(point), tolerance, PRODUCTS)
        except OverflowError:
            return state._replace(rows=(), blocked="a Hessian too large for a float")
        if not direction.slope < 0.0:
            return state._replace(rows=(), blocked="resolution")
        accepted = backtrack(problem, state, direction.s, unit * direction.slope, unit * direction.curvature)
        if accepted.point is None:
            return state._replace(rows=(), blocked=accepted.blocked)
        note = f"{direction.products} products, ended by {direction.ended}; step length {accepted.length:.2g}"
        row = describe(problem, accepted.point, state.steps + 1, self.name, note=note)
        full = direction.ended == "residual" and accepted.length == 1.0
        return state._replace(
            point=accepted.point,
            rows=(row,),
            steps=state.steps + 1,
            blocked="",
            strained=STRAINS.get(direction.ended, ""),
            products=direction.products,
            change=accepted.change if full else np.inf,
        )
