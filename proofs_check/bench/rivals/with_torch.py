"""PyTorch: `torch.func` transforms in float64 on the CPU; the threads are set by the worker."""

from importlib import import_module
from typing import Any

from proofs_check.bench.cases import Instance, Work
from proofs_check.bench.language import formula_of, loss_entries, residual_entries
from proofs_check.bench.rivals.skipped import check_memory, hessian_bytes


def prepare(data: Instance) -> Work:
    """The operation as a function without arguments."""
    operation, formula = data.case.operation, formula_of(data.case.loss)
    if operation == "hessian":
        check_memory("torch.func.hessian", hessian_bytes(data.case))
    torch = import_module("torch")
    x, v, *maps, target = (torch.from_numpy(array) for array in (data.x, data.v, *data.maps, data.target))
    words = {name: getattr(torch, name) for name in ("exp", "sinh", "cosh")}
    words["total"] = lambda entries: torch.sum(entries, dim=-1, keepdim=True)

    def z(y: Any) -> Any:
        return maps[0] @ y if len(maps) == 1 else maps[0] @ y @ maps[1].T

    def value(y: Any) -> Any:
        return torch.sum(loss_entries(formula, words, z(y), target))

    def residual(y: Any) -> Any:
        return residual_entries(formula, words, z(y), target)

    def gauss_newton() -> Any:
        _, pullback = torch.func.vjp(residual, x)
        return pullback(torch.func.jvp(residual, (x,), (v,))[1])[0]

    if operation == "product-cached":
        # The graph of the gradient at the point is kept; the Hessian is symmetric, so a pullback is the product.
        _, pull = torch.func.vjp(torch.func.grad(value), x)
        return lambda: pull(v)[0]
    slope, matrix = torch.func.grad_and_value(value), torch.func.hessian(value)
    return {
        "value": lambda: value(x),
        "gradient": lambda: slope(x)[::-1],
        "hessian": lambda: matrix(x),
        "product": lambda: torch.func.jvp(torch.func.grad(value), (x,), (v,))[1],
        "gauss-newton": gauss_newton,
    }[operation]
