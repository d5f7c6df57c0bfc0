"""CONV_2D and DEPTHWISE_CONV_2D: convolutions, with the padding that TFLite does not know before them."""

from ai_edge_litert import schema_py_generated as schema
from torch import fx, nn

from micronet_edge.counting import arithmetic
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge_tflite.counting.formulas import Formula
from micronet_edge_tflite.operators import ALL_BITS, EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.operators.pad import padded
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.weights import weight_and_bias

OPERATORS.names(
    "CONV_2D",
    formula=Formula(lambda _, inputs, result: arithmetic.convolution(result, inputs[1], channel_axis=0)),
    allowed_in=EVERYWHERE,
)
OPERATORS.names(
    "DEPTHWISE_CONV_2D",
    formula=Formula(lambda _, inputs, result: arithmetic.convolution(result, inputs[1], channel_axis=3)),
    allowed_in=EVERYWHERE,
)


def _is_plain(node: fx.Node) -> bool:
    """Padded with zeros by numbers."""
    conv = module_of(node)
    assert isinstance(conv, nn.Conv2d)
    return conv.padding_mode == "zeros" and not isinstance(conv.padding, str)


in_integers(nn.Conv2d, bits=ALL_BITS)


@OPERATORS.writes(nn.Conv2d, supports=_is_plain)
def write(conv: nn.Conv2d, call: Call) -> None:
    same = _is_same_padding(conv)
    vertical, horizontal = map(int, conv.padding)
    border = (vertical, vertical), (horizontal, horizontal)
    x = padded(call, *border) if any(conv.padding) and not same else call.inputs[0]
    settings = {
        "padding": schema.Padding.SAME if same else schema.Padding.VALID,
        "strideH": conv.stride[0],
        "strideW": conv.stride[1],
        "dilationHFactor": conv.dilation[0],
        "dilationWFactor": conv.dilation[1],
        "fusedActivationFunction": call.take_activation(),
    }
    # TFLite: [out, kh, kw, in] for a convolution, [1, kh, kw, out] for a depthwise one.
    if conv.groups == conv.in_channels and conv.groups > 1:
        inputs = [x, *weight_and_bias(call, conv, (1, 2, 3, 0), channel_axis=3)]
        settings["depthMultiplier"] = conv.out_channels // conv.in_channels
        call.write("DEPTHWISE_CONV_2D", inputs, call.result(), schema.DepthwiseConv2DOptionsT, **settings)
    else:
        inputs = [x, *weight_and_bias(call, conv, (0, 2, 3, 1), channel_axis=0)]
        call.write("CONV_2D", inputs, call.result(), schema.Conv2DOptionsT, **settings)


def _is_same_padding(conv: nn.Conv2d) -> bool:
    """Whether TFLite's SAME is the convolution's own padding: that of an odd kernel at stride 1."""
    sides = zip(conv.kernel_size, conv.dilation, conv.stride, map(int, conv.padding), strict=True)
    return all(
        stride == 1 and dilation * (kernel - 1) == 2 * padding for kernel, dilation, stride, padding in sides
    )
