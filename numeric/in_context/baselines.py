"""What linear self-attention is compared with: least squares, ridge, one step of gradient descent, zero.

Each takes a batch of prompts and returns B predictions.
"""

import numpy as np

from numeric.in_context.prompts import Prompts
from numeric.kernels import Array
from numeric.validation import InputError


def least_squares(prompts: Prompts) -> Array:
    """<w, x_query> with w the least-squares solution, of least norm where M < d; through QR of each prompt."""
    x, y = prompts.x, prompts.y[..., None]
    if x.shape[1] >= x.shape[2]:
        Q, R = np.linalg.qr(x)
        w = np.linalg.solve(R, np.swapaxes(Q, 1, 2) @ y)
    else:
        Q, R = np.linalg.qr(np.swapaxes(x, 1, 2))
        w = Q @ np.linalg.solve(np.swapaxes(R, 1, 2), y)
    return np.vecdot(prompts.query, w[..., 0])


def ridge(prompts: Prompts, penalty: float) -> Array:
    """<w, x_query> with w = (sum x x^T + penalty I)^{-1} sum y x.

    For w ~ N(0, I) and noise s^2 the penalty s^2 gives the posterior mean, which no predictor beats.

    Raises:
        InputError: the penalty is not positive.
    """
    if not penalty > 0:
        raise InputError(f"penalty: got {penalty}; it is positive (least_squares has none)")
    x, y = prompts.x, prompts.y
    gram = np.swapaxes(x, 1, 2) @ x + penalty * np.eye(x.shape[2])
    w = np.linalg.solve(gram, np.matmul(y[:, None, :], x)[:, 0, :, None])[..., 0]
    return np.vecdot(prompts.query, w)


def gradient_step(prompts: Prompts, step_size: float = 1.0) -> Array:
    """One step from 0 on the squared loss 1/(2M) sum (y - <w, x>)^2: x_query^T (step_size/M) sum y x (footnote 2)."""
    moment = np.matmul(prompts.y[:, None, :], prompts.x)[:, 0]
    return step_size / prompts.y.shape[1] * np.vecdot(prompts.query, moment)


def zero(prompts: Prompts) -> Array:
    """The prediction 0."""
    return np.zeros(len(prompts))


def squared_errors(prompts: Prompts, predictions: Array) -> Array:
    """(prediction - target)^2 of each prompt."""
    return (predictions - prompts.target) ** 2
