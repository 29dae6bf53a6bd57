"""The regularizer 1/2 ||diag(w) A x||^2 (arXiv 2305.00660); in matrix form 1/2 ||Omega o Z||_F^2."""

from derive.formula import Formula
from derive.language import data, row, total

z, w = row("z"), data("w")

FORMULA = Formula(
    "regularizer",
    loss=total((w * z) ** 2) / 2,
    z=z,
    data=[w],
    names=dict(c=w * z),
    reference="arXiv 2305.00660",
)
