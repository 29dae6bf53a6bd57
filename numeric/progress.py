"""A progress line for long work: written to standard error, only on request, at most twice a second."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

Progress = Callable[[int, float, float, float], None]
"""Called after each step with (step, value, gradient_norm, seconds)."""


@dataclass
class ProgressLine:
    """One line that is rewritten in place; silent for the first second, so that quick work stays quiet.

    Attributes:
        quiet_seconds: nothing is written before.
        interval: seconds between two writes.
        stream: where to write, standard error at the time of the call if None.
    """

    quiet_seconds: float = 1.0
    interval: float = 0.5
    stream: TextIO | None = None
    _written: float = field(default=-1.0, repr=False)

    def __call__(self, step: int, value: float, gradient_norm: float, seconds: float) -> None:
        """Write the line if it is time."""
        if seconds < self.quiet_seconds or (self._written >= 0 and seconds - self._written < self.interval):
            return
        self._written = seconds
        stream = self.stream or sys.stderr
        stream.write(f"\rstep {step}  value {value:.6e}  gradient {gradient_norm:.3e}  {seconds:.1f} s\033[K")
        stream.flush()

    def close(self) -> None:
        """End the line, if one was begun."""
        if self._written >= 0:
            (self.stream or sys.stderr).write("\n")
