"""2306.09927 along the flow of one covariance: Theorem 4.1, Lemmas A.3 to A.5 and 5.4, exponential decay, (5.9).

Flows are certified: their enclosures are proved at 128 bits and more (see `proofs_check.flows`). Times are arguments, so
a statement "for all t" is checked at sampled ones; where it speaks of the least u on the way, on all of [0, t]. N is any
real number of at least 1.
"""

from proofs_check import Matrix, Param, Scalar, Size, Vector, assume, claim, constant
from proofs_check.arithmetic import dot, sqrt, vec, vector
from proofs_check.catalogue.in_context_training import PAPER, assume_small_start, decayed, fixed, fixed_loss, names
from proofs_check.catalogue.sharpening import sharpened

FLOWS = 32
"""Instances of a claim about a flow."""
MORE_FLOWS = 64
"""Of one whose worst instances are rare."""
FEW_FLOWS = 12
"""Of one that follows flows to their limits."""


@claim("ICL-A.3", paper=PAPER, kind="equality", provenance="text", expect="proved", title="balance is conserved")
def balance_is_conserved(
    d: Size(1, 3), N: Size(1, 8), Lambda: Vector("d", low="1/8", high=8), U: Matrix("d", "d"), u: Scalar(-8, 8)
):
    r"""\langle U_{11}, \partial_{U_{11}} \ell \rangle = u \, \partial_u \ell at every state, so (u^2 - tr U_{11} U_{11}^T)' = 0;
    it is 0 at the start of Assumption 3.3. Both sides are affine in 1/N, so N = 1, 2 settle all N."""
    loss, z = fixed_loss(d, N, Lambda), vec(U)
    gradient = loss.gradient(z, vector([u]))
    return dot(z, gradient[: d * d]), u * gradient[d * d]


@claim(
    "ICL-A.3-flow",
    paper=PAPER,
    kind="upper",
    provenance="text",
    expect="holds",
    samples=FLOWS,
    title="balance along the flow",
)
def balance_along_the_flow(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 8),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius=1),
):  # fmt: skip
    r"""u^2 = tr(U_{11} U_{11}^T) along the flow, certified to 10^{-6} u^2"""
    flow = fixed(d, N, Lambda).flow(S, t)
    u = flow.scalars[0]
    return abs(u**2 - dot(flow.z, flow.z)), u**2 / 10**6


@claim(
    "ICL-A.3-twice",
    paper=PAPER,
    kind="upper",
    provenance="derived",
    expect="refuted",
    samples=FLOWS,
    title="balance, factor 2",
)
def balance_with_a_factor(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 8),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius=1),
):  # fmt: skip
    r"""u^2 = 2 tr(U_{11} U_{11}^T) to 10^{-6} u^2 (false)"""
    flow = fixed(d, N, Lambda).flow(S, t)
    u = flow.scalars[0]
    return abs(u**2 - 2 * dot(flow.z, flow.z)), u**2 / 10**6


@claim("ICL-A.4", paper=PAPER, kind="lower", provenance="text", expect="holds", samples=FLOWS, title="u stays positive")
def u_stays_positive(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 16),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""0 < \sigma < \sqrt{2 / (\sqrt d \|\Gamma\|_{op})} \Rightarrow u > 0, for the least u on the whole of [0, t]"""
    training = fixed(d, N, Lambda)
    assume_small_start(names(training, N, Lambda, S))
    return training.flow(S, t).lowest[0], 0


@claim("ICL-A.4-start", paper=PAPER, kind="upper", provenance="text", expect="holds", title="the loss starts below 0")
def the_loss_starts_below_zero(
    d: Size(1, 3), N: Param(1, 40), Lambda: Vector("d", low="1/8", high=8), S: Matrix("d", "d", psd=True, frobenius=2)
):
    r"""\ell(0) \le (\sigma^2/2) \|\Lambda \Theta\|_F^2 (\sqrt d \sigma^2 \|\Gamma\|_{op} - 2)"""
    training = fixed(d, N, Lambda)
    letters = names(training, N, Lambda, S)
    assume_small_start(letters)
    return training.loss.value(*training.start(S)), constant("ICL-A.4-start", **letters)


the_loss_starts_below_zero_sharp = sharpened(the_loss_starts_below_zero)


@claim("ICL-A.4-zero", paper=PAPER, kind="equality", provenance="text", expect="proved", title="the loss at u = 0")
def the_loss_without_u(d: Size(1, 3), N: Size(1, 8), Lambda: Vector("d", low="1/8", high=8), U: Matrix("d", "d")):
    r"""\ell(U_{11}, 0) = 0"""
    zero = 0 * Lambda[0]
    return fixed_loss(d, N, Lambda).value(vec(U), vector([zero])), zero


@claim(
    "ICL-A.5", paper=PAPER, kind="lower", provenance="text", expect="holds", samples=FLOWS, title="u is bounded below"
)
def u_is_bounded_below(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 16),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""(A.14): u \ge \sqrt{ \sigma^2 / (2 \sqrt d \|\Lambda\|_{op}^2) \|\Lambda \Theta\|_F^2 [2 - \sqrt d \sigma^2 \|\Gamma\|_{op}] },
    for the least u on the whole of [0, t]; attained in the limit d = 1, \sigma \to 0"""
    training = fixed(d, N, Lambda)
    letters = names(training, N, Lambda, S)
    assume_small_start(letters)
    return training.flow(S, t).lowest[0], sqrt(constant("ICL-A.5", **letters))


