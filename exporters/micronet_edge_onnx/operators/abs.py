"""Abs: the magnitude of each number."""

from micronet_edge.lowering.ir.primitives import Absolute
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Abs", formula=elementwise(1), allowed_in=(PORTABLE,))


@OPERATORS.writes(Absolute)
def write(_layer: Absolute, call: Call) -> str:
    return call.operator("Abs", call.inputs)
