"""Regeneration: only what changed is rewritten, everything new is verified, nothing is lost when it fails."""

import importlib
import shutil
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from flint import arb

import proofs_check.commands.regeneration
from derive import Formula, FormulaError, data, formulas, outdated, row, total
from derive.printers.balls import code
from proofs_check.commands.kernel_check import KernelError
from proofs_check.commands.regeneration import Target, changes, regenerate

Z, B = row("z"), data("b")
X, Y = sp.symbols("x y")
FAMILY = ("plain-exp", "plain-sinh", "regularizer")


@pytest.fixture(scope="module")
def family():
    return {name: formulas()[name] for name in FAMILY}


@pytest.fixture
def target(tmp_path):
    return Target.below(tmp_path)


@pytest.fixture(scope="module")
def generated(family, tmp_path_factory):
    """The family, generated once; tests work on copies."""
    folder = tmp_path_factory.mktemp("generated")
    regenerate(family, Target.below(folder))
    return folder


@pytest.fixture
def current(generated, target):
    shutil.copytree(generated, target.kernels.parent, dirs_exist_ok=True)
    return target


def test_committed_modules_are_current():
    assert changes(formulas(), Target.checkout()) == []


def test_first_generation_then_nothing_to_do(target, family):
    done = regenerate(family, target)
    assert [c.file_name for c in done] == ["plain_exp.py", "plain_sinh.py", "regularizer.py"]
    assert all(c.report.hessian < 1e-12 for c in done)
    assert regenerate(family, target) == []


def test_editing_one_formula_changes_its_files_only(current, family):
    before = {path: path.stat().st_mtime_ns for path in current.kernels.glob("*.py")}
    edited = replace(family["plain-exp"], loss=2 * family["plain-exp"].loss)
    done = regenerate({**family, "plain-exp": edited}, current)
    assert [(c.file_name, c.reason) for c in done] == [("plain_exp.py", "formula or generator changed")]
    rewritten = [path.name for path in before if path.stat().st_mtime_ns != before[path]]
    assert rewritten == ["plain_exp.py"]


def test_edited_missing_and_orphaned_files_are_reported(current, family):
    edited, missing = current.kernels / "plain_exp.py", current.balls / "plain_sinh.py"
    edited.write_text(edited.read_text().replace("c*u", "c*u*2"))
    missing.unlink()
    (current.kernels / "forgotten.py").write_text("")
    assert {c.file_name: c.reason for c in changes(family, current)} == {
        "forgotten.py": "no formula of this name is declared",
        "plain_exp.py": "edited by hand",
        "plain_sinh.py": "not generated yet",
    }
    regenerate(family, current)
    assert changes(family, current) == []
    assert not (current.kernels / "forgotten.py").exists()


def test_a_changed_generator_makes_everything_stale(current, family, monkeypatch):
    monkeypatch.setattr("derive.generator._pipeline_source", lambda: "another generator")
    assert set(outdated(family, current.kernels).values()) == {"formula or generator changed"}


def test_a_kernel_that_fails_verification_is_not_installed(current, family, monkeypatch):
    before = (current.kernels / "plain_exp.py").read_text()
    real = proofs_check.commands.regeneration.generate

    def broken(formula, proof):
        generated = real(formula, proof)
        return replace(generated, kernel=generated.kernel.replace("g = np.multiply(c, ", "g = np.multiply(2*c, "))

    monkeypatch.setattr(proofs_check.commands.regeneration, "generate", broken)
    edited = replace(family["plain-exp"], reference="edited")
    with pytest.raises(KernelError, match=r"generated gradient of 'plain-exp' differs from the 50-digit reference"):
        regenerate({**family, "plain-exp": edited}, current)
    assert (current.kernels / "plain_exp.py").read_text() == before
    assert [path for path in current.kernels.iterdir() if path.suffix != ".py"] == []


