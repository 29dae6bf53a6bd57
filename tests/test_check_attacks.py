# ruff: noqa: E501 - one statement a line
"""Statements made to lead the checker astray: each has misled it once, or is of a kind that would."""

import json
from pathlib import Path

import pytest

from proofs_check import check, load_claims, replay
from proofs_check.claims import Malformed
from proofs_check.exact import InputError

HEAD = """
from fractions import Fraction
import sys
from proofs_check import Matrix, Param, Scalar, Size, Vector, assume, claim
from proofs_check.arithmetic import *
LIMIT = Fraction(1, 2)
"""

# name: (kind, arguments, body, outcomes that a referee could accept)
STATEMENTS = {
    # Undefined hypotheses and sides: SymPy computes over the complex numbers, a claim over the reals.
    "roots-of-negatives": ("lower", "x: Scalar(-2, 2), y: Scalar(-2, 2)", 'assume(sqrt(x), "<=", sqrt(y)); return x, 0', {"holds"}),
    "logs-of-negatives": ("lower", "x: Scalar(-2, 2), y: Scalar(-2, 2)", 'assume(log(x), "<=", log(y)); return x, 0', {"holds"}),
    "root-of-det": ("lower", "A: Matrix(2, 2, low=-2, high=2)", 'assume(sqrt(det(A)) ** 2, "==", det(A)); return det(A), 0', {"holds"}),
    "zero-over-zero": ("upper", "x: Scalar(-2, 2)", 'z = cosh(x) * cosh(x) - sinh(x) * sinh(x) - 1; assume(x / z, "==", x / z); return x, 0', {"vacuous", "undecided"}),
    "undefined-side": ("upper", "x: Scalar(-2, -1)", "return sqrt(x) * sqrt(x), x", {"undecided"}),
    "undefined-identity": ("equality", "x: Scalar(-2, -1)", "return sqrt(x) * sqrt(x), x", {"undecided"}),
    "undefined-logarithm": ("equality", "x: Scalar(-2, -1)", "return exp(log(x)), x", {"undecided"}),
    "hidden-zero-divisor": ("equality", "x: Scalar(-2, -1)", "z = (x + 1) * (x + 1) - x * x - 2 * x - 1; return x / z * z, x", {"undecided"}),
    "noise-taken-for-a-number": ("equality", "x: Scalar(-2, -1)", "z = (cosh(1) * cosh(1) - sinh(1) * sinh(1) - 1) * 10**120; return x / z * z, x", {"undecided"}),
    "decimal-text": ("upper", 'R: Param("0.5", "1.5")', "return R, 2", {"holds", "proved"}),
    # Names of arguments are not names of entries.
    "entries-and-names-equality": ("equality", "x: Vector(2, low=-1, high=1), x_1: Scalar(-1, 1)", "return maximum(Fraction(1, 10**3) - absolute(x[0] - x_1 - Fraction(123, 1000)), 0), 0", {"refuted", "holds"}),
    "entries-and-names-feasible": ("upper", "x: Vector(2, low=-1, high=1), x_1: Scalar(-1, 1)", 'assume(x[0] - x_1, "==", Fraction(123457, 10**6)); return x_1, 1', {"vacuous", "holds"}),
    # A counterexample counts wherever it is found.
    "broken-at-one-third": ("upper", "x: Scalar(-1, 1)", "return 1 + Fraction(1, 10**45), 1 + (x - Fraction(1, 3)) * (x - Fraction(1, 3))", {"refuted"}),
    "broken-behind-a-tie": ("equality", "x: Scalar(-1, 1)", 'assume(cosh(x) * cosh(x) - sinh(x) * sinh(x), "<=", 1); return maximum(x, 0), 0', {"refuted"}),
    "off-by-one-behind-a-tie": ("equality", "x: Scalar(1, 2)", 'assume(sqrt(1 + x * x) * sqrt(2), "<=", sqrt(2 + 2 * x * x)); return x + 2, x + 3', {"refuted"}),
    "too-many-parameters": ("upper", "a: Param(0, 1), b: Param(0, 1), c: Param(0, 1), e: Param(0, 1)", 'assume(a + b + c + e, ">=", 5); return a, 1', {"vacuous"}),
    # Small sizes are not all sizes.
    "many-sizes-false": ("upper", "n: Size(1, 100), m: Size(1, 100)", "return n, 80", {"refuted"}),
    "zero-up-to-eleven": ("equality", "n: Size(1, 20), m: Size(1, 20), k: Size(1, 20)", "return (n - 1) * (n - 2) * (n - 3) * (n - 4) * (n - 5) * (n - 6) * (n - 7) * (n - 8) * (n - 9) * (n - 10) * (n - 11), 0 * n", {"refuted"}),
    "false-at-41": ("equality", 'n: Size(1, 64), x: Vector("n", norm2=1)', "return dot(x, x) * (1 if n != 41 else 2), total(x * x)", {"refuted"}),
    "large-matrices": ("upper", 'A: Matrix(24, 24, spectral=1), x: Vector(24, norm2=1)', "return norm2(A @ x), 1", {"holds"}),
    "feasible-beyond-16": ("upper", 'n: Size(1, 64), x: Vector("n", norm_inf=1)', 'assume(n, ">=", 20); return norm1(x), n - 1', {"refuted"}),
    "feasible-simplex": ("upper", 'n: Size(1, 64), p: Vector("n", simplex=True)', 'assume(p, "<=", Fraction(1, 20)); return norm2(p), Fraction(1, 10)', {"refuted"}),
    "false-at-one-size": ("equality", 'n: Size(1, 16), x: Vector("n", norm2=1)', "return dot(x, x), total(x * x) * (2 if n == 7 else 1)", {"refuted"}),
    "false-beyond-three": ("equality", 'n: Size(1, 5), x: Vector("n", norm2=1)', "return dot(x, x) * (n - 1) * (n - 2) * (n - 3) * (n - 5), 0", {"refuted"}),
    "sizes-only-false": ("upper", "n: Size(1, 64)", "return n * n, 2**n", {"refuted"}),
    "sizes-only-true": ("upper", "n: Size(1, 64), m: Size(1, 64)", "return n, n + m", {"holds"}),
    "one-size-in-the-middle": ("upper", 'n: Size(1, 16), x: Vector("n", norm_inf=1)', "return norm1(x), n if n != 7 else 6", {"refuted"}),
    # Limits that cross, overflow, or depend on arguments.
    "crossing-limits": ("upper", 'n: Size(1, 3), x: Vector("n", low=2, high=1)', "return norm1(x), 1", {"vacuous"}),
    "sometimes-crossing": ("upper", 'R: Param(0, 2), x: Scalar("R", 1)', "return x, 1", {"holds"}),
    "huge-range": ("upper", 'x: Param(1, "exp(1000)")', "return 1, x", {"holds", "proved"}),
    "huge-entries": ("upper", 'R: Param(1, 8), x: Vector(2, low=0, high="exp(20*R**2)")', "return norm2(x), norm1(x)", {"holds"}),
    # Structures: indefinite low-rank matrices, reflections, sizes that do not fit.
    "indefinite-rank-2": ("lower", 'n: Size(3, 6), A: Matrix("n", "n", symmetric=True, rank=2, frobenius=4)', "return lambda_min(A), 0", {"refuted"}),
    "reflections": ("upper", "Q: Matrix(3, 3, symmetric=True, orthogonal=True)", "return absolute(Q[0, 1]), Fraction(1, 2)", {"refuted"}),
    "orthonormal-columns": ("equality", 'n: Size(1, 4), d: Size(1, 4), Q: Matrix("n", "d", orthogonal=True)', "return Q.T @ Q, eye(d)", {"holds", "proved"}),
    # Thin violations at the border of a hypothesis.
    "border-of-a-hypothesis": ("upper", "x: Vector(2, norm_inf=3), y: Vector(2, norm_inf=3)", 'assume(norm_inf(x - y), "<=", Fraction(126, 100)); return norm2(exp(x) - exp(y)), norm2(exp(x)) * 2 * norm_inf(x - y)', {"refuted"}),
    "cancelling-hypothesis": ("upper", "x: Scalar(0, 1)", 'assume((10**20 + x) - 10**20, ">=", Fraction(1, 2)); return x, Fraction(3, 4)', {"refuted", "holds"}),
    "thin-false": ("upper", "x: Scalar(1, 2)", "return x, x * (1 - Fraction(1, 10**9))", {"refuted"}),
    "thin-true": ("upper", "x: Scalar(1, 2)", "return x, x * (1 + Fraction(1, 10**12))", {"holds", "proved"}),
    # Bodies that misbehave.
    "exits": ("upper", "x: Scalar(1, 2)", "sys.exit(0)", {"error"}),
    "throws-dice": ("upper", "x: Scalar(1, 2)", "import random; return x, x * Fraction(random.randint(0, 10**6), 10**6)", {"error", "holds"}),
    "expands-forever": ("upper", "A: Matrix(5, 5, frobenius=1)", "return total(A @ A) ** 4, (ones(5) @ A @ A @ ones(5)) ** 4 + (total(A @ A) ** 2 - (ones(5) @ A @ (A @ ones(5))) ** 2)", {"holds", "undecided"}),
    "compares": ("upper", "x: Scalar(1, 2)", "return (x if x > 1 else 1), 2", {"error"}),
}  # fmt: skip


