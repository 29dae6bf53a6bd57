"""Where a solve starts: at zero, at a random point, at a given one, or at the least-squares fit of the logits."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from numeric.evaluation import Point
from numeric.forms.form import DenseForm
from numeric.forms.stream import StreamForm
from numeric.kernels import Array
from numeric.problems import Regression
from numeric.solvers.conjugate_gradient import newton_direction
from numeric.solvers.state import try_point
from numeric.validation import InputError, check_shape, real_array
from numeric.whitening import WhitenedRegression, whiten

ATTEMPTS = 10
"""Random points that are tried before one outside the domain is taken."""
SIZES = (1.0, 3.0, 0.3)
"""Root mean squares of the entries of z at random starts, in turns: near uniform predictions, and peaked ones."""
LOGIT_PRODUCTS = 500
LOGIT_RESIDUAL, LOOSE_RESIDUAL = 1e-14, 3e-1
"""Products and relative residual of the least-squares fit of the logits; of one that can only be a start, which a
closer fit makes hardly better: steps that follow do more for the price of a few products."""
LEAST_WEIGHT = float(np.finfo(float).eps)
"""Smaller squares of weights, beside those of near one-hot rows, leave a fit that is singular to working precision."""
EXACT_FIT = 1e-12
"""A fit that leaves this share of the target's squares needs no other beside it."""


@dataclass(frozen=True, eq=False)
class Start:
    """A start in whitened variables, and where it comes from."""

    y: Array
    kind: str


def starts(problem: WhitenedRegression, x0: Any, count: int, seed: int) -> Iterator[Start]:
    """`count` starts: x0 or the default one, the logits where the target has them, then random points.

    Args:
        problem: in whitened variables, or unchanged.
        x0: of shape `problem.original.x_shape`, "logit", or None.
        count: at least one.
        seed: of the random points.
    """
    yield first_start(problem, x0, seed)
    given = 1
    if given < count and not isinstance(x0, str) and has_logits(problem):
        yield _logit_start(problem)
        given += 1
    if given == count:
        return
    generator = np.random.default_rng([seed, 1])
    for number in range(count - given):
        yield Start(random_point(problem, generator, SIZES[number % len(SIZES)]), "random")


def first_start(problem: WhitenedRegression, x0: Any, seed: int) -> Start:
    """x0, or the default: zero for exp, else a random point, as 0 is critical for cosh and undefined for sinh."""
    if isinstance(x0, str):
        if x0 != "logit":
            raise InputError(f'x0: got {x0!r}; pass an array, None, or "logit" for the least-squares fit of the logits')
        reason = _without_logits(problem)
        if reason:
            raise InputError(f'x0: "logit" {reason}; pass an array, or None for the default start')
        return _logit_start(problem)
    if x0 is not None:
        array = real_array("x0", x0, (1, 2))
        check_shape("x0", array, problem.original.x_shape, "the problem")
        return Start(problem.from_original(array.astype(float)), "x0")
    if not problem.loss.NAME.endswith(("cosh", "sinh")):
        return Start(np.zeros(problem.x_shape), "zero")
    return Start(random_point(problem, np.random.default_rng(seed), SIZES[0]), "random")


def has_logits(problem: WhitenedRegression) -> bool:
    """Whether `fitted_logits` can be asked for."""
    return not _without_logits(problem)


def fitted_logits(problem: WhitenedRegression) -> Point | None:
    """The best of some fits of the logits, as the loss sees it: all entries alike, and weighted by sqrt(B).

    None where there is nothing to fit.

    The first is exact where B has relative errors of the size of rounding; the second stands between relative and
    absolute errors, and is the better one where the small entries of B are rounded to few digits (float16). With
    weights w it is the second one, as no fit of the logits is a minimum then. An entry that was rounded to zero has no
    logarithm, but nothing keeps a fit without it from a large one: where a fit is no exact one, such entries count as
    the smallest of B that is not zero.
    """
    if _without_logits(problem):
        return None
    forms = cast(tuple[DenseForm, ...], problem.forms)
    known, points = [_positive(form) for form in forms], list[Point | None]()
    if not problem.regularized:
        alike = try_point(problem, _logits(problem, [form.target for form in forms], known))
        if alike is not None and alike.first_order.value <= EXACT_FIT * sum(_squares(form) for form in forms):
            return alike
        points.append(alike)
    targets, counted = zip(*(_filled(form, rows) for form, rows in zip(forms, known, strict=True)), strict=True)
    roots = [rows * np.sqrt(np.maximum(B, LEAST_WEIGHT)) for rows, B in zip(counted, targets, strict=True)]
    points.append(try_point(problem, _logits(problem, targets, roots, LOOSE_RESIDUAL)))
    if not problem.regularized and any(B is not form.target for B, form in zip(targets, forms, strict=True)):
        points.append(try_point(problem, _logits(problem, targets, counted)))
    found = [point for point in points if point is not None]
    return min(found, key=lambda point: point.first_order.value, default=None)


def _squares(form: DenseForm) -> float:
    """The squares of the target."""
    return float(np.vdot(form.target, form.target))


def _logit_start(problem: WhitenedRegression) -> Start:
    point = fitted_logits(problem)
    return Start(np.zeros(problem.x_shape) if point is None else point.x, "logit")


def random_point(problem: WhitenedRegression, generator: np.random.Generator, size: float) -> Array:
    """A point with entries of z of about the given size; inside the domain, where one is found.

    Args:
        problem: in whitened variables.
        generator: of the direction.
        size: root mean square of the entries of z.
    """
    entries = sum(form.entries for form in problem.forms)
    for _ in range(ATTEMPTS):
        y = problem.from_singular(generator.standard_normal(problem.x_shape))
        y *= size * np.sqrt(entries) / np.linalg.norm(y)
        if try_point(problem, y) is not None:
            break
    return y


