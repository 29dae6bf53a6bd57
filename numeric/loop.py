"""The one loop: step, judge, end or go on, and report in the stored variables."""

import math
import time
from dataclasses import dataclass, field, replace

import numpy as np

from numeric.analysis.identifiability import Identifiability
from numeric.ending import FLAT, OVERFLOW, Ending, ending_of, out_of_steps
from numeric.kernels import Array
from numeric.methods import METHODS, after_a_halt, after_slow_steps, after_strain, choose, is_dear
from numeric.progress import Callback, Progress
from numeric.solution import Solution
from numeric.solvers.state import Row, State, describe, log_gradient_norm, relative_value, try_point
from numeric.solvers.verdict import DENSE_LIMIT, POLISH_STEPS, Verdict, is_zero, judge, settle
from numeric.starts import Start, fitted_logits
from numeric.validation import OutsideDomain
from numeric.whitening import WhitenedRegression

SLOW_WINDOW, SLOW_BY_PRODUCTS, SLOW, RESIDUAL = 2, 0.99, 0.85, 0.01
"""Gauss-Newton is left for Newton when this many steps leave more than a share of the value: the residual stays, and
the curvature that J^T J lacks decides the rate. Where residuals vanish, steps take more. Where they need not, and there
are several minima, steps by products, which are cut short, find lower ones, so that they are not left too early; exact
steps do not. Weights leave no doubt that a residual stays, and few minima: then the second share counts in any case. A
value below the last share of half of the target's squares may be on its slow way to 0: then the first share counts."""
FLAT_WINDOW, FLAT_SHARES = 50, ((0.05, 1e-9), (0.5, 1e-15))
"""A solve has stalled where so many steps take less than the first share of the value that is left and than the second
one of half the target's squares (of the predictions, thus, the root of it), for one of the pairs of shares."""
CLOSE = 0.03
"""After a full step that changed no z by more than this, one factorization may do for all steps that are left."""
CLOSE_FIT = 1e-6
"""The same after a fit of the logits that leaves this share of the value, a thousandth of the residual."""
TIGHTER = float(np.log(100.0))
"""A small gradient that settles nothing must fall by this factor before the point is judged again."""
NEGLIGIBLE_ENTRY = 1e-6
"""x and -x count as the same point where no z is larger: a minimum at 0 is only found up to rounding."""
MINIMUM_NORM = "Other x make the same predictions: this is the one of minimum norm."
END_OF_PATH = "Other x make the same predictions: this is the one where the path from the start ends."
MIRRORED = "-x does as well."


