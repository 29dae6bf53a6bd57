"""This program's contestants: `solve`, with all that it checks before and after its steps."""

from numeric import solve
from proofs_check.bench.solvers.cases import SolverInstance
from proofs_check.bench.solvers.trajectory import Trajectory

DESCRIPTIONS = {
    "auto": "solve(problem): begins with the logits' fit, a closed form where the target is exact",
    "gauss-newton-cg": "the same from x0, without that fit, by products",
    "gauss-newton": "from x0, by dense matrices",
    "newton": "from x0, by dense matrices",
}


def run_ours(name: str, data: SolverInstance, trajectory: Trajectory) -> None:
    """Solve, and record each step; the run ends with the whole call."""

    def guard(step: int, value: float, gradient_norm: float, seconds: float) -> None:
        trajectory.check_time()

    x0 = data.x0 if name != "auto" or data.case.start else None
    solution = solve(data.problem, name, x0, progress=guard, callback=trajectory.record)
    trajectory.end = solution.status
    trajectory.record(solution.x)
