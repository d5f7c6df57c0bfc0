"""FULLY_CONNECTED: rows times the transpose of a weight."""

from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as schema
from torch import nn

from micronet_edge.counting import arithmetic
from micronet_edge.counting.graph import Arithmetic, Tensor
from micronet_edge_tflite.counting.formulas import Formula
from micronet_edge_tflite.operators import ALL_BITS, EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.writer.axis_order import with_last
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.weights import weight_and_bias

_MATRIX = 2


def _formula(_options: object, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    weight = inputs[1]
    return arithmetic.matrix_product(result, weight.shape[-1] if weight.shape else 1)


OPERATORS.names("FULLY_CONNECTED", formula=Formula(_formula), allowed_in=EVERYWHERE)

in_integers(nn.Linear, bits=ALL_BITS)


@OPERATORS.writes(nn.Linear)
def write(linear: nn.Linear, call: Call) -> None:
    """On the last axis in PyTorch, which the file stores last as well."""
    rank = call.rank(call.node)
    order = with_last(call.order(), rank - 1)
    inputs = [call.read(0, order), *weight_and_bias(call, linear, (0, 1), channel_axis=0)]
    settings = {"fusedActivationFunction": call.take_activation(), "keepNumDims": rank > _MATRIX}
    call.write("FULLY_CONNECTED", inputs, call.result(order), schema.FullyConnectedOptionsT, **settings)
