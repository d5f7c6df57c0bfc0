"""Clip and Relu: what lies outside of the bounds is moved to them."""

import numpy as np
from torch import nn

from micronet_edge.counting import arithmetic
from micronet_edge_onnx.formula import Formula, elementwise
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Relu", formula=elementwise(1), allowed_in=(PORTABLE,))
OPERATORS.names(
    "Clip",
    formula=Formula(  # bounds are inputs, any of which may be left out
        lambda _node, inputs, result: arithmetic.elementwise(
            result, sum(bool(bound.name) for bound in inputs[1:])
        ),
        data=(0,),
    ),
    allowed_in=(PORTABLE,),
)


@OPERATORS.writes(nn.ReLU, nn.Hardtanh)
def write(layer: nn.ReLU | nn.Hardtanh, call: Call) -> str:
    (x,) = call.inputs
    low, high = (layer.min_val, layer.max_val) if isinstance(layer, nn.Hardtanh) else (0.0, np.inf)
    return x if call.is_cut_off(low, high) else clipped(call, x, low, high)


def clipped(call: Call, x: str, low: float, high: float, part: str = "") -> str:
    """The tensor between the bounds."""
    if (low, high) == (0.0, np.inf):
        return call.operator("Relu", [x], part)
    return call.operator("Clip", [x, *map(call.tensors.bound, (low, high))], part)
