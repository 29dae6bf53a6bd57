# ruff: noqa: E501 - one statement a line
"""Claims as a hostile referee would write them: no wrong verdict, and every false one refuted."""

import time

import pytest

from proofs_check import check, load_claims, replay
from proofs_check.selftest.statements import HEAD, declared

SAMPLES = 150
SECONDS = 10.0  # CPU: a false claim is to be refuted within this

# name: (kind, arguments, body, verdicts that a referee could accept)
STATEMENTS = {
    # Undefined on a part of the range.
    'div-thin': ('upper', 'x: Scalar(-1, 1)', 'return x / x, 1', {'holds', 'proved'}),
    'div-thin-eq': ('equality', 'x: Scalar(-1, 1)', 'return (x*x - 1)/(x - 1), x + 1', {'holds', 'proved'}),
    'nan-neg': ('upper', 'x: Scalar(-1, 1)', 'return sqrt(x), 1', {'holds', 'proved', 'undecided'}),
    'nan-all': ('upper', 'x: Scalar(1, 2)', 'return log(-x), 1', {'undecided'}),
    'nan-false-part': ('upper', 'x: Scalar(-1, 1)', 'return sqrt(x), Fraction(9, 10)', {'refuted'}),
    'nan-right-part': ('lower', 'x: Scalar(-1,1)', 'return x, sqrt(x) - 1', {'holds', 'undecided'}),
    'nan-right-false': ('lower', 'x: Scalar(-1,1)', 'return x, sqrt(x)', {'refuted'}),
    'div0-hyp-f': ('upper', 'x: Scalar(-1,1)', 'assume(1/x, ">=", 2); return x, Fraction(1,2) - Fraction(1,10**8)', {'refuted'}),
    'log-hyp': ('upper', 'x: Scalar(-1,3)', 'assume(log(x), ">=", 1); return x, Fraction(28,10)', {'refuted'}),
    'solve-sing': ('upper', 'A: Matrix(2,2, rank=1), b: Vector(2)', 'return norm2(solve(A, b)), 1', {'undecided'}),
    'pow-frac': ('upper', 'x: Scalar(0,1)', 'return x ** Fraction(1,3), 1', {'holds', 'proved'}),
    # Wrong on tiny sets that no sample meets.
    'pole-at-0': ('upper', 'x: Scalar(0, 1)', 'assume(x, ">", 0); return 1/x, 10**100', {'refuted'}),
    'pole-inside': ('upper', 'x: Scalar(0, 1)', 'return 3/(3*x - 1), 10**6', {'refuted'}),
    'double-root': ('lower', 'x: Scalar(0, 2)', 'return (x*x - 2)**2, Fraction(1, 10**18)', {'refuted'}),
    'near-1': ('upper', 'x: Scalar(0, 2)', 'return 1 - (x*x - 2)**2, 1 - Fraction(1, 10**20)', {'refuted'}),
    'needle': ('upper', 'x: Scalar(0, 1), y: Scalar(0, 1)', 'return exp(-10**16*((7*x - 3)**2 + (11*y - 4)**2)), Fraction(1, 2)', {'refuted'}),
    # Wrong at one size, one end, one structure.
    'only-d1-smooth': ('upper', 'd: Size(1, 16), x: Vector("d", norm2=1)', 'return norm2(x), Fraction(d*d, 1) - d + Fraction(99,100)', {'refuted'}),
    'R-upper-tiny': ('upper', 'R: Param(1, 8), x: Vector(3, norm2="R")', 'return norm2(x), 8 - Fraction(1, 10**12)', {'refuted'}),
    'R-lower-tiny': ('lower', 'R: Param("1/20", 8)', 'return R, Fraction(1,20) + Fraction(1, 10**30)', {'refuted'}),
    'R-mid2': ('upper', 'R: Param(0, 8)', 'return R * exp(-R), exp(-1) - Fraction(1,10**9)', {'refuted'}),
    'tiny-R2': ('upper', 'R: Param("1/1000000000000", 1)', 'return R - R**3/6, sinh(R) * (1 - R*R/3)', {'refuted'}),
    'orth-only': ('upper', 'Q: Matrix(3,3, orthogonal=True)', 'return trace(Q), 3 - Fraction(1,10**6)', {'refuted'}),
    'orth-det2x': ('equality', 'Q: Matrix(2,2, orthogonal=True)', 'return det(Q), 1', {'refuted'}),
    'orth-abs-f': ('upper', 'Q: Matrix(2,2, orthogonal=True)', 'return total(absolute(Q)), 2*sqrt(2) - Fraction(1,10**6)', {'refuted'}),
    'rank1-nuclear': ('upper', 'n: Size(2,5), A: Matrix("n","n", rank=1, frobenius=2)', 'return frobenius(A), spectral(A) * (1 - Fraction(1,10**8))', {'refuted'}),
    'rank-one-false': ('equality', 'A: Matrix(3,3, symmetric=True, spectral=2)', 'return det(A) , 0', {'refuted'}),
    'equal-entries2': ('upper', 'x: Vector(4, low=1, high=2)', 'return total(x) ** 2, 4 * total(x*x) * (1 - Fraction(1, 10**12))', {'refuted'}),
    'eig-n3-only': ('lower', 'n: Size(1,6), A: Matrix("n","n", psd=True, spectral=1)', 'return lambda_max(A) * (n if n != 5 else n - 1), trace(A)', {'refuted'}),
    'tied-n2': ('upper', 'n: Size(1, 4), x: Vector("n**2", norm_inf=1)', 'return norm1(x), n', {'refuted'}),
    'sign-flip-d1': ('lower', 'd: Size(1,5), A: Matrix("d","d", symmetric=True, spectral=1)', 'return lambda_max(A) - lambda_min(A), 0 if d > 1 else Fraction(1,100)', {'refuted'}),
    # Cancellation, and scales beyond floats.
    'cancel-false': ('equality', 'x: Scalar(1, 2)', 'return (10**30 + x) - 10**30, x + Fraction(1,10**40)', {'refuted'}),
    'cancel-exp-false': ('lower', 'x: Scalar(1, 2)', 'return exp(x) * exp(-x) - 1, Fraction(1, 10**100)', {'refuted'}),
    'denormal': ('upper', 'x: Scalar(0, 1)', 'return x * Fraction(1, 10**400), Fraction(1, 2*10**400)', {'refuted'}),
    'denormal-true': ('upper', 'x: Scalar(0, 1)', 'return x * Fraction(1, 10**400), Fraction(1, 10**400)', {'holds', 'proved'}),
    'num-eq-1e30': ('equality', 'x: Scalar(1, 2)', 'return x + Fraction(1, 10**30), x', {'refuted'}),
    'near-tie-sqrt': ('equality', 'x: Scalar(1, 2)', 'return sqrt(x*x + 1) * sqrt(x*x + 1), x*x + 1 + Fraction(1,10**200)', {'refuted'}),
    'near-zero-eigenvalue': ('upper', 'x: Vector(3, norm2=1)', 'p = softmax(x); return Fraction(1, 10**100) - lambda_min(diagonal(p) - outer(p, p)), 0', {'refuted'}),
    'tiny-against-zero': ('upper', 'x: Scalar(1, 2)', 'return x * exp(x) * Fraction(1, 10**300), 0', {'refuted'}),
    'far-equality': ('equality', 'x: Scalar(1, 2)', 'return tanh(100 * x + 400), 1 + 0 * x', {'refuted'}),
    'near-tie-exp2': ('upper', 'x: Scalar(1, 2)', 'return 1 + exp(-5000), exp(x)*exp(-x)', {'refuted', 'undecided'}),
    # Hypotheses.
    'unsat2': ('upper', 'x: Vector(3, norm2=1)', 'assume(norm1(x), ">", 2); return norm2(x), 5', {'vacuous'}),
    'unsat-strict': ('upper', 'x: Scalar(0,1)', 'assume(x, ">", 0); assume(x, "<", 0); return x, 2', {'vacuous'}),
    'unsat-thin': ('upper', 'x: Scalar(0,1)', 'assume(x*x, "==", Fraction(1,3)); return x, 0', {'undecided', 'vacuous'}),
    'sat-thin': ('upper', 'x: Scalar(0,1)', 'assume(x*x, "==", Fraction(1,4)); return x, Fraction(49,100)', {'refuted'}),
    'sat-border': ('upper', 'x: Scalar(0,1)', 'assume(x, ">=", 1); return x, Fraction(99,100)', {'refuted'}),
    'sat-psd-thin': ('upper', 'A: Matrix(2,2, symmetric=True, spectral=1)', 'assume(lambda_min(A), ">=", 1 - Fraction(1,10**9)); return trace(A), 1', {'refuted'}),
    # True, and their false twins.
    'softmax-l2': ('lower', 'n: Size(1, 6), x: Vector("n", norm2=3)', 'p = softmax(x); return dot(p,p), Fraction(1,n)', {'holds', 'proved'}),
    'softmax-l2f': ('lower', 'n: Size(1, 6), x: Vector("n", norm2=3)', 'p = softmax(x); return dot(p,p), Fraction(1,n) + Fraction(1, 10**9)', {'refuted'}),
    'softmax-lip-f2': ('upper', 'n: Size(2, 6), x: Vector("n", norm2=3), y: Vector("n", norm2=3)', 'return norm2(softmax(x)-softmax(y)), norm2(x-y) * Fraction(4999,10000)', {'refuted'}),
    'logsumexp-f': ('upper', 'n: Size(1, 6), x: Vector("n", norm2=3)', 'return log(total(exp(x))), maximum(x) + log(n) - Fraction(1, 1000)', {'refuted'}),
    'abs-min': ('lower', 'x: Vector(3, norm2=1)', 'return norm_inf(x), norm2(x)/sqrt(3)', {'holds', 'proved'}),
    'abs-min-f': ('lower', 'x: Vector(3, norm2=1)', 'return norm_inf(x), norm2(x)/sqrt(3) * (1 + Fraction(1,10**12))', {'refuted'}),
    'spec-vs-frob-f': ('upper', 'n: Size(1,5), A: Matrix("n","n")', 'return frobenius(A), sqrt(n) * spectral(A) * (1 - Fraction(1,10**7))', {'refuted'}),
    'weyl-f': ('upper', 'A: Matrix(3,3, symmetric=True, spectral=3), B: Matrix(3,3, symmetric=True, spectral=3)', 'return absolute(lambda_max(A) - lambda_max(B)), spectral(A - B) * Fraction(9999,10000)', {'refuted'}),
    'psd-det-f': ('upper', 'A: Matrix(3,3, psd=True, spectral=2)', 'return det(A), (trace(A)/3)**3 * (1 - Fraction(1,1000))', {'refuted'}),
    'submult-f': ('upper', 'A: Matrix(3,3), B: Matrix(3,3)', 'return spectral(A @ B), spectral(A)*spectral(B) * (1 - Fraction(1,10**5))', {'refuted'}),
    'commute': ('equality', 'A: Matrix(2,2), B: Matrix(2,2)', 'return A @ B, B @ A', {'refuted'}),
    'kron-mixed': ('equality', 'A: Matrix(2,2), B: Matrix(2,2), x: Vector(2), y: Vector(2)', 'return kron(A,B) @ vec(outer(x,y)), vec(outer(A @ x, B @ y))', {'holds', 'proved'}),
    'simplex-kl-f': ('lower', 'n: Size(2,5), p: Vector("n", simplex=True, low="1/100"), q: Vector("n", simplex=True, low="1/100")', 'return total(p * log(p / q)), norm1(p-q)**2 * Fraction(51,100)', {'refuted'}),
    'entropy-f': ('upper', 'n: Size(1,8), p: Vector("n", simplex=True, low="1/1000")', 'return -total(p*log(p)), log(n) * (1 - Fraction(1,10**6)) ', {'refuted'}),
    'beta-f': ('lower', 'n: Size(1, 16), R: Param(1, 4), x: Vector("n", norm_inf="R")', 'return total(exp(x)), n * exp(-R) * (1 + Fraction(1,10**9))', {'refuted'}),
    'hess-psd-f': ('upper', 'n: Size(2,4), z: Vector("n", norm_inf=2)', 'p = softmax(z); return lambda_max(diagonal(p) - outer(p,p)), Fraction(1,2) - Fraction(1,1000)', {'refuted'}),
    'hess-psd': ('lower', 'n: Size(1,4), z: Vector("n", norm_inf=2)', 'p = softmax(z); return lambda_min(diagonal(p) - outer(p,p)), 0', {'holds', 'proved'}),
    "gram-zero": ("lower", "x: Vector(3, norm_inf=2), y: Vector(3, norm_inf=2)", "return lambda_min(outer(exp(x), exp(x)) + outer(exp(y), exp(y))), 0", {"holds"}),
    "lam-min-zero": ("equality", 'n: Size(2, 4), z: Vector("n", norm_inf=2)', "p = softmax(z); return lambda_min(diagonal(p) - outer(p, p)), 0", {"holds"}),
}  # fmt: skip


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_referee_gets_the_right_verdict(name, tmp_path):
    kind, arguments, body, accepted = STATEMENTS[name]
    path = tmp_path / "referee.py"
    path.write_text(HEAD + declared(name, kind, arguments, body))
    begun = time.process_time()
    (verdict,) = check(load_claims(path), samples=SAMPLES, witness_dir=tmp_path)
    assert verdict.outcome in accepted, verdict.message
    assert time.process_time() - begun < SECONDS
    assert verdict.witness is None or replay(verdict.witness).confirmed
