"""PRELU: x, or x times the slope of its channel where x is negative."""

import numpy as np
from torch import nn

from micronet_edge.quantization.qparams import symmetric_qparams
from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.operators.leaky_relu import leaky_relu
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("PRELU", formula=elementwise(2), allowed_in=EVERYWHERE)

in_integers(nn.PReLU)

_CHANNELS = 1


@OPERATORS.writes(nn.PReLU)
def write(layer: nn.PReLU, call: Call) -> None:
    slopes = layer.weight.detach().numpy()
    if slopes.size == 1:
        leaky_relu(call, float(slopes.item()))
        return
    order = call.order()
    shape = [len(slopes) if axis == _CHANNELS else 1 for axis in order if axis]
    qparams = None
    if call.qparams is not None:
        largest = float(np.abs(slopes).max())
        qparams = symmetric_qparams(-largest, largest, call.qparams.bits)
    slope = call.constant("slope", slopes.reshape(shape), qparams)
    call.write("PRELU", [call.read(0), slope], call.result(order))
