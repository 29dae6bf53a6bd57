"""Gradient flows of derived losses, certified on balls.

Public: `landscape` with the operations of claims, `Landscape` and `Flow`; `integrate` for a vector field of one's own.
"""

from .integration import Field, Passage, integrate
from .operations import Flow, Landscape, landscape

__all__ = ["Field", "Flow", "Landscape", "Passage", "integrate", "landscape"]
