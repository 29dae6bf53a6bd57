"""JAX: `jax.jit`, `jax.value_and_grad`, `jax.hessian`, `jvp` and `linearize` of `grad`, in float64.

Data and points are arguments of what is compiled, so that nothing of them is folded at compile time.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from proofs_check.bench.cases import Instance, Work
from proofs_check.bench.language import formula_of, loss_entries, residual_entries
from proofs_check.bench.rivals.skipped import check_memory, hessian_bytes


def prepare(data: Instance) -> Work:
    """The compiled operation; each call waits until the result is there."""
    if data.case.operation == "hessian":
        check_memory("jax.hessian", hessian_bytes(data.case))
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    compiled, arguments = compile_case(jax, data)
    return lambda: jax.block_until_ready(compiled(*arguments))


def compile_case(jax: Any, data: Instance) -> tuple[Any, list[Any]]:
    """The compiled operation and its arguments."""
    arguments: list[Any] = [jax.device_put(array) for array in (data.x, data.v, *data.maps, data.target)]
    operation = _operation(jax, data.case.operation, data.case.loss)
    if data.case.operation == "product-cached":
        x, v, *arrays = arguments
        # The linear map is a pytree whose leaves are what it keeps of the point: it can be an argument itself.
        linear = jax.linearize(lambda y: operation(y, v, *arrays), x)[1]
        operation, arguments = lambda fixed, u: fixed(u), [linear, v]
    return jax.jit(operation).lower(*arguments).compile(), arguments


def _operation(jax: Any, operation: str, loss: str) -> Callable[..., Any]:
    """A function of x, v, the maps and the target; for `product-cached` the gradient, which is to be linearized."""
    jnp, formula = jax.numpy, formula_of(loss)
    words = {name: getattr(jnp, name) for name in ("exp", "sinh", "cosh")}
    words["total"] = lambda entries: jnp.sum(entries, axis=-1, keepdims=True)

    def z(x: Any, maps: Any) -> Any:
        return maps[0] @ x if len(maps) == 1 else maps[0] @ x @ maps[1].T

    def value(x: Any, *arrays: Any) -> Any:
        return jnp.sum(loss_entries(formula, words, z(x, arrays[:-1]), arrays[-1]))

    def residual(x: Any, *arrays: Any) -> Any:
        return residual_entries(formula, words, z(x, arrays[:-1]), arrays[-1])

    def product(x: Any, v: Any, *arrays: Any) -> Any:
        return jax.jvp(lambda y: jax.grad(value)(y, *arrays), (x,), (v,))[1]

    def gauss_newton(x: Any, v: Any, *arrays: Any) -> Any:
        _, pullback = jax.vjp(lambda y: residual(y, *arrays), x)
        return pullback(jax.jvp(lambda y: residual(y, *arrays), (x,), (v,))[1])[0]

    return {
        "value": lambda x, v, *arrays: value(x, *arrays),
        "gradient": lambda x, v, *arrays: jax.value_and_grad(value)(x, *arrays),
        "hessian": lambda x, v, *arrays: jax.hessian(value)(x, *arrays),
        "product": product,
        "product-cached": lambda x, v, *arrays: jax.grad(value)(x, *arrays),
        "gauss-newton": gauss_newton,
    }[operation]
