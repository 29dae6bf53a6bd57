"""The gradient flow against its limits, its invariant and the PL envelope (Theorems 4.1 and 4.5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from numeric.in_context import (
    CovarianceMixture,
    DiagonalCovariance,
    FlowConstants,
    Limit,
    ReducedLoss,
    Trajectory,
    flow_constants,
    gradient_flow,
    initial_blocks,
    limit,
    reduced_loss,
)
from proofs_check.experiments import Study
from proofs_check.experiments.linear_attention.scenes import Case, Scene

AGREED = 1e-7
"""Of limits and invariants: the integrator runs at 1e-10 a step, over a hundred and more steps."""
COLUMNS = {
    "case": "case",
    "quantity": "quantity",
    "relation": "",
    "theory": "theory",
    "found": "found",
    "kept": "kept",
}
NOTES = (
    "mu is the PL constant of (5.8) or Lemma C.8. k is the least curvature of the loss in u U11: "
    "||grad l||^2 >= 2 k u^2 (l - min l) for every law, also for those for which the paper states no constants.",
)


@dataclass(frozen=True, eq=False)
class Followed:
    """A flow with what is known about it.

    Attributes:
        case: what was trained; sigma: the size of the start, Theta being I.
        loss, path, end: the reduced loss, the trajectory and the limit.
        constants: of the paper; None where it states none.
    """

    case: Case
    sigma: float
    loss: ReducedLoss
    path: Trajectory
    end: Limit
    constants: FlowConstants | None

    @property
    def has_arrived(self) -> bool:
        """Whether the flow has come to its limit; if not, its end shows nothing about the theory."""
        return self.path.status == "converged"

    @property
    def path_rate(self) -> float:
        """2 k min u^2 with the least u along the path."""
        return 2 * self.loss.least_curvature * float(self.path.u.min()) ** 2

    def envelope(self, rate: float) -> np.ndarray:
        """e^{-rate t} times the gap at the start."""
        return np.exp(-rate * self.path.times) * self.path.gap[0]


def follow_case(case: Case) -> Followed:
    """Run the flow from sigma Theta Theta^T/||Theta Theta^T||_F with Theta = I."""
    d, end = case.law.dimension, limit(case.law, case.N)
    sigma = case.sigma if case.sigma is not None else _admitted(case) / 2
    loss = reduced_loss(case.law, case.N)
    constants = flow_constants(case.law, case.N, sigma, np.eye(d)) if _has_constants(case) else None
    path = gradient_flow(loss, *initial_blocks(sigma, np.eye(d)))
    return Followed(case, sigma, loss, path, end, constants)


def _has_constants(case: Case) -> bool:
    law = case.law
    return isinstance(law, DiagonalCovariance) or (isinstance(law, CovarianceMixture) and len(law.matrices) == 1)


def _admitted(case: Case) -> float:
    """sigma_max of the theorem; for other laws u at the limit, since any sigma > 0 converges."""
    if _has_constants(case):
        return flow_constants(case.law, case.N, 1e-3, np.eye(case.law.dimension)).sigma_max
    return limit(case.law, case.N).u


def convergence_study(scene: Scene, quick: bool) -> Study:
    """Flows from the paper's start.

    Args:
        scene: the laws.
        quick: makes no difference, the flows take a second.
    """
    flows = [follow_case(case) for case in scene.flows]
    rows = [row for flow in flows for row in _rows(flow)]
    curves = [point for flow in flows for point in _points(flow)]
    title = "Convergence of the gradient flow to the limits (5.9) under the PL envelope"
    unfinished = [f"{flow.case.name}: {flow.path.message}" for flow in flows if not flow.has_arrived]
    return Study("convergence", title, COLUMNS, rows, (*NOTES, *unfinished), curves, lambda: _picture(flows))


def _rows(flow: Followed) -> list[dict[str, Any]]:
    path, end, constants = flow.path, flow.end, flow.constants
    U_error = float(np.linalg.norm(path.U11[-1] - end.U11) / np.linalg.norm(end.U11))
    gap, ratio, balance = path.gap, float(np.nanmin(path.pl_ratio)), float(np.abs(path.balance).max())
    at_end = [
        _equal("u at the end, (5.9)", end.u, float(path.u[-1])),
        _equal("relative error of U11 at the end, (5.9)", 0.0, U_error),
        _equal("loss L at the end", end.loss, float(path.loss[-1] + flow.loss.offset)),
    ]
    rows = [
        *(row if flow.has_arrived else row | {"kept": None} for row in at_end),
        _equal("largest |u^2 - tr(U11 U11^T)|, Lemma A.3", 0.0, balance, float(path.u.max()) ** 2),
        _bound("least ||grad l||^2/gap, 2 k min u^2", flow.path_rate, ratio),
    ]
    if constants is not None:
        envelope = flow.envelope(constants.pl)
        rows += [
            _bound("least u, (A.14) or (C.12)", constants.u_bound, float(path.u.min())),
            _bound("least ||grad l||^2/gap, mu", constants.pl, ratio),
            _bound("least e^{-mu t} gap(0) - gap(t)", 0.0, float((envelope - gap).min())),
        ]
    return [{"case": f"{flow.case.name}, N = {flow.case.N}, sigma = {flow.sigma:.3g}", **row} for row in rows]


def _equal(quantity: str, theory: float, found: float, size: float = 1.0) -> dict[str, Any]:
    kept = abs(found - theory) <= AGREED * max(abs(theory), size, 1.0)
    return {"quantity": quantity, "relation": "=", "theory": theory, "found": found, "kept": kept}


def _bound(quantity: str, theory: float, found: float) -> dict[str, Any]:
    return {"quantity": quantity, "relation": ">=", "theory": theory, "found": found, "kept": found >= theory}


def _points(flow: Followed) -> list[dict[str, Any]]:
    path, constants = flow.path, flow.constants
    envelope = None if constants is None else flow.envelope(constants.pl)
    return [
        {
            "case": flow.case.name,
            "time": float(path.times[i]),
            "gap": float(path.gap[i]),
            "envelope": None if envelope is None else float(envelope[i]),
            "u": float(path.u[i]),
            "U11_norm": float(np.linalg.norm(path.U11[i])),
            "balance": float(path.balance[i]),
        }
        for i in range(len(path))
    ]


def _picture(flows: Sequence[Followed]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 3.6 * len(flows)), layout="constrained")
    for line, flow in enumerate(flows):
        gap, variables, balance = (figure.add_subplot(len(flows), 3, 3 * line + k) for k in (1, 2, 3))
        _draw_gap(gap, flow)
        _draw_variables(variables, flow)
        balance.semilogy(flow.path.times, np.maximum(np.abs(flow.path.balance), 1e-17))
        balance.set(title="invariant of Lemma A.3", xlabel="t", ylabel="|u² - tr(U11 U11ᵀ)|")
    return figure


def _draw_gap(axes: Any, flow: Followed) -> None:
    path, constants = flow.path, flow.constants
    axes.semilogy(path.times, path.gap, label="gap")
    if constants is not None:
        axes.semilogy(path.times, flow.envelope(constants.pl), "--", label=f"PL, mu = {constants.pl:.2g}")
    axes.semilogy(path.times, flow.envelope(flow.path_rate), ":", label=f"2 k min u² = {flow.path_rate:.2g}")
    axes.set(title=f"{flow.case.name}, N = {flow.case.N}", xlabel="t", ylabel="loss - min")
    axes.set_ylim(path.gap[-1] / 10, path.gap[0] * 10)
    axes.legend(fontsize=8)


def _draw_variables(axes: Any, flow: Followed) -> None:
    path, end = flow.path, flow.end
    axes.plot(path.times, path.u, "k", label="u")
    axes.axhline(end.u, color="k", lw=0.7, ls=":")
    diagonal = np.diagonal(path.U11, axis1=1, axis2=2)
    for i in range(min(3, diagonal.shape[1])):
        axes.plot(path.times, diagonal[:, i], f"C{i}", label=f"U11[{i}, {i}]")
        axes.axhline(end.U11[i, i], color=f"C{i}", lw=0.7, ls=":")
    axes.set(title="u and U11, with the limits (5.9)", xlabel="t")
    axes.legend(fontsize=8)
