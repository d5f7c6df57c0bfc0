"""A hard sigmoid, clip(x + 3, 0, 6) / 6: a sum with a clip in its options, and a product."""

from torch import nn

from micronet_edge.quantization.qparams import QuantParams, activation_qparams
from micronet_edge_tflite.operators import OPERATORS, in_integers
from micronet_edge_tflite.operators.add import add
from micronet_edge_tflite.operators.multiply import multiply
from micronet_edge_tflite.writer.activations import RELU6
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.operands import number

in_integers(nn.Hardsigmoid)

_SPAN = 6.0


@OPERATORS.writes(nn.Hardsigmoid)
def write(_layer: nn.Hardsigmoid, call: Call) -> None:
    order = call.order()
    result = call.result(order)
    lifted = call.tensor("lifted", call.shape_in(order), _until(call, _SPAN))
    add(call, call.read(0), number(call, "half", _SPAN / 2, _until(call, _SPAN / 2)), lifted, RELU6)
    multiply(call, lifted, number(call, "share", 1 / _SPAN, _until(call, 1 / _SPAN)), result)


def _until(call: Call, highest: float) -> QuantParams | None:
    """The quantization parameters of numbers from 0 to the highest; None in float."""
    return None if call.qparams is None else activation_qparams(0.0, highest, call.qparams.bits)
