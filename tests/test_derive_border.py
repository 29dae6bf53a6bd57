"""Scalar variables border the Hessian; the reduced losses of linear self-attention are their published matrix forms."""

from dataclasses import replace

import pytest
import sympy as sp

import derive.indexed
import derive.proof
from derive import Formula, data, differentiate, formulas, parameter, prove, row, total
from derive.expansion import expand_loss
from derive.indexed import indexed_mismatch
from derive.proof import written_out_mismatch
from derive.zero import is_zero
from proofs_check.commands.kernel_check import KernelError
from proofs_check.commands.regeneration import Target, regenerate

z, b, s, r = row("z"), data("b"), parameter("s"), parameter("r")
ALPHA = total(sp.exp(z))
# Totals of totals, scalars inside and outside of them, a product of both: every term of the border occurs.
NESTED = Formula(
    "nested-scalars",
    loss=total((s * sp.exp(z) / ALPHA - r * b) ** 2) / 2 + r**2 * s * total(sp.exp(z)) ** 2 + r**3 * s,
    z=z,
    data=[b],
    parameters=[s, r],
    scalars=[s, r],
)
# Entries of C and of the border that hold parameters alone.
PLAIN = Formula(
    "plain-scalars",
    loss=total((s * z - r * b) ** 2) / 2 + r**2 * s * total(z) ** 2 + r**3 * s,
    z=z,
    data=[b],
    parameters=[s, r],
    scalars=[r, s],
)
FIXED, RANDOM = (formulas()[f"linear-self-attention-{kind}"] for kind in ("fixed", "random"))


def test_nested_totals_with_two_scalars_are_proved():
    assert prove(NESTED).sizes == (2, 3, 4)


def wrong_borders(formula):
    d = differentiate(formula)
    beside = d.border
    corner = [[2 * entry for entry in line] for line in beside.corner]
    return {
        "dL/d": replace(d, border=replace(beside, gradient=tuple(-e for e in beside.gradient))),
        "border|d\\(g_j\\)": replace(d, border=replace(beside, rows=tuple(e + formula.z for e in beside.rows))),
        "corner": replace(d, border=replace(beside, corner=corner)),
    }


@pytest.mark.parametrize("what", ["dL/d", "border|d\\(g_j\\)", "corner"])
@pytest.mark.parametrize(("module", "check"), [("proof", lambda f: written_out_mismatch(f, 2)), ("indexed", None)])
def test_a_wrong_border_is_rejected(what, module, check, monkeypatch):
    wrong = wrong_borders(FIXED)[what]
    monkeypatch.setattr(f"derive.{module}.differentiate", lambda _: wrong)
    mismatch = (check or indexed_mismatch)(FIXED)
    assert mismatch is not None
    assert any(part in mismatch for part in (*what.replace("\\", "").split("|"),))


def test_generated_borders_are_verified(tmp_path, monkeypatch):
    (change,) = regenerate({PLAIN.name: PLAIN}, Target.below(tmp_path))
    assert 0 < change.report.border < 1e-12
    real = derive.generate

    def broken(formula, proof):
        made = real(formula, proof)
        return replace(made, kernel=made.kernel.replace("C[..., 0, 0] = ", "C[..., 0, 0] = 2*"))

    monkeypatch.setattr("proofs_check.commands.regeneration.generate", broken)
    with pytest.raises(KernelError, match="generated border of 'linear-self-attention-fixed'"):
        regenerate({FIXED.name: FIXED}, Target.below(tmp_path))


def eigenvalue_rows(d):
    """Rows of the pairs (i, j), with z the entries of V = Q^T U11 Q."""
    lam = sp.symbols(f"lambda1:{d + 1}", positive=True)
    V = sp.Matrix(d, d, lambda i, j: sp.Symbol(f"v{i}{j}", real=True))
    pairs = [(i, j) for i in range(d) for j in range(d)]
    return lam, V, pairs


def trace_form(Lam, U11, N, u):
    """(5.5) as it is published."""
    Gamma = (1 + 1 / N) * Lam + Lam.trace() / N * sp.eye(Lam.rows)
    return sp.trace(u**2 / 2 * Gamma * Lam * U11 * Lam * U11.T - u * Lam**2 * U11.T)


