"""One loop for all solvers: whiten, start, step, judge, report in the stored variables."""

import math
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from numeric.ending import OVERFLOW, Ending, ending_of, out_of_steps
from numeric.kernels import Array
from numeric.problems import Regression
from numeric.progress import Progress, ProgressLine
from numeric.solution import Solution
from numeric.solvers.gauss_newton import GaussNewton
from numeric.solvers.lbfgs import LBFGS
from numeric.solvers.newton import Newton
from numeric.solvers.state import Method, Row, State, describe, log_gradient_norm, relative_value, try_point
from numeric.solvers.verdict import DENSE_LIMIT, POLISH_STEPS, Verdict, judge
from numeric.validation import InputError, OutsideDomain, check_shape, real_array
from numeric.whitening import WhitenedRegression, whiten

METHODS: dict[str, Method] = {"newton": Newton(), "gauss-newton": GaussNewton(), "lbfgs": LBFGS()}
SLOW_WINDOW, SLOW_FACTOR = 10, 0.9
"""Gauss-Newton is left for Newton when this many steps leave more than this share of the value: the residual
stays, and the curvature that J^T J lacks decides the rate."""
LARGEST_DENSE = 8192
"""Whitened unknowns up to which a method on dense Hessians may be asked for: half a gigabyte for each matrix."""
START_ATTEMPTS = 10
TIGHTER = float(np.log(100.0))
"""A small gradient that settles nothing must fall by this factor before the point is judged again."""
NEGLIGIBLE_ENTRY = 1e-6
"""x and -x count as the same point where no z is larger: a minimum at 0 is only found up to rounding."""
NOT_UNIQUE = "Other x do as well: this is the one of minimum norm with these predictions, or one of a symmetric pair."


