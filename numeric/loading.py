"""Problem files: npz in, arrays out, and one clear sentence for each way in which a file can be wrong."""

import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from numeric.kernels import Array
from numeric.problems import AttentionRegression, Regression, VectorRegression
from numeric.validation import InputError, real_array

KEYS = (
    "A and b [and w], or A1, A2 and B [and w, row_weights], or stacked A1 and A2 with row_off and B_0, B_1, ... "
    "[and w_0, ..., row_weights_0, ...]"
)


@dataclass(frozen=True, eq=False)
class ProblemData:
    """The arrays of one problem file.

    Attributes:
        inputs: (A,) in vector form, (A1, A2) in matrix form; lists where there are several prompts.
        target: b, B, or a list of B.
        weights: w of the same form, or None.
        x_true: what the file says the answer is, or None; only ever compared with.
        row_weights: of the rows of B, matrix form only, or a list of them, or None.
    """

    inputs: tuple[Any, ...]
    target: Any
    weights: Any = None
    x_true: Array | None = None
    row_weights: Any = None

    def problem(self, loss: str, intercept: bool = False, causal: bool = False) -> Regression:
        """The regression problem of these data.

        Args:
            loss: a name such as "normalized-exp".
            intercept: append a column of ones to A1 and A2; matrix form only.
            causal: drop the entries of B above the diagonal; matrix form only.

        Raises:
            InputError: shapes do not fit, an array holds NaN or infinity, or an option is for matrix form.
            ValueError: there is no such loss.
        """
        if len(self.inputs) == 1:
            if intercept or causal:
                raise InputError(
                    "intercept, causal: they are for A1, A2 and B, but these data have A and b; leave them out"
                )
            return VectorRegression(loss, self.inputs[0], self.target, w=self.weights)
        A1, A2 = self.inputs
        targets = self.target if isinstance(self.target, list) else [self.target]
        masks = [np.tril(np.ones(np.shape(B), dtype=bool)) for B in targets] if causal else None
        mask = masks[0] if masks and not isinstance(self.target, list) else masks
        return AttentionRegression(
            loss, A1, A2, self.target, w=self.weights, mask=mask, row_weights=self.row_weights, intercept=intercept
        )

    def relative_error(self, x: Array) -> float | None:
        """||x - x_true|| / ||x_true|| (Frobenius, no alignment), None where x_true is missing.

        Args:
            x: the unknown, in the stored variables.

        Raises:
            InputError: x_true has another shape than x.
        """
        if self.x_true is None:
            return None
        if self.x_true.shape != np.shape(x):
            raise InputError(f"X_true: got shape {self.x_true.shape}, but the unknown has shape {np.shape(x)}")
        return float(np.linalg.norm(x - self.x_true) / np.linalg.norm(self.x_true))


def shipped(name: str) -> Path:
    """The path of a data file that comes with the package.

    Args:
        name: such as "attention_f2_L3H3", one real attention head (see numeric/data/README.md).

    Raises:
        InputError: there is no such file.

    >>> shipped("attention_f2_L3H3").name
    'attention_f2_L3H3.npz'
    """
    folder = Path(str(resources.files("numeric"))) / "data"
    path = folder / f"{name}.npz"
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in folder.glob("*.npz")))
        raise InputError(f"no data file {name!r} comes with the package: choose one of {names}")
    return path


