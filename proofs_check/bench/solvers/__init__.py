"""``lemmascope bench --solvers``: how long solvers take to a given accuracy, on synthetic data and on real heads.

`cases` says what is solved, `accuracy` how near a point is, `trajectory` when it got there; `ours`, `with_scipy` and
`with_jax` solve, `worker` in one process for each problem; `targets` judges; `table` and `profile` show.
"""

from proofs_check.bench.solvers.running import SolverSettings, run_solvers

__all__ = ["SolverSettings", "run_solvers"]
