"""The rows of a prompt that do not count: left out of everything but predictions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from numeric.kernels import Array, Kernel

if TYPE_CHECKING:
    from numeric.forms.matrix import MatrixForm


@dataclass(frozen=True, eq=False)
class OtherRows:
    """The rows of weight 0 of a prompt.

    Attributes:
        count: rows of the prompt, those that count included.
        rows: the numbers of those of weight 0 that keep an entry.
        form: these rows, or None where there are none.
    """

    count: int
    rows: Array
    form: "MatrixForm | None"

    def join(self, model: Array, counted: Array, loss: Kernel, x: Array) -> Array:
        """The model of all rows; 0 in rows that keep no entry, NaN in those of weight 0 where the loss is undefined.

        Args:
            model: of the rows that count.
            counted: their numbers.
            loss: the kernel.
            x: the point.
        """
        whole = np.zeros((self.count, model.shape[1]), model.dtype)
        whole[counted] = model
        if self.form is not None:
            whole[self.rows] = self.form.evaluate(loss, x).model_or_nan()
        return whole