def test_broken_ball_code_is_caught(target, family, monkeypatch):
    real = proofs_check.commands.regeneration.generate

    def broken(formula, proof):
        generated = real(formula, proof)
        return replace(generated, balls=generated.balls.replace("sum_cc/2", "sum_cc*0.5000000000000001"))

    monkeypatch.setattr(proofs_check.commands.regeneration, "generate", broken)
    with pytest.raises(KernelError, match="ball code"):
        regenerate({"plain-exp": family["plain-exp"]}, target)


def test_a_function_without_a_spelling_is_refused(target):
    formula = formulas()["plain-exp"]
    loss = total((sp.erf(formula.z) - formula.data[0]) ** 2)
    with pytest.raises(FormulaError, match="No NumPy spelling is known for the function erf"):
        regenerate({"plain-erf": replace(formula, name="plain-erf", loss=loss, names={})}, target)
    assert not target.kernels.exists()


def test_the_header_states_formula_and_proof(current, family):
    text = (current.kernels / "plain_exp.py").read_text()
    for line in (
        "c = u - b",
        "dL/dz = c*u",
        "n = 2, 3, 4 with phi for exp abstract",
        "symbolic n",
        "Operations per row",
    ):
        assert line in text
    assert "import numpy as np" in text
    assert text.count("import") == 1


PLAIN_NUMBERS = {
    "least-squares": total((Z - B) ** 2) / 2,
    "linear": total(Z + B),
    "count": total(sp.Integer(1)) * total(Z**2 * B),
    "circle": total(sp.pi * sp.exp(Z) * B),
    "powers-of-two": total((2**Z / total(2**Z) - B) ** 2),
    "logarithm": total(sp.log(Z) * B),
}


@pytest.mark.parametrize("name", PLAIN_NUMBERS)
def test_losses_whose_derivatives_are_plain_numbers(name, target):
    formula = Formula(name, loss=PLAIN_NUMBERS[name], z=Z, data=[B])
    (change,) = regenerate({name: formula}, target)
    assert change.report.ball < 1e-50


def test_a_divisor_that_overflows_is_reported(target):
    """Without a degree nothing is scaled: the square of the total overflows long before the true gradient does."""
    alpha = total(sp.sinh(Z))
    loss = total((sp.sinh(Z) / alpha - B) ** 2) / 2 + sp.log(total(sp.cosh(Z)))
    formula = Formula("two-scales", loss=loss, z=Z, data=[B], domain=[alpha])
    regenerate({formula.name: formula}, target)
    namespace = {}
    exec((target.kernels / "two_scales.py").read_text(), namespace)
    small, large, b = np.array([3.0, 1.0, 0.0]), np.array([400.0, 1.0, 0.0]), np.zeros(3)
    assert np.isfinite(namespace["value_and_gradient"](small, b)[0])
    assert namespace["value_and_gradient"](large, b)[0] == np.inf
    assert np.isinf(namespace["hessian"](large, b)[0]).all()


def test_ball_code_squares_balls_around_zero():
    """python-flint's power of such a ball is [nan]; the product encloses the square."""
    around_zero = arb(0, 1)
    regularizer = importlib.import_module("proofs_check._generated.regularizer")
    value = regularizer.value([around_zero], [arb(3)])
    assert value.contains(arb(9) / 2)
    assert value.is_finite()
    for name in ("normalized_cosh", "rescaled_sinh", "plain_sinh"):
        d, _, _ = importlib.import_module(f"proofs_check._generated.{name}").hessian([around_zero], [around_zero])
        assert d[0].is_finite() or name == "normalized_cosh"


@pytest.mark.parametrize(
    ("power", "text"),
    [(X**2, "x*x"), (Y / X**3, "y/(x*x*x)"), (X**-2, "(1/(x*x))"), ((X + Y) ** 2 - X, "(x + y)*(x + y) - x")],
)
def test_whole_powers_are_products(power, text):
    assert code(power).replace("((x + y)*(x + y))", "(x + y)*(x + y)") == text


def test_a_high_power_of_a_compound_base_is_refused():
    with pytest.raises(
        FormulaError, match=r"power \(x \+ y\)\*\*9; name its base as a definition, or write a power of"
    ):
        code((X + Y) ** 9)
