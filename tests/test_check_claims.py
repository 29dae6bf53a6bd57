"""Declarations, files of claims, outcomes of small claims, catalogue, replay."""

# The table of cases has one claim a line.
# ruff: noqa: E501

import json
import textwrap

import pytest

from proofs_check import InputError, Size, Vector, assume, check, claim, constant, load_claims, replay
from proofs_check.arithmetic import norm2
from proofs_check.arrays.balls import Truth
from proofs_check.arrays.exact import Count
from proofs_check.campaigns.checking import select
from proofs_check.catalogue import CORE
from proofs_check.claims import Malformed
from proofs_check.loading import find_claim
from proofs_check.verdict import Verdict
from proofs_check.witness import load

HEAD = """
from fractions import Fraction
from proofs_check import claim, assume, Size, Param, Scalar, Vector, Matrix, constant, gradient, hessian, prediction, value
from proofs_check.arithmetic import *

def own(id, kind, **more):
    return claim(id, paper="own", kind=kind, provenance="own", **more)

BALL = dict(A=Matrix("n", "d", spectral="R"), x=Vector("d", norm2="R"), y=Vector("d", norm2="R"))
"""

# id -> (kind, arguments, body, outcome, tight, attained)
LIPSCHITZ = 'n: Size(2, 16), d: Size(1, 4), R: Param("1/20", 8), A: Matrix("n", "d", spectral="R"), x: Vector("d", norm2="R"), y: Vector("d", norm2="R")'
HESSIAN = LIPSCHITZ.replace('Param("1/20", 8)', 'Param("1/20", 1)') + ', b: Vector("n", norm2=1)'
CASES = {
    "diag-norm": ("upper", 'x: Vector(4)', "return spectral(diagonal(x)), norm_inf(x)", "holds", True, True),
    "outer-norm": ("upper", 'x: Vector(3), y: Vector(3)', "return spectral(outer(x, y)), norm2(x) * norm2(y)", "holds", True, True),
    "weyl": ("upper", 'A: Matrix(2, 2, symmetric=True), B: Matrix(2, 2, symmetric=True)',
             "return lambda_max(A + B), lambda_max(A) + lambda_max(B)", "holds", True, True),
    "norms": ("upper", 'n: Size(1, 8), x: Vector("n")', "return norm1(x), sqrt(n) * norm2(x)", "holds", True, True),
    "simplex": ("upper", 'n: Size(1, 8), p: Vector("n", simplex=True)', "return norm2(p), 1", "holds", True, True),
    "loose": ("upper", 'x: Vector(3)', "return norm2(x), 7 * norm1(x)", "holds", False, None),
    "psd": ("lower", 'S: Matrix(3, 3, psd=True), x: Vector(3)', "return dot(x, S @ x), 0", "holds", None, None),
    "rank-one-det": ("equality", 'M: Matrix("n", "n", rank=1)', "return det(M), 0", "holds", None, None),
    "assumed": ("upper", 'x: Vector(2, norm2=3), t: Scalar(-1, 1)',
                'assume(norm1(x), "<=", 1); assume(t, ">", 0)\n    return norm2(x) * t, 1', "holds", None, None),
    "own-constant": ("upper", 'n: Size(1, 5), x: Vector("n", norm_inf=1)',
                     'return norm2(x), constant("own-constant", expression="sqrt(n)", n=n)', "proved", True, True),
    "kron": ("equality", 'A: Matrix(2, 2), B: Matrix(2, 2), x: Vector(4)',
             "return kron(A, B) @ kron(B, A) @ x, kron(A @ B, B @ A) @ x", "proved", None, None),
    "undefined": ("upper", "t: Scalar(1, 2)", "return log(-t), t", "undecided", None, None),
    "below-ceiling": ("upper", "t: Scalar(1, 2)", "return t + exp(-4000), t", "undecided", None, None),
    "impossible": ("upper", 'p: Vector(3, simplex=True)', 'assume(total(p), ">", 2)\n    return norm2(p), 1', "vacuous", None, None),
    "never-drawn": ("upper", 'x: Vector(3, norm2=1)', 'assume(norm2(x), ">", 2)\n    return norm2(x), 1', "vacuous", None, None),
    "empty-domain": ("upper", 'x: Vector(3, norm2=1, low=1)', "return norm2(x), 1", "vacuous", None, None),
    "sides-of-two-shapes": ("upper", 'x: Vector(3), y: Vector(2)', "return x, y", "error", None, None),
    "one-side": ("upper", 'x: Vector(3)', "return norm2(x)", "error", None, None),
    "float-inside": ("upper", 'x: Vector(3)', "return norm2(x) * 0.5, norm2(x)", "error", None, None),
    "float-made": ("upper", 'x: Vector(3)', "return norm2(x) * (int(1) / int(2)), norm2(x)", "error", None, None),
    "unknown-formula": ("upper", 'x: Vector(3)', 'return norm2(prediction("swish")(x)), 1', "error", None, None),
    "unknown-dimension": ("upper", 'x: Vector("m")', "return norm2(x), 1", "error", None, None),
    # false twins, sharpened or planted
    "twin-K4": ("upper", LIPSCHITZ, 'u = prediction("plain-exp")\n    return norm2(u(A @ x) - u(A @ y)), constant("K4-exp", R=R) * norm2(x - y) * Fraction("0.9999")', "refuted", None, None),
    "twin-K4-cosh": ("upper", LIPSCHITZ, 'u = prediction("plain-cosh")\n    return norm2(u(A @ x) - u(A @ y)), constant("K4-cosh", R=R) * norm2(x - y) * Fraction("0.999")', "refuted", None, None),
    "twin-K4-sinh": ("upper", LIPSCHITZ, 'u = prediction("plain-sinh")\n    return norm2(u(A @ x) - u(A @ y)), constant("K4-sinh", R=R) * norm2(x - y) * Fraction("0.999")', "refuted", None, None),
    "twin-K7": ("upper", LIPSCHITZ, 'f = prediction("normalized-exp")\n    return norm2(f(A @ x) - f(A @ y)), R * Fraction("0.4999") * norm2(x - y)', "refuted", None, None),
    "twin-K7-cosh": ("upper", LIPSCHITZ, 'f = prediction("normalized-cosh")\n    return norm2(f(A @ x) - f(A @ y)), R * Fraction("0.49") * norm2(x - y)', "refuted", None, None),
    "twin-P0-3.0": ("upper", LIPSCHITZ.replace("Size(2", "Size(1"), 'return norm2(prediction("plain-exp")(A @ x)), constant("P0-3.0", n=n, R=R) * Fraction("0.99")', "refuted", None, None),
    "twin-P0-3.4": ("upper", LIPSCHITZ, 'f = prediction("normalized-exp")\n    return norm2(f(A @ x) - f(A @ y)), constant("P0-3.4", n=n, R=R) * norm2(x - y) / 100', "refuted", None, None),
    "twin-P3-6-exp": ("lower", LIPSCHITZ.replace("Size(2", "Size(1"), 'return total(prediction("plain-exp")(A @ x)), constant("P3-6", R=R) * Fraction("1.01")', "refuted", None, None),
    "twin-P3-11": ("upper", HESSIAN, 'H = hessian("rescaled-exp")\n    return spectral(A.T @ (H(A @ x, b) - H(A @ y, b)) @ A), R**3 * norm2(x - y) / 2', "refuted", None, None),
    "twin-D1": ("equality", 'A: Matrix(3, 2), b: Vector(3)', 'return gradient("rescaled-exp")(A @ vector([0, 0]), b), 0', "refuted", None, None),
    "twin-D2": ("equality", 'b: Vector(2)', 'return value("rescaled-cosh")(0 * b, b), 0', "refuted", None, None),
    "tiny-violation": ("upper", "s: Scalar(-1, 1), t: Scalar(-1, 1)", 'return exp(-(1000 * (t - Fraction(1, 3)))**2 - (1000 * (s - Fraction(1, 7)))**2), Fraction(99, 100)', "refuted", None, None),
    "tiny-margin": ("upper", 'x: Vector(3, norm2=1)', "return norm2(x) * (1 + Fraction(1, 10**40)), norm2(x)", "refuted", None, None),
    "exp-norm": ("upper", 'n: Size(1, 8), x: Vector("n")', "return norm2(exp(x)), exp(norm2(x))", "refuted", None, None),
    "orthogonal-det": ("equality", 'Q: Matrix(3, 3, orthogonal=True)', "return det(Q), 1", "refuted", None, None),
}  # fmt: skip
CASES["rank-one-det"] = ("equality", 'n: Size(2, 4), M: Matrix("n", "n", rank=1)', *CASES["rank-one-det"][2:])


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """All cases in one file, and their verdicts."""
    folder = tmp_path_factory.mktemp("bank")
    parts = [HEAD]
    for number, (name, (kind, arguments, body, *_)) in enumerate(CASES.items()):
        parts.append(f'@own("{name}", "{kind}")\ndef case_{number}({arguments}):\n    {body}\n')
    file = folder / "bank.py"
    file.write_text("\n".join(parts))
    claims = load_claims(file)
    verdicts = check(claims, samples=300, seed=1, witness_dir=folder / "witnesses")
    return file, claims, {verdict.claim: verdict for verdict in verdicts}


