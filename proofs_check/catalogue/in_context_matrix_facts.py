r"""Appendix D of 2306.09927: derivatives and inequalities of matrices.

Derivatives of quadratic functions are differences, f(X + V) - f(X - V) over 2, which are exact for them.
"""

import numpy as np

from proofs_check import Matrix, Size, Vector, assume, claim, constant
from proofs_check.arithmetic import (
    dot,
    frobenius,
    kron,
    lambda_min,
    norm2,
    ones,
    outer,
    spectral,
    total,
    trace,
    vec,
    vector,
)
from proofs_check.catalogue.in_context_model import PAPER, quadratic
from proofs_check.catalogue.in_context_polynomials import gaussian, lift, means
from proofs_check.catalogue.sharpening import sharpened


def _slope(f, X, V):
    return (f(X + V) - f(X - V)) / 2


@claim("ICL-D.1-form", paper=PAPER, kind="equality", provenance="text", expect="proved", title="quadratic form")
def derivative_of_a_form(n: Size(1, 4), B: Matrix("n", "n"), x: Vector("n"), v: Vector("n")):
    r"""\partial_x x^\top B x = (B + B^\top) x"""
    return _slope(lambda y: quadratic(y, B), x, v), dot(v, (B + B.T) @ x)


@claim("ICL-D.1-vec", paper=PAPER, kind="equality", provenance="text", expect="proved", title="vec by columns")
def vec_of_a_product(m: Size(1, 4), n: Size(1, 4), A: Matrix("m", "n"), X: Matrix("n", "m"), B: Matrix("m", "n")):
    r"""vec(A X B) = (B^\top \otimes A) vec(X), vec by columns"""
    return vec((A @ X @ B).T), kron(B.T, A) @ vec(X.T)


@claim(
    "ICL-D.1-vec-swapped", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="factors swapped"
)
def vec_of_a_product_swapped(n: Size(1, 3), A: Matrix("n", "n"), X: Matrix("n", "n"), B: Matrix("n", "n")):
    r"""vec(A X B) = (A \otimes B^\top) vec(X), vec by columns (false)"""
    return vec((A @ X @ B).T), kron(A, B.T) @ vec(X.T)


@claim("ICL-D.1-trace", paper=PAPER, kind="equality", provenance="text", expect="proved", title="inner product")
def trace_as_inner_product(m: Size(1, 4), n: Size(1, 4), A: Matrix("m", "n"), B: Matrix("m", "n")):
    r"""tr(A^\top B) = vec(A)^\top vec(B)"""
    return trace(A.T @ B), dot(vec(A.T), vec(B.T))


@claim("ICL-D.1-square", paper=PAPER, kind="equality", provenance="text", expect="proved", title="tr(X B X^T)")
def derivative_of_a_square(m: Size(1, 3), n: Size(1, 3), B: Matrix("n", "n"), X: Matrix("m", "n"), V: Matrix("m", "n")):
    r"""\partial_X tr(X B X^\top) = X B^\top + X B"""
    return _slope(lambda Y: trace(Y @ B @ Y.T), X, V), trace(V.T @ (X @ B.T + X @ B))


@claim("ICL-D.1-linear", paper=PAPER, kind="equality", provenance="text", expect="proved", title="tr(A X^T)")
def derivative_of_a_linear_form(
    m: Size(1, 3), n: Size(1, 3), A: Matrix("m", "n"), X: Matrix("m", "n"), V: Matrix("m", "n")
):
    r"""\partial_X tr(A X^\top) = A"""
    return _slope(lambda Y: trace(A @ Y.T), X, V), trace(V.T @ A)


@claim("ICL-D.1-product", paper=PAPER, kind="equality", provenance="text", expect="proved", title="tr(A X B X^T C)")
def derivative_of_a_product(
    n: Size(1, 2),
    A: Matrix("n", "n"),
    B: Matrix("n", "n"),
    C: Matrix("n", "n"),
    X: Matrix("n", "n"),
    V: Matrix("n", "n"),
):
    r"""\partial_X tr(A X B X^\top C) = A^\top C^\top X B^\top + C A X B"""
    gradient = A.T @ C.T @ X @ B.T + C @ A @ X @ B
    return _slope(lambda Y: trace(A @ Y @ B @ Y.T @ C), X, V), trace(V.T @ gradient)


def _fourth_moment(A, C):
    x = gaussian(C, "x")
    square = np.outer(x, x)
    return means(square @ lift(A) @ square)


@claim("ICL-D.2", paper=PAPER, kind="equality", provenance="text", expect="proved", title="fourth moments")
def fourth_moments(d: Size(1, 2), C: Matrix("d", "d"), A: Matrix("d", "d")):
    r"""E[x x^\top A x x^\top] = \Lambda (A + A^\top) \Lambda + tr(A \Lambda) \Lambda for x \sim N(0, \Lambda), \Lambda
    = C C^\top, by exact moments"""
    Lambda = C @ C.T
    return _fourth_moment(A, C), Lambda @ (A + A.T) @ Lambda + trace(A @ Lambda) * Lambda


@claim("ICL-D.2-twice", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="A not symmetric")
def fourth_moments_without_the_transpose(d: Size(1, 3), C: Matrix("d", "d"), A: Matrix("d", "d")):
    r"""E[x x^\top A x x^\top] = 2 \Lambda A \Lambda + tr(A \Lambda) \Lambda (false where A is not symmetric)"""
    Lambda = C @ C.T
    return _fourth_moment(A, C), 2 * Lambda @ A @ Lambda + trace(A @ Lambda) * Lambda


