"""PRelu: numbers below zero times a slope, one for all channels or one for each."""

from torch import nn

from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("PRelu", formula=elementwise(2), allowed_in=(PORTABLE,))

_BEFORE_AND_WITH_CHANNELS = 2


@OPERATORS.writes(nn.PReLU)
def write(layer: nn.PReLU, call: Call) -> str:
    behind = [1] * max(0, len(call.shape) - _BEFORE_AND_WITH_CHANNELS)
    slope = layer.weight.detach().numpy().reshape(-1, *behind)
    return call.operator("PRelu", [*call.inputs, call.model.constant(call.path("slope"), slope)])
