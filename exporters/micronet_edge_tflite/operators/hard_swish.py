"""HARD_SWISH: x times clip(x + 3, 0, 6) / 6."""

from ai_edge_litert import schema_py_generated as schema
from torch import nn

from micronet_edge.counting.arithmetic import HARD_SWISH
from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import IN_LITERT, OPERATORS, in_integers
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("HARD_SWISH", formula=elementwise(HARD_SWISH), allowed_in=IN_LITERT)

in_integers(nn.Hardswish)


@OPERATORS.writes(nn.Hardswish)
def write(_layer: nn.Hardswish, call: Call) -> None:
    call.write("HARD_SWISH", [call.read(0)], call.result(call.order()), schema.HardSwishOptionsT)
