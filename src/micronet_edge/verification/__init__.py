"""Proves that a file computes the same function, before it gets its final name."""
