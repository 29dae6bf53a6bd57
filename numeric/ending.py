"""From a verdict on the last point to the status of a solve: data with a sentence."""

from dataclasses import dataclass

from numeric.solvers.verdict import Verdict


@dataclass(frozen=True)
class Ending:
    """A status of `numeric.solution.STATUS` and a sentence that says what happened and what to do."""

    status: str
    message: str


OVERFLOW = Ending(
    "overflow",
    "The loss is too large for a float: choose an x0 with smaller entries of A x, scale the data down, "
    "or use a normalized loss.",
)

FLAT = Ending(
    "stalled",
    "The last steps changed predictions by next to nothing, and came to no end: the data hardly determine x along "
    "some directions, as where rows are near one-hot and rounded. The predictions are settled; add weights w for a "
    "definite x.",
)
UNCERTAIN = (
    "It looks like a minimum, but a total nearly vanishes there, and the curvature cannot be decided in float64: "
    "rounding errors are larger. Start elsewhere (x0), or add weights w that keep away from such points."
)


def ending_of(verdict: Verdict, near: bool, method: str) -> Ending | None:
    """How a solve ends at a judged point, or None where the method can go on.

    Args:
        verdict: on the point.
        near: whether the gradient is below the tolerance.
        method: the name of the method that is at work.
    """
    blocked = verdict.state.blocked
    if verdict.kind == "minimum":
        how = "is below the tolerance" if near else "is as small as rounding allows"
        return Ending("converged", f"A minimum: the gradient {how}, and the Newton step is negligible.")
    if verdict.kind == "uncertain":
        return Ending("stalled" if verdict.state.steps else "bad_start", UNCERTAIN)
    if verdict.kind == "zero":
        return Ending("converged", "A global minimum: the residual is zero to the precision of the numbers.")
    if verdict.kind == "constant":
        return Ending("converged", "Each x is a minimum: the loss has the same value at random points.")
    if verdict.kind == "ray":
        return Ending(
            "unbounded",
            "The loss does not rise along a ray from this point to infinity, so its infimum is not attained: "
            "add weights w, or use a normalized loss if this one is rescaled or plain.",
        )
    if verdict.kind == "unchecked":
        return _first_order(near)
    if method == "newton" and not blocked:
        return None
    if verdict.kind == "saddle" and method != "newton":
        return _saddle(verdict.state.steps)
    return _unsettled(blocked, verdict.state.steps)


def _first_order(near: bool) -> Ending:
    if near:
        return Ending(
            "converged",
            "The gradient is below the tolerance; the Hessian is too large to check that this is a minimum.",
        )
    return Ending(
        "stalled",
        "The line search finds no decrease before the gradient reaches the tolerance: rescale the data, "
        "start elsewhere (x0), or accept the point with a larger rtol.",
    )


def _saddle(steps: int) -> Ending:
    status = "bad_start" if steps == 0 else "stalled"
    return Ending(
        status,
        'A critical point with negative curvature, not a minimum: use method="newton", which leaves it, or another x0.',
    )


def _unsettled(blocked: str, steps: int) -> Ending | None:
    if not blocked:
        return None
    return Ending(
        "stalled" if steps else "bad_start",
        f"No step decreases the loss further ({blocked}), yet the point was not found to be a minimum: it may be "
        "saturated, close to where the loss is undefined, or on the way to an infimum that is not attained; try "
        'another x0, method="newton", or weights w.',
    )


def out_of_steps(max_steps: int) -> Ending:
    """The steps ran out."""
    return Ending(
        "max_steps",
        f"The {max_steps} steps allowed ran out before the gradient was small enough: "
        "pass a larger max_steps, start from this x, or use another method.",
    )
