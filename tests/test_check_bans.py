"""The checker's own sources keep clear of what makes verdicts wrong."""

import ast
import inspect
import textwrap
from pathlib import Path

import mpmath
import pytest
import sympy
from flint import ctx

import proofs_check
from proofs_check import Claim, catalogue_claims, check, load_claims
from proofs_check import constants as constants_of_the_catalogue
from proofs_check.arrays.balls import Truth, compare, precision

FOLDER = Path(proofs_check.__file__).parent
EVERYWHERE = sorted(path for path in FOLDER.rglob("*.py") if "bench" not in path.parts)
NO_DECISIONS = {"bench", "commands", "experiments", "selftest", "_generated", "cli", "checking", "__init__"}
SOURCES = [path for path in EVERYWHERE if not NO_DECISIONS & {*path.relative_to(FOLDER).parts, path.stem}]
THREADS = {"threading", "_thread", "ThreadPoolExecutor", "InterpreterPoolExecutor", "to_thread", "ThreadPool", "dummy"}
DECIDING = ("balls", "decide", "exact_cells", "spectra", "proof", "vacuity", "zero", "cells", "fields")


def module(name):
    """The file of a module of the checker."""
    (path,) = FOLDER.rglob(f"{name}.py")
    return path


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
    assert not used & {"iv", "lambdify", "simplest_rational", "eval"}


@pytest.mark.parametrize("path", EVERYWHERE, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_no_threads_and_no_intervals_of_mpmath_anywhere(path):
    assert not mentions(path) & {*THREADS, "iv", "mpi", "lambdify"}


ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
# Where balls are at hand, an order relation may stand in these functions only: the two predicates of the one module,
# the signs of pivots and of polynomials (each asked for by itself), and comparisons of sizes, exponents and rationals.
MAY_ORDER = {
    # bits, numbers of parts, exponents
    "algebraic": {"sign", "separation_bits", "_distinct_parts", "_size", "_sum", "_one_of", "_power"},
    "balls": {"_apart", "sign", "exact_root", "multiply", "matmul", "describe"},
    "exact_cells": {"_symbol"},  # numbers of entries
    "spectra": {"eigenvalue", "_basis", "_refined", "_exact_mpf", "_no_other_root", "definite"},
    "kernel_check": {"verify_generated", "_reference", "loss"},  # floats of a report, numbers of entries
    "intervals": {  # signs of exact factors; ends of which only what is certain counts
        "scale",
        "multiply",
        "is_positive",
        "is_nonnegative",
        "is_negative",
        "is_nonpositive",
        "inverse",
        "power",
        "absolute",
        "log",
        "sqrt",
        "sign",
        "_quotient",
        "_langevin",
    },
    "proving": {
        "_over_sizes",
        "_defined",
        "_same_on_balls",
    },  # numbers of sizes; which sign is to be proved; an assertion
    "proposals": {"proposed_polynomials"},  # precisions and exponents
    "tracing": {"factored", "__pow__", "eigenvalue", "det", "solve"},  # lengths and exponents
    "points": {"point_and_ball", "_centre", "_radius", "_dyadic", "contains", "of_mpmath"},  # the oracle's rationals
    "matrices": {"_point_and_matrix", "_middle"},  # chance
    "comparisons": {"_trial"},
}


def handles_balls(path):
    imports = [n for n in nodes(path, ast.ImportFrom) if (n.module or "").startswith("flint")]
    return any(alias.name in ("arb", "arb_mat") for n in imports for alias in n.names)


@pytest.mark.parametrize("path", [p for p in EVERYWHERE if handles_balls(p)], ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_balls_are_compared_in_one_module(path):
    found = {
        function.name
        for function in nodes(path, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Compare) and any(isinstance(op, ORDER) for op in node.ops)
    }
    assert found <= MAY_ORDER.get(path.stem, set())


def test_deciding_modules_compare_cells_through_the_one_module():
    """Ledger, decisions, proofs: no bare order relation whose operands are cells of a side."""
    for name in ("decide", "ledger", "proof"):
        for node in nodes(module(name), ast.Compare):
            if any(isinstance(op, ORDER) for op in node.ops):
                names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
                assert not names & {"a", "b", "left", "right", "cell", "small", "big"}, (name, node.lineno)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.stem)
def test_no_ball_is_made_from_a_float(path):
    for call in nodes(path, ast.Call):
        if getattr(call.func, "id", "") in ("arb", "fmpq"):
            assert not any(isinstance(a, ast.Constant) and isinstance(a.value, float) for a in call.args), path


@pytest.mark.parametrize("name", DECIDING)
def test_float_of_a_ball_is_for_reports_and_proposals_only(name):
    path = module(name)
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
        for node in nodes(module(name), ast.UnaryOp):
            assert not (isinstance(node.op, ast.Not) and isinstance(node.operand, ast.Compare)), (name, node.lineno)


def atoms(tree):
    return {type(atom).__name__ for atom in sympy.preorder_traversal(tree) if isinstance(atom, sympy.Float)}


@pytest.mark.parametrize("item", catalogue_claims(), ids=lambda c: c.id)
def test_claims_hold_no_floats(item):
    assert isinstance(item, Claim)
    source = textwrap.dedent(inspect.getsource(item.body))
    constants = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    assert not any(isinstance(value, (float, complex)) for value in constants)
    trees = [limit.tree for domain in item.domains.values() for limit in domain.limits()]
    trees += [constants_of_the_catalogue.expression(c) for c in constants if c in constants_of_the_catalogue.tables()]
    assert all(not atoms(tree) for tree in trees)


def test_a_check_leaves_no_precision_behind(tmp_path):
    """Not after a refutation, an error in a body, a tie that SymPy decides, nor at the ceiling."""
    path = tmp_path / "mine.py"
    path.write_text("""
from proofs_check import Scalar, Vector, assume, claim
from proofs_check.arithmetic import *
own = lambda name: claim(name, paper="own", kind="upper", provenance="own")
@own("refuted")
def f1(x: Vector(2, norm2=1)): return norm1(x), norm2(x)
@own("error")
def f2(t: Scalar(1, 2)): return exp(t) + [][1], 1
@own("tie")
def f3(t: Scalar(1, 2)): return cosh(t) ** 2, 1 + sinh(t) ** 2
@own("ceiling")
def f4(t: Scalar(1, 2)): return t + exp(-4000), t
""")
    before = (ctx.prec, mpmath.mp.prec, mpmath.mp.dps)
    verdicts = check(load_claims(path), samples=30)
    assert [v.outcome for v in verdicts] == ["refuted", "error", "proved", "undecided"]
    assert (ctx.prec, mpmath.mp.prec, mpmath.mp.dps) == before


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

    from proofs_check.arrays.exact import rational

    balls = [arb(rational(mid), arb(rational(rad)).upper()) for mid, rad in (left, right)]
    assert compare(balls[0], op, balls[1]) is truth
    assert compare(arb.nan(), op, fmpq(1)) is Truth.UNKNOWN
