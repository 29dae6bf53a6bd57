"""The proof accepts every shipped derivation and rejects every planted error."""

from dataclasses import replace

import pytest
import sympy as sp

import derive.indexed
import derive.proof
from derive import ProofError, differentiate, evaluate, formulas, prove
from derive.indexed import indexed_mismatch
from derive.proof import written_out_mismatch
from derive.zero import is_zero


@pytest.mark.parametrize("name", formulas())
def test_shipped_derivations_are_proved(name):
    proof = prove(formulas()[name])
    assert proof.sizes == (2, 3, 4)
    assert "indexed sums" in str(proof)
    assert bool(proof.abstract) == name.endswith(("exp", "sinh", "cosh"))


def planted(name):
    """Wrong derivations of a rescaled loss: each changes one derived quantity."""
    d = differentiate(formulas()[name])
    H = d.hessian
    wrong_C = ((H.C[0][0], H.C[0][1]), (H.C[1][0], 2 * H.C[1][1]))
    return {
        "sign of g": replace(d, gradient=-d.gradient),
        "D without its last term": replace(d, hessian=replace(H, D=H.D - d.formula.z)),
        "column of U": replace(d, hessian=replace(H, U=(-H.U[0], H.U[1]))),
        "entry of C": replace(d, hessian=replace(H, C=wrong_C)),
        "value": replace(d, value=2 * d.value),
    }


ERRORS = ["sign of g", "D without its last term", "column of U", "entry of C", "value"]


@pytest.mark.parametrize("error", ERRORS)
def test_written_out_proof_rejects(error, monkeypatch):
    formula = formulas()["rescaled-cosh"]
    wrong = planted("rescaled-cosh")[error]
    monkeypatch.setattr(derive.proof, "differentiate", lambda _: wrong)
    assert "differs" in written_out_mismatch(formula, 2)


@pytest.mark.parametrize("error", ERRORS[:4])
def test_indexed_proof_rejects(error, monkeypatch):
    formula = formulas()["rescaled-cosh"]
    wrong = planted("rescaled-cosh")[error]
    monkeypatch.setattr(derive.indexed, "differentiate", lambda _: wrong)
    assert "differs from the indexed derivation" in indexed_mismatch(formula)


def test_gauss_newton_is_proved_too(monkeypatch):
    d = differentiate(formulas()["rescaled-cosh"])
    wrong = replace(d, gauss_newton=d.hessian)
    monkeypatch.setattr(derive.proof, "differentiate", lambda _: wrong)
    assert "Gauss-Newton" in written_out_mismatch(formulas()["rescaled-cosh"], 3)


def test_a_failed_proof_names_formula_and_entry(monkeypatch):
    wrong = planted("rescaled-cosh")["sign of g"]
    monkeypatch.setattr(derive.proof, "differentiate", lambda _: wrong)
    monkeypatch.setattr(derive.proof, "abstracted", lambda formula: (formula, ()))
    with pytest.raises(ProofError, match=r"'rescaled-cosh' is not proved at n = 2: gradient entry 1 differs"):
        prove(formulas()["rescaled-cosh"])


def test_symmetry_argument_holds():
    """The proof looks at entries (1), (1, 1), (1, 2) only: the others follow by permuting rows. Check one of them."""
    z, b = sp.symbols("z1:4", real=True), sp.symbols("b1:4", real=True)
    formula = formulas()["normalized-exp"]
    H = evaluate(formula, "hessian", z, {"b": b})
    swap = {z[0]: z[2], z[2]: z[0], b[0]: b[2], b[2]: b[0]}
    assert H[0][1].xreplace(swap) == H[2][1] or sp.simplify(H[0][1].xreplace(swap) - H[2][1]) == 0


def test_zero_test_is_exact():
    x, y = sp.symbols("x y")
    assert is_zero((x**2 - y**2) / (x - y) - x - y)
    assert not is_zero((x**2 - y**2) / (x - y) - x - y + sp.Rational(1, 10**40))