@pytest.mark.parametrize("name", sorted(CASES))
def test_outcomes(bank, name):
    verdict = bank[2][name]
    *_, outcome, tight, attained = CASES[name]
    assert verdict.outcome == outcome, verdict.message
    assert attained is None or verdict.attained is attained
    assert tight is None or verdict.tight is tight, verdict.message
    assert (verdict.outcome in ("refuted", "error")) is verdict.unexpected


def test_every_witness_of_the_bank_replays(bank):
    stored = [v for v in bank[2].values() if v.witness]
    assert len(stored) > 20
    for verdict in stored:
        found = replay(verdict.witness)
        assert found.confirmed, found.message
        # The witness of a proved bound is the instance that uses most of it, on which it holds.
        assert found.outcome == verdict.outcome.replace("proved", "holds")


def test_messages_say_what_was_certain(bank):
    verdicts = bank[2]
    assert "certified" in verdicts["impossible"].message
    assert verdicts["impossible"].scope
    assert "certified" in verdicts["never-drawn"].message
    assert verdicts["never-drawn"].scope == "all admissible x"
    assert "4096 bits" in verdicts["below-ceiling"].message
    assert "bank.py:" in verdicts["sides-of-two-shapes"].message
    assert "entries symbolic" in verdicts["kron"].scope


