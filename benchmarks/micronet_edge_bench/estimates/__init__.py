"""Estimates by compilers for other hardware; never measurements."""
