"""Softplus, and Mish as a number times the hyperbolic tangent of its softplus."""

from torch import fx, nn

from micronet_edge.counting.arithmetic import FUNCTION
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Softplus", formula=elementwise(FUNCTION), allowed_in=(PORTABLE,))


def _is_plain(node: fx.Node) -> bool:
    layer = module_of(node)
    return isinstance(layer, nn.Softplus) and layer.beta == 1


@OPERATORS.writes(nn.Softplus, supports=_is_plain)
def write(_layer: nn.Softplus, call: Call) -> str:
    return call.operator("Softplus", call.inputs)


@OPERATORS.writes(nn.Mish)
def write_mish(_layer: nn.Mish, call: Call) -> str:
    (x,) = call.inputs
    gate = call.operator("Tanh", [call.operator("Softplus", [x], "softplus")], "tanh")
    return call.operator("Mul", [x, gate])
