"""LogSoftmax along an axis."""

from torch import nn

from micronet_edge.counting.arithmetic import SOFTMAX
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("LogSoftmax", formula=elementwise(SOFTMAX), allowed_in=(PORTABLE,))


@OPERATORS.writes(nn.LogSoftmax)
def write(layer: nn.LogSoftmax, call: Call) -> str:
    assert layer.dim is not None
    return call.operator("LogSoftmax", call.inputs, axis=layer.dim)
