# ruff: noqa: E501 - one statement a line
"""Statements made to lead the checker astray: each has misled it once, or is of a kind that would."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..campaigns.campaign import check
from ..claims import Malformed
from ..loading import load_claims
from ..replaying import replay
from ..verdict import HOLDS, PROVED, REFUTED, UNDECIDED, VACUOUS, Verdict

SAMPLES = 200

HEAD = """
from fractions import Fraction
import sys
from proofs_check import Matrix, Param, Scalar, Size, Vector, assume, claim
from proofs_check.arithmetic import *
LIMIT = Fraction(1, 2)
"""

# name: (kind, arguments, body, outcomes that a referee could accept)
STATEMENTS: dict[str, tuple[str, str, str, set[str]]] = {
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
    "decimal-text": ("upper", 'R: Param("0.5", "1.5")', "return R, 2", {"holds"}),
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
    "huge-range": ("upper", 'x: Param(1, "exp(1000)")', "return 1, x", {"holds"}),
    "huge-entries": ("upper", 'R: Param(1, 8), x: Vector(2, low=0, high="exp(20*R**2)")', "return norm2(x), norm1(x)", {"holds"}),
    # Structures: indefinite low-rank matrices, reflections, sizes that do not fit.
    "indefinite-rank-2": ("lower", 'n: Size(3, 6), A: Matrix("n", "n", symmetric=True, rank=2, frobenius=4)', "return lambda_min(A), 0", {"refuted"}),
    "reflections": ("upper", "Q: Matrix(3, 3, symmetric=True, orthogonal=True)", "return absolute(Q[0, 1]), Fraction(1, 2)", {"refuted"}),
    "orthonormal-columns": ("equality", 'n: Size(1, 4), d: Size(1, 4), Q: Matrix("n", "d", orthogonal=True)', "return Q.T @ Q, eye(d)", {"holds", "proved"}),
    # Thin violations at the border of a hypothesis.
    "border-of-a-hypothesis": ("upper", "x: Vector(2, norm_inf=3), y: Vector(2, norm_inf=3)", 'assume(norm_inf(x - y), "<=", Fraction(126, 100)); return norm2(exp(x) - exp(y)), norm2(exp(x)) * 2 * norm_inf(x - y)', {"refuted"}),
    "cancelling-hypothesis": ("upper", "x: Scalar(0, 1)", 'assume((10**20 + x) - 10**20, ">=", Fraction(1, 2)); return x, Fraction(3, 4)', {"refuted", "holds"}),
    "thin-false": ("upper", "x: Scalar(1, 2)", "return x, x * (1 - Fraction(1, 10**9))", {"refuted"}),
    "thin-true": ("upper", "x: Scalar(1, 2)", "return x, x * (1 + Fraction(1, 10**12))", {"holds"}),
    # Bodies that misbehave.
    "exits": ("upper", "x: Scalar(1, 2)", "sys.exit(0)", {"error"}),
    "throws-dice": ("upper", "x: Scalar(1, 2)", "import random; return x, x * Fraction(random.randint(0, 10**6), 10**6)", {"error", "holds"}),
    "expands-forever": ("upper", "A: Matrix(5, 5, frobenius=1)", "return total(A @ A) ** 4, (ones(5) @ A @ A @ ones(5)) ** 4 + (total(A @ A) ** 2 - (ones(5) @ A @ (A @ ones(5))) ** 2)", {"holds", "undecided"}),
    "compares": ("upper", "x: Scalar(1, 2)", "return (x if x > 1 else 1), 2", {"error"}),
    # Violations of tiny volume.
    "spike": ("upper", "s: Scalar(-1, 1), t: Scalar(-1, 1)", "return exp(-((1000 * (t - Fraction(1, 3))) ** 2) - (1000 * (s - Fraction(1, 7))) ** 2), Fraction(99, 100)", {"refuted"}),
    "thin-slab": ("upper", 'x: Vector(3, norm2=1)', "return norm1(x) ** 2, 3 * (1 - Fraction(1, 10**9))", {"refuted"}),
    "at-the-corner": ("upper", 'R: Param(1, 8), x: Vector(2, norm_inf="R")', "return x[0] + x[1], 16 - Fraction(1, 10**7)", {"refuted"}),
    "nearly-orthogonal": ("lower", "x: Vector(2, norm2=1), y: Vector(2, norm2=1)", "return dot(x, y), Fraction(1, 10**8) - 1", {"refuted"}),
    # True, with equality.
    "equality-everywhere": ("upper", "x: Scalar(-3, 3)", "return cosh(x) ** 2 - sinh(x) ** 2, 1", {"holds"}),
    "triangle": ("upper", "x: Vector(2), y: Vector(2)", "return norm2(x + y), norm2(x) + norm2(y)", {"holds"}),
    "cauchy-schwarz": ("upper", "x: Vector(3), y: Vector(3)", "return absolute(dot(x, y)), norm2(x) * norm2(y)", {"holds"}),
    "attained-at-one-point": ("upper", "x: Scalar(-4, 4)", "return 1 + x, exp(x)", {"holds"}),
    "repeated-eigenvalue": ("lower", "t: Scalar(-4, 4)", "return lambda_min(t * eye(4)), t", {"holds"}),
    # Hypotheses that nothing meets.
    "negative-norm": ("upper", "x: Vector(3)", 'assume(norm2(x), "<", 0); return x[0], 0', {"vacuous"}),
    "simplex-too-large": ("upper", 'n: Size(2, 9), p: Vector("n", simplex=True)', 'assume(p, ">=", Fraction(2, 3)); return norm2(p), 0', {"vacuous"}),
    "strictly-below-itself": ("upper", "x: Scalar(1, 2)", 'assume(exp(x), "<", exp(x)); return x, 0', {"vacuous", "undecided"}),
    # Constants of the size of an overflow.
    "beyond-floats": ("upper", "R: Param(6, 9)", "return exp(20 * R**2), exp(20 * R**2) * (1 + exp(-40))", {"holds"}),
    "beyond-floats-false": ("upper", "R: Param(6, 9)", "return exp(20 * R**2) * (1 + exp(-40)), exp(20 * R**2)", {"refuted"}),
    "double-exponential": ("upper", "R: Param(1, 4)", "return exp(exp(R)), exp(exp(R + Fraction(1, 1000)))", {"holds"}),
    "underflow": ("lower", "R: Param(6, 9)", "return exp(-20 * R**2), 0", {"holds"}),
    "underflow-false": ("lower", "R: Param(6, 9)", "return exp(-20 * R**2), exp(-19 * R**2)", {"refuted"}),
    "difference-of-giants": ("lower", "x: Scalar(0, 1)", "return (exp(900) + x) - exp(900), Fraction(1, 2)", {"refuted"}),
    # Enclosures that are no images of the ends: cosh, squares and products turn inside a ball.
    "turns-inside": ("lower", "x: Scalar(-1, 1)", "return x * x - x, -Fraction(1, 4)", {"holds"}),
    "turns-inside-false": ("lower", "x: Scalar(-1, 1)", "return x * x - x, Fraction(1, 10**9) - Fraction(1, 4)", {"refuted"}),
    "cosh-turns": ("lower", "x: Scalar(-1, 2)", "return cosh(x), 1", {"holds"}),
    # One third is no binary number, nor are a tenth and its multiples.
    "one-third": ("equality", "x: Scalar(1, 2)", "return x / 3 * 3, x", {"proved", "holds"}),
    "a-tenth": ("upper", "x: Scalar(1, 2)", "return x * Fraction(1, 10) + x * Fraction(2, 10), x * Fraction(3, 10)", {"holds"}),
    "a-tenth-false": ("upper", "x: Scalar(1, 2)", "return x * Fraction(1, 10) + x * Fraction(2, 10), x * Fraction(3, 10) - Fraction(1, 10**60)", {"refuted"}),
}  # fmt: skip


def declared(name: str, kind: str, arguments: str, body: str) -> str:
    """The source of one claim."""
    return (
        f'@claim("{name}", paper="own", kind="{kind}", provenance="own")\n'
        f"def f_{name.replace('-', '_')}({arguments}):\n    {body}\n\n"
    )


MAY_BE_PROVED = {HOLDS, VACUOUS, UNDECIDED}
"""A statement for which no more than these is accepted is true, and may be proved as well."""


def judged(name: str, seed: int = 0) -> tuple[Verdict, str | None]:
    """The verdict on one statement, and what is wrong with it in words, or None."""
    kind, arguments, body, accepted = STATEMENTS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "statement.py"
        path.write_text(HEAD + declared(name, kind, arguments, body), encoding="utf-8")
        claims = load_claims(path)
        if isinstance(claims[0], Malformed):
            return check(claims)[0], f"{name}: {claims[0].reason}"
        (verdict,) = check(claims, samples=SAMPLES, seed=seed, witness_dir=folder)
        if verdict.outcome not in accepted and not (verdict.outcome == PROVED and HOLDS in accepted <= MAY_BE_PROVED):
            return verdict, f"{name}: {verdict.outcome} instead of {' or '.join(sorted(accepted))}: {verdict.message}"
        if verdict.outcome == REFUTED and not replay(str(verdict.witness)).confirmed:
            return verdict, f"{name}: its witness is not confirmed"
    return verdict, None


def trials(count: int, seed: int, unit: int) -> tuple[int, str | None]:
    """One statement; those that are rightly left undecided say nothing."""
    verdict, wrong = judged(list(STATEMENTS)[unit], seed)
    return int(verdict.outcome != "undecided"), wrong
