"""The reduced losses of linear self-attention as claims about their gradient flow see them: states, minima, constants.

The training covariance is diagonal here: U11 -> Q^T U11 Q turns any other one into its eigenvalues and changes no
statement. From Assumption 3.3 a flow starts at U11 = S = sigma Theta Theta^T, so sigma = ||S||_F, and u = sigma.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from proofs_check import assume
from proofs_check.arithmetic import (
    Array,
    diagonal,
    dot,
    exp,
    frobenius,
    maximum,
    minimum,
    norm2,
    sqrt,
    total,
    vec,
    vector,
)
from proofs_check.flows import Flow, Landscape, landscape

PAPER = "2306.09927"


@dataclass(frozen=True)
class Training:
    """A reduced loss and what the statements say of it.

    Attributes:
        d: dimension.
        loss: from the derived formula.
        M: diagonal of the product u U11 at the minimum: Gamma^{-1}, or E[Gamma Lambda^2]^{-1} E[Lambda^2].
        square: diagonal of Lambda^2, or of E[Lambda^2].
        curvature: the least curvature in u U11: min gamma_i lambda_i lambda_j, or the least of eta_i and zeta_ij.
    """

    d: int
    loss: Landscape
    M: Array
    square: Array
    curvature: Array

    def start(self, S: Array) -> tuple[Array, Array]:
        """Assumption 3.3: rows of U11 and the vector of u."""
        return vec(S), vector([frobenius(S)])

    def flow(self, S: Array, t: Any) -> Flow:
        """The flow from Assumption 3.3 after the time t."""
        return self.loss.flow(*self.start(S), t)

    def gap(self, z: Array, u: Array) -> Array:
        """l - min l with min l = -tr[square M]/2 (Lemmas 5.3 and C.4)."""
        return self.loss.value(z, u) + dot(self.square, self.M) / 2

    def slope(self, z: Array, u: Array) -> Array:
        """||grad l||^2."""
        gradient = self.loss.gradient(z, u)
        return dot(gradient, gradient)

    def from_the_product(self, flow: Flow, M: Array | None = None) -> Array:
        """||u U11 - M_*||_F, and |u^2 - ||M_*||_F|; u^2 = ||u U11||_F on balanced states, so the first bounds the second."""
        M, u = self.M if M is None else M, flow.scalars[0]
        return vector([norm2(u * flow.z - vec(diagonal(M))), abs(u**2 - norm2(M))])

    def from_the_limits(self, flow: Flow, M: Array | None = None) -> Array:
        """|u - u_*| and ||U11 - U11_*||_F for u_* = ||M_*||_F^{1/2} and U11_* = M_*/u_*."""
        M = self.M if M is None else M
        u = sqrt(norm2(M))
        return vector([abs(flow.scalars[0] - u), norm2(flow.z - vec(diagonal(M)) / u)])

    def square_reach(self, gap: Array) -> Array:
        """The largest ||u U11 - M_*||_F^2 that a gap admits: l - min l >= curvature ||u U11 - M_*||_F^2 / 2."""
        return 2 * gap / self.curvature


def pairs(d: int) -> list[tuple[int, int]]:
    """Rows and columns of U11 in the order of vec."""
    return list(product(range(d), repeat=2))


def fixed(d: int, N: Any, Lambda: Array) -> Training:
    """(5.5) for the eigenvalues Lambda."""
    Gamma = gamma(N, Lambda)
    return Training(d, fixed_loss(d, N, Lambda), 1 / Gamma, Lambda * Lambda, minimum(Gamma) * minimum(Lambda) ** 2)


def fixed_loss(d: int, N: Any, Lambda: Array) -> Landscape:
    """The loss (5.5) alone, for entries without a sign."""
    first, second = (vector([Lambda[pair[k]] for pair in pairs(d)]) for k in (0, 1))
    same = vector([0 * Lambda[0] + int(i == j) for i, j in pairs(d)])
    return landscape("linear-self-attention-fixed", [first, second, same], [N, total(Lambda)])


def gamma(N: Any, Lambda: Array) -> Array:
    """Eigenvalues of Gamma = (1 + 1/N) Lambda + tr(Lambda)/N I."""
    return Lambda + (Lambda + total(Lambda)) / N


def names(training: Training, N: Any, Lambda: Array, S: Array) -> dict[str, Any]:
    """The letters of the constants for one covariance."""
    sigma, Gamma = frobenius(S), gamma(N, Lambda)
    return {
        "d": training.d,
        "sigma": sigma,
        "start": dot(Lambda * Lambda, diagonal(S)) / sigma,
        "Gamma": maximum(Gamma),
        "Lambda": maximum(Lambda),
        "traces": total(1 / (Gamma * Lambda)) * total(1 / Lambda),
    }


def assume_small_start(letters: dict[str, Any]) -> None:
    """0 < sigma and sigma^2 ||Gamma||_op sqrt(d) < 2, the condition of Theorem 4.1."""
    assume(letters["sigma"], ">", 0)
    assume(letters["sigma"] ** 2 * letters["Gamma"] * sqrt(letters["d"]), "<", 2)


def decayed(training: Training, S: Array, mu: Array, t: Any) -> Array:
    """e^{-mu t} (l(0) - min l)."""
    return exp(-mu * t) * training.gap(*training.start(S))


@dataclass(frozen=True)
class Law:
    """Independent eigenvalues lambda_i with known moments.

    Attributes:
        m1, m2, m3: E lambda_i, E lambda_i^2, E lambda_i^3.
        moment: E[||Gamma||_op ||Lambda||_F^2].
    """

    m1: Array
    m2: Array
    m3: Array
    moment: Array


def two_points(N: Any, low: Array, high: Array, p: Any) -> Law:
    """lambda_i = high_i with probability p, else low_i, independently; the expectation of norms by summing over all draws."""
    powers = [(1 - p) * low**k + p * high**k for k in (1, 2, 3)]
    moment = 0 * p
    for draw in product((0, 1), repeat=len(low)):
        Lambda = vector([high[i] if up else low[i] for i, up in enumerate(draw)])
        chance = p ** sum(draw) * (1 - p) ** (len(draw) - sum(draw))
        moment = moment + chance * maximum(gamma(N, Lambda)) * dot(Lambda, Lambda)
    return Law(*powers, moment)


def exponential(d: int, N: Any, c: Any) -> Law:
    r"""lambda_i = c times Exp(1), d <= 2.

    At d = 2 the smaller m and the excess e of the larger are independent, exponential with rates 2 and 1, so that
    E[max (a^2 + b^2)] = E[(m + e)^3 + (m + e) m^2] = 45/4 + 5/4 and E[(a + b)(a^2 + b^2)] = 12 + 4.
    """
    powers = [vector([k * c**order] * d) for order, k in ((1, 1), (2, 2), (3, 6))]
    top, sums = ((6, 6), (Fraction(25, 2), 16))[d - 1]
    return Law(*powers, c**3 * (top * (1 + 1 / N) + sums / N))


def random(d: int, N: Any, law: Law) -> Training:
    """Lemma C.3 for independent eigenvalues."""
    loss = random_loss(d, N, law)
    cubic, mixed, _ = loss.data
    zeta = cubic + (cubic + mixed) / N
    M = vector([law.m2[i] / zeta[i * (d + 1)] for i in range(d)])
    return Training(d, loss, M, law.m2, minimum(zeta))


def random_loss(d: int, N: Any, law: Law) -> Landscape:
    """The loss of Lemma C.3 alone: the moments (C.3) that the derived formula takes."""
    m1, m2, m3 = law.m1, law.m2, law.m3

    def cubic(i: int, j: int) -> Array:
        return m3[i] if i == j else m2[i] * m1[j]

    def mixed(i: int, j: int) -> Array:
        others = [m1[k] for k in range(d) if k not in (i, j)]
        if i == j:
            return m3[i] + m2[i] * sum(others, 0 * m1[0])
        return m2[i] * m1[j] + m1[i] * m2[j] + m1[i] * m1[j] * sum(others, 0 * m1[0])

    rows = [vector([moment(i, j) for i, j in pairs(d)]) for moment in (cubic, mixed)]
    square = vector([m2[i] if i == j else 0 * m2[i] for i, j in pairs(d)])
    return landscape("linear-self-attention-random", [*rows, square], [N])


def random_names(training: Training, law: Law, S: Array) -> dict[str, Any]:
    """The letters of the constants for random covariances."""
    sigma = frobenius(S)
    return {
        "d": training.d,
        "sigma": sigma,
        "start": dot(law.m1 * law.m1, diagonal(S)) / sigma,
        "second": maximum(law.m2),
        "moment": law.moment,
        "nu": training.curvature,
    }


def assume_small_random_start(letters: dict[str, Any]) -> None:
    """0 < sigma and (4.11): sigma^2 sqrt(d) E[||Gamma||_op ||Lambda||_F^2] < 2 ||E[Lambda] Theta||_F^2."""
    assume(letters["sigma"], ">", 0)
    assume(letters["sigma"] ** 2 * letters["moment"] * sqrt(letters["d"]), "<", 2 * letters["start"])
