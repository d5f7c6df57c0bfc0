"""Max: the larger one of two tensors, or of a tensor and a constant, at every place."""

from micronet_edge.lowering.ir.primitives import Maximum, MaximumConstant
from micronet_edge_onnx.formula import Formula, several
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Max", formula=Formula(several), allowed_in=(PORTABLE,))


@OPERATORS.writes(Maximum)
def write(_layer: Maximum, call: Call) -> str:
    return call.operator("Max", call.compared)


@OPERATORS.writes(MaximumConstant)
def write_with_constant(layer: MaximumConstant, call: Call) -> str:
    return call.operator("Max", [*call.inputs, call.constant(layer)])
