"""Why a rival does not run a case."""

from proofs_check.bench.cases import Case

MEMORY_LIMIT = 8e9
"""Bytes; a rival that needs more is not started, because a swapping machine times nothing."""


class Skipped(Exception):
    """A rival cannot do a case; the message is the reason."""


def check_memory(rival: str, needed: float) -> None:
    """Raises `Skipped` where more than `MEMORY_LIMIT` bytes would be needed."""
    if needed > MEMORY_LIMIT:
        raise Skipped(f"{rival} would need {needed / 1e9:.1f} GB")


def hessian_bytes(case: Case) -> float:
    """Memory of forward over reverse: each of the N directions carries about four arrays of z's size at once."""
    directions, entries = (case.d, case.n) if case.form == "vector" else (case.d**2, case.n**2)
    return 4.0 * 8 * directions * entries
