"""Exact sums of terms: rational coefficients times powers of letters times one exponential.

A letter is a variable (which is >= 0, see `regions`) or a function of sums. Sums are canonical: equal expressions that
the rules below identify have the same text, so that differences cancel before any ball is computed. Cancelling never
hides an undefined operation: whoever divides or takes a logarithm records what must be defined (`tracing`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from typing import Any

from flint import fmpq

from ..arrays.balls import exact_root
from ..arrays.fields import Unsupported
from . import intervals

MOST_TERMS = 250
LONG = 80
"""Longer texts are replaced by their digest."""
PRODUCTS = 1 << 14
"""Products of monomials that are remembered: a claim's sums meet the same few again and again."""
EVEN = ("abs", "cosh", "shc")
"""Letters of even functions: their arguments lead with a positive coefficient."""


def _short(text: str) -> str:
    return text if len(text) <= LONG else "#" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, eq=False)
class Letter:
    """A variable, or a function of sums.

    Attributes:
        kind: var, gap, inv, sqrt, abs, log, max, min, cosh, sinh, shc (sinh(t)/t), langevin (coth(t) - 1/t) or sgn.
        args: the arguments; of a variable its name.
    """

    kind: str
    args: tuple[Any, ...]

    @cached_property
    def text(self) -> str:
        return _short(f"{self.kind}({', '.join(a if isinstance(a, str) else a.text for a in self.args)})")

    @cached_property
    def names(self) -> frozenset[Letter]:
        """The variables in it."""
        return frozenset((self,)) if self.kind == "var" else frozenset().union(*(arg.names for arg in self.args))

    @cached_property
    def hyperbolic(self) -> bool:
        """Whether cosh or sinh is in it."""
        return self.kind in ("cosh", "sinh") or (self.kind != "var" and any(arg.hyperbolic for arg in self.args))

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Letter) and self.text == other.text)

    def __hash__(self) -> int:
        return hash(self.text)


@dataclass(frozen=True, eq=False)
class Monomial:
    """Powers of letters, in the order of their texts, times the exponential of a sum (None: of 0)."""

    powers: tuple[tuple[Letter, int], ...]
    exponent: Sum | None = None

    @cached_property
    def text(self) -> str:
        letters = "*".join(f"{letter.text}^{k}" for letter, k in self.powers)
        return _short(f"{letters}e[{self.exponent.text}]" if self.exponent else letters)

    @cached_property
    def names(self) -> frozenset[Letter]:
        """The variables in it."""
        inner = self.exponent.names if self.exponent else frozenset()
        return inner.union(*(letter.names for letter, _ in self.powers))

    @cached_property
    def hyperbolic(self) -> bool:
        """Whether cosh or sinh is in it."""
        inner = self.exponent is not None and self.exponent.hyperbolic
        return inner or any(letter.hyperbolic for letter, _ in self.powers)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Monomial) and self.text == other.text)

    def __hash__(self) -> int:
        return hash(self.text)


UNIT = Monomial(())
NOTHING, UNCHANGED, NEGATIVE = fmpq(0), fmpq(1), fmpq(-1)


@dataclass(frozen=True, eq=False)
class Sum:
    """Terms (monomial, coefficient), in the order of the monomials' texts; no coefficient is 0."""

    terms: tuple[tuple[Monomial, fmpq], ...]

    @cached_property
    def text(self) -> str:
        return _short(" + ".join(f"{c}*{m.text}" for m, c in self.terms) or "0")

    @cached_property
    def names(self) -> frozenset[Letter]:
        """The variables in it."""
        return frozenset().union(*(m.names for m, _ in self.terms))

    @cached_property
    def hyperbolic(self) -> bool:
        """Whether cosh or sinh is in it."""
        return any(m.hyperbolic for m, _ in self.terms)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Sum) and self.text == other.text)

    def __hash__(self) -> int:
        return hash(self.text)

    def __add__(self, other: Sum) -> Sum:
        if not self.terms or not other.terms:
            return self if self.terms else other
        return collected((*self.terms, *other.terms))

    def __sub__(self, other: Sum) -> Sum:
        return self + other.times(NEGATIVE)

    def __mul__(self, other: Sum) -> Sum:
        if len(self.terms) * len(other.terms) > MOST_TERMS:
            raise Unsupported("a product of too many terms")
        parts = [(product(m, n).terms, c * d) for m, c in self.terms for n, d in other.terms]
        if len(parts) == 1:
            return Sum(parts[0][0]).times(parts[0][1])
        return collected((m, c * factor) for terms, factor in parts for m, c in terms)

    def times(self, factor: fmpq) -> Sum:
        """The multiple by a number."""
        if factor == UNCHANGED:
            return self
        return Sum(tuple((m, c * factor) for m, c in self.terms)) if factor != NOTHING else ZERO

    @cached_property
    def factors(self) -> tuple[Monomial, Sum]:
        """What all terms have in common, and the sum without it."""
        shared = content(self) if len(self.terms) > 1 else UNIT
        return (shared, without(self, shared)) if shared != UNIT else (UNIT, self)

    @cached_property
    def multiples(self) -> tuple[tuple[Monomial, tuple[Any, bool]], ...]:
        """The terms without what all have in common, with the sizes and signs of their coefficients."""
        return tuple((m, (intervals.factor(c), c > NOTHING)) for m, c in self.factors[1].terms)

    @property
    def constant(self) -> fmpq | None:
        """The number that the sum is, or None."""
        if not self.terms:
            return fmpq(0)
        (m, c), *rest = self.terms
        return c if not rest and m == UNIT else None


