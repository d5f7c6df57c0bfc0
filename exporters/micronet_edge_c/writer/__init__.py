"""Writes a lowered network as C, layer by layer."""
