"""SOFTMAX: exponentials along the last axis that the file stores, divided by their sum."""

from ai_edge_litert import schema_py_generated as schema
from torch import fx, nn

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.quantization.qparams import BYTE, QuantParams
from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.writer.axis_order import with_last
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("SOFTMAX", formula=elementwise(5), allowed_in=EVERYWHERE)
# A maximum, a difference, exp, a sum, a quotient.

in_integers(nn.Softmax)

_FIXED = QuantParams(1 / 256, -128, BYTE)
"""The quantization parameters that LiteRT's integer kernel gives its result."""


def _has_axis(node: fx.Node) -> bool:
    return getattr(module_of(node), "dim", None) is not None


@OPERATORS.writes(nn.Softmax, supports=_has_axis)
def write(layer: nn.Softmax, call: Call) -> None:
    assert layer.dim is not None  # as `_has_axis` says
    axis = layer.dim % call.rank(call.node)
    order = with_last(call.order(), axis)
    with call.result_at(_FIXED if call.integer else None, order) as result:
        call.write("SOFTMAX", [call.read(0, order)], result, schema.SoftmaxOptionsT, beta=1.0)
