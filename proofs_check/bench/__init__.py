"""``lemmascope bench``: every kernel against its rivals and against the floor measured in the same run.

`cases` says what is measured, `floors` and `rivals` with what, `measure` how, `worker` in which process; `accuracy`
compares results with balls; `targets` judges; `table` and `plot` show.
"""

from proofs_check.bench.running import Settings, run

__all__ = ["Settings", "run"]
