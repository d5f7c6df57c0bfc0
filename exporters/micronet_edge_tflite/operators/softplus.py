"""A softplus, log(1 + e^x), as max(x, 0) - log(sigmoid(|x|)), which no x overflows; in float alone."""

from torch import fx, nn

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge_tflite.operators import OPERATORS
from micronet_edge_tflite.operators.subtract import subtract
from micronet_edge_tflite.writer.call import Call


def _is_usual(node: fx.Node) -> bool:
    return getattr(module_of(node), "beta", None) == 1


@OPERATORS.writes(nn.Softplus, supports=_is_usual)
def write(_layer: nn.Softplus, call: Call) -> None:
    x, order = call.read(0), call.order()
    result = call.result(order)
    roles = ("positive", "magnitude", "gate", "logarithm")
    positive, magnitude, gate, logarithm = (call.tensor(role, call.shape_in(order), None) for role in roles)
    call.write("RELU", [x], positive)
    call.write("ABS", [x], magnitude)
    call.write("LOGISTIC", [magnitude], gate)
    call.write("LOG", [gate], logarithm)
    subtract(call, positive, logarithm, result)
