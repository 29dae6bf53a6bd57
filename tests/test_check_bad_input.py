"""Bad claims in one file: each is an error with its reason and line, the good ones still run, exit status 2."""

import json

import pytest
from click.testing import CliRunner

from proofs_check import InputError, load_claims
from proofs_check.cli import main

HEAD = """
from fractions import Fraction
import numpy as np
import sympy
from proofs_check import Matrix, Param, Scalar, Size, Vector, assume, claim, constant, prediction
from proofs_check.arithmetic import *

HALF = 0.5

def own(id, kind="upper", **more):
    return claim(id, paper="own", kind=kind, provenance="own", **more)

@own("good-first")
def first(t: Scalar(1, 2)): return t, 2

"""
LAST = '@own("good-last")\ndef last(t: Scalar(1, 2)): return t, 2\n'

# name: (declaration, what the reason says, line of the declaration that it names)
BAD = {
    # samplers that nothing satisfies
    "range-reversed": ("t: Scalar(2, 1)): return t, 3", r"low <= high, got (2, 1)", 0),
    "size-reversed": ("n: Size(5, 3)): return n, 9", r"1 <= low <= high, got (5, 3)", 0),
    "norm-negative": ("x: Vector(3, norm2=-1)): return norm2(x), 9", "norm2 >= 0, got -1", 0),
    "spectral-negative": ('A: Matrix(2, 2, spectral="-1")): return spectral(A), 9', "spectral >= 0, got '-1'", 0),
    "rank-too-large": ("A: Matrix(2, 2, rank=3)): return frobenius(A), 9", "rank 3 does not fit a 2 x 2 matrix", 0),
    "wide-orthogonal": ("A: Matrix(2, 3, orthogonal=True)): return frobenius(A), 9", "need rows >= columns", 0),
    "never-square": ('n: Size(1, 4), A: Matrix("n", "n + 1", psd=True)): return frobenius(A), 9', "is square, got", 0),
    "zero-size": ("x: Vector(0)): return norm2(x), 1", "a positive whole number, got 0", 0),
    "half-size": ('n: Size(1, 4), x: Vector("n/2")): return norm2(x), 9', "a positive whole number, got n/2", 0),
    # sides that raise
    "raises": ('t: Scalar(1, 2)):\n    raise RuntimeError("no such thing")', "RuntimeError: no such thing", 2),
    "raises-at-times": ('n: Size(1, 4)):\n    if n == 3:\n        raise KeyError("n")\n    return n, 9', "KeyError", 3),
    "recursion": ("t: Scalar(1, 2)): return (lambda f: f(f))(lambda f: f(f))", "RecursionError", 1),
    "misspelt": ("t: Scalar(1, 2)):\n    return t, tt", "name 'tt' is not defined", 2),
    # wrong shapes
    "product": ("x: Vector(3), A: Matrix(2, 2)): return norm2(A @ x), 1", "shapes (2, 2) and (3,)", 1),
    "sides": ("x: Vector(3), y: Vector(2)): return x, y", "one shape, got (3,) and (2,)", 0),
    "no-sides": ("t: Scalar(1, 2)): return None", "returns (left, right), got None", 0),
    "one-side": ("t: Scalar(1, 2)): return t", "returns (left, right), got one array of shape ()", 0),
    "three-sides": ("t: Scalar(1, 2)): return t, t, t", "returns (left, right), got 3 parts", 0),
    "text-side": ('t: Scalar(1, 2)): return t, "2"', "number or an array of the claim, got '2'", 0),
    "generator": ("t: Scalar(1, 2)):\n    yield t, 1", "returns (left, right)", 0),
    # floats
    "float-in-body": ("t: Scalar(1, 2)): return t * 0.5, t", "the float 0.5 in a claim; write Fraction('0.5')", 0),
    "float-in-limit": ("t: Scalar(0.5, 2)): return t, t", "the float 0.5 in a claim", 0),
    "float-in-text": ('t: Scalar(1, 2)): return constant("c", expression="0.1*t", t=t), t', "holds a float", 1),
    "float-outside": ("t: Scalar(1, 2)): return t * HALF, t", "got the float 0.5", 1),
    "sympy-float": ('t: Scalar(1, 2)): return t * sympy.Float("0.5"), t', "with a Float; use Rational", 1),
    "numpy-float": ("t: Scalar(1, 2)): return t * np.float64(1), t", "got the float np.float64(1.0)", 1),
    # limits that are none
    "no-expression": ('t: Scalar("abc(", 2)): return t, 2', "'abc(' is not an expression", 0),
    "undefined-limit": ('t: Scalar("0/0", 2)): return t, 2', "got nan", 0),
    "later-argument": ('x: Vector("n"), n: Size(1, 2)): return norm2(x), 9', "not an earlier size or number", 0),
}  # fmt: skip
FIELDS = {
    "no-kind": ('@claim("no-kind", paper="own", provenance="own")', "missing kind"),
    "no-paper": ('@claim("no-paper", kind="upper", provenance="own")', "missing paper"),
    "no_id": ('@claim(paper="own", kind="upper", provenance="own")', "missing id"),
    "wrong-kind": ('@claim("wrong-kind", paper="own", kind="above", provenance="own")', "kind is one of upper"),
    "more": ('@claim("more", paper="own", kind="upper", provenance="own", note="x")', "unknown fields ['note']"),
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """The verdicts on all of them, the line of each declaration, and the command's result."""
    folder = tmp_path_factory.mktemp("bad")
    text, lines = HEAD, {}
    for name, (declaration, *_) in BAD.items():
        lines[name] = text.count("\n") + 1
        text += f'@own("{name}")\ndef f_{name.replace("-", "_")}({declaration}\n\n'
    for name, (decorator, _) in FIELDS.items():
        lines[name] = text.count("\n") + 1
        text += f"{decorator}\ndef {name.replace('-', '_')}(t: Scalar(1, 2)): return t, t\n\n"
    lines["good-first twice"] = text.count("\n") + 1
    text += HEAD[HEAD.index('@own("good-first")') :] + LAST
    path = folder / "bad.py"
    path.write_text(text)
    options = ["--samples", "40", "--jobs", "1", "--json", str(folder / "v.json"), "--witnesses", str(folder / "w")]
    result = CliRunner().invoke(main, ["check", str(path), *options], catch_exceptions=False)
    verdicts = json.loads((folder / "v.json").read_text())["verdicts"]
    return verdicts, lines, result


def of(checked, name):
    return next(verdict for verdict in checked[0] if verdict["claim"] == name)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_claim_is_an_error_with_reason_and_line(name, checked):
    _, text, line = BAD[name]
    verdict = of(checked, name)
    assert verdict["outcome"] == "error"
    assert text in verdict["message"]
    assert f"(bad.py:{checked[1][name] + line})" in verdict["message"]


@pytest.mark.parametrize("name", FIELDS)
def test_a_missing_or_wrong_field_is_an_error(name, checked):
    verdict = of(checked, name)
    assert verdict["outcome"] == "error"
    assert FIELDS[name][1] in verdict["message"]
    assert f"(bad.py:{checked[1][name]})" in verdict["message"]


def test_a_duplicate_is_an_error_and_the_first_runs(checked):
    first, second = (verdict for verdict in checked[0] if verdict["claim"] == "good-first")
    assert first["outcome"] == "proved"
    assert second["outcome"] == "error"
    assert "duplicate id 'good-first', first declared at" in second["message"]
    assert f"(bad.py:{checked[1]['good-first twice']})" in second["message"]


def test_the_others_run_and_the_status_is_2(checked):
    verdicts, lines, result = checked
    assert of(checked, "good-last")["outcome"] == "proved"
    assert len(verdicts) == len(lines) + 2
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_limits_that_turn_negative_are_left_out(tmp_path):
    path = tmp_path / "negative.py"
    path.write_text(
        HEAD + '@own("at-times")\ndef f(R: Param(-1, 2), x: Vector(3, norm2="R")): return norm2(x), 2\n'
        '@own("always")\ndef g(R: Param(1, 2), x: Vector(3, norm2="-R")): return norm2(x), 2\n'
    )
    options = ["--samples", "40", "--jobs", "1", "--json", "--witnesses", str(tmp_path / "w")]
    result = CliRunner().invoke(main, ["check", str(path), *options], catch_exceptions=False)
    assert [v["outcome"] for v in json.loads(result.stdout)["verdicts"]] == ["proved", "holds", "vacuous"]


def test_resume_takes_a_results_file(tmp_path):
    result = CliRunner().invoke(main, ["check", "--resume", "K7"])
    assert result.exit_code == 2
    assert "ending in .jsonl, got 'K7'; name claims before --resume" in result.stderr


def test_an_executor_of_threads_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["check", "K7", "--executor", "concurrent.futures:ThreadPoolExecutor"])
    assert result.exit_code == 2
    assert "use an executor of processes" in result.stderr


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nosuch\.py: no file of claims \(No such file.*check the path"):
        load_claims(tmp_path / "nosuch.py")


def test_a_campaign_that_begins_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["check", "K7", "--samples", "5", "--jobs", "1", "--resume", "new.jsonl"]
    first, second = (CliRunner().invoke(main, command) for _ in range(2))
    assert "lemmascope: begins new.jsonl: there was no such file to go on from." in first.stderr
    assert "begins" not in second.stderr
    assert "1 claim: " in first.stdout
    result = CliRunner().invoke(main, ["check", "K7", "--resume", "none/new.jsonl"])
    assert result.exit_code == 2
    assert "there is no folder none; make it, or name another file" in result.stderr
    assert "begins" not in result.stderr
