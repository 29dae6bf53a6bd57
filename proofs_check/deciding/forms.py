"""Normal forms of exact numbers: sums of rational multiples of exponentials and roots, over powers of such sums.

What comes out empty is zero, by the laws of arithmetic alone. The converse holds without roots: e^a for different
rational a are linearly independent (Lindemann, Weierstrass). Roots are letters whose squares are resolved; that can
miss an identity, it cannot invent one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from typing import TypeVar

from flint import fmpq, fmpz

from ..arrays.balls import exact_root
from ..arrays.fields import Unsupported

TERMS = 20_000
"""Most products of two terms that are formed for one instance."""
TOGETHER = 3
"""A root of a whole number is sought among the products of so many known ones."""

Exponent = tuple[int, int]
"""Numerator and denominator, without common factors: flint's rationals take a hundred times as long to look up."""
Key = tuple[Exponent, frozenset["Root"]]
Terms = dict[Key, fmpq]
"""The sum of c e^a times roots, by (a, roots); no c is 0."""

_NO_ROOTS: frozenset[Root] = frozenset()
_UNIT: Key = ((0, 1), _NO_ROOTS)


@dataclass(frozen=True, eq=False)
class Root:
    """The square root of a sum that is positive; one object for all roots of equal sums."""

    terms: Terms


@dataclass(frozen=True, eq=False)
class Factor:
    """A sum of several terms that is not zero; one object for all equal ones."""

    terms: Terms


_Named = TypeVar("_Named", Root, Factor)


@dataclass(frozen=True, eq=False)
class Form:
    """``top`` times whole powers, also negative ones, of factors."""

    top: Terms
    powers: dict[Factor, int] = field(default_factory=dict)

    @property
    def rational(self) -> fmpq | None:
        """The rational number that this is, or None."""
        if self.powers or not self.top.keys() <= {_UNIT}:
            return None
        return self.top.get(_UNIT, fmpq(0))

    @property
    def is_zero(self) -> bool:
        """Whether the number is proved to be zero."""
        return not self.top

    @property
    def is_nonzero(self) -> bool:
        """Whether the number is proved not to be zero: without roots its terms are linearly independent."""
        return bool(self.top) and not any(roots for _, roots in self.top)


def number(value: fmpq) -> Form:
    """A rational number."""
    return Form({_UNIT: value} if value != 0 else {})


