"""ReduceSum: the sum along axes, which are an input of this operator alone."""

from micronet_edge.lowering.ir.primitives import Sum
from micronet_edge_onnx.formula import Formula, reduction
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call
from micronet_edge_onnx.writer.reduction import axes_of

OPERATORS.names("ReduceSum", formula=Formula(reduction, data=(0,)), allowed_in=(PORTABLE,))


@OPERATORS.writes(Sum)
def write(layer: Sum, call: Call) -> str:
    axes = call.model.indices(call.path("axes"), axes_of(layer, call))
    return call.operator("ReduceSum", [*call.inputs, axes], keepdims=int(layer.keeps_axes))
