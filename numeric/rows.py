"""Sources of row blocks: an A that is read piece by piece and never held as a whole.

Three kinds: arrays that are sliced along axis 0 (memory maps, HDF5 and Zarr data sets), CSR matrices, and readers that
give blocks in order. A source is read once when a problem is made of it, so that a wrong shape, dtype or a NaN is an
error there; afterwards each pass of an evaluation reads it once.
"""

import mmap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import scipy.sparse

from numeric.blocks import Block, DenseBlock, SparseBlock, compressed
from numeric.kernels import Array
from numeric.validation import InputError, check_axes, check_dtype, check_finite, common_dtype, real_array

BLOCK_ENTRIES = 1 << 19
"""Entries of A in a block, 4 MiB of float64: a block and its work arrays stay in a third-level cache, and the overhead
of a block (about 0.1 ms) is a few percent of its pass."""
MULTIPLIER = 6364136223846793005
"""Of Knuth's linear congruential generator modulo 2^64, which mixes what a `Fingerprint` takes in."""
NARROW = 16
"""A block has at most BLOCK_ENTRIES / NARROW rows: the kernels' work arrays are then no larger than a block."""


class RowSource(Protocol):
    """An A of shape (n, d) that can be read any number of times."""

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def squares(self) -> float:
        """The sum of the squared entries; infinite where that is too large for a float."""
        ...

    def blocks(self, dtype: np.dtype[Any], width: int, formed: bool = False) -> Iterator[Block]:
        """All rows in order, in `dtype`.

        Args:
            dtype: float32 or float64.
            width: entries that the caller makes of one row, to bound the work arrays of a block.
            formed: whether the caller takes weighted squares, for which a source may have to form dense rows.

        Raises:
            InputError: a reader gives other rows than it did at first.
        """
        ...


def row_source(name: str, value: Any) -> RowSource | None:
    """The source of what a user passes as A, or None for an array in memory (or what becomes one).

    Args:
        name: what it is called in errors.
        value: a memory map or view of one, anything else that has `shape` and `dtype` and is sliced like an array, a
            SciPy sparse matrix, a function that returns a fresh iterator of blocks, or an iterable of blocks that can
            be iterated again. Blocks are 2-D arrays or sparse matrices with equally many columns.

    Raises:
        InputError: it can be read only once, has the wrong dtype or shape, is empty, or holds NaN or infinity.
    """
    if scipy.sparse.issparse(value):
        return _sparse_rows(name, value)
    if isinstance(value, np.ndarray):
        return _sliced_rows(name, value) if mapping(value) is not None else None
    if isinstance(value, (list, tuple)):
        blocks = len(value) > 0 and all(len(getattr(item, "shape", ())) == 2 for item in value)
        return _read_rows(name, value.__iter__) if blocks else None
    if is_sliced(value):
        return _sliced_rows(name, value)
    if hasattr(value, "__array__") or isinstance(value, (str, bytes)):
        return None
    if isinstance(value, Iterator):
        raise InputError(
            f"{name}: got a {type(value).__name__}, which can be read only once, and several reads are needed; "
            "pass a function that makes a new one for each read, such as lambda: blocks(path)"
        )
    if callable(value):
        return _read_rows(name, value)
    return _read_rows(name, value.__iter__) if isinstance(value, Iterable) else None


def is_sliced(value: Any) -> bool:
    """Whether a value is no array in memory, but is sliced like one: HDF5 and Zarr data sets."""
    in_memory = any(hasattr(value, name) for name in ("__array_interface__", "__dlpack__", "to_numpy"))
    return not in_memory and all(hasattr(value, name) for name in ("shape", "dtype", "__getitem__"))


def mapping(array: Any) -> mmap.mmap | None:
    """The memory map below an array or view, None where the array is in memory."""
    while isinstance(array, np.ndarray):
        array = array.base
    while isinstance(array, memoryview):
        array = array.obj
    return array if isinstance(array, mmap.mmap) else None


def releaser(array: Any) -> Callable[[], None]:
    """A function that drops the pages of a memory map that were read, so that they do not add up.

    The pages stay in the system's cache; only this process no longer counts them. Not for copy-on-write maps, where
    changes would be lost with the pages.
    """
    mapped, mode = mapping(array), ""
    while isinstance(array, np.ndarray) and not mode:
        mode, array = getattr(array, "mode", None) or "", array.base
    if mapped is None or mode not in ("r", "r+", "w+") or not hasattr(mmap, "MADV_DONTNEED"):
        return lambda: None
    return lambda: mapped.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True, eq=False)
