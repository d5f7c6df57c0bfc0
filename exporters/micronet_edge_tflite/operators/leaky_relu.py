"""LEAKY_RELU: x, or x times a slope where x is negative."""

from ai_edge_litert import schema_py_generated as schema
from torch import nn

from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("LEAKY_RELU", formula=elementwise(2), allowed_in=EVERYWHERE)  # a comparison, a multiplication


@OPERATORS.writes(nn.LeakyReLU)
def write(layer: nn.LeakyReLU, call: Call) -> None:
    call.write("LEAKY_RELU", call.inputs, call.result(), schema.LeakyReluOptionsT, alpha=layer.negative_slope)
