"""2306.09927 along the flow for random covariances: Theorem 4.5 and Lemmas C.5 to C.8.

Two laws with exact moments: eigenvalues of two points each (one point is a deterministic covariance), and exponential
ones. Flows are certified, times are sampled, see `in_context_flow`.
"""

from proofs_check import Matrix, Param, Scalar, Size, Vector, assume, claim, constant
from proofs_check.arithmetic import dot, sqrt, vec, vector
from proofs_check.catalogue.in_context_training import (
    PAPER,
    assume_small_random_start,
    decayed,
    exponential,
    gamma,
    random,
    random_loss,
    random_names,
    two_points,
)
from proofs_check.catalogue.sharpening import sharpened

FLOWS = 32
"""Instances of a claim about a flow."""
FEW_FLOWS = 12
"""Of one that follows flows to their limits."""


@claim(
    "ICL-C.5",
    paper=PAPER,
    kind="equality",
    provenance="text",
    expect="proved",
    title="balance is conserved, random covariance",
)
def balance_is_conserved(
    d: Size(1, 3), N: Size(1, 8), low: Vector("d", low="1/8", high=8), high: Vector("d", low="1/8", high=8),
    p: Param(0, 1), U: Matrix("d", "d"), u: Scalar(-8, 8),
):  # fmt: skip
    r"""\langle U_{11}, \partial_{U_{11}} \ell \rangle = u \, \partial_u \ell at every state, so u^2 - tr U_{11} U_{11}^T stays 0"""
    law = two_points(N, low, high, p)
    loss, z = random_loss(d, N, law), vec(U)
    gradient = loss.gradient(z, vector([u]))
    return dot(z, gradient[: d * d]), u * gradient[d * d]


@claim(
    "ICL-C.5-flow",
    paper=PAPER,
    kind="upper",
    provenance="text",
    expect="holds",
    samples=FLOWS,
    title="balance along the flow, random covariance",
)
def balance_along_the_flow(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 8), low: Vector("d", low="1/2", high=1),
    high: Vector("d", low=1, high="3/2"), p: Param(0, 1), S: Matrix("d", "d", psd=True, frobenius=1),
):  # fmt: skip
    r"""u^2 = tr(U_{11} U_{11}^T) along the flow, certified to 10^{-6} u^2"""
    flow = random(d, N, two_points(N, low, high, p)).flow(S, t)
    u = flow.scalars[0]
    return abs(u**2 - dot(flow.z, flow.z)), u**2 / 10**6


@claim(
    "ICL-C.6",
    paper=PAPER,
    kind="lower",
    provenance="text",
    expect="holds",
    samples=FLOWS,
    title="u stays positive, random covariance",
)
def u_stays_positive(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 16), low: Vector("d", low="1/2", high=1),
    high: Vector("d", low=1, high="3/2"), p: Param(0, 1), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""(4.11) \Rightarrow u > 0, for the least u on the whole of [0, t]"""
    law = two_points(N, low, high, p)
    training = random(d, N, law)
    assume_small_random_start(random_names(training, law, S))
    return training.flow(S, t).lowest[0], 0


@claim(
    "ICL-C.7",
    paper=PAPER,
    kind="lower",
    provenance="text",
    expect="holds",
    samples=FLOWS,
    title="u is bounded below, random covariance",
)
def u_is_bounded_below(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 8), low: Vector("d", low="1/2", high=1),
    high: Vector("d", low=1, high="3/2"), p: Param(0, 1), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""(C.12): u \ge \sqrt{ \sigma^2 / (2 \sqrt d \|E \Lambda^2\|_{op}) [2 \|E[\Lambda] \Theta\|_F^2 - \sqrt d \sigma^2 E(\|\Gamma\|_{op}
    \|\Lambda\|_F^2)] }, for the least u on the whole of [0, t]"""
    law = two_points(N, low, high, p)
    training = random(d, N, law)
    letters = random_names(training, law, S)
    assume_small_random_start(letters)
    return training.flow(S, t).lowest[0], sqrt(constant("ICL-C.7", **letters))


u_is_bounded_below_sharp = sharpened(u_is_bounded_below)


