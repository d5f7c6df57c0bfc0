"""Tanh."""

from torch import nn

from micronet_edge.counting.arithmetic import FUNCTION
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Tanh", formula=elementwise(FUNCTION), allowed_in=(PORTABLE,))


@OPERATORS.writes(nn.Tanh)
def write(_layer: nn.Tanh, call: Call) -> str:
    return call.operator("Tanh", call.inputs)
