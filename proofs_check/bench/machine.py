"""The machine: its cores, and the environment in which a process measures."""

import os

MEMORY = {
    "kept": "freed memory stays with the process, so that page faults of fresh arrays count for nobody",
    "fresh": "the allocator as it is: large arrays that are allocated in each call pay for page faults",
}
"""What becomes of memory that a contestant frees."""
KEEP = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
    "MALLOC_TOP_PAD_": str(1 << 28),
}
"""Of the GNU C library; other allocators ignore them."""


def environment(cores: int, memory: str = "kept") -> dict[str, str]:
    """What the worker's process must find in its environment.

    Args:
        cores: the size of all thread pools.
        memory: a name of `MEMORY`.
    """
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    many = "true" if cores > 1 else "false"
    return {
        **dict.fromkeys(pools, str(cores)),
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={many}",
        "JAX_PLATFORMS": "cpu",
        **(KEEP if memory == "kept" else {}),
    }


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
