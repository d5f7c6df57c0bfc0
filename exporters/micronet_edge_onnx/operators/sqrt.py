"""Sqrt, and Reciprocal behind it."""

from micronet_edge.counting.arithmetic import FUNCTION
from micronet_edge.lowering.ir.primitives import ReciprocalSquareRoot, SquareRoot
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Sqrt", "Reciprocal", formula=elementwise(FUNCTION), allowed_in=(PORTABLE,))


@OPERATORS.writes(SquareRoot)
def write(_layer: SquareRoot, call: Call) -> str:
    return call.operator("Sqrt", call.inputs)


@OPERATORS.writes(ReciprocalSquareRoot)
def write_reciprocal(_layer: ReciprocalSquareRoot, call: Call) -> str:
    return call.operator("Reciprocal", [call.operator("Sqrt", call.inputs, "root")])
