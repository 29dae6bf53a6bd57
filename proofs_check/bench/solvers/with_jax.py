"""JAX: its value and gradient under SciPy's L-BFGS-B, and Levenberg-Marquardt on its dense Jacobian; float64.

Everything is compiled before the clock starts, and data are arguments of what is compiled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import scipy.linalg
from scipy.optimize import OptimizeResult, minimize

from derive import Formula
from proofs_check.bench.cases import LOSS, Array
from proofs_check.bench.language import Words, evaluate, formula_of, loss_entries, residual_entries
from proofs_check.bench.rivals.skipped import Skipped
from proofs_check.bench.solvers.cases import SolverInstance
from proofs_check.bench.solvers.trajectory import Trajectory
from proofs_check.bench.solvers.with_scipy import LBFGS, Callback, restart

DESCRIPTIONS = {
    "jax": "jax.jit(jax.value_and_grad) under SciPy L-BFGS-B, stored variables",
    "jax-lm": "Levenberg-Marquardt on the jitted jax.jacfwd of the residual, Marquardt's scaling",
}
MEMORY_LIMIT = 2e9
"""Bytes of the Jacobian and of the tangents that it is made of."""
DAMPING, RAISE, LOWER = 1e-3, 4.0, 0.1
"""The first damping relative to the diagonal of J^T J, and its factors after a failed and after a good step."""
LARGEST_DAMPING = 1e16
Work = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Compiled:
    """Compiled functions of flat x.

    Attributes:
        value_and_gradient: to (L, gradient).
        model: to (L, gradient, J^T J), or None where no Jacobian was asked for.
    """

    value_and_gradient: Work
    model: Work | None


def compile_jax(name: str, data: SolverInstance) -> Compiled:
    """Compile what a contestant calls.

    Raises:
        Skipped: the Jacobian is too large.
    """
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    if name == "jax-lm":
        _check_size(data)
    arrays = [jax.device_put(part) for part in _leaves(data)]
    value, residual = _functions(jax, data)

    def model(x: Any, *arrays: Any) -> Any:
        c, J = residual(x, *arrays), jax.jacfwd(residual)(x, *arrays)
        return value(x, *arrays), c @ J, J.T @ J

    x = jax.device_put(data.x0.ravel())
    slope = jax.jit(jax.value_and_grad(value)).lower(x, *arrays).compile()
    curvature = jax.jit(model).lower(x, *arrays).compile() if name == "jax-lm" else None
    return Compiled(_called(slope, arrays), None if curvature is None else _called(curvature, arrays))


def _called(compiled: Any, arrays: list[Any]) -> Work:
    def work(x: Array) -> tuple[Any, ...]:
        value, *rest = compiled(x, *arrays)
        return float(value), *map(np.asarray, rest)

    work(np.zeros(compiled.in_avals[0][0].shape))
    return work


def _leaves(data: SolverInstance) -> list[Array]:
    return [part for maps, b, w in data.prompts for part in (*maps, b, *([] if w is None else [w]))]


def _check_size(data: SolverInstance) -> None:
    residuals = sum(b.size for _, b, _ in data.prompts) * (1 + data.case.weighted)
    needed = 4.0 * 8 * residuals * data.x0.size
    if needed > MEMORY_LIMIT:
        raise Skipped(f"the Jacobian would need {needed / 1e9:.1f} GB")


def _functions(jax: Any, data: SolverInstance) -> tuple[Work, Work]:
    """L and the vector of all residuals, of flat x and the leaves."""
    jnp, weighted, shape = jax.numpy, data.case.weighted, data.problem.x_shape
    words = {name: getattr(jnp, name) for name in ("exp", "sinh", "cosh")}
    words["total"] = lambda entries: jnp.sum(entries, axis=-1, keepdims=True)
    maps = len(data.prompts[0][0])
    chosen, regularizer = formula_of(LOSS), formula_of("regularizer")

    def regularizer_residual(formula: Formula, words: Words, z: Any, w: Any) -> Any:
        return evaluate(formula.names["c"], words, {formula.z: z, formula.data[0]: w})

    def parts(x: Any, arrays: Any, entries: Work, regularizer_entries: Work) -> Any:
        X, size = x.reshape(shape), maps + 1 + weighted
        for i in range(0, len(arrays), size):
            *factors, b = arrays[i : i + maps + 1]
            z = X @ factors[0].T if maps == 1 else factors[0] @ X @ factors[1].T
            yield entries(chosen, words, z, b)
            if weighted:
                yield regularizer_entries(regularizer, words, z, arrays[i + size - 1])

    def value(x: Any, *arrays: Any) -> Any:
        return sum(jnp.sum(part) for part in parts(x, arrays, loss_entries, loss_entries))

    def residual(x: Any, *arrays: Any) -> Any:
        return jnp.concatenate([part.ravel() for part in parts(x, arrays, residual_entries, regularizer_residual)])

    return value, residual


def run_jax(name: str, data: SolverInstance, compiled: Compiled, trajectory: Trajectory) -> None:
    """Minimize from x0."""
    if name == "jax-lm":
        return _levenberg_marquardt(data, compiled, trajectory)

    def run(x: Array, scale: float, callback: Callback) -> OptimizeResult:
        def fun(y: Array) -> tuple[float, Array]:
            trajectory.check_time()
            value, gradient = compiled.value_and_gradient(y)
            return scale * value, scale * gradient

        return minimize(fun, x, jac=True, method="L-BFGS-B", callback=callback, options=LBFGS)

    return restart(
        run, lambda x: compiled.value_and_gradient(x)[0], data.x0.ravel(), trajectory,
        lambda x: x.reshape(data.problem.x_shape),
    )  # fmt: skip


def _levenberg_marquardt(data: SolverInstance, compiled: Compiled, trajectory: Trajectory) -> None:
    """(J^T J + damping diag(J^T J)) s = -J^T c."""
    assert compiled.model is not None
    x, damping = data.x0.ravel(), DAMPING
    value, g, G = compiled.model(x)
    while damping < LARGEST_DAMPING and not trajectory.over:
        trajectory.check_time()
        trial = x + _damped_step(g, G, damping)
        lower = compiled.value_and_gradient(trial)[0] < value
        damping *= LOWER if lower else RAISE
        if lower:
            x = trial
            value, g, G = compiled.model(x)
            trajectory.record(x.reshape(data.problem.x_shape), value)


def _damped_step(g: Array, G: Array, damping: float) -> Array:
    """Zero, which decreases nothing, where rounding makes the matrix indefinite."""
    matrix = G + damping * np.diag(np.diag(G))
    try:
        step: Array = scipy.linalg.solve(matrix, -g, assume_a="pos", check_finite=False)
    except np.linalg.LinAlgError:
        return np.zeros_like(g)
    return step
