"""Log: the natural logarithm of each number."""

from micronet_edge.counting.arithmetic import FUNCTION
from micronet_edge.lowering.ir.primitives import Logarithm
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Log", formula=elementwise(FUNCTION), allowed_in=(PORTABLE,))


@OPERATORS.writes(Logarithm)
def write(_layer: Logarithm, call: Call) -> str:
    return call.operator("Log", call.inputs)
