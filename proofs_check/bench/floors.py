"""Floors: the work that cannot be avoided, as NumPy and BLAS do it without any loss around it.

A floor is the BLAS calls, the exponentials and the one read of the data of an operation. Where several ways of doing
that work compete (blocks of 64 or 128 rows, one pass or two), all are timed and the fastest is the floor. A loss with a
normalizer must have read all of z before its first weight is known, so its vector form reads A twice; the time of a
single read is reported beside the floor as `one_read`, because plain losses reach it.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from scipy.linalg.blas import dsyrk

from proofs_check.bench.cases import Array, Instance, Work

LEGEND = {
    "value": "vector: A x, exp; matrix: in row blocks A1 X A2^T, exp in place, one read of B",
    "gradient": "vector: A x, exp, g A; matrix: in row blocks two products, exp in place, one read of B; then A1^T P",
    "hessian": "vector: the symmetric product A^T A (dsyrk); matrix: the two products of the pair tables",
    "product": "vector: A x, exp, one read of A for A v and g A; matrix: three products a block, exp, one read of B",
    "product-cached": "vector: one read of A for A v and g A; matrix: the products A1 V A2^T and A1^T (. A2), blocked",
    "gauss-newton": "as the Hessian product from x",
}
"""The work of each floor in words."""

ONE_READ = "one_read"
ROW_BLOCKS = (64, 128)
VECTOR_BLOCK = 1024


def floors(data: Instance) -> dict[str, Work]:
    """The competing floors of a case, by name; the one named `one_read` does not count as a floor.

    A variant other than "dense" has none: it is compared with the dense case.
    """
    if data.case.variant != "dense":
        return {}
    if data.case.form == "vector":
        return dict(_vector_floors(data))
    if data.case.operation == "hessian":
        return {"pairs": partial(pair_products, data.maps, data.target)}
    return {f"block {rows}": partial(matrix_floor, data, rows) for rows in ROW_BLOCKS}


def _vector_floors(data: Instance) -> Iterator[tuple[str, Work]]:
    operation, (A,), x, v = data.case.operation, data.maps, data.x, data.v
    z = np.empty(len(A))
    if operation == "value":
        yield "products", lambda: exponentials(A, x, z)
    elif operation == "gradient":
        yield "products", lambda: exponentials(A, x, z) @ A
        yield "block", lambda: (exponentials(A, x, z), one_read(A, None, z))[1]
        yield ONE_READ, lambda: one_read(A, x, z)
    elif operation == "hessian":
        yield "dsyrk", lambda: dsyrk(1.0, A.T)
    elif operation == "product-cached":
        yield "products", lambda: np.dot(A, v, out=z) @ A
        yield "block", lambda: one_read(A, v, z, exp=False)
    else:
        yield "products", lambda: (exponentials(A, x, z), np.dot(A, v, out=z) @ A)[1]
        yield "block", lambda: (exponentials(A, x, z), one_read(A, v, z, exp=False))[1]


def exponentials(A: Array, x: Array, z: Array) -> Array:
    """exp(A x), in z."""
    return np.exp(np.dot(A, x, out=z), out=z)


def one_read(A: Array, x: Array | None, z: Array, exp: bool = True) -> Array:
    """A^T exp(A x) (or A^T A x without `exp`; A^T z where x is None), each block of A read once from memory."""
    gradient = np.zeros(A.shape[1])
    for start in range(0, len(A), VECTOR_BLOCK):
        rows, part = A[start : start + VECTOR_BLOCK], z[start : start + VECTOR_BLOCK]
        if x is not None:
            np.dot(rows, x, out=part)
            if exp:
                np.exp(part, out=part)
        gradient += part @ rows
    return gradient


def pair_products(maps: Sequence[Array], D: Array) -> Array:
    """sum_j of the pairs of columns of A1 at row j times A2^T diag(D_j) A2: two products of pair tables."""
    left, right = (A[:, first] * A[:, second] for A in maps for first, second in [np.triu_indices(A.shape[1])])
    return left.T @ (D @ right)


def matrix_floor(data: Instance, block: int) -> Array:
    """The blocked products of a matrix operation, with exp in place and one read of B."""
    operation, (A1, A2), B = data.case.operation, data.maps, data.target
    forward = A1 @ (data.v if operation == "product-cached" else data.x)
    tangent = A1 @ data.v if operation in ("product", "gauss-newton") else None
    Z, P = np.empty((block, len(A2))), np.empty_like(A1)
    for start in range(0, len(A1), block):
        rows = slice(start, min(start + block, len(A1)))
        part = np.matmul(forward[rows], A2.T, out=Z[: rows.stop - rows.start])
        if operation != "product-cached":
            np.exp(part, out=part)
            np.subtract(part, B[rows], out=part)
        if tangent is not None:
            part = np.matmul(tangent[rows], A2.T, out=part)
        if operation != "value":
            np.matmul(part, A2, out=P[rows])
    return part if operation == "value" else A1.T @ P