@claim(
    "ICL-C.7-exponential",
    paper=PAPER,
    kind="lower",
    provenance="text",
    expect="holds",
    samples=FLOWS,
    title="u is bounded below, exponential law",
)
def u_is_bounded_below_for_exponentials(
    d: Size(1, 2), N: Param(1, 40), t: Param(0, 4), c: Param("1/2", 1), S: Matrix("d", "d", psd=True, frobenius="1/2")
):
    r"""(C.12) for \lambda_i = c Exp(1)"""
    law = exponential(d, N, c)
    training = random(d, N, law)
    letters = random_names(training, law, S)
    assume_small_random_start(letters)
    return training.flow(S, t).lowest[0], sqrt(constant("ICL-C.7", **letters))


u_is_bounded_below_for_exponentials_sharp = sharpened(u_is_bounded_below_for_exponentials)


@claim(
    "ICL-C.8",
    paper=PAPER,
    kind="lower",
    provenance="text",
    expect="holds",
    samples=FLOWS,
    title="PL inequality, random covariance",
)
def gradient_dominates(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 4), low: Vector("d", low="1/2", high=1),
    high: Vector("d", low=1, high="3/2"), p: Param(0, 1), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""\|\nabla \ell\|^2 \ge \mu (\ell - \min \ell) on the trajectory, \mu = \nu \sigma^2 / (2 \sqrt d \|E \Lambda^2\|_{op}) [2 \|E[\Lambda]
    \Theta\|_F^2 - \sqrt d \sigma^2 E(\|\Gamma\|_{op} \|\Lambda\|_F^2)], \nu the least of \eta_i, \zeta_{ij}; as printed"""
    law = two_points(N, low, high, p)
    training = random(d, N, law)
    letters = random_names(training, law, S)
    assume_small_random_start(letters)
    flow = training.flow(S, t)
    return training.slope(flow.z, flow.scalars), constant("ICL-C.8", **letters) * training.gap(flow.z, flow.scalars)


gradient_dominates_sharp = sharpened(gradient_dominates)


@claim(
    "ICL-C.8-exponential",
    paper=PAPER,
    kind="lower",
    provenance="text",
    expect="holds",
    samples=FLOWS,
    title="PL inequality, exponential law",
)
def gradient_dominates_for_exponentials(
    d: Size(1, 2), N: Param(1, 40), t: Param(0, 1), c: Param("1/2", 1), S: Matrix("d", "d", psd=True, frobenius="1/2")
):
    r"""\|\nabla \ell\|^2 \ge \mu (\ell - \min \ell) with the \mu of Lemma C.8 for \lambda_i = c Exp(1)"""
    law = exponential(d, N, c)
    training = random(d, N, law)
    letters = random_names(training, law, S)
    assume_small_random_start(letters)
    flow = training.flow(S, t)
    return training.slope(flow.z, flow.scalars), constant("ICL-C.8", **letters) * training.gap(flow.z, flow.scalars)


gradient_dominates_for_exponentials_sharp = sharpened(gradient_dominates_for_exponentials)


@claim(
    "ICL-C.8-twice",
    paper=PAPER,
    kind="lower",
    provenance="derived",
    expect="holds",
    samples=FLOWS,
    title="PL inequality without the half",
)
def gradient_dominates_without_the_half(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 4), low: Vector("d", low="1/2", high=1),
    high: Vector("d", low=1, high="3/2"), p: Param(0, 1), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""\|\nabla \ell\|^2 \ge 2 \mu (\ell - \min \ell) for the \mu of Lemma C.8: \|\partial_{U_{11}} \ell\|_F^2 \ge 2 \nu u^2 (\ell - \min \ell),
    and (C.12) bounds u^2 by \mu / \nu; the printed 1/2 is slack"""
    law = two_points(N, low, high, p)
    training = random(d, N, law)
    letters = random_names(training, law, S)
    assume_small_random_start(letters)
    flow = training.flow(S, t)
    mu = constant("ICL-C.8-twice") * constant("ICL-C.8", **letters)
    return training.slope(flow.z, flow.scalars), mu * training.gap(flow.z, flow.scalars)


gradient_dominates_without_the_half_sharp = sharpened(gradient_dominates_without_the_half)


