"""Sigmoid, and SiLU as a number times its sigmoid, which ONNX Runtime computes at once."""

from torch import nn

from micronet_edge.counting.arithmetic import FUNCTION
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Sigmoid", formula=elementwise(FUNCTION), allowed_in=(PORTABLE,))


@OPERATORS.writes(nn.Sigmoid)
def write(_layer: nn.Sigmoid, call: Call) -> str:
    return call.operator("Sigmoid", call.inputs)


@OPERATORS.writes(nn.SiLU)
def write_silu(_layer: nn.SiLU, call: Call) -> str:
    (x,) = call.inputs
    return call.operator("Mul", [x, call.operator("Sigmoid", [x], "gate")])
