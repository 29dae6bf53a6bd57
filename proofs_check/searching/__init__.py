"""Directed search: a claim as a tape of float operations, and climbs towards its bound."""
