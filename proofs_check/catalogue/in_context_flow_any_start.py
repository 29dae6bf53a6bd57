"""2306.09927 without the condition on sigma: the flow stays positive and converges from any sigma > 0.

With Lambda diagonal and S positive semidefinite, u_ii(0) >= 0; while u > 0, u_ii' = -gamma_i lambda_i^2 u^2 u_ii + lambda_i^2 u
keeps u_ii >= 0, so u' >= -u tr(Gamma Lambda U11 Lambda U11^T), and u > 0 for all t. The conditions of Theorems 4.1 and 4.5
are sufficient, not needed; here sigma lies between their bounds and 20 times these.
"""

from proofs_check import Matrix, Param, Size, Vector, assume, claim
from proofs_check.arithmetic import dot, sqrt, vector
from proofs_check.catalogue.in_context_training import PAPER, fixed, names, random, random_names, two_points

FLOWS = 32
"""Instances of a claim about a flow."""
FEW_FLOWS = 12
"""Of one that follows flows to their limits."""
MOST = 20
"""sigma is at most so many times the bound of the paper's condition."""


def assume_large_start(square, bound):
    """sigma^2 between the bound of the condition and MOST^2 times it."""
    assume(square, ">=", bound)
    assume(square, "<=", MOST**2 * bound)


@claim(
    "ICL-G2",
    paper=PAPER,
    kind="lower",
    provenance="derived",
    expect="holds",
    samples=FLOWS,
    title="u stays positive from any sigma",
)
def u_stays_positive(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 16),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius=16),
):  # fmt: skip
    r"""\sigma_{max} \le \sigma \le 20 \sigma_{max} \Rightarrow u > 0, for the least u on the whole of [0, t]"""
    training = fixed(d, N, Lambda)
    letters = names(training, N, Lambda, S)
    assume_large_start(letters["sigma"] ** 2, 2 / (letters["Gamma"] * sqrt(d)))
    return training.flow(S, t).lowest[0], 0


@claim(
    "ICL-G2-entry",
    paper=PAPER,
    kind="upper",
    provenance="derived",
    expect="holds",
    samples=FEW_FLOWS,
    title="entry into the basin from any sigma",
)
def enters_the_basin(
    d: Size(1, 3), N: Param(1, 40), t: Param(48, 64),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius=16),
):  # fmt: skip
    r"""As ICL-4.1-entry, for \sigma_{max} \le \sigma \le 20 \sigma_{max}: the flow of each instance provably converges"""
    training = fixed(d, N, Lambda)
    letters = names(training, N, Lambda, S)
    assume_large_start(letters["sigma"] ** 2, 2 / (letters["Gamma"] * sqrt(d)))
    flow = training.flow(S, t)
    return training.square_reach(training.gap(flow.z, flow.scalars)), dot(training.M, training.M) / 4


@claim(
    "ICL-G2-limits",
    paper=PAPER,
    kind="upper",
    provenance="derived",
    expect="holds",
    samples=FEW_FLOWS,
    title="the same limits from any sigma",
)
def limits(
    d: Size(1, 3), N: Param(1, 40), t: Param(64, 80),
    Lambda: Vector("d", low="1/2", high="3/2"), S: Matrix("d", "d", psd=True, frobenius=16),
):  # fmt: skip
    r"""u and U_{11} within 10^{-3} of the limits (5.9) for \sigma_{max} \le \sigma \le 20 \sigma_{max}, from t = 64 on at sampled times"""
    training = fixed(d, N, Lambda)
    letters = names(training, N, Lambda, S)
    assume_large_start(letters["sigma"] ** 2, 2 / (letters["Gamma"] * sqrt(d)))
    small = (0 * t + 1) / 10**3
    return training.from_the_limits(training.flow(S, t)), vector([small, small])


@claim(
    "ICL-G2-random",
    paper=PAPER,
    kind="lower",
    provenance="derived",
    expect="holds",
    samples=FLOWS,
    title="u stays positive from any sigma, random covariance",
)
def u_stays_positive_for_random_covariances(
    d: Size(1, 3), N: Param(1, 40), t: Param(0, 8), low: Vector("d", low="1/2", high=1),
    high: Vector("d", low=1, high="3/2"), p: Param(0, 1), S: Matrix("d", "d", psd=True, frobenius=16),
):  # fmt: skip
    r"""\sigma^2 between the bound (4.11) and 400 times it \Rightarrow u > 0, for the least u on the whole of [0, t]"""
    law = two_points(N, low, high, p)
    training = random(d, N, law)
    letters = random_names(training, law, S)
    assume_large_start(letters["sigma"] ** 2, 2 * letters["start"] / (letters["moment"] * sqrt(d)))
    return training.flow(S, t).lowest[0], 0


@claim(
    "ICL-G2-random-entry",
    paper=PAPER,
    kind="upper",
    provenance="derived",
    expect="holds",
    samples=FEW_FLOWS,
    title="entry into the basin from any sigma, random covariance",
)
def enters_the_basin_for_random_covariances(
    d: Size(1, 3), N: Param(1, 40), t: Param(48, 64), low: Vector("d", low="1/2", high=1),
    high: Vector("d", low=1, high="3/2"), p: Param(0, 1), S: Matrix("d", "d", psd=True, frobenius=16),
):  # fmt: skip
    r"""As ICL-4.5-entry, for \sigma^2 between the bound (4.11) and 400 times it"""
    law = two_points(N, low, high, p)
    training = random(d, N, law)
    letters = random_names(training, law, S)
    assume_large_start(letters["sigma"] ** 2, 2 * letters["start"] / (letters["moment"] * sqrt(d)))
    flow = training.flow(S, t)
    return training.square_reach(training.gap(flow.z, flow.scalars)), dot(training.M, training.M) / 4
