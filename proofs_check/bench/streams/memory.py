"""Memory that a piece of work takes beyond what the process held before.

On Linux the peak of the resident memory is the kernel's high-water mark, set back before the work. `ru_maxrss` alone
would not do: a process inherits it from the one that started it, so that a small child of a large parent sees no peak.
"""

import resource
import sys
import tracemalloc
from pathlib import Path

from proofs_check.bench.cases import Work

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
MEASURING = {"MALLOC_MMAP_THRESHOLD_": str(1 << 16)}
"""The environment of a process whose memory is measured: freed arrays go back to the system at once, so that later
arrays cannot hide in them."""


def resident_peak(work: Work) -> int:
    """Bytes by which the resident memory rose at its highest, pages of files that were read included."""
    before = _reset_peak()
    work()
    return max(0, _peak() - before)


def array_peak(work: Work) -> int:
    """Bytes of Python objects and NumPy arrays that were alive at once, beyond those from before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def _reset_peak() -> int:
    """The resident memory now, from where the peak counts; without /proc the highest so far."""
    try:
        RESET.write_text("5")
    except OSError:
        return _peak()
    return _status("VmRSS")


def _peak() -> int:
    if STATUS.exists():
        return _status("VmHWM")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(key: str) -> int:
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith(key + ":"))
    return int(line.split()[1]) * 1024
