"""DepthToSpace: channels as pixels; the inverse by Reshape and Transpose, in torch's order."""

from torch import nn

from micronet_edge_onnx.formula import MOVES
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("DepthToSpace", formula=MOVES, allowed_in=(PORTABLE,))


@OPERATORS.writes(nn.PixelShuffle)
def write(layer: nn.PixelShuffle, call: Call) -> str:
    return call.operator("DepthToSpace", call.inputs, blocksize=layer.upscale_factor, mode="CRD")


@OPERATORS.writes(nn.PixelUnshuffle)
def write_inverse(layer: nn.PixelUnshuffle, call: Call) -> str:
    (x,), ((_, c, h, w),), side = call.inputs, call.source_shapes, layer.downscale_factor
    blocks = call.model.reshaped(call.path("blocks"), x, 0, c, h // side, side, w // side, side)
    sorted_ = call.operator("Transpose", [blocks], "sorted", perm=[0, 1, 3, 5, 2, 4])
    return call.model.reshaped(call.name, sorted_, 0, c * side * side, h // side, w // side)
