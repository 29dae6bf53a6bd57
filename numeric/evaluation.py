"""One point of a problem: what value, gradient and Hessian share is computed once.

A problem is a sum over prompts. A prompt has one linear map, and one or two terms in its entries z: the loss
with its target, and the regularizer with its weights. Terms come with their own log scale per group; here
they are brought to one common scale, the largest, so that nothing overflows before the sum is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from numeric.kernels import REGULARIZER, Array, Kernel, kernel
from numeric.maps import LinearMap
from numeric.structure import GroupHessians
from numeric.validation import OutsideDomain

VANISHED = 8.0
"""A total counts as vanished below this many machine epsilons of the sum of its terms' absolute values: its
rounding error alone is about that large."""


@dataclass(frozen=True, eq=False)
class Prompt:
    """One linear map with the target of its entries.

    Attributes:
        map: from x to z.
        target: b or B, broadcast to z's shape.
        weights: w or Omega of z's shape, or None without regularizer.
        mask: boolean of z's shape, or None; False entries are in no total, loss or regularizer.
    """

    map: LinearMap
    target: Array
    weights: Array | None = None
    mask: Array | None = None

    def terms(self, loss: Kernel) -> Iterator[tuple[Kernel, Array]]:
        """The kernels of this prompt, each with its data."""
        yield loss, self.target
        if self.weights is not None:
            yield kernel(REGULARIZER), self.weights


@dataclass(frozen=True, eq=False)
class Scaled:
    """exp(log_scale) * (value, gradient): one pair, whose true size may be outside the range of floats."""

    value: float
    gradient: Array
    log_scale: float


@dataclass(frozen=True, eq=False)
class Point:
    """The evaluation of a sum over prompts at one x, cached.

    Attributes:
        loss: the kernel of the loss.
        prompts: the summands.
        x: the point, in the dtype of the computation.
    """

    loss: Kernel
    prompts: tuple[Prompt, ...]
    x: Array

    @cached_property
    def z(self) -> tuple[Array, ...]:
        """The entries of each prompt, inside the domain of the loss.

        Raises:
            OutsideDomain: a total that must not vanish does.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            entries = tuple(prompt.map.forward(self.x) for prompt in self.prompts)
        for number, (prompt, z) in enumerate(zip(self.prompts, entries, strict=True)):
            self._check_domain(number, z, prompt.mask)
        return entries

    def _check_domain(self, number: int, z: Array, mask: Array | None) -> None:
        if not self.loss.NONZERO:
            return
        for name, total in self.loss.domain_totals(z, mask).items():
            rows = np.atleast_1d(np.abs(total))
            vanished = np.flatnonzero(rows <= VANISHED * np.finfo(z.dtype).eps)
            if vanished.size:
                row = int(vanished[0])
                raise OutsideDomain(
                    f"{self.loss.NAME} is undefined here ({self.loss.DOMAIN}): {name} of row {row} of prompt "
                    f"{number} is {np.atleast_1d(total)[row]:.3g} times the sum of its absolute terms; "
                    "move x, or choose a rescaled loss"
                )

    @cached_property
    def first_order(self) -> Scaled:
        """Value and gradient on one common scale, regularizer included."""
        evaluated = [
            [k.value_and_gradient(z, data, prompt.mask) for k, data in prompt.terms(self.loss)]
            for prompt, z in zip(self.prompts, self.z, strict=True)
        ]
        scale = _common_scale(scale for terms in evaluated for *_, scale in terms)
        value, gradient = 0.0, np.zeros(self.x.shape, dtype=self.x.dtype)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for prompt, terms in zip(self.prompts, evaluated, strict=True):
                factors = [np.exp(np.asarray(log_scale - scale, dtype=float)) for *_, log_scale in terms]
                value += sum(float(np.sum(v * f)) for (v, *_), f in zip(terms, factors, strict=True))
                parts = [_multiplied(g, f) for (_, g, _), f in zip(terms, factors, strict=True)]
                gradient += prompt.map.adjoint(sum(parts[1:], start=parts[0]))
        if not np.isfinite(value):
            # Sums of overflowed terms of both signs are NaN; too large to be known is what they are.
            return Scaled(np.inf, np.nan_to_num(gradient, nan=np.inf, posinf=np.inf, neginf=-np.inf), scale)
        return Scaled(value, gradient, scale)

    @cached_property
    def hessian(self) -> tuple[tuple[GroupHessians, ...], float]:
        """The structured Hessian in z of each prompt, and its common log scale."""
        return self._second_order("hessian")

    @cached_property
    def gauss_newton(self) -> tuple[tuple[GroupHessians, ...], float]:
        """J^T J of the residuals in z (the regularizer's is its Hessian), and its common log scale."""
        return self._second_order("gauss_newton")

    def _second_order(self, request: str) -> tuple[tuple[GroupHessians, ...], float]:
        evaluated = [
            [getattr(k, request)(z, data, prompt.mask) for k, data in prompt.terms(self.loss)]
            for prompt, z in zip(self.prompts, self.z, strict=True)
        ]
        scale = _common_scale(scale for terms in evaluated for *_, scale in terms)
        sums = []
        for terms in evaluated:
            with np.errstate(over="ignore", invalid="ignore", under="ignore"):
                parts = [
                    GroupHessians(D, U, C).scaled(np.exp(np.asarray(log_scale - scale)).astype(D.dtype))
                    for D, U, C, log_scale in terms
                ]
                sums.append(sum(parts[1:], start=parts[0]))
        return tuple(sums), scale

    def predict(self) -> tuple[Array, ...]:
        """The model of each prompt's target."""
        return tuple(self.loss.prediction(z, prompt.mask) for prompt, z in zip(self.prompts, self.z, strict=True))


def _multiplied(g: Array, factor: Array) -> Array:
    # Normalized and plain losses have factor 1, and g is as large as the data: no pass over it for nothing.
    return g if np.all(factor == 1.0) else g * factor[..., None].astype(g.dtype)


def _common_scale(scales: Iterator[Array]) -> float:
    largest = max(float(np.max(scale)) for scale in scales)
    return largest if np.isfinite(largest) else 0.0
