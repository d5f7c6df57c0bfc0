"""Div: the quotient of two tensors."""

from micronet_edge.lowering.ir.primitives import Divide
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Div", formula=elementwise(1), allowed_in=(PORTABLE,))


@OPERATORS.writes(Divide)
def write(_layer: Divide, call: Call) -> str:
    return call.operator("Div", call.inputs)