ZERO = Sum(())


def collected(terms: Iterable[tuple[Monomial, fmpq]]) -> Sum:
    """The sum of terms, equal monomials taken together."""
    monomials: dict[str, Monomial] = {}
    coefficients: dict[str, fmpq] = {}
    for m, c in terms:
        text = m.text
        if text in coefficients:
            coefficients[text] += c
        else:
            monomials[text], coefficients[text] = m, c
    if len(coefficients) > MOST_TERMS:
        raise Unsupported("a sum of too many terms")
    return Sum(tuple((monomials[text], c) for text in sorted(coefficients) if (c := coefficients[text]) != NOTHING))


def number(value: fmpq) -> Sum:
    """A number."""
    return Sum(((UNIT, value),)) if value != 0 else ZERO


def single(letter: Letter, k: int = 1) -> Sum:
    """A power of one letter."""
    return Sum(((Monomial(((letter, k),)), fmpq(1)),))


def variable(name: str) -> Sum:
    """A variable, which is never negative."""
    return single(Letter("var", (name,)))


def monomial(powers: dict[Letter, int], exponent: Sum | None) -> Monomial:
    """A monomial in canonical order."""
    kept = sorted(((letter, k) for letter, k in powers.items() if k), key=lambda pair: pair[0].text)
    return Monomial(tuple(kept), exponent if exponent is not None and exponent.terms else None)