def test_verdicts_do_not_depend_on_workers(bank):
    names = ("norms", "twin-K7", "never-drawn", "kron")
    chosen = [item for item in bank[1] if item.id in names]
    alone, together = (check(chosen, samples=100, seed=4, jobs=jobs) for jobs in (1, 2))

    def strip(v):
        return {k: w for k, w in v.to_json().items() if k != "seconds"}

    assert [strip(v) for v in alone] == [strip(v) for v in together]


@pytest.mark.slow  # minutes; the catalogue's own tests check a part of it
def test_the_core_of_the_catalogue_meets_its_expectations():
    seen = []
    verdicts = check(select(CORE), samples=150, jobs=2, progress=lambda done, total, v: seen.append((done, total)))
    surprises = [(v.claim, v.outcome, v.message) for v in verdicts if v.expected is not True]
    assert not surprises
    by_id = {v.claim: v for v in verdicts}
    for name in ("K4", "K4-cosh", "K4-sinh", "K7", "K7-cosh"):
        assert by_id[name].tight is True, by_id[name].message
        assert by_id[name].attained is False
    assert seen[-1] == (len(verdicts), len(verdicts))
    for verdict in verdicts:
        if verdict.provenance.startswith("reconstructed"):
            assert "not compared with the printed text" in verdict.message


def body(n: Size(1, 3), x: Vector("n")):
    """norm2(x) <= norm2(x)"""
    return norm2(x), norm2(x)


