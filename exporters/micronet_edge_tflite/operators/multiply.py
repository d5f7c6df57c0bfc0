"""MUL: the product of two tensors, or of a tensor and a constant, element by element."""

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.counting import arithmetic
from micronet_edge.lowering.ir.primitives import Multiply, MultiplyConstant
from micronet_edge_tflite.counting.formulas import Formula
from micronet_edge_tflite.operators import ALL_BITS, EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.writer.activations import NO_ACTIVATION
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.operands import operands

FORMULA = Formula(lambda _options, _inputs, result: arithmetic.multiplication(result))
OPERATORS.names("MUL", formula=FORMULA, allowed_in=EVERYWHERE)

in_integers(Multiply, MultiplyConstant, bits=ALL_BITS)


@OPERATORS.writes(Multiply, MultiplyConstant)
def write(layer: Multiply | MultiplyConstant, call: Call) -> None:
    x, y = operands(layer, call, order := call.joint_order)
    multiply(call, x, y, call.result(order), call.take_activation())


def multiply(call: Call, x: int, y: int, result: int, activation: int = NO_ACTIVATION) -> None:
    call.write("MUL", [x, y], result, schema.MulOptionsT, fusedActivationFunction=activation)
