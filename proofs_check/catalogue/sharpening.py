"""Sharpened twins: each true inequality of the catalogue once more, its right side scaled past the truth."""

import hashlib
from dataclasses import replace
from typing import Any

from proofs_check import Claim, Malformed, constant
from proofs_check.constants import expression

SUFFIX = "-sharp"


def sharpened(claim: Claim | Malformed) -> Claim | Malformed:
    """The false twin of a true inequality: ``left <= factor * right``, expected refuted.

    A checker that confirms everything would confirm the twin as well; the twin also states how far the constant is from
    the truth.

    Args:
        claim: the true inequality; the factor stands in the tables of constants under its id with "-sharp". Its
            symbols are arguments of the claim.

    Returns:
        The twin, or the malformed claim under the twin's name.
    """
    name = f"{claim.id}{SUFFIX}"
    if isinstance(claim, Malformed):
        return replace(claim, id=name, expect="refuted")
    factor = expression(name)
    letters = sorted(symbol.name for symbol in factor.free_symbols)

    def body(**arguments: Any) -> tuple[Any, Any]:
        left, right = claim.body(**arguments)
        return left, constant(name, **{letter: arguments[letter] for letter in letters}) * right

    return replace(
        claim,
        id=name,
        provenance="derived",
        expect="refuted",
        statement=f"{claim.statement} with the right side times {factor}",
        body=body,
        digest=hashlib.sha256(f"{claim.digest}\0{factor}".encode()).hexdigest(),
        title=f"sharpened: {claim.title}" if claim.title else "sharpened",
    )
