"""GlobalAveragePool and ReduceMean: the mean over all pixels, or along any axes."""

from torch import fx, nn

from micronet_edge.lowering.ir.graph import shape_of
from micronet_edge.lowering.ir.primitives import Mean
from micronet_edge_onnx.formula import Formula, mean
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call
from micronet_edge_onnx.writer.reduction import is_of_all_pixels, of_all_pixels, reduced

OPERATORS.names("GlobalAveragePool", "ReduceMean", formula=Formula(mean, data=(0,)), allowed_in=(PORTABLE,))


def _gives_one_pixel(node: fx.Node) -> bool:
    return shape_of(node)[2:] == (1, 1)


@OPERATORS.writes(nn.AdaptiveAvgPool2d, supports=_gives_one_pixel)
def write(_layer: nn.AdaptiveAvgPool2d, call: Call) -> str:
    if call.sources[0] in call.tensors.rows:
        return call.inputs[0]  # the mean of one pixel
    if call.is_row:
        return call.operator("ReduceMean", call.inputs, axes=[2, 3], keepdims=0)
    return call.operator("GlobalAveragePool", call.inputs)


@OPERATORS.writes(Mean)
def write_along_axes(layer: Mean, call: Call) -> str:
    if is_of_all_pixels(layer, call):
        return of_all_pixels("GlobalAveragePool", layer, call)
    return reduced("ReduceMean", layer, call)
