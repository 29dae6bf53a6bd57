"""The statements that are profiled: a claimed constant beside the best one derived for the same quantity, by family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """One statement.

    Attributes:
        claim: id of the claimed bound.
        derived: id of the bound of the same quantity with the best constant derived, or None.
        origin: "catalogue", or the file that the claim comes from.
    """

    claim: str
    derived: str | None = None
    origin: str = "catalogue"


FAMILIES: Mapping[str, Sequence[Statement]] = {
    "norm-bounds": (
        Statement("P0-3.0", "K1-exp"),
        Statement("P3-5-u-cosh", "K1-cosh"),
        Statement("P3-5-u-sinh", "K1-sinh"),
        Statement("P0-2", "K3-exp"),
        Statement("K10", "K10-best"),
    ),
    "lipschitz-constants": (
        Statement("P0-3.1", "K4"),
        Statement("P3-10-u-cosh", "K4-cosh"),
        Statement("P3-10-u-sinh", "K4-sinh"),
        Statement("P0-3.4", "K7"),
        Statement("DLS-lipschitz", "K15-exp"),
        Statement("P3-11-exp", "K16-ball"),
    ),
    "definiteness-thresholds": (
        Statement("P3-7-lower-exp", "K13-ball"),
        Statement("P3-7-upper-exp", "K14-ball"),
        Statement("P0-1.7-lower", "K12-lower"),
        Statement("P0-1.7-upper", "K12-upper"),
        Statement("LSZ-exp", "LSZ-exp-best"),
        Statement("LSZ-cosh", "LSZ-cosh-best"),
    ),
}
"""Reconstructed constants of 2304.13276, 2304.10411, 2305.00660 and 2303.15725, as the catalogue marks them."""

QUICK: Mapping[str, Sequence[Statement]] = {
    "norm-bounds": (Statement("P0-3.0", "K1-exp"),),
    "lipschitz-constants": (Statement("P0-3.1", "K4"),),
    "definiteness-thresholds": (Statement("P0-1.7-upper", "K12-upper"), Statement("LSZ-exp", "LSZ-exp-best")),
}
