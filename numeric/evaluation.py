"""One point of a problem: what value, gradient and Hessian share is computed once.

A problem is a sum over forms. Each answers on a log scale of its own; here they are brought to one common scale,
the largest, so that nothing overflows before the sum is known.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from numeric.forms.form import Evaluation, Form, Scaled, ScaledValue, SecondOrder
from numeric.kernels import Array, Kernel, quiet


@dataclass(frozen=True, eq=False)
class Point:
    """The evaluation of a sum over forms at one x, cached.

    Attributes:
        loss: the kernel of the loss.
        forms: the summands.
        x: the point, in the dtype of the computation.
        log_norms: logs of the gradient's norm that were asked for, by the problem in whose stored variables they are.
    """

    loss: Kernel
    forms: tuple[Form, ...]
    x: Array
    log_norms: dict[Hashable, float] = field(default_factory=dict, repr=False)

    @cached_property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """Each form at x."""
        return tuple(form.evaluate(self.loss, self.x) for form in self.forms)

    @cached_property
    def largest_entry(self) -> float:
        """max |z| over the kept entries of all forms."""
        return max(form.largest_entry(self.x) for form in self.forms)

    @cached_property
    @quiet
    def value(self) -> ScaledValue:
        """The value on one common scale, regularizer included: from `first_order` where that is known, else alone.

        Raises:
            OutsideDomain: a total that must not vanish does.
        """
        if "first_order" in vars(self):
            return ScaledValue(self.first_order.value, self.first_order.log_scale)
        parts = [evaluation.value for evaluation in self.evaluations]
        scale = max(part.log_scale for part in parts)
        value = sum(part.value * float(np.exp(part.log_scale - scale)) for part in parts)
        # Too large to be known, as in `first_order`.
        return ScaledValue(value if np.isfinite(value) else np.inf, scale)

    @cached_property
    def first_order(self) -> Scaled:
        """Value and gradient on one common scale, regularizer included.

        Raises:
            OutsideDomain: a total that must not vanish does.
        """
        parts = [evaluation.first_order for evaluation in self.evaluations]
        total = parts[0] if len(parts) == 1 else _sum(parts)
        if not math.isfinite(total.value):
            # Sums of overflowed terms of both signs are NaN; too large to be known is what they are.
            gradient = np.nan_to_num(total.gradient, nan=np.inf, posinf=np.inf, neginf=-np.inf)
            return Scaled(np.inf, gradient, total.log_scale)
        return total

    @cached_property
    def hessian(self) -> tuple[SecondOrder, ...]:
        """The Hessian of each form, each on its own scale; raises as `first_order`."""
        return tuple(evaluation.second_order("hessian") for evaluation in self.evaluations)

    @cached_property
    def gauss_newton(self) -> tuple[SecondOrder, ...]:
        """J^T J of the residuals of each form (the regularizer's is its Hessian); raises as `first_order`."""
        return tuple(evaluation.second_order("gauss_newton") for evaluation in self.evaluations)

    def predict(self) -> tuple[Array, ...]:
        """The model of each form's target; raises as `first_order`."""
        return tuple(evaluation.predict() for evaluation in self.evaluations)


@quiet
def _sum(parts: list[Scaled]) -> Scaled:
    scale = max(part.log_scale for part in parts)
    value, gradient = 0.0, np.zeros_like(parts[0].gradient)
    for part in parts:
        factor = float(np.exp(part.log_scale - scale))
        value += part.value * factor
        gradient += part.gradient if factor == 1.0 else part.gradient * factor
    return Scaled(value, gradient, scale)
