"""HardSigmoid."""

from torch import nn

from micronet_edge.counting.arithmetic import HARD_SIGMOID
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("HardSigmoid", formula=elementwise(HARD_SIGMOID), allowed_in=(PORTABLE,))


@OPERATORS.writes(nn.Hardsigmoid)
def write(_layer: nn.Hardsigmoid, call: Call) -> str:
    return call.operator("HardSigmoid", call.inputs, alpha=1 / 6, beta=0.5)
