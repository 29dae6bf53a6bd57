"""A progress line for long work: written to standard error, only on request, at most twice a second."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TextIO

from numpy.typing import NDArray

Progress = Callable[[int, float, float, float], None]
"""Called after each step with (step, value, gradient_norm, seconds)."""
Callback = Callable[[NDArray[Any]], Any]
"""Called after each step with x."""


@dataclass
class ProgressLine:
    """One line that is rewritten in place; silent for the first second, so that quick work stays quiet.

    Attributes:
        quiet_seconds: nothing is written before.
        interval: seconds between two writes.
        stream: where to write, standard error at the time of the call if None.
        clock: the seconds of `reading`, from when the line was made.
    """

    quiet_seconds: float = 1.0
    interval: float = 0.5
    stream: TextIO | None = None
    clock: Callable[[], float] = field(default_factory=lambda: partial(_seconds_since, time.perf_counter()), repr=False)
    _written: float = field(default=-1.0, repr=False)
    _step: str = field(default="", repr=False)
    _reads: int = field(default=0, repr=False)

    def __call__(self, step: int, value: float, gradient_norm: float, seconds: float) -> None:
        """Write the line if it is time."""
        self._step = f"step {step}  value {value:.6e}  gradient {gradient_norm:.3e}  "
        self._write("", seconds)

    def reading(self, share: float) -> None:
        """Write, if it is time, how far the present read of a streamed A is: a share of its rows, 1 at the end."""
        self._write(f"read {self._reads + 1}, {share:.0%}  ", self.clock())
        self._reads += share == 1.0

    def _write(self, reading: str, seconds: float) -> None:
        if seconds < self.quiet_seconds or (self._written >= 0 and seconds - self._written < self.interval):
            return
        self._written = seconds
        stream = self.stream or sys.stderr
        stream.write(f"\r{self._step}{reading}{seconds:.1f} s\033[K")
        stream.flush()

    def close(self) -> None:
        """End the line, if one was begun."""
        if self._written >= 0:
            (self.stream or sys.stderr).write("\n")


def _seconds_since(start: float) -> float:
    return time.perf_counter() - start
