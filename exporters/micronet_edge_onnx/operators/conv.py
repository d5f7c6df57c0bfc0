"""Conv: a convolution of any kind, with zeros around the map."""

from torch import fx, nn

from micronet_edge.lowering.ir.convolutions import BorderedConv, conv_of
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge_onnx.formula import Formula, convolution
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.operators.gemm import product
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Conv", formula=Formula(convolution(1)), allowed_in=(PORTABLE,))


def _pads_zeros(node: fx.Node) -> bool:
    conv = conv_of(module_of(node))
    return conv is not None and conv.padding_mode == "zeros" and not isinstance(conv.padding, str)


@OPERATORS.writes(nn.Conv2d, supports=_pads_zeros)
def write(conv: nn.Conv2d, call: Call) -> str:
    (x,) = call.inputs
    return product(call, x, conv) if call.is_row else _conv(call, x, conv)


@OPERATORS.writes(BorderedConv, supports=_pads_zeros)
def write_bordered(layer: BorderedConv, call: Call) -> str:
    (x,) = call.inputs
    y = _conv(call, x, layer.conv, "conv")
    bias = call.model.constant(call.path("border/constant"), layer.bias_map.numpy())
    return call.operator("Add", [y, bias], "border")


def _conv(call: Call, x: str, conv: nn.Conv2d, part: str = "") -> str:
    dilations = {} if set(conv.dilation) == {1} else {"dilations": conv.dilation}
    return call.operator(
        "Conv",
        [x, *call.weights(conv, part)],
        part,
        kernel_shape=conv.kernel_size,
        strides=conv.stride,
        pads=[int(side) for side in conv.padding] * 2,
        group=conv.groups,
        **dilations,
    )
