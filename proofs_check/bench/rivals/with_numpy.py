"""Textbook NumPy: the derivation evaluated on whole arrays, and the matrix Hessian with A1 (x) A2 formed."""

from typing import Any

import numpy as np

from derive import StructuredHessian
from proofs_check.bench.cases import Array, Instance, Work
from proofs_check.bench.language import Textbook, Words, formula_of
from proofs_check.bench.rivals.skipped import Skipped

MOST_KRONECKER_ROWS = 128
Pieces = tuple[Any, list[Any], list[list[Any]]]
"""D, the columns of U, and C."""
WORDS: Words = {
    "exp": np.exp,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "total": lambda entries: np.sum(entries, axis=-1, keepdims=True),
}


def prepare(data: Instance) -> Work:
    """The operation as a function without arguments."""
    operation, formula = data.case.operation, formula_of(data.case.loss)
    if operation == "hessian" and data.case.form == "matrix" and data.case.n > MOST_KRONECKER_ROWS:
        raise Skipped(f"A1 (x) A2 would need {8e-9 * data.case.n**2 * data.case.d**2:.1f} GB")

    def textbook() -> Textbook:
        return Textbook(formula, WORDS, forward(data, data.x), data.target)

    def gradient() -> tuple[Array, Array]:
        t = textbook()
        return np.sum(t(t.derivation.value)), adjoint(data, t(t.derivation.gradient))

    def product(kind: str) -> Array:
        t = textbook()
        return adjoint(data, apply(evaluated(t, getattr(t.derivation, kind)), forward(data, data.v)))

    if operation == "product-cached":
        return _product_at(data, textbook())
    return {
        "value": lambda: gradient()[0],
        "gradient": gradient,
        "hessian": lambda: dense(data, textbook()),
        "product": lambda: product("hessian"),
        "gauss-newton": lambda: product("gauss_newton"),
    }[operation]


def forward(data: Instance, x: Array) -> Array:
    """A x or A1 X A2^T."""
    return data.maps[0] @ x if len(data.maps) == 1 else data.maps[0] @ x @ data.maps[1].T


def adjoint(data: Instance, g: Array) -> Array:
    """A^T g or A1^T G A2."""
    return g @ data.maps[0] if len(data.maps) == 1 else data.maps[0].T @ g @ data.maps[1]


def _product_at(data: Instance, t: Textbook) -> Work:
    """The Hessian product with D, U and C of the point in memory."""
    pieces = evaluated(t, t.derivation.hessian)
    return lambda: adjoint(data, apply(pieces, forward(data, data.v)))


def evaluated(t: Textbook, H: StructuredHessian) -> Pieces:
    """The numbers D, U and C."""
    return t(H.D), [t(column) for column in H.U], [[t(entry) for entry in line] for line in H.C]


def apply(pieces: Pieces, q: Array) -> Array:
    """(diag(D) + U C U^T) q for each group."""
    D, U, C = pieces
    against: list[Any] = [WORDS["total"](column * q) for column in U]
    out = D * q
    for column, line in zip(U, C, strict=True):
        out = out + column * sum(entry * total for entry, total in zip(line, against, strict=True))
    return out


def dense(data: Instance, t: Textbook) -> Array:
    """M^T (diag(D) + U C U^T) M with the linear map M as a matrix: A, or A1 (x) A2."""
    H, groups = t.derivation.hessian, data.target.reshape(-1, data.target.shape[-1])
    M = data.maps[0] if len(data.maps) == 1 else np.kron(*data.maps)
    out = M.T @ (np.broadcast_to(t(H.D), data.target.shape).reshape(-1, 1) * M)
    blocks = M.reshape(*groups.shape, -1)
    sums = [
        np.einsum("ji,jip->jp", np.broadcast_to(t(u), data.target.shape).reshape(groups.shape), blocks) for u in H.U
    ]
    for left, line in zip(sums, H.C, strict=True):
        for right, entry in zip(sums, line, strict=True):
            out += left.T @ (np.broadcast_to(t(entry), (*data.target.shape[:-1], 1)).reshape(-1, 1) * right)
    return out
