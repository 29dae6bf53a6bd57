"""Quantities of the derived formulas, for the bodies of claims: no formula is typed again in a claim.

On the float64 screen they come from the generated NumPy kernels, on balls from the generated ball code, as symbols and
as digits from the formula's own definition. Everything is a function of z = A x and of the data b.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import sympy

from .arithmetic import Array, working_in
from .arrays.cells import Cells
from .arrays.exact import InputError
from .arrays.fields import Digits
from .arrays.screen import Block, Screen, block
from .constants import walk
from .searching.recorder import Recorder, Register, on_even_batches

Hook = Callable[..., Array]


def prediction(name: str) -> Hook:
    """The model of b as a function of z: ``prediction("normalized-exp")(A @ x)`` is the softmax of A x.

    Args:
        name: a formula's name, such as "normalized-exp" or "rescaled-cosh".
    """
    return _hook(name, "prediction", needs_data=False)


def residual(name: str) -> Hook:
    """The residual c as a function of (z, b); the loss is ||c||_2^2 / 2."""
    return _hook(name, "residual")


def value(name: str) -> Hook:
    """The loss as a function of (z, b)."""
    return _hook(name, "value")


def gradient(name: str) -> Hook:
    """The gradient of the loss with respect to z, as a function of (z, b)."""
    return _hook(name, "gradient")


def hessian(name: str) -> Hook:
    """The Hessian of the loss with respect to z, as a function of (z, b)."""
    return _hook(name, "hessian")


def _hook(name: str, what: str, needs_data: bool = True) -> Hook:
    _known(name)

    def hook(z: Array, b: Array | None = None) -> Array:
        if needs_data and b is None:
            raise TypeError(f"{what}({name!r}) needs (z, b), got z alone")
        arguments = [_vector(what, name, z)] + ([_vector(what, name, b)] if needs_data else [])
        if needs_data and arguments[0].shape != arguments[1].shape:
            shapes = [argument.shape for argument in arguments]
            raise ValueError(f"{what}({name!r}) needs z and b of one length, got shapes {shapes[0]} and {shapes[1]}")
        return Array(_evaluator(z.backend)(name, what, [a.data for a in arguments], z.backend), z.backend)

    return hook


def _vector(what: str, name: str, x: Any) -> Array:
    if not isinstance(x, Array) or len(x.shape) != 1:
        raise ValueError(f"{what}({name!r}) needs vectors, got {getattr(x, 'shape', x)!r}")
    return x


def _known(name: str) -> None:
    names = sorted(_definitions())
    if name not in names:
        raise InputError(f"there is no formula {name!r}; there are {', '.join(names)}")


@lru_cache(maxsize=1)
def _definitions() -> dict[str, Any]:
    from derive import formulas

    return dict(formulas())


def _evaluator(backend: Any) -> Callable[..., Any]:
    if isinstance(backend, Screen):
        return _on_screen
    if isinstance(backend, Recorder):
        return _recorded
    return _on_balls if hasattr(backend.field, "entry") else _from_definition


@lru_cache(maxsize=64)
def _generated(package: str, name: str) -> Any:
    return importlib.import_module(f"{package}._generated.{name.replace('-', '_')}")


def _on_screen(name: str, what: str, data: list[Block], backend: Screen) -> Block:
    with np.errstate(all="ignore"):
        return block(*_kernel(name, what, *(x.mantissa * np.exp(x.scale)[:, None] for x in data)))


def _recorded(name: str, what: str, data: list[Register], backend: Recorder) -> Register:
    (n,) = data[0].shape

    def function(*arguments: np.ndarray) -> np.ndarray:
        scaled, log_scale = _kernel(name, what, *on_even_batches(*arguments))
        factor = np.exp(log_scale)
        return scaled * factor.reshape(-1, *[1] * (scaled.ndim - 1))

    shape = {"value": (), "hessian": (n, n)}.get(what, (n,))
    return backend.note((name, what), function, data, shape)


def _kernel(name: str, what: str, z: np.ndarray, *b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A quantity of a formula for a batch, over exp(log_scale): (batch, ...) and (batch,)."""
    kernel = _generated("numeric", name)
    if what == "prediction":
        return kernel.prediction(z), np.zeros(len(z))
    if what == "gradient":
        return kernel.value_and_gradient(z, *b)[1:]
    if what == "hessian":
        d, columns, c, log_scale = kernel.hessian(z, *b)
        u = np.stack(columns, axis=-1) if columns else np.empty((*z.shape, 0))
        return u @ c @ np.swapaxes(u, -1, -2) + d[..., None] * np.eye(z.shape[1]), log_scale
    return getattr(kernel, what)(z, *b)


