"""Metamorphic variants: claims said in other words keep their verdicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from .. import arithmetic as ar
from ..arithmetic import Array
from ..campaigns.examine import examine
from ..claims import Claim, assume, claim
from ..formulas import prediction
from ..instances.domains import Param, Size
from ..instances.tensors import Matrix, Vector

SAMPLES = 40
OTHER_SIDE = {"upper": "lower", "lower": "upper", "equality": "equality"}

Body = Callable[..., tuple[Any, Any]]

# Arguments that the variants below turn and permute: rows of A and b belong together, columns of A and x, y too.
ARGUMENTS = {
    "n": Size(2, 4),
    "d": Size(2, 3),
    "R": Param("1/20", 2),
    "A": Matrix("n", "d", spectral="R"),
    "x": Vector("d", norm2="R"),
    "y": Vector("d", norm2="R"),
    "b": Vector("n", norm2=1),
}


def _softmax_gap(factor: Fraction) -> Body:
    def body(n: Any, d: Any, R: Any, A: Array, x: Array, y: Array, b: Array) -> tuple[Any, Any]:
        f = prediction("normalized-exp")
        return ar.norm2(f(A @ x) - f(A @ y)), factor * R * ar.norm2(x - y)

    return body


def _image(n: Any, d: Any, R: Any, A: Array, x: Array, y: Array, b: Array) -> tuple[Any, Any]:
    return ar.absolute(ar.dot(b, A @ x)), R * ar.norm2(x) * ar.norm2(b)


def _gram(n: Any, d: Any, R: Any, A: Array, x: Array, y: Array, b: Array) -> tuple[Any, Any]:
    return ar.dot(A @ x, A @ y), ar.dot(x, A.T @ (A @ y))


def _impossible(n: Any, d: Any, R: Any, A: Array, x: Array, y: Array, b: Array) -> tuple[Any, Any]:
    assume(ar.norm2(A @ x), ">", 4 * R * R + 1)
    return ar.norm2(x), R


# name: (kind, body, outcome)
BASES: dict[str, tuple[str, Body, str]] = {
    "softmax": ("upper", _softmax_gap(Fraction(1, 2)), "holds"),
    "softmax, too sharp": ("upper", _softmax_gap(Fraction(1, 3)), "refuted"),
    "image": ("upper", _image, "holds"),
    "gram": ("equality", _gram, "proved"),
    "impossible": ("upper", _impossible, "vacuous"),
}


def _reordered(v: Array) -> Array:
    """The rows of a matrix, or the entries of a vector, from last to first."""
    rows = [v[i] for i in range(len(v) - 1, -1, -1)]
    return ar.matrix(rows) if len(v.shape) == 2 else ar.vector(rows)


def _turned(v: Array) -> Array:
    """A vector turned by the angle of (3/5, 4/5) in its first two entries."""
    c, s = Fraction(3, 5), Fraction(4, 5)
    return ar.vector([c * v[0] - s * v[1], s * v[0] + c * v[1], *(v[i] for i in range(2, len(v)))])


def _moved(body: Body, **moves: Callable[[Array], Array]) -> Body:
    return lambda **given: body(**{name: moves[name](v) if name in moves else v for name, v in given.items()})


def _sides(body: Body, change: Callable[[Any, Any], tuple[Any, Any]]) -> Body:
    return lambda **given: change(*body(**given))


def _turned_rows(A: Array) -> Array:
    return ar.matrix([_turned(A[i]) for i in range(len(A))])


# name: (kind and body) -> (kind and body)
VARIANTS: dict[str, Callable[[str, Body], tuple[str, Body]]] = {
    "as it is": lambda kind, body: (kind, body),
    "rows permuted": lambda kind, body: (kind, _moved(body, A=_reordered, b=_reordered)),
    "basis turned": lambda kind, body: (kind, _moved(body, A=_turned_rows, x=_turned, y=_turned)),
    "sides scaled": lambda kind, body: (
        kind,
        _sides(body, lambda l, r: (l * Fraction(7, 10**9), r * Fraction(7, 10**9))),
    ),
    "sides scaled by e": lambda kind, body: (kind, _sides(body, lambda l, r: (l * ar.exp(900), r * ar.exp(900)))),
    "sides shifted": lambda kind, body: (kind, _sides(body, lambda l, r: (l - r, 0 * r))),
    "sides swapped": lambda kind, body: (OTHER_SIDE[kind], _sides(body, lambda l, r: (r, l))),
    "sides negated": lambda kind, body: (OTHER_SIDE[kind], _sides(body, lambda l, r: (-l, -r))),
    "stated twice": lambda kind, body: (kind, _sides(body, lambda l, r: (ar.vector([l, l]), ar.vector([r, r])))),
}

UNITS = [(base, variant) for base in BASES for variant in VARIANTS]


def variant_of(base: str, variant: str) -> Claim:
    """A claim of `BASES` in the words of one of `VARIANTS`."""
    kind, body, _ = BASES[base]
    kind, body = VARIANTS[variant](kind, body)
    made = claim(f"{base}, {variant}", paper="own", kind=kind, provenance="own")(_form)
    assert isinstance(made, Claim), made
    return replace(made, domains=ARGUMENTS, body=body)


def _form(n: Size(1, 1)) -> tuple[Any, Any]:  # type: ignore[valid-type]
    return n, n


def trials(count: int, seed: int, unit: int) -> tuple[int, str | None]:
    """One variant of one claim."""
    base, variant = UNITS[unit]
    verdict, wanted = examine(variant_of(base, variant), SAMPLES, seed), BASES[base][2]
    # A proof is at liberty to miss an identity in other words; a certified answer is not at liberty to change.
    accepted = {wanted, "holds"} if wanted == "proved" else {wanted}
    if verdict.outcome in accepted:
        return 1, None
    return 0, f"{base}, {variant}: {verdict.outcome} instead of {wanted}: {verdict.message}"
