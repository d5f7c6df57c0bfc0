"""Max: the larger of two tensors at every place."""

from micronet_edge.lowering.ir.primitives import Maximum
from micronet_edge_onnx.formula import Formula, several
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Max", formula=Formula(several), allowed_in=(PORTABLE,))


@OPERATORS.writes(Maximum)
def write(_layer: Maximum, call: Call) -> str:
    return call.operator("Max", call.compared)