u_is_bounded_below_sharp = sharpened(u_is_bounded_below)


@claim(
    "ICL-A.5-ten",
    paper=PAPER,
    kind="lower",
    provenance="derived",
    expect="refuted",
    samples=FLOWS,
    title="u above ten times the bound",
)
def u_above_ten_times_the_bound(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 16),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""u \ge 10 times the bound (A.14) (false: u is at most \sigma there)"""
    training = fixed(d, N, Lambda)
    letters = names(training, N, Lambda, S)
    assume_small_start(letters)
    return training.flow(S, t).lowest[0], constant("ICL-A.5-ten") * sqrt(constant("ICL-A.5", **letters))


@claim(
    "ICL-5.4", paper=PAPER, kind="lower", provenance="text", expect="holds", samples=MORE_FLOWS, title="PL inequality"
)
def gradient_dominates(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 4),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""(5.7), (5.8): \|\nabla \ell\|^2 \ge \mu (\ell - \min \ell) on the trajectory, \mu = \sigma^2 \|\Lambda \Theta\|_F^2 [2 - \sqrt d
    \sigma^2 \|\Gamma\|_{op}] / (\sqrt d \|\Lambda\|_{op}^2 tr(\Gamma^{-1} \Lambda^{-1}) tr(\Lambda^{-1}))"""
    training = fixed(d, N, Lambda)
    letters = names(training, N, Lambda, S)
    assume_small_start(letters)
    flow = training.flow(S, t)
    return training.slope(flow.z, flow.scalars), constant("ICL-5.4", **letters) * training.gap(flow.z, flow.scalars)


gradient_dominates_sharp = sharpened(gradient_dominates)


@claim(
    "ICL-5.4-twice",
    paper=PAPER,
    kind="lower",
    provenance="derived",
    expect="holds",
    samples=MORE_FLOWS,
    title="PL inequality, 2 mu",
)
def gradient_dominates_twice(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 4),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""\|\nabla \ell\|^2 \ge 2 \mu (\ell - \min \ell). At d = 1 a theorem: u = U_{11} doubles |\partial_{U_{11}} \ell|^2, the ratio is
    4 u^2 \gamma \lambda^2, and (A.14) bounds u; 2 is best there, as \sigma \to 0. For d > 1 observed."""
    training = fixed(d, N, Lambda)
    letters = names(training, N, Lambda, S)
    assume_small_start(letters)
    flow = training.flow(S, t)
    mu = constant("ICL-5.4-twice") * constant("ICL-5.4", **letters)
    return training.slope(flow.z, flow.scalars), mu * training.gap(flow.z, flow.scalars)


@claim(
    "ICL-5.4-best",
    paper=PAPER,
    kind="lower",
    provenance="derived",
    expect="refuted",
    samples=MORE_FLOWS,
    title="PL inequality, 2.01 mu",
)
def gradient_dominates_beyond_twice(
    d: Size(1, 2), N: Param(1, 40), t: Param(0, 1),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius="1/32"),
):  # fmt: skip
    r"""\|\nabla \ell\|^2 \ge (201/100) \mu (\ell - \min \ell) (false: 2 \mu / (1 - \sigma^2 \gamma / 2) is the ratio at d = 1, t = 0)"""
    training = fixed(d, N, Lambda)
    letters = names(training, N, Lambda, S)
    assume_small_start(letters)
    flow = training.flow(S, t)
    mu = constant("ICL-5.4-best") * constant("ICL-5.4", **letters)
    return training.slope(flow.z, flow.scalars), mu * training.gap(flow.z, flow.scalars)


@claim(
    "ICL-decay", paper=PAPER, kind="upper", provenance="text", expect="holds", samples=FLOWS, title="exponential decay"
)
def loss_decays(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 8),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""\ell(t) - \min \ell \le e^{-\mu t} (\ell(0) - \min \ell)"""
    training = fixed(d, N, Lambda)
    letters = names(training, N, Lambda, S)
    assume_small_start(letters)
    flow = training.flow(S, t)
    return training.gap(flow.z, flow.scalars), decayed(training, S, constant("ICL-5.4", **letters), t)


