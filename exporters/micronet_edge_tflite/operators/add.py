"""ADD: the sum of two tensors, or of a tensor and a constant."""

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.counting.arithmetic import BOUND
from micronet_edge.lowering.ir.primitives import Add, AddConstant
from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import ALL_BITS, EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.writer.activations import NO_ACTIVATION
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.operands import operands

OPERATORS.names("ADD", formula=elementwise(BOUND), allowed_in=EVERYWHERE)

in_integers(Add, AddConstant, bits=ALL_BITS)


@OPERATORS.writes(Add, AddConstant)
def write(layer: Add | AddConstant, call: Call) -> None:
    x, y = operands(layer, call, order := call.joint_order)
    add(call, x, y, call.result(order), call.take_activation())


def add(call: Call, x: int, y: int, result: int, activation: int = NO_ACTIVATION) -> None:
    settings = {"potScaleInt16": False, "fusedActivationFunction": activation}
    call.write("ADD", [x, y], result, schema.AddOptionsT, **settings)
