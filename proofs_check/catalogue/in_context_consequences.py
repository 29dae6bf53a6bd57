r"""Consequences of Theorem 4.2 of 2306.09927: rates, noiseless and averaged bounds, Corollary 4.3.

In the eigenbasis of \Lambda matrices are their eigenvalues; a, w are coordinates there. The lengths N and M enter the
formulas as numbers and range over the reals from 1 on.
"""

from fractions import Fraction

from proofs_check import Param, Size, Vector, claim, constant
from proofs_check.arithmetic import maximum, minimum, total
from proofs_check.catalogue.in_context_model import PAPER, averaged_risk, eigen_gamma, noiseless_risk
from proofs_check.catalogue.sharpening import sharpened


def _bias(lam, a, N):
    """The bracket of Theorem 4.2 over N^2: ||a||^2 in Gamma^{-2} Lambda (Lambda + tr(Lambda) I)^2."""
    return total(a**2 * lam * (lam + total(lam)) ** 2 / eigen_gamma(lam, N) ** 2) / N**2


def _bias_limit(lam, a):
    """N^2 times the bias as N grows: a^T Lambda (I + tr(Lambda) Lambda^{-1})^2 a."""
    return total(a**2 * (lam + total(lam)) ** 2 / lam)


@claim(
    "ICL-rates", paper=PAPER, kind="upper", provenance="derived", expect="holds", title="excess error O(1/M + 1/N^2)"
)
def excess_rate(
    d: Size(1, 8), N: Param(1, 10**8), M: Param(1, 10**8),
    lam: Vector("d", low="1/20", high=20), a: Vector("d"), sigma: Vector("d", low=0, high=20),
):  # fmt: skip
    r"""\frac1M tr[\Sigma \Gamma^{-2} \Lambda] + \frac1{N^2} [\ldots] \le \frac1M tr[\Sigma \Lambda^{-1}] + \frac1{N^2}
    \|(I + tr(\Lambda) \Lambda^{-1}) a\|^2_\Lambda; sigma is the diagonal of \Sigma, which alone enters"""
    excess = total(sigma * lam / eigen_gamma(lam, N) ** 2) / M + _bias(lam, a, N)
    return excess, constant("ICL-rates") * (total(sigma / lam) / M + _bias_limit(lam, a) / N**2)


excess_rate_sharp = sharpened(excess_rate)


@claim("ICL-rates-gap", paper=PAPER, kind="lower", provenance="derived", expect="holds", title="M alone leaves a gap")
def gap_of_long_prompts(d: Size(1, 8), N: Param(1, 10**8), lam: Vector("d", low="1/20", high=20), a: Vector("d")):
    r"""As M \to \infty an excess of at least \frac1{N^2} (1 + \frac1N + \frac{tr \Lambda}{N \lambda_{min}})^{-2} \|(I +
    tr(\Lambda) \Lambda^{-1}) a\|^2_\Lambda remains, which is positive for a \ne 0 and of the order 1/N^2 of
    ICL-rates"""
    factor = 1 + 1 / N + total(lam) / (N * minimum(lam))
    return _bias(lam, a, N), constant("ICL-rates-gap") * _bias_limit(lam, a) / (N * factor) ** 2


gap_of_long_prompts_sharp = sharpened(gap_of_long_prompts)


@claim("ICL-noiseless-bound", paper=PAPER, kind="upper", provenance="text", expect="holds", title="noiseless bound")
def noiseless_bound(
    d: Size(1, 8), N: Param(1, 10**8), M: Param(1, 10**8), lam: Vector("d", low="1/20", high=20), w: Vector("d")
):
    r"""Risk \le \frac{d+1}M \|w\|^2_\Lambda + \frac1{N^2} [\|w\|^2_\Lambda + 2 \|w\|_2^2 tr(\Lambda) +
    \|w\|^2_{\Lambda^{-1}} tr(\Lambda)^2]"""
    first = constant("ICL-noiseless-bound", d=d) * total(w**2 * lam) / M
    return noiseless_risk(lam, w, N, M), first + _bias_limit(lam, w) / N**2


noiseless_bound_sharp = sharpened(noiseless_bound)


@claim("ICL-averaged-first", paper=PAPER, kind="upper", provenance="text", expect="holds", title="averaged bound")
def averaged_bound(d: Size(1, 8), N: Param(1, 10**8), M: Param(1, 10**8), lam: Vector("d", low="1/20", high=20)):
    r"""Averaged risk \le \frac{(d+1) tr \Lambda}M + \frac1{N^2} [tr \Lambda + 2 d\, tr \Lambda + tr(\Lambda^{-1})
    tr(\Lambda)^2]"""
    t = total(lam)
    first = constant("ICL-averaged-first", d=d) * t / M
    return averaged_risk(lam, N, M), first + (t + 2 * d * t + total(1 / lam) * t**2) / N**2


averaged_bound_sharp = sharpened(averaged_bound)


@claim("ICL-averaged-second", paper=PAPER, kind="upper", provenance="text", expect="holds", title="by the condition")
def averaged_bound_by_the_condition(d: Size(1, 8), lam: Vector("d", low="1/20", high=20)):
    r"""tr \Lambda + 2 d\, tr \Lambda + tr(\Lambda^{-1}) tr(\Lambda)^2 \le (1 + 2 d + d^2 \kappa) tr \Lambda, \kappa the
    condition number"""
    t, kappa = total(lam), maximum(lam) / minimum(lam)
    return t + 2 * d * t + total(1 / lam) * t**2, constant("ICL-averaged-second", d=d, kappa=kappa) * t


averaged_bound_by_the_condition_sharp = sharpened(averaged_bound_by_the_condition)


@claim("ICL-4.3", paper=PAPER, kind="upper", provenance="text", expect="holds", title="in-context learns linear models")
def learns_linear_models(
    d: Size(1, 8), N: Param(1, 10**8), e: Param(Fraction(1, 10**20), 1), r: Param(0, 10),
    lam: Vector("d", low="1/20", high=20),
):  # fmt: skip
    r"""M = (1 + r) (d+1) tr(\Lambda) / \epsilon, r \ge 0 \Rightarrow averaged risk \le \eta + \epsilon, \eta = (1 + 2 d
    + d^2 \kappa) tr(\Lambda) / N^2. The prediction of the corollary is that of ICL-eq-4.2; its condition on \sigma,
    which is missing in the paper, is not needed (G2)"""
    t, kappa = total(lam), maximum(lam) / minimum(lam)
    M = (1 + r) * (d + 1) * t / e
    return averaged_risk(lam, N, M), constant("ICL-4.3", d=d, kappa=kappa) * t / N**2 + e


learns_linear_models_sharp = sharpened(learns_linear_models)
