"""GELU: x times the normal distribution function of x, or its approximation by tanh."""

from ai_edge_litert import schema_py_generated as schema
from torch import nn

from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import IN_LITERT, OPERATORS, in_integers
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("GELU", formula=elementwise(4), allowed_in=IN_LITERT)  # a scale, erf, a sum, a product

in_integers(nn.GELU)


@OPERATORS.writes(nn.GELU)
def write(layer: nn.GELU, call: Call) -> None:
    result = call.result(call.order())
    call.write("GELU", [call.read(0)], result, schema.GeluOptionsT, approximate=layer.approximate == "tanh")
