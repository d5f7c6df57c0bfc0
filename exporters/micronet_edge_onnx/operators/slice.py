"""Slice: some channels that lie side by side."""

from micronet_edge.lowering.ir.primitives import Channels
from micronet_edge_onnx.formula import MOVES
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Slice", formula=MOVES, allowed_in=(PORTABLE,))


@OPERATORS.writes(Channels)
def write(layer: Channels, call: Call) -> str:
    (x,) = call.inputs
    return call.model.slice(call.name, x, layer.start, layer.stop)
