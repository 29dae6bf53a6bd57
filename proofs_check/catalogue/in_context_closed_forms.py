r"""Closed forms of the trained model beside those of 2306.09927: special covariances and predictors, all derived."""

from proofs_check import Scalar, Size, Vector, claim, constant
from proofs_check.arithmetic import dot, eye, ones, total
from proofs_check.catalogue.in_context_model import PAPER, averaged_risk, eigen_gamma, whitened_prediction
from proofs_check.catalogue.in_context_polynomials import exponential, normal
from proofs_check.catalogue.sharpening import sharpened


@claim(
    "ICL-minimum-twice", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="risk and minimum"
)
def risk_is_twice_the_minimum(d: Size(1, 8), N: Size(1, 64), lam: Vector("d", low="1/20", high=20)):
    r"""The averaged risk at M = N is tr \Lambda - tr(\Lambda^2 \Gamma^{-1}), twice the minimum of L over \theta"""
    return averaged_risk(lam, N, N), total(lam) - total(lam**2 / eigen_gamma(lam, N))


@claim("ICL-isotropic", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="Lambda = I")
def isotropic_risk(d: Size(1, 8), N: Size(1, 64), M: Size(1, 64), s: Scalar(0, 4)):
    r"""Averaged risk / d = [(d+1)^2 + (d+1) N^2 / M] / (N+d+1)^2 + s^2 a^2 / M for \Lambda = I and labels with noise s,
    a = N / (N+d+1); the irreducible s^2 is not counted"""
    lam = ones(d)
    noise = s**2 * total(lam**2 / eigen_gamma(lam, N) ** 2) / M
    clean = ((d + 1) ** 2 + (d + 1) * N**2 / M) / (N + d + 1) ** 2
    return (averaged_risk(lam, N, M) + noise) / d, clean + (s * N / (N + d + 1)) ** 2 / M


def _exponential_risk(a, c, d, M):
    """E of the averaged risk of P = a I on Lambda = c diag(lambda), lambda_i ~ Exp(1): moments of polynomials."""
    lam = [exponential(f"{i}") for i in range(d)]
    first = sum(lam[1:], lam[0])
    second = sum((x * x for x in lam[1:]), lam[0] * lam[0])
    third = sum((x * x * x for x in lam[1:]), lam[0] * lam[0] * lam[0])
    spread = a**2 * c**3 * ((first * second).mean() + third.mean()) / M
    return spread + a**2 * c**3 * third.mean() - 2 * a * c**2 * second.mean() + c * first.mean()


@claim(
    "ICL-exponential", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="exponential tests"
)
def exponential_test(d: Size(1, 4), M: Size(1, 16), a: Scalar(-2, 2), c: Scalar(0, 9)):
    r"""Averaged risk / d = a^2 c^3 [6 (1 + \frac1M) + \frac{6 + 2 (d-1)}M] - 4 a c^2 + c for P = a I on \Lambda = c\,
    diag(Exp(1)), with moments of tr(\Lambda) tr(\Lambda^2) + tr(\Lambda^3) by letters (the page's formula)"""
    stated = a**2 * c**3 * (6 * (1 + 1 / M) + (6 + 2 * (d - 1)) / M) - 4 * a * c**2 + c
    return _exponential_risk(a, c, d, M) / d, stated


@claim(
    "ICL-exponential-trained", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="trained a"
)
def exponential_training(d: Size(1, 4), N: Size(1, 64), one: Scalar(1, 1)):
    r"""\xi / \eta = 2 / [6 (N+1) / N + (6 + 2 (d-1)) / N] for \lambda \sim Exp(1)"""
    lam = [exponential(f"{i}") for i in range(d)]
    square, trace = lam[0] * lam[0], sum(lam[1:], lam[0])
    eta = (1 + 1 / N) * (square * lam[0]).mean() + (square * trace).mean() / N
    return one * square.mean() / eta, one * 2 / (6 * (1 + 1 / N) + (6 + 2 * (d - 1)) / N)


@claim("ICL-identity-test", paper=PAPER, kind="equality", provenance="derived", expect="proved", title="tests on I")
def identity_test(d: Size(1, 2), M: Size(1, 3), a: Scalar(-2, 2)):
    r"""Averaged risk / d = a^2 (1 + (d+1) / M) - 2 a + 1 for P = a I and \Lambda = I, by exact moments of the prompt"""
    w, x_q = normal("w", d), normal("q", d)
    examples = [(g, w @ g) for g in (normal(f"x{i}", d) for i in range(M))]
    error = whitened_prediction(eye(d) * a, examples, x_q) - w @ x_q
    return error.mean(error) / d, a**2 * (1 + (d + 1) / M) - 2 * a + 1


@claim(
    "ICL-gradient-step",
    paper=PAPER,
    kind="equality",
    provenance="derived",
    expect="proved",
    title="one step, Lambda = I",
)
def risk_of_one_step(d: Size(1, 2), M: Size(1, 3), s: Scalar(0, 4)):
    r"""One step of gradient descent (P = I) has averaged excess risk d (d + 1 + s^2) / M for \Lambda = I and noise s"""
    w, x_q = normal("w", d), normal("q", d)
    examples = []
    for i in range(M):
        g = normal(f"x{i}", d)
        examples.append((g, w @ g + normal(f"e{i}", 1)[0] * s))
    error = whitened_prediction(eye(d), examples, x_q) - w @ x_q
    return error.mean(error), d * (d + 1 + s**2) / M


@claim("ICL-limit-risk", paper=PAPER, kind="lower", provenance="derived", expect="holds", title="M = N = infinity")
def limit_risk(T: Size(1, 4), lam: Vector("T", low="1/10", high=10), p: Vector("T", simplex=True)):
    r"""m_1 - m_2^2 / m_3 \ge 0, stated as m_1 m_3 \ge m_2^2 (Cauchy-Schwarz): the normalized risk of random training as
    M, N \to \infty, 0 only where \lambda is deterministic"""
    m1, m2, m3 = (dot(p, lam**k) for k in (1, 2, 3))
    return m1 * m3, constant("ICL-limit-risk") * m2**2


limit_risk_sharp = sharpened(limit_risk)


@claim("ICL-limit-risk-a", paper=PAPER, kind="equality", provenance="derived", expect="holds", title="M = N = infinity")
def limit_risk_of_the_trained(T: Size(1, 4), lam: Vector("T", low="1/10", high=10), p: Vector("T", simplex=True)):
    r"""m_1 - 2 a m_2 + a^2 m_3 = m_1 - m_2^2 / m_3 at a = m_2 / m_3"""
    m1, m2, m3 = (dot(p, lam**k) for k in (1, 2, 3))
    a = m2 / m3
    return m1 - 2 * a * m2 + a**2 * m3, m1 - m2**2 / m3
