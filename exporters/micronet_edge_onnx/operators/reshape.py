"""Reshape, and Split, which Dynamic Shift-Max is written with."""

from micronet_edge.lowering.ir.graph import batch_axis, shape_of
from micronet_edge.lowering.ir.primitives import Reshape
from micronet_edge_onnx.formula import MOVES
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Reshape", "Split", formula=MOVES, allowed_in=(PORTABLE,))


@OPERATORS.writes(Reshape)
def write(_layer: Reshape, call: Call) -> str:
    (x,), shape = call.inputs, call.open_shape
    if shape[0] == -1 and _starts_alike(call):
        shape[0] = 0  # as long as it is, which shape inference follows
    return call.model.reshaped(call.name, x, *shape)


def _starts_alike(call: Call) -> bool:
    (source,) = call.sources
    return batch_axis(source) == 0 and shape_of(source)[0] == call.shape[0]
