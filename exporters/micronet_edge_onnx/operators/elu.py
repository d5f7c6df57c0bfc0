"""Elu."""

from torch import nn

from micronet_edge.counting.arithmetic import ELU
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Elu", formula=elementwise(ELU), allowed_in=(PORTABLE,))


@OPERATORS.writes(nn.ELU)
def write(layer: nn.ELU, call: Call) -> str:
    return call.operator("Elu", call.inputs, alpha=float(layer.alpha))
