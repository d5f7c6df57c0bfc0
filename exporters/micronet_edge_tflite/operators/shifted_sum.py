"""The sum of shifted inputs times coefficients: DEPTHWISE_CONV_2D with a weight that is computed."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from micronet_edge.quantization.qparams import BYTE
from micronet_edge_tflite.micro.layers import ShiftedSum
from micronet_edge_tflite.operators import ALL_BITS, OPERATORS, in_integers
from micronet_edge_tflite.operators.concatenate import ROWS, concatenate
from micronet_edge_tflite.operators.dynamic_pointwise import is_only_compared, rows_shape
from micronet_edge_tflite.operators.reshape import reshape
from micronet_edge_tflite.writer.call import Call

in_integers(ShiftedSum, bits=ALL_BITS)


@OPERATORS.writes(ShiftedSum)
def write(_layer: ShiftedSum, call: Call) -> None:
    """A map is one line of pixels, and J of them are J lines: the window is J lines high."""
    weight, *maps = call.inputs
    settings = {
        "padding": schema.Padding.VALID,
        "strideH": 1,
        "strideW": 1,
        "depthMultiplier": 1,
        "fusedActivationFunction": call.take_activation(),
    }
    product = call.tensor("product", rows_shape(call.shape), call.qparams)
    inputs = [_stacked(call, maps), weight, _no_bias(call)]
    call.write("DEPTHWISE_CONV_2D", inputs, product, schema.DepthwiseConv2DOptionsT, **settings)
    if is_only_compared(call.node):
        call.tensors.set_result(call.node, product, integer=call.integer)
    else:
        reshape(call, product, call.shape, call.result())


def _no_bias(call: Call) -> int:
    """A bias of zeros: LiteRT's fast kernel of 8 bits reads one even where there is none, and crashes."""
    zeros = np.zeros(call.shape[-1], np.float32)
    weight, x = (call.qparams_of(source) for source in call.sources[:2])
    if weight is None or x is None:
        return call.constant("bias", zeros, None)
    integers = zeros.astype(np.int32 if x.bits == BYTE else np.int64)
    return call.tensors.writer.constant(f"{call.name}/bias", integers, [weight.scale * x.scale])


def _stacked(call: Call, maps: list[int]) -> int:
    """The maps as lines of pixels, one above the other, which all fusions read."""
    key, stacked = tuple(maps), call.tensors.stacked
    if key not in stacked:
        source = call.sources[1]
        batch, height, width, channels = call.tensors.shape(source)
        qparams, above = call.qparams_of(source), maps[0]
        if len(maps) > 1:
            above = call.tensor("above", (batch, len(maps) * height, width, channels), qparams)
            concatenate(call, maps, ROWS, above)
        lines = (batch, len(maps), height * width, channels)
        stacked[key] = call.tensor("lines", lines, qparams)
        reshape(call, above, lines, stacked[key])
    return stacked[key]
