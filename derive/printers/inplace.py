"""Row expressions as straight-line code in place: one operation a line, an array used again as soon as it is free.

`Body` turns SymPy expressions into single operations and shares what they have in common. `Body.text` then gives each
result the memory of an operand that is read for the last time in that line, or else a free work array: a kernel has as
many arrays as row quantities are alive at once, and each operation runs over memory that is still in the cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from derive.printers.numpy import FUNCTIONS, code, unspellable
from derive.printers.order import ordered_terms, text

_SUMS = frozenset({"np.add", "np.subtract", "np.negative", "np.positive"})
_ZERO = _SUMS | {"np.multiply", "np.divide", "np.square", "np.abs", "np.sinh", "np.tanh", "np.sin"}
"""Operations that give 0 at zeros: a product where one factor is 0, a quotient by a scalar, a sum of zeros only."""
_FINITE = _ZERO | {"np.exp", "np.cosh", "np.cos"}
"""Operations that give what is finite of operands that are, where these are of moderate size."""


@dataclass(frozen=True)
class Line:
    """One statement.

    Attributes:
        code: its text; ``{out}`` stands for the memory of the result and ``{scratch}`` for a work array.
        reads: the row quantities that it reads.
        writes: the row quantity that it makes, or empty.
        over: a row quantity that it makes in the memory of z, or empty.
    """

    code: str
    reads: tuple[str, ...] = ()
    writes: str = ""
    over: str = ""


@dataclass
class Body:
    """The statements of one function, each row quantity assigned once; their memory is decided last.

    Attributes:
        z: name of the row variable; its memory is scratch once it is not read any more.
        data: names of arrays that are only read.
        rows: the symbols that vary from row to row.
    """

    z: str
    data: frozenset[str]
    rows: set[sp.Symbol]
    lines: list[Line] = field(default_factory=list)
    _known: dict[sp.Expr, str] = field(default_factory=dict)
    _outputs: list[str] = field(default_factory=list)
    _arguments: list[str] = field(default_factory=list)
    _zero: set[str] = field(default_factory=set)
    _moderate: set[str] = field(default_factory=set)
    _large: set[str] = field(default_factory=set)
    _totals: dict[sp.Expr, str] = field(default_factory=dict)
    _temporaries: int = 0

    def is_row(self, expression: sp.Expr) -> bool:
        """Whether an expression varies from row to row."""
        return bool(expression.free_symbols & self.rows)

    def statement(self, code: str, *reads: str, writes: str = "", over: str = "") -> None:
        """A line that is no operation of a formula."""
        self.lines.append(Line(code, reads, writes, over))

    def overwrite(self, code: str, name: str) -> None:
        """A line that sets entries of a row quantity, dropped ones too."""
        self.statement(code, name)
        self._zero.discard(name)

    def define(self, symbol: sp.Symbol, expression: sp.Expr) -> None:
        """A row quantity under its letter."""
        self._known[symbol] = self._known[expression] = self._noted(expression, str(symbol))

    def atom(self, symbol: sp.Symbol) -> None:
        """A row quantity that a statement makes under its own name, of moderate size where z is."""
        self._known[symbol] = str(symbol)
        self.moderate(str(symbol))

    def moderate(self, name: str) -> None:
        """Note that a row quantity is finite at dropped entries, and so are sums and products of a few like it."""
        self._moderate.add(name)

    def scratch(self, name: str) -> None:
        """An argument whose memory may be written once it is not read any more."""
        self._arguments.append(name)

    def output(self, expression: sp.Expr, name: str) -> str:
        """The name of a row quantity that is returned, in memory of its own."""
        found = self._noted(expression, name)
        if found in self.data or found in self._outputs:
            found = self._operation(sp.Dummy(), "np.positive", [found], name)
        self._outputs.append(found)
        return found

    def total(self, symbol: str, summand: sp.Expr) -> None:
        """A sum over the kept rows of each group; a product is not formed where a dot product does."""
        if not self.is_row(summand):
            scalar = "" if summand == 1 else f"*{code(sp.Mul(summand, 1, evaluate=False))}"
            self.lines.append(Line(f"{symbol} = _count({self.z}, dropped){scalar}"))
            return
        self._totals[summand] = symbol
        known, summand = self._known_totals(summand)
        p, q = self._split(summand)
        if q is None:
            name = self._scratch(self.row(p))
            self.clear(name)
            self.lines.append(Line(f"{symbol} = _total({name})", (name,)))
            return
        first, last = sorted((self.row(p), self.row(q)), key=lambda name: (name in self.data, name in self._zero))
        if not self._zero & {first, last}:
            self.clear(first)
        for name in (first, last):
            if not self._is_finite(name):
                self.clear(name)
        self.lines.append(Line(f"{symbol} = {known}_dot({last}, {first})", (first, last)))

    def _known_totals(self, summand: sp.Expr) -> tuple[str, sp.Expr]:
        """The start of a sum of totals that are known, and the summand of what is missing.

        Only where that is one product of known rows: total(f (2 c + f)) is 2 total(c f) + total(f f). The error stays
        of the same order, as f, c and their total carry rounding errors of that size already.
        """
        known, missing = sp.Integer(0), []
        for term in sp.Add.make_args(sp.expand(summand)):
            coefficient, rows = term.as_coeff_Mul()
            if rows in self._totals:
                known += coefficient * sp.Symbol(self._totals[rows])
            else:
                missing.append(term)
        if known == 0 or len(missing) != 1:
            return "", summand
        p, q = self._split(missing[0])
        return (f"{code(known)} + ", missing[0]) if {p, q} <= set(self._known) else ("", summand)

    def kept(self, name: str) -> str:
        """The spelling of a returned row quantity, 0 where an entry is dropped."""
        return name if name in self._zero else f"_drop({name}, dropped)"

    def clear(self, name: str) -> None:
        """Make a row quantity 0 where an entry is dropped, once."""
        if name not in self._zero:
            self.statement(f"_drop({name}, dropped)", name)
            self._zero.add(name)

    def _is_finite(self, name: str) -> bool:
        """Whether 0 times an operand is 0 at dropped entries: data are finite, and scalars unless a group overflows."""
        return any(name in known for known in (self._zero, self._moderate, self._large, self.data)) or (
            name not in self._arrays()
        )

    def _arrays(self) -> set[str]:
        made = {made for line in self.lines for made in (line.writes, line.over)}
        return made | {self.z, *self._arguments} | self.data

    def _note_dropped(self, function: str, operands: Sequence[str], name: str) -> None:
        """Conclude what stands at dropped entries of a result from what stands there in the operands."""
        zeros = [o in self._zero for o in operands]
        known = function in _FINITE and all(self._is_finite(o) for o in operands)
        if not known or (function == "np.divide" and operands[1] in self._arrays()):
            return
        if function in _ZERO and (any(zeros) if function in ("np.multiply", "np.divide") else all(zeros)):
            self._zero.add(name)
            return
        # A datum may be the largest float: it stays finite with moderate terms, but twice it is infinite.
        large = sum(o in self._large or o in self.data for o in operands)
        if not large:
            self._moderate.add(name)
        elif large == 1 and function in _SUMS:
            self._large.add(name)

    def row(self, expression: sp.Expr, name: str = "") -> str:
        """The name of a row quantity; lines are added for what is not known yet, the last one with `name`."""
        if expression in self._known:
            return self._known[expression]
        if not self.is_row(expression):
            return self._operation(expression, f"_full({self.z}, {code(expression)}", [], name)
        if expression.is_Symbol:
            return str(expression)
        if expression.is_Add:
            return self._sum(expression, name)
        if expression.is_Mul:
            return self._product(expression, name)
        if expression.is_Pow:
            return self._power(expression, name)
        spelled = type(expression).__name__
        if spelled.lower() not in FUNCTIONS:
            raise unspellable(spelled)
        return self._operation(expression, f"np.{spelled.lower()}", [self.row(expression.args[0])], name)

    def text(self) -> tuple[list[str], int]:
        """The lines with the memory of every result, and the number of work arrays."""
        last = {name: i for i, line in enumerate(self.lines) for name in line.reads}
        last |= dict.fromkeys(self._outputs, len(self.lines))
        memory, free, count = {name: name for name in (self.z, *self._arguments)}, [], 0
        printed: list[str] = []
        for i, line in enumerate(self.lines):
            dying = [name for name in dict.fromkeys(line.reads) if name in memory and last[name] == i]
            if line.over:
                memory[line.over] = memory.pop(self.z)
                dying = [name for name in dying if name != self.z]
            if not line.writes and "{scratch}" not in line.code:
                free += [memory.pop(name) for name in dying]
                printed.append(line.code)
                continue
            out = dying[0] if dying and line.writes and not line.over else ""
            spelled, taken = {"out": out}, memory.pop(out, "")
            for use in ("out", "scratch"):
                if "{" + use + "}" in line.code and not spelled.get(use):
                    if not free:
                        count += 1
                        free.append(f"row{count}")
                    spelled[use] = free.pop()
            taken = taken or spelled["out"]
            if line.writes:
                memory[line.writes] = taken
            free += [spelled["scratch"]] if "scratch" in spelled else []
            free += [memory.pop(name) for name in dying if name in memory]
            printed.append(line.code.replace("{out}", spelled["out"]).replace("{scratch}", spelled.get("scratch", "")))
        return printed, count

    def _noted(self, expression: sp.Expr, name: str) -> str:
        """The row quantity, with its formula beside the line that ends a computation of several lines."""
        before = len(self.lines)
        found = self.row(expression, name)
        if len(self.lines) > before + 1 or (len(self.lines) > before and expression.is_Mul):
            self.lines[-1] = replace(self.lines[-1], code=f"{self.lines[-1].code}  # {text(expression)}")
        return found

    def _operation(self, expression: sp.Expr, function: str, operands: Sequence[str], name: str = "") -> str:
        """One line; function is a ufunc, or a call that is still open."""
        if not name:
            self._temporaries += 1
            name = f"t{self._temporaries}"
        made = self._arrays()
        self._note_dropped(function, operands, name)
        call = f"{function}({', '.join(operands)}" if operands else function
        self.lines.append(Line(f"{name} = {call}, out={{out}})", tuple(o for o in operands if o in made), name))
        self._known[expression] = name
        return name

    def _scratch(self, name: str) -> str:
        """The row quantity in memory that may be written."""
        return self._operation(sp.Dummy(), "np.positive", [name]) if name in self.data else name

    def _sum(self, expression: sp.Expr, name: str) -> str:
        terms = [t for t in ordered_terms(expression) if self.is_row(t)]
        rest = sp.Add(*(t for t in expression.args if not self.is_row(t)))
        if all(_negative(t) for t in terms):
            if rest == 0:
                return self._operation(expression, "np.negative", [self.row(-expression)], name)
            return self._operation(expression, "np.subtract", [code(rest), self.row(rest - expression)], name)
        whole = self._largest_known(sp.Add, terms) or terms[0]
        steps = [t for t in terms if t not in sp.Add.make_args(whole)] + [rest] * (rest != 0)
        found = self.row(whole)
        for i, step in enumerate(steps):
            whole = whole + step
            function, operand = ("np.subtract", -step) if _negative(step) else ("np.add", step)
            found = self._step(whole, function, found, operand, name if i == len(steps) - 1 else "")
        return found

    def _product(self, expression: sp.Expr, name: str) -> str:
        scalar, rows = expression.as_independent(*self.rows, as_Add=False)
        numerator, denominator = sp.fraction(rows)
        if not self.is_row(numerator):
            return self._operation(expression, "np.divide", [code(scalar * numerator), self.row(denominator)], name)
        factors = sp.Mul.make_args(numerator)
        whole = self._largest_known(sp.Mul, factors) or factors[0]
        steps = [("np.multiply", f) for f in factors if f not in sp.Mul.make_args(whole)]
        steps += [("np.divide", denominator)] * (denominator != 1)
        steps += [("np.multiply", scalar)] * (scalar != 1)
        found = self.row(whole)
        for i, (function, operand) in enumerate(steps):
            whole = whole / operand if function == "np.divide" else whole * operand
            found = self._step(whole, function, found, operand, name if i == len(steps) - 1 else "")
        return found

    def _step(self, whole: sp.Expr, function: str, found: str, operand: sp.Expr, name: str) -> str:
        if whole in self._known:
            return self._known[whole]
        if function == "np.multiply" and operand == -1:
            return self._operation(whole, "np.negative", [found], name)
        spelled = self.row(operand) if self.is_row(operand) else code(operand)
        return self._operation(whole, function, [found, spelled], name)

    def _power(self, expression: sp.Expr, name: str) -> str:
        base, exponent = expression.args
        if not self.is_row(base):
            return self._operation(expression, "np.power", [code(base), self.row(exponent)], name)
        if self.is_row(exponent) or not exponent.is_Rational:
            spelled = self.row(exponent) if self.is_row(exponent) else code(exponent)
            return self._operation(expression, "np.power", [self.row(base), spelled], name)
        if exponent < 0:
            return self._operation(expression, "np.reciprocal", [self.row(base**-exponent)], name)
        if exponent == sp.Rational(1, 2):
            return self._operation(expression, "np.sqrt", [self.row(base)], name)
        if not exponent.is_Integer:
            return self._operation(expression, "np.power", [self.row(base), code(exponent)], name)
        if exponent.is_even:
            return self._operation(expression, "np.square", [self.row(base ** (exponent // 2))], name)
        return self._operation(expression, "np.multiply", [self.row(base ** (exponent - 1)), self.row(base)], name)

    def _largest_known(self, kind: type[sp.Expr], arguments: Sequence[sp.Expr]) -> sp.Expr | None:
        """The sum or product of some of the arguments that has been computed already, of as many as possible."""
        found = [e for e in self._known if isinstance(e, kind) and set(e.args) <= set(arguments)]
        return max(found, key=lambda e: len(e.args), default=None)

    def _split(self, summand: sp.Expr) -> tuple[sp.Expr, sp.Expr | None]:
        """p and q with summand = p q, such that little is left to be computed; q is None where there is no product."""
        factors = [f for part in sp.Mul.make_args(summand) for f in _halves(part)]
        splits = [(summand / f, f) for f in dict.fromkeys(factors)] if len(factors) > 1 else []
        splits = [(p, q) for p, q in splits if self.is_row(p) and self.is_row(q)]
        splits = [(p, q) for p, q in splits if not {self._known.get(e, str(e)) for e in (p, q)} <= self.data]
        return min(
            splits, key=lambda s: sum(0 if e in self._known else sp.count_ops(e) for e in s), default=(summand, None)
        )


def _halves(factor: sp.Expr) -> list[sp.Expr]:
    even = factor.is_Pow and factor.exp.is_Integer and factor.exp.is_even and factor.exp > 0
    return [factor.base ** (factor.exp / 2)] * 2 if even else [factor]


def _negative(expression: sp.Expr) -> bool:
    return bool(expression.could_extract_minus_sign())
