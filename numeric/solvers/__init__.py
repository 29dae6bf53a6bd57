"""The solvers: each makes one step from an explicit state; `numeric.solve` holds the one loop."""
