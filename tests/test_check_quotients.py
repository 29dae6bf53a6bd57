"""Identities of rational functions: true ones are proved, false ones never, whatever the letters are."""

import pytest
import sympy
from sympy import Abs, cosh, exp, log, sinh, sqrt, tanh

from proofs_check.deciding import quotients
from proofs_check.deciding.quotients import vanishes

x, y, z = sympy.symbols("x y z", real=True)
E = sympy.E

ZERO = {
    "nothing": sympy.Integer(0),
    "square": (x + y) ** 2 - x**2 - 2 * x * y - y**2,
    "fractions": x / (x + y) + y / (x + y) - 1,
    "unlike-denominators": 1 / (x - y) - 1 / (x + y) - 2 * y / (x**2 - y**2),
    "nested": 1 / (1 + 1 / (1 + 1 / x)) - (x + 1) / (2 * x + 1),
    "rationals": x / 3 + x / 6 - x / 2,
    "exp-of-a-sum": exp(x + y) - exp(x) * exp(y),
    "exp-of-a-product": exp(x * (y + 1)) - exp(x * y) * exp(x),
    "exp-negative": exp(-x) * exp(x) - 1,
    "exp-of-a-number": exp(x + 2) - exp(x) * E**2,
    "exp-of-halves": exp(x / 2 + y) ** 2 - exp(x / 2) ** 2 * exp(2 * y),
    "softmax": exp(x) / (exp(x) + exp(y)) + exp(y) / (exp(x) + exp(y)) - 1,
    "cosh": cosh(x) ** 2 - sinh(x) ** 2 - 1,
    "cosh-of-a-sum": cosh(x + y) - cosh(x) * cosh(y) - sinh(x) * sinh(y),
    "tanh": tanh(x) * cosh(x) - sinh(x),
    "root": sqrt(x**2 + 1) ** 3 - (x**2 + 1) * sqrt(x**2 + 1) + sqrt(x**2 + 1) ** 2 - sqrt(x**2 + 1) * sqrt(x**2 + 1),
    "root-of-e": sympy.Pow(E, sympy.Rational(1, 2), evaluate=False) * x - exp(sympy.Rational(1, 2)) * x,
    "unknown-functions": Abs(x - y) * log(z) * (x + y) - x * Abs(x - y) * log(z) - y * Abs(x - y) * log(z),
    "symbolic-powers": x**y * (x + 1) - x**y * x - x**y,
}
NOT_ZERO = {
    "number": sympy.Integer(1),
    "square": (x + y) ** 2 - x**2 - y**2,
    "tiny": (x + y) ** 2 - x**2 - 2 * x * y - y**2 + x / 10**40,
    "exp-of-a-sum": exp(x + y) - exp(x) * exp(2 * y),
    "exp-halves": exp(x / 2) - exp(x / 3),
    "exp-of-exp": exp(exp(x)) - exp(x),
    "cosh": cosh(x) ** 2 - sinh(x) ** 2 + 1,
    "cosh-odd": cosh(x) - cosh(2 * x),
    "sinh-sign": sinh(x) - sinh(y),
    "tanh": tanh(x) - sinh(x),
    "root": sqrt(x + 1) - sqrt(x + 2),
    "root-of-e": sympy.Pow(E, sympy.Rational(1, 2), evaluate=False) * x - exp(E) * x,
    "power-of-e": sympy.Pow(E, x, evaluate=False) - sympy.Pow(E, y, evaluate=False),
    "same-name": sympy.Symbol("x", real=True) - sympy.Symbol("x", positive=True),
    "vanishes-at-many-points": sympy.prod(x - k for k in range(20)),
    "quotient-by-zero": x / sympy.Add(x + y, -x, -y, evaluate=False) * 0
    + sympy.Pow((x + y) ** 2 - x**2 - 2 * x * y - y**2, -1),
}


@pytest.mark.parametrize("name", ZERO)
def test_identities_are_proved(name):
    assert vanishes(ZERO[name])


@pytest.mark.parametrize("name", NOT_ZERO)
def test_what_is_no_identity_is_not_proved(name):
    assert not vanishes(NOT_ZERO[name])


def test_one_changed_coefficient_is_seen_in_every_identity():
    for expression in ZERO.values():
        assert not vanishes(expression + x / 7)
        assert not vanishes(expression * exp(x) + sympy.Rational(1, 10**30))


def test_a_polynomial_of_many_terms_is_left_alone():
    big = sympy.Pow(sum(sympy.symbols("a:30", real=True)), 12)
    assert not vanishes(sympy.Add(big * (x + 1), -big * x, -big, evaluate=False))


def test_many_terms_in_denominators_are_multiplied_without_common_factors(monkeypatch):
    monkeypatch.setattr(quotients, "COMMON", 0)
    for expression in ZERO.values():
        assert vanishes(expression)
