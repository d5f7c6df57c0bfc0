"""RELU and RELU6 as operators of their own, where no other operator has them in its options."""

from torch import nn

from micronet_edge.counting.arithmetic import BOUND, CLIP
from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import ALL_BITS, EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.operators.maximum import compare
from micronet_edge_tflite.writer.activations import OPERATORS_OF_ACTIVATIONS, activation_of
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.operands import number

OPERATORS.names("RELU", formula=elementwise(BOUND), allowed_in=EVERYWHERE)
OPERATORS.names("RELU6", formula=elementwise(CLIP), allowed_in=EVERYWHERE)
OPERATORS.names("RELU_0_TO_1", "RELU_N1_TO_1", formula=elementwise(CLIP))


in_integers(nn.ReLU, nn.Hardtanh, bits=ALL_BITS)


@OPERATORS.writes(nn.ReLU, nn.ReLU6)
def write(layer: nn.Module, call: Call) -> None:
    result = call.result(call.order())
    call.write(OPERATORS_OF_ACTIVATIONS[activation_of(layer)], [call.read(0)], result)


@OPERATORS.writes(nn.Hardtanh)
def write_clip(layer: nn.Hardtanh, call: Call) -> None:
    order = call.order()
    result = call.result(order)
    x, qparams = call.converted(call.read(0), call.qparams_in(result)), call.qparams_in(result)
    above = call.tensor("above", call.shape_in(order), qparams)
    low, high = (number(call, *end, qparams) for end in (("low", layer.min_val), ("high", layer.max_val)))
    compare(call, "MAXIMUM", [x, low], above)
    compare(call, "MINIMUM", [above, high], result)