def load(path: str | Path) -> ProblemData:
    """Read a problem file.

    Args:
        path: an npz file with the keys of `KEYS`; `X_true` or `x_true` is read too, other keys are ignored.

    Raises:
        InputError: the file is missing, truncated, no npz or pickled, lacks keys, or its shapes disagree.
    """
    arrays = read_arrays(Path(path), _is_used, KEYS)
    try:
        return _sorted_out(arrays)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def read_arrays(path: Path, is_used: Callable[[str], bool], keys: str) -> dict[str, Array]:
    """Arrays of an npz file.

    Args:
        path: the file.
        is_used: tells which keys to read.
        keys: the keys in words, for errors.

    Raises:
        InputError: the file is missing, truncated, no npz or pickled.
    """
    try:
        # Opened here, because numpy.load leaves a damaged file open.
        with path.open("rb") as stream:
            file = np.load(stream, allow_pickle=False)
            if isinstance(file, np.ndarray):
                raise InputError(f"{path}: holds a single array; use numpy.savez and the keys {keys}")
            return {key: file[key] for key in file.files if is_used(key)}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check the path") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError) as error:
        raise InputError(f"{path}: truncated or damaged ({error}); write it again with numpy.savez") from None
    except InputError:
        raise
    except (MemoryError, SyntaxError, tokenize.TokenError, TypeError) as error:
        raise InputError(f"{path}: an array has a damaged header ({error}); write it again with numpy.savez") from None
    except ValueError as error:
        raise InputError(f"{path}: no npz of plain arrays ({error}); save arrays of numbers with numpy.savez") from None


def _is_used(key: str) -> bool:
    names = {"A", "b", "w", "A1", "A2", "B", "row_off", "row_weights", "X_true", "x_true"}
    return key in names or key.startswith(("B_", "w_", "row_weights_"))


def _sorted_out(arrays: Mapping[str, Array]) -> ProblemData:
    x_true = arrays.get("X_true", arrays.get("x_true"))
    if x_true is not None:
        x_true = real_array("X_true", x_true, (1, 2))
    if {"A1", "A2", "row_off"} <= arrays.keys():
        return _prompts(arrays, x_true)
    if {"A1", "A2", "B"} <= arrays.keys():
        return ProblemData(
            (arrays["A1"], arrays["A2"]), arrays["B"], arrays.get("w"), x_true, arrays.get("row_weights")
        )
    if {"A", "b"} <= arrays.keys():
        if "row_weights" in arrays:
            raise InputError(
                "row_weights: they are for A1, A2 and B, but this file has A and b, whose rows share their totals; "
                "leave them out"
            )
        return ProblemData((arrays["A"],), arrays["b"], arrays.get("w"), x_true)
    found = ", ".join(sorted(arrays)) or "none of these"
    raise InputError(f"a problem needs the keys {KEYS}; the file has {found}")


def _prompts(arrays: Mapping[str, Array], x_true: Array | None) -> ProblemData:
    A1, A2 = (real_array(name, arrays[name], 2) for name in ("A1", "A2"))
    offsets = real_array("row_off", arrays["row_off"], 1)
    count = len(offsets) - 1
    fits = offsets[0] == 0 and offsets[-1] == len(A1) == len(A2) and np.all(np.diff(offsets) > 0)
    if count < 1 or offsets.dtype.kind not in "iu" or not fits:
        raise InputError(
            f"row_off: got {offsets.tolist()}; it must rise in integers from 0 to the number of rows of "
            f"A1 ({len(A1)}) and A2 ({len(A2)})"
        )
    missing = [f"B_{i}" for i in range(count) if f"B_{i}" not in arrays]
    if missing:
        raise InputError(f"row_off announces {count} prompts, but {', '.join(missing)} is missing")
    targets = [arrays[f"B_{i}"] for i in range(count)]
    weights, row_weights = (_of_all_or_none(arrays, name, count) for name in ("w", "row_weights"))
    inputs = tuple(np.split(A, offsets[1:-1]) for A in (A1, A2))
    return ProblemData(inputs, targets, weights, x_true, row_weights)


def _of_all_or_none(arrays: Mapping[str, Array], name: str, count: int) -> list[Array] | None:
    named = [f"{name}_{i}" for i in range(count) if f"{name}_{i}" in arrays]
    if named and len(named) < count:
        raise InputError(f"weights come for all {count} prompts or for none; only {', '.join(named)} is there")
    return [arrays[key] for key in named] or None
