"""Gradient flows of derived losses, certified on balls.

Public: `landscape` with the operations of claims, `Landscape` and `Flow`; `integrate` for a vector field of one's own.
In a claim file, with `Fraction` for times that are no integers:

    from proofs_check.flows import landscape

    @claim("the-flow-descends", paper="2306.09927", kind="upper", provenance="own", expect="holds")
    def the_flow_descends(N: Param(1, 20), lam: Param("1/2", 2), s: Param("1/10", "1/2")):
        r"\\ell(t = 1/2) \\le \\ell(0)"
        data = [vector([lam]), vector([lam]), vector([1])]
        loss = landscape("linear-self-attention-fixed", data, [N, lam])
        flow = loss.flow(vector([s]), vector([s]), Fraction(1, 2))
        return loss.value(flow.z, flow.scalars), loss.value(vector([s]), vector([s]))
"""

from .integration import Field, Passage, integrate
from .operations import Flow, Landscape, landscape

__all__ = ["Field", "Flow", "Landscape", "Passage", "integrate", "landscape"]
