"""One formula evaluated on a stream of blocks of z: totals pass by pass, with the running shift, then rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from numeric.blocks import Block
from numeric.forms.domain import check_domain
from numeric.forms.sums import Sum
from numeric.kernels import Array, Kernel


@dataclass(eq=False)
class Totals:
    """The totals of one kernel while they are summed up; shapes (..., 1), one for each problem.

    The shift m is the largest entry so far. A total of degree k is summed in units of e^(k m): when m rises to m',
    what was summed is multiplied by e^(k (m - m')), which is at most 1, so nothing overflows that need not.

    Attributes:
        kernel: the loss or the regularizer.
        dtype: of the rows.
        m: the shift.
        sums: by name.
        rows: sums of A^T p over the rows p of the gradient.
        earlier: the totals of earlier passes, as the kernel takes them.
    """

    kernel: Kernel
    dtype: np.dtype[Any]
    m: Array
    sums: dict[str, Sum] = field(default_factory=dict)
    rows: list[Sum] = field(default_factory=list)
    earlier: dict[str, Array] = field(default_factory=dict)

    def begun(self) -> "Totals":
        """A copy for the next pass, so that one that is broken off leaves these totals as they are."""
        return replace(self, sums=dict(self.sums), rows=list(self.rows))

    def add(self, number: int, z: Array, data: Array, block: Block, gradient: bool) -> None:
        """What pass `number` takes from a block with entries z; the gradient's sums are taken in one pass, if asked."""
        if number == 1:
            self._add_first(z, data)
        elif number <= len(self.kernel.TOTALS):
            for name, total in self.kernel.block_totals(number, z, data, self.m, self.earlier).items():
                self.sums.setdefault(name, Sum()).add(total)
        if gradient:
            for i, p in enumerate(self.kernel.gradient_rows(z, data, self.m, self.earlier)):
                if i == len(self.rows):
                    self.rows.append(Sum())
                self.rows[i].add(block.adjoint(p))

    def end(self, number: int) -> None:
        """What is to be done after pass `number`.

        Raises:
            OutsideDomain: a total that must not vanish is as small as its rounding error.
        """
        self.earlier = self.rounded()
        if number == 1:
            check_domain(self.kernel, self.ratios())

    def _add_first(self, z: Array, data: Array) -> None:
        own = self.kernel.shift(z)
        totals = self.kernel.block_totals(1, z, data, own, {})
        m = np.maximum(self.m, own)
        for name, total in totals.items():
            degree = self.kernel.DEGREES.get(name, 0)
            before, factor = (_power(degree, part - m) for part in (self.m, own))
            with np.errstate(invalid="ignore"):
                self.sums.setdefault(name, Sum()).add(factor * np.asarray(total, dtype=float), before)
        self.m = m

    def rounded(self) -> dict[str, Array]:
        """The totals in the dtype of the rows, so that blocks of float32 are computed in float32."""
        return {name: total.astype(self.dtype) for name, total in self.exact().items()}

    def exact(self) -> dict[str, Array]:
        """The totals in float64."""
        return {name: total.value for name, total in self.sums.items()}

    def ratios(self) -> dict[str, Array]:
        """The totals that must not vanish, over the sums of their absolute terms, shapes (...)."""
        totals = self.exact()
        return {name: self._ratio(totals, name) for name in self.kernel.NONZERO}

    def _ratio(self, totals: Mapping[str, Array], name: str) -> Array:
        size = totals[f"size_{name}"]
        ratio = np.divide(totals[name], size, out=np.zeros_like(size), where=size != 0)
        return ratio.astype(self.dtype)[..., 0]

    @property
    def log_scale(self) -> Array:
        """Of value, gradient and C, one for each problem; m must be final where there is one."""
        degree = self.kernel.DEGREE or 0
        return degree * self.m[..., 0].astype(float) if degree else np.zeros(self.m.shape[:-1])

    def value(self) -> Array:
        """The value, one for each problem, from all totals."""
        return self.kernel.value_of(self.m.astype(float), self.exact())[0]

    def gradient(self) -> Array:
        """A^T g, shape (..., d), in float64, on the value's log scale."""
        weights = self.kernel.gradient_weights(self.m.astype(float), self.exact())
        with np.errstate(all="ignore"):
            return sum(weight * row.value for weight, row in zip(weights, self.rows, strict=True))


def _power(degree: int, difference: Array) -> Array:
    """e^(degree * difference) in float64; the first block's difference is -infinity, which degree 0 ignores."""
    with np.errstate(invalid="ignore"):
        return np.exp(degree * difference.astype(float)) if degree else np.ones_like(difference, dtype=float)
