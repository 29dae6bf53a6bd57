"""Regression problems: a loss, its linear maps and its data, evaluated as NumPy and SciPy users expect."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from numeric.evaluation import Point, Prompt
from numeric.kernels import Array, Kernel, kernel, unscale
from numeric.maps import BilinearMap, LinearMap, RowMap
from numeric.operator import HessianOperator
from numeric.validation import (
    InputError,
    as_list,
    boolean_array,
    check_shape,
    check_weights,
    common_dtype,
    real_array,
)


@dataclass(frozen=True, eq=False, repr=False)
class Regression(ABC):
    """L(x) = sum over prompts of loss(M x, b) + 1/2 ||diag(w) M x||^2, M the prompt's linear map.

    Losses carry the factor 1/2. vec(x) is row-major everywhere. Points are computed in `dtype`.

    Attributes:
        loss: the kernel of the loss.
        prompts: the summands.
        x_shape: the shape of the unknown.
        dtype: float32 or float64, NumPy's common type of the inputs.
    """

    loss: Kernel
    prompts: tuple[Prompt, ...]
    x_shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @abstractmethod
    def __repr__(self) -> str: ...

    @abstractmethod
    def predict(self, x: Array) -> Any:
        """The model of b or B at x."""

    @property
    def maps(self) -> tuple[LinearMap, ...]:
        """The linear map of each prompt."""
        return tuple(prompt.map for prompt in self.prompts)

    def at(self, x: Array) -> Point:
        """The evaluation point x, which caches what value, gradient and Hessian share.

        Args:
            x: of shape `x_shape`, finite.

        Raises:
            InputError: x has another shape, dtype or is not finite.
        """
        array = real_array("x", x, tuple(range(1, 3)))
        check_shape("x", array, self.x_shape, "the problem")
        return Point(self.loss, self.prompts, array.astype(self.dtype, copy=False))

    def value(self, x: Array) -> float:
        """L(x), or infinity where it is too large for a float.

        Raises:
            InputError: see `at`.
            OutsideDomain: the loss is not defined at x.
        """
        return self.value_and_gradient(x)[0]

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
            OverflowError: an entry is too large for the dtype (see `scaled`).
            InputError, OutsideDomain: see `value`.
        """
        return self.operator(self.at(x), "hessian", scaled)

    def gauss_newton(self, x: Array, scaled: bool = False) -> HessianOperator:
        """J^T J of the residual at x plus the regularizer's Hessian, the same kind of object as `hessian`."""
        return self.operator(self.at(x), "gauss_newton", scaled)

    def operator(self, point: Point, kind: str, scaled: bool) -> HessianOperator:
        """The "hessian" or "gauss_newton" operator at a point that may have been evaluated already."""
        groups, log_scale = point.hessian if kind == "hessian" else point.gauss_newton
        return HessianOperator(self.maps, groups, self.x_shape, log_scale, scaled)

    def hessian_product(self, x: Array, v: Array) -> Array:
        """The Hessian at x times v, in v's shape (x's shape or vec)."""
        return self.hessian(x).dot(v)

    def scipy_functions(self) -> dict[str, Callable[..., Any]]:
        """`fun`, `jac`, `hess` and `hessp` on flat x, keyword arguments of `scipy.optimize.minimize`.

        SciPy warns about those that a method does not use, so pass the ones it does; `hess` returns the dense
        matrix. The functions share the last point that they saw.
        """
        latest: list[tuple[Array, Point]] = []

        def point(flat: Array) -> Point:
            if not latest or not np.array_equal(latest[0][0], flat):
                latest[:] = [(np.array(flat), self.at(np.asarray(flat).reshape(self.x_shape)))]
            return latest[0][1]

        def fun(flat: Array) -> float:
            result = point(flat).first_order
            return float(unscale(np.array(result.value), result.log_scale))

        def jac(flat: Array) -> Array:
            result = point(flat).first_order
            return unscale(result.gradient, result.log_scale).ravel()

        def hess(flat: Array) -> Array:
            return self.operator(point(flat), "hessian", scaled=False).to_dense()

        def hessp(flat: Array, v: Array) -> Array:
            return self.operator(point(flat), "hessian", scaled=False).dot(np.asarray(v).ravel())

        return {"fun": fun, "jac": jac, "hess": hess, "hessp": hessp}


