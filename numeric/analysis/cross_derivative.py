"""How the gradient in z moves with the target: dg/db = diag(delta) + sum_k V_k W_k^T in each group, from the kernels.

g = sum_i weight_i(T) P_i(z, b), with rows P_i that see their own entry and earlier totals only, and totals T_k that
are sums over rows. A target entry enters g_j through its own row (delta), and through totals (W_k = dT_k/db and
V_k = dg/dT_k).

Rows, terms of totals and weights are polynomials of degree at most 2 in b or T: losses are squares of residuals that
are affine in b. For a polynomial q of degree at most 2, (q(b + h) - q(b - h))/(2h) is q'(b) exactly, whatever h, so
that no step size has to be small and nothing cancels. Both halves of the argument are checked as they are used: two
step sizes must agree, and no other total may depend on one that depends on b. A loss that fails is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from numeric.kernels import Array, Kernel
from numeric.validation import InputError

AGREEMENT = 1e-9
"""Relative difference of derivatives by two step sizes, above rounding and far below any term of degree 3."""


@dataclass(frozen=True, eq=False)
class CrossDerivative:
    """dg/db of all groups; b and g have the shape (..., n) of z.

    Attributes:
        delta: the diagonals.
        V: columns, arrays of the same shape.
        W: as many rows.
    """

    delta: Array
    V: tuple[Array, ...]
    W: tuple[Array, ...]

    def apply(self, db: Array) -> Array:
        """(dg/db) db."""
        parts = (V * np.vecdot(W, db)[..., None] for V, W in zip(self.V, self.W, strict=True))
        return sum(parts, start=self.delta * db)

    def adjoint(self, u: Array) -> Array:
        """(dg/db)^T u."""
        parts = (W * np.vecdot(V, u)[..., None] for V, W in zip(self.V, self.W, strict=True))
        return sum(parts, start=self.delta * u)


def cross_derivative(loss: Kernel, z: Array, b: Array, mask: Array | None = None) -> CrossDerivative:
    """dg/db at a point.

    Args:
        loss: the kernel.
        z: entries, shape (..., n), float64.
        b: target of z's shape.
        mask: boolean of z's shape, False at entries that belong to no total, or None.

    Raises:
        InputError: the loss is no polynomial of degree 2 in b, or its totals depend on each other through b.
    """
    kept = np.ones(z.shape, bool) if mask is None else mask
    # Dropped entries repeat a kept one, so that they neither set the shift nor overflow.
    first = kept.argmax(axis=-1)[..., None]
    z = np.where(kept, z, np.take_along_axis(z, first, axis=-1))
    b = np.where(kept, b, 0.0)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        rows = _Rows(loss, z[..., None], loss.shift(z)[..., None], kept[..., None])
        delta, V, W = rows.derivative(b[..., None])
        scale = np.exp((loss.DEGREE or 0) * loss.shift(z))
        return CrossDerivative(scale * delta[..., 0], tuple(scale * v[..., 0] for v in V), tuple(w[..., 0] for w in W))


@dataclass(frozen=True, eq=False)
class _Rows:
    """A loss on entries that each make a group of one row, shape (..., n, 1), but share shift and totals."""

    loss: Kernel
    z: Array
    m: Array
    kept: Array

    def derivative(self, b: Array) -> tuple[Array, list[Array], list[Array]]:
        """delta, V and W, each of z's shape."""
        totals: dict[str, Array] = {}
        slopes: dict[str, Array] = {}
        for number in range(1, len(self.loss.TOTALS) + 1):
            self._check_chain(b, number, totals, slopes)
            new = self._terms(number, totals, b)
            changes = self._slope(partial(self._terms, number, totals), b)
            slopes |= {name: change for name, change in changes.items() if np.any(change)}
            totals = totals | {name: term.sum(axis=-2, keepdims=True) for name, term in new.items()}
        rows = self._rows(b, totals)
        weights = self._weights(totals)
        own = self._slope(lambda c: self._rows(c, totals), b)
        delta = sum((weights[i] * own[i] for i in rows), start=np.zeros_like(self.z))
        V, W = [], []
        for name, slope in slopes.items():
            moved = self._slope(partial(self._weights_with, totals, name), totals[name])
            if any(np.any(change) for change in moved.values()):
                V.append(self._kept(sum((moved[i] * rows[i] for i in rows), start=np.zeros_like(self.z))))
                W.append(slope)
        return self._kept(delta), V, W

    def _kept(self, array: Array) -> Array:
        return np.where(self.kept, array, 0.0)

    def _terms(self, number: int, totals: Mapping[str, Array], b: Array) -> dict[str, Array]:
        terms = self.loss.block_totals(number, self.z, b, self.m, totals)
        return {name: self._kept(term) for name, term in terms.items()}

    def _rows(self, b: Array, totals: Mapping[str, Array]) -> dict[str, Array]:
        return {str(i): row for i, row in enumerate(self.loss.gradient_rows(self.z, b, self.m, totals))}

    def _weights(self, totals: Mapping[str, Array]) -> dict[str, Array]:
        return {str(i): np.asarray(w, dtype=float) for i, w in enumerate(self.loss.gradient_weights(self.m, totals))}

    def _weights_with(self, totals: Mapping[str, Array], name: str, total: Array) -> dict[str, Array]:
        return self._weights({**totals, name: total})

    def _slope(self, function: Callable[[Array], dict[str, Array]], at: Array) -> dict[str, Array]:
        """The derivative of polynomials of degree 2 in their own entry, by two step sizes that must agree."""
        h = max(1.0, float(np.abs(at).max()))
        (plus, minus), (higher, lower) = ((function(at + step), function(at - step)) for step in (h, 2 * h))
        once = {name: (plus[name] - minus[name]) / (2 * h) for name in plus}
        for name, slope in once.items():
            size = max(np.abs(end[name]).max() for end in (higher, lower)) / h
            if np.abs(slope - (higher[name] - lower[name]) / (4 * h)).max() > AGREEMENT * size:
                raise InputError(
                    f"{self.loss.NAME}: its derivative in b was asked for, and is only implemented for losses that are "
                    "polynomials of degree 2 in b; use a plain, rescaled or normalized loss"
                )
        return once

    def _check_chain(self, b: Array, number: int, totals: dict[str, Array], slopes: Mapping[str, Array]) -> None:
        """Earlier totals that depend on b must not enter later ones, nor rows."""
        other = totals | {name: 1.5 * totals[name] + 1.0 for name in slopes}
        pairs = [(self._terms(number, totals, b), self._terms(number, other, b))]
        if number >= self.loss.GRADIENT_PASS:
            pairs.append((self._rows(b, totals), self._rows(b, other)))
        if any(not np.array_equal(old[name], new[name]) for old, new in pairs for name in old):
            raise InputError(
                f"{self.loss.NAME}: its derivative in b was asked for, and is only implemented where totals that "
                "depend on b enter the gradient's weights alone; use a plain, rescaled or normalized loss"
            )
