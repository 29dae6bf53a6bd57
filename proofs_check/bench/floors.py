"""Floors: the work that cannot be avoided, as NumPy and BLAS do it without any loss around it.

A floor is the BLAS calls, the exponentials and the one read of the data of an operation, in arrays that are allocated
before the timing. Where several ways of doing that work compete (row blocks of several heights, one pass or two), all
are timed and the fastest is the floor. What another program could keep between calls and this one computes in each
call, such as the pair tables of a Hessian, counts as work; the time without it is reported beside the floor.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy.linalg.blas import dsyrk

from numeric.kernels import kernel
from proofs_check.bench.cases import Array, Instance, Work

LEGEND = {
    "value": "vector: A x, exp; matrix: in row blocks A1 X A2^T, exp in place, one read of B",
    "gradient": "vector: A x, exp, g A; matrix: in row blocks two products, exp in place, one read of B; then A1^T P",
    "hessian": (
        "vector: the symmetric product A^T A (dsyrk) alone, without A x, exp and A^T U; matrix: in row blocks "
        "A1 X A2^T, exp, one read of B, A2^T U_i for each column of U, the tables of the products of columns in pairs "
        "(built in each call, as ours are) and their two products, without the low-rank update of pairs"
    ),
    "product": "vector: A x, exp, one read of A for A v and g A; matrix: three products a block, exp, one read of B",
    "product-cached": (
        "vector: one read of A for A v, kept weights and g A; "
        "matrix: in row blocks A1 V A2^T, one read of the kept weights, (. A2); then A1^T P"
    ),
    "gauss-newton": "as the Hessian product from x",
}
"""The work of each floor in words."""

BESIDE = {
    "one_read": "vector gradient with A read once, which a loss with a normalizer cannot do",
    "kept_tables": "matrix Hessian with pair tables that were built before",
}
"""Times that are reported beside a floor and do not count as one."""
ROW_BLOCKS = (32, 64, 128, 256)
GRAM_BLOCKS = (1024, 4096)
VECTOR_BLOCK = 1024


def floors(data: Instance) -> dict[str, Work]:
    """The competing floors of a case, by name; names of `BESIDE` do not count as floors.

    A variant other than "dense" has none: it is compared with the dense case.
    """
    if data.case.variant != "dense":
        return {}
    return dict(_vector_floors(data) if data.case.form == "vector" else _matrix_floors(data))


def _vector_floors(data: Instance) -> Iterator[tuple[str, Work]]:
    operation, (A,), x, v = data.case.operation, data.maps, data.x, data.v
    z = np.empty(len(A))
    if operation == "value":
        yield "products", lambda: exponentials(A, x, z)
    elif operation == "gradient":
        yield "products", lambda: exponentials(A, x, z) @ A
        yield "block", lambda: (exponentials(A, x, z), one_read(A, None, z))[1]
        # A loss whose rows need no total reads A once; for the others that is out of reach.
        name = "single read" if kernel(data.case.loss).PASSES == 1 else "one_read"
        yield name, lambda: one_read(A, x, z)
    elif operation == "hessian":
        yield "dsyrk", lambda: dsyrk(1.0, A.T)
        for rows in GRAM_BLOCKS:
            if rows < len(A):
                yield f"dsyrk, block {rows}", partial(blocked_gram, A, rows)
    elif operation == "product-cached":
        yield "products", lambda: np.multiply(np.dot(A, v, out=z), data.target, out=z) @ A
        yield "block", lambda: one_read(A, v, z, data.target)
    else:
        both, pair = np.stack([x, v]), np.empty((2, len(A)))
        yield "products", lambda: (exponentials(A, x, z), np.dot(A, v, out=z) @ A)[1]
        yield "block", lambda: (exponentials(A, x, z), one_read(A, v, z, exp=False))[1]
        yield "pair", lambda: (np.exp(np.matmul(both, A.T, out=pair)[0], out=z), pair[1] @ A)[1]


def exponentials(A: Array, x: Array, z: Array) -> Array:
    """exp(A x), in z."""
    return np.exp(np.dot(A, x, out=z), out=z)


def one_read(A: Array, x: Array | None, z: Array, weights: Array | None = None, exp: bool = True) -> Array:
    """A^T exp(A x), each block of A read once from memory, in z.

    With `weights`: A^T (weights A x). Without `exp`: A^T A x. Where x is None: A^T z.
    """
    gradient = np.zeros(A.shape[1])
    for start in range(0, len(A), VECTOR_BLOCK):
        block = slice(start, start + VECTOR_BLOCK)
        rows, part = A[block], z[block]
        if x is not None:
            np.dot(rows, x, out=part)
            if weights is not None:
                np.multiply(part, weights[block], out=part)
            elif exp:
                np.exp(part, out=part)
        gradient += part @ rows
    return gradient


def blocked_gram(A: Array, rows: int) -> Array:
    """The upper triangle of A^T A, block by block."""
    gram = np.zeros((A.shape[1],) * 2, order="F")
    for start in range(0, len(A), rows):
        gram = dsyrk(1.0, A[start : start + rows].T, beta=1.0, c=gram, overwrite_c=1)
    return gram


def _matrix_floors(data: Instance) -> Iterator[tuple[str, Work]]:
    n = len(data.maps[0])
    heights = [rows for rows in ROW_BLOCKS if rows <= n] or [n]
    for rows in heights:
        hessian = data.case.operation == "hessian"
        yield f"block {rows}", pair_products(data, rows) if hessian else blocked_products(data, rows)
    if data.case.operation == "hessian":
        yield "kept_tables", pair_products(data, heights[-1], kept=True)


def blocked_products(data: Instance, height: int) -> Work:
    """The blocked products of a matrix operation, with exp in place and one read of B."""
    operation, (A1, A2), B = data.case.operation, data.maps, data.target
    cached = operation == "product-cached"
    left, tangent, P = (np.empty_like(A1) for _ in range(3))
    Z = np.empty((height, len(A2)))

    def work() -> Array:
        np.matmul(A1, data.v if cached else data.x, out=left)
        if operation in ("product", "gauss-newton"):
            np.matmul(A1, data.v, out=tangent)
        for rows in _row_slices(len(A1), height):
            part = np.matmul(left[rows], A2.T, out=Z[: rows.stop - rows.start])
            if cached:
                np.multiply(part, B[rows], out=part)
            else:
                np.subtract(np.exp(part, out=part), B[rows], out=part)
            if operation in ("product", "gauss-newton"):
                np.matmul(tangent[rows], A2.T, out=part)
            if operation != "value":
                np.matmul(part, A2, out=P[rows])
        return part if operation == "value" else A1.T @ P

    return work


def pair_products(data: Instance, height: int, kept: bool = False) -> Work:
    """sum_j of the pairs of columns of A1 at row j times A2^T diag(D_j) A2, with D = exp(A1 X A2^T) - B.

    Args:
        height: rows of a block.
        kept: take the tables of pairs as given.
    """
    (A1, A2), B, columns = data.maps, data.target, range(_low_rank_columns(data.case.loss))
    tables = [_PairTable(A) for A in data.maps]
    first, second = (table.filled() for table in tables)
    Z, left, V = np.empty((height, len(A2))), np.empty_like(A1), np.empty((height, A2.shape[1]))
    product = np.empty((len(second), len(first)))
    terms = np.empty((len(second), height))

    def work() -> Array:
        np.matmul(A1, data.x, out=left)
        for table in tables if not kept else ():
            table.filled()
        total = np.zeros_like(product)
        for rows in _row_slices(len(A1), height):
            size = rows.stop - rows.start
            part = np.matmul(left[rows], A2.T, out=Z[:size])
            np.subtract(np.exp(part, out=part), B[rows], out=part)
            for _ in columns:
                np.matmul(part, A2, out=V[:size])
            total += np.matmul(np.matmul(second, part.T, out=terms[:, :size]), first[:, rows].T, out=product)
        return total

    return work


class _PairTable:
    """The products of all pairs of columns of A, one row for each pair (p, q >= p)."""

    def __init__(self, A: Array) -> None:
        d = A.shape[1]
        self._columns, self._table = np.ascontiguousarray(A.T), np.empty((d * (d + 1) // 2, len(A)))

    def filled(self) -> Array:
        start = 0
        for p, column in enumerate(self._columns):
            others = self._columns[p:]
            np.multiply(column, others, out=self._table[start : start + len(others)])
            start += len(others)
        return self._table


def _low_rank_columns(loss: str) -> int:
    """Columns of U in the loss's Hessian diag(D) + U C U^T."""
    from proofs_check.bench.language import differentiate, formula_of

    return len(differentiate(formula_of(loss)).hessian.U)


def _row_slices(n: int, height: int) -> Iterator[slice]:
    for start in range(0, n, height):
        yield slice(start, min(start + height, n))
