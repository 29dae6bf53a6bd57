"""Minibatch gradient descent on freshly drawn prompts, over all parameters that a prediction uses."""

from dataclasses import dataclass

import numpy as np

from numeric.in_context.attention import LinearSelfAttention, attention, embed
from numeric.in_context.flow import POINTS
from numeric.in_context.prompts import PromptLaw, Prompts
from numeric.in_context.reduced import reduced_loss
from numeric.in_context.trajectory import Trajectory, observed
from numeric.kernels import Array
from numeric.validation import InputError


@dataclass(frozen=True, eq=False)
class StochasticRun:
    """A run of minibatch descent.

    The product u U11 + u12 u21^T is what comes near the theory's limit; the split into u and U11 drifts from the
    balanced one, because finite steps do not keep u^2 - tr(U11 U11^T).

    Attributes:
        trajectory: of U11 and u; `times` are numbers of steps.
        model: the last one.
    """

    trajectory: Trajectory
    model: LinearSelfAttention


def stochastic_descent(
    law: PromptLaw, start: LinearSelfAttention, *, steps: int, step_size: float, batch: int, seed: int = 0
) -> StochasticRun:
    """Descend the empirical loss (3.7) of a fresh batch in each step.

    Args:
        law: of the training prompts; its length is N.
        start: the model to start from, `attention(*initial_blocks(sigma, Theta))` for the paper's start.
        steps: number of steps.
        step_size: of each.
        batch: prompts in each step.
        seed: of all draws.

    Raises:
        InputError: steps, batch or step size is not positive, or the model has another dimension than the prompts.
    """
    if not (steps >= 1 and batch >= 1 and step_size > 0):
        raise InputError(f"steps, batch, step_size: got {steps}, {batch} and {step_size}; all are positive")
    if start.dimension != law.covariance.dimension:
        raise InputError(
            f"start: got a model of dimension {start.dimension} for prompts of dimension {law.covariance.dimension}; "
            f"build it with a U11 of the covariance's shape"
        )
    rng, model, every = np.random.default_rng(seed), start, max(1, steps // POINTS)
    kept = [(0, model)]
    for step in range(1, steps + 1):
        row, columns = _stepped(model, law.draw(rng, batch), step_size)
        if not (np.isfinite(row).all() and np.isfinite(columns).all()):
            return _run(
                law, kept, "diverged", f"Parameters overflowed at step {step}: lower step_size {step_size:.3g}."
            )
        model = attention(columns[:-1], float(row[-1]), row[:-1], columns[-1])
        if step % every == 0 or step == steps:
            kept.append((step, model))
    return _run(law, kept, "out of time", f"{steps} steps were taken, as asked; a minibatch run has no end of its own.")


@np.errstate(over="ignore", invalid="ignore")  # a step that is too long is reported by what it leaves
def _stepped(model: LinearSelfAttention, prompts: Prompts, step_size: float) -> tuple[Array, Array]:
    row, columns = empirical_gradient(model, prompts)
    U11, u, u12, u21 = model.blocks
    return np.append(u12, u) - step_size * row, np.vstack([U11, u21]) - step_size * columns


def empirical_gradient(model: LinearSelfAttention, prompts: Prompts) -> tuple[Array, Array]:
    """Gradient of (1/2B) sum (prediction - target)^2 with respect to (u12, u), d + 1, and to (U11; u21), d + 1 x d."""
    U11, u, u12, u21 = model.blocks
    E = embed(prompts)
    turned = np.swapaxes(E, 1, 2)
    row = np.append(u12, u)
    # With G = E E^T/N the prediction is row G k for k = (U11; u21) x_query: it is linear in either factor.
    k = prompts.query @ np.vstack([U11, u21]).T
    Gk = (E @ (turned @ k[..., None]))[..., 0] / prompts.y.shape[1]
    residual = (Gk @ row - prompts.target) / len(prompts)
    G_row = (E @ (turned @ row)[..., None])[..., 0] / prompts.y.shape[1]
    return residual @ Gk, (residual[:, None] * G_row).T @ prompts.query


@np.errstate(over="ignore", invalid="ignore")
def _run(law: PromptLaw, kept: list[tuple[int, LinearSelfAttention]], status: str, message: str) -> StochasticRun:
    times, models = zip(*kept, strict=True)
    matrices, scalars = zip(*(model.blocks[:2] for model in models), strict=True)
    loss = reduced_loss(law.covariance, law.length)
    return StochasticRun(observed(loss, times, matrices, scalars, status, message), models[-1])
