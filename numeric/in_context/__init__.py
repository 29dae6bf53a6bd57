"""Linear self-attention trained on in-context linear regression (arXiv 2306.09927): model, flow, limits, risks, shifts.

>>> import numpy as np
>>> from numeric.in_context import fixed_covariance, gradient_flow, initial_blocks, limit, reduced_loss
>>> law = fixed_covariance(np.diag([1.5, 1.0, 0.5]))
>>> path = gradient_flow(reduced_loss(law, N=20), *initial_blocks(0.3, np.eye(3)))
>>> path.status, bool(abs(path.u[-1] - limit(law, 20).u) < 1e-9)
('converged', True)
"""

from numeric.in_context.attention import LinearSelfAttention, attention, embed, initial_blocks, quadratic_form
from numeric.in_context.baselines import gradient_step, least_squares, ridge, squared_errors, zero
from numeric.in_context.covariance import (
    CovarianceLaw,
    CovarianceMixture,
    DiagonalCovariance,
    RepeatedCovariance,
    drawn_covariances,
    eigenvalue_samples,
    fixed_covariance,
)
from numeric.in_context.descent import gradient_descent
from numeric.in_context.files import load_covariance
from numeric.in_context.flow import gradient_flow
from numeric.in_context.labels import LabelMoments, Labels, cubic_labels, linear_labels, link_labels, sign_labels
from numeric.in_context.landscape import Arrival, Landscape, classify, follow, landscape
from numeric.in_context.limits import FlowConstants, Limit, flow_constants, gamma, limit, norm_moment
from numeric.in_context.prompts import (
    Estimate,
    FixedQuery,
    GaussianQuery,
    OrthogonalQuery,
    PromptLaw,
    Prompts,
    SameQuery,
    Tasks,
    estimate,
    fixed_task,
    standard_tasks,
)
from numeric.in_context.reduced import ReducedLoss, reduced_loss
from numeric.in_context.risk import (
    Risk,
    TheoremTerms,
    exponential_test_risk,
    isotropic_risk,
    least_norm_risk,
    least_squares_risk,
    risk,
    theorem_terms,
)
from numeric.in_context.stochastic import StochasticRun, empirical_gradient, stochastic_descent
from numeric.in_context.trajectory import Trajectory

__all__ = [
    "Arrival",
    "CovarianceLaw",
    "CovarianceMixture",
    "DiagonalCovariance",
    "Estimate",
    "FixedQuery",
    "FlowConstants",
    "GaussianQuery",
    "LabelMoments",
    "Labels",
    "Landscape",
    "Limit",
    "LinearSelfAttention",
    "OrthogonalQuery",
    "PromptLaw",
    "Prompts",
    "ReducedLoss",
    "RepeatedCovariance",
    "Risk",
    "SameQuery",
    "StochasticRun",
    "Tasks",
    "TheoremTerms",
    "Trajectory",
    "attention",
    "classify",
    "cubic_labels",
    "drawn_covariances",
    "eigenvalue_samples",
    "embed",
    "empirical_gradient",
    "estimate",
    "exponential_test_risk",
    "fixed_covariance",
    "fixed_task",
    "flow_constants",
    "follow",
    "gamma",
    "gradient_descent",
    "gradient_flow",
    "gradient_step",
    "initial_blocks",
    "isotropic_risk",
    "landscape",
    "least_norm_risk",
    "least_squares",
    "least_squares_risk",
    "limit",
    "linear_labels",
    "link_labels",
    "load_covariance",
    "norm_moment",
    "quadratic_form",
    "reduced_loss",
    "ridge",
    "risk",
    "sign_labels",
    "squared_errors",
    "standard_tasks",
    "stochastic_descent",
    "theorem_terms",
    "zero",
]
