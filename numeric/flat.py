"""The functions of a problem on flat x, as SciPy's minimizers call them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from numeric.evaluation import Point
from numeric.kernels import Array, unscale

if TYPE_CHECKING:
    from numeric.problems import Regression


@dataclass(eq=False)
class FlatFunctions:
    """Value, gradient and Hessian on flat x; they share the last point that they saw.

    Methods that use gradients ask for one at nearly every point at which they ask for a value (all of them in a line
    search, four of five and more in a trust region), and value and gradient together cost less than a value that is
    followed by both. So a value is computed alone only until the first gradient is asked for: a method without
    gradients never does.

    Attributes:
        problem: the problem.
        point: the last point, or None.
        flat: that point as it was passed.
        wants_gradient: whether a gradient was asked for.
    """

    problem: "Regression"
    point: Point | None = None
    flat: Array = field(default_factory=lambda: np.empty(0))
    wants_gradient: bool = False

    def at(self, flat: Array) -> Point:
        """The evaluation point of a flat x."""
        if self.point is None or not np.array_equal(self.flat, flat):
            self.point = self.problem.at(np.asarray(flat).reshape(self.problem.x_shape))
            self.flat = np.array(flat)
        return self.point

    def fun(self, flat: Array) -> float:
        """The value."""
        point = self.at(flat)
        result = point.first_order if self.wants_gradient else point.value
        return float(unscale(np.array(result.value), result.log_scale))

    def jac(self, flat: Array) -> Array:
        """The gradient, flat."""
        self.wants_gradient = True
        result = self.at(flat).first_order
        return unscale(result.gradient, result.log_scale).ravel()

    def hess(self, flat: Array) -> Array:
        """The dense Hessian."""
        return self.problem.operator(self.at(flat), "hessian", scaled=False).to_dense()

    def hessp(self, flat: Array, v: Array) -> Array:
        """The Hessian times v."""
        return self.problem.operator(self.at(flat), "hessian", scaled=False).dot(np.asarray(v).ravel())

    def as_dict(self) -> dict[str, Callable[..., Any]]:
        """The keyword arguments of `scipy.optimize.minimize`."""
        return {"fun": self.fun, "jac": self.jac, "hess": self.hess, "hessp": self.hessp}