class Forms:
    """Arithmetic of forms; the roots and factors of one instance.

    Args:
        sign: the certain sign of a sum, or None.
    """

    def __init__(self, sign: Callable[[Terms], int | None]) -> None:
        self._sign = sign
        self._left = TERMS
        self._roots: dict[frozenset[Key], list[Root]] = {}
        self._factors: dict[frozenset[Key], list[Factor]] = {}

    def add(self, x: Form, y: Form) -> Form:
        """x + y."""
        common = {f: min(x.powers.get(f, 0), y.powers.get(f, 0)) for f in {**x.powers, **y.powers}}
        top, other = (self._over(z, common) for z in (x, y))
        return self._reduced(_sum(top, other), common)

    def _over(self, x: Form, common: dict[Factor, int]) -> Terms:
        """x divided by the common powers."""
        top = x.top
        for factor, power in common.items():
            for _ in range(x.powers.get(factor, 0) - power):
                top = self._product(top, factor.terms)
        return top

    def _reduced(self, top: Terms, powers: dict[Factor, int]) -> Form:
        """Factors of the denominator that the top is a multiple of are taken out."""
        kept = dict(powers) if top else {}
        for factor, power in powers.items():
            quotient = _quotient(top, factor.terms) if power < 0 and top else None
            if quotient is not None:
                top, kept[factor] = quotient, power + 1
        return Form(top, {factor: power for factor, power in kept.items() if power})

    def negative(self, x: Form) -> Form:
        """-x."""
        return Form({key: -c for key, c in x.top.items()}, x.powers)

    def multiply(self, x: Form, y: Form) -> Form:
        """x y."""
        if not x.top or not y.top:
            return Form({})
        powers = {f: x.powers.get(f, 0) + y.powers.get(f, 0) for f in {**x.powers, **y.powers}}
        first, second = self._reduced(x.top, powers), y.top
        cleared = self._reduced(second, first.powers)
        return Form(self._product(first.top, cleared.top), cleared.powers)

    def inverse(self, x: Form) -> Form:
        """1/x for an x that is certainly not zero."""
        if not x.top:
            raise Unsupported("the inverse of 0")
        inverted = {factor: -power for factor, power in x.powers.items()}
        if len(x.top) > 1:
            content, primitive = _primitive(x.top)
            factor = self._factor(primitive)
            inverted[factor] = inverted.get(factor, 0) - 1
            return self._reduced(_inverse_term(content), inverted)
        ((key, c),) = x.top.items()
        out = Form(_inverse_term((key[0], c)), inverted)
        for root in key[1]:  # 1 / sqrt(s) = sqrt(s) / s
            over = self.multiply(Form({((0, 1), frozenset((root,))): fmpq(1)}), self.inverse(Form(root.terms)))
            out = self.multiply(out, over)
        return out

    def exponential(self, x: Form) -> Form:
        """e^x for a rational x."""
        value = x.rational
        if value is None:
            raise Unsupported("an exponential of a number that is not rational")
        return Form({((int(value.p), int(value.q)), _NO_ROOTS): fmpq(1)})

    def logarithm(self, x: Form) -> Form:
        """log(x) for a power of e."""
        if len(x.top) == 1 and not x.powers:
            (((exponent, roots), c),) = x.top.items()
            if not roots and c == 1:
                return number(fmpq(*exponent))
        raise Unsupported("a logarithm of a number that is no power of e")

    def root(self, x: Form) -> Form:
        """The square root of an x that is certainly not negative."""
        top, powers = x.top, {}
        for factor, power in x.powers.items():
            if power % 2:
                top = self._product(top, factor.terms)
            powers[factor] = power // 2
        if not top:
            return Form({})
        outer = Form({_UNIT: fmpq(self._certain_sign_of_all(powers))}, {f: k for f, k in powers.items() if k})
        (exponent, c), primitive = _primitive(top)
        half = {(_reduced_pair(exponent[0], 2 * exponent[1]), _NO_ROOTS): fmpq(1)}
        inner = self._product(self._product(half, self._rational_root(c)), self._root_of_sum(primitive))
        return self.multiply(outer, Form(inner))

    def _certain_sign_of_all(self, powers: dict[Factor, int]) -> int:
        return math.prod(self._known_sign(factor.terms) for factor, power in powers.items() if power % 2)

    def _known_sign(self, terms: Terms) -> int:
        certain = self._sign(terms)
        if certain is None:
            raise Unsupported("the sign of a sum")
        return certain

    def _rational_root(self, value: fmpq) -> Terms:
        """The root of p/q is that of p q over q; products of known roots are used where they fit."""
        exact = exact_root(value)
        if exact is not None:
            return {_UNIT: exact}
        whole = value.p * value.q
        known = self._roots.get(frozenset((_UNIT,)), [])
        for count in range(1, TOGETHER + 1):
            for chosen in combinations(known, count):
                others = math.prod((root.terms[_UNIT].p for root in chosen), start=fmpz(1))
                if (whole * others).is_square():
                    return {((0, 1), frozenset(chosen)): fmpq((whole * others).isqrt(), others) / value.q}
        return {((0, 1), frozenset((self._root({_UNIT: fmpq(whole)}),))): fmpq(1) / value.q}

    def _root_of_sum(self, terms: Terms) -> Terms:
        if terms == {_UNIT: 1}:
            return terms
        square = self._root_of_square(terms)
        if square is None:
            return {((0, 1), frozenset((self._root(terms),))): fmpq(1)}
        certain = self._known_sign(square)
        return {key: c * certain for key, c in square.items()}

    def _root_of_square(self, terms: Terms) -> Terms | None:
        """The sum whose square this is, or its negative: term by term, the largest exponent first."""
        if any(roots for _, roots in terms):
            return None
        found: Terms = {}
        rest, lead = dict(terms), None
        for _ in range(len(terms)):
            exponent, c = _leading(rest)
            if lead is None:
                first = exact_root(c)
                if first is None:
                    return None
                lead = _reduced_pair(exponent[0], 2 * exponent[1]), first
                term: Terms = {(lead[0], _NO_ROOTS): first}
            else:
                term = {(_plus(exponent, (-lead[0][0], lead[0][1])), _NO_ROOTS): c / (2 * lead[1])}
            change = self._product(_sum(found, found, term), term)
            rest, found = _sum(rest, {key: -c for key, c in change.items()}), _sum(found, term)
            if not rest:
                return found
        return None

    def _root(self, terms: Terms) -> Root:
        return _one_of(self._roots, terms, Root)

    def _factor(self, terms: Terms) -> Factor:
        return _one_of(self._factors, terms, Factor)

    def _product(self, a: Terms, b: Terms) -> Terms:
        self._left -= len(a) * len(b)
        if self._left < 0:
            raise Unsupported("more terms than are formed")
        out: Terms = {}
        for (p, roots), c in a.items():
            for (q, others), d in b.items():
                whole: Terms = {(_plus(p, q), roots ^ others): c * d}
                for root in roots & others:
                    whole = self._product(whole, root.terms)
                for key, value in whole.items():
                    _enter(out, key, value)
        return out


