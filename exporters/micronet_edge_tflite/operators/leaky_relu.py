"""LEAKY_RELU: x, or x times a slope where x is negative."""

from ai_edge_litert import schema_py_generated as schema
from torch import nn

from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import ALL_BITS, EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("LEAKY_RELU", formula=elementwise(2), allowed_in=EVERYWHERE)  # a comparison, a multiplication

in_integers(nn.LeakyReLU, bits=ALL_BITS)


@OPERATORS.writes(nn.LeakyReLU)
def write(layer: nn.LeakyReLU, call: Call) -> None:
    leaky_relu(call, layer.negative_slope)


def leaky_relu(call: Call, slope: float) -> None:
    call.write("LEAKY_RELU", [call.read(0)], call.result(call.order()), schema.LeakyReluOptionsT, alpha=slope)