@claim(
    "ICL-C.8-decay",
    paper=PAPER,
    kind="upper",
    provenance="text",
    expect="holds",
    samples=FLOWS,
    title="exponential decay, random covariance",
)
def loss_decays(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 8), low: Vector("d", low="1/2", high=1),
    high: Vector("d", low=1, high="3/2"), p: Param(0, 1), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""\ell(t) - \min \ell \le e^{-\mu t} (\ell(0) - \min \ell)"""
    law = two_points(N, low, high, p)
    training = random(d, N, law)
    letters = random_names(training, law, S)
    assume_small_random_start(letters)
    flow = training.flow(S, t)
    return training.gap(flow.z, flow.scalars), decayed(training, S, constant("ICL-C.8", **letters), t)


loss_decays_sharp = sharpened(loss_decays)


@claim(
    "ICL-4.5",
    paper=PAPER,
    kind="upper",
    provenance="text",
    expect="holds",
    samples=FLOWS,
    title="convergence, random covariance",
)
def converges(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 8), low: Vector("d", low="1/2", high=1),
    high: Vector("d", low=1, high="3/2"), p: Param(0, 1), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""Theorem 4.5, with the rate that its proof gives: \|u U_{11} - A\|_F and |u^2 - \|A\|_F|, A = E[\Gamma \Lambda^2]^{-1} E[\Lambda^2],
    are at most [2 e^{-\mu t} (\ell(0) - \min \ell) / \nu]^{1/2}, which vanishes as t \to \infty"""
    law = two_points(N, low, high, p)
    training = random(d, N, law)
    letters = random_names(training, law, S)
    assume_small_random_start(letters)
    bound = sqrt(training.square_reach(decayed(training, S, constant("ICL-C.8", **letters), t)))
    return training.from_the_product(training.flow(S, t)), vector([bound, bound])


@claim(
    "ICL-4.5-entry",
    paper=PAPER,
    kind="upper",
    provenance="derived",
    expect="holds",
    samples=FEW_FLOWS,
    title="entry into the basin, exponential law",
)
def enters_the_basin(
    d: Size(1, 2), N: Param(1, 40), t: Param(24, 32), c: Param("3/4", 1), S: Matrix("d", "d", psd=True, frobenius="1/2")
):
    r"""\|u U_{11} - A\|_F^2 \le \|A\|_F^2 / 4 for every state with at most the gap at t, for \lambda_i = c Exp(1): from t on u^2 \ge
    \|A\|_F / 2, and ||\partial_{U_{11}} \ell||^2 \ge 2 \nu u^2 (\ell - \min \ell) makes the flow of this instance provably converge to
    the global minimum, hence to the limits of Theorem 4.5"""
    law = exponential(d, N, c)
    training = random(d, N, law)
    letters = random_names(training, law, S)
    assume_small_random_start(letters)
    assume(20 * letters["sigma"], ">=", 1)
    flow = training.flow(S, t)
    return training.square_reach(training.gap(flow.z, flow.scalars)), dot(training.M, training.M) / 4


@claim(
    "ICL-C.8-limits",
    paper=PAPER,
    kind="upper",
    provenance="derived",
    expect="holds",
    samples=FEW_FLOWS,
    title="limits, exponential law",
)
def limits(
    d: Size(1, 2), N: Param(1, 40), t: Param(32, 40), c: Param("3/4", 1), S: Matrix("d", "d", psd=True, frobenius="1/2")
):
    r"""u \to [\sum \xi_i^2 / \eta_i^2]^{1/4}, u_{ii} \to [\sum \xi_i^2 / \eta_i^2]^{-1/4} \xi_i / \eta_i, u_{ij} \to 0 for \lambda_i = c Exp(1);
    certified: from t = 32 on, at sampled times, within 10^{-3} for \sigma \ge 1/20"""
    law = exponential(d, N, c)
    training = random(d, N, law)
    letters = random_names(training, law, S)
    assume_small_random_start(letters)
    assume(20 * letters["sigma"], ">=", 1)
    small = (0 * t + 1) / 10**3
    return training.from_the_limits(training.flow(S, t)), vector([small, small])


@claim(
    "ICL-C.8-limits-of-the-mean",
    paper=PAPER,
    kind="upper",
    provenance="derived",
    expect="refuted",
    samples=FEW_FLOWS,
    title="limits of the mean covariance",
)
def limits_of_the_mean(
    d: Size(1, 2), N: Param(1, 40), t: Param(32, 40), c: Param("3/4", 1), S: Matrix("d", "d", psd=True, frobenius="1/2")
):
    r"""The limits of Theorem 4.1 for the covariance E[\Lambda] (false: moments of order 2 and 3 decide)"""
    law = exponential(d, N, c)
    training = random(d, N, law)
    letters = random_names(training, law, S)
    assume_small_random_start(letters)
    assume(20 * letters["sigma"], ">=", 1)
    small = (0 * t + 1) / 10**3
    return training.from_the_limits(training.flow(S, t), 1 / gamma(N, law.m1)), vector([small, small])
