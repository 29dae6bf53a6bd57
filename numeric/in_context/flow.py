"""The gradient flow U11' = -dl/dU11, u' = -dl/du of the reduced loss (Lemma 5.2), through SciPy's stiff integrators."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from numeric.in_context.following import MOST_STEPS, Path, follow_flow
from numeric.in_context.reduced import ReducedLoss, check_point
from numeric.in_context.trajectory import Trajectory, observed
from numeric.kernels import Array
from numeric.validation import InputError

METHODS = ("Radau", "BDF", "LSODA")
RELATIVE_ERROR = 1e-10
"""Of the integrator, per step: it keeps u^2 - tr(U11 U11^T) to about 1e-9 up to the limit."""
ABSOLUTE_SHARE = 1e-2
"""The absolute error of the integrator, as a part of the relative one times the size of the start or of the limit."""
CONVERGED = 1e-11
"""||u U11 - M_*|| / ||M_*|| at which the flow ends."""
TIME_SCALES = 1e4
"""Without an end the flow is given up after this many of the slowest time scales at the minimum."""
POINTS = 300
"""Points of a trajectory at most; the integrator's own steps are thinned evenly."""


def gradient_flow(
    loss: ReducedLoss,
    U11: Any,
    u: float,
    *,
    end: float | None = None,
    rtol: float = RELATIVE_ERROR,
    method: str = "Radau",
    tolerance: float = CONVERGED,
) -> Trajectory:
    """Follow the gradient flow until the product u U11 has converged, or to a given time.

    Args:
        loss: the reduced loss.
        U11: start, d x d; Assumption 3.3 has sigma Theta Theta^T.
        u: start; Assumption 3.3 has sigma.
        end: time at which to stop at the latest; by default `TIME_SCALES` slowest time scales at the minimum.
        rtol: relative error of the integrator.
        method: "Radau", "BDF" or "LSODA"; the first two use the exact Hessian.
        tolerance: relative distance of u U11 from its limit at which the flow has converged.

    Raises:
        InputError: the start does not fit the loss, or there is no such method.
    """
    start, scalar = check_point(loss, U11, u)
    if method not in METHODS:
        raise InputError(f"method: got {method!r}; the stiff integrators are {', '.join(METHODS)}")
    path = _Path(loss)
    horizon = TIME_SCALES / _slowest_rate(loss) if end is None else float(end)

    y = path.flat(start, scalar)
    size = max(float(np.abs(y).max()), float(np.sqrt(np.linalg.norm(loss.minimizer))))
    options: dict[str, Any] = {} if method == "LSODA" else {"jac": path.jacobian}
    options |= {"rtol": rtol, "atol": ABSOLUTE_SHARE * rtol * size}
    found = follow_flow(path.velocity, y, horizon, method, lambda y: path.distance(y) - tolerance, **options)
    kept = np.unique(np.linspace(0, len(found.times) - 1, min(POINTS, len(found.times))).round().astype(int))
    matrices, scalars = zip(*(path.point(point) for point in found.points[kept]), strict=True)
    return observed(loss, found.times[kept], matrices, scalars, *_ending(found, path, tolerance))


def _ending(found: Path, path: "_Path", tolerance: float) -> tuple[str, str]:
    last, distance = float(found.times[-1]), path.distance(found.points[-1])
    if found.ending == "arrived":
        return "converged", f"u U11 is within {tolerance:.0e} of its limit after time {last:.6g}."
    if found.ending == "time":
        return "out of time", (
            f"At the end, time {last:.6g}, u U11 is {distance:.2g} from its limit: raise end, or start elsewhere if "
            f"the start is critical (u = 0 and U11 = 0 is)."
        )
    if found.ending == "steps":
        return "out of steps", (
            f"After {MOST_STEPS} steps, at time {last:.3g}, u U11 is {distance:.2g} from its limit: the covariance is "
            f"too badly conditioned for the integrator; try method='BDF', or drop its degenerate directions."
        )
    return "diverged", f"The integrator stopped at time {last:.6g}: {found.message} Loosen rtol or start nearer."


def _slowest_rate(loss: ReducedLoss) -> float:
    """The smallest curvature of l in M at the minimum, times u_*^2 = ||M_*||_F."""
    return loss.least_curvature * float(np.linalg.norm(loss.minimizer))


@dataclass(frozen=True, eq=False)
class _Path:
    """The flow in flat points: the rows of the common basis and u where there is one (the Hessian is then an arrow,
    and steps cost O(d^2)), else vec(U11) and u.
    """

    loss: ReducedLoss

    def flat(self, U11: Array, u: float) -> Array:
        return np.append(self.loss.rows(U11) if self.loss.is_diagonal else U11, u)

    def point(self, y: Array) -> tuple[Array, float]:
        d = self.loss.dimension
        return (self.loss.matrix(y[:-1]) if self.loss.is_diagonal else y[:-1].reshape(d, d)), float(y[-1])

    def velocity(self, _time: float, y: Array) -> Array:
        if self.loss.is_diagonal:
            g, slope = self.loss.row_gradient(y[None, :-1], float(y[-1]))
        else:
            g, slope = self.loss.gradient(*self.point(y))
        return -np.append(g, slope)

    def jacobian(self, _time: float, y: Array) -> Any:
        if self.loss.is_diagonal:
            return -self.loss.arrow(y[None, :-1], float(y[-1]))
        return -self.loss.hessian(*self.point(y))

    def distance(self, y: Array) -> float:
        """||u U11 - M_*||_F / ||M_*||_F, the same in any orthonormal basis."""
        goal = self.flat(self.loss.minimizer, 0.0)[:-1]
        return float(np.linalg.norm(y[-1] * y[:-1] - goal) / np.linalg.norm(goal))
