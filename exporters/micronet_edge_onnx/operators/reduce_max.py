"""GlobalMaxPool and ReduceMax: the largest number along axes."""

from micronet_edge.lowering.ir.primitives import Largest
from micronet_edge_onnx.formula import Formula, reduction
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call
from micronet_edge_onnx.writer.reduction import is_of_all_pixels, of_all_pixels, reduced

OPERATORS.names("GlobalMaxPool", "ReduceMax", formula=Formula(reduction, data=(0,)), allowed_in=(PORTABLE,))


@OPERATORS.writes(Largest)
def write(layer: Largest, call: Call) -> str:
    if is_of_all_pixels(layer, call):
        return of_all_pixels("GlobalMaxPool", layer, call)
    return reduced("ReduceMax", layer, call)
