"""The reduced losses of linear self-attention (arXiv 2306.09927, (5.5) and Lemma C.3), by eigenvalue rows.

With Lambda = Q diag(lambda) Q^T and Gamma = (1 + 1/N) Lambda + tr(Lambda)/N I the loss

    tr[u^2/2 Gamma Lambda U11 Lambda U11^T - u Lambda^2 U11^T]

is a sum over the pairs (i, j) of an entry z = (Q^T U11 Q)_ij, the eigenvalues lambda_i and lambda_j and
delta = 1{i = j}; u = u_{-1} stands beside the rows. For random diagonal Lambda the weights are moments:

    cubic = E lambda_i^2 lambda_j,   mixed = E lambda_i lambda_j tr(Lambda),   square = 1{i = j} E lambda_i^2.
"""

from derive.formula import Formula
from derive.language import data, parameter, row, total

z, N, u = row("z"), parameter("N"), parameter("u")


def fixed() -> Formula:
    lambda_i, lambda_j, delta, trace = data("lambda_i"), data("lambda_j"), data("delta"), parameter("trace")
    gamma = lambda_i + (lambda_i + trace) / N
    return Formula(
        "linear-self-attention-fixed",
        loss=total(gamma * lambda_i * lambda_j * (u * z) ** 2 / 2 - delta * lambda_i**2 * u * z),
        z=z,
        data=[lambda_i, lambda_j, delta],
        parameters=[N, trace, u],
        scalars=[u],
        names=dict(gamma=gamma),
        reference="arXiv 2306.09927, (5.5)",
    )


def random() -> Formula:
    cubic, mixed, square = data("cubic"), data("mixed"), data("square")
    zeta = cubic + (cubic + mixed) / N
    return Formula(
        "linear-self-attention-random",
        loss=total(zeta * (u * z) ** 2 / 2 - square * u * z),
        z=z,
        data=[cubic, mixed, square],
        parameters=[N, u],
        scalars=[u],
        names=dict(zeta=zeta),
        reference="arXiv 2306.09927, (C.3) and Lemma C.3",
    )


FORMULAS = (fixed(), random())
