# ruff: noqa: E501 - one statement a line
"""Statements made to lead the checker astray: each has misled it once, or is of a kind that would."""

import json
from pathlib import Path

import pytest

from proofs_check import check, load_claims, replay
from proofs_check.arrays.exact import InputError
from proofs_check.selftest.statements import HEAD, STATEMENTS, declared, judged


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_misleads(name):
    verdict, wrong = judged(name)
    assert wrong is None
    # Minutes would mean a search without an end; a busy machine alone takes several times its quiet time.
    assert verdict.seconds < 120


def test_certified_vacuity_says_where_it_ends(tmp_path):
    path = tmp_path / "vacuous.py"
    path.write_text(HEAD + declared("never", "upper", 'n: Size(1, 64), p: Vector("n", simplex=True)',
                                    'assume(total(p), ">", 2); return norm2(p), 1'))  # fmt: skip
    (verdict,) = check(load_claims(path), samples=100)
    assert verdict.outcome == "vacuous"
    assert "suspected beyond" in verdict.message


def test_feasible_hypotheses_are_never_certified_as_contradictory():
    """They are met by instances that are found; that the bound x_1 <= 1 needs none of them is another matter."""
    verdict, _ = judged("entries-and-names-feasible")
    assert "contradict" not in verdict.message
    assert verdict.instances > 0


ATTAINED = {
    "at-a-rational": ("upper", "x: Scalar(0, 10)", "a = Fraction(355, 113); return 2 * a * x, x * x + a * a", True),
    "at-an-irrational": ("upper", "x: Scalar(0, 10)", "a = sqrt(2); return 2 * a * x, x * x + a * a", True),
    "towards-zero": ("upper", "x: Scalar(0, Fraction(1, 2))", "return log(1 / (1 - x)), x / (1 - x)", False),
}


@pytest.mark.parametrize("name", ATTAINED)
def test_attained_is_never_denied_wrongly(name, tmp_path):
    *parts, truth = ATTAINED[name]
    path = tmp_path / "tight.py"
    path.write_text(HEAD + declared(name, *parts))
    (verdict,) = check(load_claims(path), samples=200)
    assert verdict.tight is True
    assert verdict.attained in (truth, None)


def witness_of(path, folder):
    (verdict,) = check(load_claims(path), samples=100, witness_dir=folder)
    return verdict.witness


def test_replay_refuses_an_instance_on_the_border_of_a_strict_hypothesis(tmp_path):
    path = tmp_path / "border.py"
    path.write_text(HEAD + declared("border", "upper", "A: Matrix(3, 3, symmetric=True, frobenius=3)",
                                    'assume(lambda_max(A), "<", (1 + sqrt(5)) / 2); return A[0, 1], Fraction(99, 100)'))  # fmt: skip
    witness = witness_of(path, tmp_path)
    stored = json.loads(Path(witness).read_text())
    stored |= {"outcome": "refuted", "bits": 1 << 26}
    stored["instance"]["A"] = [["1/1", "1/1", "0/1"], ["1/1", "0/1", "0/1"], ["0/1", "0/1", "0/1"]]
    tampered = tmp_path / "tampered.json"
    tampered.write_text(json.dumps(stored))
    with pytest.raises(InputError, match=r"does not (certainly )?meet the hypotheses"):
        replay(tampered)


def test_a_changed_module_constant_changes_the_digest(tmp_path):
    path = tmp_path / "constant.py"
    path.write_text(HEAD + declared("bounded", "upper", "x: Scalar(0, LIMIT)", "return x, LIMIT"))
    (first,) = load_claims(path)
    path.write_text(path.read_text().replace("LIMIT = Fraction(1, 2)", "LIMIT = Fraction(3, 4)"))
    (second,) = load_claims(path)
    assert first.digest != second.digest


def test_witnesses_of_similar_ids_do_not_collide(tmp_path):
    path = tmp_path / "alias.py"
    path.write_text(HEAD + declared("a/b", "upper", "x: Scalar(0, 1)", "return x, 1").replace("f_a/b", "f_1")
                    + declared("a_b", "upper", "x: Scalar(0, 2)", "return x, 2"))  # fmt: skip
    first, second = check(load_claims(path), samples=20, witness_dir=tmp_path)
    assert first.witness != second.witness
    assert replay(first.witness).claim == "a/b"


def test_a_negative_seed_is_one_clear_mistake():
    with pytest.raises(InputError, match="seed must be at least 0, got -1"):
        check([], seed=-1)