def declared(name, kind, arguments, body):
    return (
        f'@claim("{name}", paper="own", kind="{kind}", provenance="own")\n'
        f"def f_{name.replace('-', '_')}({arguments}):\n    {body}\n\n"
    )


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attacks")
    path = folder / "attacks.py"
    path.write_text(HEAD + "".join(declared(name, *parts[:3]) for name, parts in STATEMENTS.items()))
    claims = load_claims(path)
    assert not [c.reason for c in claims if isinstance(c, Malformed)]
    return {v.claim: v for v in check(claims, samples=200, witness_dir=folder / "witnesses")}


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_misleads(name, verdicts):
    verdict = verdicts[name]
    assert verdict.outcome in STATEMENTS[name][3], verdict.message
    # Minutes would mean a search without an end; a busy machine alone takes several times its quiet time.
    assert verdict.seconds < 120
    if verdict.outcome == "refuted":
        assert replay(verdict.witness).confirmed


def test_certified_vacuity_says_where_it_ends(tmp_path):
    path = tmp_path / "vacuous.py"
    path.write_text(HEAD + declared("never", "upper", 'n: Size(1, 64), p: Vector("n", simplex=True)',
                                    'assume(total(p), ">", 2); return norm2(p), 1'))  # fmt: skip
    (verdict,) = check(load_claims(path), samples=100)
    assert verdict.outcome == "vacuous"
    assert "suspected beyond" in verdict.message


def test_feasible_hypotheses_are_never_certified_as_vacuous(verdicts):
    assert "certified" not in verdicts["entries-and-names-feasible"].message.split(";")[0]


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
