"""Channels dealt by groups, by way of Reshape and Transpose."""

from micronet_edge.models import ChannelShuffle
from micronet_edge_onnx.operators import OPERATORS
from micronet_edge_onnx.writer.call import Call


@OPERATORS.writes(ChannelShuffle)
def write(layer: ChannelShuffle, call: Call) -> str:
    (x,), (_, c, *sides), groups = call.inputs, call.shape, layer.groups
    apart = call.model.reshaped(call.path("groups"), x, 0, groups, c // groups, *sides)
    order = [0, 2, 1, *range(3, 3 + len(sides))]
    dealt = call.operator("Transpose", [apart], "dealt", perm=order)
    return call.model.reshaped(call.name, dealt, 0, c, *sides)
