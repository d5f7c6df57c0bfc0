"""The weight and the bias of a convolution or a linear layer, in float or in integers."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from torch import nn

from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.lowering.ir.graph import shape_of
from micronet_edge.lowering.passes.round_to_half import held_by_halves
from micronet_edge.quantization.qparams import (
    BYTE,
    bias_integers,
    bias_scales,
    scales_for_bias,
    weight_integers,
    weight_scales,
)
from micronet_edge_tflite.writer.call import Call

_LARGEST_BIAS = 2.0**62


def weight_and_bias(
    call: Call, layer: nn.Conv2d | nn.Linear, axes: tuple[int, ...], channel_axis: int
) -> list[int]:
    """The layer's weight and bias as constants.

    Args:
        call: The call of the layer, which reads one tensor.
        layer: Its weight is [n, ...], its bias [n].
        axes: The order of the weight's axes in the file.
        channel_axis: Where the n output channels are then.
    """
    if call.integer:
        return _in_integers(call, layer, axes, channel_axis)
    weight = np.ascontiguousarray(layer.weight.detach().numpy().transpose(axes))
    return [_float_weight(call, layer, weight), call.constant("bias", bias_of(layer).numpy(), None)]


def _in_integers(
    call: Call, layer: nn.Conv2d | nn.Linear, axes: tuple[int, ...], channel_axis: int
) -> list[int]:
    quantized, writer = call.tensors.quantized, call.tensors.writer
    weight, bias = layer.weight.detach().numpy(), bias_of(layer).numpy()
    limit, qparams = quantized.weight_limit, quantized.qparams(call.sources[0])
    scales = scales_for_bias(weight_scales(weight, limit), bias, qparams)
    integers = weight_integers(weight, scales, limit).transpose(axes)
    kind = np.int32 if qparams.bits == BYTE else np.int64
    sums = bias_integers(bias, scales, qparams).clip(-_LARGEST_BIAS, _LARGEST_BIAS).astype(kind)
    return [
        writer.constant(f"{call.name}/weight", integers, scales.tolist(), channel_axis),
        writer.constant(f"{call.name}/bias", sums, bias_scales(scales, qparams).tolist()),
    ]


def _float_weight(call: Call, layer: nn.Conv2d | nn.Linear, weight: NDArray[np.float32]) -> int:
    # Our kernels read the weights of the convolutions that make coefficients, those of single pixels.
    makes_coefficients = isinstance(layer, nn.Conv2d) and shape_of(call.node)[2:] == (1, 1)
    if not call.tensors.float16 or makes_coefficients or not held_by_halves(weight):
        return call.constant("weight", weight, None)
    # LiteRT and XNNPACK convert it once, when they open the file.
    stored = call.tensors.writer.constant(f"{call.name}/weight/halves", weight.astype(np.float16))
    converted = call.tensor("weight", weight.shape, None)
    call.write("DEQUANTIZE", [stored], converted, schema.DequantizeOptionsT)
    return converted
