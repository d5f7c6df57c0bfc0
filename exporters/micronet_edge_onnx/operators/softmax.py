"""Softmax along an axis."""

from torch import nn

from micronet_edge.counting.arithmetic import SOFTMAX
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Softmax", formula=elementwise(SOFTMAX), allowed_in=(PORTABLE,))


@OPERATORS.writes(nn.Softmax, supports=lambda node: node.op == "call_module")
def write(layer: nn.Softmax, call: Call) -> str:
    return call.operator("Softmax", call.inputs, axis=_axis(layer, len(call.shape)))


def _axis(layer: nn.Softmax, rank: int) -> int:
    assert layer.dim is not None
    return layer.dim % rank
