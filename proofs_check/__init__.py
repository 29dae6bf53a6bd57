"""Claims about attention-regression theory, and verdicts that can be replayed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Claim": "claims",
    "InputError": "arrays.exact",
    "Malformed": "claims",
    "Matrix": "instances.tensors",
    "Param": "instances.domains",
    "Scalar": "instances.domains",
    "Size": "instances.domains",
    "Vector": "instances.tensors",
    "Verdict": "verdict",
    "assume": "claims",
    "catalogue_claims": "loading",
    "check": "campaigns.campaign",
    "claim": "claims",
    "constant": "constants",
    "gradient": "formulas",
    "hessian": "formulas",
    "load_claims": "loading",
    "prediction": "formulas",
    "replay": "replaying",
    "residual": "formulas",
    "value": "formulas",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Public names are loaded on first use: `import proofs_check` stays fast."""
    if name not in _HOMES:
        raise AttributeError(f"module 'proofs_check' has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return list(__all__)
