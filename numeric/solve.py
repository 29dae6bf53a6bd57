"""`solve`: check the arguments, choose the variables, run the loop from one start or from several."""

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np

from numeric.analysis.identifiability import identifiability, is_determined
from numeric.loop import Run
from numeric.methods import METHODS
from numeric.problems import Regression
from numeric.progress import Callback, Progress, ProgressLine
from numeric.sketching.columns import sampling_variables
from numeric.solution import Solution, StartResult
from numeric.starts import Start, first_start
from numeric.starts import starts as starting_points
from numeric.validation import InputError
from numeric.watching import watched
from numeric.whitening import WhitenedRegression, unchanged, whiten

LARGEST_DENSE = 8192
"""Whitened unknowns up to which a method on dense Hessians may be asked for: half a gigabyte for each matrix."""
POOR = 1e-3
"""A solve that begins with the fit of the logits, does not converge and leaves this share of half the target's squares
(predictions off by three hundredths) is tried from its start again: a fit may saturate a row at the wrong entry."""
SAME_MINIMUM, ZERO = 1e-6, 1e-24
"""Two minima count as one whose values differ by less than the first share of themselves, or the second of a start."""


def solve(
    problem: Regression,
    method: str = "auto",
    x0: Any = None,
    rtol: float = 1e-10,
    atol: float = 0.0,
    max_steps: int | None = None,
    seed: int = 0,
    progress: Progress | bool | None = None,
    starts: int = 1,
    callback: Callback | None = None,
) -> Solution:
    """Minimize a regression loss.

    The work is done in float64 and, but for gradient descent and the gradient flow, in whitened variables, in which
    the linear maps are orthonormal. Where the data do not determine x, the result is the x of minimum norm that makes
    the same predictions. An A that is read in row blocks and has more than 2500 columns is only scaled, to columns of
    length 1: steps by products then take more products, and no x of minimum norm is singled out.

    Args:
        problem: a `VectorRegression` or `AttentionRegression`.
        method: one of

            - "gauss-newton", "newton": dense matrices, exact trust-region steps;
            - "gauss-newton-cg", "newton-cg": the same models by products only, with preconditioned conjugate
              gradients and a line search;
            - "gradient-descent", with backtracking, and "gradient-flow", through SciPy's integrators: in the stored
              variables, as theory describes them;
            - "lbfgs", "trust-exact": SciPy's, in whitened variables;
            - "sketched-newton": Newton on sampled rows of A in vector form (of each target its own), where the
              variables are scaled, not whitened, so that A keeps its zeros; or on sampled entries of Z in matrix form;
            - "auto": Gauss-Newton (by products in matrix form), followed by dense matrices where the products of a
              step do not suffice, and by Newton where the residual stays large or the point is a saddle. Where no x0
              is given, the first step goes to the fit of the target's logits, if that decreases the value; should
              the solve then come to no good end, it is repeated without that step. The message and the history say
              what was chosen and why.
        x0: the start, of shape `problem.x_shape`; "logit" for the least-squares fit of the target's logits
            (normalized-exp only; see `logit_start`, but where the target has zeros, a fit that keeps them small, if it
            is better); None for 0 (exp), or a random point drawn with `seed` (cosh and sinh, for which 0 is critical or
            outside the domain). Parts of x0 that no prediction depends on are dropped in whitened variables.
        rtol: a minimum is accepted where the gradient norm is below this times its value at x0 and the Newton step
            is short; it is then polished as far as the numbers allow. What is not polished (SciPy's methods, sketched
            Newton and the two paths) must also be within 1e-6 of the value that Newton's model predicts, so that a
            far x0, with its large gradient, does not end the solve early.
        atol: the same, absolute.
        max_steps: None for the method's own limit, from each start: 300; 20,000 for "lbfgs" and "gradient-descent",
            200 intervals, each twice as long as the one before, for "gradient-flow".
        seed: of the random starts, and of the samples.
        progress: called with (step, value, gradient_norm, seconds) after each step; True for a line on
            standard error, which also tells how far each read of an A in row blocks is.
        starts: how many starts are tried: x0, the fit of the logits where there is one, then random points. The
            result is that of the lowest converged value; `Solution.starts` lists all.
        callback: called with x, in the stored variables, at the start and after each step (SciPy's methods:
            once in 200): to save a long solve, which a later one takes up with x0, or to draw its path.

    Returns:
        the solution; its status (a key of `numeric.STATUS`) is data, and only mistakes in the arguments raise.

    Raises:
        InputError: the problem is none, the method is unknown or cannot take it, a number makes no sense, progress
            or callback cannot be called, or x0 has the wrong shape or is not finite.

    >>> from numeric.problems import VectorRegression
    >>> solution = solve(VectorRegression("normalized-exp", [[1.0], [-1.0]], [0.75, 0.25]))
    >>> solution.status, bool(abs(solution.x[0] - np.log(3) / 2) < 1e-12)
    ('converged', True)
    """
    if not isinstance(problem, Regression):
        raise InputError(f"problem: got {type(problem).__name__}; make a VectorRegression or AttentionRegression of it")
    _check_arguments(method, rtol, atol, max_steps, seed, starts)
    _check_calls(progress, callback)
    clock = time.perf_counter()
    change = whiten if method == "auto" else METHODS[method].variables
    variables = change(problem)
    _check_size(method, math.prod(variables.x_shape))
    report = ProgressLine() if progress is True else progress or None
    if isinstance(report, ProgressLine):
        variables = watched(variables, report.reading)
    whitened = change is whiten or (change is sampling_variables and variables.left is not None)
    known = identifiability(problem, variables) if whitened and not is_determined(variables) else None
    judged_in = whiten(problem) if change is unchanged else None
    alone = x0 is None and starts == 1

    def solved(start: Start, fits_logits: bool) -> Solution:
        given = variables, method, rtol, atol, max_steps, report, callback, known, fits_logits, seed, judged_in
        return Run(*given).begin(start)

    try:
        points = _starting_points(variables, judged_in, x0, starts, seed)
        solutions = [(start.kind, solved(start, alone)) for start in points]
        cut_short = max_steps is not None and solutions[0][1].status == "max_steps"
        if alone and not cut_short and _is_poor(solutions[0][1], variables):
            start = first_start(variables, x0, seed)
            solutions = [(start.kind, _better(solutions[0][1], solved(start, False)))]
    finally:
        if isinstance(report, ProgressLine):
            report.close()
    best = min((solution for _, solution in solutions), key=_rank)
    seconds = time.perf_counter() - clock
    if starts == 1:
        return replace(best, seconds=seconds)
    results = tuple(StartResult(kind, s.status, s.value, s.gradient_norm, s.steps) for kind, s in solutions)
    return replace(
        best,
        seconds=seconds,
        starts=results,
        message=f"{best.message} {_spread(results, [s.history[0].value for _, s in solutions if s.history])}",
    )


