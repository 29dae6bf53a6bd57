"""Proofs of inequalities over boxes: sides traced once as sums of terms, rewritten, and enclosed piece by piece."""