GOOD = {"paper": "own", "kind": "upper", "provenance": "own"}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({**GOOD, "kind": "between"}, "kind is one of"),
        ({**GOOD, "provenance": "rumour"}, "provenance is one of"),
        ({**GOOD, "expect": "true"}, "expect is one of"),
        ({"kind": "upper", "provenance": "own"}, "missing paper"),
        ({**GOOD, "author": "me"}, "unknown fields"),
    ],
)
def test_malformed_declarations(fields, text):
    made = claim("bad", **fields)(body)
    assert isinstance(made, Malformed)
    assert text in made.reason
    (verdict,) = check([made])
    assert verdict.outcome == "error"
    assert str(made.line) in verdict.message


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("def f(x: Vector(2)=1): return 1, 1", "without a default"),
        ("def f(x): return 1, 1", "no annotation"),
        ("def f(x: int): return 1, 1", "annotated with"),
        ("def f(): return 1, 1", "at least one argument"),
        ("def f(x: Vector(2, nrom=1)): return 1, 1", "nrom"),
        ("def f(x: Vector(2, norm2=0.5)): return 1, 1", "0.5"),
    ],
)
def test_a_bad_claim_leaves_the_others_alone(tmp_path, source, text):
    file = tmp_path / "mine.py"
    good = '@own("good", "upper")\ndef g(x: Vector(2)):\n    return norm2(x), norm1(x)\n'
    file.write_text(f'{HEAD}\n@own("bad", "upper")\n{source}\n\n{good}\n{good}')
    bad, first, second = check(load_claims(file), samples=60)
    assert (bad.outcome, bad.claim) == ("error", "bad")
    assert text in bad.message
    assert first.outcome == "holds"
    assert second.outcome == "error"
    assert "duplicate id" in second.message


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "no file of claims"),
        ("def (", "not Python"),
        ("x = 1", "no claim"),
        ("import nothing_such", "nothing_such"),
    ],
)
def test_files_that_hold_no_claims(tmp_path, content, text):
    file = tmp_path / "claims.py"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=text):
        load_claims(file)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: assume(1, "<=", 2), InputError, "outside"),
        (lambda: assume(1, "!=", 2), InputError, "relations"),
        (lambda: constant("no-such", n=1), InputError, "no constant"),
        (lambda: constant("c", expression="R + q", R=1), InputError, r"\['R', 'q'\]"),
        (lambda: constant("c", expression="0.1*R", R=1), InputError, "holds a float"),
        (lambda: find_claim("no-such"), InputError, "no claim 'no-such'"),
        (lambda: check([], samples=0), InputError, "samples must be at least 1"),
        (lambda: check([], jobs=0), InputError, "jobs must be at least 1"),
        (lambda: bool(Truth.YES), TypeError, "no yes or no"),
        (lambda: bool(Verdict("a", "b", "holds", "")), TypeError, "no yes or no"),
    ],
)
def test_mistakes_are_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.fixture
def stored(tmp_path, bank):
    """A copy of a refuted witness as a dictionary, with a way to write it back."""
    source = bank[2]["exp-norm"].witness
    with open(source, encoding="utf-8") as stream:
        content = json.load(stream)
    target = tmp_path / "witness.json"

    def write(**changes):
        kept = {key: value for key, value in {**content, **changes}.items() if value is not None}
        target.write_text(json.dumps(kept))
        return target

    return content, write


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"schema": 99}, "schema 1 is needed, got 99"),
        ({"digest": None}, "missing digest"),
        ({"digest": "0" * 64}, "has changed"),
        ({"claim": "no-such"}, "no claim"),
        ({"instance": {"n": 2}}, "has the arguments"),
        ({"instance": {"n": 2, "x": ["1/2", "0.5.1"]}}, "not exact"),
        ({"instance": {"n": 2, "x": [0.5, 1]}}, "not exact"),
        ({"instance": {"n": 2, "x": "1/2"}}, "must be a Vector"),
        ({"instance": {"n": 3, "x": ["1/2", "1/2"]}}, "does not meet the hypotheses"),
        ({"instance": {"n": 99, "x": ["1/2"] * 99}}, "does not meet the hypotheses"),
        ({"instance": [1]}, "an instance"),
        ({"bits": "128"}, "must be int"),
        ({"outcome": "proved"}, "'refuted' or 'holds'"),
    ],
)
def test_tampered_witnesses(stored, changes, text):
    with pytest.raises(InputError, match=text):
        replay(stored[1](**changes))


def test_an_instance_that_does_not_break_the_claim_is_not_confirmed(stored):
    found = replay(stored[1](instance={"n": 1, "x": ["1/2"]}))
    assert not found.confirmed
    assert "NOT confirmed" in found.message


@pytest.mark.parametrize(
    ("text", "said"), [(None, "is needed"), ("{", "damaged"), ("[1]", "one JSON object"), ("\x00", "damaged")]
)
def test_damaged_witness_files(tmp_path, text, said):
    path = tmp_path / "w.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=said):
        load(path)


def test_shrunk_counterexamples_are_small(bank):
    witness = load(bank[2]["exp-norm"].witness)
    assert witness.instance["n"] == 2
    assert [str(cell) for cell in witness.instance["x"]] == ["0", "0"]
    assert isinstance(witness.instance["n"], Count)


def test_digest_follows_source_and_helpers(tmp_path):
    text = textwrap.dedent("""
        def factor(): return 2
        @own("a", "upper")
        def a(x: Vector(2)):
            return norm2(x), factor() * norm1(x)
    """)
    digests = set()
    for number, version in enumerate(
        (text, text.replace("return 2", "return 3"), text.replace("norm1(x)", "norm2(x)"), text)
    ):
        file = tmp_path / f"v{number}.py"
        file.write_text(HEAD + version)
        digests.add(load_claims(file)[0].digest)
    assert len(digests) == 3
