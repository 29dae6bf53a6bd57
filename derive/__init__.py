"""From one formula to everything: gradient, structured Hessian, proof, kernels, ball code and LaTeX.

>>> from derive import formulas, differentiate
>>> differentiate(formulas()["plain-exp"]).gradient
c*u
"""

from derive.catalogue import formulas, formulas_in
from derive.derivation import Definition, Derivation, StructuredHessian, differentiate
from derive.expansion import evaluate
from derive.formula import Formula, FormulaError
from derive.generator import Generated, generate, outdated
from derive.language import data, parameter, row, total
from derive.proof import Proof, ProofError, prove

__all__ = [
    "Definition",
    "Derivation",
    "Formula",
    "FormulaError",
    "Generated",
    "Proof",
    "ProofError",
    "StructuredHessian",
    "data",
    "differentiate",
    "evaluate",
    "formulas",
    "formulas_in",
    "generate",
    "outdated",
    "parameter",
    "prove",
    "row",
    "total",
]
