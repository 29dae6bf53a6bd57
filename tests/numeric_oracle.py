"""A slow, obvious reference for numeric/: the loss written out in mpmath, derivatives by differences at 110 digits.

Only the definition of the losses is typed here. With h = 1e-30 and 110 digits, central differences are right to
about 50 digits, so gradient and Hessian share nothing with the generated kernels.
"""

from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import numpy as np

DIGITS, H = 110, mpmath.mpf("1e-30")
LOSSES = tuple(f"{kind}-{phi}" for kind in ("plain", "rescaled", "normalized") for phi in ("exp", "sinh", "cosh"))


def exact(array: Any) -> Any:
    """A NumPy array as an object array of mpf, exactly."""
    return np.vectorize(mpmath.mpf, otypes=[object])(np.asarray(array, dtype=float))


def row_residual(loss: str, z: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    """The residual c of one group: u - b, u - alpha b, or u/alpha - b."""
    kind, phi = loss.split("-")
    u = [getattr(mpmath, phi)(entry) for entry in z]
    alpha = sum(u)
    if kind == "plain":
        return [ui - bi for ui, bi in zip(u, b, strict=True)]
    if kind == "rescaled":
        return [ui - alpha * bi for ui, bi in zip(u, b, strict=True)]
    return [ui / alpha - bi for ui, bi in zip(u, b, strict=True)]


def residual(loss: str, Z: Any, B: Any, w: Any = None, mask: Any = None) -> list[Any]:
    """All residuals of a matrix Z of groups, and w o Z where there are weights; masked entries do not exist."""
    out: list[Any] = []
    for j in range(len(Z)):
        kept = [i for i in range(len(Z[j])) if mask is None or mask[j][i]]
        out += row_residual(loss, [Z[j][i] for i in kept], [B[j][i] for i in kept])
        out += [] if w is None else [w[j][i] * Z[j][i] for i in kept]
    return out


def half_square(c: Sequence[Any]) -> Any:
    return sum(entry**2 for entry in c) / 2


def gradient(f: Callable[[Any], Any], x: Any) -> Any:
    """Central differences of f over the entries of an object array."""
    with mpmath.workdps(DIGITS):
        return np.array([(f(x + e) - f(x - e)) / (2 * H) for e in _steps(x)], dtype=object).reshape(x.shape)


def hessian(f: Callable[[Any], Any], x: Any) -> Any:
    """Second central differences, in row-major vec(x)."""
    with mpmath.workdps(DIGITS):
        steps = _steps(x)
        out = np.empty((len(steps), len(steps)), dtype=object)
        for i, s in enumerate(steps):
            for j, t in enumerate(steps[: i + 1]):
                fourth = f(x + s + t) - f(x + s - t) - f(x - s + t) + f(x - s - t)
                out[i, j] = out[j, i] = fourth / (4 * H**2)
        return out


def jacobian(f: Callable[[Any], Sequence[Any]], x: Any) -> Any:
    """Central differences of a vector function, one column per entry of x."""
    with mpmath.workdps(DIGITS):
        columns = [[(p - m) / (2 * H) for p, m in zip(f(x + e), f(x - e), strict=True)] for e in _steps(x)]
        return np.array(columns, dtype=object).T


def _steps(x: Any) -> list[Any]:
    out = []
    for index in np.ndindex(x.shape):
        step = np.full(x.shape, mpmath.mpf(0), dtype=object)
        step[index] = H
        out.append(step)
    return out


def relative_error(got: Any, reference: Any) -> float:
    """||got - reference|| / ||reference||, the difference taken at 110 digits."""
    with mpmath.workdps(DIGITS):
        difference = (exact(got) - np.asarray(reference, dtype=object)).ravel()
        size = mpmath.sqrt(sum(r**2 for r in np.asarray(reference, dtype=object).ravel()))
        return float(mpmath.sqrt(sum(d**2 for d in difference)) / size)