@lru_cache(maxsize=PRODUCTS)
def product(m: Monomial, n: Monomial) -> Sum:
    """A product of monomials: powers add up; squares of roots and of absolute values are resolved."""
    powers, resolved = dict(m.powers), []
    for letter, k in n.powers:
        powers[letter] = powers.get(letter, 0) + k
    for letter, k in list(powers.items()):
        if k >= 2 and letter.kind in ("sqrt", "abs"):
            resolved.append(power(letter.args[0], k // 2 if letter.kind == "sqrt" else k - k % 2))
            powers[letter] = k % 2
    exponent = m.exponent if n.exponent is None else n.exponent if m.exponent is None else m.exponent + n.exponent
    return reduce(Sum.__mul__, resolved, Sum(((monomial(powers, exponent), fmpq(1)),)))


def power(base: Sum, k: int) -> Sum:
    """A whole power."""
    if k < 0:
        return power(inverse(base), -k)
    result, square = number(fmpq(1)), base
    while k:
        result = result * square if k % 2 else result
        k //= 2
        square = square * square if k else square
    return result


def exponential(x: Sum) -> Sum:
    """exp(x)."""
    return Sum(((monomial({}, x), fmpq(1)),))


def nonnegative(x: Sum) -> bool:
    """Whether every term shows that it is never negative, wherever it is defined."""
    return all(c > 0 and all(k % 2 == 0 or _never_negative(letter) for letter, k in m.powers) for m, c in x.terms)


def _never_negative(letter: Letter) -> bool:
    kind, args = letter.kind, letter.args
    if kind in ("var", "sqrt", "abs", "cosh", "shc"):
        return True
    if kind == "max":
        return any(nonnegative(arg) for arg in args)
    return kind in ("inv", "min", "sinh", "langevin") and all(nonnegative(arg) for arg in args)


def positive(x: Sum) -> bool:
    """Whether the sum shows that it is positive: never negative, with a number or an exponential among its terms."""
    return nonnegative(x) and any(not m.powers for m, _ in x.terms)


def content(*sums: Sum) -> Monomial:
    """What all terms have in common: the smallest power of each letter; where all have one, an exponential."""
    monomials = [m for x in sums for m, _ in x.terms]
    if not monomials:
        return UNIT
    shared = dict(monomials[0].powers)
    for m in monomials[1:]:
        powers = dict(m.powers)
        shared = {letter: min(k, powers[letter]) for letter, k in shared.items() if letter in powers}
        shared = {letter: k for letter, k in shared.items() if k}
    # With one bare term left, a second call finds no exponential: the factor is taken out once.
    bare = any(m.exponent is None for m in monomials)
    return monomial(shared, None if bare else monomials[0].exponent)


def without(x: Sum, factor: Monomial) -> Sum:
    """The sum with a monomial that all its terms contain taken out of each."""
    opposite = ZERO - factor.exponent if factor.exponent else None
    out = monomial({letter: -k for letter, k in factor.powers}, opposite)
    return collected(term for m, c in x.terms for term in product(m, out).times(c).terms)


def _as_sum(m: Monomial) -> Sum:
    return Sum(((m, fmpq(1)),))


def inverse(x: Sum) -> Sum:
    """1/x; the caller has recorded that x is not 0."""
    if not x.terms:
        raise Unsupported("a division by 0")
    shared = content(x)
    rest = without(x, shared)
    outer = without(number(fmpq(1)), shared)
    if len(x.terms) == 1:
        return outer.times(1 / x.terms[0][1])
    return outer * single(Letter("inv", (rest,)))


def root(x: Sum) -> Sum:
    """The square root of what is at least 0; even powers come out as absolute values."""
    if not x.terms:
        return ZERO
    shared = content(x)
    even = {letter: k - k % 2 for letter, k in shared.powers}
    rest = without(x, monomial(even, shared.exponent))
    outer = exponential(shared.exponent.times(fmpq(1, 2))) if shared.exponent else number(fmpq(1))
    for letter, k in even.items():
        outer = outer * power(absolute(single(letter)), k // 2)
    value = rest.constant
    if value is not None and (exact := exact_root(value)) is not None:
        return outer.times(exact)
    return outer * single(Letter("sqrt", (rest,)))


def absolute(x: Sum) -> Sum:
    """|x|, letter by letter where x is one term."""
    if nonnegative(x):
        return x
    if nonnegative(x.times(fmpq(-1))):
        return x.times(fmpq(-1))
    if len(x.terms) == 1:
        m, c = x.terms[0]
        factors = (_absolute_letter(letter, k) for letter, k in m.powers)
        return reduce(Sum.__mul__, factors, _as_sum(Monomial((), m.exponent)).times(abs(c)))
    shared = content(x)
    if shared != UNIT:
        return absolute(_as_sum(shared)) * absolute(without(x, shared))
    return single(Letter("abs", (leading_positive(x),)))


def _absolute_letter(letter: Letter, k: int) -> Sum:
    if k % 2 == 0 or _never_negative(letter):
        return single(letter, k)
    return single(Letter("abs", (single(letter),)), k)


def leading_positive(x: Sum) -> Sum:
    """x or -x, whichever has a positive first coefficient."""
    return x if not x.terms or x.terms[0][1] > 0 else x.times(fmpq(-1))


def logarithm(x: Sum) -> Sum:
    """log(x) for x that the caller has recorded as positive, or that is a product of letters that are."""
    if len(x.terms) != 1 or not nonnegative(x):
        return single(Letter("log", (x,)))
    m, c = x.terms[0]
    out = m.exponent or ZERO
    for letter, k in m.powers:
        size = _absolute_letter(letter, 1)
        out = out + single(Letter("log", (size,))).times(fmpq(k))
    return out if c == 1 else out + single(Letter("log", (number(c),)))


def extreme(kind: str, x: Sum, y: Sum) -> Sum:
    """The larger ("max") or smaller ("min") of two sums."""
    larger, smaller = (x, y) if nonnegative(x - y) else (y, x) if nonnegative(y - x) else (None, None)
    if larger is not None and smaller is not None:
        return larger if kind == "max" else smaller
    return single(Letter(kind, tuple(sorted((x, y), key=lambda part: part.text))))


def function(kind: str, x: Sum) -> Sum:
    """cosh, sinh, shc, langevin or sgn of a sum; the sign of the argument of an odd one comes out."""
    if kind in EVEN:
        x = leading_positive(x)
    elif leading_positive(x) != x:
        return function(kind, leading_positive(x)).times(fmpq(-1))
    if not x.terms:
        at_zero = {"cosh": number(fmpq(1)), "shc": number(fmpq(1)), "sinh": ZERO, "langevin": ZERO}
        return at_zero.get(kind, single(Letter(kind, (x,))))
    return single(Letter(kind, (x,)))


def hyperbolic(kind: str, x: Sum) -> Sum:
    """cosh, sinh or tanh by exponentials."""
    up, down = exponential(x), exponential(x.times(fmpq(-1)))
    if kind == "tanh":
        return number(fmpq(1)) - inverse(number(fmpq(1)) + up * up).times(fmpq(2))
    return (up + down if kind == "cosh" else up - down).times(fmpq(1, 2))


def variables(x: Sum) -> frozenset[Letter]:
    """The variables of a sum."""
    return x.names
