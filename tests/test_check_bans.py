"""The checker's own sources keep clear of what makes verdicts wrong."""

import ast
from pathlib import Path

import pytest
from flint import ctx

import proofs_check
from proofs_check.balls import Truth, compare, precision

FOLDER = Path(proofs_check.__file__).parent
OTHERS = ("checking", "cli", "display", "kernel_check", "main_job", "regeneration", "report", "solving")  # no decisions
CORE = [path.stem for path in sorted(FOLDER.glob("*.py")) if path.stem not in (*OTHERS, "__init__")]
SOURCES = [FOLDER / f"{name}.py" for name in CORE] + sorted((FOLDER / "catalogue").glob("*.py"))
SOURCES += sorted((FOLDER / "boxes").glob("*.py"))
DECIDING = ("balls", "decide", "spectra", "proof", "vacuity", "zero", "cells", "fields")


def nodes(path, kind):
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kind)]


def mentions(path):
    """Names and attributes of a module."""
    return (
        {n.id for n in nodes(path, ast.Name)}
        | {n.attr for n in nodes(path, ast.Attribute)}
        | {
            part
            for n in nodes(path, (ast.Import, ast.ImportFrom))
            for alias in n.names
            for part in alias.name.split(".")
        }
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
def test_nothing_unsound_is_used(path):
    used = mentions(path)
    assert not used & {"iv", "lambdify", "threading", "ThreadPoolExecutor", "simplest_rational", "eval"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
def test_no_ball_is_made_from_a_float(path):
    for call in nodes(path, ast.Call):
        if getattr(call.func, "id", "") in ("arb", "fmpq"):
            assert not any(isinstance(a, ast.Constant) and isinstance(a.value, float) for a in call.args), path


@pytest.mark.parametrize("name", DECIDING)
def test_float_of_a_ball_is_for_reports_and_proposals_only(name):
    path = FOLDER / f"{name}.py"
    allowed = {"balls": {"log10_quotient"}, "spectra": {"_basis", "_float_of"}, "decide": {"usage"}}.get(name, set())
    for function in nodes(path, ast.FunctionDef):
        calls = [n for n in ast.walk(function) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "float"]
        literal = all(isinstance(c.args[0], ast.Constant) for c in calls)
        assert not calls or function.name in allowed or literal, (name, function.name)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
def test_precision_is_set_in_one_place(path):
    targets = [t for n in nodes(path, ast.Assign) for t in n.targets if isinstance(t, ast.Attribute)]
    assert path.stem == "balls" or not any(t.attr in ("prec", "dps") for t in targets)


def test_no_comparison_of_balls_is_negated():
    for name in ("balls", "decide", "replaying", "vacuity"):
        for node in nodes(FOLDER / f"{name}.py", ast.UnaryOp):
            assert not (isinstance(node.op, ast.Not) and isinstance(node.operand, ast.Compare)), (name, node.lineno)


def test_precision_is_restored_on_every_exit():
    before = ctx.prec
    with pytest.raises(ZeroDivisionError, match="division"), precision(777):
        _ = 1 // (ctx.prec - 777)
    assert ctx.prec == before


@pytest.mark.parametrize(
    ("left", "op", "right", "truth"),
    [
        ((1, 0), "<=", (1, 0), Truth.YES),
        ((1, "1/100"), "<=", (1, 0), Truth.UNKNOWN),
        ((1, "1/100"), "<", (2, 0), Truth.YES),
        ((2, "1/100"), "<=", (1, 0), Truth.NO),
        ((2, "1/100"), ">=", (1, "1/100"), Truth.YES),
        ((1, 0), ">", (1, 0), Truth.NO),
        ((1, "1/100"), "==", (1, 0), Truth.UNKNOWN),
        ((1, "1/100"), "==", (2, 0), Truth.NO),
        ((1, 0), "==", (1, 0), Truth.YES),
    ],
)
def test_comparisons_are_three_valued(left, op, right, truth):
    from flint import arb, fmpq

    from proofs_check.exact import rational

    balls = [arb(rational(mid), arb(rational(rad)).upper()) for mid, rad in (left, right)]
    assert compare(balls[0], op, balls[1]) is truth
    assert compare(arb.nan(), op, fmpq(1)) is Truth.UNKNOWN
