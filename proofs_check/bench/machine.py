"""The machine: how many cores there are, and how many of them a measuring process may use."""

import os


def environment(cores: int) -> dict[str, str]:
    """What the worker's process must find in its environment."""
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    many = "true" if cores > 1 else "false"
    return {
        **dict.fromkeys(pools, str(cores)),
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={many}",
        "JAX_PLATFORMS": "cpu",
    }


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
