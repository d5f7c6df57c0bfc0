"""Reshape, Split and Expand, which the layers of other files are written with."""

from micronet_edge_onnx.formula import MOVES
from micronet_edge_onnx.operators import INTEGER, OPERATORS, PORTABLE

OPERATORS.names("Reshape", "Split", formula=MOVES, allowed_in=(PORTABLE,))
OPERATORS.names("Expand", formula=MOVES, allowed_in=(INTEGER,))
