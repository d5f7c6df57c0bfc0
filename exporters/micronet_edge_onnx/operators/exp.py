"""Exp: e to the power of each number."""

from micronet_edge.counting.arithmetic import FUNCTION
from micronet_edge.lowering.ir.primitives import Exponential
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Exp", formula=elementwise(FUNCTION), allowed_in=(PORTABLE,))


@OPERATORS.writes(Exponential)
def write(_layer: Exponential, call: Call) -> str:
    return call.operator("Exp", call.inputs)
