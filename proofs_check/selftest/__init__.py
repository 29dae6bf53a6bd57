"""The checker under attack: each part tries to get a wrong certified answer out of it, and one such answer fails all.

`run` does the parts in order; `lemmascope selftest` and the tests share them.
"""

from .running import PARTS, Row, run

__all__ = ["PARTS", "Row", "run"]
