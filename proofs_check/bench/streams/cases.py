"""What is measured on streamed rows: sources, losses and operations; a problem and its counted reads."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse

from numeric import VectorRegression
from numeric.evaluation import Point
from numeric.rows import BLOCK_ENTRIES
from numeric.watching import WatchedRows
from proofs_check.bench.cases import Array

SOURCES = {
    "memmap": "float64 in a temporary file that the system's cache holds, read through numpy.memmap",
    "csr": "the same A as a SciPy CSR matrix, in memory",
}
LOSSES = ("normalized-exp", "plain-exp")
"""With a normalizer (two reads for value and gradient) and without (one)."""
OPERATIONS = ("gradient", "product", "hessian")
COLUMNS, DENSITY = 16, 0.1
ROWS, QUICK_ROWS = 1_000_000, 200_000


@dataclass(frozen=True)
class StreamCase:
    """One operation on one loss with A (n, d) read from one source; entries are drawn with `density`."""

    source: str
    loss: str
    operation: str
    n: int
    d: int = COLUMNS
    density: float = DENSITY
    seed: int = 0

    def __str__(self) -> str:
        return f"{self.operation}, {self.loss}, {self.source} {self.n} x {self.d}"

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data; `StreamCase(**fields)` reads them."""
        return asdict(self)


def stream_plan(rows: int, seed: int = 0) -> list[StreamCase]:
    """All operations on all losses from all sources."""
    return [
        StreamCase(source, loss, operation, rows, seed=seed)
        for operation in OPERATIONS
        for loss in LOSSES
        for source in SOURCES
    ]


def memory_bound(case: StreamCase) -> int:
    """Bytes beyond A, b and x that an evaluation may take: O(block + d^2), whatever n is.

    Three blocks: the one that is read, and scaled rows and work arrays that together are no larger than two. Of size
    d^2: the sums of the Gram matrix and what completes them, 16 arrays at most.
    """
    return 8 * (3 * BLOCK_ENTRIES + 16 * case.d**2)


@dataclass(frozen=True, eq=False)
class StreamInstance:
    """A case with its data.

    Attributes:
        case: what is measured.
        A: a memory map or CSR matrix, (n, d).
        b: on the simplex, (n,).
        x, v: a point and a direction, (d,).
    """

    case: StreamCase
    A: Any
    b: Array
    x: Array
    v: Array

    @property
    def stored_bytes(self) -> int:
        """Bytes of one read of A."""
        A = self.A
        return A.nbytes if isinstance(A, np.ndarray) else A.data.nbytes + A.indices.nbytes + A.indptr.nbytes

    def problem(self) -> VectorRegression:
        """The problem; this reads A once."""
        return VectorRegression(self.case.loss, self.A, self.b)

    def evaluate(self, problem: VectorRegression) -> tuple[Array, ...]:
        """The operation by the public functions."""
        if self.case.operation == "gradient":
            value, gradient = problem.value_and_gradient(self.x)
            return np.array([value]), gradient
        H = problem.hessian(self.x)
        return (H.to_dense() if self.case.operation == "hessian" else H @ self.v,)

    def in_memory(self) -> tuple[Array, ...]:
        """The operation on A as an array in memory."""
        A = self.A.toarray() if scipy.sparse.issparse(self.A) else np.array(self.A)
        return self.evaluate(VectorRegression(self.case.loss, A, self.b))

    def reads(self, problem: VectorRegression) -> float:
        """How often the operation reads A: rows that it took over rows that there are."""
        (form,) = problem.forms
        heights: list[int] = []
        source = form.source  # type: ignore[attr-defined]  # a stream has a source
        counted = WatchedRows(source, lambda block: heights.append(block.rows.stop - block.rows.start))
        point = Point(problem.loss, (replace(form, source=counted),), self.x)  # type: ignore[type-var]
        if self.case.operation == "gradient":
            _ = point.first_order
        else:
            H = problem.operator(point, "hessian", scaled=False)
            _ = H.to_dense() if self.case.operation == "hessian" else H @ self.v
        return sum(heights) / self.case.n


def stream_instance(case: StreamCase, A: Array) -> StreamInstance:
    """The data of a case around the rows of a file."""
    rng = np.random.default_rng([case.seed, case.n, case.d])
    b = rng.standard_exponential(case.n)
    b /= b.sum()
    x, v = rng.standard_normal((2, case.d))
    rows: Any = A if case.source == "memmap" else scipy.sparse.csr_array(A)
    return StreamInstance(case, rows, b, x / case.d, v)
