"""Losses that divide by a total: where it has vanished the loss is undefined, and the error names the row."""

from collections.abc import Mapping

import numpy as np

from numeric.kernels import Array, Kernel
from numeric.validation import OutsideDomain


def check_domain(
    loss: Kernel, ratios: Mapping[str, Array], numbers: Array | None = None, prompt: int | None = None
) -> None:
    """Refuse totals that are as small as the rounding error of their own sum.

    Args:
        loss: a loss with a domain; `loss.VANISHED` machine epsilons are what counts as rounding.
        ratios: each total over the sum of its absolute terms, per group, as of `domain_totals`.
        numbers: of the groups, for messages; None counts from 0.
        prompt: the number of the prompt, where there are several groups.

    Raises:
        OutsideDomain: a total has vanished.
    """
    for name, ratio in ratios.items():
        rows = np.atleast_1d(ratio).ravel()
        gone = np.flatnonzero(has_vanished(loss, rows))
        if gone.size:
            row = int(gone[0])
            number = row if numbers is None else int(numbers[row])
            of_prompt = "" if prompt is None else f" of prompt {prompt}"
            raise OutsideDomain(
                f"{loss.NAME} is undefined here ({loss.DOMAIN}): {name} of row {number}{of_prompt} is "
                f"{rows[row]:.3g} times the sum of its absolute terms; move x, or choose a rescaled loss"
            )


def has_vanished(loss: Kernel, ratio: Array) -> Array:
    """Whether each total, over the sum of its absolute terms, is no more than rounding."""
    return np.abs(ratio) <= loss.VANISHED * np.finfo(ratio.dtype).eps