def _one_of(known: dict[frozenset[Key], list[_Named]], terms: Terms, make: type[_Named]) -> _Named:
    """The one object for equal sums."""
    alike = known.setdefault(frozenset(terms), [])
    for made in alike:
        if made.terms == terms:
            return made
    alike.append(make(terms))
    return alike[-1]


def _enter(out: Terms, key: Key, value: fmpq) -> None:
    whole = out[key] + value if key in out else value
    if whole == 0:
        out.pop(key, None)
    else:
        out[key] = whole


def _sum(*parts: Terms) -> Terms:
    out: Terms = dict(parts[0])
    for part in parts[1:]:
        for key, value in part.items():
            _enter(out, key, value)
    return out


def _reduced_pair(p: int, q: int) -> Exponent:
    shared = math.gcd(p, q)
    return p // shared, q // shared


def _plus(a: Exponent, b: Exponent) -> Exponent:
    if not a[0]:
        return b
    return _reduced_pair(a[0] * b[1] + b[0] * a[1], a[1] * b[1]) if b[0] else a


def _leading(terms: Terms) -> tuple[Exponent, fmpq]:
    key = max(terms, key=lambda key: Fraction(*key[0]))
    return key[0], terms[key]


def _least(terms: Iterable[Key]) -> Exponent:
    return min((exponent for exponent, _ in terms), key=lambda exponent: Fraction(*exponent))


def _primitive(terms: Terms) -> tuple[tuple[Exponent, fmpq], Terms]:
    """c e^a with c > 0, and the sum over it: whole coefficients without common factors, the least exponent 0."""
    low = _least(terms)
    over = math.lcm(*(int(c.q) for c in terms.values()))
    content = fmpq(math.gcd(*(int(c.p) * (over // int(c.q)) for c in terms.values())), over)
    down = (-low[0], low[1])
    return (low, content), {(_plus(a, down), roots): c / content for (a, roots), c in terms.items()}


def _inverse_term(term: tuple[Exponent, fmpq]) -> Terms:
    (p, q), c = term
    return {((-p, q), _NO_ROOTS): 1 / c}


def _quotient(top: Terms, terms: Terms) -> Terms | None:
    """c e^a where the top is that multiple of a sum."""
    if len(top) != len(terms):
        return None
    least = _least(terms)
    shift = _plus(_least(top), (-least[0], least[1]))
    ratio = None
    for (a, roots), c in terms.items():
        value = top.get((_plus(a, shift), roots))
        if value is None or (ratio is not None and value != ratio * c):
            return None
        ratio = value / c
    assert ratio is not None
    return {(shift, _NO_ROOTS): ratio}
