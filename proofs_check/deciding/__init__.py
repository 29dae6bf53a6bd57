"""Decisions: balls, exact ties, proofs of identities, hypotheses, and counterexamples made small."""
