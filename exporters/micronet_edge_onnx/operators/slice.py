"""Slice: some channels that lie side by side, or some places of any axis."""

from micronet_edge.lowering.ir.primitives import Channels, Slice
from micronet_edge_onnx.formula import MOVES
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Slice", formula=MOVES, allowed_in=(PORTABLE,))


@OPERATORS.writes(Channels)
def write(layer: Channels, call: Call) -> str:
    (x,) = call.inputs
    return call.model.slice(call.name, x, layer.start, layer.stop)


@OPERATORS.writes(Slice)
def write_along_axis(layer: Slice, call: Call) -> str:
    (x,) = call.inputs
    return call.model.strided(call.name, x, range(layer.start, layer.stop, layer.step), layer.axis)
