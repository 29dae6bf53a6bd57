"""Normal forms of exact numbers and the cells that they are made from, against mpmath and against what is known."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from flint import arb, fmpq

from proofs_check.arithmetic import (
    absolute,
    column,
    cosh,
    det,
    exp,
    lambda_max,
    lambda_min,
    log,
    matrix,
    maximum,
    minimum,
    norm2,
    ones,
    sinh,
    softmax,
    solve,
    spectral,
    sqrt,
    tanh,
    total,
    working_in,
)  # fmt: skip
from proofs_check.arrays import balls
from proofs_check.arrays.backends import joined
from proofs_check.arrays.exact import array
from proofs_check.deciding import forms
from proofs_check.deciding.exact_cells import exact_cells
from proofs_check.formulas import gradient, hessian, residual, value

BITS = 256


def evaluated(function, *values):
    """The cells that a function of exact arguments gives."""
    backend = exact_cells()
    with balls.precision(BITS), working_in(backend), np.errstate(all="ignore"):
        return function(*(joined(v if isinstance(v, fmpq) else array(v), backend) for v in values)).data


def proved_zero(function, *values):
    cell = evaluated(function, *values)[()]
    with balls.precision(BITS):
        assert arb(cell.ball).contains(0)
        return cell.form is not None and cell.form.is_zero


X, Y = ["355/1021", "-713/997", "101/4099"], ["5/7", "-1/3", "2"]
S = ["2", "3/5", "7/11"]
ZEROS = {
    "softmax sums to one": (lambda x: total(softmax(x)) - 1, X),
    "a quotient of sums": (lambda x: exp(x[0]) / total(exp(x)) + (exp(x[1]) + exp(x[2])) / total(exp(x)) - 1, X),
    "a sum over a sum": (lambda x: total(exp(x)) / total(exp(2 * x)) * total(exp(2 * x)) - total(exp(x)), X),
    "an inverse of an inverse": (lambda x: 1 / (1 / total(exp(x))) - total(exp(x)), X),
    "hyperbolic": (lambda x: cosh(x[0]) * cosh(x[0]) - sinh(x[0]) * sinh(x[0]) - 1, X),
    "tanh": (lambda x: tanh(x[0]) * cosh(x[0]) - sinh(x[0]), X),
    "the logarithm of a power of e": (lambda x: log(exp(x[0]) * exp(x[1])) - x[0] - x[1], X),
    "an exponential of that": (lambda x: exp(log(exp(x[0])) / 2) - sqrt(exp(x[0])), X),
    "a root of a square": (lambda x: sqrt((exp(x[0]) - exp(x[1])) ** 2) - exp(x[0]) + exp(x[1]), X),
    "a root of the square of a smaller one": (lambda x: sqrt((exp(x[1]) - exp(x[0])) ** 2) - exp(x[0]) + exp(x[1]), X),
    "a root of the square of a negative sum": (lambda x: sqrt((exp(x[2]) - 5) ** 2) + exp(x[2]) - 5, X),
    "norms of one length": (lambda x: norm2(3 * x / 7) - Fraction(3, 7) * norm2(x), X),
    "roots of a product": (lambda x: sqrt(x[0] * x[1]) - sqrt(x[0]) * sqrt(x[1]), S),
    "roots of products of three": (lambda x: sqrt(x[0] * x[1] * x[2]) - sqrt(x[0]) * sqrt(x[1]) * sqrt(x[2]), S),
    "roots of three, first": (lambda x: sqrt(x[0]) * sqrt(x[1]) * sqrt(x[2]) - sqrt(x[0] * x[1] * x[2]), S),
    "one over a root": (lambda x: 1 / sqrt(x[0]) - sqrt(x[0]) / x[0], S),
    "a root of a quotient": (lambda x: norm2(exp(x) / total(exp(x))) - norm2(exp(x)) / total(exp(x)), X),
    "a root over a negative sum": (
        lambda x: norm2(exp(x) / (exp(x[1]) - exp(x[0]))) - norm2(exp(x)) / (exp(x[0]) - exp(x[1])), X),
    "an absolute value of zero": (lambda x: absolute(total(softmax(x)) - 1), X),
    "a maximum of equals": (lambda x: maximum(total(softmax(x)), 1 + 0 * x[0]) - 1, X),
    "a minimum of equals": (lambda x: minimum(total(softmax(x)), 1 + 0 * x[0]) - 1, X),
    "the larger": (lambda x: maximum(exp(x[0]), exp(x[1])) - exp(x[0]), X),
    "a singular matrix": (lambda x: lambda_min(hessian("normalized-exp")(x, softmax(x))), X),
    "a negative one": (lambda x: lambda_max(-hessian("normalized-exp")(x, softmax(x))), X),
    "a singular 2 x 2": (lambda x: lambda_min(hessian("normalized-exp")(x[:2], softmax(x[:2]))), X),
    "a spectral norm of rank one": (lambda x: spectral(column(exp(x)[:2]).T) - norm2(exp(x)[:2]), X),
    "a residual": (lambda x: total(residual("normalized-cosh")(x, 0 * x)) - 1, X),
    "a gradient of zero": (lambda x: norm2(gradient("normalized-exp")(x, softmax(x))), X),
    "a loss": (lambda x, y: value("plain-sinh")(x, y) - total((sinh(x) - y) ** 2) / 2, X, Y),
}  # fmt: skip


@pytest.mark.parametrize("name", ZEROS)
def test_what_is_zero_is_proved_to_be(name):
    assert proved_zero(*ZEROS[name])


@pytest.mark.parametrize("name", ZEROS)
def test_a_little_more_is_not(name):
    """10^-100 beyond zero is below what the balls see, and no proof of zero."""
    function, *values = ZEROS[name]
    little = fmpq(1, 10**100)
    assert not proved_zero(lambda *arguments: function(*arguments) + little, *values)
    assert not proved_zero(lambda *arguments: function(*arguments) - little * exp(arguments[0][0]), *values)


UNKNOWN = {
    "no power of e": (lambda x: log(1 + exp(x[0])) - log(1 + exp(x[0])) * (1 + 0 * x[1]), X),
    "an exponential of a root": (lambda x: exp(sqrt(exp(x[0]))) - exp(sqrt(exp(x[0]))) * exp(0 * x[0]), X),
    "a determinant": (lambda x: det(hessian("plain-exp")(x, x)) - det(hessian("plain-exp")(x, x) * 1), X),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_has_no_normal_form_is_left_open(name):
    assert not proved_zero(*UNKNOWN[name])


@pytest.mark.parametrize(("weights", "known"), [((1, 3), True), ((1, -2), False), ((1, 0), False)])
def test_an_end_at_zero_needs_a_definite_rest(weights, known):
    """The Laplacian of a path: its rows add up to 0, but with a negative weight 0 is no end; twice 0 is left open."""
    a, b = weights

    def smallest(x):
        e, f = a * exp(x[0]), b * exp(x[1])
        return lambda_min(matrix([[e, -e, 0], [-e, e + f, -f], [0, -f, f]]))

    with balls.precision(BITS):
        form = evaluated(smallest, X)[()].form
    assert (form is not None and form.is_zero) is known


def test_without_roots_a_form_decides_both_ways():
    cell = evaluated(lambda x: total(softmax(x)) - 1 - fmpq(1, 10**100), X)[()]
    with balls.precision(BITS):
        assert cell.form.is_nonzero
        assert not cell.form.is_zero
        root = evaluated(lambda x: sqrt(x[0]) - sqrt(x[1]), S)[()].form
    assert not root.is_nonzero
    assert not root.is_zero


def test_too_many_terms_are_given_up(monkeypatch):
    monkeypatch.setattr(forms, "TERMS", 20)
    assert not proved_zero(*ZEROS["a root of a quotient"])


def random_cell(rng, cells, depth):
    """A random expression in exact cells, with its value in mpmath; divisors and radicands kept positive."""
    if depth == 0:
        q = fmpq(int(rng.integers(1, 9)), int(rng.integers(1, 9)))
        return cells.field.number(q), mpmath.mpf(int(q.p)) / int(q.q), q
    (a, x, q), (b, y, _) = (random_cell(rng, cells, depth - 1) for _ in range(2))
    match rng.integers(6):
        case 0:
            return a + b, x + y, None
        case 1:
            return a * b, x * y, None
        case 2:
            return a / b, x / y, None
        case 3:
            return cells.field.root(a), mpmath.sqrt(x), None
        case 4 if q is not None:
            return a.exp(), mpmath.exp(x), None
        case _:
            return (a - b) * (a - b) + 1, (x - y) ** 2 + 1, None


def test_forms_have_the_value_of_what_they_stand_for():
    """The form of a random expression, put into numbers by mpmath, against the expression itself at 50 digits."""
    rng, seen = np.random.default_rng(11), 0
    with mpmath.workdps(60), balls.precision(BITS):
        for _ in range(150):
            cell, expected, _ = random_cell(rng, exact_cells(), 4)
            if cell.form is None:
                continue
            seen += 1
            assert abs(digits(cell.form) / expected - 1) < mpmath.mpf(10) ** -50
    assert seen > 100


def digits(form):
    whole = digits_of_sum(form.top)
    for factor, power in form.powers.items():
        whole *= digits_of_sum(factor.terms) ** power
    return whole


def digits_of_sum(terms):
    return mpmath.fsum(
        mpmath.mpf(int(c.p)) / int(c.q) * mpmath.exp(mpmath.mpf(p) / q)
        * mpmath.fprod(mpmath.sqrt(digits_of_sum(root.terms)) for root in roots)
        for ((p, q), roots), c in terms.items()
    )  # fmt: skip


def test_an_undefined_cell_stays_undefined():
    for function in (
        lambda x: 0 * log(x[0] - x[0]),
        lambda x: 0 / (x[0] - x[0]),
        lambda x: solve(ones(2, 2) * exp(x[0]), x[:2])[0],
    ):
        assert not balls.is_finite(evaluated(function, X)[()].ball)
