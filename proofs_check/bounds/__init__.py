"""Constants of bounds: how much of one is used, how it grows, what may stand in its place."""
