"""AveragePool: the mean of each window."""

from math import prod

from torch import fx, nn

from micronet_edge.counting import arithmetic
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge_onnx.formula import Formula, attribute
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call
from micronet_edge_onnx.writer.window import window

OPERATORS.names(
    "AveragePool",
    formula=Formula(
        lambda node, _inputs, result: arithmetic.elementwise(result, prod(attribute(node, "kernel_shape")))
    ),
    allowed_in=(PORTABLE,),
)


def _is_plain(node: fx.Node) -> bool:
    layer = module_of(node)
    return isinstance(layer, nn.AvgPool2d) and not layer.ceil_mode and layer.divisor_override is None


@OPERATORS.writes(nn.AvgPool2d, supports=_is_plain)
def write(layer: nn.AvgPool2d, call: Call) -> str:
    border = {"count_include_pad": int(layer.count_include_pad)}
    return call.operator("AveragePool", call.inputs, "", **window(layer), **border)
