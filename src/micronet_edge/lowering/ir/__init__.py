"""The graph of a network, its primitives, and what a pass promises."""
