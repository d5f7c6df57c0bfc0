"""Sub: the difference of two tensors."""

from micronet_edge.lowering.ir.primitives import Subtract
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Sub", formula=elementwise(1), allowed_in=(PORTABLE,))


@OPERATORS.writes(Subtract)
def write(_layer: Subtract, call: Call) -> str:
    return call.operator("Sub", call.inputs)
