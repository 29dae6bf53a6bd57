"""Regression problems: a loss, its linear maps and its data, evaluated as NumPy and SciPy users expect."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from numeric.evaluation import Point
from numeric.flat import FlatFunctions
from numeric.forms.form import Form
from numeric.forms.matrix import MatrixForm
from numeric.forms.stream import StreamForm
from numeric.forms.vector import VectorForm
from numeric.kernels import Array, Kernel, kernel, unscale
from numeric.operator import HessianOperator
from numeric.prompts import prompt_forms
from numeric.rows import RowSource, entry_array, largest_entry, row_source
from numeric.validation import (
    check_shape,
    check_weights,
    common_dtype,
    real_array,
)

if TYPE_CHECKING:
    from numeric.analysis.identifiability import Identifiability


@dataclass(frozen=True, eq=False, repr=False)
class Regression(ABC):
    """L(x) = sum over forms of loss(M x, b) + 1/2 ||diag(w) M x||^2, M the form's linear map.

    Losses carry the factor 1/2. vec(x) is row-major everywhere. Points are computed in `dtype`.

    Attributes:
        loss: the kernel of the loss.
        forms: the summands, one for each prompt.
        x_shape: the shape of the unknown.
        dtype: float32 or float64, NumPy's common type of the inputs.
    """

    loss: Kernel
    forms: tuple[Form, ...]
    x_shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @abstractmethod
    def __repr__(self) -> str: ...

    @cached_property
    def squared_target(self) -> float:
        """The sum of the squares of the targets, as far as they are in memory."""
        return sum(form.squared_target for form in self.forms if isinstance(form, MatrixForm | VectorForm))

    @cached_property
    def regularized(self) -> bool:
        """Whether there are weights w."""
        return any(form.regularized for form in self.forms)

    @abstractmethod
    def predict(self, x: Array) -> Any:
        """The model of b or B at x."""

    def at(self, x: Array) -> Point:
        """The evaluation point x, which caches what value, gradient and Hessian share.

        Args:
            x: of shape `x_shape`, finite.

        Raises:
            InputError: x has another shape, dtype or is not finite.
        """
        array = real_array("x", x, tuple(range(1, 3)))
        check_shape("x", array, self.x_shape, "the problem")
        return Point(self.loss, self.forms, array.astype(self.dtype, copy=False))

    def value(self, x: Array) -> float:
        """L(x), or infinity where it is too large for a float.

        Raises:
            InputError: see `at`.
            OutsideDomain: the loss is not defined at x.
        """
        result = self.at(x).value
        return float(unscale(np.array(result.value), result.log_scale))

    def gradient(self, x: Array) -> Array:
        """The gradient of L at x, of x's shape; raises as `value`."""
        return self.value_and_gradient(x)[1]

    def value_and_gradient(self, x: Array, scaled: bool = False) -> Any:
        """(L(x), gradient), or with `scaled` (value, gradient, log_scale).

        Args:
            x: of shape `x_shape`.
            scaled: return numbers that are to be multiplied by exp(log_scale); they stay finite for
                normalized and rescaled losses however large the entries of M x are. Without it, what is too
                large is infinite, never NaN.

        Raises:
            InputError: see `at`.
            OutsideDomain: the loss is not defined at x.
        """
        result = self.at(x).first_order
        if scaled:
            return result.value, result.gradient, result.log_scale
        value = float(unscale(np.array(result.value), result.log_scale))
        return value, unscale(result.gradient, result.log_scale)

    def hessian(self, x: Array, scaled: bool = False) -> HessianOperator:
        """The Hessian of L at x as an operator; with `scaled` its `log_scale` is to be applied by the caller.

        Raises:
            OverflowError: an entry is too large for the dtype (see `scaled`). For an A in row blocks, at a point that
                was not evaluated before, the operator's first result raises it.
            InputError, OutsideDomain: see `value`.
        """
        return self.operator(self.at(x), "hessian", scaled)

    def gauss_newton(self, x: Array, scaled: bool = False) -> HessianOperator:
        """J^T J of the residual at x plus the regularizer's Hessian, the same kind of object as `hessian`."""
        return self.operator(self.at(x), "gauss_newton", scaled)

    def operator(self, point: Point, kind: str, scaled: bool) -> HessianOperator:
        """The "hessian" or "gauss_newton" operator at a point that may have been evaluated already."""
        forms = point.hessian if kind == "hessian" else point.gauss_newton
        return HessianOperator(forms, self.x_shape, self.dtype, scaled)

    def hessian_product(self, x: Array, v: Array) -> Array:
        """The Hessian at x times v, in v's shape (x's shape or vec)."""
        return self.hessian(x).dot(v)

    def identifiability(self) -> "Identifiability":
        """What the data determine of x: rank, free directions, symmetries, and the member of minimum norm."""
        from numeric.analysis.identifiability import identifiability  # it is made of problems

        return identifiability(self)

    def scipy_functions(self) -> dict[str, Callable[..., Any]]:
        """`fun`, `jac`, `hess` and `hessp` on flat x, keyword arguments of `scipy.optimize.minimize`.

        SciPy warns about those that a method does not use, so pass the ones it does; `hess` returns the dense
        matrix. The functions share the last point that they saw; `fun` computes the gradient with the value once
        `jac` has been asked for.
        """
        return FlatFunctions(self).as_dict()


