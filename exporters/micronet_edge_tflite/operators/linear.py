"""FULLY_CONNECTED: rows times the transpose of a weight."""

from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as schema
from torch import nn

from micronet_edge.counting import arithmetic
from micronet_edge.counting.graph import Arithmetic, Tensor
from micronet_edge.lowering.ir.graph import is_matrix
from micronet_edge_tflite.counting.formulas import Formula
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.weights import weight_and_bias


def _formula(_options: object, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    weight = inputs[1]
    return arithmetic.matrix_product(result, weight.shape[-1] if weight.shape else 1)


OPERATORS.names("FULLY_CONNECTED", formula=Formula(_formula), allowed_in=EVERYWHERE)


@OPERATORS.writes(nn.Linear, supports=is_matrix)
def write(linear: nn.Linear, call: Call) -> None:
    inputs = [*call.inputs, *weight_and_bias(call, linear, (0, 1), channel_axis=0)]
    settings = {"fusedActivationFunction": call.take_activation()}
    call.write("FULLY_CONNECTED", inputs, call.result(), schema.FullyConnectedOptionsT, **settings)
