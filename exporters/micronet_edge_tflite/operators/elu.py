"""ELU: x, or alpha * (e^x - 1) where x is negative; the format's operator has an alpha of 1."""

from torch import fx, nn

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.operators.add import add
from micronet_edge_tflite.operators.maximum import compare
from micronet_edge_tflite.operators.multiply import multiply
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.operands import number

OPERATORS.names("ELU", formula=elementwise(3), allowed_in=EVERYWHERE)  # a comparison, exp, a subtraction


def _is_usual(node: fx.Node) -> bool:
    return getattr(module_of(node), "alpha", None) == 1


in_integers(nn.ELU, supports=_is_usual)


@OPERATORS.writes(nn.ELU)
def write(layer: nn.ELU, call: Call) -> None:
    x, order = call.read(0), call.order()
    result = call.result(order)
    if layer.alpha == 1:
        call.write("ELU", [x], result)
        return
    roles = ("positive", "negative", "curve", "scaled")
    positive, negative, curve, scaled = (call.tensor(role, call.shape_in(order), None) for role in roles)
    call.write("RELU", [x], positive)
    compare(call, "MINIMUM", [x, number(call, "zero", 0.0)], negative)
    call.write("ELU", [negative], curve)
    multiply(call, curve, number(call, "alpha", layer.alpha), scaled)
    add(call, positive, scaled, result)
