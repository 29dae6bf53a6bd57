"""Instances of a claim: what its arguments range over, and how admissible ones are drawn."""