def _on_balls(name: str, what: str, data: list[np.ndarray], backend: Cells) -> np.ndarray:
    from flint import arb

    entry = backend.field.entry
    result = getattr(_generated("proofs_check", name), what)(*([entry(cell) for cell in x] for x in data))
    if what != "hessian":
        return backend.array_of(result)
    d, u, c = result
    if all(isinstance(cell, arb) for cell in d):
        return _assembled(d, u, c)
    return backend.matrix([[_hessian_entry(d, u, c, i, j) for j in range(len(d))] for i in range(len(d))])


def _hessian_entry(d: list[Any], u: list[list[Any]], c: list[list[Any]], i: int, j: int) -> Any:
    low_rank = sum((u[k][i] * c[k][l] * u[l][j] for k in range(len(u)) for l in range(len(u))), 0 * d[i])
    return low_rank + d[i] if i == j else low_rank


def _assembled(d: list[Any], u: list[list[Any]], c: list[list[Any]]) -> np.ndarray:
    """diag(D) + U C U^T, with U given by its columns."""
    from flint import arb_mat

    n, k = len(d), len(u)
    columns = arb_mat(k, n, list(chain.from_iterable(u)))
    weighted = arb_mat(k, k, list(chain.from_iterable(c))) * columns
    low_rank = columns.transpose() * weighted
    out = np.empty(n * n, dtype=object)
    out[:] = low_rank.entries()
    out[:: n + 1] += d
    return out.reshape(n, n)


def _from_definition(name: str, what: str, data: list[np.ndarray], backend: Cells) -> np.ndarray:
    """SymPy's derivative of the definition; as digits, its expressions in symbols are walked with the numbers."""
    from derive import evaluate

    formula = _definitions()[name]
    if not isinstance(backend.field, Digits):
        z, *b = (list(x) for x in data)
        return _data(evaluate(formula, what, z, dict(zip(_data_names(formula), b, strict=False))), backend)
    symbols, expressions = _expanded(name, what, len(data[0]))
    cells = [Array(backend.array_of(cell), backend) for x in data for cell in x]
    numbers = {symbol.name: cell for symbol, cell in zip(symbols, cells, strict=False)}
    memo: dict[Any, Array] = {}
    with working_in(backend):
        values = [walk(e, numbers, memo).data[()] for e in expressions.reshape(-1)]
    return backend.array_of(values).reshape(expressions.shape)


def _data_names(formula: Any) -> list[str]:
    return [str(getattr(item, "name", item)) for item in formula.data]


@lru_cache(maxsize=64)
def _expanded(name: str, what: str, n: int) -> tuple[list[sympy.Symbol], np.ndarray]:
    from derive import evaluate

    formula = _definitions()[name]
    z, b = (list(sympy.symbols(f"{letter}1:{n + 1}", real=True)) for letter in ("z", "b"))
    result = evaluate(formula, what, z, dict.fromkeys(_data_names(formula), b))
    return z + b, np.array(result, dtype=object)


def _data(result: Any, backend: Cells) -> np.ndarray:
    nested = isinstance(result, (list, tuple)) and isinstance(result[0], (list, tuple))
    return backend.matrix([list(row) for row in result]) if nested else backend.array_of(result)
