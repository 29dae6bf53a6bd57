"""Claims: one published, or one's own, statement each, declared in one function.

The function's annotations say what the arguments range over, its docstring is the statement in LaTeX, and its body
returns both sides, written once in generic arithmetic.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from .arithmetic import Array, is_number, lifted, working_in
from .arrays.backends import Instance
from .arrays.balls import RELATIONS
from .arrays.exact import InputError
from .digests import digest_of
from .instances.domains import Scalar, Size
from .instances.tensors import Matrix, Vector

KINDS = {"upper": "<=", "lower": ">=", "equality": "=="}
PROVENANCES = {
    "text": "read in the paper",
    "text-relative": "read in a relative of the paper",
    "reconstructed-H": "reconstructed, confidence high; not compared with the printed text",
    "reconstructed-M": "reconstructed, confidence medium; not compared with the printed text",
    "reconstructed-L": "reconstructed, confidence low; not compared with the printed text",
    "derived": "derived, not a quotation",
    "own": "the user's own",
}
OUTCOMES = ("proved", "holds", "refuted", "vacuous", "undecided", "error")


@dataclass(frozen=True, eq=False)
class Claim:
    """A well-formed claim.

    Attributes:
        id: its name in the catalogue.
        paper: arXiv number of the paper, or any short source.
        kind: "upper" (left <= right), "lower" (left >= right) or "equality" (left = right, also entry by entry).
        provenance: a key of `PROVENANCES`.
        expect: the expected outcome, or None.
        statement: LaTeX.
        domains: argument name -> what it ranges over, in order.
        body: the function.
        digest: SHA-256 of the source, of helpers in its file and beside it, of the metadata and of the constants used.
        path, line: where it stands.
        title: a short name, or "".
        origin: "catalogue", the file that it was loaded from, as given, or "" for one declared in a running session.
        samples: most instances that a check screens, for a claim that is costly to evaluate; None for as many as asked.
    """

    id: str
    paper: str
    kind: str
    provenance: str
    expect: str | None
    statement: str
    domains: dict[str, Any]
    body: Callable[..., Any]
    digest: str
    path: str
    line: int
    title: str = ""
    origin: str = ""
    samples: int | None = None

    @property
    def relation(self) -> str:
        """The relation between the sides."""
        return KINDS[self.kind]

    def admits(self, instance: Instance) -> bool:
        """Whether every argument meets its annotation, exactly."""
        known: Instance = {}
        for name, domain in self.domains.items():
            if not domain.admits(instance[name], known):
                return False
            known[name] = instance[name]
        return True


@dataclass(frozen=True)
class Malformed:
    """A claim that cannot be checked, with the reason and where it stands."""

    id: str
    reason: str
    path: str
    line: int
    paper: str = ""
    provenance: str = ""
    expect: str | None = None


@dataclass(frozen=True)
class Hypothesis:
    """``left op right``, entry by entry, from `assume` in a body."""

    left: Array
    op: str
    right: Array


@dataclass(frozen=True)
class Sides:
    """What the body of a claim says on one back end: both sides and the further hypotheses."""

    left: Array
    right: Array
    hypotheses: tuple[Hypothesis, ...]


_HYPOTHESES: ContextVar[list[Hypothesis]] = ContextVar("hypotheses")
_FOUND: ContextVar[list[Claim | Malformed]] = ContextVar("found")


def assume(left: Any, op: str, right: Any) -> None:
    """State a further hypothesis in the body of a claim, entry by entry for arrays.

    Args:
        left, right: numbers or arrays of the claim; exact numbers are allowed.
        op: "<=", "<", ">=", ">" or "==".
    """
    if op not in RELATIONS:
        raise InputError(f"assume knows the relations {', '.join(RELATIONS)}, got {op!r}")
    collected = _HYPOTHESES.get(None)
    if collected is None:
        raise InputError("assume states a hypothesis in the body of a claim; it was called outside of one")
    left, right = lifted("assume", left), lifted("assume", right)
    if left.shape != right.shape and left.shape and right.shape:
        raise ValueError(f"assume needs equal shapes or a number, got {left.shape} and {right.shape}")
    collected.append(Hypothesis(left, op, right))


def evaluate(claim: Claim, arguments: dict[str, Any], backend: Any) -> Sides:
    """Run the body of a claim on the arguments of one back end.

    Raises:
        InputError: the body does not return two sides of fitting shapes.
    """
    hypotheses: list[Hypothesis] = []
    token = _HYPOTHESES.set(hypotheses)
    try:
        # flint leaves floating-point flags behind that NumPy would report for object arrays
        with working_in(backend), np.errstate(all="ignore"):
            sides = claim.body(**arguments)
            if not isinstance(sides, tuple) or len(sides) != 2:
                got = f"{len(sides)} parts" if isinstance(sides, tuple) else repr(sides)
                got = f"one array of shape {sides.shape}" if isinstance(sides, Array) else got
                raise InputError(f"the body of a claim returns (left, right), got {got}")
            left, right = (_side(side) for side in sides)
    finally:
        _HYPOTHESES.reset(token)
    if left.shape != right.shape and left.shape and right.shape:
        raise InputError(f"the sides of a claim have one shape, got {left.shape} and {right.shape}")
    return Sides(left, right, tuple(hypotheses))


def _side(side: Any) -> Array:
    if not isinstance(side, Array) and not is_number(side):
        raise InputError(f"a side of a claim is a number or an array of the claim, got {side!r}")
    return lifted("a side", side)


def claim(
    id: str | None = None,
    *,
    paper: str | None = None,
    kind: str | None = None,
    provenance: str | None = None,
    expect: str | None = None,
    title: str = "",
    samples: int | None = None,
    **unknown: Any,
) -> Callable[[Callable[..., Any]], Claim | Malformed]:
    """Declare the decorated function as a claim.

    A malformed declaration gives a `Malformed` that becomes an ``error`` verdict; the other claims still run.

    Args:
        id: unique name.
        paper: arXiv number, or a short source.
        kind: "upper", "lower" or "equality".
        provenance: text, text-relative, reconstructed-H, -M, -L, derived or own.
        expect: the expected outcome; may be missing.
        title: a short name.
        samples: most instances that a check screens, where an evaluation is costly (a flow); the directed search is
            then a single climb, and there is no growth profile.
    """
    fields = {"id": id, "paper": paper, "kind": kind, "provenance": provenance}

    def declare(body: Callable[..., Any]) -> Claim | Malformed:
        path, line = inspect.getsourcefile(body) or "?", body.__code__.co_firstlineno
        try:
            made: Claim | Malformed = _made(body, fields, expect, title, samples, unknown, path, line)
        except (InputError, TypeError, ValueError, NameError) as cause:
            name = str(id or body.__name__)
            made = Malformed(name, str(cause), path, line, str(paper or ""), str(provenance or ""), expect)
        found = _FOUND.get(None)
        if found is not None:
            found.append(made)
        return made

    return declare


def _made(
    body: Callable[..., Any],
    fields: dict[str, str | None],
    expect: str | None,
    title: str,
    samples: int | None,
    unknown: dict[str, Any],
    path: str,
    line: int,
) -> Claim:
    if unknown:
        raise InputError(
            f"unknown fields {sorted(unknown)}; a claim has id, paper, kind, provenance, expect, title, samples"
        )
    missing = [name for name, value in fields.items() if not isinstance(value, str) or not value]
    if missing:
        raise InputError(f"missing {', '.join(missing)}: a claim states id, paper, kind and provenance")
    stated = {name: str(value) for name, value in fields.items()}
    _one_of("kind", stated["kind"], KINDS)
    _one_of("provenance", stated["provenance"], PROVENANCES)
    if expect is not None:
        _one_of("expect", expect, OUTCOMES)
    if samples is not None and (isinstance(samples, bool) or not isinstance(samples, int) or samples < 1):
        raise InputError(f"samples is a whole number of at least 1, got {samples!r}; leave it out for the usual number")
    source = textwrap.dedent(inspect.getsource(body))
    _no_floats(source, line)
    domains = _domains(body)
    statement = inspect.cleandoc(body.__doc__ or "")
    digest = digest_of(body, source, (*stated.values(), statement))
    return Claim(**stated, expect=expect, statement=statement, domains=domains, body=body, digest=digest,
                 path=path, line=line, title=title, samples=samples)  # fmt: skip


def _one_of(name: str, value: str, known: Any) -> None:
    if value not in known:
        raise InputError(f"{name} is one of {', '.join(known)}, got {value!r}")


def _no_floats(source: str, line: int) -> None:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, (float, complex)):
            where = line + node.lineno - 1
            raise InputError(
                f"line {where}: the float {node.value!r} in a claim; write Fraction({str(node.value)!r}) or a text"
            )


def _domains(body: Callable[..., Any]) -> dict[str, Any]:
    annotations = inspect.get_annotations(body, eval_str=True)
    domains: dict[str, Any] = {}
    for name, parameter in inspect.signature(body).parameters.items():
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD or parameter.default is not parameter.empty:
            raise InputError(f"argument {name!r} must be a plain argument without a default")
        domain = annotations.get(name)
        if domain is None:
            raise InputError(f"argument {name!r} has no annotation; write Size, Param, Scalar, Vector or Matrix")
        if not isinstance(domain, (Size, Scalar, Vector, Matrix)):
            raise InputError(
                f"argument {name!r} is annotated with {domain!r}; write Size, Param, Scalar, Vector or Matrix"
            )
        _reads_earlier(name, domain, domains)
        domains[name] = domain
    if not domains:
        raise InputError("a claim has at least one argument")
    return domains


def _reads_earlier(name: str, domain: Any, earlier: dict[str, Any]) -> None:
    for limit in domain.limits():
        for used in sorted(limit.names):
            if not isinstance(earlier.get(used), (Size, Scalar)):
                raise InputError(
                    f"argument {name!r} reads {used!r} in {str(limit.tree)!r}, "
                    f"which is not an earlier size or number; there are {sorted(earlier) or 'none'}"
                )
        if "pi" in earlier and limit.tree.has(sympy.pi):
            raise InputError(f"argument {name!r} means the number pi by {str(limit.tree)!r}; rename the argument 'pi'")


@contextmanager
def collecting() -> Iterator[list[Claim | Malformed]]:
    """Claims declared inside are appended to the list, in order."""
    found: list[Claim | Malformed] = []
    token = _FOUND.set(found)
    try:
        yield found
    finally:
        _FOUND.reset(token)
