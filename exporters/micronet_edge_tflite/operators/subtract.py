"""SUB: the difference of two tensors."""

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.lowering.ir.primitives import Subtract
from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.writer.activations import NO_ACTIVATION
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.operands import operands

OPERATORS.names("SUB", formula=elementwise(1), allowed_in=EVERYWHERE)

in_integers(Subtract)


@OPERATORS.writes(Subtract)
def write(layer: Subtract, call: Call) -> None:
    x, y = operands(layer, call, order := call.joint_order)
    subtract(call, x, y, call.result(order), call.take_activation())


def subtract(call: Call, x: int, y: int, result: int, activation: int = NO_ACTIVATION) -> None:
    settings = {"potScaleInt16": False, "fusedActivationFunction": activation}
    call.write("SUB", [x, y], result, schema.SubOptionsT, **settings)
