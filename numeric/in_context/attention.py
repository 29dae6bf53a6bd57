"""Linear self-attention E + W_PV E (E^T W_KQ E)/rho with all its parameters (arXiv 2306.09927, (3.3)-(3.6))."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from numeric.in_context.prompts import Prompts
from numeric.kernels import Array
from numeric.validation import InputError, check_shape, real_array


@dataclass(frozen=True, eq=False)
class LinearSelfAttention:
    """W_PV and W_KQ, both (d + 1) x (d + 1).

    A prediction uses the last row of W_PV, (u12, u), and the first d columns of W_KQ, (U11; u21), only.

    Raises:
        InputError: the matrices are not square of one size, or smaller than 2 x 2.
    """

    W_PV: Array
    W_KQ: Array

    def __post_init__(self) -> None:
        for name in ("W_PV", "W_KQ"):
            object.__setattr__(self, name, real_array(name, getattr(self, name), 2).astype(float))
        size = len(self.W_PV)
        if size < 2:
            raise InputError(f"W_PV: got shape {self.W_PV.shape}; it is (d + 1) x (d + 1) with d at least 1")
        check_shape("W_PV", self.W_PV, (size, size), "a square matrix")
        check_shape("W_KQ", self.W_KQ, (size, size), "the size of W_PV")

    @property
    def dimension(self) -> int:
        """d."""
        return len(self.W_PV) - 1

    @property
    def blocks(self) -> tuple[Array, float, Array, Array]:
        """(U11, u, u12, u21) of Lemma 5.1: W11_KQ, w22_PV, w21_PV, w21_KQ."""
        return self.W_KQ[:-1, :-1], float(self.W_PV[-1, -1]), self.W_PV[-1, :-1], self.W_KQ[-1, :-1]

    @property
    def product(self) -> Array:
        """M = u U11 + u12 u21^T, the matrix of the part of the prediction that is odd in the task; d x d."""
        U11, u, u12, u21 = self.blocks
        return u * U11 + np.outer(u12, u21)

    def __call__(self, E: Array, rho: float | None = None) -> Array:
        """f_LSA(E) for embeddings of shape (..., d + 1, width); rho is width - 1 by default."""
        E = np.asarray(E)
        scale = E.shape[-1] - 1 if rho is None else rho
        return E + self.W_PV @ E @ (np.swapaxes(E, -1, -2) @ self.W_KQ @ E) / scale

    def predict(self, prompts: Prompts) -> Array:
        """The prediction of each query by (3.6), B; the embedding is not formed."""
        U11, u, u12, u21 = self.blocks
        x, y, q = prompts.x, prompts.y, prompts.query
        left = np.matmul(y[:, None, :], x)[:, 0] * u
        if u12.any():
            left = left + np.matmul((x @ u12)[:, None, :], x)[:, 0] + (q @ u12)[:, None] * q
        out = np.vecdot(left, q @ U11.T)
        if u21.any():
            last = u * np.vecdot(y, y) + np.matmul(y[:, None, :], x)[:, 0] @ u12
            out = out + last * (q @ u21)
        return out / y.shape[-1]

    def squared_error(self, prompts: Prompts) -> Array:
        """(prediction - target)^2 of each prompt, B; its mean is twice the loss (3.7)."""
        return (self.predict(prompts) - prompts.target) ** 2


def attention(U11: Any, u: float, u12: Any = None, u21: Any = None) -> LinearSelfAttention:
    """The model with the given blocks, all other parameters 0; u12 and u21 are 0 by default.

    >>> import numpy as np
    >>> attention(2 * np.eye(3), 0.5).product.tolist()[0]
    [1.0, 0.0, 0.0]
    """
    matrix = real_array("U11", U11, 2)
    d = len(matrix)
    W_PV, W_KQ = np.zeros((d + 1, d + 1)), np.zeros((d + 1, d + 1))
    check_shape("U11", matrix, (d, d), "a square matrix")
    W_KQ[:-1, :-1], W_PV[-1, -1] = matrix, u
    for name, block, row in (("u12", u12, W_PV), ("u21", u21, W_KQ)):
        if block is not None:
            vector = real_array(name, block, 1)
            check_shape(name, vector, (d,), "U11")
            row[-1, :-1] = vector
    return LinearSelfAttention(W_PV, W_KQ)


def initial_blocks(sigma: float, Theta: Any) -> tuple[Array, float]:
    """U11 = sigma Theta Theta^T / ||Theta Theta^T||_F and u = sigma of Assumption 3.3, for any nonzero Theta.

    Raises:
        InputError: sigma is not positive or Theta is 0.
    """
    root = real_array("Theta", Theta, 2)
    gram = root @ root.T
    size = float(np.linalg.norm(gram))
    if not (sigma > 0 and size > 0):
        raise InputError(f"sigma, Theta: got sigma = {sigma}, ||Theta Theta^T|| = {size:.3g}; both are positive")
    return sigma * gram / size, float(sigma)


def embed(prompts: Prompts) -> Array:
    """E of (3.4): examples as columns (x_i; y_i), then (x_query; 0); B x (d + 1) x (M + 1)."""
    count, M, d = prompts.x.shape
    E = np.zeros((count, d + 1, M + 1))
    E[:, :d, :M] = np.swapaxes(prompts.x, 1, 2)
    E[:, :d, M] = prompts.query
    E[:, d, :M] = prompts.y
    return E


def quadratic_form(prompts: Prompts) -> Array:
    """H of Lemma 5.1 for each prompt: the prediction is Vec(U)^T H Vec(U), U = [[U11, u12], [u21^T, u]].

    Vec stacks columns here, as in the paper; elsewhere in this package vec is row-major. B x (d+1)^2 x (d+1)^2.
    """
    E, d = embed(prompts), prompts.query.shape[-1]
    X = np.zeros((len(E), d + 1, d + 1))
    X[:, :d, d] = X[:, d, :d] = prompts.query
    G = E @ np.swapaxes(E, 1, 2) / prompts.y.shape[-1]
    return np.einsum("bij,bkl->bikjl", X, G).reshape(len(E), (d + 1) ** 2, (d + 1) ** 2) / 2
