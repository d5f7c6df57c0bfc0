"""DEPTH_TO_SPACE and SPACE_TO_DEPTH: channels to pixels and back.

PyTorch has the pixels of a channel side by side among the channels, TFLite the channels of a pixel: the
channels are transposed before or after.
"""

from ai_edge_litert import schema_py_generated as schema
from torch import nn

from micronet_edge_tflite.counting.formulas import MOVES
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.operators.transpose import transposed_channels
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("DEPTH_TO_SPACE", "SPACE_TO_DEPTH", formula=MOVES, allowed_in=EVERYWHERE)

in_integers(nn.PixelShuffle, nn.PixelUnshuffle)


@OPERATORS.writes(nn.PixelShuffle)
def write(layer: nn.PixelShuffle, call: Call) -> None:
    (x,), factor, channels = call.inputs, layer.upscale_factor, call.shape[-1]
    qparams = call.qparams_in(x)
    with call.result_at(qparams) as result:
        if channels > 1:
            turned = call.tensor("turned", call.tensors.writer.shape_of(x), qparams)
            transposed_channels(call, x, (channels, factor**2), turned)
            x = turned
        call.write("DEPTH_TO_SPACE", [x], result, schema.DepthToSpaceOptionsT, blockSize=factor)


@OPERATORS.writes(nn.PixelUnshuffle)
def write_inverse(layer: nn.PixelUnshuffle, call: Call) -> None:
    (x,), factor = call.inputs, layer.downscale_factor
    qparams, channels = call.qparams_in(x), call.tensors.writer.shape_of(x)[-1]
    with call.result_at(qparams) as result:
        turned = call.tensor("turned", call.shape, qparams) if channels > 1 else result
        call.write("SPACE_TO_DEPTH", [x], turned, schema.SpaceToDepthOptionsT, blockSize=factor)
        if channels > 1:
            transposed_channels(call, turned, (factor**2, channels), result)
