"""GELU, with Erf or with Tanh, in the form that ONNX Runtime computes at once."""

from math import pi, sqrt

from torch import nn

from micronet_edge.counting.arithmetic import FUNCTION
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Erf", formula=elementwise(FUNCTION), allowed_in=(PORTABLE,))

_CUBE = 0.044715


@OPERATORS.writes(nn.GELU)
def write(layer: nn.GELU, call: Call) -> str:
    """0.5 x (1 + f(x)), as torch.nn.GELU defines it."""
    (x,), number = call.inputs, call.model.scalar
    inner = _by_tanh(call, x) if layer.approximate == "tanh" else _by_erf(call, x)
    shifted = call.operator("Add", [inner, number("number/1", 1.0)], "shifted")
    if layer.approximate == "tanh":
        half = call.operator("Mul", [x, number("number/0.5", 0.5)], "half")
        return call.operator("Mul", [half, shifted])
    gated = call.operator("Mul", [x, shifted], "gated")
    return call.operator("Mul", [gated, number("number/0.5", 0.5)])


def _by_erf(call: Call, x: str) -> str:
    root = call.model.scalar("number/root2", sqrt(2.0))
    return call.operator("Erf", [call.operator("Div", [x, root], "scaled")], "erf")


def _by_tanh(call: Call, x: str) -> str:
    """tanh(x (a + b x^2)): sqrt(2 / pi) (x + 0.044715 x^3) in one operator less."""
    number, root = call.model.scalar, sqrt(2.0 / pi)
    square = call.operator("Mul", [x, x], "square")
    small = call.operator("Mul", [square, number("number/cube", root * _CUBE)], "small")
    total = call.operator("Add", [small, number("number/root2pi", root)], "sum")
    return call.operator("Tanh", [call.operator("Mul", [x, total], "scaled")], "tanh")