def solve(
    problem: Regression,
    method: str = "auto",
    x0: Any = None,
    rtol: float = 1e-10,
    atol: float = 0.0,
    max_steps: int | None = None,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> Solution:
    """Minimize a regression loss.

    The work is done in float64 and in whitened variables, in which the linear maps are orthonormal. Where the
    data do not determine x, the result is the x of minimum norm that makes the same predictions.

    Args:
        problem: a `VectorRegression` or `AttentionRegression`.
        method: "newton", "gauss-newton", "lbfgs", or "auto": Gauss-Newton up to 2500 whitened unknowns,
            followed by Newton where the residual stays large or the point is a saddle; L-BFGS above.
        x0: the start, of shape `problem.x_shape`; None for 0 (exp), or a random point drawn with `seed` (cosh
            and sinh, for which 0 is critical or outside the domain). Parts of x0 that no prediction depends
            on are dropped.
        rtol: a minimum is accepted where the gradient norm is below this times its value at x0; it is then
            polished as far as the numbers allow.
        atol: the same, absolute.
        max_steps: None for the method's own limit (300; 20,000 for L-BFGS).
        seed: of the random start.
        progress: called with (step, value, gradient_norm, seconds) after each step; True for a line on
            standard error.

    Returns:
        the solution; its status is data, and only mistakes in the arguments raise.

    Raises:
        InputError: the method is unknown or cannot take so many unknowns, a number makes no sense, or x0 has the
            wrong shape or is not finite.

    >>> from numeric.problems import VectorRegression
    >>> solution = solve(VectorRegression("normalized-exp", [[1.0], [-1.0]], [0.75, 0.25]))
    >>> solution.status, bool(abs(solution.x[0] - np.log(3) / 2) < 1e-12)
    ('converged', True)
    """
    _check_arguments(method, rtol, atol, max_steps, seed)
    clock = time.perf_counter()
    whitened = whiten(problem)
    _check_size(method, math.prod(whitened.x_shape))
    y0 = _start(whitened, x0, seed)
    run = _Run(whitened, clock, ProgressLine() if progress is True else progress or None)
    try:
        return run.from_start(y0, method, rtol, atol, max_steps)
    finally:
        if isinstance(run.progress, ProgressLine):
            run.progress.close()


def _check_arguments(method: str, rtol: float, atol: float, max_steps: int | None, seed: int) -> None:
    if method != "auto" and method not in METHODS:
        raise InputError(f"method: got {method!r}; choose one of auto, {', '.join(METHODS)}")
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not 0.0 <= tolerance < np.inf:
            raise InputError(f"{name}: got {tolerance}; a tolerance is a finite number that is not negative")
    if seed < 0:
        raise InputError(f"seed: got {seed}; a seed is a whole number that is not negative")
    if max_steps is not None and max_steps < 1:
        raise InputError(f"max_steps: got {max_steps}; at least one step is needed")


def _check_size(method: str, unknowns: int) -> None:
    if method in ("newton", "gauss-newton") and unknowns > LARGEST_DENSE:
        raise InputError(
            f"method: {method!r} needs a dense Hessian, and {unknowns} unknowns make {8e-9 * unknowns**2:.1f} GB; "
            'use method="lbfgs"'
        )


def _start(problem: WhitenedRegression, x0: Any, seed: int) -> Array:
    """The start in whitened variables; a random one has entries of z of size 1 and lies inside the domain."""
    if x0 is not None:
        array = real_array("x0", x0, (1, 2))
        check_shape("x0", array, problem.original.x_shape, "the problem")
        return problem.from_original(array.astype(float))
    if not problem.loss.NAME.endswith(("cosh", "sinh")):
        return np.zeros(problem.x_shape)
    generator = np.random.default_rng(seed)
    entries = sum(form.entries for form in problem.forms)
    for _ in range(START_ATTEMPTS):
        y0 = generator.standard_normal(problem.x_shape)
        y0 *= np.sqrt(entries) / np.linalg.norm(y0)
        if try_point(problem, y0) is not None:
            break
    return y0


@dataclass(frozen=True, eq=False)
class _Run:
    """One solve: what does not change while the state does."""

    problem: WhitenedRegression
    clock: float
    progress: Any
    history: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def from_start(self, y0: Array, method: str, rtol: float, atol: float, max_steps: int | None) -> Solution:
        name = method if method != "auto" else self._choice()
        point = self.problem.at(y0)
        try:
            first = point.first_order
        except OutsideDomain as error:
            return self._failed(y0, Ending("outside_domain", f"The start is outside the domain: {error}."), name)
        if not (np.isfinite(first.value) and np.all(np.isfinite(first.gradient))):
            return self._failed(y0, OVERFLOW, name)
        radius = float(np.sqrt(sum(form.entries for form in self.problem.forms)))
        row = describe(self.problem, point, 0, "start", radius)
        with np.errstate(divide="ignore"):
            relative = np.log(rtol) + log_gradient_norm(self.problem, point)
            tolerance = float(max(relative, np.log(atol)))
        state = State(point, radius, tolerance, (row,))
        self._report(state)
        return self._loop(state, name, method == "auto", max_steps or METHODS[name].max_steps)

    def _choice(self) -> str:
        unknowns = math.prod(self.problem.x_shape)
        if unknowns > DENSE_LIMIT:
            self.notes.append(f"L-BFGS was chosen because {unknowns} unknowns are too many for a dense Hessian.")
            return "lbfgs"
        if not hasattr(self.problem.loss, "gauss_newton"):
            self.notes.append("Newton was chosen because the loss is no sum of squares.")
            return "newton"
        self.notes.append(f"Gauss-Newton was chosen for a sum of squares in {unknowns} unknowns.")
        return "gauss-newton"

    def _loop(self, state: State, name: str, free: bool, max_steps: int) -> Solution:
        """The one loop: judge a candidate, end or go on, step; `free` to change from Gauss-Newton to Newton."""
        names, free = [name], free and name == "gauss-newton"
        while True:
            near = log_gradient_norm(self.problem, state.point) <= state.log_tolerance
            if near or state.blocked:
                polish = min(POLISH_STEPS, max_steps - state.steps) if names[-1] != "lbfgs" else 0
                verdict = judge(self.problem, replace(state, rows=()), polish)
                ending = ending_of(verdict, near, names[-1])
                if ending is not None and not (free and ending.status in ("stalled", "bad_start")):
                    self._report(verdict.state)
                    return self._finished(verdict, ending, names)
                tolerance = min(state.log_tolerance, log_gradient_norm(self.problem, state.point) - TIGHTER)
                state = replace(state, log_tolerance=tolerance, blocked="")
                if ending is not None:
                    free, names = False, [*names, "newton"]
                    self.notes.append(f"Newton took over after step {state.steps} to leave a point that is no minimum.")
            elif free and self._is_slow():
                free, names = False, [*names, "newton"]
                self.notes.append(f"Newton took over after step {state.steps} because the residual stays.")
            if state.steps >= max_steps:
                return self._finished(Verdict("unsettled", state), out_of_steps(max_steps), names)
            state = METHODS[names[-1]].step(self.problem, state, max_steps - state.steps)
            self._report(state)

    def _is_slow(self) -> bool:
        if len(self.history) <= SLOW_WINDOW:
            return False
        return self.history[-1].value > SLOW_FACTOR * self.history[-1 - SLOW_WINDOW].value

    def _report(self, state: State) -> None:
        self.history.extend(state.rows)
        for row in state.rows if self.progress else ():
            self.progress(row.step, row.value, row.gradient_norm, time.perf_counter() - self.clock)

    def _finished(self, verdict: Verdict, ending: Ending, names: list[str]) -> Solution:
        problem, point = self.problem, verdict.state.point
        last = describe(problem, point, verdict.state.steps, "end", verdict.state.radius)
        if not np.isfinite(last.value):
            ending = OVERFLOW
        unique = self._uniqueness(verdict) if ending.status == "converged" else None
        return Solution(
            x=problem.to_original(point.x),
            value=last.value,
            gradient_norm=last.gradient_norm,
            status=ending.status,
            message=" ".join([ending.message, *([NOT_UNIQUE] if unique is False else []), *self.notes]),
            method=", ".join(names),
            steps=verdict.state.steps,
            seconds=time.perf_counter() - self.clock,
            unique=unique,
            history=tuple(self.history),
        )

    def _uniqueness(self, verdict: Verdict) -> bool | None:
        if not self.problem.full_rank or self._is_symmetric(verdict.state):
            return False
        return True if verdict.isolated else None

    def _is_symmetric(self, state: State) -> bool:
        """Whether -x is another point of the same value, as for cosh; one evaluation tells."""
        mirrored = try_point(self.problem, -state.point.x)
        if mirrored is None or state.point.largest_entry < NEGLIGIBLE_ENTRY:
            return False
        value, other = state.point.first_order.value, relative_value(mirrored, state.point)
        return bool(abs(value - other) <= 1e-12 * value)

    def _failed(self, y0: Array, ending: Ending, method: str) -> Solution:
        x, nan = self.problem.to_original(y0), float("nan")
        value = np.inf if ending is OVERFLOW else nan
        seconds = time.perf_counter() - self.clock
        return Solution(x, value, nan, ending.status, ending.message, method, 0, seconds, None)
