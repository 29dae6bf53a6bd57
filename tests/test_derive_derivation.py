"""Derived gradients and Hessians against the hand-derived matrix formulas of the source papers, at 60 digits."""

import pytest
import sympy as sp

from derive import Formula, data, differentiate, evaluate, formulas, parameter, row, total
from derive.proof import SIZES, abstracted

KINDS = {"exp": (sp.exp, sp.exp), "sinh": (sp.sinh, sp.cosh), "cosh": (sp.cosh, sp.sinh)}
LOSSES = [(family, kind) for family in ("plain", "rescaled", "normalized") for kind in KINDS]
DIGITS = 60
Z = [sp.Float(e, DIGITS) for e in ("0.43", "-1.25", "0.9", "0.35")]
B = [sp.Float(e, DIGITS) for e in ("0.2", "0.4", "0.1", "0.3")]
# Both sides are evaluated with 60 digits; a few of them are lost to cancellation.
TOLERANCE = sp.Float("1e-50", DIGITS)


def paper(family, kind):
    """Value, p and B of sections 1.2 and 1.3: L, gradient and Hessian in z, as n-vectors and an n x n matrix."""
    phi, slope = KINDS[kind]
    u, v, b = sp.Matrix([phi(e) for e in Z]), sp.Matrix([slope(e) for e in Z]), sp.Matrix(B)
    one, n = sp.ones(len(Z), 1), len(Z)
    alpha = u.dot(one)
    diag = lambda e: sp.diag(*e)  # noqa: E731 - the papers' notation
    if family == "plain":
        c = u - b
        return c.dot(c) / 2, diag(v) * c, diag(v) ** 2 + diag(u) * diag(c)
    if family == "rescaled":
        c, P = u - alpha * b, sp.eye(n) - b * one.T
        J = P * diag(v)
        return c.dot(c) / 2, J.T * c, J.T * J + diag(u) * diag(c - b.dot(c) * one)
    f = u / alpha
    c = f - b
    p = diag(v) * (c - f.dot(c) * one) / alpha
    J = (diag(v) - f * v.T) / alpha
    return c.dot(c) / 2, p, J.T * J + (diag(u) * diag(c - f.dot(c) * one) - p * v.T - v * p.T) / alpha


def largest(matrix):
    return max(abs(sp.N(e, DIGITS)) for e in sp.Matrix(matrix))


@pytest.mark.parametrize(("family", "kind"), LOSSES)
def test_against_the_papers(family, kind):
    formula = formulas()[f"{family}-{kind}"]
    value, p, H = paper(family, kind)
    derived = [evaluate(formula, what, Z, {"b": B}) for what in ("value", "gradient", "hessian")]
    assert abs(sp.N(derived[0] - value, DIGITS)) < TOLERANCE
    assert largest(sp.Matrix(derived[1]) - p) < TOLERANCE
    assert largest(sp.Matrix(derived[2]) - H) < TOLERANCE


@pytest.mark.parametrize(("family", "kind"), LOSSES)
def test_prediction_is_the_zero_of_the_residual(family, kind):
    formula = formulas()[f"{family}-{kind}"]
    predicted = evaluate(formula, "prediction", Z)
    assert largest(evaluate(formula, "residual", Z, {"b": predicted})) < TOLERANCE


def test_regularizer():
    formula = formulas()["regularizer"]
    assert evaluate(formula, "gradient", [2, 3], {"w": [5, 7]}) == [50, 147]
    assert evaluate(formula, "hessian", [2, 3], {"w": [5, 7]}) == [[25, 0], [0, 49]]


@pytest.mark.parametrize("name", formulas())
def test_rank_is_at_most_twice_the_number_of_totals(name):
    formula = formulas()[name]
    totals = len(formula.loss.atoms(total))
    assert differentiate(formula).hessian.rank <= 2 * totals


SCALES = {"plain": (None, None), "rescaled": (2, 2), "normalized": (0, 0)}


@pytest.mark.parametrize(("family", "kind"), LOSSES)
def test_scaling_is_derived(family, kind):
    scaling = differentiate(formulas()[f"{family}-{kind}"]).scaling
    assert scaling.degree == SCALES[family][0]
    assert scaling.shift == (kind == "exp" and family != "plain")
    assert scaling.shift_invariant == ((family, kind) == ("normalized", "exp"))


def test_totals_of_totals_and_nonlinear_losses():
    """A loss outside the catalogue: nested totals, two data, a nonlinear outer function, a parameter."""
    z, b, w, tau = row("z"), data("b"), data("w"), parameter("tau")
    u = sp.exp(tau * z)
    mean = total(u * b) / total(u)
    formula = Formula("nested", loss=sp.sqrt(1 + total(w * (u - mean) ** 2)), z=z, data=[b, w], parameters=[tau])
    symbols = sp.symbols("z1:4", real=True)
    rows = {"b": sp.symbols("b1:4", real=True), "w": sp.symbols("w1:4", real=True)}
    value = evaluate(formula, "value", symbols, rows)
    H = evaluate(formula, "hessian", symbols, rows)
    point = {tau: sp.Rational(2, 3)} | {
        s: sp.Rational(k, 7) for k, s in enumerate((*symbols, *rows["b"], *rows["w"]), start=1)
    }
    for i, j in ((0, 0), (0, 1), (2, 1)):
        reference = sp.diff(value, symbols[i], symbols[j])
        assert abs(sp.N((H[i][j] - reference).subs(point), DIGITS)) < TOLERANCE


def test_cross_entropy_is_shift_invariant():
    z, b = row("z"), data("b")
    alpha = total(sp.exp(z))
    formula = Formula("cross-entropy", loss=total(b * (sp.log(alpha) - z)), z=z, data=[b])
    assert differentiate(formula).scaling.shift_invariant


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("curvature", Z, {"b": B}), "has no quantity 'curvature'"),
        (("value", Z, {}), "needs data b with 4 entries, one per row; got 0"),
        (("value", Z, {"b": B[:3]}), "got 3"),
    ],
)
def test_evaluate_says_what_is_missing(arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluate(formulas()["plain-exp"], *arguments)


def test_latex_shows_the_derivation():
    latex = differentiate(formulas()["normalized-exp"])._repr_latex_()
    assert r"\alpha &= \langle u, \mathbf 1 \rangle" in latex
    assert r"\nabla_{z} L &= f \left(c - \sigma_{cf}\right)" in latex


def test_abstraction_keeps_phi_abstract():
    formula, letters = abstracted(formulas()["normalized-cosh"])
    assert letters == ("phi for cosh",)
    assert not formula.loss.has(sp.cosh, sp.sinh)
    assert SIZES == (2, 3, 4)
