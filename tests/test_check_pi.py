"""The number pi in claims: every back end, limits, constants, replay."""

import mpmath
import numpy as np
import pytest
import sympy
from flint import fmpq

from proofs_check import check, load_claims
from proofs_check.arithmetic import norm2, pi, sqrt, working_in
from proofs_check.arrays import balls
from proofs_check.arrays.backends import BALLS, DIGITS, SYMBOLS, joined
from proofs_check.arrays.exact import InputError, array
from proofs_check.arrays.fields import Unsupported
from proofs_check.arrays.screen import Screen
from proofs_check.boxes.tracing import Trace, backend
from proofs_check.constants import constant
from proofs_check.deciding.exact_cells import exact_cells
from proofs_check.replaying import replay
from proofs_check.selftest.statements import HEAD, declared

ULPS = 1e-15  # three roundings


def value(cells):
    with working_in(cells):
        return (2 * pi * sqrt(pi) / constant("c", expression="pi**2")).data


def test_every_back_end_knows_it():
    """2 pi sqrt(pi) / pi^2 = 2 / sqrt(pi), against mpmath at 50 digits."""
    with mpmath.workdps(50):
        expected = 2 / mpmath.sqrt(mpmath.pi)
        assert abs(value(DIGITS)[()] - expected) < mpmath.mpf(10) ** -48
        with balls.precision(200):
            for cell in (value(BALLS)[()], value(exact_cells())[()].ball):
                assert abs(mpmath.mpf(cell.mid().str(50, radius=False)) - expected) < mpmath.mpf(10) ** -48
                assert cell.rad() < 1e-50
        screened = value(Screen(3))
        assert abs(screened.mantissa * np.exp(screened.scale) - float(expected)).max() < ULPS
    assert value(SYMBOLS)[()] == 2 / sympy.sqrt(sympy.pi)


def test_no_proof_over_boxes_is_tried():
    with pytest.raises(Unsupported, match="pi among traced numbers"):
        value(backend(Trace()))


@pytest.mark.parametrize(
    "operation", ["pi * r", "pi + r", "pi - r", "pi / r", "pi ** r", "r * pi", "r - pi", "r ** pi"]
)
def test_it_stands_on_either_side(operation):
    number = fmpq(3, 2)
    with balls.precision(120), working_in(BALLS):
        found = eval(operation, {"pi": pi, "r": joined(number, BALLS)}).data[()]
    with mpmath.workdps(30):
        assert (
            abs(
                mpmath.mpf(found.mid().str(30, radius=False))
                - eval(operation, {"pi": mpmath.pi, "r": mpmath.mpf("1.5")})
            )
            < 1e-25
        )


CLAIMS = {
    "area": ("upper", "r: Scalar(1, 3)", "return pi * r * r, Fraction(22, 7) * r * r", "holds"),
    "old-area": ("upper", "r: Scalar(1, 3)", "return Fraction(22, 7) * r * r, pi * r * r", "refuted"),
    "a-limit": ("upper", 'x: Scalar(0, "pi / 2")', "return x, Fraction(11, 7)", "proved"),
    "a-norm": ("upper", 'x: Vector(2, norm2="pi")', "return norm2(x), Fraction(22, 7)", "holds"),
    "a-tie": ("upper", "r: Scalar(1, 2)", "return sqrt(pi) * sqrt(pi) * r, pi * r", "holds"),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_claims_with_pi(name, tmp_path):
    kind, arguments, body, outcome = CLAIMS[name]
    path = tmp_path / "circle.py"
    path.write_text(HEAD + "from proofs_check.arithmetic import pi\n" + declared(name, kind, arguments, body))
    (verdict,) = check(load_claims(path), samples=60, witness_dir=tmp_path)
    assert verdict.outcome == outcome
    assert replay(verdict.witness).confirmed


def test_the_letter_is_refused_where_the_number_is_meant(tmp_path):
    path = tmp_path / "letter.py"
    path.write_text(HEAD + declared("letter", "upper", 'pi: Scalar(0, 1), x: Scalar(0, "pi")', "return x, 1"))
    (verdict,) = check(load_claims(path), samples=20)
    assert "argument 'x' means the number pi by 'pi'; rename the argument 'pi'" in verdict.message
    with working_in(BALLS), pytest.raises(InputError, match="means the number pi, got a value for pi; rename"):
        constant("c", expression="2*pi", pi=norm2(joined(array([1]), BALLS)))
