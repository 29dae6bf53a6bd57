"""Errors in relatives of the three papers that were read as text; their lemmas are used again.

JE is the source of the leverage-score sampling lemma, AS the attention-gradient paper with the same notation.
"""

from fractions import Fraction
from math import comb

from proofs_check import Matrix, Size, assume, claim, constant
from proofs_check.arithmetic import kron, vector
from proofs_check.catalogue.sharpening import sharpened

PAPER = "2307.02419"


def _rademacher_tail(s, k):
    """Pr[|sum of s fair signs| >= k], an exact binomial tail."""
    ways = sum(comb(int(s), j) for j in range(int(s) + 1) if abs(int(s) - 2 * j) >= k)
    return Fraction(ways, 2 ** int(s))


@claim("JE-2.9", paper=PAPER, kind="upper", provenance="text-relative", expect="refuted", title="matrix Bernstein tail")
def tail_as_printed(s: Size(1, 40), k: Size(1, 40)):
    r"""\Pr[\|\frac1s \sum_i X_i\| \ge \epsilon] \le 2 d \exp(-s \epsilon^2 / (\sigma^2 + \gamma \epsilon / 3)), here for
    d = 1, fair signs X_i and \epsilon = k / s (false: a factor 1/2 is missing in the exponent)"""
    assume(k, "<=", s)
    return _rademacher_tail(s, k), 2 * constant("JE-2.9", s=s, e=k / s, v=1, g=1)


@claim(
    "JE-2.9-half", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="Bernstein tail, corrected"
)
def tail_with_one_half(s: Size(1, 40), k: Size(1, 40)):
    r"""\Pr[\|\frac1s \sum_i X_i\| \ge \epsilon] \le 2 d \exp(-s \epsilon^2 / (2 (\sigma^2 + \gamma \epsilon / 3))), here
    for d = 1, fair signs X_i and \epsilon = k / s"""
    assume(k, "<=", s)
    return _rademacher_tail(s, k), 2 * constant("JE-2.9-half", s=s, e=k / s, v=1, g=1)


tail_with_one_half_sharp = sharpened(tail_with_one_half)


def _entries(X, Y, width):
    """Entries of kron(X, Y) at row (j0, j1), column i0 * width + i1 where that exists, and X[j0, i0] * Y[j1, i1]."""
    (n2, m2), (n1, m1) = X.shape, Y.shape
    places = [(j0, j1, i0, i1) for j0 in range(n2) for j1 in range(n1) for i0 in range(m2) for i1 in range(m1)]
    places = [(j0, j1, i0, i1) for j0, j1, i0, i1 in places if i0 * width + i1 < m1 * m2]
    product = kron(X, Y)
    left = [product[j0 * n1 + j1, i0 * width + i1] for j0, j1, i0, i1 in places]
    return vector(left), vector([X[j0, i0] * Y[j1, i1] for j0, j1, i0, i1 in places])


@claim("AS-kron", paper=PAPER, kind="equality", provenance="text-relative", expect="refuted", title="Kronecker index")
def kronecker_index_as_printed(
    n1: Size(1, 3), m1: Size(1, 3), n2: Size(1, 3), m2: Size(1, 3), X: Matrix("n2", "m2"), Y: Matrix("n1", "m1")
):
    r"""(X \otimes Y)_{(j_0 - 1) n_1 + j_1, (i_0 - 1) m_2 + i_1} = X_{j_0, i_0} Y_{j_1, i_1} (false: m_2 where m_1 is
    meant)"""
    return _entries(X, Y, m2)


@claim(
    "AS-kron-m1",
    paper=PAPER,
    kind="equality",
    provenance="derived",
    expect="proved",
    title="Kronecker index, corrected",
)
def kronecker_index(
    n1: Size(1, 2), m1: Size(1, 3), n2: Size(1, 2), m2: Size(1, 3), X: Matrix("n2", "m2"), Y: Matrix("n1", "m1")
):
    r"""(X \otimes Y)_{(j_0 - 1) n_1 + j_1, (i_0 - 1) m_1 + i_1} = X_{j_0, i_0} Y_{j_1, i_1}"""
    return _entries(X, Y, m1)


@claim("AS-q", paper=PAPER, kind="equality", provenance="text-relative", expect="refuted", title="q, defined twice")
def two_definitions_of_q(n: Size(2, 6), d: Size(1, 4), c: Matrix("n", "d"), h: Matrix("n", "d")):
    r"""c h^\top = h c^\top: the two places that define q agree (false: they are transposes of each other)"""
    return c @ h.T, h @ c.T
