"""HardSwish."""

from torch import nn

from micronet_edge.counting.arithmetic import HARD_SWISH
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("HardSwish", formula=elementwise(HARD_SWISH), allowed_in=(PORTABLE,))


@OPERATORS.writes(nn.Hardswish)
def write(_layer: nn.Hardswish, call: Call) -> str:
    return call.operator("HardSwish", call.inputs)