class VectorRegression(Regression):
    """Regression of b on A: L(x) = loss(A x, b) + 1/2 ||diag(w) A x||^2, section 1.2 of the source page.

    Args:
        loss: a name such as "normalized-exp", see `loss_names()`.
        A: shape (n, d).
        b: shape (n,), or (k, n) for k independent problems in one x of shape (k, d).
        w: weights of shape (n,), or None.

    Raises:
        InputError: an array has the wrong shape or dtype, is empty, or holds NaN or infinity.
        ValueError: there is no such loss.

    >>> problem = VectorRegression("normalized-exp", [[1.0], [-1.0]], [0.5, 0.5])
    >>> problem.value([0.0])
    0.0
    >>> problem
    VectorRegression('normalized-exp', A 2 x 1, x (1,), float64)
    """

    def __init__(self, loss: str, A: Any, b: Any, w: Any = None) -> None:
        A, b = real_array("A", A, 2), real_array("b", b, (1, 2))
        n, d = A.shape
        check_shape("b", b, (*b.shape[:-1], n), "A (n rows)")
        arrays = [A, b]
        if w is not None:
            w = real_array("w", w, 1)
            check_shape("w", w, (n,), "A (n rows)")
            arrays.append(w)
        dtype = common_dtype(arrays)
        if w is not None:
            check_weights("w", w, dtype)
            w = np.broadcast_to(w.astype(dtype), b.shape)
        prompt = Prompt(RowMap(A.astype(dtype, copy=False)), b.astype(dtype, copy=False), w)
        super().__init__(kernel(loss), (prompt,), (*b.shape[:-1], d), dtype)

    def predict(self, x: Array) -> Array:
        """The model of b at x, of b's shape."""
        return self.at(x).predict()[0]

    def __repr__(self) -> str:
        n, d = self.prompts[0].map.factors[0].shape
        regularized = ", regularized" if self.prompts[0].weights is not None else ""
        return f"VectorRegression({self.loss.NAME!r}, A {n} x {d}, x {self.x_shape}{regularized}, {self.dtype})"


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
        intercept: append a column of ones, last, to A1 and A2.

    Raises:
        InputError: an array has the wrong shape or dtype, is empty, or holds NaN or infinity.
        ValueError: there is no such loss.

    >>> problem = AttentionRegression("normalized-exp", np.eye(2), np.eye(2), np.full((2, 2), 0.5))
    >>> problem.gradient(np.zeros((2, 2)))
    array([[0., 0.],
           [0., 0.]])
    """

    def __init__(
        self, loss: str, A1: Any, A2: Any, B: Any, w: Any = None, mask: Any = None, intercept: bool = False
    ) -> None:
        lists = _equal_lengths({"A1": A1, "A2": A2, "B": B, "w": w, "mask": mask})
        count = len(lists["B"])
        names = [f"[{i}]" if count > 1 else "" for i in range(count)]
        checked = [_check_prompt(tag, *arrays) for tag, *arrays in zip(names, *lists.values(), strict=True)]
        dtype = common_dtype([array for prompt in checked for array in prompt[:4] if array is not None])
        prompts = tuple(_prompt(dtype, intercept, *arrays) for arrays in checked)
        shapes = [tuple(factor.shape[1] for factor in prompt.map.factors) for prompt in prompts]
        if len(set(shapes)) > 1:
            raise InputError(f"A1, A2: the prompts share X, but their columns ask for {shapes}; they must agree")
        super().__init__(kernel(loss), prompts, shapes[0], dtype)

    def predict(self, x: Array) -> Any:
        """The model of B at X, or a list of models where there are several prompts."""
        models = self.at(x).predict()
        return models[0] if len(models) == 1 else list(models)

    def __repr__(self) -> str:
        shapes = [" x ".join(map(str, prompt.target.shape)) for prompt in self.prompts]
        B = shapes[0] if len(shapes) == 1 else f"{len(shapes)} prompts of {', '.join(shapes)}"
        extras = "".join(
            word
            for word, present in (
                (", regularized", self.prompts[0].weights is not None),
                (", masked", self.prompts[0].mask is not None),
            )
            if present
        )
        return f"AttentionRegression({self.loss.NAME!r}, B {B}, X {self.x_shape}{extras}, {self.dtype})"


def _equal_lengths(arrays: dict[str, Any]) -> dict[str, list[Any]]:
    missing = [name for name in ("A1", "A2", "B") if arrays[name] is None]
    if missing:
        raise InputError(f"{', '.join(missing)}: got None; an array of shape (rows, columns) is needed")
    lists = {name: as_list(name, value) for name, value in arrays.items() if value is not None}
    lengths = {name: len(value) for name, value in lists.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"the lists of prompts differ in length: {lengths}; pass one of each per prompt")
    count = lengths["B"]
    return {name: lists.get(name, [None] * count) for name in arrays}


def _check_prompt(tag: str, A1: Any, A2: Any, B: Any, w: Any, mask: Any) -> Sequence[Any]:
    A1, A2, B = (real_array(f"{name}{tag}", value, 2) for name, value in (("A1", A1), ("A2", A2), ("B", B)))
    shape = (len(A1), len(A2))
    check_shape(f"B{tag}", B, shape, f"(rows of A1{tag}, rows of A2{tag})")
    if w is not None:
        w = real_array(f"w{tag}", w, 2)
        check_shape(f"w{tag}", w, shape, f"the shape of B{tag}")
    if mask is not None:
        mask = boolean_array(f"mask{tag}", mask, shape)
    return A1, A2, B, w, mask


def _prompt(
    dtype: np.dtype[Any], intercept: bool, A1: Array, A2: Array, B: Array, w: Array | None, mask: Array | None
) -> Prompt:
    A1, A2, B = (array.astype(dtype, copy=False) for array in (A1, A2, B))
    if intercept:
        A1, A2 = (np.column_stack([array, np.ones(len(array), dtype)]) for array in (A1, A2))
    if w is not None:
        check_weights("w", w, dtype)
        w = w.astype(dtype, copy=False)
    return Prompt(BilinearMap(A1, A2), B, w, mask)
