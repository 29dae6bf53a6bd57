"""The forms of a problem: what evaluates one prompt at a point, in row blocks."""
