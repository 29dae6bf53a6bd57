"""The check of generated kernels finds an error in each function on which values, gradients and products rest."""

import importlib
from types import SimpleNamespace

import pytest

from derive import formulas
from proofs_check.commands.kernel_check import FLOAT_TOLERANCE, KernelError, verify_generated

FACTOR = 1 + 100 * FLOAT_TOLERANCE
"""An error that no test of a solver would notice."""


def module(package, formula):
    """The generated module of a formula."""
    return importlib.import_module(f"{package}._generated.{formula.module_name}")


def scaled(function, position):
    """The function with one of its results (or the result of an only one) wrong by `FACTOR`."""

    def wrong(*args, **options):
        result = function(*args, **options)
        if not isinstance(result, tuple):
            return result * FACTOR
        return tuple(
            tuple(FACTOR * row for row in part) if isinstance(part, tuple) else FACTOR * part if i == position else part
            for i, part in enumerate(result)
        )

    return wrong


WRONG = {
    "value": (0, "value"),
    "value_and_gradient": (1, "gradient"),
    "hessian": (0, "hessian"),
    "hessian_product": (0, "product"),
    "gauss_newton": (0, "gauss_newton"),
    "gauss_newton_product": (0, "gauss_newton"),
    "gauss_newton_rows": (0, "blocks"),
    "gauss_newton_core": (0, "blocks"),
}


@pytest.mark.parametrize("function", WRONG)
@pytest.mark.parametrize("name", ["normalized-exp", "rescaled-sinh"])
def test_an_error_in_one_function_is_found_and_named(name, function):
    formula = formulas()[name]
    kernel, balls = (module(package, formula) for package in ("numeric", "proofs_check"))
    position, quantity = WRONG[function]
    replaced = SimpleNamespace(**vars(kernel) | {function: scaled(getattr(kernel, function), position)})
    with pytest.raises(KernelError, match=f"generated {quantity} of '{name}' differs from the 50-digit reference by"):
        verify_generated(formula, replaced, balls)


def test_the_report_names_every_quantity():
    formula = formulas()["plain-exp"]
    report = verify_generated(formula, *(module(package, formula) for package in ("numeric", "proofs_check")))
    names = [part.split()[0] for part in str(report).split(", ")]
    assert names == ["value", "gradient", "hessian", "product", "gauss_newton", "blocks", "border", "ball"]
    assert 0.0 < report.gauss_newton <= FLOAT_TOLERANCE