class SlicedRows:
    """Rows of an array that is sliced: each block is read when it is its turn.

    Attributes:
        array: shape (n, d).
        squares: see `RowSource`.
    """

    array: Any
    squares: float

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        n, d = self.array.shape
        return n, d

    @property
    def dtype(self) -> np.dtype[Any]:
        """The stored dtype."""
        return self.array.dtype

    def blocks(self, dtype: np.dtype[Any], width: int, formed: bool = False) -> Iterator[Block]:
        """See `RowSource`."""
        n, d = self.shape
        step, release = _height(max(d, width)), releaser(self.array)
        for start in range(0, n, step):
            rows = slice(start, min(start + step, n))
            yield DenseBlock(rows, np.asarray(self.array[rows], dtype=dtype))
            release()


class Part(NamedTuple):
    """The arrays of some rows of a CSR matrix."""

    data: Array
    indices: Array
    indptr: Array


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Rows of a CSR matrix without duplicate entries; a block is a view of its arrays.

    Attributes:
        matrix: shape (n, d).
        squares: see `RowSource`.
    """

    matrix: Any
    squares: float

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        n, d = self.matrix.shape
        return n, d

    @property
    def dtype(self) -> np.dtype[Any]:
        """The stored dtype."""
        return self.matrix.dtype

    def blocks(self, dtype: np.dtype[Any], width: int, formed: bool = False) -> Iterator[Block]:
        """See `RowSource`; a block has a bounded number of stored entries."""
        A, start = self.matrix, 0
        while start < A.shape[0]:
            # Only rows that the block may have are searched: as a whole, indptr would be cast to int64 for each block.
            end = min(start + _height(width), A.shape[0])
            entries = np.searchsorted(A.indptr[start : end + 1], int(A.indptr[start]) + BLOCK_ENTRIES, side="right") - 1
            stop = start + max(1, int(entries))
            first, last = A.indptr[start], A.indptr[stop]
            arrays = Part(A.data[first:last], A.indices[first:last], A.indptr[start : stop + 1] - first)
            piece = compressed(scipy.sparse.csr_array, arrays, (stop - start, A.shape[1]))
            yield SparseBlock(slice(start, stop), piece.astype(dtype, copy=False))
            start = stop


@dataclass(frozen=True, eq=False)
class ReadRows:
    """Rows that a reader gives block by block; higher blocks are split.

    Attributes:
        name: what A is called in errors.
        read: returns a fresh iterator of blocks, 2-D arrays or sparse matrices.
        shape: (n, d), as the first read found it.
        dtype: the common dtype of the blocks.
        squares: see `RowSource`.
        mark: the `Fingerprint` of the first read.
    """

    name: str
    read: Callable[[], Iterable[Any]]
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    squares: float
    mark: int

    def blocks(self, dtype: np.dtype[Any], width: int, formed: bool = False) -> Iterator[Block]:
        """See `RowSource`."""
        (n, d), start, fingerprint = self.shape, 0, Fingerprint()
        for number, block in enumerate(_blocks_of(self.name, self.read())):
            matrix = _block_matrix(f"{self.name}, block {number}", block, d)
            fingerprint.add(matrix)
            for piece in _split(matrix, dtype, max(width, NARROW)):
                rows = slice(start + piece.rows.start, start + piece.rows.stop)
                if rows.stop > n:
                    raise self._changed(f"more rows, but the first gave {n}")
                yield piece.moved(rows)
            start += matrix.shape[0]
        if start < n:
            raise self._changed(f"only {start} rows, but the first gave {n}")
        if fingerprint.value != self.mark:
            raise self._changed("other entries or blocks than the first")

    def _changed(self, what: str) -> InputError:
        return InputError(
            f"{self.name}: a later read gave {what}; the reader must give the same blocks each time: "
            "pass a function that opens the source anew, and seed what it draws"
        )


class Fingerprint:
    """A number that tells one read of a reader's blocks from another, at the cost of a product with A.

    Sums of bits as integers: the same in whatever order and memory they are summed. By halves of a block, so that
    shuffled rows do not go unnoticed.
    """

    def __init__(self) -> None:
        self.value = 1

    def add(self, matrix: Any) -> None:
        """Take in a block, an array or CSR matrix."""
        sparse = scipy.sparse.issparse(matrix)
        for array in (matrix.data, matrix.indices, matrix.indptr) if sparse else (matrix,):
            bits = array.view(f"u{array.itemsize}")
            for half in (bits[: len(bits) // 2], bits[len(bits) // 2 :]):
                self.value = (self.value * MULTIPLIER + int(half.sum(dtype=np.uint64))) % (1 << 64)


def _height(width: int) -> int:
    return max(1, BLOCK_ENTRIES // max(width, NARROW))


def _split(matrix: Any, dtype: np.dtype[Any], width: int) -> Iterator[Block]:
    if scipy.sparse.issparse(matrix):
        return SparseRows(matrix, np.inf).blocks(dtype, width)
    return SlicedRows(matrix, np.inf).blocks(dtype, width)


def _sliced_rows(name: str, array: Any) -> SlicedRows:
    check_dtype(name, array)
    check_axes(name, array, (2,))
    return SlicedRows(array, _squares(name, SlicedRows(array, np.inf).blocks(array.dtype, 1)))


def _sparse_rows(name: str, value: Any) -> SparseRows:
    check_dtype(name, value)
    check_axes(name, value, (2,))
    matrix: Any = scipy.sparse.csr_array(value)
    if not matrix.has_canonical_format:
        # Stored duplicates are summed by products, but not by squares of entries.
        matrix = matrix.copy()
        matrix.sum_duplicates()
    return SparseRows(matrix, _squares(name, SparseRows(matrix, np.inf).blocks(matrix.dtype, 1)))


def _read_rows(name: str, read: Callable[[], Any]) -> ReadRows:
    """The source of a reader, after one read of all blocks."""
    n, d, squares, stored, fingerprint = 0, 0, 0.0, [], Fingerprint()
    for number, block in enumerate(_blocks_of(name, read())):
        matrix = _block_matrix(f"{name}, block {number}", block, d or None)
        d = matrix.shape[1]
        squares += _squares(name, _split(matrix, matrix.dtype, 1), n)
        fingerprint.add(matrix)
        n += matrix.shape[0]
        if matrix.dtype not in stored:
            stored.append(matrix.dtype)
    if n == 0:
        raise InputError(f"{name}: the reader gave no row; at least one block with a row is needed")
    dtype = common_dtype([np.empty(0, dtype) for dtype in stored])
    return ReadRows(name, read, (n, d), dtype, squares, fingerprint.value)


def _blocks_of(name: str, blocks: Any) -> Iterable[Any]:
    if not isinstance(blocks, Iterable) or getattr(blocks, "ndim", None) is not None:
        raise InputError(f"{name}: the function gave a {type(blocks).__name__}; return an iterator of 2-D blocks")
    return blocks


def _block_matrix(name: str, block: Any, d: int | None) -> Any:
    """A block as an array or CSR matrix of d columns."""
    matrix: Any = scipy.sparse.csr_array(block) if scipy.sparse.issparse(block) else np.asarray(block)
    check_dtype(name, matrix)
    if matrix.ndim != 2 or matrix.shape[1] != (d or matrix.shape[1]) or matrix.shape[1] == 0:
        columns = "(rows, columns)" if d is None else f"(rows, {d})"
        raise InputError(f"{name}: got shape {matrix.shape}, but a block has shape {columns}; reshape it")
    if scipy.sparse.issparse(matrix) and not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    return matrix


def _squares(name: str, blocks: Iterator[Block], offset: int = 0) -> float:
    """The sum of squares of all blocks, which are finite: a non-finite entry makes the sum one."""
    squares = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for block in blocks:
            entries = np.asarray(block.stored, dtype=float).ravel()
            part = float(np.vdot(entries, entries))
            if not np.isfinite(part):
                check_finite(name, block.toarray(), offset + block.rows.start)
            squares += part
    return squares


def entry_array(name: str, value: Any, ndim: tuple[int, ...]) -> Any:
    """A b or w: an array in memory, or a memory map or data set that is only sliced later.

    Raises:
        InputError: see `real_array`; entries that are not in memory are left to `largest_entry`.
    """
    if scipy.sparse.issparse(value) or (mapping(value) is None and not is_sliced(value)):
        return real_array(name, value, ndim)
    check_dtype(name, value)
    check_axes(name, value, ndim)
    return value


def largest_entry(name: str, array: Any) -> float:
    """The largest absolute value of a b or w of any kind, read once along its last axis.

    Raises:
        InputError: an entry is NaN or infinite.
    """
    largest, release, n = 0.0, releaser(array), array.shape[-1]
    step = max(1, BLOCK_ENTRIES // max(1, int(np.prod(array.shape[:-1]))))
    for start in range(0, n, step):
        piece = np.asarray(array[..., start : start + step])
        check_finite(name, piece, start, axis=-1)
        largest = max(largest, float(np.abs(piece).max()))
        release()
    return largest
