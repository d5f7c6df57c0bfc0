"""ReduceMin: the smallest number along axes."""

from micronet_edge.lowering.ir.primitives import Smallest
from micronet_edge_onnx.formula import Formula, reduction
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call
from micronet_edge_onnx.writer.reduction import reduced

OPERATORS.names("ReduceMin", formula=Formula(reduction, data=(0,)), allowed_in=(PORTABLE,))


@OPERATORS.writes(Smallest)
def write(layer: Smallest, call: Call) -> str:
    return reduced("ReduceMin", layer, call)
