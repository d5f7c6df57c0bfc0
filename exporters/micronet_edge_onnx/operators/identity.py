"""Identity: an output that is an input, a constant or another output as well."""

from micronet_edge_onnx.formula import MOVES
from micronet_edge_onnx.operators import OPERATORS, PORTABLE

OPERATORS.names("Identity", formula=MOVES, allowed_in=(PORTABLE,))
