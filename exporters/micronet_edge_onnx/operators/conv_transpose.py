"""ConvTranspose: a transposed convolution of any kind."""

from torch import nn

from micronet_edge.counting import arithmetic
from micronet_edge_onnx.formula import Formula
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names(
    "ConvTranspose",
    formula=Formula(lambda _node, inputs, _result: arithmetic.transposed_convolution(inputs[0], inputs[1])),
    allowed_in=(PORTABLE,),
)


@OPERATORS.writes(nn.ConvTranspose2d)
def write(layer: nn.ConvTranspose2d, call: Call) -> str:
    return call.operator(
        "ConvTranspose",
        [*call.inputs, *call.weights(layer)],
        kernel_shape=layer.kernel_size,
        strides=layer.stride,
        pads=[int(side) for side in layer.padding] * 2,
        output_padding=layer.output_padding,
        dilations=layer.dilation,
        group=layer.groups,
    )
