"""The recording back end of the generic arithmetic: it computes nothing but notes each operation on a tape.

What depends on constants alone is worked out at once, equal operations are noted once, entries that a body takes out
of arrays and puts together again one by one become operations on whole arrays, and what the outputs do not need is
dropped.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from ..arrays.exact import rational, to_float
from ..arrays.stacked import determinants, eigenvalues, solutions, spectral_norms
from ..constants import evaluate_expression
from .tape import Function, Step, Tape


@dataclass(frozen=True, eq=False)
class Register:
    """The place of one array on a tape.

    Attributes:
        place: its number.
        shape: the logical shape, without the batch axis.
        value: of a constant, shape (1, *shape); else None.
        entry: of an entry of another register, (that register, its flat place); else None.
        parts: of an entrywise operation, (its name, the operands); else None.
    """

    place: int
    shape: tuple[int, ...]
    value: np.ndarray | None = None
    entry: tuple[Register, int] | None = None
    parts: tuple[str, tuple[Register, ...]] | None = None


@dataclass(eq=False)
class Recorder:
    """A back end of `arithmetic.Array` whose data are registers."""

    registers: list[Any] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    known: dict[Hashable, Register] = field(default_factory=dict)
    name = "recorded floats"

    def input(self, shape: tuple[int, ...]) -> Register:
        """A place for an argument."""
        return self._placed(shape)

    def tape(self, inputs: Sequence[Register], outputs: Sequence[Register]) -> Tape:
        """What was noted, as far as the outputs need it."""
        needed = {register.place for register in outputs}
        steps = []
        for step in reversed(self.steps):
            if step.output in needed:
                needed.update(step.inputs)
                steps.append(step)
        places = [tuple(register.place for register in some) for some in (inputs, outputs)]
        return Tape(self.registers, steps[::-1], *places)

    def shape(self, data: Register) -> tuple[int, ...]:
        return data.shape

    def number(self, value: Any) -> Register:
        if isinstance(value, sympy.Expr) and not value.is_Rational:
            return evaluate_expression(value, self)
        return self._constant(np.array([to_float(rational(value))]))

    def pi(self) -> Register:
        return self._constant(np.array([np.pi]))

    def stack(self, cells: list[Register], shape: tuple[int, ...]) -> Register:
        return self.reshape(self._stacked(cells), shape)

    def reshape(self, data: Register, shape: tuple[int, ...]) -> Register:
        if data.shape == shape:
            return data
        return self.note(("reshape", shape), lambda x: x.reshape(len(x), *shape), [data], shape)

    def transpose(self, data: Register) -> Register:
        return self.note(("transpose",), lambda x: x.swapaxes(1, 2), [data], data.shape[::-1])

    def index(self, data: Register, key: tuple[Any, ...]) -> Register:
        places = np.arange(int(np.prod(data.shape))).reshape(data.shape)[key]
        where = (slice(None), *key)
        entry = (data, int(places)) if places.ndim == 0 else None
        return self.note(("index", repr(key)), lambda x: x[where], [data], places.shape, entry=entry)

    def binary(self, name: str, a: Register, b: Register) -> Register:
        function = _ENTRYWISE[name]
        shape, rank = (a.shape, b.shape)[len(b.shape) > len(a.shape)], max(len(a.shape), len(b.shape))
        lifted = (slice(None), *[None] * rank)
        if len(a.shape) < rank:
            return self.note((name,), lambda x, y: function(x[lifted], y), [a, b], shape)
        if len(b.shape) < rank:
            return self.note((name,), lambda x, y: function(x, y[lifted]), [a, b], shape)
        return self.note((name,), function, [a, b], shape, parts=(name, (a, b)))

    def matmul(self, a: Register, b: Register) -> Register:
        shape = a.shape[:-1] + b.shape[1:]
        return self.note(("matmul",), _PRODUCTS[len(a.shape), len(b.shape)], [a, b], shape)

    def unary(self, name: str, data: Register) -> Register:
        exponential = name in ("exp", "sinh", "cosh")
        return self.note((name,), getattr(np, name), [data], data.shape, exponential=exponential, parts=(name, (data,)))

    def reduce(self, name: str, data: Register) -> Register:
        function = _ENTRYWISE["add" if name == "total" else name].reduce
        return self.note((name, "all"), lambda x: function(x.reshape(len(x), -1), axis=1), [data], ())

    def euclidean(self, data: Register) -> Register:
        return self.note(("euclidean",), _euclidean, [data], ())

    def spectral(self, data: Register) -> Register:
        return self.note(("spectral",), spectral_norms, [data], (), grouped=True)

    def eigenvalue(self, data: Register, largest: bool) -> Register:
        def function(x: np.ndarray, stride: int) -> np.ndarray:
            return eigenvalues(x, largest, stride)

        return self.note(("eigenvalue", largest), function, [data], (), grouped=True)

    def det(self, data: Register) -> Register:
        return self.note(("det",), determinants, [data], ())

    def solve(self, a: Register, b: Register) -> Register:
        return self.note(("solve",), lambda x, y: solutions(*on_even_batches(x, y)), [a, b], b.shape)

    def note(
        self,
        key: tuple[Hashable, ...],
        function: Function,
        operands: Sequence[Register],
        shape: tuple[int, ...],
        *,
        grouped: bool = False,
        exponential: bool = False,
        entry: tuple[Register, int] | None = None,
        parts: tuple[str, tuple[Register, ...]] | None = None,
    ) -> Register:
        """The register of an operation; ``key`` and the operands say which one it is.

        Args:
            key: name and parameters of the operation.
            function: of the operands' batches; leading axes are the batch, or 1 for a constant.
            operands: registers.
            shape: logical shape of the result.
            grouped, exponential: see `tape.Step`.
            entry, parts: see `Register`.
        """
        inputs = tuple(operand.place for operand in operands)
        noted = (key, inputs)
        if noted not in self.known:
            values = [operand.value for operand in operands]
            if all(value is not None for value in values):
                with np.errstate(all="ignore"):
                    self.known[noted] = self._constant(function(*values, 1) if grouped else function(*values))
            else:
                made = self._placed(shape, entry=entry, parts=parts)
                self.steps.append(Step(function, inputs, made.place, grouped, exponential))
                self.known[noted] = made
        return self.known[noted]

    def _placed(self, shape: tuple[int, ...], value: np.ndarray | None = None, **origin: Any) -> Register:
        self.registers.append(value)
        return Register(len(self.registers) - 1, shape, value, **origin)

    def _constant(self, value: np.ndarray) -> Register:
        key = ("constant", value.shape, value.tobytes())
        if key not in self.known:
            self.known[key] = self._placed(value.shape[1:], value)
        return self.known[key]

    def _stacked(self, cells: Sequence[Register]) -> Register:
        """Numbers as one vector."""
        key = ("stacked", tuple(cell.place for cell in cells))
        if key not in self.known:
            self.known[key] = self._stacked_anew(cells)
        return self.known[key]

    def _stacked_anew(self, cells: Sequence[Register]) -> Register:
        free = [i for i, cell in enumerate(cells) if cell.value is None]
        frame = np.array([[0.0 if cell.value is None else cell.value[0] for cell in cells]])
        if not free:
            return self._constant(frame)
        vector = self._gathered([cells[i] for i in free])
        if len(free) == len(cells):
            return vector
        places = np.array(free)

        def framed(x: np.ndarray) -> np.ndarray:
            out = np.repeat(frame, len(x), axis=0)
            out[:, places] = x
            return out

        return self.note(("frame", frame.tobytes(), tuple(free)), framed, [vector], (len(cells),))

    def _gathered(self, cells: list[Register]) -> Register:
        """Numbers, none of them constant, as one vector: at best entries of one array, or one operation of vectors."""
        shape, first = (len(cells),), cells[0]
        entries = [cell.entry for cell in cells if cell.entry is not None and cell.entry[0] is _source(first)]
        if len(entries) == len(cells):
            source, places = entries[0][0], [place for _, place in entries]
            flat = self.reshape(source, (int(np.prod(source.shape)),))
            if places == list(range(flat.shape[0])):
                return flat
            return self.note(("take", tuple(places)), lambda x: x.take(places, axis=1), [flat], shape)
        parts = [cell.parts for cell in cells if cell.parts is not None]
        if len(cells) > 1 and len(parts) == len(cells) and len({name for name, _ in parts}) == 1:
            operands = [self._stacked(some) for some in zip(*(some for _, some in parts), strict=True)]
            name = parts[0][0]
            return self.binary(name, *operands) if len(operands) == 2 else self.unary(name, *operands)
        return self.note(("columns",), lambda *x: np.stack(x, axis=1), cells, shape)


def _source(cell: Register) -> Register | None:
    """The array that a number is an entry of."""
    return cell.entry[0] if cell.entry is not None else None


def _euclidean(x: np.ndarray) -> np.ndarray:
    flat = x.reshape(len(x), -1)
    return np.sqrt(np.vecdot(flat, flat))


def on_even_batches(*operands: np.ndarray) -> list[np.ndarray]:
    """Batches of one length: constants are repeated."""
    batch = max(map(len, operands))
    return [x if len(x) == batch else np.broadcast_to(x, (batch, *x.shape[1:])) for x in operands]


_ENTRYWISE: dict[str, np.ufunc] = {
    name: getattr(np, name) for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum")
}
_PRODUCTS: dict[tuple[int, int], Function] = {
    (1, 1): np.vecdot,
    (1, 2): lambda x, y: (x[:, None, :] @ y)[:, 0, :],
    (2, 1): lambda x, y: (x @ y[:, :, None])[:, :, 0],
    (2, 2): np.matmul,
}