def rotation(d):
    """Rational rotations: by a symbolic angle for d = 2, by two given ones for d = 3."""
    a = sp.symbols("a", real=True) if d < 3 else sp.Rational(1, 2)
    c, q = (1 - a**2) / (1 + a**2), 2 * a / (1 + a**2)
    Q = sp.eye(d)
    if d > 1:
        Q[:2, :2] = sp.Matrix([[c, -q], [q, c]])
    if d > 2:
        Q = Q * sp.diag(1, sp.Matrix([[3, -4], [4, 3]]) / 5)
    return Q


@pytest.mark.parametrize("d", [1, 2, 3])
def test_matrix_trace_form_is_the_index_form(d):
    lam, V, pairs = eigenvalue_rows(d)
    N, trace, u = FIXED.parameters
    rows = {
        "z": [V[i, j] for i, j in pairs],
        "lambda_i": [lam[i] for i, _ in pairs],
        "lambda_j": [lam[j] for _, j in pairs],
        "delta": [sp.Integer(i == j) for i, j in pairs],
    }
    index_form = expand_loss(FIXED, rows).subs(trace, sum(lam))
    Q = rotation(d)
    assert (Q.T * Q).applyfunc(sp.cancel) == sp.eye(d)
    matrix_form = trace_form(Q * sp.diag(*lam) * Q.T, Q * V * Q.T, N, u)
    assert is_zero(matrix_form - index_form)
    assert not is_zero(trace_form(sp.diag(*lam), V.T * 2, N, u) - index_form)


def test_matrix_trace_form_is_the_index_form_for_every_dimension():
    """In the eigenbasis, with symbolic d: the traces as sums over indices, the deltas of diagonal matrices resolved."""
    d = sp.Symbol("d", integer=True, positive=True)
    i, j = sp.symbols("i j", integer=True, nonnegative=True)
    V, lam = sp.IndexedBase("V"), sp.IndexedBase("lambda")
    N, trace, u = FIXED.parameters
    delta, gamma = sp.KroneckerDelta, lam[i] + (lam[i] + trace) / N
    k, l = sp.symbols("k l", integer=True, nonnegative=True)
    # tr(Gamma Lambda V Lambda V^T) = sum of (Gamma Lambda)_ik V_kj Lambda_jl (V^T)_li, diagonal matrices as deltas
    summand = gamma * lam[i] * delta(i, k) * V[k, j] * lam[j] * delta(j, l) * V[i, l]
    for index in (k, l):
        summand = sp.summation(summand, (index, 0, d - 1)).args[0][0]
    linear = lam[i] ** 2 * delta(i, j) * V[i, j]
    row_form = FIXED.loss.args[0]
    at = {FIXED.z: V[i, j], FIXED.data[0]: lam[i], FIXED.data[1]: lam[j], FIXED.data[2]: delta(i, j)}
    assert is_zero(u**2 / 2 * summand - u * linear - row_form.xreplace(at))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_random_covariance_form_is_the_mean_of_the_fixed_one(d):
    """Lemma C.3 by an average over two diagonal covariances with weights 1/3 and 2/3."""
    _, V, pairs = eigenvalue_rows(d)
    atoms = [sp.symbols(f"{letter}1:{d + 1}", positive=True) for letter in "xy"]
    weights = (sp.Rational(1, 3), sp.Rational(2, 3))
    N, u = RANDOM.parameters

    def mean(f):
        return sum(w * f(lam) for w, lam in zip(weights, atoms, strict=True))

    rows = {
        "z": [V[i, j] for i, j in pairs],
        "cubic": [mean(lambda lam, i=i, j=j: lam[i] ** 2 * lam[j]) for i, j in pairs],
        "mixed": [mean(lambda lam, i=i, j=j: lam[i] * lam[j] * sum(lam)) for i, j in pairs],
        "square": [mean(lambda lam, i=i: lam[i] ** 2) if i == j else sp.Integer(0) for i, j in pairs],
    }
    assert is_zero(expand_loss(RANDOM, rows) - mean(lambda lam: trace_form(sp.diag(*lam), V, N, u)))
