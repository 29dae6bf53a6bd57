"""Regression problems on generated kernels, their structured Hessians and their solvers.

>>> import numpy as np
>>> from numeric import AttentionRegression, solve
>>> rng = np.random.default_rng(0)
>>> A1, A2, X_true = rng.normal(size=(20, 3)), rng.normal(size=(20, 3)), rng.normal(size=(3, 3))
>>> B = AttentionRegression("normalized-exp", A1, A2, np.eye(20)).predict(X_true)
>>> solution = solve(AttentionRegression("normalized-exp", A1, A2, B))
>>> solution.status, bool(np.abs(solution.x - X_true).max() < 1e-12)
('converged', True)
"""

from numeric.analysis.identifiability import Identifiability
from numeric.analysis.sensitivity import Sensitivity, sensitivity
from numeric.kernels import kernel, loss_names
from numeric.loading import ProblemData, load, shipped
from numeric.operator import HessianOperator
from numeric.problems import AttentionRegression, Regression, VectorRegression
from numeric.solution import STATUS, Solution
from numeric.solve import solve
from numeric.starts import logit_start
from numeric.validation import InputError, OutsideDomain

__all__ = [
    "STATUS",
    "AttentionRegression",
    "HessianOperator",
    "Identifiability",
    "InputError",
    "OutsideDomain",
    "ProblemData",
    "Regression",
    "Sensitivity",
    "Solution",
    "VectorRegression",
    "kernel",
    "load",
    "logit_start",
    "loss_names",
    "sensitivity",
    "shipped",
    "solve",
]
