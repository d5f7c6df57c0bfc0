"""Min: the smaller one of two tensors, or of a tensor and a constant, at every place."""

from micronet_edge.lowering.ir.primitives import Minimum, MinimumConstant
from micronet_edge_onnx.formula import Formula, several
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Min", formula=Formula(several), allowed_in=(PORTABLE,))


@OPERATORS.writes(Minimum)
def write(_layer: Minimum, call: Call) -> str:
    return call.operator("Min", call.inputs)


@OPERATORS.writes(MinimumConstant)
def write_with_constant(layer: MinimumConstant, call: Call) -> str:
    return call.operator("Min", [*call.inputs, call.constant(layer)])