def _starting_points(
    variables: WhitenedRegression, whitened: WhitenedRegression | None, x0: Any, count: int, seed: int
) -> Iterator[Start]:
    """The starts; in stored variables an x0 as it is, and others from whitened ones, where z has a known size."""
    for start in starting_points(whitened or variables, x0, count, seed):
        if whitened is None:
            yield start
        elif start.kind == "x0":
            yield first_start(variables, x0, seed)
        else:
            yield Start(variables.from_original(whitened.to_original(start.y)), start.kind)


def _rank(solution: Solution) -> tuple[bool, float]:
    """What is least for the best of some solutions."""
    return not solution.success, solution.value


def _is_poor(solution: Solution, variables: WhitenedRegression) -> bool:
    """Whether a solve that began with the fit of the logits came to no good end."""
    fitted = any(row.kind == "logit" for row in solution.history)
    return fitted and not solution.success and solution.value > POOR * 0.5 * variables.squared_target


def _better(fitted: Solution, again: Solution) -> Solution:
    """The better one of a solve that began with the fit of the logits, and one that did not."""
    if _rank(again) < _rank(fitted):
        note = f"A solve that began with the fit of the logits ended at {fitted.value:.6g}; this one did not begin so."
        return replace(again, message=f"{again.message} {note}")
    note = f"Without that fit a solve ended at {again.value:.6g}, no better."
    return replace(fitted, message=f"{fitted.message} {note}")


def _spread(results: tuple[StartResult, ...], first: list[float]) -> str:
    """The minima that were found, in a sentence."""
    values = sorted(result.value for result in results if result.status == "converged")
    if not values:
        return f"None of the {len(results)} starts converged."
    zero = ZERO * max(map(abs, first))
    distinct = 1 + sum(b > a + max(SAME_MINIMUM * abs(a), zero) for a, b in pairwise(values))
    return (
        f"Of {len(results)} starts {len(values)} converged, to {distinct} different "
        f"value{'s' * (distinct > 1)} from {values[0]:.7g} to {values[-1]:.7g}."
    )


def _check_arguments(method: str, rtol: float, atol: float, max_steps: int | None, seed: int, starts: int) -> None:
    if method != "auto" and method not in METHODS:
        raise InputError(f"method: got {method!r}; choose one of auto, {', '.join(METHODS)}")
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not isinstance(tolerance, Real) or not 0.0 <= tolerance < np.inf:
            raise InputError(f"{name}: got {tolerance}; a tolerance is a finite number that is not negative")
    if not isinstance(seed, Integral) or seed < 0:
        raise InputError(f"seed: got {seed}; a seed is a whole number that is not negative")
    for name, number in (("max_steps", max_steps), ("starts", starts)):
        if number is not None and not isinstance(number, Integral):
            raise InputError(f"{name}: got {number}; a whole number is needed")
        if number is not None and number < 1:
            raise InputError(f"{name}: got {number}; at least one {name.rstrip('s').split('_')[-1]} is needed")


def _check_calls(progress: Any, callback: Any) -> None:
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise InputError(
            f"progress: got {progress!r}; pass True for a line on standard error, or a function of "
            "(step, value, gradient_norm, seconds)"
        )
    if not (callback is None or callable(callback)):
        raise InputError(f"callback: got {callback!r}; pass a function of x")


def _check_size(method: str, unknowns: int) -> None:
    if method != "auto" and METHODS[method].dense and unknowns > LARGEST_DENSE:
        raise InputError(
            f"method: {method!r} needs a dense Hessian, and {unknowns} unknowns make {8e-9 * unknowns**2:.1f} GB; "
            'use method="newton-cg", "gauss-newton-cg" or "lbfgs"'
        )
