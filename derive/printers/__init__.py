"""Targets of a derivation: NumPy kernels, ball code for python-flint, LaTeX."""
