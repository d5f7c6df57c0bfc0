"""MaxPool: the largest number of each window."""

from math import prod

from torch import fx, nn

from micronet_edge.counting import arithmetic
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge_onnx.formula import Formula, attribute
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call
from micronet_edge_onnx.writer.window import pair, window

OPERATORS.names(
    "MaxPool",
    formula=Formula(
        lambda node, _inputs, result: arithmetic.elementwise(result, prod(attribute(node, "kernel_shape")))
    ),
    allowed_in=(PORTABLE,),
)


def _is_plain(node: fx.Node) -> bool:
    layer = module_of(node)
    return isinstance(layer, nn.MaxPool2d) and not layer.ceil_mode and not layer.return_indices


@OPERATORS.writes(nn.MaxPool2d, supports=_is_plain)
def write(layer: nn.MaxPool2d, call: Call) -> str:
    dilations = pair(layer.dilation)
    spread = {} if dilations == [1, 1] else {"dilations": dilations}
    return call.operator("MaxPool", call.inputs, "", **window(layer), **spread)
