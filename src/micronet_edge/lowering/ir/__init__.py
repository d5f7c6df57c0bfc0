"""The graph of a network, its primitives, and the contract of a pass."""