def _falling(steps):
    """Singular values in falling order from steps that are not negative."""
    entries = [steps[-1]]
    for i in range(len(steps) - 2, -1, -1):
        entries.append(entries[-1] + steps[i])
    return vector(entries[::-1])


@claim("ICL-D.3-neumann", paper=PAPER, kind="upper", provenance="text", expect="holds", title="von Neumann")
def trace_below_singular_values(
    n: Size(1, 4), d: Size(1, 3), s: Vector("d", low=0, high=4), t: Vector("d", low=0, high=4),
    P: Matrix("d", "d", orthogonal=True), Q: Matrix("n", "d", orthogonal=True),
    R: Matrix("d", "d", orthogonal=True), S: Matrix("n", "d", orthogonal=True),
):  # fmt: skip
    r"""tr(U^\top V) \le \sum \sigma_i(U) \sigma_i(V) for U = P diag(\sigma(U)) Q^\top, V = R diag(\sigma(V)) S^\top, d
    \le n; the singular values are sums of s and of t from the end"""
    a, b = _falling(s), _falling(t)
    U, V = ((left * _rows(values, d)) @ right.T for left, values, right in ((P, a, Q), (R, b, S)))
    return trace(U.T @ V), constant("ICL-D.3-neumann") * dot(a, b)


def _rows(values, d):
    """A d x d matrix with the values in each row."""
    return outer(ones(d), values)


trace_below_singular_values_sharp = sharpened(trace_below_singular_values)


@claim("ICL-D.3-norm", paper=PAPER, kind="upper", provenance="text", expect="holds", title="largest singular value")
def singular_values_below_the_norm(d: Size(1, 8), s: Vector("d", low=0, high=4), t: Vector("d", low=0, high=4)):
    r"""\sum \sigma_i(U) \sigma_i(V) \le \|U\|_{op} \sum \sigma_i(V)"""
    a, b = _falling(s), _falling(t)
    return dot(a, b), constant("ICL-D.3-norm") * a[0] * total(b)


singular_values_below_the_norm_sharp = sharpened(singular_values_below_the_norm)


@claim("ICL-D.3-root", paper=PAPER, kind="upper", provenance="text", expect="holds", title="sum of singular values")
def singular_values_below_the_root(d: Size(1, 8), t: Vector("d", low=0, high=4)):
    r"""\sum \sigma_i(V) \le \sqrt d \|V\|_F"""
    b = _falling(t)
    return total(b), constant("ICL-D.3-root", d=d) * norm2(b)


singular_values_below_the_root_sharp = sharpened(singular_values_below_the_root)


@claim("ICL-D.3", paper=PAPER, kind="upper", provenance="text", expect="holds", title="both ends")
def trace_below_the_norms(d: Size(1, 3), k: Size(1, 3), U: Matrix("d", "d+k-1"), V: Matrix("d", "d+k-1")):
    r"""tr(U^\top V) \le \sqrt d \|U\|_{op} \|V\|_F for d x n matrices, d \le n"""
    return trace(U.T @ V), constant("ICL-D.3", d=d) * spectral(U) * frobenius(V)


trace_below_the_norms_sharp = sharpened(trace_below_the_norms)


@claim("ICL-D.4-trace", paper=PAPER, kind="lower", provenance="text", expect="holds", title="trace of a product")
def trace_of_a_product(d: Size(1, 4), A: Matrix("d", "d", psd=True), B: Matrix("d", "d", psd=True)):
    r"""A, B \succeq 0 \Rightarrow tr(A B) \ge 0"""
    return trace(A @ B), 0


@claim("ICL-D.4", paper=PAPER, kind="equality", provenance="text", expect="proved", title="symmetric iff they commute")
def product_is_symmetric(d: Size(1, 4), A: Matrix("d", "d", symmetric=True), B: Matrix("d", "d", symmetric=True)):
    r"""A B - (A B)^\top = A B - B A. With M \succeq 0 read as "M is symmetric and x^\top M x \ge 0 for all x", the
    reading of the verdict, A B \succeq 0 implies A B = B A; ICL-D.4-commuting is the converse: the lemma holds"""
    return A @ B - (A @ B).T, A @ B - B @ A


@claim("ICL-D.4-commuting", paper=PAPER, kind="lower", provenance="text", expect="holds", title="commuting factors")
def commuting_product(
    d: Size(1, 3), Q: Matrix("d", "d", orthogonal=True),
    a: Vector("d", low=0, high=4), b: Vector("d", low=0, high=4), x: Vector("d"),
):  # fmt: skip
    r"""A, B \succeq 0 and A B = B A \Rightarrow x^\top A B x \ge 0; commuting A, B share an eigenbasis Q"""
    A, B = (Q @ (_rows(values, d) * Q).T for values in (a, b))
    return quadratic(x, A @ B), 0


@claim("ICL-D.4-form", paper=PAPER, kind="equality", provenance="derived", expect="refuted", title="by the form alone")
def form_implies_commuting(d: Size(2, 3), A: Matrix("d", "d", psd=True), B: Matrix("d", "d", psd=True)):
    r"""A, B \succeq 0 and x^\top A B x \ge 0 for all x \Rightarrow A B = B A (false: read without symmetry, the lemma
    fails)"""
    assume(lambda_min(A @ B + B @ A), ">=", 0)
    return A @ B, B @ A


@claim("ICL-D.4-any", paper=PAPER, kind="lower", provenance="derived", expect="refuted", title="without commuting")
def any_product(d: Size(2, 3), A: Matrix("d", "d", psd=True), B: Matrix("d", "d", psd=True), x: Vector("d")):
    r"""A, B \succeq 0 \Rightarrow x^\top A B x \ge 0 (false where A B \ne B A)"""
    return quadratic(x, A @ B), 0
