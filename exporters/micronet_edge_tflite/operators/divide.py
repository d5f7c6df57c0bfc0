"""DIV: the quotient of two tensors; in integers it stays in float, as a divisor may round to zero."""

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.lowering.ir.primitives import Divide
from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS
from micronet_edge_tflite.writer.activations import NO_ACTIVATION
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.operands import operands

OPERATORS.names("DIV", formula=elementwise(1), allowed_in=EVERYWHERE)


@OPERATORS.writes(Divide)
def write(layer: Divide, call: Call) -> None:
    x, y = operands(layer, call, order := call.joint_order)
    divide(call, x, y, call.result(order), call.take_activation())


def divide(call: Call, x: int, y: int, result: int, activation: int = NO_ACTIVATION) -> None:
    call.write("DIV", [x, y], result, schema.DivOptionsT, fusedActivationFunction=activation)
