"""TRANSPOSE_CONV: every input pixel times a window of weights, added to the result."""

from collections.abc import Sequence

import torch
from ai_edge_litert import schema_py_generated as schema
from torch import Tensor, fx, nn

from micronet_edge.counting.graph import Arithmetic
from micronet_edge.counting.graph import Tensor as CountedTensor
from micronet_edge.lowering.ir.convolutions import with_weights
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge_tflite.counting.formulas import Formula, Inputs
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.operators.slice import cut
from micronet_edge_tflite.writer.activations import NO_ACTIVATION
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.weights import weight_and_bias


def _formula(_options: object, inputs: Sequence[CountedTensor], _result: CountedTensor) -> Arithmetic:
    _, weight, x, *_ = inputs
    channels = x.shape[-1] if x.shape else 1
    return Arithmetic(conv=x.elements * weight.elements // channels)


def _all_but_the_shape(inputs: Inputs) -> set[int]:
    return set(range(1, len(inputs)))


OPERATORS.names("TRANSPOSE_CONV", formula=Formula(_formula, data=_all_but_the_shape), allowed_in=EVERYWHERE)

in_integers(nn.ConvTranspose2d)


def _is_plain(node: fx.Node) -> bool:
    return getattr(module_of(node), "padding_mode", "") == "zeros"


@OPERATORS.writes(nn.ConvTranspose2d, supports=_is_plain)
def write(layer: nn.ConvTranspose2d, call: Call) -> None:
    """The whole of the result without padding, cut to size where the format's own padding is another one."""
    conv = _forward(layer)
    same = all(_is_same(layer, conv, call, side) for side in (0, 1))
    batch, height, width, channels = call.shape
    top, left = (0, 0) if same else map(int, layer.padding)
    whole = (batch, height + 2 * top, width + 2 * left, channels)
    activation, result = call.take_activation(), call.result()
    written = call.tensor("whole", whole, call.qparams) if top or left else result
    settings = {
        "padding": schema.Padding.SAME if same else schema.Padding.VALID,
        "strideH": layer.stride[0],
        "strideW": layer.stride[1],
        "fusedActivationFunction": activation if written == result else NO_ACTIVATION,
    }
    weight, bias = weight_and_bias(call, conv, (0, 2, 3, 1), channel_axis=0)
    inputs = [call.sizes(written, "shape", whole), weight, *call.inputs, bias]
    call.write("TRANSPOSE_CONV", inputs, written, schema.TransposeConvOptionsT, **settings)
    if written != result:
        call.activation_is_written = False
        cut(call, written, (0, top, left, 0), result)


def _forward(layer: nn.ConvTranspose2d) -> nn.Conv2d:
    """A convolution with the same weights [out, in, kh, kw], zeros between the taps and between groups."""
    weight = _dense(layer.weight.detach(), layer.groups)
    outputs, inputs, *window = weight.shape
    sides = [
        step * (taps - 1) + 1 + more
        for step, taps, more in zip(layer.dilation, window, _beyond_the_stride(layer), strict=True)
    ]
    dilated = torch.zeros(outputs, inputs, *sides)
    dilated[:, :, :: int(layer.dilation[0]), :: int(layer.dilation[1])] = weight
    bias = None if layer.bias is None else layer.bias.detach()
    return with_weights(nn.Conv2d(inputs, outputs, 1), dilated, bias)


def _beyond_the_stride(layer: nn.ConvTranspose2d) -> list[int]:
    """Zeros behind the taps, for pixels that no tap reaches: the format ends a stride behind the taps."""
    sides = zip(layer.output_padding, layer.stride, strict=True)
    return [more if more >= stride else 0 for more, stride in sides]


def _dense(weight: Tensor, groups: int) -> Tensor:
    """The weight [in, out / groups, kh, kw] of groups as one [out, in, kh, kw]."""
    parts = weight.chunk(groups)
    inputs, outputs = parts[0].shape[:2]
    dense = torch.zeros(outputs * groups, inputs * groups, *weight.shape[2:])
    for group, part in enumerate(parts):
        rows = slice(group * outputs, (group + 1) * outputs)
        dense[rows, group * inputs : (group + 1) * inputs] = part.transpose(0, 1)
    return dense


def _is_same(layer: nn.ConvTranspose2d, conv: nn.Conv2d, call: Call, side: int) -> bool:
    """Whether TFLite's SAME starts where the layer's padding does, along the height (0) or the width (1)."""
    kernel, stride, padding = conv.kernel_size[side], layer.stride[side], int(layer.padding[side])
    given, made = (call.tensors.shape(node)[1 + side] for node in (call.sources[0], call.node))
    around = max((given - 1) * stride + kernel - made, 0)
    return -(-made // stride) == given and around // 2 == padding
