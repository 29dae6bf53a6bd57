"""Formulas that do not fit are refused, with the reason and the remedy."""

import pytest
import sympy as sp

from derive import Formula, FormulaError, data, formulas, formulas_in, parameter, row, total

z, b, w = row("z"), data("b"), data("w")
u = sp.exp(z)
q = sp.Symbol("q")
LOSS = total((u - b) ** 2) / 2


def formula(**fields):
    return Formula(**{"name": "example", "loss": LOSS, "z": z, "data": [b], **fields})


REFUSED = {
    "name": (dict(name="Example loss"), "lower case with dashes"),
    "float": (dict(loss=total(0.5 * (u - b) ** 2)), r"float 0\.5.*Rational\(1, 2\)"),
    "not SymPy": (dict(loss="z**2"), "must be a SymPy expression; got 'z"),
    "unknown symbol": (dict(loss=total(q * u)), "uses q, which is neither z, data nor a parameter"),
    "declared twice": (dict(data=[b, b]), "declares b more than once"),
    "reserved": (dict(data=[data("work")], loss=total(u * data("work"))), "generated code uses that name"),
    "row outside a total": (dict(loss=u + total(u)), "row quantity stands outside total"),
    "no total": (dict(loss=sp.Integer(1)), "has no total"),
    "kink": (dict(loss=total(sp.Abs(z - b))), "not twice differentiable"),
    "vanishing divisor": (dict(loss=total(sp.sinh(z) / total(sp.sinh(z)))), r"can vanish; state it with domain="),
    "domain": (dict(domain=[z]), "which is not total"),
    "letter": (dict(names={"lambda": u}), "must be a Python identifier"),
    "z is one symbol": (dict(z=[z]), "z is one symbol"),
    "data is a list": (dict(data=b), "data is a list"),
    "names is a dictionary": (dict(names={1: u}), "names is a dictionary"),
    "imaginary": (dict(loss=total(sp.I * u)), "not a real expression"),
    "keyword as data": (dict(data=[data("lambda")], loss=total(u * data("lambda"))), "or Python does"),
    "scalar that is no parameter": (dict(scalars=[q]), "declare it with parameters="),
    "scalar inside a function of z": (
        dict(loss=total(sp.exp(q * z)), data=[], parameters=[q], scalars=[q]),
        r"scalar variable q inside exp\(q\*z\)",
    ),
    "name of a numbered sum": (
        dict(data=[data("sum_1")], loss=total(u * data("sum_1"))),
        "generated code uses that name",
    ),
    "letter taken": (dict(names={"b": u}), "must be a Python identifier other than"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_reason(case):
    fields, message = REFUSED[case]
    with pytest.raises(FormulaError, match=message):
        formula(**fields)


def test_divisors_with_positive_terms_need_no_domain():
    assert formula(loss=total(u / total(sp.cosh(z)))).domain == ()


def test_shipped_formulas_are_the_nine_losses_the_regularizer_and_two_reduced_losses():
    losses = {f"{family}-{kind}" for family in ("plain", "rescaled", "normalized") for kind in ("exp", "sinh", "cosh")}
    reduced = {"linear-self-attention-fixed", "linear-self-attention-random"}
    assert set(formulas()) == losses | reduced | {"regularizer"}


def test_formula_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from sympy import exp\nfrom derive import Formula, data, row, total\n"
        "z, b = row('z'), data('b')\n"
        "FORMULA = Formula('mine', loss=total((exp(2 * z) - b)**2), z=z, data=[b])\n"
    )
    assert list(formulas_in(path)) == ["mine"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No formula file"),
        ("1/0", "does not run: ZeroDivisionError"),
        ("x = 1", "declares neither FORMULA nor FORMULAS"),
        ("FORMULA = 3", "which is not a Formula"),
        ("from derive import formulas\nF = formulas()['plain-exp']\nFORMULAS = (F, F)", "Two formulas are named"),
    ],
)
def test_bad_formula_file(tmp_path, text, message):
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(FormulaError, match=message):
        formulas_in(path)


def test_parameters_are_scalars():
    tau = parameter("tau")
    assert formula(loss=total((sp.exp(tau * z) - b) ** 2), parameters=[tau]).parameters == (tau,)
