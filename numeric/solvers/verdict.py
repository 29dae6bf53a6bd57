"""What a candidate point is: a minimum, a saddle, a way to infinity, or not yet known.

A small gradient alone decides nothing: it is also small at a saddle, in a saturated softmax and far out on a
ray along which the loss falls for ever. The Newton step tells them apart: at a minimum it is short.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from numeric.evaluation import Point
from numeric.kernels import Array
from numeric.solvers.newton_cg import NewtonCG
from numeric.solvers.shifts import EPS
from numeric.solvers.state import State, describe, log_gradient_norm, log_value, relative_value, try_point
from numeric.solvers.subproblem import ModelStep, definite_step, minimize_model
from numeric.solvers.trust_region import largest_change, model_blocks
from numeric.starts import SIZES, random_point
from numeric.whitening import WhitenedRegression

DENSE_LIMIT = 2500
"""Unknowns up to which dense Hessians are formed unasked: 50 MB, factorized in a fraction of a second."""
SHORT_STEP = 0.1
"""A Newton step that changes no z by more than this ends at a minimum: what is left is quadratic convergence,
since the losses vary on the scale 1 in z, or on the scale of z itself where a total may vanish."""
TINY_STEP = 1e-8
"""A Newton step that changes no z by more than this share of the same scale ends at a minimum whatever the gradient
was at the start: a solve that starts at its solution has no larger gradient to compare with."""
SETTLED = 100.0
"""Where Newton predicts less decrease than this many machine epsilons of the value, the value is minimal."""
NEGLIGIBLE = 1e-6
"""The same share for methods that are not to be polished, of the value and of half the squares of the target."""
FAINT = 1e-8
"""Rounding errors of the Hessian below this share of its largest curvature leave the verdict as it is."""
ROUNDING = 10.0
"""A residual below this many machine epsilons of the target is zero, as far as the data say."""
RAY = (1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6)
"""Multiples of a step at which a ray to infinity is probed: to where it dwarfs the entries of z at the point."""
POLISH_STEPS = 8
POLISHER = NewtonCG()
LARGEST_SCALE = 600.0
"""A scaled value that rounds to zero is zero where its scale is at most e to this: below 1e-60 in any case."""
Solver = Callable[[Array, Array, float], ModelStep | None]
"""`minimize_model`, or `definite_step`."""
Report = Callable[[State], None]
"""Called with each state that polishing reaches; its `rows` are those of all polishing so far."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What was found about a candidate.

    Attributes:
        kind: "minimum", "uncertain" (a minimum, as far as rounding errors let that be seen), "zero" (a sum of squares
            has no lower value), "constant" (the loss does not depend on x), "saddle", "ray", "unsettled", or
            "unchecked" where the Hessian is too large to form.
        state: the candidate, polished where it is a minimum.
        isolated: whether the Hessian is positive definite there.
    """

    kind: str
    state: State
    isolated: bool = False


def judge(problem: WhitenedRegression, state: State, polish: int = POLISH_STEPS) -> Verdict:
    """Decide what the point of a state is, by its Hessian where that is small enough to form.

    Args:
        problem: in whitened variables.
        state: the candidate.
        polish: full Newton steps that may be added at a minimum.
    """
    y = state.point.x
    if y.size > DENSE_LIMIT:
        if _falls_along(problem, state, y):
            return Verdict("ray", state)
        state = _polished_by_products(problem, state, polish)
        return Verdict("zero" if is_zero(problem, state) else "unchecked", state)
    zero = is_zero(problem, state)
    if zero and state.point.first_order.value == 0.0:
        return Verdict("zero", state)
    found, refined = _settled(problem, state, polish)
    if not found and state.blocked and refined.steps > state.steps:
        # The value was too coarse to show a decrease, but the gradient came down: the Hessian there decides.
        found, refined = _settled(problem, refined._replace(blocked=""), polish - (refined.steps - state.steps))
    if found:
        return _decided(problem, refined, isolated=True)
    return _otherwise(problem, state, zero, polish)


def settle(problem: WhitenedRegression, state: State, polish: int, report: Report) -> Verdict:
    """The minimum that a short step has come near to, found with the factor of one Hessian.

    Args:
        problem: in whitened variables.
        state: a point with a dense Hessian.
        polish: steps that may be made.
        report: called after each of them.

    Returns:
        "minimum", or "unsettled", perhaps with a point that is nearer to one.
    """
    found, refined = _settled(problem, state, polish, report)
    return _decided(problem, refined, isolated=True) if found else Verdict("unsettled", refined)


def _settled(
    problem: WhitenedRegression, state: State, polish: int, report: Report | None = None
) -> tuple[bool, State]:
    """Whether there is a minimum where the Hessian is safely positive definite, and the point after polishing.

    The Newton step there, and the steps after it, must be short, and there must be curvature to say so (a saturated
    softmax has none). Where the point is not to be polished, the step must also promise next to no decrease: a gradient
    that is small beside that of a far start may be a large one.
    """
    blocks = model_blocks(problem, state, "hessian")
    return _at_minimum(problem, state, blocks, definite_step, polish, report)


def _at_minimum(
    problem: WhitenedRegression,
    state: State,
    blocks: Array,
    solver: Solver,
    polish: int,
    report: Report | None = None,
) -> tuple[bool, State]:
    """The same for a known Hessian, which need not be definite, as far as the solver goes."""
    step = solver(blocks, state.point.first_order.gradient, _reach(state))
    if step is None or step.newton is None or not (_is_curved(state, blocks) or not np.any(state.point.x)):
        return False, state
    # A residual that is rounding would be fitted by what the data hardly determine of x.
    refined, s = _polished(problem, state, step, 0 if is_zero(problem, state) else polish, report)
    change = largest_change(problem, refined.point.x - state.point.x) + largest_change(problem, s)
    decrease = -0.5 * float(np.vdot(refined.point.first_order.gradient, s))
    found, left = _is_short(problem, refined, change, decrease, polish), polish - (refined.steps - state.steps)
    if not found or left in (0, polish) or is_zero(problem, refined) or _is_exact(refined, decrease):
        return found, refined
    # Where the Hessian is nearly singular a short step changes it, and its factor serves for some steps only.
    again, further = _at_minimum(problem, refined, model_blocks(problem, refined, "hessian"), solver, left)
    return True, further if again else refined


def _decided(problem: WhitenedRegression, state: State, isolated: bool) -> Verdict:
    """The verdict on what looks like a minimum: "uncertain" where a total nearly vanishes and rounding may turn a sign.

    A total that is a share t of the sum of its absolute terms has a relative error of 1/t machine epsilons, and so has
    what is divided by it, such as the pieces of the Hessian, which cancel.
    """
    if not problem.loss.NONZERO:
        return Verdict("minimum", state, isolated)
    share = min(evaluation.smallest_total for evaluation in state.point.evaluations)
    curvatures = np.linalg.eigvalsh(model_blocks(problem, state, "hessian"))
    noise = SETTLED * EPS * _size_of_terms(state) / max(share, EPS)
    sure = noise <= FAINT * float(np.abs(curvatures).max()) or float(curvatures.min()) > noise
    return Verdict("minimum" if sure else "uncertain", state, isolated and sure)


def _is_exact(state: State, decrease: float) -> bool:
    """Whether the decrease that a Newton step promises is beyond the precision of the value."""
    return decrease <= SETTLED * EPS * abs(state.point.first_order.value)


def _otherwise(problem: WhitenedRegression, state: State, zero: bool, polish: int) -> Verdict:
    """The verdict where the Hessian is not safely positive definite, or the Newton step is long."""
    if _is_constant(problem, state.point):
        return Verdict("constant", state)
    blocks = model_blocks(problem, state, "hessian")
    step = minimize_model(blocks, state.point.first_order.gradient, _reach(state))
    if not zero and _is_saddle(state, step):
        return Verdict("saddle", state)
    found, refined = _at_minimum(problem, state, blocks, minimize_model, polish)
    if found:
        return _decided(problem, refined, step.definite)
    if _falls_along(problem, state, step.s) or _falls_along(problem, state, state.point.x):
        return Verdict("ray", state)
    return Verdict("zero" if zero else "unsettled", state, step.definite)


def is_zero(problem: WhitenedRegression, state: State) -> bool:
    """Whether a sum of squares is zero to the rounding of its terms, which a target in memory tells the size of."""
    first = state.point.first_order
    if not hasattr(problem.loss, "gauss_newton"):
        return False
    if first.log_scale != 0.0:
        return first.value == 0.0 and not _is_lost(state.point)
    return first.value <= (ROUNDING * EPS) ** 2 * problem.squared_target


def _is_lost(point: Point) -> bool:
    """Whether the value is zero only because it is too small for a float beside the largest total."""
    return point.first_order.value == 0.0 and point.first_order.log_scale > LARGEST_SCALE


def _is_constant(problem: WhitenedRegression, point: Point) -> bool:
    """Whether the loss has the same value at random points: where rows are equal, or keep one entry each."""
    generator = np.random.default_rng(0)
    value, floor = point.first_order.value, (ROUNDING * EPS) ** 2 * problem.squared_target
    for size in SIZES:
        trial = try_point(problem, random_point(problem, generator, size))
        if trial is None:
            return False
        other = relative_value(trial, point)
        both_zero = max(value, trial.first_order.value) <= floor
        if not (both_zero or abs(value - other) <= SETTLED * EPS * abs(value)):
            return False
    return not _is_lost(point)


def _is_saddle(state: State, step: ModelStep) -> bool:
    """Whether curvature is negative beyond rounding, and the gradient small beside it (not just beside a far start)."""
    first = state.point.first_order
    negative = -step.lowest * _reach(state) ** 2 > SETTLED * EPS * abs(first.value)
    critical = float(np.abs(first.gradient).max()) <= -SHORT_STEP * step.lowest
    return step.lowest < 0.0 and negative and critical


def _reach(state: State) -> float:
    return max(1.0, float(np.linalg.norm(state.point.x)))


def _is_short(problem: WhitenedRegression, state: State, change: float, decrease: float, polish: int) -> bool:
    """Whether a Newton step that changes z by so much, and promises that decrease, ends at a minimum."""
    scale = min(1.0, state.point.largest_entry) if problem.loss.NONZERO else 1.0
    near = log_gradient_norm(problem, state.point) <= state.log_tolerance
    value = abs(state.point.first_order.value)
    if not polish:
        share = max(NEGLIGIBLE, float(np.exp(min(0.0, state.log_tolerance - state.log_start))))
        near = near and decrease <= share * (value + 0.5 * problem.squared_target)
    settled = _is_exact(state, decrease)
    return change <= TINY_STEP * scale or (change <= SHORT_STEP * scale and (near or settled))


def _is_curved(state: State, blocks: Array) -> bool:
    """Whether the Hessian is more than the rounding error of its pieces, which cancel in a saturated softmax."""
    return float(np.abs(blocks).max()) > SETTLED * EPS * _size_of_terms(state)


def _size_of_terms(state: State) -> float:
    """The size of the pieces of the Hessian in z, on the scale of the value."""
    scale = state.point.first_order.log_scale
    return max(form.terms() * float(np.exp(form.log_scale - scale)) for form in state.point.hessian)


def _polished(
    problem: WhitenedRegression, state: State, step: ModelStep, polish: int, report: Report | None
) -> tuple[State, Array]:
    """Steps with the factor of the first Hessian while each at least halves the gradient, and the step after them.

    They reach the precision of the numbers: the rate is the change of the Hessian, which is small beside a minimum.
    """
    assert step.newton is not None, "the caller looked"
    s, log_scale = step.s, state.point.first_order.log_scale
    for _ in range(polish):
        trial = try_point(problem, state.point.x + s)
        if trial is None:
            break
        gain = log_gradient_norm(problem, state.point) - log_gradient_norm(problem, trial)
        if not gain > np.log(2.0):
            break
        row = describe(problem, trial, state.steps + 1, "polish", state.radius)
        state = state._replace(point=trial, steps=state.steps + 1, rows=(*state.rows, row))
        if report is not None:
            report(state)
        first = trial.first_order
        s = step.newton(first.gradient * np.exp(first.log_scale - log_scale))
    return state, s


def _polished_by_products(problem: WhitenedRegression, state: State, polish: int) -> State:
    """The same by conjugate gradients; only where the gradient is below the tolerance already."""
    for _ in range(polish if log_gradient_norm(problem, state.point) <= state.log_tolerance else 0):
        trial = POLISHER.step(problem, state, 1)
        gain = log_gradient_norm(problem, state.point) - log_gradient_norm(problem, trial.point)
        if trial.blocked or not gain > np.log(2.0):
            break
        rows = (*state.rows, *(row._replace(kind="polish") for row in trial.rows))
        state = trial._replace(rows=rows)
    return state


def _falls_along(problem: WhitenedRegression, state: State, direction: Array) -> bool:
    """Whether the value falls along the ray from the point, and never rises, as far as it is probed.

    A plateau, as of a saturated softmax, neither rises nor falls: it is no way to an infimum.
    """
    length, previous, falls = float(np.linalg.norm(direction)), state.point, False
    for multiple in RAY if length > 0.0 else ():
        trial = try_point(problem, state.point.x + multiple * max(1.0, 1.0 / length) * direction)
        if trial is None or _is_lost(trial) or _rises(previous, trial):
            return False
        falls = falls or _rises(trial, previous)
        previous = trial
    return falls


def _rises(before: Point, after: Point) -> bool:
    """Whether the value rises beyond rounding; by logs where the scales differ, as only sums of squares are scaled."""
    if before.first_order.log_scale != after.first_order.log_scale:
        return log_value(after) > log_value(before) + SETTLED * EPS
    value = before.first_order.value
    return after.first_order.value > value + SETTLED * EPS * abs(value)
