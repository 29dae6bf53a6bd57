"""One prompt at a minimum: how its part of the gradient in x changes with the data, and the adjoints of these maps.

In matrix form, with g the gradient and B the Hessian in Z = A1 X A2^T, the gradient in X is A1^T g A2, and

    d(gradient) = A1^T (dg/dB) dB A2                            for the target,
                  dA1^T g A2 + A1^T B(dA1 X A2^T) A2            for A1, and alike for A2,
                  A1^T (2 w o Z o dw) A2                        for the weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np

from numeric.analysis.cross_derivative import CrossDerivative, cross_derivative
from numeric.forms.groups import Entries, second_derivative, value_and_gradient, work_arrays
from numeric.forms.matrix import MatrixForm
from numeric.forms.vector import VectorForm
from numeric.kernels import Array, Dropped, Kernel
from numeric.validation import InputError

SAME_RATE = 1e-9
"""Relative difference of rates that are equal but for rounding."""


@dataclass(frozen=True, eq=False)
class LocalForm:
    """One prompt at a point: z, the gradient and the Hessian in z, and the maps from data to the gradient in x.

    Vector form with k problems is written as matrix form with the identity for A1.

    Attributes:
        loss: the kernel.
        form: the prompt.
        x: the point, of the form's `x_shape`.
    """

    loss: Kernel
    form: VectorForm | MatrixForm
    x: Array

    @cached_property
    def factors(self) -> tuple[Array, Array]:
        """(A1, A2), with the identity on the k problems for A1 in vector form."""
        parts = [factor.astype(float) for factor in self.form.factors]
        return (np.eye(len(np.atleast_2d(self.x))), parts[0]) if len(parts) == 1 else (parts[0], parts[1])

    @cached_property
    def X(self) -> Array:
        """x as a matrix."""
        return np.atleast_2d(self.x)

    @cached_property
    def mask(self) -> Array | None:
        """Of the matrix form."""
        return self.form.mask if isinstance(self.form, MatrixForm) else None

    @cached_property
    def target(self) -> Array:
        """b or B, as a matrix of Z's shape."""
        return np.atleast_2d(self.form.target).astype(float)

    @cached_property
    def weights(self) -> Array | None:
        """w, zero where the mask drops an entry."""
        if self.form.weights is None:
            return None
        return np.asarray(self.form.weights, dtype=float) * (True if self.mask is None else self.mask)

    @cached_property
    def Z(self) -> Array:
        """A1 X A2^T, shape (n1, n2)."""
        return self.forward(self.x)

    def forward(self, x: Array) -> Array:
        """A1 X A2^T."""
        A1, A2 = self.factors
        return A1 @ np.atleast_2d(x) @ A2.T

    def adjoint(self, G: Array) -> Array:
        """A1^T G A2, of x's shape."""
        A1, A2 = self.factors
        return (A1.T @ G @ A2).reshape(self.x.shape)

    @cached_property
    def dropped(self) -> Dropped:
        """The mask as kernels take it."""
        return None if self.mask is None else (slice(0, self.mask.shape[1]), -self.mask.astype(np.int64))

    def _entries(self, function: str, squares: Array | None) -> Entries:
        count = work_arrays(self.loss, function, squares is not None)
        work = [np.empty_like(self.Z) for _ in range(count)]
        return Entries(self.Z.copy(), self.target, squares, self.dropped, False, work)

    @property
    def _squares(self) -> Array | None:
        return None if self.weights is None else np.broadcast_to(self.weights**2, self.Z.shape)

    @cached_property
    def g(self) -> Array:
        """The gradient in z, regularizer included."""
        _, g, scales = value_and_gradient(self.loss, self._entries("value_and_gradient", self._squares))
        return self.row_weights * g * np.exp(scales)[..., None]

    @cached_property
    def row_weights(self) -> Array:
        """r as a column; 1 where rows have none."""
        r = self.form.row_weights if isinstance(self.form, MatrixForm) else None
        return np.ones((1, 1)) if r is None else r.astype(float)[:, None]

    @cached_property
    def curvature(self) -> Callable[[Array], Array]:
        """The Hessian in z times an array like z."""
        product = self._second("hessian", self._squares)[0]
        return lambda v: self.row_weights * product(v)

    def _second(self, kind: str, squares: Array | None) -> tuple[Callable[[Array], Array], Array]:
        D, U, C, scales = second_derivative(self.loss, kind, self._entries(kind, squares))
        rows = np.stack(U, axis=-2) if U else np.zeros((*D.shape[:-1], 0, D.shape[-1]))

        def product(v: Array) -> Array:
            inner = C @ (rows @ v[..., None])
            return D * v + (np.swapaxes(rows, -1, -2) @ inner)[..., 0]

        return lambda v: np.exp(scales)[..., None] * product(v), scales

    @cached_property
    def cross(self) -> CrossDerivative:
        """dg/db."""
        return cross_derivative(self.loss, self.Z, self.target, self.mask)

    def shift_gram(self) -> Callable[[Array], Array]:
        """J^T J / alpha^2 in z: a unit of residual is 1/alpha of target, alpha = -dc/db."""
        residual = cast(Any, self.loss).residual
        kept = np.ones(self.Z.shape, bool) if self.mask is None else self.mask
        (low, scales), (high, _) = (residual(self.Z.copy(), self.target + h, dropped=self.dropped) for h in (1.0, -1.0))
        rates = np.where(kept, (high - low) / 2 * np.exp(scales)[..., None], np.nan)
        alpha = np.nanmax(rates, axis=-1)
        if np.nanmax(np.abs(rates - alpha[..., None])) > SAME_RATE * np.abs(alpha).max():
            raise InputError(f"{self.loss.NAME}: the residual's derivative in b differs within a row; no target shift")
        gram, _ = self._second("gauss_newton", None)
        return lambda v: gram(v) / (alpha**2)[..., None]

    def target_maps(self) -> tuple[Any, Any, Any]:
        """(shape, db -> d(gradient in x), adjoint)."""
        shape = self.form.target.shape
        return (
            shape,
            lambda d: self.adjoint(self.row_weights * self.cross.apply(d.reshape(self.Z.shape))),
            lambda u: self.cross.adjoint(self.row_weights * self.forward(u)).reshape(shape),
        )

    def weight_maps(self) -> tuple[Any, Any, Any]:
        """The same for w, which all k problems of a vector form share."""
        w = cast(Array, self.weights)
        slope = 2 * self.row_weights * w * self.Z
        shared = w.ndim < self.Z.ndim
        return (
            w.shape,
            lambda d: self.adjoint(slope * d),
            lambda u: (slope * self.forward(u)).sum(axis=0) if shared else slope * self.forward(u),
        )

    def left_maps(self) -> tuple[Any, Any, Any]:
        """The same for A1: dA1^T g A2 + A1^T B(dA1 X A2^T) A2."""
        A1, A2 = self.factors

        def forward(d: Array) -> Array:
            return d.T @ self.g @ A2 + self.adjoint(self.curvature(d @ self.X @ A2.T))

        def backward(u: Array) -> Array:
            return self.g @ A2 @ u.T + self.curvature(self.forward(u)) @ A2 @ self.X.T

        return A1.shape, forward, backward

    def right_maps(self) -> tuple[Any, Any, Any]:
        """The same for A2, or A in vector form: A1^T g dA2 + A1^T B(A1 X dA2^T) A2."""
        A1, A2 = self.factors

        def forward(d: Array) -> Array:
            return (A1.T @ self.g @ d).reshape(self.x.shape) + self.adjoint(self.curvature(A1 @ self.X @ d.T))

        def backward(u: Array) -> Array:
            return self.g.T @ A1 @ np.atleast_2d(u) + self.curvature(self.forward(u)).T @ A1 @ self.X

        return A2.shape, forward, backward
