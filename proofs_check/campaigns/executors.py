"""Executors: the processes that a campaign runs on, and the refusal of threads.

The precision of balls is global to a process, so tasks that share a process would change each other's results. Any
executor of `concurrent.futures` will do whose tasks run one at a time in processes of their own.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

from ..arrays.exact import InputError

BLAS_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

LOCAL = "processes"
FORMS = "processes, dask:ADDRESS, or module:callable such as mpi4py.futures:MPIPoolExecutor"


@contextmanager
def opened(executor: str | Executor, jobs: int) -> Iterator[Executor]:
    """An executor to submit to; one that is made here is shut down on leaving.

    Args:
        executor: "processes", "dask:ADDRESS", "module:callable" (called with ``max_workers``), or an executor itself.
        jobs: worker processes; Dask has its own.

    Raises:
        InputError: an executor of threads, or none of the above.
    """
    if isinstance(executor, Executor):
        yield _of_processes(executor)
        return
    with ExitStack() as stack:
        stack.enter_context(_one_blas_thread())
        made = stack.enter_context(_made(executor, jobs, stack))
        yield made if executor == LOCAL else _of_processes(made)


def _made(executor: str, jobs: int, stack: ExitStack) -> Executor:
    if executor == LOCAL:
        return local(jobs)
    module, _, name = executor.partition(":")
    if not module or not name:
        raise InputError(f"an executor is {FORMS}, got {executor!r}")
    return _on_dask(name, stack) if module == "dask" else _from_callable(module, name, jobs)


def local(jobs: int) -> ProcessPoolExecutor:
    """Fresh processes (spawned: a fork would inherit open files, and the precision at work)."""
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_collect_rarely)


def _collect_rarely() -> None:
    """Claims make many small objects and hardly a cycle: the collector's usual rhythm costs a tenth of the time."""
    gc.set_threshold(100_000, 50, 100)


def _from_callable(module: str, name: str, jobs: int) -> Executor:
    try:
        made = getattr(importlib.import_module(module), name)(max_workers=jobs)
    except (ImportError, AttributeError, TypeError) as cause:
        raise InputError(f"no executor from {module}:{name}: {cause}; an executor is {FORMS}") from cause
    if not isinstance(made, Executor):
        raise InputError(f"{module}:{name} gives a {type(made).__name__}; a concurrent.futures executor is needed")
    return made


def _on_dask(address: str, stack: ExitStack) -> Executor:
    try:
        from distributed import Client
    except ImportError as cause:
        raise InputError("--executor dask:ADDRESS needs Dask: pip install 'lemmascope[dask]'") from cause
    try:
        client = stack.enter_context(Client(address))
    except (OSError, ValueError) as cause:
        raise InputError(f"no Dask scheduler answers at {address!r}: {cause}") from cause
    refuse_threads(client.nthreads())
    return client.get_executor(pure=False)


def refuse_threads(threads: dict[str, Any]) -> None:
    """Refuse Dask workers that run several tasks in one process.

    Args:
        threads: worker address -> number of its threads.

    Raises:
        InputError: no worker, or one with several threads.
    """
    if not threads:
        raise InputError("the Dask scheduler has no worker; start some with: dask worker ADDRESS --nthreads 1")
    several = {worker: count for worker, count in threads.items() if count != 1}
    if several:
        raise InputError(
            f"Dask workers must have one thread each, got {several}: the precision of balls is global to a process; "
            "start them with: dask worker ADDRESS --nworkers N --nthreads 1"
        )


def _of_processes(executor: Executor) -> Executor:
    """The executor, unless its tasks run in this very process."""
    if executor.submit(os.getpid).result() == os.getpid():
        raise InputError(
            f"{type(executor).__name__} runs tasks in threads of this process, where they would change each other's "
            f"precision; use an executor of processes: {FORMS}"
        )
    return executor


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Processes started inside use one BLAS thread each: as many workers as cores, on tiny matrices, need no more."""
    before = {name: os.environ.get(name) for name in BLAS_THREADS}
    os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
