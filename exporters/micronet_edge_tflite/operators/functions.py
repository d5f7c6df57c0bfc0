"""Operators without settings for one function of each number: roots, exponentials, LOGISTIC, TANH."""

from torch import nn

from micronet_edge.lowering.ir.primitives import (
    Absolute,
    Exponential,
    Logarithm,
    ReciprocalSquareRoot,
    SquareRoot,
)
from micronet_edge.quantization.qparams import BYTE, QuantParams
from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.writer.call import Call

_NAMES: dict[type[nn.Module], str] = {
    Absolute: "ABS",
    SquareRoot: "SQRT",
    ReciprocalSquareRoot: "RSQRT",
    Exponential: "EXP",
    Logarithm: "LOG",
    nn.Sigmoid: "LOGISTIC",
    nn.Tanh: "TANH",
}
FIXED = {"LOGISTIC": QuantParams(1 / 256, -128, BYTE), "TANH": QuantParams(1 / 128, 0, BYTE)}
"""The quantization parameters that LiteRT's integer kernels give their results."""

OPERATORS.names("NEG", *_NAMES.values(), formula=elementwise(1), allowed_in=EVERYWHERE)

# Those of numbers above zero alone stay in float: a small number may round to zero.
in_integers(Absolute, nn.Sigmoid, nn.Tanh)


@OPERATORS.writes(*_NAMES)
def write(layer: nn.Module, call: Call) -> None:
    name, order = _NAMES[type(layer)], call.order()
    fixed = FIXED.get(name, call.qparams) if call.integer else None
    with call.result_at(fixed, order) as result:
        call.write(name, [call.read(0)], result)