def logit_start(problem: Regression, weights: Any = None) -> Array:
    """The x whose logits fit those of the target: min sum_ij w_ij (Z_ij - log B_ij - c_i)^2 over x and c.

    The softmax of row i of Z is that of Z_ij - c_i, so log B is linear in x up to one constant for each row. With an
    exact B the fit solves normalized-exp without an iteration; with a rounded one it is a start. Entries of B that
    are not positive have no logarithm and do not count.

    Args:
        problem: with the loss normalized-exp, in vector or matrix form, in memory.
        weights: of B's shape, or a list of them; not negative. None weighs all entries alike, as fits a B with
            relative errors; weights B^2 fit one with absolute errors.

    Returns:
        the x of minimum norm among those that fit best, of shape `problem.x_shape`.

    Raises:
        InputError: the loss is another one, A is read in blocks, no entry of B is positive, or weights do not fit.
    """
    reason = _without_logits(problem)
    if reason:
        raise InputError(f"logit start: this problem {reason}; start at 0, or pass an x0")
    whitened, given = whiten(problem), _checked_weights(problem, weights)
    forms = cast(tuple[DenseForm, ...], whitened.forms)
    known = [_positive(form) for form in forms]
    counted = known if given is None else [rows * array for rows, array in zip(known, given, strict=True)]
    return whitened.to_original(_logits(whitened, [form.target for form in forms], counted))


def _without_logits(problem: Regression) -> str:
    """Why a problem has no logits to fit, or nothing."""
    if problem.loss.NAME != "normalized-exp":
        return f"is for the loss normalized-exp, got {problem.loss.NAME}"
    if any(isinstance(form, StreamForm) for form in problem.forms):
        return "needs A in memory, got one that is read in blocks"
    if not any(_is_positive(form).any() for form in cast(tuple[DenseForm, ...], problem.forms)):
        return "needs entries of the target that are positive, got none"
    return ""


def _checked_weights(problem: Regression, weights: Any) -> list[Array] | None:
    if weights is None:
        return None
    arrays = list(weights) if isinstance(weights, list | tuple) else [weights]
    if len(arrays) != len(problem.forms):
        raise InputError(f"weights: got {len(arrays)} arrays for {len(problem.forms)} prompts; pass one for each")
    checked = []
    for array, form in zip(arrays, cast(tuple[DenseForm, ...], problem.forms), strict=True):
        rows, counted = real_array("weights", array, (1, 2)).astype(float), getattr(form, "rows", None)
        check_shape("weights", rows, form.target.shape if counted is None else form.shape, "the target")
        if (rows < 0.0).any():
            raise InputError(f"weights: got {rows.min():.3g}; a weight is not negative")
        checked.append(rows if counted is None else rows[counted])
    return checked


def _is_positive(form: DenseForm) -> Array:
    """Where the target is kept and has a logarithm."""
    positive, mask = form.target > 0, getattr(form, "mask", None)
    return positive if mask is None else positive & mask


def _positive(form: DenseForm) -> Array:
    """1 where the target is kept and has a logarithm, else 0."""
    return _is_positive(form).astype(float)


def _filled(form: DenseForm, positive: Array) -> tuple[Array, Array]:
    """The target with its smallest positive entry where it is less, and 1 at the kept entries of rows that have one.

    Args:
        form: with a target.
        positive: `_positive` of it.
    """
    rows, mask = positive.any(axis=-1, keepdims=True), getattr(form, "mask", None)
    kept = rows if mask is None else rows & mask
    if (positive == kept).all():
        return form.target, positive
    lowest = float(form.target[positive > 0.0].min(initial=1.0))
    return np.maximum(form.target, lowest), np.broadcast_to(kept, positive.shape).astype(float)


def _logits(
    problem: WhitenedRegression, targets: Sequence[Array], weights: Sequence[Array], residual: float = LOGIT_RESIDUAL
) -> Array:
    """The weighted fit of log B, by conjugate gradients on the normal equations: in whitened variables their matrix
    is near the identity.

    Args:
        problem: in whitened variables.
        targets: of each prompt, positive where the weight is not 0.
        weights: of the same shapes, not negative.
        residual: relative, at which the iteration ends.
    """
    forms = cast(tuple[DenseForm, ...], problem.forms)
    logits = [np.log(B, out=np.zeros(w.shape), where=w > 0.0) for B, w in zip(targets, weights, strict=True)]

    def normal(v: Array) -> Array:
        parts = zip(forms, weights, strict=True)
        return sum((_adjoint(form, _centred(form.forward(v), w)) for form, w in parts), np.zeros(v.shape))

    parts = zip(forms, logits, weights, strict=True)
    right = sum((_adjoint(form, _centred(z, w)) for form, z, w in parts), np.zeros(problem.x_shape))
    if not np.any(right):
        return np.zeros(problem.x_shape)
    return newton_direction(normal, -right, None, residual, LOGIT_PRODUCTS).s


def _centred(z: Array, weights: Array) -> Array:
    """weights (z - the weighted mean of each row): the gradient in z of half the sum of squares, constants fitted."""
    total = weights.sum(axis=-1, keepdims=True)
    mean = (weights * z).sum(axis=-1, keepdims=True) / np.where(total > 0.0, total, 1.0)
    return weights * (z - mean)


def _adjoint(form: DenseForm, z: Array) -> Array:
    if len(form.factors) == 1:
        return z @ form.factors[0]
    A1, A2 = form.factors
    return A1.T @ z @ A2