loss_decays_sharp = sharpened(loss_decays)


@claim("ICL-4.1", paper=PAPER, kind="upper", provenance="text", expect="holds", samples=FLOWS, title="convergence")
def converges(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 8),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""Theorem 4.1, with the rate that its proof gives: \|u U_{11} - \Gamma^{-1}\|_F and |u^2 - \|\Gamma^{-1}\|_F| are at most
    [2 e^{-\mu t} (\ell(0) - \min \ell) / (\lambda_{min}(\Gamma) \lambda_{min}(\Lambda)^2)]^{1/2}, which vanishes as t \to \infty"""
    training = fixed(d, N, Lambda)
    letters = names(training, N, Lambda, S)
    assume_small_start(letters)
    bound = sqrt(training.square_reach(decayed(training, S, constant("ICL-5.4", **letters), t)))
    return training.from_the_product(training.flow(S, t)), vector([bound, bound])


@claim(
    "ICL-4.1-entry",
    paper=PAPER,
    kind="upper",
    provenance="derived",
    expect="holds",
    samples=FEW_FLOWS,
    title="entry into the basin",
)
def enters_the_basin(
    d: Size(1, 3), N: Param(1, 40), t: Param(48, 64),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""\|u U_{11} - \Gamma^{-1}\|_F^2 \le \|\Gamma^{-1}\|_F^2 / 4 for every state with at most the gap at t. As the gap never grows, u^2 =
    \|u U_{11}\|_F \ge \|\Gamma^{-1}\|_F / 2 from t on, and (A.15), (A.16) give a PL inequality with a fixed constant there: the
    flow of this instance provably converges to the global minimum, hence to the limits of Theorem 4.1."""
    training = fixed(d, N, Lambda)
    letters = names(training, N, Lambda, S)
    assume_small_start(letters)
    assume(20 * letters["sigma"], ">=", 1)
    flow = training.flow(S, t)
    return training.square_reach(training.gap(flow.z, flow.scalars)), dot(training.M, training.M) / 4


@claim("ICL-5.9", paper=PAPER, kind="upper", provenance="derived", expect="holds", samples=FEW_FLOWS, title="limits")
def limits(
    d: Size(1, 3), N: Param(1, 40), t: Param(64, 80),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""(5.9): u \to \|\Gamma^{-1}\|_F^{1/2} and U_{11} \to \|\Gamma^{-1}\|_F^{-1/2} \Gamma^{-1}; certified: from t = 64 on, at sampled
    times, both within 10^{-3} for \sigma \ge 1/20 (see ICL-4.1-entry for t \to \infty)"""
    training = fixed(d, N, Lambda)
    letters = names(training, N, Lambda, S)
    assume_small_start(letters)
    assume(20 * letters["sigma"], ">=", 1)
    small = (0 * t + 1) / 10**3
    return training.from_the_limits(training.flow(S, t)), vector([small, small])


@claim(
    "ICL-5.9-no-trace",
    paper=PAPER,
    kind="upper",
    provenance="derived",
    expect="refuted",
    samples=FEW_FLOWS,
    title="limits without the trace",
)
def limits_without_the_trace(
    d: Size(1, 3), N: Param(1, 40), t: Param(64, 80),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius="3/4"),
):  # fmt: skip
    r"""The limits with \Gamma = (1 + 1/N) \Lambda, without tr(\Lambda)/N I (false)"""
    training = fixed(d, N, Lambda)
    letters = names(training, N, Lambda, S)
    assume_small_start(letters)
    assume(20 * letters["sigma"], ">=", 1)
    small = (0 * t + 1) / 10**3
    return training.from_the_limits(training.flow(S, t), 1 / (Lambda * (1 + 1 / N))), vector([small, small])
