"""A SiLU: x times LOGISTIC of x."""

from torch import nn

from micronet_edge_tflite.operators import OPERATORS, in_integers
from micronet_edge_tflite.operators.functions import FIXED
from micronet_edge_tflite.operators.multiply import multiply
from micronet_edge_tflite.writer.call import Call

in_integers(nn.SiLU)


@OPERATORS.writes(nn.SiLU)
def write(_layer: nn.SiLU, call: Call) -> None:
    x, result = call.read(0), call.result(order := call.order())
    gate = call.tensor("gate", call.shape_in(order), FIXED["LOGISTIC"] if call.integer else None)
    call.write("LOGISTIC", [x], gate)
    multiply(call, x, gate, result)