class VectorRegression(Regression):
    """Regression of b on A: L(x) = loss(A x, b) + 1/2 ||diag(w) A x||^2, section 1.2 of the source page.

    Args:
        loss: a name such as "normalized-exp", see `loss_names()`.
        A: shape (n, d), in memory, or read in row blocks of about 4 MiB and never held as a whole:

            - a memory map, or anything else with `shape` and `dtype` that is sliced like an array (HDF5, Zarr);
            - a SciPy sparse matrix, converted to CSR once;
            - a function that returns a fresh iterator of blocks, or an iterable of blocks that can be iterated
              again, such as a list; a block is a 2-D array or a sparse matrix.

            All of it is read once here, to find its shape and what is not finite; an evaluation reads it once (plain
            losses) or twice, in which the first Hessian or product is formed too if it is asked for first, and each
            further one reads it once more.
        b: shape (n,), or (k, n) for k independent problems in one x of shape (k, d); a memory map where A is read.
        w: weights of shape (n,), or None; a memory map where A is read.

    Raises:
        InputError: an array has the wrong shape or dtype, is empty, or holds NaN or infinity; A can be read only
            once, or (later) a read gives other rows than the first one.
        ValueError: there is no such loss.

    >>> problem = VectorRegression("normalized-exp", [[1.0], [-1.0]], [0.5, 0.5])
    >>> problem.value([0.0])
    0.0
    >>> problem
    VectorRegression('normalized-exp', A 2 x 1, x (1,), float64)
    """

    def __init__(self, loss: str, A: Any, b: Any, w: Any = None) -> None:
        chosen, source = kernel(loss), row_source("A", A)
        form, dtype = _dense_form(A, b, w) if source is None else _stream_form(source, b, w)
        super().__init__(chosen, (form,), form.x_shape, dtype)

    def predict(self, x: Array) -> Array:
        """The model of b at x, of b's shape."""
        return self.at(x).predict()[0]

    def __repr__(self) -> str:
        n, d = self.forms[0].shape
        regularized = ", regularized" if self.forms[0].regularized else ""
        return f"VectorRegression({self.loss.NAME!r}, A {n} x {d}, x {self.x_shape}{regularized}, {self.dtype})"


def _dense_form(A: Any, b: Any, w: Any) -> tuple[Form, np.dtype[Any]]:
    A, b = real_array("A", A, 2), real_array("b", b, (1, 2))
    w = None if w is None else real_array("w", w, 1)
    dtype = _fitting_dtype(A, b, w)
    if w is not None:
        check_weights("w", len(w), float(np.abs(w).max()), dtype)
        w = w.astype(dtype, copy=False)
    return VectorForm(A.astype(dtype, copy=False), b.astype(dtype, copy=False), w), dtype


