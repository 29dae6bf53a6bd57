"""The floor of a stream: plain reads of A with the BLAS products and exponentials of the operation, and no loss.

As many reads as value and gradient need: one for plain losses, two for those with a normalizer, which must know all of
z before a row of the gradient. The last read does the products. Nothing is given back to the system in between.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse
from scipy.linalg.blas import dsyrk

from numeric.kernels import kernel
from proofs_check.bench.cases import Array, Work
from proofs_check.bench.streams.cases import StreamInstance

LEGEND = (
    "one read of A (plain losses) or two (normalized): A x and exp in each; in the last one also g A, or A v and "
    "(.) A, or A^T A; from the mapped file or by read() into a buffer, CSR as a whole or in blocks, the fastest of all"
)
HEIGHTS = (4096, 32768)
Read = Callable[[], Iterator[tuple[slice, Any]]]
"""Gives the rows of A in blocks."""


def stream_floors(data: StreamInstance, descriptor: int) -> dict[str, Work]:
    """The competing floors of a case, by name."""
    reads = dict(_csr_reads(data.A) if data.case.source == "csr" else _file_reads(data.A, descriptor))
    return {name: plain_reads(data, read) for name, read in reads.items()}


def _file_reads(A: Array, descriptor: int) -> Iterator[tuple[str, Read]]:
    rows = np.asarray(A)
    for height in HEIGHTS:
        blocks = [(part, rows[part]) for part in _slices(len(A), height)]
        yield f"map {height}", partial(iter, blocks)
        yield f"read {height}", partial(_into, np.empty((height, A.shape[1])), descriptor, len(A))


def _into(buffer: Array, descriptor: int, n: int) -> Iterator[tuple[slice, Array]]:
    width = 8 * buffer.shape[1]
    for part in _slices(n, len(buffer)):
        block = buffer[: part.stop - part.start]
        os.preadv(descriptor, [block.data], part.start * width)
        yield part, block


def _csr_reads(A: Any) -> Iterator[tuple[str, Read]]:
    yield "whole", partial(iter, [(slice(0, A.shape[0]), A)])
    for height in HEIGHTS:
        blocks = [(part, A[part]) for part in _slices(A.shape[0], height)]
        yield f"block {height}", partial(iter, blocks)


def plain_reads(data: StreamInstance, read: Read) -> Work:
    """The reads and products of a floor; returns what the last read sums up."""
    operation, x, v = data.case.operation, data.x, data.v
    passes, z = kernel(data.case.loss).PASSES, np.empty(data.case.n)

    def work() -> Array:
        for _ in range(passes - 1):
            for rows, A in read():
                np.exp(A @ x, out=z[rows])
        d = len(x)
        total = np.zeros((d, d), order="F") if operation == "hessian" else np.zeros(d)
        for rows, A in read():
            part = np.exp(A @ x, out=z[rows])
            if operation == "hessian":
                total = _add_gram(total, A)
            else:
                total += (part if operation == "gradient" else A @ v) @ A
        return total

    return work


def _add_gram(total: Array, A: Any) -> Array:
    """The upper triangle of total + A^T A; sparse products are both triangles."""
    if scipy.sparse.issparse(A):
        return total + (A.T @ A).toarray()
    return dsyrk(1.0, A.T, beta=1.0, c=total, overwrite_c=1)


def _slices(n: int, height: int) -> Iterator[slice]:
    for start in range(0, n, height):
        yield slice(start, min(start + height, n))
