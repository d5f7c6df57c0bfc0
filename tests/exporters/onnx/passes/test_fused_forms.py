"""What a user's network spells out becomes the operator that ONNX has for it; other things stay."""

from micronet_edge.lowering import SHIPPED, lower  # noqa: F401
