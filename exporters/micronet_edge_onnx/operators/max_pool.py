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
    return isinstance(layer, nn.MaxPool2d) and not layer.return_indices


@OPERATORS.writes(nn.MaxPool2d, supports=_is_plain)
def write(layer: nn.MaxPool2d, call: Call) -> str:
    dilations = pair(layer.dilation)
    spread = {} if dilations == [1, 1] else {"dilations": dilations}
    settings = window(layer)
    if layer.ceil_mode:
        settings["pads"] = [*pair(layer.padding), *_ends(settings, call)]
    return call.operator("MaxPool", call.inputs, "", **settings, **spread)


def _ends(window: dict[str, list[int]], call: Call) -> list[int]:
    """The border behind the map, as far as the last windows reach."""
    sides = zip(*window.values(), call.source_shapes[0][2:], call.shape[2:], strict=False)
    return [max(pad, (made - 1) * stride + size - pad - given) for size, stride, pad, given, made in sides]
