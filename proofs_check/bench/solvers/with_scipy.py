"""SciPy's minimizers on this program's kernels, in the stored or in whitened variables, without stopping rules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from numeric import Regression
from numeric.whitening import WhitenedRegression, whiten
from proofs_check.bench.cases import Array
from proofs_check.bench.solvers.cases import SolverInstance
from proofs_check.bench.solvers.trajectory import Trajectory

Callback = Callable[..., None]
ENDLESS = 10**9
RADIUS = {"gtol": 0.0, "maxiter": ENDLESS, "max_trust_radius": 1e12}
"""The default radius of at most 1000 never gets far in badly scaled variables."""
LBFGS = {"ftol": 0.0, "gtol": 0.0, "maxiter": ENDLESS, "maxfun": ENDLESS, "maxcor": 20}
"""With 20 pairs instead of 10, which is faster on most of these problems."""


@dataclass(frozen=True)
class SciPyMethod:
    """A method of `scipy.optimize.minimize`, what it is given beside value and gradient, and in which variables."""

    method: str
    options: Mapping[str, Any] = field(repr=False)
    second: str = ""
    whitened: bool = False

    @property
    def description(self) -> str:
        """In words."""
        given = {"": "", "hess": ", dense Hessians", "hessp": ", Hessian products"}[self.second]
        return f"SciPy {self.method}{given}, {'whitened' if self.whitened else 'stored'} variables"


_METHODS = {
    "lbfgs": ("L-BFGS-B", LBFGS, ""),
    "exact": ("trust-exact", RADIUS, "hess"),
    "ncg": ("Newton-CG", {"xtol": 0.0, "maxiter": ENDLESS}, "hessp"),
    "kry": ("trust-krylov", RADIUS, "hessp"),
}
SCIPY = {
    f"{name}{'-w' * whitened}": SciPyMethod(*words, whitened=whitened)
    for name, words in _METHODS.items()
    for whitened in (False, True)
}
DESCRIPTIONS = {name: method.description for name, method in SCIPY.items()}


def run_scipy(name: str, data: SolverInstance, trajectory: Trajectory) -> None:
    """Minimize from x0 until the last level, the cap, or where the method finds no decrease even after a restart."""
    chosen = SCIPY[name]
    problem: Regression = whiten(data.problem) if chosen.whitened else data.problem
    back: Callable[[Array], Array] = _identity
    x0 = data.x0
    if isinstance(problem, WhitenedRegression):
        back, x0 = problem.to_original, problem.from_original(data.x0)
    functions = problem.scipy_functions()
    wanted = ("fun", "jac", *[chosen.second] * bool(chosen.second))

    def run(x: Array, scale: float, callback: Callback) -> OptimizeResult:
        given = {key: scaled(functions[key], scale, trajectory) for key in wanted}
        return minimize(x0=x, method=chosen.method, callback=callback, options=dict(chosen.options), **given)

    restart(run, functions["fun"], x0.ravel(), trajectory, lambda x: back(x.reshape(problem.x_shape)))


def restart(
    run: Callable[[Array, float, Callback], OptimizeResult],
    fun: Callable[[Array], float],
    x: Array,
    trajectory: Trajectory,
    back: Callable[[Array], Array],
) -> None:
    """Runs of one method, each from where the last one ended, as long as values fall.

    Each run sees the loss in units of its value at the run's start, because SciPy's methods compare curvatures and
    gradients with absolute thresholds, at which they would end too early.

    Args:
        run: of x, the unit of the loss's inverse, and SciPy's callback.
        fun: the loss.
        x: the start, flat.
        trajectory: where points are recorded.
        back: from flat x to the stored variables.
    """
    before, value = np.inf, fun(x)
    while not trajectory.over and 0.0 < value < before:
        found = run(x, 1.0 / value, _callback(trajectory, back, value))
        x, before, value = found.x, value, value * float(found.fun)


def _callback(trajectory: Trajectory, back: Callable[[Array], Array], unit: float) -> Callback:
    def callback(intermediate_result: OptimizeResult) -> None:
        trajectory.record(back(intermediate_result.x.copy()), unit * float(intermediate_result.fun))
        if trajectory.over:
            raise StopIteration

    return callback


def scaled(function: Callable[..., Any], scale: float, trajectory: Trajectory) -> Callable[..., Any]:
    """The function in other units, which ends the run where the time is up."""

    def checked(*arguments: Array) -> Any:
        trajectory.check_time()
        return scale * function(*arguments)

    return checked


def _identity(x: Array) -> Array:
    return x
