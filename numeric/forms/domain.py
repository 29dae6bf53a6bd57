"""Losses that divide by a total: where it has vanished the loss is undefined, and the error names the row."""

from collections.abc import Mapping

import numpy as np

from numeric.kernels import Array, Kernel
from numeric.validation import OutsideDomain


def check_domain(loss: Kernel, ratios: Mapping[str, Array], first_row: int = 0, prompt: int | None = None) -> None:
    """Refuse totals that are as small as the rounding error of their own sum.

    Args:
        loss: a loss with a domain; `loss.VANISHED` machine epsilons are what counts as rounding.
        ratios: each total over the sum of its absolute terms, per group, as of `domain_totals`.
        first_row: the number of the first group.
        prompt: the number of the prompt, where there are several groups.

    Raises:
        OutsideDomain: a total has vanished.
    """
    for name, ratio in ratios.items():
        rows = np.atleast_1d(ratio).ravel()
        vanished = np.flatnonzero(np.abs(rows) <= loss.VANISHED * np.finfo(rows.dtype).eps)
        if vanished.size:
            row = int(vanished[0])
            of_prompt = "" if prompt is None else f" of prompt {prompt}"
            raise OutsideDomain(
                f"{loss.NAME} is undefined here ({loss.DOMAIN}): {name} of row {first_row + row}{of_prompt} is "
                f"{rows[row]:.3g} times the sum of its absolute terms; move x, or choose a rescaled loss"
            )