@dataclass(frozen=True, eq=False)
class Run:
    """One solve from one start: what does not change while the state does.

    Attributes:
        problem: in the variables of the method.
        method: the name of a method, or "auto".
        rtol, atol: of the gradient norm, relative to the start and absolute.
        max_steps: or None for the method's own limit.
        progress: called after each step, or None.
        callback: called with x after each step, or None.
        known: what the data determine of x; None where that is all of it, or for a method whose path is not to be
            touched.
        fits_logits: whether "auto" may begin with the fit of the target's logits, where that decreases the value.
        seed: of what steps draw.
        judged_in: the whitened problem where `problem` is in the stored variables, else None: what a point is does
            not depend on the variables, but numbers of one size tell it better.
    """

    problem: WhitenedRegression
    method: str
    rtol: float
    atol: float
    max_steps: int | None
    progress: Progress | None
    callback: Callback | None
    known: Identifiability | None = None
    fits_logits: bool = False
    seed: int = 0
    judged_in: WhitenedRegression | None = None
    clock: float = field(default_factory=time.perf_counter)
    history: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def begin(self, start: Start) -> Solution:
        """Solve from a start."""
        name, note = choose(self.problem) if self.method == "auto" else (self.method, "")
        if note:
            self.notes.append(note)
        point = self.problem.at(start.y)
        try:
            first = point.first_order
        except OutsideDomain as error:
            return self._failed(start, Ending("outside_domain", f"The start is outside the domain: {error}."), name)
        if not (np.isfinite(first.value) and np.all(np.isfinite(first.gradient))):
            return self._failed(start, OVERFLOW, name)
        radius = float(np.sqrt(sum(form.entries for form in self.problem.forms)))
        row = describe(self.problem, point, 0, "start", note=f"from {start.kind}. {note}".rstrip())
        log_start = log_gradient_norm(self.problem, point)
        with np.errstate(divide="ignore"):
            tolerance = float(max(np.log(self.rtol) + log_start, np.log(self.atol)))
        state = State(point, radius, tolerance, (row,), log_start, seed=self.seed)
        self._report(state)
        return self._loop(self._fitted(state) if self.method == "auto" and self.fits_logits else state, name)

    def _fitted(self, state: State) -> State:
        """The state after one step to the fit of the logits; the same state where that is no better."""
        trial = fitted_logits(self.problem)
        if trial is None or not relative_value(trial, state.point) < state.point.first_order.value:
            return state
        self.notes.append("The first step fitted the logits of the target.")
        row = describe(self.problem, trial, 1, "logit", note="least-squares fit of the logits of the target")
        close = trial.first_order.value <= CLOSE_FIT * state.point.first_order.value
        state = state._replace(point=trial, rows=(row,), steps=1, change=0.0 if close else np.inf)
        self._report(state)
        return state

    def _loop(self, state: State, name: str) -> Solution:
        """The one loop: judge a candidate, end or go on, step; "auto" may change the method."""
        names, max_steps = [name], self.max_steps or METHODS[name].max_steps
        while True:
            near = log_gradient_norm(self.problem, state.point) <= state.log_tolerance
            polish = min(POLISH_STEPS, max_steps - state.steps) if METHODS[names[-1]].polishes else 0
            if near or state.blocked or is_zero(self.problem, state):
                verdict = self._judge(state._replace(rows=()), polish)
                ending = ending_of(verdict, near, names[-1])
                halted = ending is not None and ending.status in ("stalled", "bad_start")
                follower = self._follower(names[-1], state, halted)
                if ending is not None and not (halted and follower):
                    self._report(verdict.state)
                    return self._finished(verdict, ending, names)
                tolerance = min(state.log_tolerance, log_gradient_norm(self.problem, state.point) - TIGHTER)
                state = state._replace(log_tolerance=tolerance, blocked="")
            elif polish and state.settles and state.change <= CLOSE and state.point.x.size <= DENSE_LIMIT:
                verdict = settle(self.problem, state._replace(rows=()), polish, self._report)
                self._report(verdict.state)
                near = log_gradient_norm(self.problem, verdict.state.point) <= state.log_tolerance
                ending = None if verdict.kind == "unsettled" else ending_of(verdict, near, names[-1])
                if ending is not None:
                    return self._finished(verdict, ending, names)
                state = verdict.state._replace(change=np.inf, settles=verdict.state.steps > state.steps)
                continue
            else:
                follower = self._follower(names[-1], state, halted=False)
            if state.steps >= max_steps:
                return self._finished(Verdict("unsettled", state), out_of_steps(max_steps), names)
            if not follower and METHODS[names[-1]].polishes and self._is_flat():
                verdict = self._judge(state._replace(rows=()), polish)
                self._report(verdict.state)
                return self._finished(verdict, ending_of(verdict, near, names[-1]) or FLAT, names)
            if follower:
                names.append(follower)
            state = METHODS[names[-1]].step(self.problem, state, max_steps - state.steps)
            self._report(state)

    def _judge(self, state: State, polish: int) -> Verdict:
        """The verdict on the point, in whitened variables also where the method works in the stored ones."""
        if self.judged_in is None:
            return judge(self.problem, state, polish)
        point = try_point(self.judged_in, self.judged_in.from_original(self.problem.to_original(state.point.x)))
        if point is None:
            return Verdict("unsettled", state)
        return replace(judge(self.judged_in, state._replace(point=point), 0), state=state)

    def _follower(self, name: str, state: State, halted: bool) -> str | None:
        """The method that is to take over, where "auto" was asked for and there is a reason."""
        if self.method != "auto":
            return None
        unknowns = math.prod(self.problem.x_shape)
        if halted:
            follower, reason = after_a_halt(name, unknowns), "to leave a point that is no minimum"
        elif state.strained:
            follower, reason = after_strain(name, unknowns), state.strained
        elif is_dear(unknowns, state.products):
            follower, reason = after_strain(name, unknowns), "because a step took more products than a dense one costs"
        elif self._is_slow(state.products):
            follower, reason = after_slow_steps(name, unknowns, state.products), "because the residual stays"
        else:
            return None
        if follower:
            self.notes.append(f"{follower.capitalize()} took over after step {state.steps} {reason}.")
        return follower

    def _is_slow(self, products: int) -> bool:
        if len(self.history) <= SLOW_WINDOW:
            return False
        value, before = self.history[-1].value, self.history[-1 - SLOW_WINDOW].value
        if value <= SLOW_BY_PRODUCTS * before:
            stays = self.problem.regularized or (not products and value > RESIDUAL * 0.5 * self.problem.squared_target)
            return stays and value > SLOW * before
        return True

    def _is_flat(self) -> bool:
        """Whether steps change predictions by next to nothing, and yet do not come to an end."""
        if len(self.history) <= FLAT_WINDOW:
            return False
        before, now = self.history[-1 - FLAT_WINDOW].value, self.history[-1].value
        half = 0.5 * self.problem.squared_target
        return any(0.0 <= before - now <= min(share * now, squares * half) for share, squares in FLAT_SHARES)

    def _report(self, state: State) -> None:
        """Add the rows of a state that are new to the history, and tell who wants to know."""
        last = self.history[-1].step if self.history else -1
        rows = [row for row in state.rows if row.step > last]
        self.history.extend(rows)
        if self.progress is not None:
            for row in rows:
                self.progress(row.step, row.value, row.gradient_norm, time.perf_counter() - self.clock)
        if self.callback is not None and rows:
            self.callback(self.problem.to_original(state.point.x))

    def _finished(self, verdict: Verdict, ending: Ending, names: list[str]) -> Solution:
        problem, point = self.problem, verdict.state.point
        last = describe(problem, point, verdict.state.steps, "end")
        if not np.isfinite(last.value):
            ending = OVERFLOW
        unique, others = self._uniqueness(verdict) if ending.status == "converged" else (None, [])
        x = problem.to_original(point.x)
        return Solution(
            x=self._reduced(x),
            value=last.value,
            gradient_norm=last.gradient_norm,
            status=ending.status,
            message=" ".join([ending.message, *others, *self.notes]),
            method=", ".join(names),
            steps=verdict.state.steps,
            seconds=time.perf_counter() - self.clock,
            unique=unique,
            history=tuple(self.history),
        )

    def _reduced(self, x: Array) -> Array:
        """The member of minimum norm with the predictions of x, unless the loss is undefined there (0 for sinh)."""
        if self.known is None or not self.known.located or self.known.dimension == 0:
            return x
        reduced = self.known.minimum_norm(x)
        return x if try_point(self.problem, self.problem.from_original(reduced)) is None else reduced

    def _uniqueness(self, verdict: Verdict) -> tuple[bool | None, list[str]]:
        """Whether x is the only one that does as well, as far as that is known, and sentences on the others."""
        problem = self.judged_in or self.problem
        free = not problem.full_rank or (self.known is not None and self.known.dimension)
        others = [END_OF_PATH if self.judged_in is not None else MINIMUM_NORM] if free else []
        if self._is_symmetric(verdict.state):
            others.append(MIRRORED)
        if others or verdict.kind == "constant":
            return False, others
        return (True if verdict.isolated else None), []

    def _is_symmetric(self, state: State) -> bool:
        """Whether -x is another point of the same value, as for cosh; one evaluation tells."""
        mirrored = try_point(self.problem, -state.point.x)
        if mirrored is None or state.point.largest_entry < NEGLIGIBLE_ENTRY:
            return False
        value, other = state.point.first_order.value, relative_value(mirrored, state.point)
        return bool(abs(value - other) <= 1e-12 * value)

    def _failed(self, start: Start, ending: Ending, method: str) -> Solution:
        x, nan = self.problem.to_original(start.y), float("nan")
        value = np.inf if ending is OVERFLOW else nan
        seconds = time.perf_counter() - self.clock
        return Solution(x, value, nan, ending.status, ending.message, method, 0, seconds, None)