def _stream_form(source: RowSource, b: Any, w: Any) -> tuple[Form, np.dtype[Any]]:
    b = entry_array("b", b, (1, 2))
    w = None if w is None else entry_array("w", w, (1,))
    dtype, largest = _fitting_dtype(source, b, w), largest_entry("b", b)
    if w is not None:
        heaviest = largest_entry("w", w)
        check_weights("w", w.shape[0], heaviest, dtype)
        largest = max(largest, heaviest)
    return StreamForm(source, b, w, largest, dtype), dtype


def _fitting_dtype(A: Any, b: Any, w: Any) -> np.dtype[Any]:
    """The dtype of the computation, once the shapes of A, b and w fit."""
    n = A.shape[0]
    check_shape("b", b, (*b.shape[:-1], n), "A (n rows)")
    if w is not None:
        check_shape("w", w, (n,), "A (n rows)")
    return common_dtype([A, b] if w is None else [A, b, w])


class AttentionRegression(Regression):
    """Regression of B on A1 X A2^T, one group of totals per row, section 1.4 of the source page.

    Several prompts that share X come as lists of equal length; their shapes may differ.

    Args:
        loss: a name such as "normalized-exp", see `loss_names()`.
        A1: shape (n1, d1), or a list.
        A2: shape (n2, d2), or a list.
        B: shape (n1, n2), or a list.
        w: weights Omega of B's shape, or a list, or None.
        mask: boolean of B's shape, or a list, or None; False entries are in no total, loss or regularizer.
        row_weights: r of shape (n1,), or a list, or None for all 1; not negative. L is the sum over rows j of
            r_j (loss_j + regularizer_j). A row of weight 0, such as padding, is as if it were not there, whatever it
            holds: it may be masked as a whole, and no total of it need be in the domain. Only `predict` knows it.
            Whole or boolean weights leave the dtype as it is.
        intercept: append a column of ones, last, to A1 and A2.

    Raises:
        InputError: an array has the wrong shape or dtype, is empty, or holds NaN or infinity; a row weight is
            negative, or all are 0.
        ValueError: there is no such loss.

    >>> problem = AttentionRegression("normalized-exp", np.eye(2), np.eye(2), np.full((2, 2), 0.5))
    >>> problem.gradient(np.zeros((2, 2)))
    array([[0., 0.],
           [0., 0.]])
    """

    def __init__(
        self,
        loss: str,
        A1: Any,
        A2: Any,
        B: Any,
        w: Any = None,
        mask: Any = None,
        row_weights: Any = None,
        intercept: bool = False,
    ) -> None:
        arrays = {"A1": A1, "A2": A2, "B": B, "w": w, "mask": mask, "row_weights": row_weights}
        forms, dtype = prompt_forms(arrays, intercept)
        super().__init__(kernel(loss), forms, forms[0].x_shape, dtype)

    def predict(self, x: Array) -> Any:
        """The model of B at X, or a list of models where there are several prompts; 0 at masked entries.

        Rows of weight 0 are included, with NaN where the loss is not defined.

        Raises:
            InputError: see `at`.
            OutsideDomain: the loss is not defined at X, in a row of positive weight.
        """
        models = self.at(x).predict()
        return models[0] if len(models) == 1 else list(models)

    def __repr__(self) -> str:
        shapes = [" x ".join(map(str, form.shape)) for form in self.forms]
        B = shapes[0] if len(shapes) == 1 else f"{len(shapes)} prompts of {', '.join(shapes)}"
        extras = "".join(
            word
            for word, present in (
                (", regularized", self.forms[0].regularized),
                (", masked", self.forms[0].masked),
                (", rows weighted", any(cast(MatrixForm, form).row_weighted for form in self.forms)),
            )
            if present
        )
        return f"AttentionRegression({self.loss.NAME!r}, B {B}, X {self.x_shape}{extras}, {self.dtype})"
