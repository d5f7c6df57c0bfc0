"""A Mish, x * tanh(log(1 + e^x)), as x * n / (n + 2) with n = e^x * (e^x + 2); in float alone.

Source: tanh(log(a)) = (a^2 - 1) / (a^2 + 1), for a = 1 + e^x.
"""

from torch import nn

from micronet_edge_tflite.operators import OPERATORS
from micronet_edge_tflite.operators.add import add
from micronet_edge_tflite.operators.divide import divide
from micronet_edge_tflite.operators.maximum import compare
from micronet_edge_tflite.operators.multiply import multiply
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.operands import number

_LARGEST = 20.0
"""From here on n / (n + 2) is 1 in float32; n^2 is still far from its largest number."""


@OPERATORS.writes(nn.Mish)
def write(_layer: nn.Mish, call: Call) -> None:
    x, order = call.read(0), call.order()
    result = call.result(order)
    roles = ("bounded", "exponential", "raised", "numerator", "denominator", "ratio")
    bounded, exponential, raised, numerator, denominator, ratio = (
        call.tensor(role, call.shape_in(order), None) for role in roles
    )
    two = number(call, "two", 2.0)
    compare(call, "MINIMUM", [x, number(call, "largest", _LARGEST)], bounded)
    call.write("EXP", [bounded], exponential)
    add(call, exponential, two, raised)
    multiply(call, exponential, raised, numerator)
    add(call, numerator, two, denominator)
    divide(call, numerator, denominator, ratio)
    multiply(call, x, ratio, result)
