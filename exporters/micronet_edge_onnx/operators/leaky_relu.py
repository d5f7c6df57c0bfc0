"""LeakyRelu: numbers below zero times a small slope."""

from torch import nn

from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("LeakyRelu", formula=elementwise(2), allowed_in=(PORTABLE,))


@OPERATORS.writes(nn.LeakyReLU)
def write(layer: nn.LeakyReLU, call: Call) -> str:
    return call.operator("LeakyRelu", call.inputs, alpha=layer.negative_slope)
