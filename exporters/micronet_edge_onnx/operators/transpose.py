"""Transpose: the axes in another order."""

from micronet_edge.lowering.ir.primitives import Permute
from micronet_edge_onnx.formula import MOVES
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Transpose", formula=MOVES, allowed_in=(PORTABLE,))


@OPERATORS.writes(Permute)
def write(layer: Permute, call: Call) -> str:
    return call.operator("Transpose", call.inputs, perm=[axis % len(call.shape) for axis in layer.order])
